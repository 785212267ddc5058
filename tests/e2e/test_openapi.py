"""The OpenAPI document is what the server does: schemathesis asks everything it describes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.servers import index_two, running

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)


def test_the_server_does_what_its_document_says(tmp_path: Path) -> None:
    """No server error and no reply of another form, whether requests fit the document or not."""
    index_two(tmp_path, tmp_path / "home")
    with running(tmp_path / "home") as server:
        with server.client() as client:
            run = client.post("/v1/ask", json={"question": "weather report"}).headers["loccit-run"]
        config = tmp_path / "schemathesis.toml"
        config.write_text(f'[parameters]\n"path.run_id" = "{run}"\n"query.repo" = "open"\n')
        done = subprocess.run(
            [
                Path(sys.executable).parent / "st",
                f"--config-file={config}",
                "run",
                f"{server.url}/openapi.json",
                f"--checks={','.join(CHECKS)}",
                "--max-examples=8",
                "--seed=1",
                "--no-color",
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        report = done.stdout.partition("FAILURES")[2] or done.stdout + done.stderr
        assert done.returncode == 0, report[:5000]
        with server.client() as client:
            assert client.get("/health").status_code == 200
