"""What REST takes and gives, beside the documents that have a page of their own."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

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
