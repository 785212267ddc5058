"""Policies as files: TOML, read strictly, with a published JSON Schema.

A policy says which tools there are, what each argument is for, what the words of a request grant, and what
may never be. What it does not name is denied.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from loccit.core.errors import SettingsError
from loccit.policy.labels import Integrity
from loccit.policy.tools import ArgumentRole, Effect
from loccit.policy.values import FOUND, ValueKind

FORMAT = "loccit-policy/1"
_MAX_BYTES = 1_000_000
_FACT = re.compile(r"\{([a-z_]+)\}")

Pointer = Annotated[str, Field(pattern=r"^(/[^/]+)*$")]
Words = Annotated[tuple[str, ...], Field(strict=False)]


class _Table(BaseModel):
    """A frozen table: unknown keys and values of other types are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


class ArgumentRule(_Table):
    """What an argument is for, and which values it may have."""

    role: Annotated[ArgumentRole, Field(strict=False)]
    """destination, target, amount, name, content, files or option."""
    kind: Annotated[ValueKind | None, Field(strict=False)] = None
    """How its values are compared: email, url, host, path, repository, account, number, date, day, id,
    name or branch."""
    origin: Literal["requested", "any"] = "requested"
    """"requested": a value must come from the request, or from one of `directories`. "any": it may be
    anything that the other keys allow."""
    directories: Words = ()
    """The directories whose values count as requested where the request names them."""
    fixed: str | None = None
    """The one value it may have; `{repository}` stands for a fact of the request."""
    pattern: str | None = None
    """A regular expression that all of a value must match; `{issue}` stands for a fact of the request."""
    values: Annotated[tuple[Any, ...] | None, Field(strict=False)] = None
    """The values it may have."""
    deny: Words = ()
    """Paths that no value may fit; `**` stands for any folders, `*` for any name."""
    most_chars: Annotated[int, Field(ge=1)] | None = None
    """How long a text may be, in characters."""
    at_most_requested: bool = False
    """An amount may be smaller than one that counts as requested: one in the request, or in a record of the
    directories that holds the call's destination."""


class Results(_Table):
    """What is known of a tool's results, beside what the tool says of them itself: that they are by anybody,
    and that anybody may read them, unless it says otherwise.
    """

    integrity: Annotated[Integrity | None, Field(strict=False)] = None
    """"trusted": nobody but the user and their own systems can have written them."""
    readers: Annotated[tuple[str, ...] | None, Field(strict=False)] = None
    """Who may read them; "requested" stands for every destination that counts as requested, `{repository}`
    for a fact of the request. Without it everybody."""
    secret: bool = False
    """They hold what must not leave."""
    secret_fields: Annotated[tuple[Pointer, ...], Field(strict=False)] = ()
    """Fields that must not leave, as JSON pointers in which `*` stands for any step."""


class ToolRule(_Table):
    """When a tool may be used, and with which arguments."""

    effect: Annotated[Effect | None, Field(strict=False)] = None
    """read, write or egress; may be left out where the tool itself declares it."""
    granted: Literal["always", "request", "never"] = "request"
    """"always": every task may use it. "request": a task whose words say so. "never": only by a person."""
    when: Annotated[tuple[Words, ...], Field(strict=False)] = ()
    """Word lists: a request grants the tool where it has all words of one of them. `pay*` is any word that
    begins so, `a|b` either."""
    uses: Annotated[int, Field(ge=1)] | None = 1
    """How often a task may use it."""
    uses_of_many: Annotated[int, Field(ge=1)] | None = None
    """How often, where the request says each, every, all, both or them."""
    otherwise: Literal["block", "ask"] = "block"
    """What becomes of a call that no grant covers."""
    arguments: dict[str, ArgumentRule] = Field(default_factory=dict[str, ArgumentRule])
    """What each argument is for; may be left out where the tool itself declares it."""
    results: Results = Results()
    """What is known of its results."""
    recipients: Words = ()
    """Who sees what it says, beside its destinations; `{repository}` stands for a fact of the request."""
    mentions: bool = False
    """`@name` in its content tells somebody, so it is an address like others."""
    secrets: Literal["block", "allow"] = "block"
    """What becomes of a call that would let a key out."""


class Directory(_Table):
    """Records that nobody but the user and their own systems could have written: contacts, own accounts."""

    fed_by: dict[str, Pointer]
    """Which tools' results hold records, and where in them: "/*", or "" where the result is one record."""
    fields: Annotated[tuple[Pointer, ...], Field(strict=False)]
    """The fields of a record that may be used; "" where a record is one value."""
    keys: Annotated[tuple[Pointer, ...], Field(strict=False)] = ()
    """The fields by which a request names a record."""
    named_by: Annotated[tuple[Words, ...], Field(strict=False)] = ()
    """Word lists as in `when`: a request names the directory where it has all words of one. Without any,
    every request does."""
    match: Literal["record", "any", "most"] = "record"
    """"record": only records that the request names, by words of their keys. "any": all. "most": of a result
    the one whose `key` holds the largest number."""
    asked_by: Words = ()
    """Arguments of the call that gave the record: the request names a record where it has their values."""
    extract: Annotated[ValueKind | None, Field(strict=False)] = None
    """The fields are texts, of which the values of this kind may be used: email, url, host, account or
    number."""
    only_one: bool = False
    """Of a text with several such values none may be used: nobody can tell which one was meant."""


class FileRules(_Table):
    """What holds for every argument of the role `files`, and for paths that are written to."""

    deny: Words = ()
    """Paths that no call may touch."""
    ask: Words = ()
    """Paths that a person is asked about."""
    most_files: Annotated[int, Field(ge=1)] | None = None
    """How many files one call may change."""
    most_lines: Annotated[int, Field(ge=1)] | None = None
    """How many lines it may add and remove."""
    most_bytes: Annotated[int, Field(ge=1)] | None = None
    """How many bytes it may add."""
    deletes: Literal["allow", "ask", "block"] = "allow"
    """What becomes of a call that hands over that files are deleted."""


class ContentRules(_Table):
    """What holds for what is said to others."""

    links: Literal["ask", "block", "allow"] = "ask"
    """What becomes of a link or an address in it that neither request nor directory holds."""
    links_below: Words = ()
    """Addresses below which links are fine, with facts in them: "https://github.com/{repository}"."""
    after_secrets: Literal["ask", "block"] = "ask"
    """What becomes of a call that lets something out after both untrusted text and secrets were read."""


class Policy(_Table):
    """A policy. `format` is `loccit-policy/1`."""

    format: Literal["loccit-policy/1"]
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    """What it is called in decisions and in the audit log."""
    summary: str = ""
    """A sentence for people."""
    facts: Words = ()
    """What a request must say beside its words: repository, issue, branch."""
    tools: dict[str, ToolRule]
    """By the tool's name. A tool that is not here is denied."""
    directories: dict[str, Directory] = Field(default_factory=dict[str, Directory])
    """By a name of their own."""
    files: FileRules = FileRules()
    """What holds for files."""
    content: ContentRules = ContentRules()
    """What holds for what is said."""

    @model_validator(mode="after")
    def _is_whole(self) -> Policy:
        for tool, rule in self.tools.items():
            if rule.granted == "request" and not rule.when:
                raise ValueError(f"tools.{tool}: granted by the request, and no words for it in 'when'")
            for name, argument in rule.arguments.items():
                where = f"tools.{tool}.arguments.{name}"
                unknown = [each for each in argument.directories if each not in self.directories]
                if unknown:
                    raise ValueError(f"{where}: no directory {unknown[0]!r}")
                for text in (argument.fixed, argument.pattern):
                    self._facts_are_known(where, text or "")
                if argument.pattern is not None:
                    self._is_expression(where, argument.pattern)
            for reader in (*(rule.results.readers or ()), *rule.recipients):
                self._facts_are_known(f"tools.{tool}", reader)
        for link in self.content.links_below:
            self._facts_are_known("content.links_below", link)
        for name, directory in self.directories.items():
            if directory.match != "any" and not (directory.keys or directory.asked_by):
                raise ValueError(f"directories.{name}: records are matched, and no keys are named")
            if directory.extract not in {None, *FOUND}:
                raise ValueError(f"directories.{name}: no {directory.extract} can be found in a text")
        return self

    def _facts_are_known(self, where: str, text: str) -> None:
        unknown = [fact for fact in _FACT.findall(text) if fact not in self.facts]
        if unknown:
            raise ValueError(f"{where}: {{{unknown[0]}}} is none of the facts {list(self.facts)}")

    @staticmethod
    def _is_expression(where: str, pattern: str) -> None:
        try:
            re.compile(_FACT.sub("x", pattern))
        except re.error as error:
            raise ValueError(f"{where}: {pattern!r} is no regular expression: {error}") from error


def filled(text: str, facts: Mapping[str, str], *, escape: bool = False) -> str:
    """A text with the request's facts in place of their names."""
    return _FACT.sub(lambda match: re.escape(facts[match[1]]) if escape else facts[match[1]], text)


def parse_policy(text: str, where: str = "the policy") -> Policy:
    """The policy that this TOML is. Raises SettingsError, which names the place."""
    if len(text) > _MAX_BYTES:
        raise SettingsError(f"{where} has {len(text):,} characters, at most {_MAX_BYTES:,} are read")
    try:
        return Policy.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{where} is not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise SettingsError(
            f"{where}: {f'{place}: ' if place else ''}{first['msg'].removeprefix('Value error, ')}",
            next_step="compare it with docs/reference/loccit-policy-1.schema.json",
        ) from error


def load_policy(path: Path) -> Policy:
    """The policy in a file. Raises SettingsError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"cannot read the policy {str(path)!r}: {error}") from error
    return parse_policy(text, repr(str(path)))


def shipped_policies() -> tuple[str, ...]:
    """The names of the policies that come with loccit."""
    folder = resources.files("loccit.policy") / "policies"
    return tuple(
        sorted(each.name.removesuffix(".toml") for each in folder.iterdir() if each.name.endswith(".toml"))
    )


def shipped_policy(name: str) -> Policy:
    """A policy that comes with loccit, by its name. Raises SettingsError for one that does not."""
    if name not in shipped_policies():
        raise SettingsError(
            f"no policy {name!r} comes with loccit", next_step=f"take one of {list(shipped_policies())}"
        )
    text = (resources.files("loccit.policy") / "policies" / f"{name}.toml").read_text(encoding="utf-8")
    return parse_policy(text, f"the policy {name!r}")


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of policy files, as JSON has TOML's tables."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:loccit:loccit-policy:1",
        **Policy.model_json_schema(),
        "title": FORMAT,
    }
