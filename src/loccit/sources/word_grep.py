"""Which files of a commit hold which words: `git grep`, one process for any number of words."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence

from loccit.core.errors import InputError, ObjectMissing
from loccit.core.source import path_bytes, path_text
from loccit.sources.git import GitView, complaint
from loccit.sources.repository import WordMatch

# So many files or folders are handed to git: it compares each path with all of them.
_MOST_FOLDERS = 100
_WORD = re.compile(r"\w+")
_NOTHING_FOUND = 1
# Path (after the commit and a colon), line number, the word as it is written there.
_FOUND = re.compile(rb"([^\0]*)\0(\d+)\0([^\n]*)\n")


def match_words(
    view: GitView, words: Sequence[str], *, commit: str, paths: Sequence[str]
) -> dict[str, WordMatch]:
    """Which of these files hold any of the words, whole and in either case.

    Binary files are passed over. Raises InputError for what is no word (letters, digits, underscores) and
    ObjectMissing.
    """
    wrong = next((word for word in words if not _WORD.fullmatch(word)), None)
    if wrong is not None:
        raise InputError(f"{wrong!r} is no word", next_step="expected letters, digits and underscores alone")
    if not words or not paths:
        return {}
    found = _grep(view, words, commit, covering(paths))
    wanted = {path_bytes(path) for path in paths}
    matches: dict[bytes, WordMatch] = {}
    last: tuple[bytes, bytes] | None = None
    for name, line, written in _FOUND.findall(found):
        path = name[view.id_length + 1 :]
        if path not in wanted:
            continue
        match = matches.setdefault(path, WordMatch(set()))
        match.words.add(written.decode("utf-8", "replace").lower())
        if (path, line) != last:
            match.lines += 1
            last = (path, line)
    return {path_text(path): match for path, match in matches.items()}


def covering(paths: Sequence[str]) -> list[str]:
    """Few files or folders that hold all of these files, and as few others as so few can."""
    whole = set(paths)
    if len(whole) <= _MOST_FOLDERS:
        return sorted(whole)
    split = [path.split("/") for path in whole]
    level = {parts[0] for parts in split}
    for depth in range(2, max(map(len, split))):
        deeper = {"/".join(parts[:depth]) for parts in split}
        if len(deeper) > _MOST_FOLDERS:
            break
        level = deeper
    return sorted(level)


def _grep(view: GitView, words: Sequence[str], commit: str, places: Sequence[str]) -> bytes:
    """What git prints, of each word that is found. One pattern: many are tried one after the other."""
    alternatives = "|".join(words)
    # A byte beyond ASCII is part of a letter.
    fast = ["-P", "-e", rf"(?<![\w\x80-\xff])(?:{alternatives})(?![\w\x80-\xff])"]
    done = _run(view, fast, commit, places)
    if done.returncode > _NOTHING_FOUND:
        # Not every git is built with Perl's expressions; the others take thrice the time.
        done = _run(view, ["-w", "-E", "-e", alternatives], commit, places)
    if done.returncode > _NOTHING_FOUND:
        raise ObjectMissing(
            f"the search stopped: {complaint(done.stderr)}", next_step="run 'git fsck' in the repository"
        )
    return done.stdout


def _run(
    view: GitView, pattern: Sequence[str], commit: str, places: Sequence[str]
) -> subprocess.CompletedProcess[bytes]:
    options = ["-I", "-i", "-o", "-n", "-z", "--full-name", "--no-color", "--no-textconv"]
    return view.run("--literal-pathspecs", "grep", *options, *pattern, commit, "--", *places)
