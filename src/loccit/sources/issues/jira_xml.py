"""Jira's XML export: a feed with one `item` an issue, its texts as HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from xml.parsers import expat

from loccit.core.errors import MalformedExport
from loccit.core.issues import Issue, IssueComment, IssueKind, IssueLink, LinkKind
from loccit.sources.issues.export import Fields, Parsed
from loccit.sources.issues.jira_csv import CLOSED_STATES, dated_resolution

_DEEPEST = 50
_BLOCKS = frozenset("p br div pre li tr h1 h2 h3 h4 h5 h6 blockquote ul ol table".split())
_UNSEEN = frozenset({"script", "style"})


@dataclass(slots=True)
class _Element:
    """An element of the document: its children, and the text right below it. `line` is 1-based."""

    name: str
    attributes: dict[str, str]
    line: int
    children: list[_Element] = field(default_factory=list["_Element"])
    pieces: list[str] = field(default_factory=list[str])

    @property
    def text(self) -> str:
        return "".join(self.pieces).strip()

    def all(self, *path: str) -> Iterator[_Element]:
        """The elements at a path below this one."""
        for child in self.children:
            if child.name == path[0]:
                if len(path) == 1:
                    yield child
                else:
                    yield from child.all(*path[1:])

    def first(self, name: str) -> str:
        """The text of the first child of this name; empty without any."""
        return next((child.text for child in self.all(name)), "")


def parse_jira_xml(text: str) -> Parsed:
    """The issues of a feed. Raises MalformedExport; a document with a DOCTYPE is refused."""
    root = _Reader().read(text)
    items = list(root.all("channel", "item"))
    if root.name != "rss" or not items:
        raise MalformedExport(
            f"it is an XML document {root.name!r} without items", next_step="export a search of Jira as XML"
        )
    return Parsed(tuple((f"line {item.line:,}", _issue(item)) for item in items))


class _Reader:
    """Builds the elements of a document. Entities cannot be declared, so nothing can be blown up or read."""

    def __init__(self) -> None:
        self._root = _Element("", {}, 0)
        self._open = [self._root]
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._data
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._parser.buffer_text = True

    def read(self, text: str) -> _Element:
        """The document's own element."""
        # What the declaration says of an encoding is no longer so: this is text.
        body = re.sub(r"\A\s*<\?xml[^>]{0,200}\?>", "", text.lstrip("\ufeff"))
        try:
            self._parser.Parse(body.encode("utf-8", "replace"), True)
        except expat.ExpatError as error:
            raise MalformedExport(
                f"line {error.lineno:,}: it is no XML: {expat.ErrorString(error.code)}",
                next_step="export the search again",
            ) from error
        return self._root.children[0]

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) > _DEEPEST:
            raise MalformedExport(f"line {self._line():,}: elements are nested more than {_DEEPEST} deep")
        element = _Element(name, attributes, self._line())
        self._open[-1].children.append(element)
        self._open.append(element)

    def _end(self, _name: str) -> None:
        self._open.pop()

    def _data(self, data: str) -> None:
        self._open[-1].pieces.append(data)

    def _refuse(self, name: str, *_rest: object) -> None:
        raise MalformedExport(
            f"line {self._line():,}: it declares a document type {name!r}",
            next_step="Jira's own export declares none: export the search again",
        )

    def _line(self) -> int:
        return self._parser.CurrentLineNumber


def _issue(item: _Element) -> Issue:
    place = f"line {item.line:,}"
    found = Fields(
        {
            "id": item.first("key") or None,
            "title": item.first("summary") or None,
            "created": item.first("created") or None,
            "resolved": item.first("resolved") or None,
        },
        place,
    )
    is_open = item.first("status").lower() not in CLOSED_STATES
    resolved = found.time("resolved") if found.has("resolved") and not is_open else None
    resolution = item.first("resolution")
    labels, events = dated_resolution("" if resolution == "Unresolved" else resolution, resolved)
    return Issue(
        id=found.id(),
        kind=IssueKind.ISSUE,
        title=found.text("title"),
        body=text_of_html(item.first("description")),
        author=item.first("reporter"),
        created=found.time("created"),
        is_open=is_open,
        labels=(*_labels(item), *labels),
        url=item.first("link"),
        comments=tuple(_comments(item, place)),
        events=events,
        links=tuple(_links(item, resolved, place)),
    )


def _labels(item: _Element) -> Iterator[str]:
    yield from (label.text for label in item.all("labels", "label"))
    for name, label in (
        ("type", "type"),
        ("priority", "priority"),
        ("component", "component"),
        ("version", "affects"),
    ):
        yield from (f"{label}: {element.text}" for element in item.all(name) if element.text)


def _comments(item: _Element, place: str) -> Iterator[IssueComment]:
    for number, element in enumerate(item.all("comments", "comment"), start=1):
        time = Fields(element.attributes, f"{place}, comment {number}").time("created")
        author, comment_id = element.attributes.get("author", ""), element.attributes.get("id", "")
        yield IssueComment(author, time, text_of_html(element.text), id=comment_id)


def _links(item: _Element, resolved: int | None, place: str) -> Iterator[IssueLink]:
    time = resolved
    if time is None and (updated := item.first("updated")):
        time = Fields({"updated": updated}, place).time("updated")
    if time is None:
        return
    for kind in item.all("issuelinks", "issuelinktype"):
        is_duplicate = kind.first("name").lower() in ("duplicate", "cloners")
        for direction in ("outwardlinks", "inwardlinks"):
            is_own = is_duplicate and direction == "outwardlinks"
            for key in kind.all(direction, "issuelink", "issuekey"):
                yield IssueLink(LinkKind.DUPLICATE_OF if is_own else LinkKind.MENTIONS, key.text, time)


class _TextOfHtml(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in _UNSEEN
        if tag == "br":
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in _UNSEEN and self._hidden > 0
        if tag in _BLOCKS and tag != "br" and self.pieces and not self.pieces[-1].endswith("\n"):
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.pieces.append(data)


def text_of_html(html: str) -> str:
    """What a reader of the page sees, with a line end after each block."""
    if "<" not in html and "&" not in html:
        return html
    parser = _TextOfHtml()
    parser.feed(html)
    parser.close()
    return "".join(parser.pieces).strip("\n")
