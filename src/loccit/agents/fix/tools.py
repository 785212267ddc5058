"""The fixing agent's tools as the policy and the model know them, over a `Desk`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loccit.agents.fix.desk import Desk
from loccit.core.calls import ToolSpec
from loccit.core.errors import InputError, LimitExceeded
from loccit.policy.labels import Label
from loccit.policy.tools import ArgumentRole, Effect, Tool, ToolResult
from loccit.policy.values import ValueKind

_TEXT = {"type": "string"}
_PATH = {"type": "string", "description": "from the repository's top, as in 'src/parser.py'"}
_PATHS = {"type": "array", "items": _PATH}
_LINE = {"type": "integer", "minimum": 1}


@dataclass(frozen=True, slots=True)
class _Told:
    """A tool's name, what the model is told, its arguments with their roles, and which may be left out."""

    name: str
    description: str
    arguments: Mapping[str, tuple[Mapping[str, Any], ArgumentRole]]
    optional: frozenset[str]
    effect: Effect = Effect.READ

    def spec(self) -> ToolSpec:
        return ToolSpec(
            self.name,
            self.description,
            {
                "type": "object",
                "properties": {name: dict(schema) for name, (schema, _) in self.arguments.items()},
                "required": [name for name in self.arguments if name not in self.optional],
                "additionalProperties": False,
            },
        )


_OPTION, _TARGET, _CONTENT, _FILES = (
    ArgumentRole.OPTION,
    ArgumentRole.TARGET,
    ArgumentRole.CONTENT,
    ArgumentRole.FILES,
)
_LOOKING = (
    _Told(
        "list_files",
        "The files below a folder, with sizes in bytes. '' is the top.",
        {"path": (_TEXT, _TARGET)},
        frozenset(),
    ),
    _Told(
        "read_file",
        "Lines of a file as it is now, each with its number. At most 400 at once.",
        {"path": (_PATH, _OPTION), "start_line": (_LINE, _OPTION), "end_line": (_LINE, _OPTION)},
        frozenset({"start_line", "end_line"}),
    ),
    _Told(
        "grep",
        "Lines of the files as they are now that match a POSIX extended regular expression.",
        {
            "pattern": (_TEXT, _OPTION),
            "paths": (_PATHS, _OPTION),
            "ignore_case": ({"type": "boolean"}, _OPTION),
        },
        frozenset({"paths", "ignore_case"}),
    ),
    _Told(
        "search_code",
        "Passages of the repository that bear on a question in plain words, best first.",
        {"query": (_TEXT, _OPTION)},
        frozenset(),
    ),
    _Told(
        "search_history",
        "The last commits that changed a file, with what they changed in it.",
        {"path": (_PATH, _OPTION)},
        frozenset(),
    ),
)
_RUNNING = (
    _Told(
        "run_tests",
        "Run test files over the files as they are now, in a sandbox without network. No paths: all tests.",
        {"paths": (_PATHS, _OPTION)},
        frozenset(),
        Effect.WRITE,
    ),
    _Told(
        "run_command",
        "Run a command in the sandbox, as in ['python', '-c', 'import x; print(x.f())']. Its files are lost.",
        {"command": ({"type": "array", "items": _TEXT, "minItems": 1}, _OPTION)},
        frozenset(),
        Effect.WRITE,
    ),
)
_EDITING = (
    _Told(
        "edit_file",
        "Replace the one place where old_text stands by new_text. old_text must be exact, and unique.",
        {"path": (_PATH, _TARGET), "old_text": (_TEXT, _CONTENT), "new_text": (_TEXT, _CONTENT)},
        frozenset(),
        Effect.WRITE,
    ),
    _Told(
        "write_file",
        "Create a file that is not there yet.",
        {"path": (_PATH, _TARGET), "text": (_TEXT, _CONTENT)},
        frozenset(),
        Effect.WRITE,
    ),
    _Told("delete_file", "Delete a file.", {"path": (_PATH, _TARGET)}, frozenset(), Effect.WRITE),
    _Told(
        "apply_patch",
        "Apply a unified diff ('--- a/PATH', '+++ b/PATH', '@@ -1,3 +1,4 @@'), all of it or nothing.",
        {"patch": (_TEXT, _FILES)},
        frozenset(),
        Effect.WRITE,
    ),
)

LOOKING = tuple(each.name for each in _LOOKING)
RUNNING = tuple(each.name for each in _RUNNING)
EDITING = tuple(each.name for each in _EDITING)
Run = Callable[[Mapping[str, Any], str], Awaitable[str]]


def looking_tools(desk: Desk, origin: str) -> tuple[Tool, ...]:
    """What only looks. `origin` says where texts come from: repository and commit."""
    runs: dict[str, Run] = {
        "list_files": _plain(lambda a: desk.list_files(a["path"])),
        "read_file": _plain(
            lambda a: desk.read_file(a["path"], a.get("start_line", 1), a.get("end_line", 0))
        ),
        "grep": _plain(
            lambda a: desk.grep(a["pattern"], a.get("paths", ()), ignore_case=a.get("ignore_case", False))
        ),
        "search_code": _plain(lambda a: desk.search_code(a["query"])),
        "search_history": _plain(lambda a: desk.history(a["path"])),
    }
    told = [each for each in _LOOKING if desk.has_search or each.name != "search_code"]
    return _tools(told, runs, origin)


def running_tools(desk: Desk, origin: str) -> tuple[Tool, ...]:
    """What runs something in a sandbox."""

    async def tests(arguments: Mapping[str, Any], _: str) -> str:
        return await desk.run_tests(arguments["paths"])

    async def command(arguments: Mapping[str, Any], _: str) -> str:
        return await desk.run_command(arguments["command"])

    return _tools(_RUNNING, {"run_tests": tests, "run_command": command}, origin)


def editing_tools(desk: Desk, origin: str) -> tuple[Tool, ...]:
    """What edits the working copy. The same intent a second time changes nothing."""

    async def edit(a: Mapping[str, Any], intent: str) -> str:
        return desk.replace(a["path"], a["old_text"], a["new_text"], intent=intent)

    async def write(a: Mapping[str, Any], intent: str) -> str:
        return desk.create(a["path"], a["text"], intent=intent)

    async def delete(a: Mapping[str, Any], intent: str) -> str:
        return desk.delete(a["path"], intent=intent)

    async def patch(a: Mapping[str, Any], intent: str) -> str:
        return desk.patch(a["patch"], intent=intent)

    runs = {"edit_file": edit, "write_file": write, "delete_file": delete, "apply_patch": patch}
    return _tools(_EDITING, runs, origin)


def _plain(look: Callable[[Mapping[str, Any]], str]) -> Run:
    async def run(arguments: Mapping[str, Any], _: str) -> str:
        return look(arguments)

    return run


def _tools(told: Sequence[_Told], runs: Mapping[str, Run], origin: str) -> tuple[Tool, ...]:
    label = Label(origins=frozenset({origin}))

    def made(each: _Told) -> Tool:
        run = runs[each.name]

        async def result(arguments: Mapping[str, Any], intent: str) -> ToolResult:
            try:
                return ToolResult(await run(arguments, intent), label=label)
            except (InputError, LimitExceeded) as error:
                return ToolResult(str(error), label=label, is_error=True)

        async def probe(arguments: Mapping[str, Any], intent: str) -> ToolResult:
            # Everything here may be done again: edits know their intent, and nothing else leaves a trace.
            return await result(arguments, intent)

        roles = {name: role for name, (_, role) in each.arguments.items()}
        kinds = {"path": ValueKind.PATH} if roles.get("path") is ArgumentRole.TARGET else {}
        return Tool(each.spec(), each.effect, roles, result, probe, kinds)

    return tuple(made(each) for each in told)
