"""Which concrete part goes where? The only place that names adapters."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING

from loccit.core.errors import InputError, ModelNotConfigured, SettingsError
from loccit.indexing.catalogue import Catalogue
from loccit.indexing.shard import Shard
from loccit.settings import (
    Settings,
    has_own_token,
    model_key,
    of_a_run,
    real_model_calls,
    tracker_secret,
    tracker_token,
    user_skill_folders,
)
from loccit.sources import Guard, Repository, open_repository

if TYPE_CHECKING:
    from loccit.agents.durable.agents import Agents
    from loccit.agents.durable.blueprints import Function
    from loccit.agents.durable.store import RunStore as AgentRunStore
    from loccit.agents.durable.workshop import Decided, Workshop
    from loccit.agents.fix.service import FixService
    from loccit.agents.sandbox import Environment
    from loccit.agents.skills import SkillFolder
    from loccit.budgets.ledger import Ledger
    from loccit.budgets.prices import PriceList
    from loccit.core.calls import Payer
    from loccit.core.evidence import Hit
    from loccit.core.triage import Triage
    from loccit.evals.alert_rules import AlertRules
    from loccit.evals.scoring import Scorer
    from loccit.evals.systems import Asker
    from loccit.evals.systems import System as EvaluatedSystem
    from loccit.evals.tasks import SystemSpec
    from loccit.indexing.blob_cache import BlobCache
    from loccit.models.configured import Models
    from loccit.models.options import ModelOptions
    from loccit.models.protocols import ChatModel
    from loccit.models.templates import Template
    from loccit.policy.keys import KeyStore
    from loccit.sources.issues import IssueStore, Tracker, TrackerLocation
    from loccit.sources.issues.fixes import FixFinder
    from loccit.sources.issues.proposals import Proposals
    from loccit.sources.issues.writing import TrackerWriter
    from loccit.sources.pushing import PushTarget
    from loccit.storage.conversations import Conversations
    from loccit.storage.database import Database
    from loccit.telemetry.alerts import AlertStore, Webhook
    from loccit.telemetry.audit import AuditLog
    from loccit.telemetry.export import Exporter
    from loccit.telemetry.feedback import FeedbackStore
    from loccit.telemetry.records import RunStore
    from loccit.telemetry.scores import ScoreStore
    from loccit.telemetry.triages import TriagedIssues


@dataclass(slots=True)
class _Opened:
    """What is opened once, when it is first asked for: tasks of a process wait in one ledger."""

    guard: RLock = field(default_factory=RLock)
    database: Database | None = None
    ledger: Ledger | None = None


@dataclass(frozen=True, slots=True)
class System:
    """The parts of one home folder.

    catalogue.json          which repositories are known
    cache/blobs.sqlite      parsed files
    repositories/KEY/git    how a repository is read: our own bare git folder, or its mirror
    repositories/KEY/shard  its index, and in learned/ what its past has taught
    repositories/KEY/issues what is kept of its tracker
    secret                  what keys of a server are kept with, and cookies are signed with
    metrics/                what the processes of a server count
    audit-anchor.json       the last hash of the audit log
    state.sqlite            keys, jobs, conversations, kept replies, the ledger, records of runs with their
                            ratings and scores, alerts, the audit log, unless a server holds them
    jobs.sqlite             the queue of whoever works on jobs
    agents.sqlite           the queue of whoever works on runs of agents, and what their steps gave

    `guard` says what may be reached for somebody who asks over a network; without one everything may.
    """

    settings: Settings
    guard: Guard | None = None
    _opened: _Opened = field(default_factory=_Opened, repr=False, compare=False)

    @property
    def home(self) -> Path:
        """The home folder, absolute."""
        return self.settings.home

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue of the home folder."""
        return Catalogue(self.home)

    def repository(self, location: str) -> Repository:
        """The repository at a location. Raises the errors of `open_repository`."""
        return open_repository(location, home=self.home, options=self.settings.sources, guard=self.guard)

    def folder(self, key: str) -> Path:
        """Where everything kept for a repository is."""
        return self.home / "repositories" / key

    def shard(self, key: str) -> Shard:
        """The shard of a repository."""
        return Shard(self.folder(key) / "shard")

    def learned(self, key: str) -> Path:
        """Where a repository keeps what its past has taught."""
        return self.shard(key).folder / "learned"

    def issues(self, key: str) -> IssueStore:
        """What is kept of the tracker of a repository."""
        from loccit.sources.issues import IssueStore

        return IssueStore(self.folder(key) / "issues")

    def tracker(self, location: TrackerLocation, *, wait_s: float | None = None) -> Tracker:
        """The tracker at a location, with the token that the environment has for its host.

        `wait_s` takes the place of `tracker_wait_s`. Raises SettingsError, UnsafeSource.
        """
        from loccit.sources.issues import open_tracker
        from loccit.sources.issues.api import Token

        token = tracker_token(location.host) if location.host and self._may_have_token(location) else None
        options = self.settings.sources
        if wait_s is not None:
            options = replace(options, tracker_wait_s=wait_s)
        return open_tracker(
            location, token=None if token is None else Token(token), options=options, guard=self.guard
        )

    def _may_have_token(self, location: TrackerLocation) -> bool:
        """Whether a token may go to a host: not to any that somebody names over a network."""
        return self.guard is None or has_own_token(location.host) or self.guard.trusts(location.hostname)

    def tracker_writer(self, location: TrackerLocation, variable: str) -> TrackerWriter:
        """What writes comments at a tracker, with the token in this environment variable.

        Raises SettingsError where there is none, InputError, UnsafeSource.
        """
        from loccit.sources.issues.api import Token
        from loccit.sources.issues.writing import open_writer

        token = tracker_secret(variable)
        if token is None:
            raise SettingsError(
                f"the environment variable {variable!r} holds no token to write with",
                next_step="set it to a token that may write to issues, and to nothing else",
            )
        return open_writer(location, token=Token(token), options=self.settings.sources)

    def tracker_fixes(self, location: TrackerLocation, variable: str = "") -> FixFinder:
        """What a tracker says of fixes and people, with the token in this environment variable, without a
        name with that of the tracker's host. Raises SettingsError, InputError, UnsafeSource.
        """
        from loccit.sources.issues.api import Token
        from loccit.sources.issues.fixes import open_fixes

        token = tracker_secret(variable) if variable else tracker_token(location.host)
        return open_fixes(location, token=Token(token) if token else None, options=self.settings.sources)

    def triaged_issues(self) -> TriagedIssues:
        """What was said of the issues that trackers told of. Raises as `database` does."""
        from loccit.telemetry.triages import TriagedIssues

        return TriagedIssues(self.database())

    def database(self) -> Database:
        """The database, open. Raises SettingsError, StorageFailed, IndexFormatMismatch."""
        from loccit.storage.database import Database

        with self._opened.guard:
            if self._opened.database is None:
                url = self.settings.storage.database
                self._opened.database = Database(url) if url else Database.in_folder(self.home)
            return self._opened.database

    def ledger(self) -> Ledger:
        """The ledger in the database, within the limits of the settings. Raises as `database` does."""
        from loccit.budgets import open_ledger

        with self._opened.guard:
            if self._opened.ledger is None:
                self._opened.ledger = open_ledger(self.database(), self.settings.budgets)
            return self._opened.ledger

    def close(self) -> None:
        """Close what is open. Asked for again, it is opened again."""
        with self._opened.guard:
            if self._opened.ledger is not None:
                self._opened.ledger.close()
            if self._opened.database is not None:
                self._opened.database.close()
            self._opened.ledger = self._opened.database = None

    def prices(self) -> PriceList:
        """What calls of models cost. Raises SettingsError."""
        from loccit.budgets import open_prices
        from loccit.models.configured import priced_as

        return open_prices(self.settings.budgets, self.home, providers=priced_as(self.settings.models))

    def models(self) -> Models:
        """The models that the settings name, paid from the ledger. Nothing is opened yet."""
        return self._models(self.settings.models)

    def _models(self, options: ModelOptions) -> Models:
        from loccit.models.configured import Models, Money

        return Models(
            options,
            key_of=model_key,
            real_calls=real_model_calls(),
            home=self.home,
            money=lambda: Money(self.ledger(), self.prices()),
            database=self.database,
        )

    def agents(self, blueprints: Mapping[str, Function] | None = None) -> Agents:
        """Runs of agents, with the blueprints of the settings and these. Raises as `database` does."""
        from loccit.agents.durable.agents import Agents

        return Agents(self.home, self._agent_runs(), lambda: self._workshop(blueprints or {}))

    def _agent_runs(self) -> AgentRunStore:
        from loccit.agents.durable.store import RunStore

        return RunStore(self.database(), keep_days=self.settings.telemetry.keep_days)

    def fixes(
        self,
        *,
        version: str,
        triage: Callable[[str, str], Triage],
        search: Callable[[str, str, str], Sequence[Hit]],
        read: Callable[[Sequence[Hit]], Sequence[bytes]],
    ) -> FixService:
        """What fixes issues. The functions answer for an issue's text and a repository, and for a question, a
        repository and a commit.
        """
        from loccit.agents.fix.service import FixService

        return FixService(
            options=self.settings.agents,
            version=version,
            repository=self.repository,
            folder=lambda repository: self.folder(repository.key) / "fixes",
            triage=triage,
            search=search,
            read=read,
            proposals=self.proposals,
            environment=self._environment,
            skills=self.skill_folders(),
        )

    def skill_folders(self) -> list[SkillFolder]:
        """The skills of the user, and those that loccit brings."""
        from loccit.agents.project_files import FolderFiles
        from loccit.agents.skills import SkillFolder, SkillSource, built_in_folder
        from loccit.policy.labels import TRUSTED

        folders = [
            SkillFolder(FolderFiles(folder, str(folder)), "", SkillSource.USER, TRUSTED)
            for folder in user_skill_folders(self.settings)
        ]
        return [*folders, built_in_folder(TRUSTED)]

    async def _environment(self, files: Mapping[str, bytes]) -> Environment:
        """What the tests of a project need, installed once. Raises EnvironmentFailed, SandboxUnavailable."""
        from loccit.agents.sandbox.environments import prepare

        return await prepare(files, self.settings.agents.sandbox, self.home)

    def proposals(self, repository: Repository) -> tuple[Proposals, PushTarget]:
        """Where a branch of a repository is proposed, and pushed. Raises SettingsError without a token,
        InputError for a host that takes no pull requests.
        """
        from loccit.sources.issues.api import Token
        from loccit.sources.issues.locations import parse_tracker
        from loccit.sources.issues.proposals import open_proposals
        from loccit.sources.pushing import PushTarget

        newest = self.issues(repository.key).newest()
        host, _, name = repository.name.partition("/")
        likely = {"github.com": f"github:{name}", "gitlab.com": f"gitlab:{name}"}.get(host, "")
        location = parse_tracker(
            newest.state.source if newest else likely or repository.name, folder=self.home
        )
        variable = self.settings.agents.fix.token_variable
        secret = tracker_secret(variable) if variable else tracker_token(location.host)
        if secret is None:
            raise SettingsError(
                f"the environment has no token to push to {repository.name!r} with",
                next_step="set GITHUB_TOKEN or GITLAB_TOKEN, or token_variable in [agents.fix]",
            )
        token, options = Token(secret), self.settings.sources
        url = repository.location if "://" in repository.location else f"https://{repository.name}.git"
        return open_proposals(location, token=token, options=options), PushTarget(url, token, options)

    def _workshop(self, given: Mapping[str, Function]) -> Workshop:
        from loccit.agents.durable.blueprints import Blueprint, imported
        from loccit.agents.durable.workshop import Workshop
        from loccit.policy.gateway import record_decision

        settings, database, models = self.settings, self.database(), self._agent_models()
        blueprints = {name: imported(name, place) for name, place in settings.agents.blueprints.items()}
        blueprints |= {name: Blueprint(name, function) for name, function in given.items()}

        def decided(run: str, user: str) -> Decided:
            audit = self.audit()
            return lambda call, decision: record_decision(
                audit, call, decision, actor=user or "local", subject=run
            )

        return Workshop(
            self._agent_runs(),
            blueprints,
            settings.agents,
            lambda: models.chat("answer"),
            decided,
            settings.storage.database or f"sqlite:///{self.home / 'agents.sqlite'}",
            is_alone=database.is_sqlite,
            closed=models.close,
        )

    def _agent_models(self) -> Models:
        """Who decides what an agent does next. Conversations are long and hardly ever equal: none is kept."""
        options = self.settings.models
        answer = self.settings.agents.model or options.answer
        return self._models(replace(options, answer=answer, cache=False))

    def runs(self) -> RunStore:
        """The records of runs. Raises as `database` does."""
        from loccit.telemetry.records import RunStore

        options = self.settings.telemetry
        return RunStore(self.database(), keep_text=options.keep_text, keep_days=options.keep_days)

    def feedback(self) -> FeedbackStore:
        """What people say of runs. Raises as `database` does."""
        from loccit.telemetry.feedback import FeedbackStore

        return FeedbackStore(self.database(), keep_text=self.settings.telemetry.keep_text)

    def secret(self, purpose: str) -> bytes:
        """The secret that this home folder has for a purpose. Raises StorageFailed, IndexBroken."""
        from loccit.storage.secret import derived, home_secret

        return derived(home_secret(self.home), purpose)

    def keys(self) -> KeyStore:
        """Who may ask a server. Raises as `database` and `secret` do."""
        from loccit.policy.keys import KeyStore

        return KeyStore(self.database(), self.secret("keys"))

    def conversations(self) -> Conversations:
        """The memory of conversations. Raises as `database` does."""
        from loccit.storage.conversations import Conversations

        return Conversations(self.database(), keep_days=self.settings.telemetry.keep_days)

    def scores(self) -> ScoreStore:
        """Figures of runs. Raises as `database` does."""
        from loccit.telemetry.scores import ScoreStore

        return ScoreStore(self.database())

    def audit(self) -> AuditLog:
        """Who administered what. Raises as `database` does."""
        from loccit.telemetry.audit import AuditLog

        return AuditLog(self.database(), self.home)

    def alerts(self) -> AlertStore:
        """What alerts say. Raises as `database` does."""
        from loccit.telemetry.alerts import AlertStore

        return AlertStore(self.database())

    def alert_rules(self) -> AlertRules:
        """The rules of alerts; none where the settings name no file. Raises SettingsError."""
        from loccit.evals.alert_rules import AlertRules, read_rules

        file = self.settings.telemetry.alerts
        return read_rules(self.home / file) if file else AlertRules()

    def webhook(self, rules: AlertRules) -> Webhook | None:
        """Where changes of alerts are sent, None where nowhere. Raises SettingsError."""
        from loccit.telemetry.alerts import Webhook

        table = rules.webhook
        if table is None:
            return None
        secret = model_key(table.secret_variable) if table.secret_variable else ""
        if secret is None:
            raise SettingsError(
                f"the environment variable {table.secret_variable!r} holds no secret",
                next_step="set it, or leave secret_variable out of [webhook]: messages are not signed then",
            )
        return Webhook(table.url, secret, table.timeout_s, table.attempts)

    @property
    def metrics(self) -> Path:
        """Where the processes of a server keep what they count."""
        return self.home / "metrics"

    def online_judge(self, models: Models) -> Scorer:
        """What judges live answers, paid by a user of its own. Raises ModelNotConfigured."""
        from loccit.core.calls import Payer
        from loccit.evals.online import JUDGE_USER

        return self._judges(models, Payer(JUDGE_USER, user=JUDGE_USER))["judge.grounded"]

    def eval_logs(self, task: str) -> Path:
        """Where the logs of a task are kept."""
        safe = "".join(c if c.isalnum() or c in "-_." else "-" for c in task).strip(".") or "task"
        return self.home / "evals" / "logs" / safe

    def measured(
        self, asker: Asker, repos: tuple[str, ...], heads: Mapping[str, str], spec: SystemSpec
    ) -> EvaluatedSystem:
        """Loccit as a system that is measured. `heads` are the repositories with the commits that are asked
        where a sample names none; empty where all name one.
        """
        from loccit import __version__
        from loccit.evals.systems import LoccitSystem

        rooms = of_a_run(self.settings)
        models = rooms["models"]
        roles = {role: models.pop(role) for role in ("answer", "stronger", "judge")}
        roles["fallback"] = " ".join(models.pop("fallback"))
        if spec.quotes_only or not roles["answer"]:
            roles, models = {}, {}
        prompts = {prompt.name: str(prompt.version) for prompt in answering_prompts()} if roles else {}
        facts = {
            "version": __version__,
            "repos": dict(heads),
            "settings": {**rooms, "models": models, "pipeline": asdict(self.settings.pipeline)},
            "models": roles,
            "prompts": prompts,
        }
        return LoccitSystem(asker, repos, facts, roles, quotes_only=spec.quotes_only)

    def other_system(self, spec: SystemSpec, folder: Path) -> EvaluatedSystem:
        """A system that is not loccit. `folder` is where its function is. Raises InputError, SettingsError,
        ModelNotConfigured.
        """
        from loccit.evals.systems import ChatSystem, HttpSystem, PythonSystem, code_version, load_function
        from loccit.models.options import ProviderOptions

        if spec.kind == "http":
            secret = model_key(spec.key_variable) if spec.key_variable else ""
            if secret is None:
                raise SettingsError(
                    f"the environment variable {spec.key_variable!r} holds no key",
                    next_step=f"set it, or leave key_variable out: {spec.url!r} gets it as a bearer token",
                )
            return HttpSystem(spec.url, secret)
        if spec.kind == "python":
            version = code_version(spec.function, folder)
            return PythonSystem(load_function(spec.function, folder), spec.function, version)
        options, name = self.settings.models, spec.model
        if spec.base_url:
            name = f"eval:{spec.model}"
            table = ProviderOptions(base_url=spec.base_url, key_variable=spec.key_variable)
            options = replace(options, providers={**options.providers, "eval": table})
        models = replace(self, settings=replace(self.settings, models=replace(options, answer=name))).models()

        def model_of(attempt: str) -> ChatModel:
            chat = models.chat("answer", attempt)
            if chat is None:
                raise InputError(f"the system has the model {name!r}", next_step="name one: PROVIDER:MODEL")
            return chat

        facts = {
            "model": spec.model,
            "base_url": spec.base_url,
            "instructions": ChatSystem.instructions,
            "reply_tokens": ChatSystem.reply_tokens,
        }
        return ChatSystem(model_of("").name, model_of, facts, close_models=models.close)

    def judging(self, model: str) -> Models:
        """The models with this one, or without a name that of the settings, in the role of the judge."""
        options = self.settings.models
        settings = replace(self.settings, models=replace(options, judge=model or options.judge))
        return replace(self, settings=settings).models()

    def judges(self, models: Models) -> Mapping[str, Scorer]:
        """The scorers that ask a model, by name. Raises ModelNotConfigured where none has the role."""
        from loccit.core.calls import Payer

        return self._judges(models, Payer("loccit eval", user="loccit eval"))

    def _judges(self, models: Models, payer: Payer) -> Mapping[str, Scorer]:
        from loccit.evals.judges import judges

        model = models.chat("judge")
        if model is None:
            raise ModelNotConfigured(
                "no model judges",
                next_step="name one: --judge PROVIDER:MODEL, judge in the task, or judge in [models]",
            )
        timeout_s = self.settings.models.call_timeout_s
        return judges(model, payer, timeout_s=timeout_s)

    def exporter(self) -> Exporter | None:
        """What sends runs to a collector, None where none is configured. Raises SettingsError."""
        from loccit import __version__
        from loccit.telemetry.export import Exporter

        options = self.settings.telemetry
        return Exporter(options, version=__version__) if options.otlp_endpoint else None

    @contextmanager
    def blob_cache(self, *, repair: bool = False) -> Generator[BlobCache]:
        """The blob cache, open; with `repair` a damaged one is begun anew."""
        from loccit.indexing.blob_cache import BlobCache

        cache = BlobCache(self.home / "cache" / "blobs.sqlite", repair=repair)
        try:
            yield cache
        finally:
            cache.close()


def all_prompts() -> list[Template]:
    """Every prompt that models are asked with, by name."""
    from loccit.agents.fix import blueprint

    found = {**{prompt.name: prompt for prompt in answering_prompts()}, **blueprint.prompts()}
    return [found[name] for name in sorted(found)]


def answering_prompts() -> list[Template]:
    """Those that answers and verdicts on them depend on, by name."""
    from loccit.answering import compose
    from loccit.evals import judges
    from loccit.verification import judge

    found = {**compose.prompts(), **judge.prompts(), **judges.prompts()}
    return [found[name] for name in sorted(found)]


def build(settings: Settings, guard: Guard | None = None) -> System:
    """The system that these settings describe. Opens nothing yet."""
    return System(settings, guard)
