"""Which test files bear on a change: by name, by what they import, and by what changed together before."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence

from loccit.agents.fix.projects import Language, Project
from loccit.agents.fix.working_copy import WorkingCopy

_MOST_TESTS = 12
_MOST_COMMITS = 200
_MOST_FILES_OF_A_COMMIT = 30
_IMPORTS = {
    Language.PYTHON: re.compile(
        r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]+([^\n#]+)|import[ \t]+([^\n#]+))", re.M
    ),
    Language.NODE: re.compile(
        r"(?:require\(|from[ \t]+|import\(|import[ \t]+)[ \t]*['\"]([^'\"\n]+)['\"]()()"
    ),
}
_WORD = re.compile(r"[\w.]+")


def related_tests(
    copy: WorkingCopy, project: Project, changed: Sequence[str], *, commit: str
) -> tuple[str, ...]:
    """The test files at a commit that bear on these changed files, those with most reasons first, at most 12.

    A changed test file is its own reason. In Go the tests of the package are meant.
    """
    tests = [path for path in copy.files(commit) if project.is_test(path)]
    votes: Counter[str] = Counter()
    for path in tests:
        votes[path] += 8 * (path in changed)
        votes[path] += 4 * any(_is_named_after(path, each) for each in changed)
        if project.language is Language.GO:
            votes[path] += 4 * any(_folder(path) == _folder(each) for each in changed)
    names = {name for path in changed for name in _module_names(path, project.language)}
    pattern = _IMPORTS.get(project.language)
    if pattern is not None and names:
        for path in tests:
            text = (copy.read(path, commit) or b"").decode("utf-8", "replace")
            votes[path] += 3 * bool(names & _imported(text, pattern))
    for path, times in _changed_together(copy, changed, tests).items():
        votes[path] += min(times, 3)
    ranked = sorted((path for path in tests if votes[path]), key=lambda path: (-votes[path], path))
    return tuple(ranked[:_MOST_TESTS])


def _is_named_after(test: str, source: str) -> bool:
    def stem(path: str) -> str:
        name = path.rpartition("/")[2].partition(".")[0].lower()
        return re.sub(r"^tests?_|_tests?$|_spec$|^_+", "", name)

    return stem(test) == stem(source) != ""


def _module_names(path: str, language: Language) -> set[str]:
    """The names by which a test may import a file."""
    stem = re.sub(r"\.\w+$", "", path)
    if language is Language.NODE:
        return {stem.rpartition("/")[2], *([] if "/" in stem else ["index"])}
    parts = [part for part in stem.removeprefix("src/").split("/") if part]
    if parts[-1:] == ["__init__"]:
        parts.pop()
    return {".".join(parts)} - {""}


def _imported(text: str, pattern: re.Pattern[str]) -> set[str]:
    found: set[str] = set()
    for module, names, modules in pattern.findall(text):
        if module:
            found |= {module, module.rpartition("/")[2].removesuffix(".js")}
            found |= {f"{module}.{name}" for name in _WORD.findall(names)}
        found |= set(_WORD.findall(modules))
    return found


def _changed_together(copy: WorkingCopy, changed: Sequence[str], tests: Collection[str]) -> Counter[str]:
    """How often each test changed in one commit with one of these files, before the run."""
    votes: Counter[str] = Counter()
    if not changed:
        return votes
    wanted = frozenset(tests)
    options = ("--format=%x00", "--name-only", "--full-diff", "--no-merges", "--no-renames", "-z")
    listing = copy.view.run(
        "--literal-pathspecs", "log", *options, f"-n{_MOST_COMMITS}", copy.base, "--", *changed
    )
    # A NUL ends each name, and more of them part the commits.
    for block in listing.stdout.decode("utf-8", "surrogateescape").split("\0\0"):
        paths = {path.strip("\n") for path in block.split("\0")} - {""}
        if len(paths) <= _MOST_FILES_OF_A_COMMIT:
            votes.update(paths & wanted)
    return votes


def _folder(path: str) -> str:
    return path.rpartition("/")[0]
