"""Lines of an indexed file, as they stand at the indexed commit."""

from __future__ import annotations

from dataclasses import dataclass

from loccit.core.encodings import Encoding, encoding_of, text_lines
from loccit.core.errors import InputError, NotFound
from loccit.core.evidence import Place
from loccit.core.source import BlobReader
from loccit.pipeline.searchable import Searchable, read_place


@dataclass(frozen=True, slots=True)
class SourceLines:
    """Lines `start_line` to `end_line` (1-based, inclusive) of a file that has `total_lines`; both are 0
    where it is empty.

    `commit` is null for a plain folder, `tree` is there in every case; `blob` is the file's object id.
    `lines` have no line ends. `language` and `symbols` (qualified names of what is defined in these lines,
    with the first line of the chunk that holds each) are those of the index.
    """

    repo: str
    commit: str | None
    tree: str
    path: str
    blob: str
    encoding: Encoding
    language: str
    start_line: int
    end_line: int
    total_lines: int
    lines: tuple[str, ...]
    symbols: tuple[tuple[str, int], ...]


def source_lines(
    searched: Searchable, reader: BlobReader, path: str, start_line: int, end_line: int | None
) -> SourceLines:
    """These lines of a searched file; without `end_line` all that follow.

    Raises NotFound where no such file is indexed, InputError where it has no such lines, IndexBroken.
    """
    view = searched.view
    number = view.file_at(path)
    if number is None:
        raise NotFound(
            f"no file {path!r} is indexed in {searched.name!r}", next_step="write its path as search gives it"
        )
    blob, record = view.files.blobs[number], searched.snapshot
    place = Place(searched.name, record.commit, record.tree, path, blob, 0, 0, 1, 1)
    data = read_place({searched.name: reader})(place)
    encoding = encoding_of(data)
    lines = [line.removesuffix("\n").removesuffix("\r") for line in text_lines(data.decode(encoding))]
    last = len(lines) if end_line is None else min(end_line, len(lines))
    if lines and not 1 <= start_line <= last:
        raise InputError(
            f"{path!r} has no lines {start_line} to {end_line}", next_step=f"it has 1 to {len(lines)}"
        )
    documents = [view.document(one, file=number) for one in view.documents_of(number)]
    return SourceLines(
        repo=searched.name,
        commit=record.commit,
        tree=record.tree,
        path=path,
        blob=blob,
        encoding=encoding,
        language=documents[0].language if documents else "",
        start_line=start_line if lines else 0,
        end_line=last,
        total_lines=len(lines),
        lines=tuple(lines[start_line - 1 : last]),
        symbols=tuple(
            (one.symbol, one.start_line)
            for one in documents
            if one.symbol and one.start_line <= last and one.end_line >= start_line
        ),
    )
