"""The citation contract: `loccit-answer/1`, its digest and its canonical form.

The field names here are the published format: see docs/reference/answer-format.md. A change to them is a new
format version.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, cast

import rfc8785
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from loccit.core.encodings import Encoding
from loccit.core.errors import LimitExceeded, MalformedAnswer
from loccit.core.source import path_bytes

FORMAT = "loccit-answer/1"
MAX_ANSWER_BYTES = 50_000_000
_MAX_INT_DIGITS = 16


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


class _Value(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        json_schema_serialization_defaults_required=True,
    )


class CitationKind(StrEnum):
    """What kind of object is cited."""

    FILE = "file"
    COMMIT = "commit"
    ISSUE = "issue"


class Citation(_Value):
    """A place, and the bytes that stand there.

    Bytes are 0-based offsets into the blob (into `git cat-file commit` for a commit), end exclusive; lines
    are 1-based, inclusive, and end at 0x0A or its code unit in UTF-16. `sha256` is over those bytes, `quote`
    is those bytes decoded by `encoding`. A plain folder has no commit: `tree` stands in. A path that is not
    UTF-8 is in `path_base64`, and `path` is null. `encoding` is that of the whole blob
    (`encodings.encoding_of`), and `permalink` is the address that `permalinks.permalink` derives, null where
    it derives none.
    """

    kind: Annotated[CitationKind, Field(strict=False)]
    repo: RepoName
    commit: HexId | None
    tree: HexId | None = None
    path: NonEmptyText | None
    path_base64: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]+={0,2}$")] | None = None
    blob: HexId | None
    start_byte: Count
    end_byte: Count
    start_line: LineNumber
    end_line: LineNumber
    sha256: Sha256
    quote: NonEmptyText
    encoding: Encoding
    permalink: Text | None = None


class VerdictLabel(StrEnum):
    """What a checker says about a claim and its citations."""

    SUPPORTED = "supported"
    PARTLY = "partly"
    UNSUPPORTED = "unsupported"
    CONTRADICTED = "contradicted"
    UNCHECKED = "unchecked"


class Verdict(_Value):
    """A checker's word on a claim: never the writer's own."""

    label: Annotated[VerdictLabel, Field(strict=False)]
    score: Score | None = None
    checker: NonEmptyText
    version: NonEmptyText


class ClaimKind(StrEnum):
    """`quotation`: the text is the quote itself. `statement`: a model wrote it."""

    QUOTATION = "quotation"
    STATEMENT = "statement"


class Claim(_Value):
    """One statement with the places it rests on. `why` says in a phrase why this passage was chosen."""

    text: NonEmptyText
    kind: Annotated[ClaimKind, Field(strict=False)]
    citations: tuple[Citation, ...] = Field(strict=False)
    verdict: Verdict
    why: tuple[Text, ...] = Field(default=(), strict=False)


class DroppedClaim(_Value):
    """A claim that was not kept, and the verdict that felled it."""

    text: NonEmptyText
    verdict: Verdict


class Outcome(StrEnum):
    """How the question ended."""

    ANSWERED = "answered"
    PARTIAL = "partial"
    ABSTAINED = "abstained"


class Abstention(StrEnum):
    """Why there is no answer. The first: the sources are silent. The others: something else is wrong."""

    NOT_IN_SOURCES = "not_in_sources"
    NOT_INDEXED = "not_indexed"
    INDEX_STALE = "index_stale"
    INDEX_BROKEN = "index_broken"
    BUDGET = "budget"
    MODEL_UNAVAILABLE = "model_unavailable"


class SkippedCount(_Value):
    """How many files of a snapshot were left out, or searched with less weight, for one reason."""

    reason: Text
    files: Count


class SnapshotInfo(_Value):
    """What was searched: which commit, indexed when, and what of it was left out and why.

    `indexed_at` is RFC 3339 in UTC, ending in `Z`. `changed_files` counts files of the working tree that
    differ from the commit; answers cite the commit.
    """

    repo: RepoName
    commit: HexId | None
    tree: HexId | None
    indexed_at: UtcTime
    files: Count
    skipped: tuple[SkippedCount, ...] = Field(default=(), strict=False)
    changed_files: Count = 0
    history: Literal["complete", "partial", "none"] = "none"


class Run(_Value):
    """What differs from run to run; no digest covers it, comparisons leave it out."""

    trace_id: Text
    started_at: UtcTime
    timings_ms: dict[Text, float]
    cost_usd: float = 0.0
    index_age_s: float | None = None
    version: Text


class Answer(_Value):
    """A question's answer in format `loccit-answer/1`.

    `digest` is the SHA-256, in hex, of the RFC 8785 form of everything but `digest` and `run`.
    `confidence` is the calibrated probability that the sources hold the answer.
    """

    format: Literal["loccit-answer/1"]
    question: Text
    outcome: Annotated[Outcome, Field(strict=False)]
    abstention: Annotated[Abstention, Field(strict=False)] | None
    confidence: Score
    claims: tuple[Claim, ...] = Field(strict=False)
    dropped: tuple[DroppedClaim, ...] = Field(strict=False)
    snapshots: tuple[SnapshotInfo, ...] = Field(strict=False)
    digest: Sha256
    run: Run | None = None

    def to_json(self) -> str:
        """One line of JSON in RFC 8785 form, so that what is written is what the digest covers."""
        return rfc8785.dumps(self.model_dump(mode="json")).decode("utf-8")


def digest_of(document: Mapping[str, Any]) -> str:
    """SHA-256 in hex over the RFC 8785 form of `document` without its `digest` and `run`."""
    digested = {key: value for key, value in document.items() if key not in {"digest", "run"}}
    return hashlib.sha256(rfc8785.dumps(digested)).hexdigest()


def seal(**fields: Any) -> Answer:
    """An Answer of these fields with its digest. Raises pydantic's ValidationError where they do not fit."""
    draft = Answer(format=FORMAT, digest="0" * 64, **fields)
    return draft.model_copy(update={"digest": digest_of(draft.model_dump(mode="json"))})


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of what `parse_answer` accepts, apart from how tokens are spelled."""
    schema = Answer.model_json_schema(mode="serialization")
    schema["required"].remove("run")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:loccit:loccit-answer:1",
        **schema,
        "title": FORMAT,
    }


def parse_answer(data: bytes) -> Answer:
    """The answer in these bytes; whether its digest and citations hold is for `verification` to say.

    Every key must be there (only `run` may be left out) and every string and number must be spelled as RFC
    8785 spells it, so that no byte of the digested part can change and leave the digest as it was. White
    space between tokens and the order of keys are free. Raises MalformedAnswer for anything that is not one
    UTF-8 JSON object of the format, LimitExceeded over `MAX_ANSWER_BYTES`.
    """
    if len(data) > MAX_ANSWER_BYTES:
        raise LimitExceeded("size of the answer in bytes", len(data), MAX_ANSWER_BYTES, next_step=_WANTED)
    document = _json_object(data)
    found = document.get("format")
    if found != FORMAT:
        raise MalformedAnswer(
            f"the document's format is {_shown(found)}, this version reads {FORMAT!r}",
            next_step="ask again with this version of loccit",
        )
    try:
        answer = Answer.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise _malformed(f"{where} is {_shown(first['input'])}: {first['msg']}") from error
    kept = answer.model_dump(mode="json")
    if "run" not in document:
        del kept["run"]
    difference = _difference(document, kept, "")
    if difference is not None:
        raise _malformed(difference)
    return answer


def path_fields(path: str) -> dict[str, str | None]:
    """`path` and `path_base64` of a citation for a tree path that may hold surrogate escapes."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return {"path": None, "path_base64": base64.b64encode(path_bytes(path)).decode("ascii")}
    return {"path": path, "path_base64": None}


def cited_path(citation: Citation) -> bytes | None:
    """The path bytes that a citation names, None where it names none (a commit).

    Raises ValueError when `path_base64` is not canonical base64.
    """
    if citation.path is not None:
        return citation.path.encode("utf-8")
    if citation.path_base64 is None:
        return None
    try:
        raw = base64.b64decode(citation.path_base64, validate=True)
    except binascii.Error as error:
        raise ValueError(f"path_base64 is not base64: {citation.path_base64!r}") from error
    if base64.b64encode(raw).decode("ascii") != citation.path_base64:
        raise ValueError(f"path_base64 is not canonical base64: {citation.path_base64!r}")
    return raw


_WANTED = "expected the JSON that 'loccit ask --json' prints"
# Backslashes stand only inside strings, so reading them from left to right meets every escape, and nothing
# else.
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)")
_SHORT_ESCAPES = {'"': '"', "\\": "\\", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t"}
_CANONICAL_ESCAPES = frozenset(_SHORT_ESCAPES.values()) | frozenset(
    f"u{code:04x}" for code in range(0x20) if chr(code) not in _SHORT_ESCAPES
)


def _malformed(problem: str) -> MalformedAnswer:
    return MalformedAnswer(
        f"not a {FORMAT} document: {problem}",
        next_step="compare it with the format's JSON Schema, docs/reference/loccit-answer-1.schema.json",
    )


def _json_object(data: bytes) -> dict[str, Any]:
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
        raise MalformedAnswer(f"not a {FORMAT} document: nested too deeply", next_step=_WANTED) from error
    except ValueError as error:
        raise MalformedAnswer(f"not a {FORMAT} document: {error}", next_step=_WANTED) from error
    if not isinstance(document, dict):
        kind = type(document).__name__
        raise MalformedAnswer(f"not a {FORMAT} document: a JSON {kind}, not an object", next_step=_WANTED)
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
