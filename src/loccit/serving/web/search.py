"""Search with facets, in files and in the messages of commits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from loccit.core.errors import InputError, NotIndexed
from loccit.core.evidence import Hit
from loccit.serving.callers import CallerOf
from loccit.serving.problems import message_of
from loccit.serving.service import unless_gone
from loccit.serving.web.asking import choice_of
from loccit.serving.web.highlight import Line, highlighted
from loccit.serving.web.pages import PageRoute, Pages, url
from loccit.serving.web.places import commit_url, source_url

if TYPE_CHECKING:
    from loccit.library import Loccit
    from loccit.serving.service import Service

# Facets count these, and pages go through them.
_MOST = 200
_PAGE = 20
_SNIPPET = 8
Name = Annotated[str, Query(max_length=600)]


@dataclass(frozen=True, slots=True)
class Searched:
    """What is searched for: `where` as in the ask view; `repo`, `lang`, `role` and `kind` are facets."""

    q: str
    where: str
    history: bool
    repo: str
    lang: str
    role: str
    kind: str
    path: str
    first: int

    def url(self, **changed: str | int | None) -> str:
        """The address of this search with something else in it."""
        facts: dict[str, str | int | None] = {
            "q": self.q,
            "where": self.where,
            "history": "1" if self.history else "",
            "repo": self.repo,
            "lang": self.lang,
            "role": self.role,
            "kind": self.kind,
            "path": self.path,
            "from": self.first or None,
        }
        return url("/search", **(facts | changed))


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a facet, how many hits have it, and the address of the search with or without it."""

    name: str
    count: int
    is_chosen: bool
    url: str


@dataclass(frozen=True, slots=True)
class Facet:
    """A way to tell hits apart."""

    title: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A hit. `lines` are those of it that say most; a commit has its message there."""

    label: str
    repo: str
    url: str
    symbol: str
    about: str
    why: tuple[str, ...]
    lines: tuple[Line, ...]
    is_commit: bool


@dataclass(frozen=True, slots=True)
class Results:
    """A page of what was found. `told` says why there is nothing, where something is wrong."""

    total: int
    is_capped: bool
    facets: tuple[Facet, ...]
    found: tuple[Found, ...]
    before_url: str
    after_url: str
    told: str = ""
    next_step: str = ""


def routes(service: Service, pages: Pages) -> APIRouter:
    """`/search`."""
    router = APIRouter(route_class=PageRoute)

    @router.get("/search")
    async def search(
        request: Request,
        caller: CallerOf,
        q: Annotated[str, Query(max_length=20_000)] = "",
        where: Name = "",
        history: bool = False,
        repo: Name = "",
        lang: Name = "",
        role: Name = "",
        kind: Name = "",
        path: Name = "",
        first: Annotated[int, Query(ge=0, le=_MOST, alias="from")] = 0,
    ) -> Response:
        asked = Searched(q.strip(), where, history, repo, lang, role, kind, path, first)
        results = None
        if asked.q:
            results = await unless_gone(request, service.run(caller, lambda loccit: _results(loccit, asked)))
        choice = await choice_of(service, caller)
        return pages.show(request, "search.html", caller=caller, asked=asked, results=results, choice=choice)

    return router


def _results(loccit: Loccit, asked: Searched) -> Results:
    scope, _, name = asked.where.partition(":")
    try:
        hits = loccit.search(
            asked.q,
            repos=(name,) if scope == "repo" else (),
            collection=name if scope == "collection" else None,
            paths=tuple(asked.path.split()),
            history=asked.history,
            limit=_MOST,
        )
    except (InputError, NotIndexed) as error:
        told = message_of(error)
        next_step = error.next_step if told == error.message else ""
        return Results(0, False, (), (), "", "", told, next_step)
    chosen = [hit for hit in hits if all(_has(hit, facet, asked) for facet in _FACETS)]
    page = chosen[asked.first : asked.first + _PAGE]
    texts = loccit.read_many(page)
    last = asked.first + len(page)
    return Results(
        total=len(chosen),
        is_capped=len(hits) == _MOST,
        facets=tuple(_facet(title, facet, hits, asked) for facet, title in _FACETS.items()),
        found=tuple(_found(hit, data) for hit, data in zip(page, texts, strict=True)),
        before_url=asked.url(**{"from": max(0, asked.first - _PAGE) or None}) if asked.first else "",
        after_url=asked.url(**{"from": last}) if last < len(chosen) else "",
    )


_FACETS = {"repo": "Repository", "lang": "Language", "role": "Role", "kind": "Kind"}


def _value(hit: Hit, facet: str) -> str:
    if facet == "repo":
        return hit.place.repo
    if not hit.place.path:
        return ""
    return {"lang": hit.language, "role": str(hit.role), "kind": hit.kind}[facet]


def _has(hit: Hit, facet: str, asked: Searched) -> bool:
    wanted = getattr(asked, facet)
    return not wanted or _value(hit, facet) == wanted


def _facet(title: str, facet: str, hits: Sequence[Hit], asked: Searched) -> Facet:
    """The values of a facet, counted in the hits that the other facets leave."""
    others = [one for one in _FACETS if one != facet]
    counts = Counter(_value(hit, facet) for hit in hits if all(_has(hit, one, asked) for one in others))
    chosen = str(getattr(asked, facet))
    if chosen:
        counts.setdefault(chosen, 0)
    values = (
        Value(
            name=name,
            count=count,
            is_chosen=name == chosen,
            url=asked.url(**{facet: None if name == chosen else name, "from": None}),
        )
        for name, count in counts.most_common(12)
        if name
    )
    return Facet(title, tuple(values))


def _found(hit: Hit, data: bytes) -> Found:
    place, text = hit.place, data.decode(hit.encoding, "replace")
    lines = [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]
    if not place.path:
        return Found(
            label=lines[0][:200],
            repo=place.repo,
            url=commit_url(place.repo, place.object_id),
            symbol="",
            about=f"commit {place.object_id[:12]}",
            why=hit.reasons,
            lines=tuple(Line(number, (("", line),)) for number, line in enumerate(lines[2:6], start=1)),
            is_commit=True,
        )
    start = _best_lines(lines, hit.matched)
    last = min(len(lines), start + _SNIPPET)
    shown = highlighted(lines, hit.language, start + 1, last)
    first = place.start_line
    return Found(
        label=place.path,
        repo=place.repo,
        url=source_url(place.repo, place.commit, place.path, first, place.end_line),
        symbol=hit.symbol,
        about=f"{first}-{place.end_line}" if place.end_line != first else str(first),
        why=hit.reasons,
        lines=tuple(Line(line.number + first - 1, line.parts) for line in shown),
        is_commit=False,
    )


def _best_lines(lines: Sequence[str], words: Sequence[str]) -> int:
    """Where the lines begin (0-based) that hold most of the words; the first ones where none do."""
    told = [{word for word in words if word in line.lower()} for line in lines]
    best = start = 0
    for at in range(max(1, len(lines) - _SNIPPET + 1)):
        count = len(set[str]().union(*told[at : at + _SNIPPET]))
        if count > best:
            best, start = count, at
    return start
