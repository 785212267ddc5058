"""Small snapshots without a repository: files cut by hand or by the real parser, indexed for real."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha1
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from loccit.core.chunks import Chunk, ChunkKind, ParsedFile
from loccit.core.evidence import Filters, Place
from loccit.core.source import FileRole
from loccit.indexing.lexical import FileRecord, tokenise
from loccit.indexing.paths import index_paths
from loccit.indexing.segment import Segment, as_keys, build_segment, open_segment
from loccit.indexing.shard import Kind, SnapshotRecord
from loccit.indexing.view import ROLES, FileTable, SnapshotView
from loccit.parsing import language_of, parse
from loccit.retrieval.query import understand
from loccit.retrieval.search import Results, Target, search
from loccit.sources.roles import role_of

COMMIT = "c" * 40
TREE = "d" * 40


@dataclass(frozen=True)
class MadeChunk:
    """A chunk by its fields; texts are words with spaces between."""

    body: str = ""
    docs: str = ""
    signature: str = ""
    symbol: str = ""
    defines: tuple[str, ...] = ()


@dataclass(frozen=True)
class MadeFile:
    """A file cut by hand."""

    path: str
    chunks: tuple[MadeChunk, ...]
    role: FileRole = FileRole.SOURCE
    language: str = "python"

    @property
    def data(self) -> bytes:
        return b"".join(_text(chunk) for chunk in self.chunks)

    @property
    def parsed(self) -> ParsedFile:
        chunks: list[Chunk] = []
        start = 0
        for chunk in self.chunks:
            end = start + len(_text(chunk))
            docs = ((end - len(chunk.docs.encode()) - 1, end - 1),) if chunk.docs else ()
            chunks.append(
                Chunk(
                    start_byte=start,
                    end_byte=end,
                    start_line=1 + 2 * len(chunks),
                    end_line=2 + 2 * len(chunks),
                    kind=ChunkKind.FUNCTION,
                    symbol=chunk.symbol,
                    defines=chunk.defines,
                    signature=chunk.signature,
                    docs=docs,
                )
            )
            start = end
        return ParsedFile(self.language, "utf-8", tuple(chunks))


def _text(chunk: MadeChunk) -> bytes:
    return f"{chunk.body}\n{chunk.docs}\n".encode()


@dataclass
class MadeSnapshot:
    """A snapshot to search, and its blobs."""

    target: Target
    blobs: dict[str, bytes] = field(default_factory=dict)

    def read(self, place: Place) -> bytes:
        return self.blobs[place.object_id]


def made(
    files: Sequence[MadeFile], *, segments: int = 1, repo: str = "made", kind: Kind = "files"
) -> MadeSnapshot:
    """The snapshot of files cut by hand, their records spread over so many segments."""
    return _snapshot([_Entry(f.path, f.data, f.role, f.parsed) for f in files], segments, repo, kind)


def parsed(files: Mapping[str, str | bytes], *, repo: str = "made") -> MadeSnapshot:
    """The snapshot of real files, with the languages and roles that their paths suggest."""
    contents = {
        path: content.encode() if isinstance(content, str) else content for path, content in files.items()
    }
    entries = [
        _Entry(path, data, role_of(path), parse(data, language=language_of(path)))
        for path, data in contents.items()
    ]
    return _snapshot(entries, 1, repo, "files")


def hits_of(snapshot: MadeSnapshot, text: str, *, top_k: int = 10, filters: Filters | None = None) -> Results:
    """What a query finds in a snapshot."""
    query = understand(text, max_chars=100_000)
    return search(query, [snapshot.target], filters=filters or Filters(), top_k=top_k)


def paths_of(results: Results) -> list[str]:
    """The paths of the hits, each once, best first."""
    return list(dict.fromkeys(hit.place.path for hit in results.hits))


@dataclass(frozen=True)
class _Entry:
    path: str
    data: bytes
    role: FileRole
    parsed: ParsedFile

    @property
    def key(self) -> bytes:
        """Equal for equal content that was cut alike."""
        return sha1(self.data + repr(self.parsed).encode()).digest()[:16]

    @property
    def blob(self) -> str:
        return sha1(self.data).hexdigest()


def _snapshot(entries: Sequence[_Entry], segments: int, repo: str, kind: Kind) -> MadeSnapshot:
    entries = sorted(entries, key=lambda entry: entry.path.encode())
    records = {entry.key: tokenise(entry.parsed, entry.data) for entry in entries}
    paths = [entry.path for entry in entries]
    table = FileTable(
        paths=paths,
        blobs=[entry.blob for entry in entries],
        keys=as_keys([entry.key for entry in entries]),
        roles=np.array([ROLES.index(entry.role) for entry in entries], dtype=np.uint8),
        words=index_paths(paths),
    )
    spread = [list(records.items())[number::segments] for number in range(segments)]
    view = SnapshotView([_segment(part) for part in spread if part], table)
    record = SnapshotRecord(
        id=COMMIT,
        kind=kind,
        repo=repo,
        commit=COMMIT,
        tree=TREE,
        committed_at=0,
        indexed_at=0.0,
        files=len(paths),
        text_bytes=0,
    )
    return MadeSnapshot(Target(repo, record, view), {entry.blob: entry.data for entry in entries})


def _segment(records: Sequence[tuple[bytes, FileRecord]]) -> Segment:
    with TemporaryDirectory(prefix="loccit-tests-") as folder:
        path = Path(folder) / "made.seg"
        build_segment(path, records)
        # What is mapped stays when its name goes.
        return open_segment(path)
