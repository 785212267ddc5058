"""What REST takes and gives, beside the documents that have a page of their own."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from loccit.serving.jobs.values import JobKind, JobRequest
from loccit.serving.service import MOST_QUESTION_CHARS, Question

Name = Annotated[str, Field(min_length=1, max_length=500)]
Names = Annotated[list[Name], Field(max_length=100)]


class Body(BaseModel):
    """What is sent: keys that nobody knows are refused."""

    model_config = ConfigDict(extra="forbid")


class AskBody(Body):
    """A question. Without `repos` and `collection` everything is asked that the key may see."""

    question: Annotated[str, Field(min_length=1, max_length=MOST_QUESTION_CHARS)]
    repos: Names = []
    collection: Name | None = None
    rev: Annotated[
        Name | None, Field(description="An indexed revision; without one what was indexed last")
    ] = None
    languages: Names = []
    paths: Annotated[Names, Field(description="Patterns as in .gitignore")] = []
    session: Annotated[Name | None, Field(description="The conversation that it goes on with")] = None
    quote: Annotated[bool, Field(description="Quotations only, though a model is configured")] = False
    stream: Annotated[bool, Field(description="As server-sent events")] = False

    def as_question(self) -> Question:
        """The question as the service takes it. Raises InputError."""
        return Question(
            self.question,
            repos=tuple(self.repos),
            collection=self.collection,
            rev=self.rev,
            languages=tuple(self.languages),
            paths=tuple(self.paths),
            session=self.session,
            quote=self.quote,
        )


class TriageBody(Body):
    """An issue to triage: its text, the title in the first line."""

    issue: Annotated[str, Field(min_length=1, max_length=1_000_000)]
    repo: Annotated[
        Name | None, Field(description="Which repository; not needed where there is only one")
    ] = None
    as_of: Annotated[
        Name | None, Field(description="A commit, tag, branch or date: nothing younger counts")
    ] = None
    top: Annotated[int, Field(ge=1, le=100)] = 10


class FeedbackBody(Body):
    """What an answer is worth; in place of what the same user said of it before."""

    thumb: Literal["up", "down"]
    correction: Annotated[str, Field(max_length=20_000, description="What would have been right")] = ""
    files: Annotated[Names, Field(description="Paths where that stands")] = []


class JobBody(Body):
    """What is to be done about a repository: `repository` names one that is indexed, `location` is the path
    or URL of one that need not be.
    """

    kind: Annotated[
        JobKind, Field(description="index; sync reads its issue tracker; remove forgets the repository")
    ] = JobKind.INDEX
    repository: Annotated[str, Field(max_length=500)] = ""
    location: Annotated[
        str, Field(max_length=4_096, description="https://… or a path below local_roots; for admins")
    ] = ""
    rev: Annotated[Name | None, Field(description="To index; without one HEAD")] = None
    collection: Annotated[Name | None, Field(description="That it becomes a member of; for admins")] = None
    history: Annotated[bool, Field(description="Index the commits too")] = True
    rebuild: Annotated[bool, Field(description="Make the index anew")] = False
    tracker: Annotated[
        str, Field(max_length=500, description="github:owner/name and so on, to sync with; for admins")
    ] = ""
    full: Annotated[bool, Field(description="Read all issues again")] = False

    def as_request(self) -> JobRequest:
        """The same as jobs take it. Raises InputError."""
        return JobRequest(
            self.kind,
            repository=self.repository,
            location=self.location,
            rev=self.rev,
            collection=self.collection,
            history=self.history,
            rebuild=self.rebuild,
            tracker=self.tracker,
            full=self.full,
        )


class JobInfo(BaseModel):
    """A job. `done` of `total` units of its phase are finished, `total` is 0 while it is unknown; `result` is
    there when it is done, `problem` (RFC 9457) when it failed. Times are RFC 3339 in UTC.
    """

    id: str
    kind: Literal["index", "sync", "remove"]
    repository: str
    request: dict[str, Any]
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    message: str
    phase: str
    done: int
    total: int
    unit: str
    cancel_requested: bool
    user: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    result: dict[str, Any] | None
    problem: dict[str, Any] | None


class JobInfos(BaseModel):
    """Jobs, the newest first; `next_cursor` is null at the end."""

    jobs: list[JobInfo]
    next_cursor: str | None


class Feedback(BaseModel):
    """What was kept of a rating. `at` is RFC 3339 in UTC."""

    run: str
    user: str
    at: str
    thumb: Literal["up", "down"]
    correction: str
    files: list[str]


class Source(BaseModel):
    """Lines of a file at a commit. Lines are 1-based and inclusive; 0 where the file is empty."""

    repo: str
    commit: str | None
    tree: str
    path: str
    blob: str
    encoding: str
    language: str
    start_line: int
    end_line: int
    total_lines: int
    lines: list[str]
    symbols: list[tuple[str, int]]


class RepositoryInfo(BaseModel):
    """A repository that the key may see. Times are RFC 3339 in UTC.

    `is_behind` says that HEAD has moved since; `readable` that the source can be read now.
    """

    name: str
    collections: list[str]
    commit: str | None
    tree: str | None
    indexed_at: str | None
    files: int
    skipped: dict[str, int]
    history_commits: int | None
    is_behind: bool
    readable: bool


class Repositories(BaseModel):
    """The repositories that the key may see, by name."""

    repositories: list[RepositoryInfo]


class Collections(BaseModel):
    """Named collections with the repositories in them that the key may see."""

    collections: dict[str, list[str]]


class RunLine(BaseModel):
    """A run in a list. `cost_usd` is a decimal number as a text, so that it stays exact."""

    id: str
    kind: str
    user: str
    started_at: str
    took_ms: float
    outcome: str
    cost_usd: str
    question: str


class Runs(BaseModel):
    """Runs, the newest first; `next_cursor` is null at the end."""

    runs: list[RunLine]
    next_cursor: str | None


class Cost(BaseModel):
    """What models did cost. Dollars are decimal numbers as texts."""

    usd: str
    rows: list[dict[str, Any]]
    budgets: list[dict[str, Any]]


class Status(BaseModel):
    """What this server is, and what the key may. What is under way and waits is told to admins only."""

    version: str
    model: str
    user: str
    role: Literal["reader", "maintainer", "admin"]
    repositories: int
    under_way: int | None
    waiting: int | None
