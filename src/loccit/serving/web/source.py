"""The source beside an answer: a file at its commit with the cited lines marked, and a commit's message."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from loccit.core.errors import InputError
from loccit.core.evidence import Hit, Place
from loccit.core.permalinks import permalink
from loccit.core.source import FileRole, path_text
from loccit.serving.callers import CallerOf
from loccit.serving.service import unless_gone
from loccit.serving.web.highlight import Line, highlighted
from loccit.serving.web.pages import PageRoute, Pages, wants_part
from loccit.serving.web.places import source_url

if TYPE_CHECKING:
    from loccit.core.answers import Citation
    from loccit.library import Loccit
    from loccit.pipeline.source_lines import SourceLines
    from loccit.serving.service import Service

# Lines that are shown at once: beside an answer, and on a page of their own.
_BESIDE, _ALONE = 240, 2_000
_MOST_NAMES = 1_000
_RANGE = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
Name = Annotated[str, Query(min_length=1, max_length=500)]
_Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a file is asked for. `marked` are lines (1-based, inclusive), `span` the cited bytes (0-based,
    end exclusive) with their `sha256`; `first` is where to begin, 0 around what is marked.
    """

    repo: str
    rev: str | None
    path: str
    marked: _Span | None
    span: _Span | None
    sha256: str
    first: int


@dataclass(frozen=True, slots=True)
class Check:
    """What comparing the cited bytes with those of the file comes to."""

    holds: bool
    span: _Span
    sha256: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A name that is defined in a file, below the one that its qualified name begins with."""

    name: str
    whole: str
    depth: int
    line: int
    url: str


@dataclass(frozen=True, slots=True)
class FileView:
    """Lines of a file, with what is around them. `rest` are addresses of what is before and after."""

    source: SourceLines
    lines: tuple[Line, ...]
    outline: tuple[Entry, ...]
    first: int
    last: int
    marked: _Span | None
    check: Check | None
    url: str
    before_url: str
    after_url: str
    host_url: str | None


@dataclass(frozen=True, slots=True)
class CommitView:
    """A commit's message. `subject` is its first line."""

    repo: str
    commit: str
    subject: str
    body: str
    url: str
    host_url: str | None
    holds: bool


def routes(service: Service, pages: Pages) -> APIRouter:
    """`/source` and `/commit`."""
    router = APIRouter(route_class=PageRoute)

    @router.get("/source")
    async def source(
        request: Request,
        caller: CallerOf,
        repo: Name,
        path: Annotated[str, Query(max_length=4_096)] = "",
        path64: Annotated[str, Query(max_length=8_192)] = "",
        rev: Annotated[str | None, Query(max_length=500)] = None,
        lines: Annotated[str, Query(max_length=40)] = "",
        span: Annotated[str, Query(max_length=60, alias="bytes")] = "",
        sha256: Annotated[str, Query(max_length=64)] = "",
        first: Annotated[int, Query(ge=0, le=1_000_000_000, alias="from")] = 0,
    ) -> Response:
        wanted = Wanted(
            repo=repo,
            rev=rev or None,
            path=_path(path, path64),
            marked=_range("lines", lines),
            span=_range("bytes", span),
            sha256=sha256 if _SHA256.fullmatch(sha256) else "",
            first=first,
        )
        most = _BESIDE if wants_part(request) else _ALONE
        file = await unless_gone(
            request, service.run(caller, lambda loccit: _file(loccit, wanted, pages, most))
        )
        if wants_part(request):
            return pages.partly("_source.html", file=file, beside=True)
        return pages.show(request, "source.html", caller=caller, file=file)

    @router.get("/commit")
    async def commit(
        request: Request, caller: CallerOf, repo: Name, id: Annotated[str, Query(max_length=64)]
    ) -> Response:
        if not _COMMIT.fullmatch(id):
            raise InputError(f"{id!r} is no commit", next_step="write its whole id")
        cited = await unless_gone(
            request,
            service.run(caller, lambda loccit: loccit.cite_commit(id, repository=loccit.name_of(repo))),
        )
        view = _commit(cited, pages)
        if wants_part(request):
            return pages.partly("_commit.html", commit=view, beside=True)
        return pages.show(request, "commit.html", caller=caller, commit=view)

    return router


def _file(loccit: Loccit, wanted: Wanted, pages: Pages, most: int) -> FileView:
    source = loccit.source(wanted.repo, wanted.path, rev=wanted.rev)
    marked = wanted.marked
    if marked is not None and marked[0] > source.total_lines:
        marked = None
    first, last = _window(source.total_lines, marked, wanted.first, most)
    lines, at = highlighted(source.lines, source.language, first, last), marked or (None, None)
    name, rev = source.repo, source.commit
    return FileView(
        source=source,
        lines=lines,
        outline=tuple(_outline(source, first, last)),
        first=first,
        last=last,
        marked=(marked[0], min(marked[1], source.total_lines)) if marked else None,
        check=_check(loccit, source, wanted),
        url=source_url(name, rev, source.path, *at, span=wanted.span, sha256=wanted.sha256),
        before_url=f"{source_url(name, rev, source.path)}&from={max(1, first - _ALONE)}" if first > 1 else "",
        after_url=f"{source_url(name, rev, source.path)}&from={last + 1}"
        if last < source.total_lines
        else "",
        host_url=pages.link(permalink(name, rev, source.path, *at)),
    )


def _outline(source: SourceLines, first: int, last: int) -> Iterator[Entry]:
    """What is defined, each name once; an entry leads to its line here, or to the page that has it."""
    above: list[str] = []
    told: set[str] = set()
    for whole, line in source.symbols:
        if whole in told or len(told) >= _MOST_NAMES:
            continue
        told.add(whole)
        while above and not whole.startswith(above[-1]):
            above.pop()
        name = whole[len(above[-1]) :].lstrip(".:#\\") if above else whole
        here = f"#L{line}" if first <= line <= last else ""
        there = here or source_url(source.repo, source.commit, source.path, line)
        yield Entry(name or whole, whole, min(len(above), 4), line, there)
        above.append(whole)


def _window(total: int, marked: _Span | None, first: int, most: int) -> _Span:
    """The first and last line to show: all, or so many around what is marked."""
    if not total:
        return 1, 0
    if not first:
        first = 1 if marked is None or total <= most else max(1, marked[0] - most // 3)
    first = min(first, total)
    return first, min(total, first + most - 1)


def _check(loccit: Loccit, source: SourceLines, wanted: Wanted) -> Check | None:
    """Whether the bytes of the file are those that were cited; None where nothing was."""
    if wanted.span is None or not wanted.sha256:
        return None
    start, end = wanted.span
    place = Place(source.repo, source.commit, source.tree, source.path, source.blob, start, end, 1, 1)
    data = loccit.read(Hit(place, 0.0, "", "", source.language, FileRole.SOURCE, source.encoding))
    found = hashlib.sha256(data).hexdigest()
    return Check(found == wanted.sha256 and len(data) == end - start, wanted.span, found)


def _commit(cited: Citation, pages: Pages) -> CommitView:
    subject, _, body = cited.quote.partition("\n")
    data = cited.quote.encode(cited.encoding)
    return CommitView(
        repo=cited.repo,
        commit=cited.commit or "",
        subject=subject,
        body=body.strip("\n"),
        url=f"/commit?repo={cited.repo}&id={cited.commit}",
        host_url=pages.link(cited.permalink),
        holds=hashlib.sha256(data).hexdigest() == cited.sha256,
    )


def _path(path: str, path64: str) -> str:
    if not path64:
        return path
    try:
        return path_text(base64.urlsafe_b64decode(path64))
    except (binascii.Error, ValueError) as error:
        raise InputError(f"{path64[:80]!r} is no path in base64") from error


def _range(what: str, written: str) -> _Span | None:
    """`10-20`, or `10` for one. Raises InputError."""
    if not written:
        return None
    match = _RANGE.fullmatch(written)
    if match is None or (match[2] and int(match[2]) < int(match[1])):
        raise InputError(f"{what} {written!r} are no range", next_step="write it as 10-20")
    return int(match[1]), int(match[2] or match[1])
