"""Published documents of ours: their canonical form, their digest, and reading them strictly."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar, cast

import rfc8785
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from loccit.core.errors import LimitExceeded, MalformedAnswer

_MAX_INT_DIGITS = 16

T = TypeVar("T", bound=BaseModel)


def _no_surrogates(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"not Unicode text: a lone surrogate at character {error.start}") from error
    return text


def _six_decimals(value: float) -> float:
    return round(value, 6)


HexId = Annotated[str, Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
# Counts stay within what RFC 8785 (I-JSON) can carry exactly.
Count = Annotated[int, Field(ge=0, le=2**53 - 1)]
LineNumber = Annotated[int, Field(ge=1, le=2**53 - 1)]
# Six decimals: noise in the last bits of a sum must not change the digest from machine to machine.
Score = Annotated[float, Field(ge=0, le=1, description="at most six decimals"), AfterValidator(_six_decimals)]
Text = Annotated[str, AfterValidator(_no_surrogates)]
NonEmptyText = Annotated[Text, Field(min_length=1)]
# Never an absolute path: that would tell where on whose machine the answer was made.
RepoName = Annotated[Text, Field(min_length=1, pattern=r"^[^/]")]
UtcTime = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$")]


class Value(BaseModel):
    """A frozen, strict part of a document: unknown keys and values of other types are refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        json_schema_serialization_defaults_required=True,
    )


@dataclass(frozen=True, slots=True)
class DocumentForm:
    """What tells one format from another: its name and version (`loccit-answer/1`), what it is called, the
    command that makes one, where its JSON Schema stands, and the largest size that is read.
    """

    name: str
    noun: str
    command: str
    schema: str
    max_bytes: int

    @property
    def wanted(self) -> str:
        """What was expected."""
        return f"expected the JSON that '{self.command}' prints"

    def unreadable(self, problem: str) -> MalformedAnswer:
        """The error for what is no JSON object at all."""
        return MalformedAnswer(f"not a {self.name} document: {problem}", next_step=self.wanted)

    def malformed(self, problem: str) -> MalformedAnswer:
        """The error for a JSON object that is not of the format."""
        return MalformedAnswer(
            f"not a {self.name} document: {problem}",
            next_step=f"compare it with the format's JSON Schema, {self.schema}",
        )


def digest_of(document: Mapping[str, Any]) -> str:
    """SHA-256 in hex over the RFC 8785 form of `document` without its `digest` and `run`."""
    digested = {key: value for key, value in document.items() if key not in {"digest", "run"}}
    return hashlib.sha256(canonical(digested)).hexdigest()


def canonical(document: Any) -> bytes:
    """The RFC 8785 form of what JSON can hold, as `rfc8785.dumps` defines it, and with its errors.

    What the standard library's encoder writes alike, it writes: some ten times faster.
    """
    try:
        alike = _alike(document)
    except _WrittenOtherwise:
        return rfc8785.dumps(document)
    try:
        return _ENCODER.encode(alike).encode("utf-8")
    except UnicodeEncodeError:
        return rfc8785.dumps(document)  # says what is wrong


_ENCODER = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, sort_keys=True, separators=(",", ":"), allow_nan=False
)
_MAX_INT = 2**53 - 1


class _WrittenOtherwise(Exception):
    """The standard library's encoder may write a value otherwise than RFC 8785 has it."""


def _alike(value: Any) -> Any:
    """The same value, for the standard library's encoder to write as RFC 8785 has it: whole floats become
    integers. Raises _WrittenOtherwise where it would not.
    """
    kind = cast("type[object]", type(value))
    if kind is str or value is None or kind is bool:
        return value
    if kind is dict:
        # Other keys may stand in another order as UTF-16 than as code points.
        if not all(type(key) is str and key.isascii() for key in value):
            raise _WrittenOtherwise
        return {key: _alike(one) for key, one in value.items()}
    if kind is list or kind is tuple:
        return [_alike(one) for one in value]
    if kind is int and -_MAX_INT <= value <= _MAX_INT:
        return value
    if kind is float and -_MAX_INT <= value <= _MAX_INT:
        if value.is_integer():
            return int(value)
        if "e" not in repr(value):
            return value
    raise _WrittenOtherwise


def published_schema(model: type[BaseModel], form: DocumentForm) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the documents of a format."""
    schema = model.model_json_schema(mode="serialization")
    schema["required"].remove("run")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:loccit:{form.name.replace('/', ':')}",
        **schema,
        "title": form.name,
    }


def parse_document(data: bytes, model: type[T], form: DocumentForm) -> T:
    """The document in these bytes.

    Every key must be there (only `run` may be left out) and every string and number must be spelled as RFC
    8785 spells it. Raises MalformedAnswer for anything that is not one UTF-8 JSON object of the format,
    LimitExceeded over its size.
    """
    if len(data) > form.max_bytes:
        kind = f"size of the {form.noun} in bytes"
        raise LimitExceeded(kind, len(data), form.max_bytes, next_step=form.wanted)
    document = _json_object(data, form)
    found = document.get("format")
    if found != form.name:
        raise MalformedAnswer(
            f"the document's format is {_shown(found)}, this version reads {form.name!r}",
            next_step="ask again with this version of loccit",
        )
    try:
        parsed = model.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise form.malformed(f"{where} is {_shown(first['input'])}: {first['msg']}") from error
    kept = parsed.model_dump(mode="json")
    if "run" not in document:
        del kept["run"]
    difference = _difference(document, kept, "")
    if difference is not None:
        raise form.malformed(difference)
    return parsed


# Backslashes stand only inside strings, so reading them from left to right meets every escape, and nothing
# else.
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)")
_SHORT_ESCAPES = {'"': '"', "\\": "\\", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t"}
_CANONICAL_ESCAPES = frozenset(_SHORT_ESCAPES.values()) | frozenset(
    f"u{code:04x}" for code in range(0x20) if chr(code) not in _SHORT_ESCAPES
)


def _json_object(data: bytes, form: DocumentForm) -> dict[str, Any]:
    try:
        text = data.decode("utf-8")
        document = json.loads(
            text,
            object_pairs_hook=_unique_keys,
            parse_constant=_no_constants,
            parse_int=_canonical_int,
            parse_float=_canonical_float,
        )
        _check_escapes(text)
    except RecursionError as error:
        raise form.unreadable("nested too deeply") from error
    except ValueError as error:
        raise form.unreadable(str(error)) from error
    if not isinstance(document, dict):
        kind = type(document).__name__
        raise form.unreadable(f"a JSON {kind}, not an object")
    return cast("dict[str, Any]", document)


def _check_escapes(text: str) -> None:
    for match in _ESCAPE.finditer(text):
        if match[1] not in _CANONICAL_ESCAPES:
            raise ValueError(
                f"the escape {match[0]!r} at character {match.start()} is not how RFC 8785 writes it"
                " (write UTF-8, in Python json.dumps(..., ensure_ascii=False))"
            )


def _difference(found: Any, kept: Any, where: str) -> str | None:
    """The first thing that validation added (a key left out) or altered (a score with too many decimals)."""
    if isinstance(kept, dict):
        pairs = cast("dict[str, Any]", kept)
        for key, value in pairs.items():
            if key not in found:
                return f"{where}{key} is missing"
            if (difference := _difference(found[key], value, f"{where}{key}.")) is not None:
                return difference
        return None
    if isinstance(kept, list):
        for number, value in enumerate(cast("list[Any]", kept)):
            if (difference := _difference(found[number], value, f"{where}{number}.")) is not None:
                return difference
        return None
    return None if found == kept else f"{where.rstrip('.')} is {_shown(found)}, expected {kept!r}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for key, value in pairs:
        if key in seen:
            raise ValueError(f"the key {_shown(key)} is repeated")
        seen[key] = value
    return seen


def _no_constants(token: str) -> Any:
    raise ValueError(f"{token} is not JSON")


def _canonical_int(token: str) -> int:
    if len(token.removeprefix("-")) > _MAX_INT_DIGITS:
        raise ValueError(f"the integer {_shown(token)} is larger than JSON carries exactly")
    value = int(token)
    if str(value) != token:
        raise ValueError(f"the number {token} is not how RFC 8785 writes it: {value}")
    return value


def _canonical_float(token: str) -> float:
    value = float(token)
    spelled = rfc8785.dumps(value).decode("ascii")
    if spelled != token:
        raise ValueError(f"the number {_shown(token)} is not how RFC 8785 writes it: {spelled}")
    return value
