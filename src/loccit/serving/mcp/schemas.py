"""What the tools take and give. The schemas are sent to every agent at every start, so they are short."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from loccit.serving.service import MOST_QUESTION_CHARS

_MOST_NAME = 500


def _as_list(value: Any) -> Any:
    # Models often send one name where several may stand.
    return [value] if isinstance(value, str) else value


Name = Annotated[str, Field(max_length=_MOST_NAME)]
Names = Annotated[list[Name], Field(max_length=100), BeforeValidator(_as_list)]
Repos = Annotated[Names, Field(description="Repository names; none: the one you work in, else all")]
Repo = Annotated[Name, Field(description="Repository name; not needed where there is only one")]
Revision = Annotated[Name, Field(description="Commit, tag or branch; default: what is indexed last")]
Cursor = Annotated[str, Field(max_length=2_000, description="next_cursor of the page before")]
Query = Annotated[str, Field(min_length=1, max_length=20_000)]


class Arguments(BaseModel):
    """Arguments of a tool. Null stands for the default; arguments that nobody knows are refused."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _without_null(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {n: given for n, given in cast("dict[str, Any]", value).items() if given is not None}


class AskArguments(Arguments):
    """A question."""

    question: Annotated[
        str,
        Field(min_length=1, max_length=MOST_QUESTION_CHARS, description="In words, with names from the code"),
    ]
    repos: Repos = []
    collection: Name = ""
    revision: Revision = ""
    languages: Names = []
    paths: Annotated[Names, Field(description="Patterns as in .gitignore")] = []
    session: Annotated[Name, Field(description="session of an answer, to go on with it")] = ""
    limit: Annotated[int, Field(ge=1, le=50, description="Most claims")] = 8


class SearchArguments(Arguments):
    """Words to search files for."""

    query: Annotated[Query, Field(description="Words, names, a path or a traceback; no regular expression")]
    repos: Repos = []
    collection: Name = ""
    revision: Revision = ""
    languages: Names = []
    paths: Annotated[Names, Field(description="Patterns as in .gitignore")] = []
    per_file: Annotated[int, Field(ge=1, le=20, description="Most hits of one file")] = 2
    lines: Annotated[int, Field(ge=0, le=60, description="Most lines shown of a hit")] = 8
    limit: Annotated[int, Field(ge=1, le=50)] = 8
    cursor: Cursor = ""


class ReadArguments(Arguments):
    """Lines of a file."""

    path: Annotated[str, Field(min_length=1, max_length=4_096, description="As search gives it")]
    repo: Repo = ""
    start_line: Annotated[int, Field(ge=1)] = 1
    end_line: Annotated[int, Field(ge=0, description="Inclusive; 0: as many as limit allows")] = 0
    revision: Revision = ""
    limit: Annotated[int, Field(ge=1, le=2_000, description="Most lines")] = 200


class HistoryArguments(Arguments):
    """Words to search commits for."""

    query: Annotated[Query, Field(description="What the change did; names of functions and files help")]
    repos: Repos = []
    collection: Name = ""
    revision: Annotated[Name, Field(description="Only commits that lead to this one")] = ""
    lines: Annotated[int, Field(ge=1, le=60, description="Most lines shown of a message")] = 4
    limit: Annotated[int, Field(ge=1, le=50)] = 8
    cursor: Cursor = ""


class SymbolArguments(Arguments):
    """A name."""

    name: Annotated[
        str, Field(min_length=1, max_length=300, description="Session.get, or get; part of a name will do")
    ]
    repos: Repos = []
    collection: Name = ""
    revision: Revision = ""
    limit: Annotated[int, Field(ge=1, le=100)] = 10
    cursor: Cursor = ""


class TriageArguments(Arguments):
    """An issue."""

    issue: Annotated[
        str, Field(min_length=1, max_length=1_000_000, description="Whole text, the title in its first line")
    ]
    repo: Repo = ""
    as_of: Annotated[Name, Field(description="Commit, tag, branch or date: nothing younger counts")] = ""
    limit: Annotated[int, Field(ge=1, le=30, description="Most files of a kind")] = 6


class VerifyArguments(Arguments):
    """An answer: its id, or the document itself."""

    answer_id: Annotated[Name, Field(description="answer_id that ask gave")] = ""
    answer: Annotated[
        dict[str, Any],
        Field(description="Or a whole loccit-answer/1 document, as `loccit ask --json` prints it"),
    ] = {}


class StatusArguments(Arguments):
    """What to tell of."""

    repos: Repos = []
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Cursor = ""


class Result(BaseModel):
    """What a tool gives."""

    model_config = ConfigDict(extra="forbid")


At = Annotated[dict[str, str], Field(description="Commit of each repository (of a folder, its tree)")]


class CitedPlace(BaseModel):
    """Where a quote stands: in a file, or in the message of a commit."""

    repo: str
    path: Annotated[str, Field(description="Empty for a commit's message")]
    commit: Annotated[str, Field(description="Of that message; files are at `at`")] = ""
    start_line: int
    end_line: int
    quote: Annotated[str, Field(description="Empty where the claim's text is the quote")] = ""


class AnsweredClaim(BaseModel):
    """One statement with what it rests on."""

    text: str
    kind: Literal["quotation", "statement"]
    verdict: str
    citations: list[CitedPlace]


class AskResult(Result):
    """An answer, or why there is none."""

    outcome: Literal["answered", "partial", "abstained"]
    abstention: Annotated[str, Field(description="Why not (all); empty where it answers")]
    confidence: float
    claims: list[AnsweredClaim]
    at: At
    more_claims: Annotated[int, Field(description="Left out by limit")]
    dropped: Annotated[int, Field(description="Claims that did not hold")]
    digest: str
    answer_id: Annotated[str, Field(description="For verify_answer")]
    session: str
    notes: list[str]


class FoundPlace(BaseModel):
    """A place in a file."""

    repo: str
    path: str
    start_line: int
    end_line: int
    symbol: str
    kind: str
    excerpt: Annotated[str, Field(description="Quoted lines, each behind its number and a bar")]


class SearchResult(Result):
    """Places, best first."""

    hits: list[FoundPlace]
    at: At
    next_cursor: str | None


class ReadResult(Result):
    """Lines as they stand in the file; 0 where it is empty."""

    repo: str
    commit: str | None
    path: str
    blob: str
    language: str
    start_line: int
    end_line: int
    total_lines: int
    text: Annotated[str, Field(description="Exact, without line numbers")]
    next_start_line: int | None


class FoundCommit(BaseModel):
    """A commit. `date` is the committer's, in UTC."""

    repo: str
    commit: str
    date: str
    author: str
    subject: str
    excerpt: Annotated[str, Field(description="Quoted lines of its message")]


class HistoryResult(Result):
    """Commits, best first."""

    commits: list[FoundCommit]
    next_cursor: str | None


class FoundSymbol(BaseModel):
    """A definition."""

    repo: str
    path: str
    start_line: int
    end_line: int
    line: Annotated[int, Field(description="The one that names it")]
    symbol: str
    kind: str
    match: Literal["exact", "prefix", "substring"]
    head: Annotated[str, Field(description="That line, quoted")]


class SymbolResult(Result):
    """Definitions: exact names, then those that begin so, then those that hold it."""

    symbols: list[FoundSymbol]
    at: At
    next_cursor: str | None


class SuspectFunction(BaseModel):
    """A function or class of a file."""

    symbol: str
    start_line: int
    end_line: int


class Suspect(BaseModel):
    """A file that may have to change."""

    path: str
    probability: float
    why: list[str]
    functions: list[SuspectFunction]


class PastIssue(BaseModel):
    """An issue that may say the same."""

    id: str
    title: str
    is_open: bool
    probability: float
    url: str


class BearingCommit(BaseModel):
    """A commit that bears on it."""

    commit: str
    date: str
    why: list[str]
    paths: list[str]


class TriageResult(Result):
    """Where the cause of an issue may be."""

    outcome: str
    abstention: str
    confidence: float
    at: At
    suspects: list[Suspect]
    tests: list[str]
    docs: list[str]
    duplicates: list[PastIssue]
    similar_fixes: list[BearingCommit]
    culprits: list[BearingCommit]
    labels: list[str]
    owners: list[str]
    questions: Annotated[list[str], Field(description="To ask the reporter")]
    notes: list[str]


class CheckedCitation(BaseModel):
    """What became of a citation; claims and citations count from 1."""

    claim: int
    citation: int
    place: str
    status: str
    why: list[str]


class VerifyResult(Result):
    """What became of an answer."""

    status: Literal["holds", "fell", "unverifiable", "nothing_claimed"]
    digest: str
    hold: int
    fell: int
    unverifiable: int
    why: list[str]
    citations: Annotated[list[CheckedCitation], Field(description="Those that do not hold")]


class IndexedRepository(BaseModel):
    """A repository. `state` is ready, behind (HEAD has moved), indexing, not_indexed or unreadable."""

    name: str
    state: Literal["ready", "behind", "indexing", "not_indexed", "unreadable"]
    commit: str | None
    indexed_at: str | None
    files: int
    history_commits: int | None
    collections: list[str]
    note: str = ""


class StatusResult(Result):
    """What can be asked."""

    repositories: list[IndexedRepository]
    next_cursor: str | None
    model: Annotated[str, Field(description="That writes answers; empty: they are quotations")]
    version: str


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of a model, without what only a form would show."""
    mode = "serialization" if issubclass(model, Result) else "validation"
    schema: dict[str, Any] = _plain(model.model_json_schema(mode=mode))
    return {"type": "object", **{k: v for k, v in schema.items() if k not in {"type", "description"}}}


def _plain(value: Any, *, is_names: bool = False) -> Any:
    """Without titles; a property that is called so stays."""
    if isinstance(value, list):
        return [_plain(one) for one in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    return {
        name: _plain(held, is_names=name in {"properties", "$defs"} and not is_names)
        for name, held in cast("dict[str, Any]", value).items()
        if is_names or name != "title"
    }
