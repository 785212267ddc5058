"""The tools: one table for every transport."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from loccit import __version__
from loccit.core.answers import ClaimKind, cited_path
from loccit.core.errors import InputError, NotFound
from loccit.core.source import path_bytes
from loccit.pipeline.events import ClaimChecked, Degraded, Event, Found, Searching, Writing
from loccit.serving.mcp import schemas, text
from loccit.serving.mcp.places import TREE, AnswerPlace, FilePlace, revision_of
from loccit.serving.service import Question

if TYPE_CHECKING:
    from loccit.core.answers import Answer, Citation, Claim
    from loccit.core.evidence import Hit
    from loccit.core.triage import Culprit, SimilarFix, SuspectFile, Triage
    from loccit.library import Loccit, RepositoryStatus
    from loccit.pipeline.source_lines import SourceLines
    from loccit.serving.mcp.desk import Desk, Tell
    from loccit.verification import VerificationReport

# A cursor leads no further than this: what is not among so many is better searched for in other words.
_MOST_FOUND = 500
# Links are for people and for programs; the text has the places already.
_MOST_LINKS = 5
_MOST_REASONS = 3
_MOST_FUNCTIONS = 3
_MOST_PATHS = 5


@dataclass(frozen=True, slots=True)
class Link:
    """A resource that an agent may read: its name, its URI, and what it is."""

    name: str
    uri: str
    media_type: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What a tool gives: as a value, as text, and what it names."""

    result: schemas.Result
    text: str
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: `call` gets what it takes as `arguments` and hears of progress through `Tell`."""

    name: str
    title: str
    description: str
    arguments: type[schemas.Arguments]
    result: type[schemas.Result]
    call: Callable[[Desk, Any, Tell], Awaitable[Reply]]


async def _ask(desk: Desk, asked: schemas.AskArguments, tell: Tell) -> Reply:
    await desk.ready(asked.repos, tell)
    question = Question(
        asked.question,
        repos=desk.repos(asked.repos, asked.collection),
        collection=asked.collection or None,
        rev=asked.revision or None,
        languages=tuple(asked.languages),
        paths=tuple(asked.paths),
        session=asked.session or None,
    )
    tell("searching")
    written = await desk.ask(question, tell=lambda event: tell(_progress_of(event)))
    answer = written.answer
    shown = answer.claims[: asked.limit]
    result = schemas.AskResult(
        outcome=answer.outcome.value,
        abstention=answer.abstention.value if answer.abstention else "",
        confidence=round(answer.confidence, 3),
        claims=[_claim(claim) for claim in shown],
        at=_snapshots_of(answer),
        more_claims=len(answer.claims) - len(shown),
        dropped=len(answer.dropped),
        digest=answer.digest,
        answer_id=written.record.id,
        session=written.session,
        notes=_notes_of(answer),
    )
    places = [_place_of(citation) for claim in shown for citation in claim.citations if citation.path]
    links = [*_links(places), Link("answer", AnswerPlace(written.record.id).uri, "application/json")]
    return Reply(result, text.of_answer(result), tuple(links))


def _progress_of(event: Event) -> str:
    """What goes on, in a few words."""
    match event:
        case Searching(queries):
            return f"searching: {text.short('; '.join(queries), 120)}"
        case Found(hits, kept):
            return f"found {len(hits)} places, reading {len(kept)}"
        case Writing(model, why):
            return f"writing: {text.short(model, 60)} ({why})"
        case ClaimChecked(claim, verdict):
            return f"claim ({verdict.label.value}): {text.short(claim, 200)}"
        case Degraded(why):
            return f"goes on without: {text.short(why, 200)}"


def _claim(claim: Claim) -> schemas.AnsweredClaim:
    is_quotation = claim.kind is ClaimKind.QUOTATION
    return schemas.AnsweredClaim(
        text=text.encodable(claim.text),
        kind="quotation" if is_quotation else "statement",
        verdict=claim.verdict.label.value,
        citations=[_citation(one, is_quotation=is_quotation) for one in claim.citations],
    )


def _citation(citation: Citation, *, is_quotation: bool) -> schemas.CitedPlace:
    path = cited_path(citation)
    return schemas.CitedPlace(
        repo=citation.repo,
        path="" if path is None else path.decode("utf-8", "backslashreplace"),
        commit=(citation.commit or "") if path is None else "",
        start_line=citation.start_line,
        end_line=citation.end_line,
        quote="" if is_quotation else text.encodable(citation.quote),
    )


def _place_of(citation: Citation) -> FilePlace:
    return FilePlace(
        citation.repo,
        revision_of(citation.commit, citation.tree),
        citation.path or "",
        citation.start_line,
        citation.end_line,
    )


def _snapshots_of(answer: Answer | Triage) -> dict[str, str]:
    return {one.repo: one.commit or one.tree or "" for one in answer.snapshots}


def _notes_of(answer: Answer) -> list[str]:
    """What an agent must know before it believes the answer."""
    return [
        f"{one.changed_files} files of {one.repo} differ in the working tree: what is not committed was not "
        "searched"
        for one in answer.snapshots
        if one.changed_files
    ]


async def _search(desk: Desk, asked: schemas.SearchArguments, tell: Tell) -> Reply:
    await desk.ready(asked.repos, tell)
    first = _first(desk, "search_code", asked)
    wanted = min(first + asked.limit, _MOST_FOUND)

    def found(loccit: Loccit) -> tuple[list[tuple[Hit, bytes]], bool]:
        hits = loccit.search(
            asked.query,
            repos=desk.repos(asked.repos, asked.collection),
            collection=asked.collection or None,
            rev=asked.revision or None,
            languages=asked.languages,
            paths=asked.paths,
            limit=wanted + 1,
            per_file=asked.per_file,
        )
        page = hits[first:wanted]
        return list(zip(page, loccit.read_many(page), strict=True)), len(hits) > wanted

    page, more = await desk.run(found)
    result = schemas.SearchResult(
        hits=[_hit(hit, data, asked.lines) for hit, data in page],
        at={hit.place.repo: hit.place.commit or hit.place.tree for hit, _ in page},
        next_cursor=_next(desk, "search_code", asked, wanted, more=more and wanted < _MOST_FOUND),
    )
    places = [
        FilePlace(p.repo, revision_of(p.commit, p.tree), p.path, p.start_line, p.end_line)
        for p in (hit.place for hit, _ in page)
    ]
    return Reply(result, text.of_search(result), _links(places))


def _hit(hit: Hit, data: bytes, lines: int) -> schemas.FoundPlace:
    place = hit.place
    passage = data.decode(hit.encoding, "replace")
    return schemas.FoundPlace(
        repo=place.repo,
        path=text.encodable(place.path),
        start_line=place.start_line,
        end_line=place.end_line,
        symbol=text.encodable(hit.symbol),
        kind=hit.kind,
        excerpt=text.excerpt(passage, place.start_line, hit.matched, lines),
    )


async def _read(desk: Desk, asked: schemas.ReadArguments, tell: Tell) -> Reply:
    named = (asked.repo,) if asked.repo else ()
    await desk.ready(named, tell)
    last = asked.start_line + asked.limit - 1
    if asked.end_line:
        if asked.end_line < asked.start_line:
            raise InputError(
                f"lines {asked.start_line} to {asked.end_line}", next_step="write the smaller one first"
            )
        last = min(last, asked.end_line)

    def read(loccit: Loccit) -> SourceLines:
        repo = _only(desk.repos(named, "") or loccit.names())
        return source_at(loccit, repo, asked.revision, asked.path, asked.start_line, last)

    lines = await desk.run(read)
    wanted = min(asked.end_line or lines.total_lines, lines.total_lines)
    result = schemas.ReadResult(
        repo=lines.repo,
        commit=lines.commit,
        path=text.encodable(lines.path),
        blob=lines.blob,
        language=lines.language,
        start_line=lines.start_line,
        end_line=lines.end_line,
        total_lines=lines.total_lines,
        text="\n".join(lines.lines),
        next_start_line=lines.end_line + 1 if lines.end_line < wanted else None,
    )
    place = FilePlace(
        lines.repo,
        revision_of(lines.commit, lines.tree),
        lines.path,
        lines.start_line or 1,
        lines.end_line or 1,
    )
    return Reply(result, text.of_read(result), _links([place]))


def source_at(
    loccit: Loccit, repo: str, revision: str, path: str, start_line: int, end_line: int | None
) -> SourceLines:
    """Lines of a file. `revision` is empty, a revision, or of a folder `tree-` with the tree that it has now.

    Raises NotFound, NotIndexed, InputError, RevisionNotFound.
    """
    if "\0" in path:
        raise NotFound(
            f"no file {path!r} is indexed in {repo!r}", next_step="write its path as search gives it"
        )
    is_tree = revision.startswith(TREE)
    rev = None if is_tree else revision or None
    lines = loccit.source(repo, path, start_line=start_line, end_line=end_line, rev=rev)
    if is_tree and revision != f"{TREE}{lines.tree}":
        raise NotFound(
            f"the folder {repo!r} is no longer as it was at {revision[:80]!r}",
            next_step="leave the revision out",
        )
    return lines


def _only(names: tuple[str, ...]) -> str:
    if len(names) == 1:
        return names[0]
    if not names:
        raise NotFound("nothing is indexed", next_step="see index_status")
    shown = ", ".join(repr(name) for name in names[:5])
    raise InputError(f"{len(names)} repositories are indexed: {shown}", next_step="name one in repo")


async def _history(desk: Desk, asked: schemas.HistoryArguments, tell: Tell) -> Reply:
    await desk.ready(asked.repos, tell)
    first = _first(desk, "search_history", asked)
    wanted = min(first + asked.limit, _MOST_FOUND)

    def found(loccit: Loccit) -> tuple[list[schemas.FoundCommit], bool]:
        hits = loccit.search(
            asked.query,
            repos=desk.repos(asked.repos, asked.collection),
            collection=asked.collection or None,
            rev=asked.revision or None,
            limit=wanted + 1,
            history=True,
        )
        page = hits[first:wanted]
        told = zip(page, loccit.read_many(page), loccit.commit_facts(page), strict=True)
        return [
            schemas.FoundCommit(
                repo=hit.place.repo,
                commit=facts.commit,
                date=_utc(facts.time),
                author=text.encodable(facts.author),
                subject=text.encodable(facts.subject),
                excerpt=text.excerpt(data.decode(hit.encoding, "replace"), 1, hit.matched, asked.lines),
            )
            for hit, data, facts in told
        ], len(hits) > wanted

    commits, more = await desk.run(found)
    result = schemas.HistoryResult(
        commits=commits,
        next_cursor=_next(desk, "search_history", asked, wanted, more=more and wanted < _MOST_FOUND),
    )
    return Reply(result, text.of_history(result))


async def _symbols(desk: Desk, asked: schemas.SymbolArguments, tell: Tell) -> Reply:
    await desk.ready(asked.repos, tell)
    first = _first(desk, "find_symbol", asked)
    wanted = min(first + asked.limit, _MOST_FOUND)
    found = await desk.run(
        lambda loccit: loccit.find_symbol(
            asked.name,
            repos=desk.repos(asked.repos, asked.collection),
            collection=asked.collection or None,
            rev=asked.revision or None,
            limit=wanted + 1,
        )
    )
    page = found[first:wanted]
    more = len(found) > wanted and wanted < _MOST_FOUND
    result = schemas.SymbolResult(
        symbols=[
            schemas.FoundSymbol(
                repo=one.place.repo,
                path=text.encodable(one.place.path),
                start_line=one.place.start_line,
                end_line=one.place.end_line,
                line=one.line,
                symbol=text.encodable(one.symbol),
                kind=one.kind.value,
                match=cast("Any", one.match),
                head=text.short(one.head),
            )
            for one in page
        ],
        at={one.place.repo: one.place.commit or one.place.tree for one in page},
        next_cursor=_next(desk, "find_symbol", asked, wanted, more=more),
    )
    places = [
        FilePlace(p.repo, revision_of(p.commit, p.tree), p.path, p.start_line, p.end_line)
        for p in (one.place for one in page)
    ]
    return Reply(result, text.of_symbols(result), _links(places))


async def _triage(desk: Desk, asked: schemas.TriageArguments, tell: Tell) -> Reply:
    named = (asked.repo,) if asked.repo else ()
    await desk.ready(named, tell)
    tell("looking for suspects")

    def triaged(loccit: Loccit) -> Triage:
        repo = desk.repos(named, "")
        return loccit.triage(
            asked.issue, repo=repo[0] if repo else None, as_of=asked.as_of or None, top=asked.limit
        )

    found = await desk.run(triaged)
    result = schemas.TriageResult(
        outcome=found.outcome.value,
        abstention=found.abstention.value if found.abstention else "",
        confidence=round(found.confidence, 3),
        at=_snapshots_of(found),
        suspects=[_suspect(one) for one in found.suspects[: asked.limit]],
        tests=[_path_of(one) for one in found.tests[: asked.limit]],
        docs=[_path_of(one) for one in found.docs[: asked.limit]],
        duplicates=[
            schemas.PastIssue(
                id=one.id,
                title=text.encodable(one.title),
                is_open=one.is_open,
                probability=round(one.probability, 3),
                url=one.url or "",
            )
            for one in found.duplicates[: asked.limit]
        ],
        similar_fixes=[_bearing(one) for one in found.similar_fixes[: asked.limit]],
        culprits=[_bearing(one) for one in found.culprits[: asked.limit]],
        labels=[one.label for one in found.labels],
        owners=[text.encodable(one.name) for one in found.owners],
        questions=[one.question for one in found.ask],
        notes=[f"{one.part.value}: {one.text}" for one in found.notes],
    )
    places = [
        FilePlace(snapshot.repo, revision_of(snapshot.commit, snapshot.tree), one.path)
        for snapshot in found.snapshots[:1]
        for one in found.suspects[: asked.limit]
        if one.path
    ]
    return Reply(result, text.of_triage(result), _links(places))


def _suspect(one: SuspectFile) -> schemas.Suspect:
    return schemas.Suspect(
        path=_path_of(one),
        probability=round(one.probability, 3),
        why=[text.encodable(reason.text) for reason in one.reasons[:_MOST_REASONS]],
        functions=[
            schemas.SuspectFunction(
                symbol=text.encodable(f.symbol), start_line=f.start_line, end_line=f.end_line
            )
            for f in one.functions[:_MOST_FUNCTIONS]
        ],
    )


def _path_of(one: SuspectFile) -> str:
    return one.path or "(a path that is no UTF-8)"


def _bearing(one: SimilarFix | Culprit) -> schemas.BearingCommit:
    reasons: tuple[str, ...] = getattr(one, "reasons", ())
    return schemas.BearingCommit(
        commit=one.commit,
        date=one.time,
        why=[text.encodable(reason) for reason in reasons[:_MOST_REASONS]],
        paths=[text.encodable(path) for path in one.paths[:_MOST_PATHS]],
    )


async def _verify(desk: Desk, asked: schemas.VerifyArguments, tell: Tell) -> Reply:
    if bool(asked.answer_id) == bool(asked.answer):
        raise InputError(
            "verify_answer takes one of answer_id and answer", next_step="send the answer_id that ask gave"
        )
    if asked.answer_id:
        answer = await desk.answer(asked.answer_id)
        report = await desk.run(lambda loccit: loccit.verify(answer))
    else:
        data = _canonical(asked.answer)
        report = await desk.run(lambda loccit: loccit.verify(data))
    result = _report(report)
    return Reply(result, text.of_verification(result))


def _canonical(document: Mapping[str, Any]) -> bytes:
    """The document's bytes as they are digested; JSON that was read and is written again spells otherwise."""
    import rfc8785

    try:
        return rfc8785.dumps(cast("Any", document))
    except rfc8785.CanonicalizationError as error:
        raise InputError(
            "the answer is no loccit-answer/1 document", next_step="send what `loccit ask --json` printed"
        ) from error


def _report(report: VerificationReport) -> schemas.VerifyResult:
    return schemas.VerifyResult(
        status=report.status.value,
        digest=report.digest,
        hold=report.counts.hold,
        fell=report.counts.fell,
        unverifiable=report.counts.unverifiable,
        why=[
            text.encodable(reason.message)
            for reasons in (report.reasons, *(claim.reasons for claim in report.claims))
            for reason in reasons
        ],
        citations=[
            schemas.CheckedCitation(
                claim=one.claim + 1,
                citation=one.citation + 1,
                place=text.encodable(one.place),
                status=one.status.value,
                why=[text.encodable(reason.message) for reason in one.reasons],
            )
            for claim in report.claims
            for one in claim.citations
            if one.reasons
        ],
    )


async def _status(desk: Desk, asked: schemas.StatusArguments, tell: Tell) -> Reply:
    first = _first(desk, "index_status", asked)
    found = await desk.run(lambda loccit: loccit.status())
    rows = [_repository(one) for one in found]
    rows += [
        schemas.IndexedRepository(
            name=name,
            state=cast("Any", state),
            commit=None,
            indexed_at=None,
            files=0,
            history_commits=None,
            collections=[],
            note=note,
        )
        for name, state, note in await desk.under_way()
    ]
    if asked.repos:
        rows = [one for one in rows if one.name in asked.repos]
    wanted = first + asked.limit
    result = schemas.StatusResult(
        repositories=rows[first:wanted],
        next_cursor=_next(desk, "index_status", asked, wanted, more=len(rows) > wanted),
        model=desk.model,
        version=__version__,
    )
    return Reply(result, text.of_status(result))


def _repository(status: RepositoryStatus) -> schemas.IndexedRepository:
    latest = max(status.snapshots, key=lambda one: one.indexed_at, default=None)
    if latest is None:
        state = "unreadable" if status.problem else "not_indexed"
    elif status.problem:
        state = "unreadable"
    else:
        state = "behind" if status.is_stale else "ready"
    return schemas.IndexedRepository(
        name=status.repository.name,
        state=state,
        commit=(latest.commit or latest.tree) if latest else None,
        indexed_at=_utc(latest.indexed_at) if latest else None,
        files=latest.files if latest else 0,
        history_commits=status.history.files if status.history else None,
        collections=list(status.collections),
    )


def _first(desk: Desk, tool: str, asked: Any) -> int:
    """Where the page begins that is asked for. Raises InputError for a cursor of another call."""
    return cast("int", desk.cursors.read(asked.cursor, [tool, _asked(asked)])) if asked.cursor else 0


def _next(desk: Desk, tool: str, asked: Any, at: int, *, more: bool) -> str | None:
    return desk.cursors.write(at, [tool, _asked(asked)]) if more else None


def _asked(asked: schemas.Arguments) -> dict[str, Any]:
    """What a page goes on with: how long pages are, and what of a hit is shown, may change."""
    return asked.model_dump(exclude={"cursor", "limit", "lines"})


def _links(places: Iterable[FilePlace]) -> tuple[Link, ...]:
    """The first few files, each once."""
    by_file: dict[tuple[str, bytes], Link] = {}
    for place in places:
        lines = "" if place.end_line is None else f":{place.start_line}-{place.end_line}"
        name = f"{text.encodable(place.path)}{lines}"
        by_file.setdefault((place.repo, path_bytes(place.path)), Link(name, place.uri, "text/plain"))
    return tuple(by_file.values())[:_MOST_LINKS]


def _utc(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


_COMMITTED = "Committed files only: read uncommitted changes yourself."

TOOLS: tuple[Tool, ...] = (
    Tool(
        "search_code",
        "Search code",
        "Find the functions, classes, docs and config that bear on a query, best first. Use it first when "
        "you do not know where something is done; for an exact regular expression use your own grep. "
        f"Gives path:lines, symbol and the telling lines; read_file has the rest. {_COMMITTED}",
        schemas.SearchArguments,
        schemas.SearchResult,
        _search,
    ),
    Tool(
        "find_symbol",
        "Find a definition",
        "Where a function, class, method or constant is defined, by name: exact first, then by beginning, "
        "then by part. Gives path:start-end of the whole definition and the line that names it. Not for "
        "uses.",
        schemas.SymbolArguments,
        schemas.SymbolResult,
        _symbols,
    ),
    Tool(
        "read_file",
        "Read a file at a commit",
        "Lines of an indexed file, at any indexed revision: for repositories that you have not checked "
        "out, and for the past. In your own working tree your own file tool is better. Goes on at "
        "next_start_line.",
        schemas.ReadArguments,
        schemas.ReadResult,
        _read,
    ),
    Tool(
        "search_history",
        "Search commits",
        "Find commits by what they changed and why: when something came in, why it is as it is, how a bug "
        "was fixed before. Gives commit, date, author and message.",
        schemas.HistoryArguments,
        schemas.HistoryResult,
        _history,
    ),
    Tool(
        "ask",
        "Ask a question",
        "Answer a question about the code, each claim with quotes re-checked byte for byte. Use it for "
        "how and why across files; slower than search_code where a model writes. It abstains where "
        f"sources are silent: then nothing was found, which is not a no. {_COMMITTED}",
        schemas.AskArguments,
        schemas.AskResult,
        _ask,
    ),
    Tool(
        "triage_issue",
        "Triage an issue",
        "For a bug report or failing test: suspect files and functions with probabilities and reasons, "
        "past issues that say the same, similar fixes, likely culprit commits. Paste the whole text with "
        "tracebacks.",
        schemas.TriageArguments,
        schemas.TriageResult,
        _triage,
    ),
    Tool(
        "verify_answer",
        "Verify an answer",
        "Re-check every citation of an answer against the repository's bytes, with no index and no model. "
        "Tells which hold, which fell and why.",
        schemas.VerifyArguments,
        schemas.VerifyResult,
        _verify,
    ),
    Tool(
        "index_status",
        "See what is indexed",
        "Which repositories can be asked, at which commit, whether they are behind, and what is being "
        "indexed.",
        schemas.StatusArguments,
        schemas.StatusResult,
        _status,
    ),
)
BY_NAME = {tool.name: tool for tool in TOOLS}
