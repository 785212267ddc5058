"""What holds for the chunks of every file, whatever is in it."""

from __future__ import annotations

from loccit.core.chunks import ParsedFile


def check_tiling(parsed: ParsedFile, data: bytes, max_chunk_bytes: int = 2400) -> None:
    """The chunks are the file, each with its lines, whole characters and its documentation."""
    if parsed.unsearchable is not None:
        assert parsed.chunks == ()
        return
    assert parsed.chunks
    assert b"".join(data[chunk.start_byte : chunk.end_byte] for chunk in parsed.chunks) == data
    newline_at = line_ends(data, parsed.encoding)
    at = 0
    for chunk in parsed.chunks:
        assert chunk.start_byte == at < chunk.end_byte
        assert chunk.end_byte - at <= max_chunk_bytes
        assert chunk.start_line == 1 + sum(end <= chunk.start_byte for end in newline_at)
        assert chunk.end_line == 1 + sum(end <= chunk.end_byte - 1 for end in newline_at)
        data[chunk.start_byte : chunk.end_byte].decode(parsed.encoding)
        check_docs(chunk.docs, chunk.start_byte, chunk.end_byte)
        at = chunk.end_byte


def check_docs(docs: tuple[tuple[int, int], ...], start: int, end: int) -> None:
    """Ranges are not empty, sorted, disjoint, and within `start` and `end`."""
    for doc_start, doc_end in docs:
        assert start <= doc_start < doc_end <= end
        start = doc_end


def line_ends(data: bytes, encoding: str) -> list[int]:
    """The offset after each line's end, found by walking over the code units one by one."""
    if not encoding.startswith("utf-16"):
        return [index + 1 for index, byte in enumerate(data) if byte == 0x0A]
    order = "little" if encoding == "utf-16-le" else "big"
    return [
        index + 2
        for index in range(0, len(data) - 1, 2)
        if int.from_bytes(data[index : index + 2], order) == 0x0A
    ]
