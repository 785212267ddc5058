"""Marked-up text cut along its headings. A chunk's symbol is the trail of headings above it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import unescape

from loccit.core.chunks import Chunk, ChunkKind
from loccit.parsing.encoding import SourceText
from loccit.parsing.options import ParsingOptions
from loccit.parsing.pieces import Piece, Scope, chunks_of

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
    """Sections of a Markdown file by its ATX and setext headings.

    Only headings that start a line count: indented or quoted ones belong to a list or a quote. A setext
    heading has one line, with a blank one above it. Front matter, fenced code and comments have none.
    """
    text = source.whole_text
    offsets = source.offsets()
    front_matter = _FRONT_MATTER.match(text)
    headings: list[Heading] = []
    fence = closes = ""
    for match in _MARKDOWN_MARK.finditer(text, front_matter.end() if front_matter else 0):
        if fence:
            is_closing = match["fence"] and match["fence"].startswith(fence) and not match["info"].strip()
            fence = "" if is_closing else fence
        elif closes:
            closes = "" if match[0].lower() == closes else closes
        elif match["fence"]:
            fence = match["fence"]
        elif match["opens"]:
            closes = _MARKDOWN_OPAQUE[match["opens"].lower()]
        elif match["marks"] or (match["setext"] and _follows_blank_line(text, match.start())):
            level = len(match["marks"]) if match["marks"] else 1 + (match["under"][0] == "-")
            title = _CLOSING_MARKS.sub("", match["atx"]) if match["marks"] else match["setext"]
            start, end = offsets.at(match.start()), offsets.at(match.end())
            headings.append(Heading(start, end, level, title))
    return cut_sections(source, headings, options)


_FRONT_MATTER = re.compile(r"\ufeff?---[ \t]*\r?\n(?:.*\n){0,200}?---[ \t]*\r?(?:\n|\Z)")
_MARKDOWN_MARK = re.compile(
    # A fence may stand in a list or a quote.
    r"^(?:[ \t>]|[-+*][ \t]|\d{1,9}[.)][ \t])*(?P<fence>`{3,}(?=[^`\n]*$)|~{3,})(?P<info>.*)"
    r"|^[ ]{0,3}(?P<opens><!--|<(?:pre|script|style|textarea)\b)"
    r"|-->|</(?:pre|script|style|textarea)>"
    r"|^\ufeff?(?P<marks>\#{1,6})(?=[ \t\r\n]|\Z)(?P<atx>.*)"
    r"|^\ufeff?(?P<setext>(?![\s>|\#<]|[-+*=][ \t]|\d{1,9}[.)][ \t]|```|~~~).+)\n(?P<under>=+|-+)[ \t\r]*$",
    re.MULTILINE | re.IGNORECASE,
)
_MARKDOWN_OPAQUE = {"<!--": "-->"} | {
    f"<{tag}": f"</{tag}>" for tag in ("pre", "script", "style", "textarea")
}
_CLOSING_MARKS = re.compile(r"[ \t]#+[ \t\r]*\Z")


def _follows_blank_line(text: str, at: int) -> bool:
    return at == 0 or not text[text.rfind("\n", 0, at - 1) + 1 : at].strip()


def cut_rst(source: SourceText, options: ParsingOptions) -> tuple[Chunk, ...]:
    """Sections of a reStructuredText file: titles are underlined, or stand between lines of punctuation."""
    levels: dict[tuple[str, bool], int] = {}
    headings: list[Heading] = []
    below = 0
    for line, mark in _adornments(source):
        title = _rst_line(source, line - 1) if line > below else ""
        above = _rst_line(source, line - 2) if line - 1 > below else ""
        is_overlined = above == mark and line - 1 > below
        starts_here = is_overlined or not above.strip() or above.startswith("..")
        if not title.strip() or not starts_here or (title[0].isspace() and not is_overlined):
            continue
        if len(mark) < min(len(title.strip()), 4):
            continue
        level = levels.setdefault((mark[0], is_overlined), len(levels) + 1)
        first = _with_targets(source, line - 2 if is_overlined else line - 1, below)
        start, end = source.line_start(first), source.line_start(line + 1)
        headings.append(Heading(start, end, level, title))
        below = line + 1
    return cut_sections(source, headings, options)


def _with_targets(source: SourceText, line: int, floor: int) -> int:
    """The line of the first link target or index entry right above a title, or `line` itself."""
    first = line
    while line > floor:
        line -= 1
        text = _rst_line(source, line)
        if text.startswith((".. _", ".. index::")):
            first = line
        elif text:
            break
    return first


# Punctuation repeated to the line's end.
_ADORNMENT = re.compile(r"^([!-/:-@\[-`{-~])\1*(?=[ \t\r]*$)", re.MULTILINE)


def _adornments(source: SourceText) -> Iterator[tuple[int, str]]:
    """Lines that may underline a title, as (index, characters)."""
    text = source.whole_text
    line = at = 0
    for match in _ADORNMENT.finditer(text):
        line += text.count("\n", at, match.start())
        at = match.start()
        yield line, match[0]


def _rst_line(source: SourceText, index: int) -> str:
    return source.text(source.line_start(index), source.line_start(index + 1)).rstrip()


def cut_html(source: SourceText, options: ParsingOptions) -> tuple[Chunk, ...]:
    """Sections of an HTML page by `h1` to `h6`; what is in comments, scripts and styles is no heading."""
    text = source.whole_text
    headings: list[Heading] = []
    closes = ""
    opened: re.Match[str] | None = None
    offsets = source.offsets()
    for match in _HTML_MARK.finditer(text):
        mark = match[0].lower()
        if closes:
            closes = "" if mark.startswith(closes) else closes
        elif mark in _HTML_OPAQUE:
            closes = _HTML_OPAQUE[mark]
        elif match["level"]:
            opened = match
        elif opened and mark.startswith(f"</h{opened['level']}"):
            title = unescape(_HTML_TAG.sub("", text[opened.end() : match.start()]))
            start, end = offsets.at(opened.start()), offsets.at(match.end())
            headings.append(Heading(source.line_begin(start), end, int(opened["level"]), title))
            opened = None
    return cut_sections(source, headings, options, is_indented=True)


# Bounded, so that a page of nothing but "<h1" takes linear time.
_HTML_MARK = re.compile(
    r"<!--|-->|</?(?:script|style|textarea)\b|<h(?P<level>[1-6])\b[^<>]{0,400}>|</h[1-6]", re.IGNORECASE
)
_HTML_OPAQUE = {"<!--": "-->", "<script": "</script", "<style": "</style", "<textarea": "</textarea"}
_HTML_TAG = re.compile(r"<[^<>]*>")


def cut_sections(
    source: SourceText,
    headings: Iterable[Heading],
    options: ParsingOptions,
    *,
    is_indented: bool = False,
) -> tuple[Chunk, ...]:
    """Chunks from headings in order of place. What stands before the first one is text."""
    size = len(source.data)
    trail: list[tuple[int, Scope]] = [(0, Scope(ChunkKind.TEXT))]
    pieces = [Piece(0, size, trail[0][1])]
    body_start = 0
    for heading in headings:
        while trail[-1][0] >= heading.level:
            trail.pop()
        scope = section_below(heading.title, trail[-1][1])
        trail.append((heading.level, scope))
        last = pieces[-1]
        is_bare = not source.text(body_start, heading.start).strip("\ufeff \t\r\n")
        if is_bare and scope.parent is last.scope:
            # A heading, or a file's start, with nothing below it is no passage of its own.
            last.scope, last.is_whole = scope, True
        else:
            last.end = heading.start
            pieces.append(Piece(heading.start, size, scope, is_whole=True))
        body_start = heading.end
    return chunks_of(source, pieces, options, is_indented=is_indented)


def section_below(title: str, above: Scope) -> Scope:
    """The scope of a section with this title, below another one."""
    title = " ".join(title.replace("`", "").split())[:_TITLE_MAX_CHARACTERS]
    symbol = f"{above.symbol}{SEPARATOR}{title}" if above.symbol else title
    return Scope(ChunkKind.SECTION, symbol, "", above)
