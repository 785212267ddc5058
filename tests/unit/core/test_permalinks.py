"""Permanent links: the address schemes of the hosts we know."""

from __future__ import annotations

import pytest

from loccit.core.permalinks import permalink

ID = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("repo", "path", "lines", "expected"),
    [
        ("github.com/o/n", "src/a.py", (3, 7), f"https://github.com/o/n/blob/{ID}/src/a.py#L3-L7"),
        ("github.com/o/n", "src/a.py", (3, 3), f"https://github.com/o/n/blob/{ID}/src/a.py#L3"),
        ("github.com/o/n", "src/a.py", None, f"https://github.com/o/n/blob/{ID}/src/a.py"),
        (
            "github.com/o/.github",
            "A.MD",
            (1, 2),
            f"https://github.com/o/.github/blob/{ID}/A.MD?plain=1#L1-L2",
        ),
        ("github.com/o/n", None, None, f"https://github.com/o/n/commit/{ID}"),
        ("gitlab.com/g/s/n", "a b.py", (3, 7), f"https://gitlab.com/g/s/n/-/blob/{ID}/a%20b.py#L3-7"),
        ("gitlab.com/g/n", "a.md", (3, 3), f"https://gitlab.com/g/n/-/blob/{ID}/a.md?plain=1#L3"),
        ("gitlab.com/g/n", None, None, f"https://gitlab.com/g/n/-/commit/{ID}"),
        ("bitbucket.org/o/n", "a.py", (3, 7), f"https://bitbucket.org/o/n/src/{ID}/a.py#lines-3:7"),
        ("bitbucket.org/o/n", "a.py", (3, 3), f"https://bitbucket.org/o/n/src/{ID}/a.py#lines-3"),
        ("bitbucket.org/o/n", None, None, f"https://bitbucket.org/o/n/commits/{ID}"),
        ("codeberg.org/o/n", "a.py", (3, 7), f"https://codeberg.org/o/n/src/commit/{ID}/a.py#L3-L7"),
        (
            "codeberg.org/o/n",
            "a.md",
            (3, 3),
            f"https://codeberg.org/o/n/src/commit/{ID}/a.md?display=source#L3",
        ),
        ("codeberg.org/o/n", None, None, f"https://codeberg.org/o/n/commit/{ID}"),
        ("git.sr.ht/~o/n", "a.py", (3, 7), f"https://git.sr.ht/~o/n/tree/{ID}/item/a.py#L3-7"),
        ("git.sr.ht/~o/n", None, None, f"https://git.sr.ht/~o/n/commit/{ID}"),
        ("git.example.org/o/n", "a.py", (3, 7), None),
        ("folder", "a.py", (3, 7), None),
        ("github.com", "a.py", (3, 7), None),
        ("github.com/o", "a.py", (3, 7), None),
        ("github.com/o/n/x", "a.py", (3, 7), None),
        ("github.com/o/..", "a.py", (3, 7), None),
        ("github.com/o/n?x=", "a.py", (3, 7), None),
        ("github.com/o/n\n", "a.py", (3, 7), None),
        ("github.com.evil.org/o/n", "a.py", (3, 7), None),
        ("git.sr.ht/o/n", "a.py", (3, 7), None),
    ],
)
def test_a_link_follows_its_hosts_scheme(
    repo: str, path: str | None, lines: tuple[int, int] | None, expected: str | None
) -> None:
    """None for a host we do not know, or a name that this host cannot have."""
    assert permalink(repo, ID, path, *(lines or (None, None))) == expected


def test_without_a_commit_there_is_no_link() -> None:
    """A plain folder is nowhere else."""
    assert permalink("github.com/o/n", None, "a.py", 1, 1) is None


def test_every_byte_of_a_path_that_an_address_cannot_hold_is_escaped() -> None:
    """Reserved characters, line ends, letters beyond ASCII, bytes that are not UTF-8."""
    link = permalink("github.com/o/n", ID, "a#b?c%\n/ü\udce9+~.-_", 1, 1)
    assert link == f"https://github.com/o/n/blob/{ID}/a%23b%3Fc%25%0A/%C3%BC%E9%2B~.-_#L1"
