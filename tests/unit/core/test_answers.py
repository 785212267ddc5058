"""Reading answers: what the format accepts, byte for byte, and what it refuses with a sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from loccit.core.answers import (
    MAX_ANSWER_BYTES,
    Answer,
    Citation,
    SnapshotInfo,
    cited_path,
    digest_of,
    parse_answer,
    path_fields,
    seal,
)
from loccit.core.errors import LimitExceeded, MalformedAnswer
from loccit.core.source import path_bytes, path_text

VERDICT = {"label": "supported", "score": 0.25, "checker": "loccit.bytes", "version": "1"}
CITATION = {
    "kind": "file",
    "repo": "box",
    "commit": "1" * 40,
    "tree": None,
    "path": "a\x1b.py",
    "path_base64": None,
    "blob": "2" * 40,
    "start_byte": 0,
    "end_byte": 10,
    "start_line": 1,
    "end_line": 2,
    "sha256": "3" * 64,
    "quote": "gr\u00fcn\n\x07\u2028",
    "encoding": "utf-8",
    "permalink": None,
}
FIELDS: dict[str, Any] = {
    "question": "how?",
    "outcome": "answered",
    "abstention": None,
    "confidence": 0.5,
    "claims": [
        {"text": "it is", "kind": "statement", "citations": [CITATION], "verdict": VERDICT, "why": ["a"]}
    ],
    "dropped": [{"text": "it is not", "verdict": VERDICT}],
    "snapshots": [
        {
            "repo": "box",
            "commit": "1" * 40,
            "tree": None,
            "indexed_at": "2026-01-02T03:04:05.678Z",
            "files": 3,
            "skipped": [{"reason": "binary", "files": 1}],
            "changed_files": 0,
            "history": "complete",
        }
    ],
    "run": {
        "trace_id": "t",
        "started_at": "2026-01-02T03:04:05Z",
        "timings_ms": {"search": 1.5},
        "cost_usd": 0,
        "index_age_s": None,
        "version": "0.1",
    },
}
ANSWER = seal(**FIELDS)
LINE = ANSWER.to_json()


def document() -> Any:
    return json.loads(LINE)


def spelled(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def refused(data: bytes) -> str:
    with pytest.raises(MalformedAnswer) as caught:
        parse_answer(data)
    assert caught.value.next_step
    return caught.value.message


def test_an_answer_survives_the_round_trip() -> None:
    """What is written is read back equal, and its digest is that of the document."""
    assert parse_answer(LINE.encode()) == ANSWER
    assert digest_of(document()) == ANSWER.digest
    assert "\n" not in LINE


def test_the_digest_leaves_out_the_run_and_nothing_else() -> None:
    """Another run of the same answer has the same digest; any other field changes it."""
    assert seal(**(FIELDS | {"run": None})).digest == ANSWER.digest
    for field, other in {"question": "why?", "confidence": 0.25, "dropped": [], "outcome": "partial"}.items():
        assert seal(**(FIELDS | {field: other})).digest != ANSWER.digest


def test_the_run_may_be_left_out() -> None:
    """Comparisons leave it out, so a stripped answer is still one."""
    stripped = document()
    del stripped["run"]
    assert parse_answer(spelled(stripped)).digest == ANSWER.digest


def test_white_space_and_the_order_of_keys_are_free() -> None:
    """An indented file with sorted or reversed keys is the same answer."""
    indented = json.dumps(dict(reversed(document().items())), indent=4, ensure_ascii=False)
    assert parse_answer(f"\n {indented}\r\n".encode()) == ANSWER


def keys_of(value: Any, where: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every key of the document."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*where, key)
            yield from keys_of(inner, (*where, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from keys_of(inner, (*where, number))


@pytest.mark.parametrize("way", [way for way in keys_of(document()) if "timings_ms" not in way[:-1]], ids=str)
def test_every_key_must_be_there_and_none_besides(way: tuple[Any, ...]) -> None:
    """A missing key would be filled in, and a repeated or unknown one ignored, outside of the digest."""
    whole = document()
    holder = whole
    for step in way[:-1]:
        holder = holder[step]
    value = holder.pop(way[-1])
    if way != ("run",):
        assert str(way[-1]) in refused(spelled(whole))
    holder["unheard_of"] = value
    refused(spelled(whole))
    del holder["unheard_of"]
    holder["\x00twice"] = value
    holder[way[-1]] = value
    doubled = spelled(whole).replace(rb'"\u0000twice"', json.dumps(way[-1]).encode())
    assert f"the key '{way[-1]}' is repeated" in refused(doubled)


@pytest.mark.parametrize(
    ("canonical", "other"),
    [
        (rb"\u001b", rb"\u001B"),
        (rb"\n", rb"\u000a"),
        (rb"\u0007", rb"\u0007\/"),
        ("ü".encode(), rb"\u00fc"),
        ("\u2028".encode(), rb"\u2028"),
        (b'"how?"', rb'"\u0068ow?"'),
        (b"0.5", b"0.50"),
        (b"0.5", b"5e-1"),
        (b"0.5", b"5E-1"),
        (b'"end_byte":10', b'"end_byte":10.0'),
        (b'"end_byte":10', b'"end_byte":1e1'),
        (b'"start_byte":0', b'"start_byte":-0'),
        (b'"cost_usd":0', b'"cost_usd":0.0'),
        (b'"cost_usd":0', b'"cost_usd":-0'),
        (b"1.5", b"1.500000000000000000001"),
    ],
)
def test_another_spelling_of_the_same_value_is_refused(canonical: bytes, other: bytes) -> None:
    """Otherwise a byte of the file could change and leave the digest as it was."""
    assert canonical in LINE.encode()
    message = refused(LINE.encode().replace(canonical, other, 1))
    assert "RFC 8785" in message or "start_byte" in message


def test_json_with_escaped_letters_is_told_what_to_do() -> None:
    """Python's json.dumps does that unless told otherwise."""
    assert "ensure_ascii=False" in refused(json.dumps(document()).encode())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" \n",
        b"null",
        b"[]",
        b'"loccit-answer/1"',
        b"{",
        b"{}",
        b'{"format":"loccit-answer/2"}',
        b'{"format":["loccit-answer/1"]}',
        b'{"format":"loccit-answer/1"}',
        b"\xef\xbb\xbf" + LINE.encode(),
        LINE.encode() + b"x",
        LINE.encode() * 2,
        LINE.encode()[:-1],
        LINE.encode("utf-16"),
        LINE.encode("latin-1", "replace"),
        LINE.encode().replace("ü".encode(), b"\xff"),
        LINE.encode().replace("ü".encode(), b"\xed\xa0\x80"),
        LINE.encode().replace("ü".encode(), rb"\ud800"),
        LINE.encode().replace("ü".encode(), rb"\ud83d\ude00"),
        LINE.encode().replace("ü".encode(), b"\n"),
        LINE.encode().replace(b"0.5", b"NaN"),
        LINE.encode().replace(b"0.5", b"-Infinity"),
        LINE.encode().replace(b"0.5", b"1e999"),
        LINE.encode().replace(b"0.5", b"0.1234567"),
        LINE.encode().replace(b"0.5", b"2"),
        LINE.encode().replace(b"0.5", b'"0.5"'),
        LINE.encode().replace(b"0.5", b"true"),
        LINE.encode().replace(b'"end_byte":10', b'"end_byte":9007199254740992'),
        LINE.encode().replace(b'"end_byte":10', b'"end_byte":' + b"9" * 1_000_000),
        LINE.encode().replace(b'"end_byte":10', b'"end_byte":-1'),
        LINE.encode().replace(b'"end_byte":10', b'"end_byte":true'),
        LINE.encode().replace(b'"end_byte":10', b'"end_byte":"10"'),
        LINE.encode().replace(b'"start_line":1', b'"start_line":0'),
        LINE.encode().replace(b'"repo":"box"', b'"repo":"/home/me/box"'),
        LINE.encode().replace(b'"repo":"box"', b'"repo":""'),
        LINE.encode().replace(b"1111", b"111A"),
        LINE.encode().replace(b"678Z", b"678+00:00"),
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"format":"loccit-answer/1","claims":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=lambda data: repr(data[:12]),
)
def test_what_is_no_answer_is_refused_with_a_sentence(data: bytes) -> None:
    """Never another exception, never a page of output."""
    assert len(refused(data)) < 500


def test_a_file_over_the_limit_is_not_read() -> None:
    """The error carries the size and the limit."""
    with pytest.raises(LimitExceeded) as caught:
        parse_answer(b" " * (MAX_ANSWER_BYTES + 1))
    assert (caught.value.value, caught.value.limit) == (50_000_001, 50_000_000)


@given(st.binary(max_size=80) | st.text(max_size=80).map(lambda text: text.encode("utf-8", "replace")))
def test_random_bytes_are_refused(data: bytes) -> None:
    """By a MalformedAnswer and nothing else."""
    refused(data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.sampled_from([way for way in keys_of(document()) if way[0] not in ("run", "format")]), json_values)
def test_a_value_of_another_shape_is_refused_or_kept_exactly(way: tuple[Any, ...], value: Any) -> None:
    """Nothing is coerced: what is accepted is written back as it was."""
    whole = document()
    holder = whole
    for step in way[:-1]:
        holder = holder[step]
    holder[way[-1]] = value
    try:
        answer = parse_answer(spelled(whole))
    except MalformedAnswer:
        return
    assert answer.model_dump(mode="json") == whole


def test_a_score_keeps_six_decimals() -> None:
    """So that noise in the last bits does not change the digest."""
    assert seal(**(FIELDS | {"confidence": 0.1 + 0.2})).confidence == 0.3


def test_text_that_is_not_unicode_cannot_be_answered() -> None:
    """A lone surrogate has no UTF-8 and so no digest."""
    with pytest.raises(ValidationError, match="lone surrogate at character 1"):
        seal(**(FIELDS | {"question": "a\udcff"}))


def test_a_snapshot_says_its_time_in_utc() -> None:
    """One spelling only."""
    with pytest.raises(ValidationError, match="indexed_at"):
        SnapshotInfo(repo="r", commit=None, tree=None, indexed_at="2026-01-01T00:00:00+00:00", files=0)


@given(st.binary(min_size=1, max_size=20))
def test_every_path_travels(path: bytes) -> None:
    """As `path` where it is UTF-8, else as canonical base64."""
    fields = path_fields(path_text(path))
    assert (fields["path"] is None) != (fields["path_base64"] is None)
    citation = Citation.model_validate(CITATION | fields)
    assert cited_path(citation) == path == path_bytes(path_text(path))


@pytest.mark.parametrize("text", ["6Q", "6R==", "6Q=", "6Q===", "a", "AAA"])
def test_base64_that_is_not_canonical_names_no_path(text: str) -> None:
    """Padding and spare bits could otherwise change without changing the path."""
    try:
        citation = Citation.model_validate(CITATION | {"path": None, "path_base64": text})
    except ValidationError:
        return
    with pytest.raises(ValueError, match="base64"):
        cited_path(citation)


def test_answers_are_values() -> None:
    """Frozen, and equal by content."""
    again = Answer.model_validate(document())
    assert again == ANSWER
    assert hash(again.claims) == hash(ANSWER.claims)
    with pytest.raises(ValidationError):
        again.question = "other"  # type: ignore[misc]
