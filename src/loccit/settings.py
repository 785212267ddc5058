"""What did the operator choose? The only reader of configuration files and of the environment.

Everything loccit keeps is in one home folder: `LOCCIT_HOME`, or the platform's folder for user data.
`settings.toml` there holds the settings. A repository can change none of this.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from threading import Lock
from typing import Any, cast

from loccit.agents.options import AgentOptions
from loccit.answering.options import AnsweringOptions
from loccit.budgets.options import BudgetOptions
from loccit.core.errors import SettingsError
from loccit.indexing.options import IndexingOptions
from loccit.models.options import ModelOptions, RealCalls
from loccit.parsing.options import ParsingOptions
from loccit.pipeline.options import PipelineOptions
from loccit.retrieval.options import RetrievalOptions
from loccit.serving.options import ServingOptions
from loccit.sources.options import SourceOptions
from loccit.storage.options import StorageOptions
from loccit.telemetry.options import TelemetryOptions


@dataclass(frozen=True, slots=True)
class Settings:
    """Every choice, by room. `home` is absolute."""

    home: Path
    sources: SourceOptions = field(default_factory=SourceOptions)
    parsing: ParsingOptions = field(default_factory=ParsingOptions)
    indexing: IndexingOptions = field(default_factory=IndexingOptions)
    retrieval: RetrievalOptions = field(default_factory=RetrievalOptions)
    answering: AnsweringOptions = field(default_factory=AnsweringOptions)
    models: ModelOptions = field(default_factory=ModelOptions)
    pipeline: PipelineOptions = field(default_factory=PipelineOptions)
    budgets: BudgetOptions = field(default_factory=BudgetOptions)
    storage: StorageOptions = field(default_factory=StorageOptions)
    serving: ServingOptions = field(default_factory=ServingOptions)
    telemetry: TelemetryOptions = field(default_factory=TelemetryOptions)
    agents: AgentOptions = field(default_factory=AgentOptions)

    @classmethod
    def load(cls, home: Path | None = None) -> Settings:
        """The settings of this home folder, or of the user's own.

        Raises SettingsError for a file that is not TOML, for unknown tables and keys, and for values of the
        wrong type.
        """
        folder = (home or home_folder()).absolute()
        path = folder / "settings.toml"
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return cls(home=folder)
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"cannot read {str(path)!r}: {error}") from error
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"{str(path)!r} is not TOML: {error}") from error
        return cls(home=folder, **_tables(path, document))


def with_changes(settings: Settings, tables: Mapping[str, Any]) -> Settings:
    """The settings with some others, by table and key as in settings.toml.

    Raises SettingsError for unknown tables and keys, and for values of the wrong type.
    """
    merged: dict[str, Any] = {}
    for name, table in tables.items():
        is_room = name in _ROOMS and isinstance(table, dict)
        merged[name] = {**asdict(getattr(settings, name)), **table} if is_room else table
    return replace(settings, **_tables(Path("the changed settings"), merged))


def write_settings(home: Path, tables: Mapping[str, Mapping[str, Any]]) -> Path:
    """Write these settings, by table and key, into the home folder's file; comments and all else there stay.

    Raises SettingsError for a file or a value that is none, and where it cannot be written.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    path = home / "settings.toml"
    try:
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        document = tomlkit.parse(before)
        _tables(path, tomllib.loads(before))
        for name, table in tables.items():
            if name not in document:
                document.add(name, tomlkit.table())
            for key, value in table.items():
                cast("dict[str, Any]", document[name])[key] = value
        text = tomlkit.dumps(document)  # pyright: ignore[reportUnknownMemberType]
        _tables(path, tomllib.loads(text))
        draft = path.with_name(f"settings.toml.{os.getpid()}.draft")
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except (OSError, UnicodeDecodeError, TOMLKitError) as error:
        raise SettingsError(f"cannot write {str(path)!r}: {error}") from error
    return path


def approve_tool(home: Path, server: str, tool: str, digest: str) -> Path:
    """Write into the settings file that agents may call a tool of an MCP server as it describes itself now.

    Nothing else in the file changes. Raises SettingsError where the server is not in it, or it cannot be
    written.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    path = home / "settings.toml"
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8"))
        options = cast("dict[str, Any]", document)["agents"]["mcp"][server]
        tools = options.setdefault("tools", tomlkit.table(is_super_table=True))
        tools.setdefault(tool, tomlkit.table())["digest"] = digest
        text = tomlkit.dumps(document)  # pyright: ignore[reportUnknownMemberType]
        _tables(path, tomllib.loads(text))
        draft = path.with_name(f"settings.toml.{os.getpid()}.draft")
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except (OSError, UnicodeDecodeError, TOMLKitError, KeyError) as error:
        raise SettingsError(f"cannot write {str(path)!r}: {error}") from error
    return path


def of_a_run(settings: Settings) -> dict[str, Any]:
    """What decides how an answer comes out, as a run's record keeps it: by room, as JSON can hold it.

    None of it is secret: keys are named by their variables, and addresses are left out.
    """
    rooms = {name: asdict(getattr(settings, name)) for name in ("retrieval", "answering", "models")}
    for provider in rooms["models"]["providers"].values():
        del provider["base_url"]
    return rooms


def home_folder() -> Path:
    """`LOCCIT_HOME`, or the platform's folder for a user's data."""
    chosen = os.environ.get("LOCCIT_HOME")
    if chosen:
        return Path(chosen)
    from platformdirs import user_data_path

    return user_data_path("loccit", appauthor=False)


def wants_colour() -> bool:
    """Whether a terminal may be written to in colour: NO_COLOR is not set, and TERM is not `dumb`."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


_TOKENS = {"github.com": ("GITHUB_TOKEN", "GH_TOKEN"), "gitlab.com": ("GITLAB_TOKEN",)}


def tracker_token(host: str) -> str | None:
    """The token for the REST interface at this host (with a port, if one is named), None without one.

    A variable's token goes to its own host and to no other; `LOCCIT_TRACKER_TOKEN` is for all hosts that have
    no variable of their own. Raises SettingsError, which does not repeat it, for a text that is no token.
    """
    names = _TOKENS.get(host.removeprefix("api."), ("LOCCIT_TRACKER_TOKEN",))
    return next((token for name in names if (token := _secret(name))), None)


def has_own_token(host: str) -> bool:
    """Whether there is a variable for the token of this host alone."""
    return host.removeprefix("api.") in _TOKENS


def user_skill_folders(settings: Settings) -> tuple[Path, ...]:
    """The folders with the user's own skills: `skills` in the home folder, those of the settings, and the one
    in the user's own folder that other programs share. Not all of them need to be there.
    """
    chosen = (Path(folder).expanduser() for folder in settings.agents.skills)
    return (settings.home / "skills", *chosen, Path("~/.agents/skills").expanduser())


def tool_variable(variable: str) -> str | None:
    """What this environment variable holds for a tool's server, as it is; None where it is not set."""
    return os.environ.get(variable)


def tracker_secret(variable: str) -> str | None:
    """What this environment variable holds for a tracker, a token or what deliveries are signed with; None
    without one. Raises SettingsError, which does not repeat it, for a text that is none.
    """
    return _secret(variable)


def model_key(variable: str) -> str | None:
    """The key of a model provider that this environment variable holds, None without one.

    Raises SettingsError, which does not repeat it, for a text that is no key.
    """
    return _secret(variable)


def oidc_secret(variable: str) -> str | None:
    """The secret of the client that logs people in, None for a client without one. Raises SettingsError."""
    return _secret(variable)


def real_model_calls() -> RealCalls:
    """Which calls of models may leave this process: `LOCCIT_FORBID_MODEL_CALLS`.

    Unset, empty or 0, all may; `remote` leaves those to this machine; anything else forbids them all.
    """
    match os.environ.get("LOCCIT_FORBID_MODEL_CALLS", ""):
        case "" | "0":
            return RealCalls.ALLOWED
        case "remote":
            return RealCalls.LOOPBACK
        case _:
            return RealCalls.FORBIDDEN


def _secret(variable: str) -> str | None:
    secret = os.environ.get(variable, "").strip()
    if not secret:
        return None
    if not secret.isascii() or not secret.isprintable() or " " in secret:
        raise SettingsError(
            f"the variable {variable} holds characters that no token has", next_step="copy the token again"
        )
    return secret


def environment_of_child(home: Path) -> dict[str, str]:
    """Our environment, as a process is to have it that works on the same home folder and does not look for
    modules in the working directory.
    """
    return {**os.environ, "LOCCIT_HOME": str(home), "PYTHONSAFEPATH": "1"}


@contextmanager
def children_without_working_directory() -> Generator[None]:
    """Python processes that are started meanwhile do not look for modules in the working directory.

    It may be a hostile repository, and a worker process starts with `-c` or `-m`, which put it before
    the standard library.
    """
    with _SAFE_PATH.guard:
        if not _SAFE_PATH.inside:
            _SAFE_PATH.before = os.environ.get("PYTHONSAFEPATH")
            os.environ["PYTHONSAFEPATH"] = "1"
        _SAFE_PATH.inside += 1
    try:
        yield
    finally:
        with _SAFE_PATH.guard:
            _SAFE_PATH.inside -= 1
            if not _SAFE_PATH.inside:
                os.environ.pop("PYTHONSAFEPATH", None)
                if _SAFE_PATH.before is not None:
                    os.environ["PYTHONSAFEPATH"] = _SAFE_PATH.before


@dataclass(slots=True)
class _SafePath:
    """How many threads want it set: the first to come sets it, the last to go puts back what was `before`."""

    guard: Lock = field(default_factory=Lock)
    inside: int = 0
    before: str | None = None


_SAFE_PATH = _SafePath()


_ROOMS = {
    "sources": SourceOptions,
    "parsing": ParsingOptions,
    "indexing": IndexingOptions,
    "retrieval": RetrievalOptions,
    "answering": AnsweringOptions,
    "models": ModelOptions,
    "pipeline": PipelineOptions,
    "budgets": BudgetOptions,
    "storage": StorageOptions,
    "serving": ServingOptions,
    "telemetry": TelemetryOptions,
    "agents": AgentOptions,
}


def _tables(path: Path, document: dict[str, Any]) -> dict[str, Any]:
    tables: dict[str, Any] = {}
    for name, table in document.items():
        if name not in _ROOMS:
            known = ", ".join(sorted(_ROOMS))
            raise SettingsError(f"{str(path)!r}: unknown table {name!r}", next_step=f"the tables are {known}")
        tables[name] = _options(path, name, table)
    return tables


def _options(path: Path, name: str, table: Any) -> Any:
    """The options of a room as one table of the file states them. Raises SettingsError."""
    from pydantic import TypeAdapter, ValidationError

    room = _ROOMS[name]
    if not isinstance(table, dict):
        raise SettingsError(f"{str(path)!r}: {name!r} is {table!r}", next_step=f"write a table: [{name}]")
    known = [one.name for one in fields(room)]
    for key in cast("dict[str, Any]", table):
        if key not in known:
            raise SettingsError(
                f"{str(path)!r}: unknown key {name}.{key}", next_step=f"it has {', '.join(known)}"
            )
    # As JSON, because pydantic is strict about types there and still takes a list for a tuple.
    text = json.dumps(table, default=str)
    try:
        return TypeAdapter[Any](room).validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join([name, *(str(part) for part in first["loc"])])
        raise SettingsError(
            f"{str(path)!r}: {where} is {first['input']!r}: {first['msg']}",
            next_step="see docs/reference/settings.md",
        ) from error
