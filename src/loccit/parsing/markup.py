"""Marked-up text cut along its headings. A chunk's symbol is the trail of headings above it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from loccit.core.chunks import Chunk, ChunkKind
from loccit.parsing.encoding import SourceText
from loccit.parsing.options import ParsingOptions
from loccit.parsing.pieces import Marks, Piece, Scope, chunks_of

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

SEPARATOR = " > "
_TITLE_MAX_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading: where its markup starts and ends, its level from 1, and its title."""

    start: int
    end: int
    level: int
    title: str


def cut_markdown(source: SourceText, options: ParsingOptions) -> tuple[Chunk, ...]:
    """Sections of a Markdown file by its ATX and setext headings; front matter is its preamble."""
    # markdown-it counts a lone carriage return as a line's end; our lines end at 0x0A only.
    text = source.whole_text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", " ")
    tokens = _markdown().parse(text)
    headings: list[Heading] = []
    for index, token in enumerate(tokens):
        if token.type == "heading_open" and token.map is not None:
            start, end = (source.line_start(line) for line in token.map)
            headings.append(Heading(start, end, int(token.tag[1]), tokens[index + 1].content))
    return cut_sections(source, headings, options)


@cache
def _markdown() -> MarkdownIt:
    """A block parser that knows what a heading is and what only looks like one.

    Lists, quotes and tables are left as paragraphs: their headings are not the document's.
    """
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("zero").enable(["code", "fence", "html_block", "heading", "lheading"])
    markdown.core.ruler.enableOnly(["normalize", "block"])
    return markdown


def cut_sections(
    source: SourceText, headings: Iterable[Heading], options: ParsingOptions
) -> tuple[Chunk, ...]:
    """Chunks from headings in order of place. What stands before the first one is text."""
    size = len(source.data)
    trail: list[tuple[int, Scope]] = [(0, Scope(ChunkKind.TEXT))]
    pieces = [Piece(0, size, trail[0][1])]
    body_start = 0
    for heading in headings:
        while trail[-1][0] >= heading.level:
            trail.pop()
        scope = _section(heading.title, trail[-1][1])
        trail.append((heading.level, scope))
        last = pieces[-1]
        is_bare = not source.text(body_start, heading.start).strip("\ufeff \t\r\n")
        if is_bare and scope.parent is last.scope:
            # A heading, or a file's start, with nothing below it is no passage of its own.
            last.scope = scope
        else:
            last.end = heading.start
            pieces.append(Piece(heading.start, size, scope))
        body_start = heading.end
    return chunks_of(source, pieces, options, Marks())


def _section(title: str, above: Scope) -> Scope:
    title = " ".join(title.split())[:_TITLE_MAX_CHARACTERS]
    symbol = f"{above.symbol}{SEPARATOR}{title}" if above.symbol else title
    return Scope(ChunkKind.SECTION, symbol, "", above)
