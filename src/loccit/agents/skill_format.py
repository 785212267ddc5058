"""The Agent Skills format: a folder with a SKILL.md, whose front matter says what the skill is for.

The format is published at agentskills.io. What is read here is what somebody else may have written: the front
matter is read as YAML in which every scalar is text, without aliases, tags and repeated keys, and within
bounds.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from loccit.core.errors import InputError
from loccit.core.visible import one_line, visible

FILE_NAME = "SKILL.md"
MOST_BYTES = 256_000
_MOST_FRONT_MATTER_BYTES = 32_000
_MOST_NESTING = 4
_MOST_NAME = 64
_MOST_DESCRIPTION = 1_024
_MOST_COMPATIBILITY = 500
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_FENCE = re.compile(r"^---[ \t]*\r?$", re.MULTILINE)
# One entry of `allowed-tools`: a name, and what may stand in brackets behind it ("Bash(git log:*)").
_ALLOWED = re.compile(r"([^\s(),]+)(?:\([^)]*\))?")
_FIELDS = ("name", "description", "license", "compatibility", "metadata", "allowed-tools")


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """What a SKILL.md says of itself.

    `allowed_tools` are the names alone, as written; None where it does not say. `body` is what stands below.
    """

    name: str
    description: str
    body: str
    license: str = ""
    compatibility: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    allowed_tools: tuple[str, ...] | None = None


def read_skill_text(data: bytes, folder: str) -> tuple[FrontMatter | None, tuple[str, ...]]:
    """A SKILL.md's front matter and body, and all that is wrong with it, in sentences.

    `folder` is the name of the folder that it lies in. None where something is wrong.
    """
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
        fields, body = _split(text)
    except UnicodeDecodeError as error:
        return None, (f"{FILE_NAME} is not UTF-8: byte {error.start} is {data[error.start]:#04x}",)
    except InputError as error:
        return None, (str(error),)
    problems = [*_unknown(fields), *_name_problems(fields, folder), *_text_problems(fields)]
    problems += _metadata_problems(fields)
    if not body.strip():
        problems.append(f"{FILE_NAME} has nothing below its front matter")
    if problems:
        return None, tuple(problems)
    return _front_matter(fields, body.strip()), ()


def _front_matter(fields: Mapping[str, Any], body: str) -> FrontMatter:
    allowed = fields.get("allowed-tools")
    return FrontMatter(
        name=fields["name"],
        description=visible(" ".join(fields["description"].split())),
        body=body,
        license=visible(fields.get("license", "")),
        compatibility=visible(fields.get("compatibility", "")),
        metadata=fields.get("metadata") or {},
        allowed_tools=None if allowed is None else _allowed_names(allowed),
    )


def _allowed_names(allowed: str | list[str]) -> tuple[str, ...]:
    text = allowed if isinstance(allowed, str) else " ".join(allowed)
    return tuple(dict.fromkeys(_ALLOWED.findall(text)))


def _split(text: str) -> tuple[dict[str, Any], str]:
    """The front matter as a mapping of texts, and what stands below it. Raises InputError."""
    fences = [match.span() for _, match in zip(range(2), _FENCE.finditer(text), strict=False)]
    if not fences or fences[0][0]:
        raise InputError(f"{FILE_NAME} does not begin with a line '---'")
    if len(fences) < 2:
        raise InputError(f"the front matter of {FILE_NAME} has no line '---' at its end")
    front = text[fences[0][1] : fences[1][0]]
    if len(front) > _MOST_FRONT_MATTER_BYTES:
        raise InputError(f"the front matter of {FILE_NAME} is longer than {_MOST_FRONT_MATTER_BYTES:,}")
    return read_yaml(front), text[fences[1][1] :]


def read_yaml(text: str) -> dict[str, Any]:
    """A YAML mapping in which every scalar is the text that stands there: `yes` is "yes", `1.0` is "1.0".

    Raises InputError with the line for what is no such mapping, and for what no front matter needs and a
    hostile one may hold: aliases, tags, a key twice, mappings in mappings without end.
    """
    import yaml

    reader: Any = yaml  # its functions are not typed
    try:
        depth = 0
        for event in reader.parse(text, Loader=yaml.BaseLoader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            marks = isinstance(event, yaml.NodeEvent) and (event.anchor or getattr(event, "tag", None))
            if marks or depth > _MOST_NESTING:
                what = f"{marks!r}: an anchor, an alias or a tag" if marks else "too many levels"
                raise InputError(f"line {event.start_mark.line + 1} of the front matter has {what}")
        node = reader.compose(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InputError(
            f"the front matter is not YAML: line {line}: {error.problem}",
            next_step="put a text with ': ' or '#' in it between quotes",
        ) from error
    except yaml.YAMLError as error:
        raise InputError(f"the front matter is not YAML: {error}") from error
    value = _value(node)
    if not isinstance(value, dict):
        raise InputError("the front matter is no list of 'key: value'")
    return cast("dict[str, Any]", value)


def _value(node: Any) -> Any:
    import yaml

    match node:
        case yaml.MappingNode():
            found: dict[str, Any] = {}
            for key, value in node.value:
                name = key.value if isinstance(key, yaml.ScalarNode) else "?"
                if name in found:
                    raise InputError(f"line {key.start_mark.line + 1} of the front matter has {name!r} again")
                found[name] = _value(value)
            return found
        case yaml.SequenceNode():
            return [_value(each) for each in node.value]
        case yaml.ScalarNode():
            return node.value
        case _:
            return None


def _unknown(fields: Mapping[str, Any]) -> list[str]:
    return [
        f"unknown key {one_line(key)!r} in the front matter; the format has {', '.join(_FIELDS)}"
        for key in fields
        if key not in _FIELDS
    ]


def _name_problems(fields: Mapping[str, Any], folder: str) -> list[str]:
    name = fields.get("name")
    if not isinstance(name, str) or not name:
        return ["the front matter has no 'name'"]
    shown = repr(one_line(name[: 2 * _MOST_NAME]))
    problems: list[str] = []
    if len(name) > _MOST_NAME:
        problems.append(f"the name {shown} has {len(name)} characters, at most {_MOST_NAME} are allowed")
    if not _NAME.fullmatch(name):
        problems.append(
            f"the name {shown} is not made of lower-case letters a-z, digits and single hyphens between them"
        )
    if unicodedata.normalize("NFC", folder) != name:
        problems.append(f"the name {shown} is not that of its folder, {one_line(folder)!r}")
    return problems


def _text_problems(fields: Mapping[str, Any]) -> list[str]:
    problems: list[str] = []
    description = fields.get("description")
    if not isinstance(description, str) or not description.strip():
        problems.append("the front matter has no 'description': what the skill does, and when to use it")
    elif len(description) > _MOST_DESCRIPTION:
        problems.append(
            f"the description has {len(description):,} characters, at most {_MOST_DESCRIPTION:,} are allowed"
        )
    texts = ("license", "compatibility")
    problems += [f"{key!r} is not a text" for key in texts if not isinstance(fields.get(key, ""), str)]
    compatibility = fields.get("compatibility", "")
    if isinstance(compatibility, str) and len(compatibility) > _MOST_COMPATIBILITY:
        problems.append(
            f"'compatibility' has {len(compatibility)} characters, at most {_MOST_COMPATIBILITY} are allowed"
        )
    return problems


def _metadata_problems(fields: Mapping[str, Any]) -> list[str]:
    problems: list[str] = []
    metadata: Any = fields.get("metadata") or {}
    is_flat = isinstance(metadata, dict) and all(
        isinstance(value, str) for value in cast("dict[str, Any]", metadata).values()
    )
    if not is_flat:
        problems.append("'metadata' is not a list of 'key: text'")
    allowed = fields.get("allowed-tools", "")
    items = cast("list[Any]", allowed if isinstance(allowed, list) else [allowed])
    if not all(isinstance(item, str) for item in items):
        problems.append("'allowed-tools' is not a list of names between spaces")
    return problems
