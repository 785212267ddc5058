"""What somebody may not see changes no byte of what they get: the benchmark's cases, over two small
repositories.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks import tenants
from tests.repositories import make_repository
from tests.servers import LAUNCH, WEATHER


def test_a_repository_that_may_not_be_seen_changes_no_byte_of_what_a_reader_gets(tmp_path: Path) -> None:
    """Random requests to two servers, one of which has the repository; its owner is at work meanwhile."""
    for name, file, data in (("open", "weather.py", WEATHER), ("closed", "launch.py", LAUNCH)):
        commits = [
            {"files": {file: data}, "message": f"The {name} one begins with reports"},
            {
                "files": {f"docs/{name}.md": f"# The {name} one\n\nWeather and launches.\n"},
                "message": "Tell it",
            },
        ]
        make_repository(tmp_path / name, commits)
    figures = tenants.compare(tmp_path, tmp_path / "open", tmp_path / "closed", cases=150, seed=11)
    assert figures["differing"] == []
    assert figures["bytes_differing"]["value"] == 0
    assert figures["statuses"]["200"] > 50
    assert len(figures["routes"]) >= 10
