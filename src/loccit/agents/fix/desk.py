"""What the fixing agent may do, as plain functions that say what came of it: look, edit, run tests.

Everything a repository holds or a test prints is anybody's text; it is shown with all written out that a
reader would obey or not see, and cut to a length.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from loccit.agents.fix.bench import Bench
from loccit.agents.fix.patches import apply_patch
from loccit.agents.fix.paths import folder_path, tree_path
from loccit.agents.fix.texts import new_file, replaced_once
from loccit.agents.fix.working_copy import WorkingCopy
from loccit.core.encodings import encoding_of
from loccit.core.errors import InputError
from loccit.core.source import FileRole
from loccit.core.visible import one_line, visible
from loccit.sources.grep import GrepQuestion, grep_commit
from loccit.sources.roles import role_of

_MOST_LINES = 400
_MOST_LINE_CHARACTERS = 400
_MOST_NAMES = 400
_MOST_MATCHES = 60
_GREP_S = 10.0
_MOST_DIFF = 6_000
# What a machine of others runs as soon as it is there: a person changes that.
_AUTOMATION = re.compile(
    r"\.github/(workflows|actions)/|\.gitlab-ci\.yml\Z|\.gitlab/ci/|\.circleci/|\.buildkite/|\.woodpecker"
    r"|azure-pipelines|Jenkinsfile|\.travis\.yml\Z|\.drone\.yml\Z|bitbucket-pipelines\.yml\Z|\.pre-commit-config"
)

SearchCode = Callable[[str], str]


@dataclass(slots=True)
class Scope:
    """What may be edited now: in a phase of tests nothing but tests, and never what is `locked`."""

    tests_only: bool = False
    locked: frozenset[str] = field(default_factory=frozenset[str])

    def check(self, path: str, *, is_test: bool) -> None:
        """Raises InputError for a path that may not be edited now."""
        if _AUTOMATION.match(path):
            raise InputError(
                f"{path!r} runs on machines of others",
                next_step="leave it, and say in your result what it needs",
            )
        if path in self.locked:
            raise InputError(
                f"{path!r} is the reproducing test: it stays as it is", next_step="change what it tests"
            )
        if self.tests_only and not is_test:
            raise InputError(
                f"{path!r} is no test, and for now only tests may be written",
                next_step="reproduce the issue first; what fixes it comes later",
            )


class Desk:
    """The tools over one working copy. Texts that are returned are for the model."""

    def __init__(self, copy: WorkingCopy, bench: Bench, *, search: SearchCode | None = None) -> None:
        """`search` finds passages at the base by meaning; None where nothing is indexed."""
        self._copy = copy
        self._bench = bench
        self._search = search
        self.scope = Scope()

    @property
    def has_search(self) -> bool:
        """Whether there is an index to search."""
        return self._search is not None

    def list_files(self, folder: str = "") -> str:
        """The files below a folder with their sizes; of a large one its folders with how many they hold."""
        top = folder_path(folder)
        inside = [file for path, file in self._copy.files().items() if not top or path.startswith(f"{top}/")]
        if not inside:
            raise InputError(f"there is no folder {folder!r}", next_step="list '' for the top")
        if len(inside) <= _MOST_NAMES:
            lines = [f"{one_line(file.path)}  {file.size or 0:,}" for file in inside]
            return "\n".join(lines)
        counts: dict[str, int] = {}
        for file in inside:
            rest = file.path[len(top) + 1 :] if top else file.path
            name, slash, _ = rest.partition("/")
            counts[name + slash] = counts.get(name + slash, 0) + 1
        rows = [
            f"{one_line(name)}  {count:,} files" if name.endswith("/") else one_line(name)
            for name, count in counts.items()
        ]
        return "\n".join(rows[:_MOST_NAMES])

    def read_file(self, path: str, start_line: int = 1, end_line: int = 0) -> str:
        """Lines of a file, each with its number and a tab; at most 400."""
        name = tree_path(path)
        data = self._copy.read(name)
        if data is None:
            raise InputError(f"there is no file {path!r}", next_step=self._alike(name))
        if b"\0" in data[:8_000] and not encoding_of(data).startswith("utf-16"):
            raise InputError(f"{path!r} is binary", next_step="read text files alone")
        lines = data.decode(encoding_of(data)).split("\n")
        lines = lines[:-1] if lines[-1] == "" else lines
        first = max(start_line, 1)
        last = min(end_line if end_line > 0 else len(lines), len(lines), first + _MOST_LINES - 1)
        if first > len(lines):
            raise InputError(f"{path!r} has {len(lines):,} lines", next_step="read from an earlier one")
        shown = [f"{number}\t{_cut(line)}" for number, line in enumerate(lines[first - 1 : last], first)]
        if last < len(lines):
            shown.append(f"({len(lines) - last:,} more lines: read from {last + 1})")
        return "\n".join(shown)

    def grep(self, pattern: str, paths: Sequence[str] = (), *, ignore_case: bool = False) -> str:
        """Lines of the files as they are now that match a POSIX extended regular expression."""
        within = [folder_path(path) for path in paths]
        question = GrepQuestion(
            pattern, [path for path in within if path], ignore_case, _GREP_S, _MOST_MATCHES
        )
        found = list(grep_commit(self._copy.reader_spec(), question, self._copy.head))
        rows = [
            f"{one_line(m.path)}:{m.line}: {_cut(m.text.decode('utf-8', 'replace').strip())}" for m in found
        ]
        if len(rows) == _MOST_MATCHES:
            rows.append(f"(more than {_MOST_MATCHES - 1}: narrow it)")
        return "\n".join(rows) or "no line matches"

    def search_code(self, query: str) -> str:
        """Passages at the base that bear on a question."""
        if self._search is None:
            raise InputError("nothing is indexed to search", next_step="use grep")
        return visible(self._search(query))

    def history(self, path: str) -> str:
        """The last commits that changed a file, newest first, with what they changed in it."""
        name = tree_path(path)
        options = ("-n4", "-p", "-U1", "--no-ext-diff", "--no-textconv", "--no-renames", "--format=%h %as %s")
        listing = self._copy.view.run("--literal-pathspecs", "log", *options, self._copy.base, "--", name)
        text = listing.stdout.decode("utf-8", "replace")
        return visible(text[:_MOST_DIFF]) or f"no commit changed {path!r}"

    async def run_tests(self, paths: Sequence[str]) -> str:
        """What these test files say, all tests without a name, of the files as they are now."""
        ran = await self._bench.test([tree_path(path) for path in paths])
        failing = "\n\n".join(f"{case.id}\n{case.text}" for case in ran.cases if case.is_bad)
        return f"{ran.summary()} (exit code {ran.code})\n{failing or ran.output}"[:12_000]

    async def run_command(self, words: Sequence[str]) -> str:
        """What a command says in a box with the files as they are now. What it writes is thrown away."""
        if not words or not all(word and "\0" not in word for word in words):
            raise InputError(
                f"{list(words)!r} is no command", next_step="give its words, as in ['python', 'a.py']"
            )
        ended = await self._bench.run(words)
        how = f"stopped: {ended.stopped_by}" if ended.stopped_by else f"exit code {ended.code}"
        return f"{how}\n{ended.text}"

    def replace(self, path: str, old: str, new: str, *, intent: str) -> str:
        """Puts `new` where `old` stands, which must be one place."""
        if (earlier := self._copy.done(intent)) is not None:
            return earlier.said
        name = tree_path(path)
        data = self._copy.read(name)
        if data is None:
            raise InputError(f"there is no file {path!r}", next_step=self._alike(name))
        return self._apply({name: replaced_once(name, data, old, new)}, intent)

    def create(self, path: str, text: str, *, intent: str) -> str:
        """Makes a new file."""
        if (earlier := self._copy.done(intent)) is not None:
            return earlier.said
        name = tree_path(path)
        if name in self._copy.files():
            raise InputError(f"{path!r} is there already", next_step="edit it, or choose another name")
        return self._apply({name: new_file(name, text)}, intent)

    def delete(self, path: str, *, intent: str) -> str:
        """Takes a file away."""
        if (earlier := self._copy.done(intent)) is not None:
            return earlier.said
        return self._apply({tree_path(path): None}, intent)

    def patch(self, patch: str, *, intent: str) -> str:
        """Applies a unified diff, all of it or nothing."""
        if (earlier := self._copy.done(intent)) is not None:
            return earlier.said
        return self._apply(apply_patch(patch, self._copy.read), intent)

    def _apply(self, changes: Mapping[str, bytes | None], intent: str) -> str:
        for path in changes:
            is_test = self._bench.project.is_test(path) or role_of(path) is FileRole.TEST
            self.scope.check(path, is_test=is_test)
        before = self._copy.head
        rows = [
            f"{path}: {'deleted' if data is None else f'{len(data):,} bytes'}"
            for path, data in changes.items()
        ]
        applied = self._copy.apply(changes, "done: " + "; ".join(rows), intent=intent)
        diff = self._copy.diff(before, applied.commit)
        return f"{applied.said}\n{visible(diff[:_MOST_DIFF])}"

    def _alike(self, path: str) -> str:
        name = path.rpartition("/")[2]
        same = [other for other in self._copy.files() if other.rpartition("/")[2] == name][:3]
        return f"there is {', '.join(map(repr, same))}" if same else "list the files of its folder"


def _cut(line: str) -> str:
    text = visible(line.rstrip("\r"))
    return text if len(text) <= _MOST_LINE_CHARACTERS else f"{text[:_MOST_LINE_CHARACTERS]}…"
