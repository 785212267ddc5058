"""The format of what became of an issue that was to be fixed: `loccit-fix/1`, and its digest.

The field names here are the published format: see docs/reference/fix-format.md. A change to them is a new
format version.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from loccit.core.answers import Citation, SnapshotInfo
from loccit.core.documents import (
    Count,
    DocumentForm,
    HexId,
    NonEmptyText,
    RepoName,
    Sha256,
    Text,
    UtcTime,
    Value,
    canonical,
    digest_of,
    parse_document,
    published_schema,
)
from loccit.core.triage import TriagedIssue

FORMAT = "loccit-fix/1"
MAX_FIX_BYTES = 50_000_000
_FORM = DocumentForm(
    name=FORMAT,
    noun="fix",
    command="loccit fix --json",
    schema="docs/reference/loccit-fix-1.schema.json",
    max_bytes=MAX_FIX_BYTES,
)


class FixOutcome(StrEnum):
    """How a run ended. Only the first has a branch that loccit proposes."""

    FIXED = "fixed"
    """The reproducing test failed before and passes now, nothing that passed before fails, and the reader who
    reviewed it has no objection left."""
    NOT_REPRODUCED = "not_reproduced"
    """No test was written that fails because of the issue."""
    NO_FIX_FOUND = "no_fix_found"
    """The tests say that what was edited does not fix it, or breaks something."""
    NEEDS_PERSON = "needs_person"
    """The tests pass, and something stays that a person has to decide."""
    LIMIT = "limit"
    """A limit of the run was met: steps, tokens, money, time, or no progress."""


class CheckName(StrEnum):
    """What the gate looks at, in its order."""

    REPRODUCING_TEST = "reproducing_test"
    RELATED_TESTS = "related_tests"
    WHOLE_SUITE = "whole_suite"
    FORMATTER = "formatter"
    LINTER = "linter"


class CheckOutcome(StrEnum):
    """What came of a check."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not_run"


class FixCheck(Value):
    """One check of the gate, run by loccit itself. `text` says what was found, or why it was not run.

    `failed` counts what fails now, `failed_before` how much of it failed at `base` too; a check passes where
    both are the same failures.
    """

    name: Annotated[CheckName, Field(strict=False)]
    command: tuple[Text, ...] = Field(strict=False)
    outcome: Annotated[CheckOutcome, Field(strict=False)]
    text: NonEmptyText
    passed: Count = 0
    failed: Count = 0
    failed_before: Count = 0


class Reproduction(Value):
    """The test that shows the issue. `tests` are its cases, `failure` is the passage of the output at `base`
    that shows why it fails, which stands there byte for byte. `reason` is the model's word on why that is the
    issue and not something else.
    """

    path: NonEmptyText
    tests: tuple[NonEmptyText, ...] = Field(strict=False)
    failure: NonEmptyText
    reason: Text


class FixReason(Value):
    """A statement with the places it rests on, each re-checked against the bytes at `base`."""

    text: NonEmptyText
    citations: tuple[Citation, ...] = Field(strict=False)


class FixStep(Value):
    """One step of the run. `commit` is its commit on the branch, null where it changed no file."""

    name: NonEmptyText
    text: Text
    commit: HexId | None
    paths: tuple[Text, ...] = Field(strict=False)
    added: Count = 0
    removed: Count = 0


class ReviewVerdict(StrEnum):
    """What the reader says who saw nothing but the issue, the diff and the checks."""

    APPROVED = "approved"
    OBJECTED = "objected"


class FixReview(Value):
    """A review, one per round. `objections` are in the reader's words."""

    verdict: Annotated[ReviewVerdict, Field(strict=False)]
    objections: tuple[NonEmptyText, ...] = Field(strict=False)


class FixBranch(Value):
    """The branch as it would be: its name, its last commit, and the commit that it starts from."""

    name: NonEmptyText
    base: HexId
    head: HexId


class Lesson(Value):
    """What a later run should know, proposed. It is written into the branch only where that was asked."""

    title: NonEmptyText
    text: NonEmptyText
    is_in_branch: bool = False


class FixRun(Value):
    """What differs from run to run; no digest covers it. `id` replays it: `loccit fix --replay ID`."""

    id: NonEmptyText
    started_at: UtcTime
    seconds: float
    cost_usd: float
    model_calls: Count
    tool_calls: Count
    input_tokens: Count
    output_tokens: Count
    version: Text


class Fix(Value):
    """What became of an issue, in format `loccit-fix/1`.

    `digest` is the SHA-256, in hex, of the RFC 8785 form of everything but `digest` and `run`. `why` says in
    a sentence why the outcome is what it is. `understood` is what the repository's past and files say of the
    issue, `reasons` what the model says of cause and change; statements whose citations did not hold are in
    `dropped`, without them. `checks` are those of the last round. `not_verified` names what a person has to
    look at. `branch` is null where nothing was changed; `diff` is that of the whole branch.
    """

    format: Literal["loccit-fix/1"]
    issue: TriagedIssue
    repo: RepoName
    base: HexId
    outcome: Annotated[FixOutcome, Field(strict=False)]
    why: NonEmptyText
    understood: tuple[FixReason, ...] = Field(strict=False)
    reproduction: Reproduction | None
    plan: Text
    reasons: tuple[FixReason, ...] = Field(strict=False)
    dropped: tuple[NonEmptyText, ...] = Field(strict=False)
    steps: tuple[FixStep, ...] = Field(strict=False)
    checks: tuple[FixCheck, ...] = Field(strict=False)
    reviews: tuple[FixReview, ...] = Field(strict=False)
    repairs: Count
    not_verified: tuple[NonEmptyText, ...] = Field(strict=False)
    lesson: Lesson | None
    branch: FixBranch | None
    diff: Text
    snapshots: tuple[SnapshotInfo, ...] = Field(strict=False)
    digest: Sha256
    run: FixRun | None = None

    def to_json(self) -> str:
        """One line of JSON in RFC 8785 form, so that what is written is what the digest covers."""
        return canonical(self.model_dump(mode="json")).decode("utf-8")


def seal(**fields: Any) -> Fix:
    """A Fix of these fields with its digest. Raises pydantic's ValidationError where they do not fit."""
    draft = Fix(format=FORMAT, digest="0" * 64, **fields)
    return draft.model_copy(update={"digest": digest_of(draft.model_dump(mode="json"))})


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of what `parse_fix` accepts, apart from how tokens are spelled."""
    return published_schema(Fix, _FORM)


def parse_fix(data: bytes) -> Fix:
    """The document in these bytes, as strictly as `parse_answer` reads an answer.

    Raises MalformedAnswer for anything that is not one UTF-8 JSON object of the format, LimitExceeded over
    `MAX_FIX_BYTES`. Its digest is checked by `digest_of`, its citations by `verification`.
    """
    return parse_document(data, Fix, _FORM)
