"""Text without a structure that we know: cut after blank lines."""

from __future__ import annotations

from loccit.core.chunks import Chunk, ChunkKind
from loccit.parsing.encoding import SourceText
from loccit.parsing.options import ParsingOptions
from loccit.parsing.pieces import Piece, Scope, chunks_of


def cut_text(source: SourceText, options: ParsingOptions) -> tuple[Chunk, ...]:
    """Chunks of comparable size, each starting after a blank line where there is one near."""
    whole = Piece(0, len(source.data), Scope(ChunkKind.TEXT))
    return chunks_of(source, [whole], options)
