"""The blocks of an issue's text: prose and code, whether it is Markdown, Jira markup, Trac's or plain.

One pass over the lines; what is not understood stays prose.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class BlockKind(StrEnum):
    """What a block of text is."""

    PROSE = "prose"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Block:
    """A run of lines of one kind, without the marks that set it apart."""

    kind: BlockKind
    text: str


@dataclass(frozen=True, slots=True)
class Markup:
    """An issue's text taken apart: its blocks in order, its headings as written, the addresses in it."""

    blocks: tuple[Block, ...]
    headings: tuple[str, ...]
    urls: tuple[str, ...]


MAX_URLS = 100
_COMMENT_OPENS, _COMMENT_CLOSES = "<!--", "-->"
_FENCE = re.compile(r"\s*+(?:>\s?)*+(`{3,}+|~{3,}+)(.*)")
# Jira's and Trac's marks may stand anywhere in a line.
_JIRA = re.compile(
    r"\{(code|noformat)(?::[^}\n]{0,200})?\}|(\{\{\{)|(\}\}\})|(<pre\b[^>\n]{0,200}>)|(</pre>)"
)
_HEADING = re.compile(
    r"\s{0,3}(?:#{1,6}\s++(?P<md>.+)|h[1-6]\.\s*+(?P<jira>.+)|\*\*(?P<bold>[^*\n]{1,80})\*\*:?\s*$)"
)
_UNDERLINE = re.compile(r"\s{0,3}(?:={3,}|-{3,})\s*$")
_LIST_ITEM = re.compile(r"\s*+(?:[-*+]|\d{1,3}[.)])\s")
_CHECKBOX = re.compile(r"\s*+[-*+]\s++\[[ xX]\]\s")
_TAG = re.compile(
    r"</?(?:details|summary|br|p|b|i|em|strong|code|sub|sup|kbd|img|hr|div|span)\b[^>\n]{0,300}>"
)
_IMAGE = re.compile(
    r"!\[[^\]\n]{0,300}\]\([^)\n]{0,500}\)|![\w.-]{1,100}\.(?:png|jpe?g|gif)(?:\|[^!\n]{0,50})?!"
)
_MD_LINK = re.compile(r"\[([^\]\[\n]{1,300})\]\((https?://[^)\s]{1,1000})\)")
_JIRA_LINK = re.compile(r"\[([^|\]\[\n]{1,300})\|(https?://[^\]\s]{1,1000})\]")
_URL = re.compile(r"https?://[^\s<>\"'`\]\[{}|)]{1,1000}")
# As browsers write a frame: `https://example.org/app.js:12:7`.
_PLACE = re.compile(r":\d{1,9}:\d{1,9}$")
_MONOSPACE = re.compile(r"\{\{([^{}\n]{1,200})\}\}")


def take_apart(text: str) -> Markup:
    """The blocks, headings and addresses of an issue's text."""
    lines = _without_comments(text).split("\n")
    reader = _Reader()
    for number, line in enumerate(lines):
        reader.take(line, lines[number + 1] if number + 1 < len(lines) else "")
    reader.close()
    return Markup(tuple(reader.blocks), tuple(reader.headings), tuple(reader.urls)[:MAX_URLS])


class _Reader:
    """Reads lines one by one and keeps the block that is being read."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.headings: list[str] = []
        self.urls: dict[str, None] = {}
        self._kind = BlockKind.PROSE
        self._lines: list[str] = []
        # What closes the code block that is open: a fence's marks, the name of a Jira macro, "}}}".
        self._closer = ""
        self._is_indented = False
        self._above = ""

    def take(self, line: str, below: str) -> None:
        fence = _FENCE.match(line) if len(line) < 1000 else None
        if self._closer and self._closer[0] in "`~":
            if fence and fence[1].startswith(self._closer) and not fence[2].strip():
                self._switch(BlockKind.PROSE, "")
            else:
                self._lines.append(line)
        elif fence and not self._closer and "`" not in fence[2]:
            self._switch(BlockKind.CODE, fence[1])
        else:
            self._take_marked(line, below)
        self._above = line

    def close(self) -> None:
        text = "\n".join(self._lines).strip("\n")
        if text.strip():
            self.blocks.append(Block(self._kind, text))
        self._lines = []

    def _switch(self, kind: BlockKind, closer: str) -> None:
        self.close()
        self._kind, self._closer, self._is_indented = kind, closer, False

    def _take_marked(self, line: str, below: str) -> None:
        """A line outside Markdown's fences, where Jira's and Trac's marks open and close code."""
        position = 0
        for match in _JIRA.finditer(line):
            opened = match[1] or ("}}}" if match[2] else "") or ("</pre>" if match[4] else "")
            closes = match[1] or ("}}}" if match[3] else "") or ("</pre>" if match[5] else "")
            if self._closer and closes == self._closer:
                self._lines.append(line[position : match.start()])
                self._switch(BlockKind.PROSE, "")
            elif not self._closer and opened:
                self._take_plain(line[position : match.start()], "")
                self._switch(BlockKind.CODE, opened)
            else:
                continue
            position = match.end()
        rest = line[position:]
        if self._closer:
            self._lines.append(rest)
        elif position == 0 or rest.strip():
            self._take_plain(rest, below)

    def _take_plain(self, line: str, below: str) -> None:
        indented = line.startswith(("    ", "\t"))
        if self._is_indented and (indented or not line.strip()):
            self._lines.append(line)
            return
        if self._is_indented:
            self._switch(BlockKind.PROSE, "")
        follows_blank = not self._above.strip()
        if indented and line.strip() and follows_blank and not _LIST_ITEM.match(self._last_said()):
            self._switch(BlockKind.CODE, "")
            self._is_indented = True
            self._lines.append(line)
            return
        self._take_prose(line, below)

    def _last_said(self) -> str:
        return next((line for line in reversed(self._lines[-20:]) if line.strip()), "")

    def _take_prose(self, line: str, below: str) -> None:
        if _CHECKBOX.match(line) or _UNDERLINE.match(line):
            return
        heading = _HEADING.match(line[:300])
        if heading is not None or (line.strip() and len(line) < 100 and _UNDERLINE.match(below)):
            said = (heading["md"] or heading["jira"] or heading["bold"]) if heading else line
            self.headings.append(said.strip(" #:*"))
            self._lines.append(said)
            return
        self._lines.append(self._without_marks(line))

    def _without_marks(self, line: str) -> str:
        for pattern in (_MD_LINK, _JIRA_LINK):
            for match in pattern.finditer(line):
                self.urls[match[2]] = None
            line = pattern.sub(r"\1", line)
        line = _IMAGE.sub(" ", line)
        line = _TAG.sub(" ", _URL.sub(self._taken, line))
        return _MONOSPACE.sub(r"`\1`", line)

    def _taken(self, address: re.Match[str]) -> str:
        """What stays in a line of an address: nothing, but of a frame's, which says a place, all of it."""
        if _PLACE.search(address[0][-20:]):
            return address[0]
        self.urls[address[0].rstrip(".,;:!?")] = None
        return " "


def _without_comments(text: str) -> str:
    """The text without `<!-- -->`: templates hide their instructions there."""
    kept: list[str] = []
    position = 0
    while (start := text.find(_COMMENT_OPENS, position)) >= 0:
        end = text.find(_COMMENT_CLOSES, start + len(_COMMENT_OPENS))
        if end < 0:
            break
        kept.append(text[position:start])
        position = end + len(_COMMENT_CLOSES)
    return "".join([*kept, text[position:]])


def joined(blocks: Sequence[Block], kind: BlockKind) -> str:
    """The blocks of one kind, an empty line between them."""
    return "\n\n".join(block.text for block in blocks if block.kind is kind)
