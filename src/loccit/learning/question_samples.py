"""Samples out of docs and docstrings: a sentence about a place becomes a question that the place answers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from textwrap import dedent

from loccit.core.chunks import Chunk, ChunkKind, ParsedFile
from loccit.core.source import FileEntry, FileRole, Snapshot
from loccit.evals.datasets import Gold, Job, Lines, Sample
from loccit.learning.mined_samples import MinedKind, Vein, counted, drawn, is_text, sample_of, short_id
from loccit.learning.wording import question_of_docstring, question_of_heading
from loccit.parsing import ParsingOptions, language_of, parse
from loccit.sources import Repository

OF_ONE_FILE = 3
# So much of what is asked comes from documentation, where there is any.
_SHARE_OF_DOCS = 1 / 3
_LEAST_SECTION_BYTES = 200
_DOCS = frozenset({"markdown", "rst"})
_LOGS = re.compile(
    r"(?:^|/)(?:change(?:s|log)?|history|news|releases?|authors|contributors|licen[cs]e)\b", re.I
)
_PREFIX = re.compile(r"[rRuUbBfF]{0,2}(\"\"\"|'''|\"|')")
_COMMENT = re.compile(
    r"^[ \t]*(?:/\*+!?|\*+/|\*(?!\*)|//[/!]?|#+!?|--)[ \t]?|[ \t]*\*+/[ \t]*$", re.MULTILINE
)
_DIRECTIVE = re.compile(
    r"^\s*(?:[@\\]\w|TODO|eslint|pylint|noqa|type:|#\[|go:|nolint|prettier)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question with the place that answers it, before it is drawn."""

    question: str
    entry: FileEntry
    chunk: Chunk
    last_line: int


def question_samples(
    repository: Repository,
    repo: str,
    snapshot: Snapshot,
    count: int,
    *,
    seed: int,
    parsing: ParsingOptions,
    of_one_file: int = OF_ONE_FILE,
) -> Vein:
    """Samples drawn from what the files of a snapshot say about themselves, asked at that snapshot.

    Left out are what fits no form of a question, and questions that several places answer.
    """
    reasons: list[str] = []
    asked: list[_Asked] = []
    # Each definition by itself, however small: it is the place that is asked for.
    alone = replace(parsing, min_chunk_bytes=0, whole_class_bytes=0)
    for entry, data, parsed in parsed_files(repository, snapshot, alone):
        found = _of_docs(entry, data, parsed) if parsed.language in _DOCS else _of_code(entry, data, parsed)
        for one in found:
            if one.question:
                asked.append(one)
            else:
                reasons.append("no sentence that makes a question")
    times = Counter(one.question.lower() for one in asked)
    single = [one for one in asked if times[one.question.lower()] == 1]
    reasons += ["several places say the same"] * (len(asked) - len(single))
    samples = [_sample(one, repo, snapshot.commit) for one in single]
    docs = [sample for sample in samples if sample.slices["kind"] == "docs"]
    code = [sample for sample in samples if sample.slices["kind"] != "docs"]
    from_docs = min(len(docs), max(int(_SHARE_OF_DOCS * count), count - len(code)))
    chosen = [
        *drawn(code, count - from_docs, seed=seed, of_one_group=of_one_file),
        *drawn(docs, from_docs, seed=seed, of_one_group=of_one_file),
    ]
    return Vein(MinedKind.QUESTIONS, tuple(chosen), counted(reasons))


def parsed_files(
    repository: Repository, snapshot: Snapshot, parsing: ParsingOptions
) -> Iterator[tuple[FileEntry, bytes, ParsedFile]]:
    """The source files and documentation of a snapshot, cut into chunks, in order of path."""
    entries = [
        entry
        for entry in snapshot.entries
        if entry.role in {FileRole.SOURCE, FileRole.DOCS} and is_text(entry.path)
    ]
    with repository.reader() as reader:
        blobs = reader.read_many([entry.blob for entry in entries])
        for entry, (_, data) in zip(entries, blobs, strict=True):
            parsed = parse(data, language=language_of(entry.path), options=parsing)
            if parsed.unsearchable is None and not parsed.is_generated:
                yield entry, data, parsed


def text_of(chunk: Chunk, data: bytes, parsed: ParsedFile) -> str:
    """A chunk's own text."""
    return data[chunk.start_byte : chunk.end_byte].decode(parsed.encoding, "replace")


def _of_code(entry: FileEntry, data: bytes, parsed: ParsedFile) -> Iterator[_Asked]:
    """Of each definition that is documented the question, empty where it makes none."""
    if entry.role is not FileRole.SOURCE:
        return
    for at, chunk in enumerate(parsed.chunks):
        name = re.split(r"::|[.#]", chunk.symbol)[-1]
        if chunk.kind not in {ChunkKind.FUNCTION, ChunkKind.CLASS} or name not in chunk.defines:
            continue
        if name.startswith("__") or not is_text(chunk.symbol):
            continue
        said = _docstring(chunk, data, parsed)
        if said:
            question = question_of_docstring(said, is_class=chunk.kind is ChunkKind.CLASS)
            yield _Asked(question, entry, chunk, _last_line(parsed, at))


def _docstring(chunk: Chunk, data: bytes, parsed: ParsedFile) -> str:
    """What is written at a definition about it; empty where nothing is."""
    for start, end in chunk.docs:
        text = data[start:end].decode(parsed.encoding, "replace")
        if parsed.language == "python":
            opening = _PREFIX.match(text)
            if opening:
                return _dedented(text[opening.end() :].removesuffix(opening[1]))
        elif start - chunk.start_byte <= 80 and not data[chunk.start_byte : start].strip():
            said = _COMMENT.sub("", text)
            return "" if _DIRECTIVE.match(said) else _dedented(said)
    return ""


def _dedented(text: str) -> str:
    first, _, rest = text.partition("\n")
    return f"{first.strip()}\n{dedent(rest)}".strip()


def _last_line(parsed: ParsedFile, at: int) -> int:
    """The last line of a definition that may have been cut into several chunks."""
    chunks = parsed.chunks
    end = at
    while (
        end + 1 < len(chunks)
        and chunks[end + 1].symbol == chunks[at].symbol
        and chunks[at].kind is ChunkKind.FUNCTION
    ):
        end += 1
    return chunks[end].end_line


def _of_docs(entry: FileEntry, data: bytes, parsed: ParsedFile) -> Iterator[_Asked]:
    """Of each section the question that its heading is, empty where it makes none."""
    if entry.role is not FileRole.DOCS or _LOGS.search(entry.path):
        return
    known = {""}
    for chunk in parsed.chunks:
        if chunk.kind is not ChunkKind.SECTION or chunk.symbol in known or not is_text(chunk.symbol):
            continue
        known.add(chunk.symbol)
        if chunk.end_byte - chunk.start_byte >= _LEAST_SECTION_BYTES:
            trail = chunk.symbol.split(" > ")
            page = trail[0] if len(trail) > 1 else ""
            question = question_of_heading(trail[-1], page, text_of(chunk, data, parsed))
            yield _Asked(question, entry, chunk, chunk.end_line)


def _sample(one: _Asked, repo: str, commit: str | None) -> Sample:
    path, chunk = one.entry.path, one.chunk
    is_docs = chunk.kind is ChunkKind.SECTION
    kind = "docs" if is_docs else "docstring"
    gold = Gold(
        files=(path,),
        functions=() if is_docs else (f"{path}::{chunk.symbol}",),
        passages=(Lines(path=path, start_line=chunk.start_line, end_line=one.last_line),),
    )
    return sample_of(
        kind,
        short_id(path, chunk.symbol, one.question),
        one.question,
        gold,
        job=Job.ASK,
        repo=repo,
        commit=commit,
        group=path,
        origin={"place": f"{path}:{chunk.start_line}"},
    )


def asked_elsewhere(samples: Iterable[Sample], *, repo: str, commit: str | None) -> Iterator[Sample]:
    """These samples as questions to a repository that does not hold their answers."""
    for sample in samples:
        yield Sample(
            id=f"{MinedKind.UNANSWERABLE.value}-{sample.id}",
            question=sample.question,
            job=Job.ASK,
            gold=Gold(abstain=True),
            repo=repo,
            commit=commit,
            group=f"{sample.repo}:{sample.group}",
            slices={"kind": MinedKind.UNANSWERABLE.value, "names_answer": "no"},
            origin={
                "kind": MinedKind.UNANSWERABLE.value,
                "from": sample.repo,
                "from_commit": sample.commit or "",
                **{key: value for key, value in sample.origin.items() if key == "place"},
            },
        )
