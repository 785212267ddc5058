"""How does a Python program reach us? `Loccit`: everything the command line does, as calls that return
values.
"""

from __future__ import annotations

import copy
import shutil
import time
from collections.abc import Callable, Generator, Hashable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from loccit.core.errors import (
    IndexBroken,
    IndexFormatMismatch,
    InputError,
    ModelNotConfigured,
    NotARepository,
    NotIndexed,
    SearchIndexError,
    SourceError,
)
from loccit.core.evidence import Filters, Hit
from loccit.core.issues import repository_name
from loccit.core.progress import Progress, silent
from loccit.indexing.catalogue import Contents, KnownRepository
from loccit.settings import Settings, children_without_working_directory, of_a_run, with_changes
from loccit.wiring import System, build

if TYPE_CHECKING:
    from decimal import Decimal

    from loccit.agents.durable.agents import Agents
    from loccit.agents.durable.blueprints import Function
    from loccit.agents.fix.service import FixService
    from loccit.agents.skills import Skills
    from loccit.answering.conversation import Exchange
    from loccit.budgets.accounting import BudgetRow, By, SpendingRow
    from loccit.core.answers import Answer, Citation
    from loccit.core.calls import Payer
    from loccit.core.fixes import Fix
    from loccit.core.issues import Issue
    from loccit.core.source import BlobReader
    from loccit.core.triage import Triage
    from loccit.evals.datasets import Dataset
    from loccit.evals.from_runs import RunSamples
    from loccit.evals.log import EvalLog
    from loccit.evals.online import Scored
    from loccit.evals.runner import EvalTask, Standing
    from loccit.evals.scoring import Scorer
    from loccit.evals.shadow import ShadowReport
    from loccit.evals.tasks import TaskFile
    from loccit.indexing.changes import Booleans, ChangeTable
    from loccit.indexing.shard import Kind, Manifest, Shard, SnapshotRecord
    from loccit.indexing.view import SnapshotView
    from loccit.learning.adopt import Facts
    from loccit.learning.improve import Improvement
    from loccit.learning.mined_samples import Mined
    from loccit.learning.proof import Proof
    from loccit.learning.search_space import Tables
    from loccit.learning.tuning import Tuning
    from loccit.models.configured import Models
    from loccit.pipeline.backup import BackedUp
    from loccit.pipeline.commit_facts import CommitFacts
    from loccit.pipeline.diagnosis import Check
    from loccit.pipeline.events import Event
    from loccit.pipeline.grep import MatchingLine
    from loccit.pipeline.ingest import Estimate, Ingest, Ingested
    from loccit.pipeline.searchable import Searchable
    from loccit.pipeline.source_lines import SourceLines
    from loccit.pipeline.symbols import Definition
    from loccit.pipeline.triage import Moment
    from loccit.pipeline.triage_document import PastIssues
    from loccit.pipeline.write import Writers
    from loccit.pipeline.written import Bookkeeping, Written
    from loccit.policy.keys import KeyStore
    from loccit.retrieval.learned import Ranker
    from loccit.retrieval.localise import Localiser
    from loccit.retrieval.past import Past
    from loccit.sources import Guard, Repository
    from loccit.sources.issues import IssueStore, StoredIssue, SyncReport
    from loccit.sources.issues.fixes import FixFinder
    from loccit.sources.issues.writing import TrackerWriter
    from loccit.storage.database import Database
    from loccit.telemetry.alerts import Alert, Delivery
    from loccit.telemetry.audit import Anchor, AuditReport, AuditRow
    from loccit.telemetry.export import Exporter
    from loccit.telemetry.feedback import Rating
    from loccit.telemetry.records import RunRecord, RunSummary
    from loccit.telemetry.triages import TriagedIssues
    from loccit.verification import VerificationReport


# Limits are counted by the hour.
_LONGEST_WAIT_S = 3700.0
_DAY_S = 86_400
# A reply is kept within the run that asked for it, give or take what clocks are read at.
_SLACK_S = 2.0
# Questions may be about an earlier commit now and then.
_VIEWS_KEPT = 2
_PASTS_KEPT = 4
# An indexer may publish again while a question opens what was published before.
_TRIES = 5
# The rooms whose settings decide how good answers are.
_TUNABLE = ("retrieval", "answering", "pipeline")


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What indexing one repository did. `history` is None where it was not asked for or there is none."""

    repository: KnownRepository
    files: Ingested
    history: Ingested | None


@dataclass(frozen=True, slots=True)
class RepositoryStatus:
    """A known repository: what is searchable, and how it stands to the source.

    `head` is the commit that HEAD is at now (a folder's tree), None with `problem` where the source cannot be
    read.
    """

    repository: KnownRepository
    collections: tuple[str, ...]
    snapshots: tuple[SnapshotRecord, ...]
    history: SnapshotRecord | None
    head: str | None
    index_bytes: int
    problem: str = ""

    @property
    def is_stale(self) -> bool:
        """Whether HEAD is not what is indexed."""
        return self.head is not None and self.head not in {snapshot.id for snapshot in self.snapshots}


@dataclass(frozen=True, slots=True)
class Collected:
    """What `gc` gave back."""

    cache_records: int
    folders: int
    bytes_freed: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What models did cost: rows that share something, and the budgets as they stand now."""

    rows: tuple[SpendingRow, ...]
    budgets: tuple[BudgetRow, ...]

    @property
    def usd(self) -> Decimal:
        """What the rows come to."""
        return sum((row.usd for row in self.rows), Decimal(0))


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was forgotten: records of runs, of conversations the turns or, of one user, the whole; and what
    was said of runs. Of a user also kept replies of models, what alerts said of their budgets, and their keys
    of the server, and their runs of agents; `charges` are the calls that they paid for, which are kept in
    nobody's name.
    """

    runs: int
    conversations: int
    ratings: int
    replies: int = 0
    charges: int = 0
    alerts: int = 0
    keys: int = 0
    agent_runs: int = 0


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check of the alerts came to: those that fire now or did lately, and what was delivered."""

    alerts: tuple[Alert, ...]
    deliveries: tuple[Delivery, ...]

    @property
    def firing(self) -> tuple[Alert, ...]:
        """Those that fire now."""
        return tuple(alert for alert in self.alerts if alert.state == "firing")


@dataclass(frozen=True, slots=True)
class Restored:
    """A backup that was restored: when it was made, by which version, and how many files it had.

    `replaced` is where what had been in the home folder is now, None where it was empty; `to_index` are the
    locations of the repositories whose index must be made again.
    """

    made_at: str
    version: str
    files: int
    replaced: Path | None
    to_index: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenView:
    """A view that is kept open, and the manifest it was opened under."""

    manifest: Manifest
    snapshot_id: str
    record: SnapshotRecord
    view: SnapshotView


@dataclass(slots=True)
class Open:
    """What is kept open from one question to the next, for all threads: by key repositories, by shard the
    views that were asked for last, by repository and commit what its past says; models, judges, and what
    sends runs to a collector.
    """

    repositories: dict[str, Repository] = field(default_factory=dict["str", "Repository"])
    views: dict[tuple[str, Kind], list[OpenView]] = field(
        default_factory=dict["tuple[str, Kind]", "list[OpenView]"]
    )
    pasts: dict[tuple[str, str], tuple[ChangeTable, Booleans]] = field(
        default_factory=dict["tuple[str, str]", "tuple[ChangeTable, Booleans]"]
    )
    models: Models | None = None
    judging: Models | None = None
    exporter: Exporter | None = None
    # For what is done in no time; what takes some is done `alone`.
    guard: Lock = field(default_factory=Lock)
    _opening: dict[Hashable, Lock] = field(default_factory=dict["Hashable", "Lock"])

    @contextmanager
    def alone(self, what: Hashable) -> Generator[None]:
        """One thread at a time opens the same thing: those that wait find it open."""
        with self.guard:
            lock = self._opening.setdefault(what, Lock())
        with lock:
            yield

    def view(self, key: tuple[str, Kind], snapshot_id: str, published: Manifest) -> OpenView | None:
        """The view of a snapshot, where one is open that shows what is published."""
        with self.guard:
            held = self.views.get(key, [])
            found = next((one for one in held if one.snapshot_id == snapshot_id), None)
            if found is None or found.manifest != published:
                return None
            held.remove(found)
            held.append(found)
            return found

    def keep_view(self, key: tuple[str, Kind], opened: OpenView) -> None:
        """Keep a view in the place of what shows another state, and of the one that waited longest. Views of
        shards that were removed go.
        """
        with self.guard:
            valid = [
                one
                for one in self.views.get(key, [])
                if one.snapshot_id != opened.snapshot_id and one.manifest == opened.manifest
            ]
            self.views[key] = [*valid, opened][-_VIEWS_KEPT:]
            self.views = {of: views for of, views in self.views.items() if Path(of[0]).is_dir()}

    def keep_past(self, key: tuple[str, str], past: tuple[ChangeTable, Booleans]) -> None:
        """Keep what the past of a repository says, in the place of what was found first."""
        with self.guard:
            while len(self.pasts) >= _PASTS_KEPT:
                del self.pasts[next(iter(self.pasts))]
            self.pasts[key] = past


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody who asks over a network: `repositories` are the names they may see, None all. `user` is their
    name in budgets and records, `key` the id of the key that they showed, `key_usd` what it may spend in a
    month. `is_local` says that it is who sits at the machine after all, and wants no others to be seen.
    """

    repositories: frozenset[str] | None
    user: str = ""
    key: str = ""
    key_usd: Decimal | None = None
    is_local: bool = False


def unheard(event: object) -> None:
    """Hears of an event and says nothing."""


class Loccit:
    """An index of repositories in one home folder, and the questions one can put to it.

    Methods that search take `repos` (names, paths or URLs of indexed repositories) or a `collection`; without
    either they search every repository that is indexed. All raise errors of `loccit.LoccitError` only.
    """

    def __init__(
        self,
        home: Path | str | None = None,
        *,
        settings: Settings | None = None,
        progress: Progress = silent,
        waiting: Callable[[], None] | None = None,
        ended: Callable[[RunRecord], None] | None = None,
        guard: Guard | None = None,
    ) -> None:
        """Use this home folder (default: LOCCIT_HOME or the platform's). `ended` hears of every run that is
        recorded, when it has ended. `guard` says which hosts and folders may be reached for somebody who asks
        over a network; without one all may. Raises SettingsError.
        """
        self._system: System = build(settings or Settings.load(Path(home) if home else None), guard)
        self._progress = progress
        self._waiting = waiting
        self._ended = ended
        self._open = Open()
        self._guest: Guest | None = None

    @property
    def settings(self) -> Settings:
        """What the operator chose."""
        return self._system.settings

    def keys(self) -> KeyStore:
        """Who may ask a server: keys are made, listed and revoked there. Raises StorageFailed."""
        return self._system.keys()

    def agents(self, blueprints: Mapping[str, Function] | None = None) -> Agents:
        """Runs of agents: begun, steered and worked on there, by the blueprints of the settings, `fix`, and
        these. Raises SettingsError, StorageFailed.
        """
        return self._system.agents({"fix": self._fixes().blueprint(), **(blueprints or {})})

    @contextmanager
    def skills(self, location: str | Path | None = None) -> Generator[Skills]:
        """The skills of the user, built in ones, and where a location is given those of its last commit.

        A repository's own are labelled as untrusted; whoever starts a run on it may know better. Raises what
        opening a repository does.
        """
        from loccit.agents.project_files import CommittedFiles
        from loccit.agents.skills import find_skills, project_folders
        from loccit.policy.labels import UNTRUSTED

        folders = self._system.skill_folders()
        if location is None:
            yield find_skills(folders)
            return
        repository = self._system.repository(str(location))
        with repository.reader() as reader:
            files = CommittedFiles(repository.snapshot(), reader)
            yield find_skills([*folders, *project_folders(files, UNTRUSTED)])

    def database(self) -> Database:
        """Where state is kept, open. Raises SettingsError, StorageFailed, IndexFormatMismatch."""
        return self._system.database()

    def secret(self, purpose: str) -> bytes:
        """32 bytes that only this home folder has, others for each purpose. Raises StorageFailed."""
        return self._system.secret(purpose)

    @property
    def home(self) -> Path:
        """The folder that holds everything loccit keeps."""
        return self._system.home

    def for_guest(
        self,
        repositories: frozenset[str] | None,
        *,
        user: str = "",
        key: str = "",
        key_usd: Decimal | None = None,
    ) -> Loccit:
        """The same library as somebody sees it who asks over a network: these repositories (None: all), by
        name, as they are indexed. What they ask is theirs: `user` is their name in budgets and records, `key`
        the id of their key, `key_usd` what it may spend in a month.

        What is open is shared. Paths and URLs are no names of repositories, a question indexes and fetches
        nothing, and a repository that may not be seen is answered for as one that is not there. What keeps
        house (index, remove, runs, costs, settings) is not for guests, and not held back here.
        """
        guest = copy.copy(self)
        guest._guest = Guest(repositories, user, key, key_usd)
        return guest

    def only(self, repositories: frozenset[str]) -> Loccit:
        """The same library with these repositories (names) alone, for who sits at the machine: a question
        brings them up to date, and no path, URL or other name leads to another one.
        """
        narrowed = copy.copy(self)
        narrowed._guest = Guest(repositories, is_local=True)
        return narrowed

    # Indexing

    def index(
        self,
        location: str | Path,
        *,
        rev: str | None = None,
        collection: str | None = None,
        history: bool = True,
        rebuild: bool = False,
    ) -> IndexReport:
        """Make a repository or folder searchable at a revision (default HEAD).

        Costs what changed since the last time; may be killed and repeated. A URL is fetched first. With
        `rebuild` the index of the repository is made anew. With `collection` it becomes a member of that
        collection.
        """
        repository = self._system.repository(str(location))
        repository.refresh(self._progress)
        snapshot = repository.snapshot(rev)
        with self._ingest(repository, rebuild=rebuild) as ingest:
            files = ingest.files(snapshot)
            known = self._enter(repository, collection)
            commits = ingest.history(snapshot) if history else None
        return IndexReport(known, files, commits)

    def index_history(self, name: str) -> IndexReport | None:
        """Make the commits behind the newest indexed snapshot searchable; None for a plain folder."""
        known = self._known(name)
        repository = self._system.repository(known.location)
        latest = self._system.shard(known.key).manifest().latest("files")
        if latest is None or latest.commit is None:
            return None
        snapshot = repository.snapshot(latest.commit)
        with self._ingest(repository) as ingest:
            files = ingest.files(snapshot)
            return IndexReport(known, files, ingest.history(snapshot))

    def estimate(self, location: str | Path, *, rev: str | None = None) -> Estimate:
        """What `index` would cost now: files, bytes and seconds. Reads the listing only; does not fetch."""
        repository = self._system.repository(str(location))
        snapshot = repository.snapshot(rev)
        with self._ingest(repository) as ingest:
            return ingest.estimate(snapshot)

    # Asking

    def repository_at(self, path: str | Path) -> str | None:
        """The name (or, while it is not indexed, the path) of the git repository that a path is in; None
        where there is none.
        """
        try:
            repository = self._system.repository(str(path))
        except NotARepository:
            return None
        known = self._contents().by_key(repository.key)
        if known is not None:
            return known.name
        return repository.location if repository.is_git else None

    def working_tree(self, repo: str) -> Path | None:
        """The folder in which files of an indexed repository are checked out; None where there is none."""
        repository = self._repository(self._known(repo))
        return Path(repository.location) if repository.has_working_tree else None

    def is_known(self, repo: str) -> bool:
        """Whether a repository of this name, path or URL is indexed."""
        try:
            known = self._known(repo)
        except NotIndexed:
            return False
        try:
            return bool(self._system.shard(known.key).manifest().snapshots)
        except (IndexBroken, IndexFormatMismatch):
            return True  # whoever searches it is told

    def ask(
        self,
        question: str,
        *,
        repos: Sequence[str] = (),
        collection: str | None = None,
        rev: str | None = None,
        languages: Sequence[str] = (),
        paths: Sequence[str] = (),
        tell: Callable[[Event], None] = unheard,
    ) -> Answer:
        """The answer to a question: checked quotations, or an abstention that says why.

        `tell` hears what was found. An index that is missing or broken is such an abstention too. Raises
        InputError and SourceError.
        """
        from loccit import __version__
        from loccit.core.answers import Abstention
        from loccit.pipeline.ask import abstain, ask

        settings = self._system.settings
        filters = _filters(languages, paths)
        try:
            searched = self._searchable(repos, collection, rev, history=True, changes=True)
            return ask(
                question,
                searched,
                filters=filters,
                retrieval=settings.retrieval,
                answering=settings.answering,
                version=__version__,
                tell=tell,
            )
        except NotIndexed:
            return abstain(question, Abstention.NOT_INDEXED, version=__version__)
        except (IndexBroken, IndexFormatMismatch):
            return abstain(question, Abstention.INDEX_BROKEN, version=__version__)

    def quote(
        self,
        question: str,
        *,
        repos: Sequence[str] = (),
        collection: str | None = None,
        rev: str | None = None,
        languages: Sequence[str] = (),
        paths: Sequence[str] = (),
        user: str = "",
        tell: Callable[[Event], None] = unheard,
    ) -> Written:
        """As `ask`, kept as a run: the answer without a model, with the run's record. Raises StorageFailed
        too.
        """
        from loccit.pipeline.written import quoted

        def answer() -> Answer:
            return self.ask(
                question,
                repos=repos,
                collection=collection,
                rev=rev,
                languages=languages,
                paths=paths,
                tell=tell,
            )

        return quoted(question, answer, self._books(user))

    @property
    def has_model(self) -> bool:
        """Whether the settings name a model that writes answers."""
        return bool(self._system.settings.models.answer)

    def write(
        self,
        question: str,
        *,
        repos: Sequence[str] = (),
        collection: str | None = None,
        rev: str | None = None,
        languages: Sequence[str] = (),
        paths: Sequence[str] = (),
        session: str | None = None,
        user: str = "",
        tell: Callable[[Event], None] = unheard,
        streams: bool = False,
    ) -> Written:
        """The answer that the configured model writes, each claim cited and checked, with its run's record.

        `session` is the conversation that the question belongs to, None begins one; `user` is who asks, for
        budgets and records. `tell` hears what goes on; with `streams` it hears of each claim as soon as it is
        written and checked. Where a model or the budget gives out, quotations take its place and `abstention`
        says so. Raises InputError, SourceError, ModelNotConfigured, PriceUnknown, StorageFailed.
        """
        import asyncio

        async def written() -> Written:
            try:
                return await self.write_async(
                    question,
                    repos=repos,
                    collection=collection,
                    rev=rev,
                    languages=languages,
                    paths=paths,
                    session=session,
                    user=user,
                    tell=tell,
                    streams=streams,
                )
            finally:
                await self.aclose()

        return asyncio.run(written())

    async def write_async(
        self,
        question: str,
        *,
        repos: Sequence[str] = (),
        collection: str | None = None,
        rev: str | None = None,
        languages: Sequence[str] = (),
        paths: Sequence[str] = (),
        session: str | None = None,
        earlier: Sequence[tuple[str, str]] = (),
        user: str = "",
        scope: str = "",
        tell: Callable[[Event], None] = unheard,
        streams: bool = False,
    ) -> Written:
        """The same in an event loop of the caller's: cancelling it cancels the calls of models.

        `earlier` are questions with the texts of their answers, oldest first, that follow on what `session`
        holds: a conversation that only whoever asks remembers. Replies that are kept are shared only within
        one `scope`. Connections stay open for the next question: `aclose` closes them.
        """
        import asyncio

        from loccit import __version__
        from loccit.budgets.deadline import Deadline
        from loccit.core.answers import Abstention
        from loccit.models.tokens import count
        from loccit.pipeline.ask import abstain
        from loccit.pipeline.events import Degraded
        from loccit.pipeline.write import write
        from loccit.pipeline.written import as_run

        settings = self._system.settings
        filters = _filters(languages, paths)
        deadline = Deadline.after(settings.models.timeout_s)
        writers = self._writers(scope)

        async def answered(payer: Payer, turns: Sequence[tuple[str, Answer]]) -> Answer:
            exchanges: list[Exchange] = [*turns, *earlier]
            try:
                searched = await asyncio.to_thread(
                    self._searchable, repos, collection, rev, history=True, changes=True
                )
                return await write(
                    question,
                    searched,
                    writers=writers,
                    filters=filters,
                    retrieval=settings.retrieval,
                    answering=settings.answering,
                    count_tokens=count,
                    payer=payer,
                    deadline=deadline,
                    version=__version__,
                    turns=exchanges,
                    tell=tell,
                    streams=streams,
                )
            except NotIndexed:
                return abstain(question, Abstention.NOT_INDEXED, version=__version__)
            except (IndexBroken, IndexFormatMismatch):
                return abstain(question, Abstention.INDEX_BROKEN, version=__version__)

        written = await as_run(question, answered, self._books(user), session=session)
        if self._open.models is not None and (lost := self._open.models.recording_failure) is not None:
            tell(Degraded(lost.message, lost.next_step))
        return written

    def draft_reply(
        self,
        triage: Triage,
        issue: str | bytes | Issue,
        *,
        repo: str | None = None,
        user: str = "",
        tell: Callable[[Event], None] = unheard,
    ) -> Triage:
        """The triage with a reply that the configured model drafts for a maintainer; it is posted nowhere.

        `issue` and `repo` are those that were triaged. Without a draft `notes` say why, where it is not that
        the triage abstained. Raises InputError, SourceError, ModelNotConfigured, PriceUnknown, StorageFailed.
        """
        import asyncio

        from loccit.budgets.deadline import Deadline
        from loccit.models.tokens import count
        from loccit.pipeline.reply import with_reply_draft
        from loccit.pipeline.report import report_of
        from loccit.pipeline.written import drafted_reply

        settings = self._system.settings
        text = report_of(issue).text
        location = self._known(repo).location if repo else self._only(None).location

        async def drafted() -> Triage:
            model = self._writers().answer
            with ExitStack() as stack:
                found = self._readers(location, stack)
                names = [snapshot.repo for snapshot in triage.snapshots]
                readers = dict(zip(names, found, strict=False))

                async def draft(payer: Payer) -> Triage:
                    return await with_reply_draft(
                        triage,
                        text,
                        readers,
                        model=model,
                        count_tokens=count,
                        evidence_tokens=settings.answering.evidence_tokens,
                        reply_tokens=settings.answering.reply_tokens,
                        payer=payer,
                        deadline=Deadline.after(settings.models.timeout_s),
                        tell=tell,
                    )

                try:
                    return await drafted_reply(triage, draft, self._books(user))
                finally:
                    await self.aclose()

        return asyncio.run(drafted())

    async def aclose(self) -> None:
        """Close the connections to models and to a collector; they are opened again when they are needed."""
        if self._open.models is not None:
            await self._open.models.close()
        if self._open.judging is not None:
            await self._open.judging.close()
            self._open.judging = None
        if self._open.exporter is not None:
            self._open.exporter.close()
            self._open.exporter = None

    def begin_conversation(self, user: str = "") -> str:
        """A new conversation of this user, for `session`. Raises StorageFailed."""
        books = self._books(user)
        return books.conversations.begin(books.user)

    def last_conversation(self, user: str = "") -> str:
        """The conversation in which this user asked last. Raises InputError where there is none."""
        found = self._system.conversations().latest(user)
        if found is None:
            raise InputError(
                "there is no conversation to go on with", next_step="ask without --continue first"
            )
        return found

    def costly_estimate(self) -> Decimal | None:
        """What a written answer may cost at most, in USD, where that is more than `estimate_over_usd`.

        None where it is less. Raises PriceUnknown, SettingsError.
        """
        settings = self._system.settings
        kind = settings.models.answer.partition(":")[0]
        if kind in {"scripted", "replay"}:
            return None
        options = settings.answering
        # Each further step brings half as much evidence again; a repair reads all of it once more.
        calls = options.steps + 2
        tokens = options.evidence_tokens * (2 + options.steps) + options.conversation_tokens
        cost = calls * self._system.prices().bound(settings.models.answer, tokens, options.reply_tokens)
        return cost if cost > settings.budgets.estimate_over_usd else None

    def triage(
        self,
        issue: str | bytes | Issue,
        *,
        repo: str | None = None,
        as_of: str | None = None,
        top: int = 10,
    ) -> Triage:
        """Where the cause of an issue may be: suspect files and functions, and what the past says of them.

        `issue` is its text or bytes, the title in the first line, or a tracker's. `repo` is the name, path or
        URL of an indexed repository, by default the only one. `as_of` is a commit, tag, branch, or a date in
        ISO form (of a day its end, in UTC): nothing younger is looked at. At most `top` files of a kind are
        named. An index that is missing or broken is an abstention. Raises InputError, SourceError.
        """
        from loccit import __version__
        from loccit.core.triage import TriageAbstention
        from loccit.pipeline.report import report_of
        from loccit.pipeline.triage import abstain, triage

        if top < 1:
            raise InputError(f"the limit is {top!r}, expected at least 1")
        settings = self._system.settings
        report = report_of(issue)
        try:
            known = self._only(repo)
            rev, moment = self._moment(known, as_of)
            report = report_of(issue, as_of=moment.time if moment.is_past else None)
            searched = self._opened(known, rev, history=True, changes=True)
            ranker, note = self._ranker(searched)
            return triage(
                report,
                searched,
                localiser=self._localiser(searched, ranker, top),
                ranker_note=note,
                past_issues=self._past_issues(known, moment),
                options=settings.pipeline,
                moment=moment,
                top=top,
                version=__version__,
            )
        except NotIndexed:
            return abstain(report, TriageAbstention.NOT_INDEXED, version=__version__)
        except (IndexBroken, IndexFormatMismatch):
            return abstain(report, TriageAbstention.INDEX_BROKEN, version=__version__)

    def triage_as_run(
        self, issue: str | bytes | Issue, *, repo: str | None = None, top: int = 10, user: str = ""
    ) -> tuple[Triage, str]:
        """As `triage`, of now, kept as a run: with the id under which `rate_run` takes what is right, empty
        where no runs are kept. Raises StorageFailed too.
        """
        from loccit.pipeline.report import report_of
        from loccit.pipeline.written import triaged

        text = report_of(issue).text
        return triaged(text, lambda: self.triage(issue, repo=repo, top=top), self._books(user))

    def fix(
        self,
        issue: str | bytes | Issue,
        *,
        repo: str | None = None,
        rev: str | None = None,
        push: bool = False,
        lesson: bool = False,
        user: str = "",
        tell: Callable[[str], None] = unheard,
    ) -> Fix:
        """What became of an issue that a model was to fix: what loccit's own test runs say, and a branch.

        `issue` is its text or bytes, the title in the first line, or a tracker's; `repo` the name, path or
        URL of a git repository that is indexed, `rev` the commit to begin at. Nothing leaves this machine but
        calls of models, unless `push` is given and the outcome is `fixed`: then the branch is pushed and a
        pull request opened. With `lesson` what the run learned becomes a file on the branch. `tell` hears
        what goes on. Raises ModelNotConfigured without a model, InputError, SourceError, RunWaits where a
        person has to answer first, RunFailed, Cancelled.
        """
        from loccit import __version__
        from loccit.agents.fix.asked import followed, task_of
        from loccit.core.calls import Payer

        self.check_fixing_model()
        known = self._only(repo)
        repository = self._repository(known)
        target = self._fixes().target_of(repository) if push else ""
        task = task_of(issue, repository, rev=rev, target=target, pushes=push, writes_lesson=lesson)
        agents = self.agents()
        row = agents.begin("fix", task, payer=Payer("fix", user=user))
        return followed(agents, row.id, __version__, tell)

    def check_fixing_model(self) -> None:
        """Raises ModelNotConfigured where no model is configured that could fix anything."""
        settings = self._system.settings
        if not (settings.agents.model or settings.models.answer):
            raise ModelNotConfigured(
                "no model is configured that could fix anything",
                next_step="name one: model in [agents], or answer in [models]; see 'loccit models'",
            )

    def fix_bundle(self, fix: Fix, *, repo: str | None = None) -> bytes:
        """The branch of a fix as a git bundle, which `git fetch` reads. Raises InputError, StorageFailed."""
        return self._fixes().bundle(fix, self._repository(self._only(repo)))

    def replay_fix(self, run: str, *, tell: Callable[[str], None] = unheard) -> Fix:
        """The document of a run of `fix` that is over; `tell` hears what it told. Nothing is run or paid.

        Raises NotFound, InputError for a run of something else, RunWaits, RunFailed, Cancelled.
        """
        from loccit import __version__
        from loccit.agents.fix.asked import replayed

        return replayed(self._system.agents({}).store, run, __version__, tell)

    def _fixes(self) -> FixService:
        from loccit import __version__

        return self._system.fixes(
            version=__version__,
            triage=lambda text, repo: self.triage(text, repo=repo),
            search=lambda query, repo, rev: self.search(query, repos=[repo], rev=rev, limit=8),
            read=self.read_many,
        )

    def prove(
        self, repo: str | None = None, *, rev: str | None = None, cases: int = 200, blocks: int = 5
    ) -> Proof:
        """How well the files of past fixes would have been found, as of the commit before each fix.

        The last `cases` fixed issues of its tracker are asked again, or fix commits where none is known, in
        at most `blocks` dated blocks, each with a ranker that has learned from what came before it. `repo` is
        the name, path or URL of an indexed repository, by default the only one; `rev` is where its history
        ends (default HEAD). Raises InputError where there is nothing to replay, NotIndexed, SourceError.
        """
        from loccit.learning.prove import prove

        if min(cases, blocks) < 1:
            raise InputError(f"there are {cases!r} cases and {blocks!r} blocks, expected at least 1 of each")
        known, searched = self._with_history(repo, rev)
        store = self._system.issues(known.key)
        with self._ingest(searched.repository) as ingest:
            return prove(
                searched,
                ingest,
                issues=store.issues() if store.newest() is not None else (),
                cases=cases,
                blocks=blocks,
                progress=self._progress,
            )

    def tune(self, repo: str | None = None) -> Tuning:
        """Learn from the past of a repository how to rank, and use that where later fixes show that it helps.

        Costs what is new since the last time; may be interrupted and repeated. `repo` is the name, path or
        URL of an indexed repository, by default the only one. Too little past is a result that says so.
        Raises InputError for a plain folder, NotIndexed, SourceError, StorageFailed.
        """
        from loccit.learning.tune import tune
        from loccit.retrieval.learned import general_ranker

        known, searched = self._with_history(repo, None)
        with self._ingest(searched.repository) as ingest:
            return tune(
                searched,
                ingest,
                self._system.learned(known.key),
                general=general_ranker(),
                max_file_bytes=self._system.settings.sources.max_file_bytes,
                progress=self._progress,
                waiting=self._waiting,
            )

    def mine_samples(
        self,
        repo: str | None = None,
        *,
        kinds: Sequence[str] = ("localise", "questions", "changes"),
        count: int = 100,
        since: datetime | None = None,
        unanswerable_from: str | None = None,
        seed: int = 0,
    ) -> Mined:
        """A dataset out of a repository's own past: at most `count` samples of each kind.

        `since` leaves out older fixes and changes. `unanswerable_from` is an indexed repository: questions
        about it are asked here, where abstaining is right. The same state and seed give the same bytes.
        `repo` is the name, path or URL of an indexed repository, by default the only one. Raises InputError
        where nothing can be mined, NotIndexed, SourceError.
        """
        from loccit.learning.mine_samples import Place, mine_samples
        from loccit.learning.mined_samples import OWN_KINDS, MinedKind

        if count < 1:
            raise InputError(f"{count!r} samples are asked for, expected at least 1")
        unknown = sorted(set(kinds) - {kind.value for kind in OWN_KINDS})
        if unknown:
            raise InputError(
                f"{unknown[0]!r} is no kind of sample", next_step="write localise, questions or changes"
            )
        known = self._only(repo)
        other = None if unanswerable_from is None else self._known(unanswerable_from)
        if other is not None and other.key == known.key:
            raise InputError(f"{known.name!r} answers its own questions", next_step="name another repository")
        store = self._system.issues(known.key)

        def place(of: KnownRepository) -> Place:
            repository = self._repository(of)
            return Place(repository, of.name, repository.snapshot())

        return mine_samples(
            place(known),
            issues=store.issues() if store.newest() is not None else (),
            kinds=[MinedKind(kind) for kind in kinds],
            count=count,
            since=since,
            other=None if other is None else place(other),
            seed=seed,
            parsing=self._system.settings.parsing,
            progress=self._progress,
        )

    def learned(self, repo: str | None = None) -> tuple[Facts, ...]:
        """The rankers that a repository has adopted, the one in use first; none where that is the general
        one.

        Raises InputError, NotIndexed, IndexFormatMismatch, IndexBroken.
        """
        from loccit.learning.adopt import adopted_rankers, read_facts

        folder = self._system.learned(self._only(repo).key)
        return tuple(read_facts(folder, kept) for kept in adopted_rankers(folder))

    def roll_back(self, repo: str | None = None) -> tuple[Facts, ...]:
        """Stop using what was learned last, and use what was before it; what is kept now, as by `learned`.

        What is gone back to may be damaged: whoever ranks with it is told. Raises InputError where nothing
        was adopted, NotIndexed, IndexFormatMismatch, IndexBroken, StorageFailed.
        """
        from loccit.learning.adopt import roll_back, writing

        known = self._only(repo)
        folder = self._system.learned(known.key)
        with writing(folder, waiting=self._waiting):
            roll_back(folder)
        return self.learned(known.name)

    # Evaluating

    def evaluate(
        self,
        task: TaskFile,
        log: Path | None = None,
        *,
        repos: Sequence[str] = (),
        dataset: Dataset | None = None,
        reuse: EvalLog | None = None,
        anew: bool = False,
        tell: Callable[[Standing], None] = unheard,
    ) -> tuple[EvalLog, Path]:
        """Ask what the task says, and give its finished log with the file that it is in.

        `repos` are asked where neither a sample nor the task names one. `dataset` takes the place of the
        task's file. Without `log` it goes to the home
        folder; an unfinished log of the same run there is gone on with, unless `anew`. Of `reuse` outputs are
        taken over that nothing touched which has changed since. Raises what `evals.runner.run` does.
        """
        import asyncio

        from loccit import __version__
        from loccit.evals.runner import run, unfinished

        async def evaluated() -> tuple[EvalLog, Path]:
            made = self._eval_task(task, tuple(repos), dataset)
            path = log
            if path is None:
                folder = self._system.eval_logs(made.name)
                path = None if anew else unfinished(folder, made.header(__version__))
                path = path or folder / f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}.jsonl"
            try:
                return await run(made, path, version=__version__, reuse=reuse, tell=tell), path
            finally:
                await made.system.close()
                await self.aclose()

        return asyncio.run(evaluated())

    @property
    def calibrations(self) -> Path:
        """The folder with what people's labels say of judges."""
        return self.home / "evals" / "calibrations"

    def rescore(
        self,
        log: EvalLog,
        path: Path,
        *,
        scorers: Sequence[str] = (),
        judge: str = "",
        folder: Path | None = None,
        tell: Callable[[Standing], None] = unheard,
    ) -> EvalLog:
        """The same outputs with the figures of these scorers (without names: those that the samples have
        something for), in a new log at `path`. `judge` is the model that judges ask, empty: that of the
        settings. `folder` is where FILE.py:NAME is looked for.
        """
        import asyncio

        from loccit.evals.datasets import Dataset
        from loccit.evals.runner import rescore

        dataset = Dataset(tuple(log.samples.values()))

        async def scored_again() -> EvalLog:
            try:
                chosen = self._scorers(tuple(scorers), dataset, folder or Path(), judge)
                return await rescore(log, chosen, path, tell=tell)
            finally:
                await self.aclose()

        return asyncio.run(scored_again())

    def improve(
        self,
        log: EvalLog,
        *,
        repos: Sequence[str] = (),
        space: Path | None = None,
        lessons: Path | None = None,
        most_trials: int = 12,
        seed: int = 0,
        usd: float | None = None,
    ) -> Improvement:
        """Try changes of settings against the misses of a log, and say whether one is shown to be better.

        `repos` as in `evaluate`, without any those of the log; `space` is the file of what may be tried;
        `lessons` is the repository whose lessons are read. Each try may spend `usd`. Changes nothing. Raises
        what `evaluate` does, and InputError for a log that settles nothing.
        """
        from loccit.evals.tasks import SystemSpec, TaskFile
        from loccit.learning.improve import improve
        from loccit.learning.lesson_files import read_lessons
        from loccit.learning.search_space import read_space

        settings = self._system.settings
        name = f"{log.header.task}-improve"
        asked = tuple(repos) or tuple(log.header.system.facts.get("repos", {}))
        same = log.header.scorers

        def evaluate(dataset: Dataset, tables: Tables) -> EvalLog:
            task = TaskFile(dataset="", name=name, system=SystemSpec(settings=tables), usd=usd)
            made = self._eval_task(task, asked, dataset)
            reusable = log if {s.name: s.version for s in made.scorers} == same else None
            return self.evaluate(task, repos=asked, dataset=dataset, reuse=reusable)[0]

        return improve(
            log,
            evaluate,
            space=read_space(space),
            current={room: asdict(getattr(settings, room)) for room in _TUNABLE},
            has_model=self.has_model,
            lessons=() if lessons is None else read_lessons(lessons),
            most_trials=most_trials,
            seed=seed,
            tell=lambda what, done, total: self._progress(what, done, total, "run"),
        )

    def _eval_task(self, task: TaskFile, repos: tuple[str, ...], dataset: Dataset | None = None) -> EvalTask:
        """The task with its parts: samples, system, scorers."""
        from loccit.evals.runner import EvalTask

        dataset = dataset or task.read_dataset()
        repos = task.repos or repos
        spec = task.system
        if spec.kind == "loccit":
            changed = with_changes(self._system.settings, spec.settings)
            asker = self if not spec.settings else Loccit(settings=changed, progress=self._progress)
            is_at_head = not all(sample.commit for sample in dataset.samples)
            asked = self._asked(repos, dataset)
            heads = {
                known.name: self._repository(known).resolve(None) if is_at_head else "" for known in asked
            }
            system = build(changed).measured(asker, repos, heads, spec)
        else:
            system = self._system.other_system(spec, task.folder)
        return EvalTask(
            name=task.name,
            dataset=dataset,
            system=system,
            scorers=self._scorers(task.scorers, dataset, task.folder, task.judge),
            repeats=task.repeats,
            limits=task.limits,
        )

    def _scorers(
        self, names: tuple[str, ...], dataset: Dataset, folder: Path, judge: str
    ) -> tuple[Scorer, ...]:
        """The scorers of these names, judges last. Raises InputError for a name of none."""
        from loccit.evals.tasks import JUDGES, computed_scorers

        asked = [name for name in names if name in JUDGES]
        computed = tuple(name for name in names if name not in JUDGES)
        found = [] if asked and not computed else computed_scorers(computed, dataset, folder)
        if asked:
            if self._open.judging is None:
                self._open.judging = self._system.judging(judge)
            known = self._system.judges(self._open.judging)
            found += [known[name] for name in dict.fromkeys(asked)]
        return tuple(found)

    def _asked(self, repos: tuple[str, ...], dataset: Dataset) -> tuple[KnownRepository, ...]:
        """The repositories that a dataset asks about. Raises NotIndexed."""
        found = [self._known(name) for name in sorted({s.repo for s in dataset.samples if s.repo})]
        if not all(sample.repo for sample in dataset.samples):
            found += self._chosen(repos, None)
        return tuple({known.key: known for known in found}.values())

    def search(
        self,
        query: str,
        *,
        repos: Sequence[str] = (),
        collection: str | None = None,
        rev: str | None = None,
        languages: Sequence[str] = (),
        paths: Sequence[str] = (),
        limit: int | None = None,
        per_file: int | None = None,
        history: bool = False,
    ) -> tuple[Hit, ...]:
        """The best chunks for a query, best first, at most `limit` and at most `per_file` of one file; with
        `history` the best commits. Raises NotIndexed, InputError and so on.
        """
        from loccit.pipeline.evidence import find

        retrieval = self._system.settings.retrieval
        top_k = retrieval.top_k if limit is None else limit
        of_one_file = retrieval.hits_per_file if per_file is None else per_file
        if min(top_k, of_one_file) < 1:
            raise InputError(f"the limits are {top_k!r} and {of_one_file!r} per file, expected at least 1")
        filters = _filters(languages, paths)
        searched = self._searchable(repos, collection, rev, history=history)
        if history and not any(one.history for one in searched):
            names = ", ".join(repr(one.name) for one in searched)
            raise NotIndexed(
                f"the history of {names} is not indexed",
                next_step="run 'loccit index' there; if its history is being read already, that waits for it",
            )
        results = find(
            query,
            searched,
            filters=filters,
            options=retrieval,
            top_k=top_k,
            per_file=of_one_file,
            in_history=history,
        )
        # The index holds what a commit says, not at which bytes of the commit it says it.
        return tuple(hit for hit, _ in self._located(results.hits)) if history else results.hits

    def grep(
        self,
        pattern: str,
        *,
        repos: Sequence[str] = (),
        collection: str | None = None,
        rev: str | None = None,
        languages: Sequence[str] = (),
        paths: Sequence[str] = (),
        ignore_case: bool = False,
        timeout_s: float = 30.0,
        limit: int = 1000,
    ) -> Iterator[MatchingLine]:
        """Lines that match a POSIX extended regular expression, in path order.

        Needs no index: `repos` may be paths of repositories that were never indexed. Raises InputError for a
        pattern that is none, LimitExceeded after `timeout_s`.
        """
        from loccit.pipeline.grep import matching_lines

        filters = _filters(languages, paths)
        left = limit
        for name, repository in self._readable(repos, collection):
            found = matching_lines(
                repository,
                name,
                pattern,
                rev=rev,
                filters=filters,
                ignore_case=ignore_case,
                timeout_s=timeout_s,
                max_matches=left,
            )
            for line in found:
                yield line
                left -= 1
            if left <= 0:
                return

    def find_symbol(
        self,
        name: str,
        *,
        repos: Sequence[str] = (),
        collection: str | None = None,
        rev: str | None = None,
        limit: int = 20,
    ) -> tuple[Definition, ...]:
        """Where a function, class or constant is defined, by its qualified name or the last part of it: exact
        names before those that begin so before those that hold it, sources before tests.

        Raises NotIndexed, InputError.
        """
        from loccit.pipeline.searchable import read_place, readers_of
        from loccit.pipeline.symbols import find_symbol

        if limit < 1:
            raise InputError(f"the limit is {limit!r}, expected at least 1")
        searched = self._searchable(repos, collection, rev)
        with ExitStack() as stack:
            return find_symbol(name, searched, read_place(readers_of(searched, stack)), limit)

    def commit_facts(self, hits: Sequence[Hit]) -> tuple[CommitFacts, ...]:
        """Of hits in the history who made each commit, when, and its first line. Raises IndexBroken."""
        from loccit.pipeline.commit_facts import commit_facts
        from loccit.pipeline.searchable import read_place

        contents = self._contents()
        with ExitStack() as stack:
            readers = {
                name: stack.enter_context(self._reader(contents.named(name).location))
                for name in dict.fromkeys(hit.place.repo for hit in hits)
            }
            read = read_place(readers)
            return tuple(commit_facts(hit.place.object_id, read(hit.place)) for hit in hits)

    def read(self, hit: Hit) -> bytes:
        """The bytes of a hit, as they stand in the repository. Raises IndexBroken where they are no longer
        there.
        """
        return next(iter(self.read_many([hit])))

    def read_many(self, hits: Sequence[Hit]) -> list[bytes]:
        """The bytes of each hit, in order."""
        return [data for _, data in self._located(hits)]

    def _located(self, hits: Sequence[Hit]) -> list[tuple[Hit, bytes]]:
        """Each hit with its exact place, and its bytes."""
        from loccit.pipeline.searchable import read_place
        from loccit.retrieval.packing import located

        contents = self._contents()
        with ExitStack() as stack:
            readers = {
                name: stack.enter_context(self._reader(contents.named(name).location))
                for name in dict.fromkeys(hit.place.repo for hit in hits)
            }
            read = read_place(readers)
            return [located(hit, read(hit.place)) for hit in hits]

    # Checking

    def verify(self, answer: Answer | bytes, repositories: Sequence[str | Path] = ()) -> VerificationReport:
        """Re-check an answer (or the bytes of an answer file) against repositories, with no index.

        `repositories` are paths, URLs that are mirrored here, or names; without any, the indexed ones that
        the answer names. Raises MalformedAnswer for bytes that are no answer.
        """
        from loccit.core.answers import parse_answer
        from loccit.verification import verify

        parsed = parse_answer(answer) if isinstance(answer, bytes) else answer
        locations = [self._location(str(r)) for r in repositories] or self._named_in(parsed)
        with ExitStack() as stack:
            return verify(parsed, [reader for at in locations for reader in self._readers(at, stack)])

    def checked(self, citation: Citation, repository: str | Path | None = None) -> Citation:
        """The same citation, if it holds in the repository.

        Default: the indexed one that the citation names, else the one that the working directory is in.

        Raises SourceError that says why it does not.
        """
        from loccit.pipeline.show import checked

        location = self._location(str(repository)) if repository else self._location_of(citation)
        with ExitStack() as stack:
            return checked(citation, self._readers(location, stack))

    def source(
        self,
        repo: str,
        path: str,
        *,
        start_line: int = 1,
        end_line: int | None = None,
        rev: str | None = None,
    ) -> SourceLines:
        """Lines (1-based, inclusive; without `end_line` all that follow) of an indexed file at an indexed
        revision.

        Raises NotIndexed, NotFound where no such file is indexed, InputError where it has no such lines.
        """
        from loccit.pipeline.source_lines import source_lines

        searched = self._opened(self._known(repo), rev, history=False, changes=False)
        with searched.repository.reader() as reader:
            return source_lines(searched, reader, path, start_line, end_line)

    def cite(
        self,
        path: str,
        start_line: int,
        end_line: int,
        *,
        repository: str | Path = ".",
        rev: str | None = None,
    ) -> Citation:
        """The citation of lines (1-based, inclusive) of a file at a revision. Needs no index. Raises
        InputError.
        """
        from loccit.pipeline.show import cite_lines

        source = self._repository_at(self._location(str(repository)))
        snapshot = source.snapshot(rev)
        known = self._contents().by_key(source.key)
        with source.reader() as reader:
            return cite_lines(
                known.name if known else source.name, snapshot, reader, path, start_line, end_line
            )

    def cite_commit(self, rev: str, *, repository: str | Path = ".") -> Citation:
        """The citation of a commit's message. Needs no index.

        Raises InputError for a plain folder, RevisionNotFound.
        """
        from loccit.verification import cite_commit

        source = self._repository_at(self._location(str(repository)))
        if not source.is_git:
            raise InputError(f"{str(repository)!r} is a plain folder and has no commits")
        known = self._contents().by_key(source.key)
        commit = source.resolve(rev)
        with source.reader() as reader:
            data = reader.read(commit).data
        return cite_commit(
            repo=known.name if known else source.name,
            commit=commit,
            data=data,
            start_byte=data.find(b"\n\n") + 2,
            end_byte=len(data),
        )

    # Trackers

    def sync_issues(
        self, repo: str | Path = ".", source: str | None = None, *, wait: bool = False, full: bool = False
    ) -> SyncReport:
        """Read what is new in the issue tracker of a repository, and keep it.

        `source` is `github:owner/name`, `gitlab:group/name`, an export or a folder, by default the one of the
        last time. May be killed and repeated. With `wait` a rate limit is waited out, however long; with
        `full` everything is read again, so that what is gone is marked. Raises InputError, SourceError.
        """
        from loccit.sources.issues import parse_tracker, synchronise

        repository = self._system.repository(self._location(str(repo)))
        store = self._system.issues(repository.key)
        written = source or self._tracker_of(repository, store)
        location = parse_tracker(written, folder=Path.cwd())
        tracker = self._system.tracker(location, wait_s=_LONGEST_WAIT_S if wait else None)
        try:
            return synchronise(tracker, store, full=full, progress=self._progress)
        finally:
            tracker.close()
            if store.newest() is not None:
                self._enter(repository, None)

    def issues(self, repo: str | Path = ".", *, as_of: datetime | None = None) -> tuple[Issue, ...]:
        """The issues and proposed changes that are kept of a repository's tracker, by time of opening.

        With `as_of` each as it stood then, without those that came later. Raises NotIndexed where no tracker
        was read.
        """
        store = self._issue_store(repo)
        found = store.issues()
        if as_of is not None:
            at = int(as_of.timestamp())
            found = (past for issue in found if (past := issue.as_of(at)) is not None)
        return tuple(sorted(found, key=lambda issue: (issue.created, issue.id)))

    def issue(self, issue_id: str, *, repo: str | Path = ".", as_of: datetime | None = None) -> Issue:
        """One issue that is kept, also as it stood at a past time.

        Raises NotIndexed where no tracker was read, InputError where there is, or was, no such issue.
        """
        found = self._stored_issue(issue_id, repo).issue
        past = found if as_of is None else found.as_of(int(as_of.timestamp()))
        if past is None:
            opened = datetime.fromtimestamp(found.created, UTC).strftime("%Y-%m-%d %H:%M UTC")
            raise InputError(f"the issue {issue_id!r} was not there yet", next_step=f"it was opened {opened}")
        return past

    def cite_issue(
        self, issue_id: str, start_line: int, end_line: int, *, repository: str | Path = "."
    ) -> Citation:
        """The citation of lines (1-based, inclusive) of an issue's file. Raises NotIndexed, InputError."""
        from loccit.pipeline.show import cite_issue_lines

        stored = self._stored_issue(issue_id, repository)
        source = self._system.repository(self._location(str(repository)))
        known = self._contents().by_key(source.key)
        name = known.name if known else source.name
        return cite_issue_lines(name, stored.commit, stored.path, stored.data, start_line, end_line)

    def tracker_writer(self, tracker: str, *, variable: str) -> TrackerWriter:
        """What writes comments of ours at a tracker (`github:owner/name`, `gitlab:group/name`), with the
        token in this environment variable. Raises InputError, SettingsError, UnsafeSource.
        """
        from loccit.sources.issues import parse_tracker

        return self._system.tracker_writer(parse_tracker(tracker, folder=Path.cwd()), variable)

    def tracker_fixes(self, tracker: str, *, variable: str = "") -> FixFinder:
        """What a tracker says of fixes, and of who may write, with the token in this environment variable,
        by default that of its host. Raises InputError, SettingsError, UnsafeSource.
        """
        from loccit.sources.issues import parse_tracker

        return self._system.tracker_fixes(parse_tracker(tracker, folder=Path.cwd()), variable)

    def comment_on(
        self, triage: Triage | bytes, *, tracker: str, issue: str, variable: str, dry: bool = False
    ) -> tuple[str, str]:
        """Write a triage (or the bytes of its file) as the one comment of ours below an issue, with the token
        in this environment variable: its text and its id. Empty texts where there is nothing to say, the id
        also where it is `dry` and nothing is written.

        Nothing of the triage acts: texts are shown as code, and links are made of ids and paths. Raises
        MalformedAnswer for bytes that are no triage, InputError, SettingsError, SourceError.
        """
        from loccit.core.triage import parse_triage
        from loccit.pipeline.issue_comment import Web, comment_of, has_something_to_say, write_comment
        from loccit.sources.issues import TrackerKind, parse_tracker

        location = parse_tracker(tracker, folder=Path.cwd())
        if location.kind not in (TrackerKind.GITHUB, TrackerKind.GITLAB) or not issue.isdecimal():
            raise InputError(
                f"{tracker!r} has no issue {issue!r} to comment on",
                next_step="write github:owner/name or gitlab:group/name, and the number of the issue",
            )
        found = parse_triage(triage) if isinstance(triage, bytes) else triage
        text = comment_of(found, Web(f"{location.host}/{location.name}", f"{location.kind.value}.com"))
        is_worth_it = has_something_to_say(found)
        if dry:
            return (text if is_worth_it else ""), ""
        writer = self._system.tracker_writer(location, variable)
        try:
            return text, write_comment(writer, issue, text, is_new_allowed=is_worth_it)
        finally:
            writer.close()

    def triaged_issues(self) -> TriagedIssues:
        """What a server said, or would have said, of the issues that trackers told it of. Raises
        StorageFailed.
        """
        return self._system.triaged_issues()

    def shadow(self, repo: str | None = None, *, since: datetime | None = None) -> ShadowReport:
        """How right a server's triages were of the issues that were mended since, with intervals.

        `repo` is the name, path or URL of an indexed repository, by default all of them together. Raises
        NotIndexed, StorageFailed.
        """
        from loccit.evals.shadow import shadow_report

        name = None if repo is None else self.name_of(repo)
        began = None if since is None else since.timestamp()
        return shadow_report(self.triaged_issues().list(repo=name, since=began))

    # Keeping house

    def known(self) -> tuple[KnownRepository, ...]:
        """The indexed repositories, in order of name, without a look at their sources."""
        return self._contents().repositories

    def identify(self, location: str) -> KnownRepository:
        """The repository at a path or URL as the catalogue has it, or would have it if it was indexed.

        Nothing is fetched. Raises SourceError.
        """
        repository = self._system.repository(location)
        known = self._contents().by_key(repository.key)
        return known or KnownRepository(
            repository.key, repository.name, repository.location, repository.is_git, 0.0
        )

    def moved(self) -> tuple[tuple[KnownRepository, bool], ...]:
        """The git repositories of this machine whose HEAD is not indexed, and whether the history of each is.

        Those that cannot be read now are left out.
        """
        found: list[tuple[KnownRepository, bool]] = []
        for known in self._contents().repositories:
            if not known.is_git or not known.location.startswith("/"):
                continue
            try:
                head = self._system.repository(known.location).resolve(None)
                manifest = self._system.shard(known.key).manifest()
            except (SourceError, SearchIndexError):
                continue
            if manifest.snapshot("files", head) is None:
                found.append((known, any(one.kind == "history" for one in manifest.snapshots)))
        return tuple(found)

    def status(self) -> tuple[RepositoryStatus, ...]:
        """Every known repository, in order of name."""
        contents = self._contents()
        return tuple(self._status(known, contents) for known in contents.repositories)

    def name_of(self, repo: str) -> str:
        """The name of the indexed repository that is called so, or is at this path or URL. Raises
        NotIndexed.
        """
        return self._known(repo).name

    def names(self) -> tuple[str, ...]:
        """The names of the indexed repositories, in order."""
        return tuple(known.name for known in self._contents().repositories)

    def collections(self) -> dict[str, tuple[str, ...]]:
        """The named collections and the names of their repositories."""
        contents = self._contents()
        return {
            name: tuple(known.name for known in contents.collection(name))
            for name in sorted(contents.collections)
        }

    def cost(self, by: By = "day", *, since: date | None = None, until: date | None = None) -> Cost:
        """What models did cost on these days (in UTC, both in it), and what is left of the budgets.

        One row for each day, in order, or for each model, user, team or purpose, the dearest first.
        """
        ledger = self._system.ledger()
        rows = ledger.spending(by, since=since, until=until)
        return Cost(tuple(rows), tuple(ledger.budgets()))

    def runs(
        self,
        *,
        limit: int | None = None,
        since: datetime | None = None,
        kind: str | None = None,
        user: str | None = None,
    ) -> tuple[RunSummary, ...]:
        """The runs that were recorded, the newest first, by what is asked for. Raises StorageFailed."""
        began = None if since is None else since.timestamp()
        return self._system.runs().list(limit=limit, since=began, kind=kind, user=user)

    def run(self, run_id: str) -> RunRecord:
        """The record of a run, by its id or the beginning of it.

        Raises InputError where there is none or several, IndexBroken.
        """
        return self._system.runs().get(run_id)

    def rate_run(
        self,
        run_id: str,
        *,
        good: bool,
        correction: str = "",
        files: Sequence[str] = (),
        user: str = "",
    ) -> Rating:
        """Keep what a user says of a run's answer, in place of what they said of it before.

        `run_id` is its id or the beginning of it; `correction` says what would have been right, `files` are
        the paths where it stands: both go with a bad one only. Raises InputError, StorageFailed.
        """
        from loccit.telemetry.feedback import Thumb

        if good and (correction or files):
            raise InputError("a good answer needs no correction", next_step="rate it bad, or leave it out")
        run = self._system.runs().get(run_id).id
        thumb = Thumb.UP if good else Thumb.DOWN
        return self._system.feedback().rate(run, thumb, user=user, correction=correction, files=files)

    def samples_from_runs(self, *, since: datetime | None = None, rated_only: bool = False) -> RunSamples:
        """A dataset out of the runs that began then or later, and of what people said of their answers.

        Raises InputError where no run makes a sample, IndexBroken, StorageFailed.
        """
        from loccit.evals.from_runs import samples_from_runs

        store = self._system.runs()
        found = [summary.id for summary in reversed(self.runs(since=since))]
        return samples_from_runs(
            (store.get(run) for run in found),
            self._system.feedback().of(found),
            follow_ups=self._system.conversations().follow_ups(),
            rated_only=rated_only,
        )

    def prune_runs(self, before: datetime, *, actor: str = "local") -> Forgotten:
        """Forget the runs with their ratings and scores, and the turns of conversations, from before a
        moment. `actor` is who does it, for the audit log.

        Raises StorageFailed.
        """
        moment = before.timestamp()
        ratings = self._system.feedback().prune(moment)
        runs, turns = self._system.runs().prune(moment), self._system.conversations().prune(moment)
        details = {"before": before.isoformat(), "runs": runs, "turns": turns, "ratings": ratings}
        self.audit("runs pruned", actor=actor, details=details)
        return Forgotten(runs, turns, ratings)

    def erase_user(self, user: str, *, actor: str = "local") -> Forgotten:
        """Forget the runs and the conversations of a user, what they said of runs, what was said of theirs,
        the replies of models in them, alerts about their budgets, their keys, and their runs of agents. What
        they spent is kept in nobody's name. That they were erased stays in the audit log, with who did it.
        Raises StorageFailed.
        """
        from loccit.agents.durable.keeping import forget_runs_of
        from loccit.models.cache import forget_replies

        database = self._system.database()
        spans = [
            (run.started_at - _SLACK_S, run.started_at + run.took_ms / 1000 + _SLACK_S)
            for run in self._system.runs().list(user=user)
        ]
        replies = forget_replies(database, spans)
        ratings = self._system.feedback().erase(user)
        runs, conversations = self._system.runs().erase(user), self._system.conversations().erase(user)
        charges = self._system.ledger().forget_user(user)
        alerts = self._system.alerts().forget(_budgets_of(user))
        keys = self.keys().forget(user)
        agent_runs = forget_runs_of(database, user)
        found = Forgotten(runs, conversations, ratings, replies, charges, alerts, keys, agent_runs)
        self.audit("user erased", actor=actor, subject=user, details=asdict(found))
        return found

    def export_user(self, user: str, *, actor: str = "local") -> Iterator[dict[str, Any]]:
        """Everything that is kept about a user, as JSON objects: a head, then runs, conversations with their
        turns, ratings, scores, calls that they paid for, alerts about their budgets, keys, runs of agents,
        and acts of theirs or upon them; at the end how many of each. Raises StorageFailed, IndexBroken.
        """
        from loccit.agents.durable.keeping import runs_of
        from loccit.pipeline.export_user import exported

        self.audit("user exported", actor=actor, subject=user)
        return exported(
            user,
            runs=self._system.runs(),
            conversations=self._system.conversations(),
            feedback=self._system.feedback(),
            scores=self._system.scores(),
            charges=self._system.ledger().charges_of,
            alerts=self._system.alerts().of(_budgets_of(user)),
            keys=self.keys().of(user),
            agent_runs=runs_of(self._system.database(), user),
            audit=self._system.audit(),
        )

    # Watching

    def audit(
        self,
        action: str,
        *,
        actor: str = "local",
        subject: str = "",
        details: Mapping[str, Any] | None = None,
    ) -> AuditRow:
        """Add an administrative act to the audit log: what was done, by whom, to what. No text of anybody's
        belongs into `details`. Raises InputError for what cannot be kept, StorageFailed.
        """
        return self._system.audit().append(action, actor=actor, subject=subject, details=details)

    def audit_log(self, *, since: datetime | None = None, actor: str | None = None) -> Iterator[AuditRow]:
        """The acts in order, by what is asked for. Raises StorageFailed."""
        return self._system.audit().rows(since=since, actor=actor)

    def verify_audit(self, kept: Anchor | None = None) -> AuditReport:
        """Whether every row of the audit log holds, up to the anchor of the home folder and the one that was
        kept elsewhere. Raises IndexBroken for an anchor that cannot be read, StorageFailed.
        """
        return self._system.audit().verify(kept)

    def alerts(self) -> tuple[Alert, ...]:
        """The alerts that fire, or did in the last 30 days, as of the last check. Raises StorageFailed."""
        return self._system.alerts().list()

    def check_alerts(self) -> Checked:
        """Ask every rule of the alerts what it says now, and deliver what has changed.

        A server does so once a minute; of several that do it at once one delivers. Raises SettingsError,
        StorageFailed, SearchIndexError.
        """
        from loccit import __version__
        from loccit.evals.alerts import Watched, readings
        from loccit.telemetry.alerts import deliver_waiting
        from loccit.telemetry.metrics import read_counts

        rules = self._system.alert_rules()
        webhook = self._system.webhook(rules)
        watched = Watched(
            budgets=lambda: self._system.ledger().budgets(),
            scores=lambda metric, since, until: self._system.scores().between(metric, since, until),
            counts=lambda: read_counts(self._system.metrics),
            index_age_s=self.index_ages,
        )
        now = time.time()
        store = self._system.alerts()
        store.apply(readings(rules, watched, now), {rule.name for rule in rules.rules}, now)
        deliveries = deliver_waiting(store, webhook, version=__version__)
        return Checked(store.list(), deliveries)

    def index_ages(self) -> dict[str, float]:
        """Seconds since each repository was indexed last, by name; those that are not are left out."""
        now, found = time.time(), dict[str, float]()
        for known in self._contents().repositories:
            latest = self._system.shard(known.key).manifest().latest("files")
            if latest is not None:
                found[known.name] = max(0.0, now - latest.indexed_at)
        return found

    def score_run(self, run_id: str) -> Scored:
        """Score a run's written answer after it was given, where it is one of those that are: by the local
        checks (`score_share`) and by the judge (`judge_share`), and keep the scores.

        It takes what re-reading the cited bytes does, and what the judge does: call it in a thread of its
        own, never before the answer is given. Raises NotFound, SourceError, ModelNotConfigured, IndexBroken,
        StorageFailed.
        """
        import asyncio

        from loccit.evals.online import Scored, is_sampled, score_run

        options = self._system.settings.telemetry
        record = self._system.runs().get(run_id)
        is_judged = is_sampled(record.id, options.judge_share)
        if not record.is_written or not (is_judged or is_sampled(record.id, options.score_share)):
            return Scored()

        async def scored() -> Scored:
            models = self._system.judging("") if is_judged else None
            try:
                judge = None if models is None else self._system.online_judge(models)
                return await score_run(record, verify=self.verify, judge=judge)
            finally:
                if models is not None:
                    await models.close()

        found = asyncio.run(scored())
        self._system.scores().keep(found.scores)
        return found

    # Keeping safe

    def write_settings(self, tables: Mapping[str, Mapping[str, Any]], *, actor: str = "local") -> Path:
        """Write these settings, by table and key, into the home folder's file; this library goes on with
        those that it was opened with. The audit log has their names, not their values. Raises SettingsError,
        StorageFailed.
        """
        from loccit.settings import write_settings

        path = write_settings(self.home, tables)
        names = sorted(f"{table}.{key}" for table, keys in tables.items() for key in keys)
        self.audit("settings written", actor=actor, details={"keys": names})
        return path

    def approve_tool(self, server: str, tool: str, digest: str, *, actor: str = "local") -> Path:
        """Let agents call a tool of an MCP server of the settings while its description has this digest.

        Raises SettingsError, StorageFailed.
        """
        from loccit.settings import approve_tool

        path = approve_tool(self.home, server, tool, digest)
        self.audit("tool approved", actor=actor, subject=f"{server}/{tool}", details={"digest": digest})
        return path

    def backup(self, file: Path, *, with_indexes: bool = False, actor: str = "local") -> BackedUp:
        """Write all state to a new file, as it is at one moment, while others work: settings, catalogue,
        database, trackers, evaluations, recordings, learned rankers, and what else is in the home folder.

        What can be made again is left out and named, unless `with_indexes`. Raises InputError for a file that
        is there already, StorageFailed.
        """
        from loccit import __version__
        from loccit.pipeline.backup import write_backup
        from loccit.storage.copying import copy_to_file
        from loccit.storage.database import HEAD

        database = self._system.database()
        self.audit("backup made", actor=actor, subject=file.name, details={"with_indexes": with_indexes})
        return write_backup(
            self.home,
            file,
            copy_database=lambda path: copy_to_file(database, path),
            database="sqlite" if database.is_sqlite else "postgresql",
            revision=HEAD,
            version=__version__,
            with_indexes=with_indexes,
            holding=lambda key: self._unchanged(key, with_index=with_indexes),
        )

    def restore(
        self, file: Path, *, force: bool = False, sqlite: bool = False, actor: str = "local"
    ) -> Restored:
        """Make this home folder what it was when a backup of it, or of another one, was made.

        Nothing may work in it meanwhile. The database goes where the settings of the backup say, with
        `sqlite` into the home folder. A home folder or a database that is not empty is refused; with `force`
        the files are put aside and the rows replaced. Raises InputError for a backup that is damaged, and for
        what is not empty; SettingsError, StorageFailed, IndexFormatMismatch.
        """
        from loccit.pipeline import backup
        from loccit.settings import write_settings
        from loccit.storage.copying import copy_from_file
        from loccit.storage.database import Database

        if backup.occupants(self.home) and not force:
            raise InputError(
                f"the home folder {str(self.home)!r} is not empty",
                next_step="name another one with --into, or write --force to put aside what it holds",
            )
        with backup.staging(self.home) as staged:
            manifest = backup.unpack(file, staged)
            if sqlite and Settings.load(staged).storage.database:
                write_settings(staged, {"storage": {"database": ""}})
            url = Settings.load(staged).storage.database
            if url:
                database = Database(url)
                try:
                    copy_from_file(staged / backup.DATABASE, database, replace=force)
                finally:
                    database.close()
                for one in staged.glob(f"{backup.DATABASE}*"):
                    one.unlink()
            self._system.close()
            replaced = backup.move_in(staged, self.home)
        self._system = build(Settings.load(self.home))
        details = {"made_at": manifest.made_at, "version": manifest.version, "replaced": replaced is not None}
        self.audit("backup restored", actor=actor, subject=file.name, details=details)
        return Restored(
            made_at=manifest.made_at,
            version=manifest.version,
            files=len(manifest.members),
            replaced=replaced,
            to_index=tuple(
                known.location
                for known in self._contents().repositories
                if not self._system.shard(known.key).manifest().snapshots
            ),
        )

    @contextmanager
    def _unchanged(self, key: str, *, with_index: bool) -> Generator[None]:
        """Nobody changes what is kept of a repository meanwhile."""
        from loccit.learning.adopt import writing

        learned = self._system.learned(key)
        with ExitStack() as stack:
            if with_index and self._system.shard(key).folder.is_dir():
                stack.enter_context(self._system.shard(key).locked(waiting=self._waiting))
            if learned.is_dir():
                stack.enter_context(writing(learned, waiting=self._waiting))
            yield

    # Keeping space

    def remove(self, repo: str, *, actor: str = "local") -> KnownRepository:
        """Forget a repository: its index and, for a URL, its mirror. Nothing of the user's is touched.

        Raises NotIndexed, StorageFailed.
        """
        known = self._known(repo)
        self.audit("index removed", actor=actor, subject=known.name)
        self._system.catalogue.remove(known.key)
        shutil.rmtree(self._system.folder(known.key), ignore_errors=False)
        return known

    def gc(self) -> Collected:
        """Give back the space of what no snapshot needs: cached records, dead documents, folders of forgotten
        repositories; and of environments that no box has used for a month.
        """
        from loccit.agents.sandbox.environments.cache import prune

        contents = self._contents()
        before = _size(self.home)
        known = {repository.key for repository in contents.repositories}
        folders = [f for f in (self.home / "repositories").glob("*") if f.name not in known]
        for folder in folders:
            shutil.rmtree(folder)
        live: set[bytes] = set()
        for key in sorted(known):
            shard = self._system.shard(key)
            with shard.writing(waiting=self._waiting):
                shard.compact()
                live |= shard.live_keys()
        with self._system.blob_cache() as cache:
            forgotten = cache.keep_only(live)
        environments, _ = prune(self.home)
        return Collected(forgotten, len(folders) + environments, max(0, before - _size(self.home)))

    def diagnose(self) -> tuple[Check, ...]:
        """What is in order and what is not: git, the home folder, the cache, every index and every source."""
        from loccit.pipeline.diagnosis import diagnose

        return diagnose(self.home, self._system.catalogue, self._system.shard, self._system.repository)

    # Inside

    @contextmanager
    def _ingest(self, repository: Repository, *, rebuild: bool = False) -> Generator[Ingest]:
        """The parts for indexing a repository, the cache open; with `rebuild` its shard is replaced."""
        from loccit.pipeline.ingest import Ingest

        settings = self._system.settings
        shard = self._system.shard(repository.key)
        with children_without_working_directory(), self._system.blob_cache(repair=rebuild) as cache:
            yield Ingest(
                repository,
                shard,
                cache,
                settings.parsing,
                settings.indexing,
                progress=self._progress,
                waiting=self._waiting,
                anew=rebuild,
            )

    def _enter(self, repository: Repository, collection: str | None) -> KnownRepository:
        entry = KnownRepository(
            repository.key, repository.name, repository.location, repository.is_git, time.time()
        )
        return self._system.catalogue.add(entry, collection=collection)

    @property
    def _is_remote(self) -> bool:
        """Whether somebody asks over a network: for them nothing is indexed, fetched or looked at."""
        return self._guest is not None and not self._guest.is_local

    def _contents(self) -> Contents:
        """What the catalogue holds, for a guest what they may see of it."""
        contents = self._system.catalogue.read()
        return contents if self._guest is None else contents.seen_by(self._guest.repositories)

    def _may_be_a_place(self, name: str) -> bool:
        """Whether what is no name of a repository may be a path or URL of one."""
        return self._guest is None and ("/" in name or Path(name).exists())

    def _known(self, name: str) -> KnownRepository:
        """The repository of this name, path or URL. Raises NotIndexed."""
        contents = self._contents()
        try:
            return contents.named(name)
        except NotIndexed:
            if not self._may_be_a_place(name):
                raise
            found = contents.by_key(self._system.repository(name).key)
            if found is None:
                raise
            return found

    def _location(self, written: str) -> str:
        """The location of what may be a known repository's name, or a path or URL."""
        try:
            return self._known(written).location
        except NotIndexed:
            if self._guest is not None:
                raise
            return written

    def _location_of(self, citation: Citation) -> str:
        try:
            return self._known(repository_name(citation.repo)).location
        except NotIndexed:
            here = None if self._guest else self.repository_at(".")
            if here is None:
                raise
            return self._location(here)

    def _writers(self, scope: str = "") -> Writers:
        """Who writes and who checks. Raises ModelNotConfigured."""
        from loccit.core.errors import ModelNotConfigured
        from loccit.models.traced import Traced
        from loccit.pipeline.write import Writers

        with self._open.alone("models"):
            if self._open.models is None:
                self._open.models = self._system.models()
            models = self._open.models
        answer, stronger, judge = (models.chat(role, scope) for role in ("answer", "stronger", "judge"))
        if answer is None:
            raise ModelNotConfigured(
                "no model is configured", next_step="set answer in [models]: see docs/reference/settings.md"
            )
        return Writers(Traced(answer), stronger and Traced(stronger), judge and Traced(judge))

    def _books(self, user: str) -> Bookkeeping:
        from loccit.pipeline.written import Bookkeeping

        settings, guest = self._system.settings, self._guest or Guest(None)
        with self._open.alone("exporter"):
            exporter = self._open.exporter
            if exporter is None:
                exporter = self._open.exporter = self._system.exporter()
        return Bookkeeping(
            conversations=self._system.conversations(),
            runs=self._system.runs() if settings.telemetry.record_runs else None,
            user=user or guest.user,
            key=guest.key,
            key_usd=guest.key_usd,
            settings=of_a_run(settings),
            exporter=exporter,
            ended=self._ended,
        )

    def _chosen(self, repos: Sequence[str], collection: str | None) -> tuple[KnownRepository, ...]:
        """The repositories to search, at least one. Raises NotIndexed."""
        contents = self._contents()
        chosen: tuple[KnownRepository, ...] = ()
        if collection is not None:
            chosen = contents.collection(collection)
        elif not repos:
            chosen = contents.repositories
        named = tuple(self._known(name) for name in repos)
        found = tuple({known.key: known for known in (*chosen, *named)}.values())
        if not found:
            raise NotIndexed("nothing is indexed yet", next_step="run 'loccit index PATH|URL' first")
        return found

    def _only(self, repo: str | None) -> KnownRepository:
        """The repository of this name, without one the only one that is indexed.

        Raises NotIndexed, and InputError where there are several.
        """
        chosen = self._chosen((repo,) if repo else (), None)
        if len(chosen) > 1:
            names = ", ".join(repr(known.name) for known in chosen[:5])
            raise InputError(f"{len(chosen)} repositories are indexed: {names}", next_step="name one")
        return next(iter(chosen))

    def _with_history(self, repo: str | None, rev: str | None) -> tuple[KnownRepository, Searchable]:
        """A git repository whose commits are searchable up to the revision: they are indexed where they are
        not. Raises InputError for a plain folder.
        """
        known = self._only(repo)
        repository = self._repository(known)
        if not repository.is_git:
            raise InputError(
                f"{known.name!r} is a plain folder and has no past", next_step="name a git repository"
            )
        if self._is_remote:
            return known, self._opened(known, rev, history=True, changes=False)
        at = repository.resolve(rev)
        searched = self._opened(known, at, history=True, changes=False)
        if searched.history is None:
            with self._ingest(repository) as ingest:
                ingest.history(repository.snapshot(at))
            searched = self._opened(known, at, history=True, changes=False)
        return known, searched

    def _moment(self, known: KnownRepository, as_of: str | None) -> tuple[str | None, Moment]:
        """The commit to answer at, None for HEAD, and the time. Raises InputError, RevisionNotFound."""
        from loccit.pipeline.triage import Moment, date_of, now_seconds

        now = now_seconds()
        if as_of is None:
            return None, Moment(now)
        repository = self._repository(known)
        if not repository.is_git:
            raise InputError(f"{known.name!r} is a plain folder and has no past", next_step="leave it out")
        if not self._is_remote:
            repository.refresh(self._progress)
        date = date_of(as_of)
        if date is not None:
            if date > now + _DAY_S:
                raise InputError(f"{as_of!r} is in the future", next_step="name a past day, or a commit")
            return repository.commit_at(date), Moment(date, is_past=True)
        commit = repository.resolve(as_of)
        made = repository.snapshot(commit).committed_at
        return commit, Moment(made or now, is_past=True)

    def _past_issues(self, known: KnownRepository, moment: Moment) -> PastIssues | None:
        """The issues that are kept of its tracker, as of the moment; None where none was read."""
        from loccit.pipeline.past_issues import open_past_issues

        return open_past_issues(
            self._system.issues(known.key),
            self._system.shard(known.key),
            repo=known.name,
            as_of=moment.time if moment.is_past else None,
            progress=self._progress,
        )

    def _localiser(self, searched: Searchable, ranker: Ranker, top: int) -> Localiser:
        """What says where the cause of an issue may be."""
        from loccit.retrieval.localise import Localiser

        return Localiser(searched.target, self._past_of(searched), ranker, top=top)

    def _ranker(self, searched: Searchable) -> tuple[Ranker, str]:
        """The ranker that the repository has adopted, of those that learned only from what leads to the
        commit at hand; else the general one. And a note where an adopted one cannot be used.
        """
        from loccit.learning.adopt import adopted_rankers, read_facts, read_ranker
        from loccit.retrieval.learned import general_ranker

        folder = self._system.shard(searched.repository.key).folder / "learned"
        general, commit = general_ranker(), searched.snapshot.commit
        try:
            kept = adopted_rankers(folder)
            if not kept or commit is None:
                return general, ""
            table, is_past = self._changes(searched, commit)
            for one in kept:
                number = table.number_of.get(read_facts(folder, one).commit)
                if number is not None and is_past[number]:
                    return read_ranker(folder, one, general).ranker, ""
        except (IndexBroken, IndexFormatMismatch) as error:
            return general, f"ranked without what was learned here: {error}"
        return general, "ranked without what was learned here: it was learned from later commits"

    def _changes(self, searched: Searchable, commit: str) -> tuple[ChangeTable, Booleans]:
        """What every commit changed, and which of them lead to this one; kept for the next issue."""
        key = (searched.repository.key, commit)
        with self._open.alone(("past", searched.repository.key)):
            found = self._open.pasts.get(key)
            if found is None:
                with self._ingest(searched.repository) as ingest:
                    table = ingest.changes(commit, is_shallow=searched.snapshot.is_shallow)
                found = (table, table.past_of([commit])[commit])
                self._open.keep_past(key, found)
        return found

    def _past_of(self, searched: Searchable) -> Callable[[SnapshotView], Past | None]:
        """What lays the repository's past over the files of a view; nothing where no history is indexed."""
        from loccit.retrieval.past import past_at

        commit = searched.snapshot.commit
        if searched.history is None or commit is None:
            return lambda view: None
        table, is_past = self._changes(searched, commit)
        commits = searched.history[1]
        return lambda view: view.kept(
            ("past", commit), lambda: past_at(table, commits, is_past, commit, view)
        )

    def _readable(self, repos: Sequence[str], collection: str | None) -> Iterator[tuple[str, Repository]]:
        """The repositories to read, with their names; those in `repos` need not be indexed."""
        if collection is not None or not repos:
            for known in self._chosen((), collection):
                yield known.name, self._repository(known)
        for written in repos:
            try:
                known = self._known(written)
            except NotIndexed:
                if not self._may_be_a_place(written):
                    raise
                repository = self._system.repository(written)
                yield repository.name, repository
            else:
                yield known.name, self._repository(known)

    def _searchable(
        self,
        repos: Sequence[str],
        collection: str | None,
        rev: str | None,
        *,
        history: bool = False,
        changes: bool = False,
    ) -> list[Searchable]:
        """What is searched, open: with its history, and with a count of what the working tree changes."""
        return [
            self._opened(known, rev, history=history, changes=changes)
            for known in self._chosen(repos, collection)
        ]

    def _opened(
        self, known: KnownRepository, rev: str | None, *, history: bool, changes: bool, tries: int = _TRIES
    ) -> Searchable:
        """The repository at the revision, indexed first where it is not: that costs what differs from what
        is.
        """
        shard = self._system.shard(known.key)
        manifest = shard.manifest()
        try:
            return self._opened_of(known, shard, manifest, rev, history=history, changes=changes)
        except (NotIndexed, IndexBroken):
            # An indexer may have published meanwhile, and dropped what was published then.
            if not tries or shard.manifest() == manifest:
                raise
        return self._opened(known, rev, history=history, changes=changes, tries=tries - 1)

    def _opened_of(
        self,
        known: KnownRepository,
        shard: Shard,
        manifest: Manifest,
        rev: str | None,
        *,
        history: bool,
        changes: bool,
    ) -> Searchable:
        from loccit.pipeline.searchable import Searchable

        repository = self._repository(known)
        # A mirror's HEAD moves only when it is indexed: nothing is fetched here.
        head = repository.resolve(rev)
        wanted = self._published(known, manifest, head, rev) if self._is_remote else head
        at = wanted if repository.is_git else rev
        if manifest.snapshot("files", wanted) is None:
            with self._ingest(repository) as ingest:
                ingest.files(repository.snapshot(at))
        past = _history_of(manifest, wanted) if history else None
        if past is not None and past.id != wanted and rev is not None:
            # At a past commit nothing may be told, or weighed, that came later.
            if self._is_remote:
                past = None
            else:
                with self._ingest(repository) as ingest:
                    ingest.history(repository.snapshot(at))
                past = _history_of(shard.manifest(), wanted)
        record, view = self._view(shard, "files", wanted)
        return Searchable(
            repository=repository,
            name=known.name,
            snapshot=record,
            view=view,
            history=self._view(shard, "history", past.id) if past is not None else None,
            changed_files=self._changed_files(repository, rev) if changes and not self._is_remote else 0,
            is_behind=wanted != head,
        )

    def _published(self, known: KnownRepository, manifest: Manifest, head: str, rev: str | None) -> str:
        """What a guest is answered from: the revision, or without one what was indexed last. Raises
        NotIndexed.
        """
        if manifest.snapshot("files", head) is not None:
            return head
        latest = manifest.latest("files")
        if rev is not None or latest is None:
            at = f" at {rev!r}" if rev is not None else ""
            raise NotIndexed(
                f"{known.name!r} is not indexed{at}",
                next_step="have it indexed first: loccit index --rev, or POST /v1/index-jobs",
            )
        return latest.id

    def _changed_files(self, repository: Repository, rev: str | None) -> int:
        """How many files of the working tree differ from HEAD; 0 where another revision was asked for."""
        if rev is not None or not repository.has_working_tree:
            return 0
        return len(repository.changed_files(repository.snapshot()))

    def _repository(self, known: KnownRepository) -> Repository:
        """The repository, opened once: its settings are read again by a new `Loccit` only."""
        found = self._open.repositories.get(known.key)
        if found is None:
            with self._open.alone(("repository", known.key)):
                found = self._open.repositories.get(known.key)
                if found is None:
                    found = self._open.repositories[known.key] = self._system.repository(known.location)
        return found

    def _repository_at(self, location: str) -> Repository:
        """The repository at a location, open already where it is a known one's."""
        known = next((one for one in self._contents().repositories if one.location == location), None)
        return self._system.repository(location) if known is None else self._repository(known)

    def _view(self, shard: Shard, kind: Kind, snapshot_id: str) -> tuple[SnapshotRecord, SnapshotView]:
        """The snapshot, open; the last ones of each kind and repository stay open while they are published
        unchanged.
        """
        key = (str(shard.folder), kind)
        held = self._open.view(key, snapshot_id, shard.manifest())
        if held is None:
            with self._open.alone(key):
                published = shard.manifest()
                held = self._open.view(key, snapshot_id, published)
                if held is None:
                    record, view = shard.open(kind, snapshot_id)
                    held = OpenView(published, snapshot_id, record, view)
                    self._open.keep_view(key, held)
        return held.record, held.view

    @contextmanager
    def _reader(self, location: str) -> Generator[BlobReader]:
        """Reads the objects of a repository, of a folder those it has now."""
        repository = self._repository_at(location)
        if not repository.is_git:
            repository.snapshot()
        with repository.reader() as reader:
            yield reader

    def _readers(self, location: str, stack: ExitStack) -> list[BlobReader]:
        """Readers of the objects of a repository, and of what is kept of its tracker."""
        found = [stack.enter_context(self._reader(location))]
        store = self._system.issues(self._repository_at(location).key)
        return [*found, stack.enter_context(store.reader())] if store.exists() else found

    def _tracker_of(self, repository: Repository, store: IssueStore) -> str:
        """The tracker that was read the last time. Raises InputError, with the likely one, before that."""
        newest = store.newest()
        if newest is not None:
            return newest.state.source
        host, _, name = repository.name.partition("/")
        likely = {"github.com": f"github:{name}", "gitlab.com": f"gitlab:{name}"}
        raise InputError(
            f"which tracker has the issues of {repository.name!r}?",
            next_step=f"name it: --from {likely.get(host, 'github:owner/name, gitlab:group/name or a file')}",
        )

    def _issue_store(self, repo: str | Path) -> IssueStore:
        """What is kept of a repository's tracker. Raises NotIndexed."""
        repository = self._system.repository(self._location(str(repo)))
        store = self._system.issues(repository.key)
        if store.newest() is None:
            raise NotIndexed(
                f"no issue tracker of {repository.name!r} was read yet",
                next_step="read it: loccit issues sync --from github:owner/name",
            )
        return store

    def _stored_issue(self, issue_id: str, repo: str | Path) -> StoredIssue:
        """An issue with its file. Raises NotIndexed, InputError."""
        found = self._issue_store(repo).issue(issue_id.removeprefix("#"))
        if found is None:
            raise InputError(
                f"there is no issue {issue_id!r}", next_step="see what there is: loccit issues list"
            )
        return found

    def _named_in(self, answer: Answer) -> list[str]:
        """Where the indexed repositories are that an answer names; without any, the one that we are in."""
        names = {repository_name(snapshot.repo) for snapshot in answer.snapshots}
        found = [r.location for r in self._contents().repositories if r.name in names]
        here = None if self._guest else self.repository_at(".")
        return found or ([self._location(here)] if here else [])

    def _status(self, known: KnownRepository, contents: Contents) -> RepositoryStatus:
        from loccit.indexing.shard import EMPTY

        shard = self._system.shard(known.key)
        manifest, head, problems = EMPTY, None, list[str]()
        try:
            manifest = shard.manifest()
        except SearchIndexError as error:
            problems.append(str(error))
        try:
            head = self._system.repository(known.location).resolve(None)
        except SourceError as error:
            problems.append(str(error))
        return RepositoryStatus(
            repository=known,
            collections=tuple(sorted(n for n, keys in contents.collections.items() if known.key in keys)),
            snapshots=tuple(s for s in manifest.snapshots if s.kind == "files"),
            history=_history_of(manifest, head),
            head=head,
            index_bytes=shard.size_bytes(),
            problem="; ".join(problems),
        )


def _history_of(manifest: Manifest, commit: str | None) -> SnapshotRecord | None:
    """The indexed history that ends at this commit, else the longest one."""
    found = [snapshot for snapshot in manifest.snapshots if snapshot.kind == "history"]
    exact = next((snapshot for snapshot in found if snapshot.id == commit), None)
    return exact or max(found, key=lambda snapshot: snapshot.files, default=None)


def _filters(languages: Sequence[str], paths: Sequence[str]) -> Filters:
    """The filters; a language may be written as a name's ending. Raises InputError for an unknown one."""
    return Filters(tuple(_language(written) for written in languages), tuple(paths))


def _language(written: str) -> str:
    from loccit.parsing import language_of, list_languages

    name = written.lower().removeprefix(".")
    known = list_languages()
    found = name if name in known else language_of(f"x.{name}")
    if found == "text" and name != "text":
        raise InputError(f"the language {written!r} is not known", next_step=f"known are {', '.join(known)}")
    return found


def _budgets_of(user: str) -> frozenset[str]:
    """What budgets of a user may be called."""
    from loccit.budgets.limits import titles_of

    return titles_of("user", user)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
