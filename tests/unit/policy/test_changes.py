"""What a call would do to files, by objects and by diffs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from loccit.core.errors import InputError
from loccit.policy.changes import changes_of, fits


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@b.c", *arguments],
        check=True,
        capture_output=True,
    )
    return done.stdout.decode("utf-8", "surrogateescape")


def test_objects_and_lists_of_files_are_read() -> None:
    """Null deletes."""
    found = changes_of({"a.py": "x\ny", "b.py": None})
    assert (found.paths, found.added, found.lines, found.deleted) == (("a.py", "b.py"), "x\ny", 2, ("b.py",))
    assert changes_of([{"path": "a.py", "content": "x"}, "b.py"]).paths == ("a.py", "b.py")


def test_a_diff_of_git_is_read_with_every_path_in_it(tmp_path: Path) -> None:
    """Edits, additions, deletions, renames, modes, odd names, links; lines that look like a diff's own."""
    git(tmp_path, "init", "-q")
    for name in (
        "edited.py",
        "gone.py",
        "moved.py",
        "mode.sh",
        "with space.txt",
        "ünïcode.txt",
        'q"uote.txt',
    ):
        (tmp_path / name).write_text(f"{name}\n" * 5)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "a")
    (tmp_path / "edited.py").write_text("one\n--- a/not-a-path\n+++ b/neither\n@@ -1 +1 @@\n" + "three\n" * 5)
    (tmp_path / "gone.py").unlink()
    (tmp_path / ".github" / "workflows").mkdir(parents=True)
    (tmp_path / "moved.py").rename(tmp_path / ".github" / "workflows" / "ci.yml")
    (tmp_path / "mode.sh").chmod(0o755)
    (tmp_path / "ünïcode.txt").chmod(0o755)
    (tmp_path / "with space.txt").write_text("other\n")
    (tmp_path / 'q"uote.txt').write_text("other\n")
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "raw.bin").write_bytes(b"\0\1\2")
    git(tmp_path, "add", "-A")
    found = changes_of(git(tmp_path, "diff", "--cached", "-M"))
    assert set(found.paths) == {
        "edited.py", "gone.py", "moved.py", ".github/workflows/ci.yml", "mode.sh", "ünïcode.txt",
        "with space.txt", 'q"uote.txt', "link", "raw.bin",
    }  # fmt: skip
    assert found.deleted == ("gone.py",)
    assert set(found.odd) == {"mode 120000", "binary"}
    assert "--- a/not-a-path" in found.added.split("\n")


@pytest.mark.parametrize(
    "value",
    [
        "hello",
        "--- x.py\n+++ .github/workflows/ci.yml\n@@ -0,0 +1 @@\n+a\n",
        "--- a/x.py\n+++ /etc/passwd\n@@ -0,0 +1 @@\n+a\n",
        "--- a/x.py\n+++ b/x.py\n@@ -1 +1,2 @@\n*a\n",
        7,
        {"a.py": 7},
        [{"content": "x"}],
    ],
)
def test_what_is_unclear_is_refused(value: object) -> None:
    """A path that a lenient program would take must not go unseen."""
    with pytest.raises(InputError):
        changes_of(value)


@pytest.mark.parametrize(
    ("path", "pattern", "expected"),
    [
        (".github/workflows/ci.yml", ".github/workflows/**", True),
        (".github/workflows", ".github/workflows/**", True),
        (".GITHUB/Workflows/ci.yml", ".github/workflows/**", True),
        ("docs/.github/workflows/ci.yml", ".github/workflows/**", False),
        ("sub/Jenkinsfile.prod", "Jenkinsfile*", True),
        ("a/b/.env", ".env", True),
        ("a/.environment", ".env", False),
        ("src/a.py", "src/*.py", True),
        ("src/b/a.py", "src/*.py", False),
        ("src/b/a.py", "src/**/*.py", True),
        ("src/a.py", "src/**/*.py", True),
        ("a1.py", "a[0-9].py", True),
    ],
)
def test_paths_fit_patterns(path: str, pattern: str, expected: bool) -> None:
    """A pattern without a slash is for names in any folder; case counts for nothing."""
    assert fits(path, pattern) is expected
