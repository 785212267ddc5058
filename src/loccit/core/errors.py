"""The one error tree of loccit.

    LoccitError
    ├── InputError             what was asked cannot be understood or accepted
    │   ├── NotFound           a run, a job, a conversation, a file that is not there
    │   ├── Unsupported        what is understood, and not done here
    │   ├── Conflict           an idempotency key that stands for another request, or is at work
    │   ├── MalformedAnswer    a file that is no loccit-answer/1 document
    │   ├── MalformedDataset   samples that are none, or of another format
    │   └── MalformedLog       a log of an evaluation that is none, or of another format
    ├── SettingsError          the operator's own configuration
    ├── SourceError            the repository or folder
    │   ├── NotARepository
    │   ├── RevisionNotFound
    │   ├── UnsafeSource       refused because reading it could run or reveal something
    │   ├── SourceUnreadable   permission denied, vanished, changed while it was read
    │   ├── ObjectMissing
    │   ├── ObjectCorrupt      the bytes do not have the id they are stored under
    │   ├── FetchFailed
    │   ├── TrackerUnreachable an issue tracker does not answer, or not as its interface says
    │   ├── TrackerRefused     it answers and refuses: not found, not allowed, or not now (`retry_at`)
    │   └── MalformedExport    an export of issues that is not of the expected form
    ├── SearchIndexError       what loccit keeps on disk
    │   ├── NotIndexed
    │   ├── IndexFormatMismatch
    │   ├── IndexBroken
    │   └── StorageFailed      disk full, home folder not writable
    ├── ModelError             a language model, or what serves it; `retryable`, `spent_usd` so far
    │   ├── ModelNotConfigured no model of this name, or what it needs is not installed
    │   ├── ModelUnavailable   no answer in time, no connection, overloaded, failing (`retry_after_s`)
    │   ├── ModelRefused       it answers and will not: wrong key, wrong address, a policy of its own
    │   ├── ContextTooLong     the request does not fit into the model's context
    │   ├── MalformedReply     it answers, but not in the form that was asked for
    │   └── RealCallsForbidden a switch forbids calls that leave this process
    ├── PriceUnknown           nobody knows what a call would cost
    ├── NotAuthenticated       who asks has no key, or one that is not valid (any more)
    ├── NotPermitted           the role of who asks does not suffice
    ├── PolicyDenied           a call of a tool that a policy does not allow (`action`, `rule`)
    ├── OutcomeUnknown         nobody can tell whether an effect happened: a person must look
    ├── ToolUnavailable        a tool's server is not there, ended, or is not what was approved
    ├── Cancelled              work that nobody wants any more
    ├── JobFailed              a job that ended the process which worked on it, or met a defect
    ├── RunFailed              a run of an agent that did so
    ├── StepFailed             a step of a run ended with an error, which is kept (`kind`)
    ├── Overloaded             a server has no room now (`retry_after_s`)
    ├── SystemFailed           a system that is being measured gave no output
    ├── ScorerFailed           a scorer that somebody wrote gave no figure
    ├── SandboxUnavailable     this machine cannot keep untrusted code in a box
    ├── SandboxFailed          a box ended before it was closed, or does not answer any more
    ├── EnvironmentFailed      what a project needs could not be installed
    └── LimitExceeded          a limit, with its value
        ├── BudgetExceeded     a budget that cannot pay for the call (`limit_name`)
        ├── RateLimited        more requests than a key has (`retry_after_s`)
        ├── DeadlinePassed     it takes longer than it may
        ├── RequestTooLarge    a body that is longer than what is read
        └── RequestTooSlow     a body that takes longer to come than it may

An abstention, an unsupported claim or a file that half parses is a result, never an exception.
"""

from __future__ import annotations

from decimal import Decimal

from loccit.core.calls import TokenUsage

_NOTHING = TokenUsage()


class LoccitError(Exception):
    """Root of the tree: a sentence that names the value, and the next thing to try.

    `next_step` is a sentence fragment for a person ("run 'loccit index .'"), or empty.
    """

    def __init__(self, message: str, *, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.message}; {self.next_step}" if self.next_step else self.message


class InputError(LoccitError):
    """What was asked cannot be understood or accepted.

    `field` is the part of the request that it is about, as its documentation calls it; empty where that is
    not one alone.
    """

    def __init__(self, message: str, *, next_step: str = "", field: str = "") -> None:
        super().__init__(message, next_step=next_step)
        self.field = field


class NotFound(InputError):
    """What was named is not there, or not for whom asks."""


class Unsupported(InputError):
    """What was asked is understood, and not done here."""


class Conflict(InputError):
    """An idempotency key stands for another request, or its request is at work."""


class MalformedAnswer(InputError):
    """The document is not a `loccit-answer/1` object."""


class MalformedDataset(InputError):
    """The file holds no samples of an evaluation."""


class MalformedLog(InputError):
    """The file is no log of an evaluation, or not one that this version reads."""


class SettingsError(LoccitError):
    """The operator's configuration has an unknown key or an impossible value."""


class SourceError(LoccitError):
    """The repository or folder cannot be read as asked."""


class NotARepository(SourceError):
    """The location is neither a git repository nor a folder."""


class RevisionNotFound(SourceError):
    """The repository has no such revision."""


class UnsafeSource(SourceError):
    """Refused: reading it could run someone's code or reveal other repositories."""


class SourceUnreadable(SourceError):
    """Permission denied, vanished, or changed while it was read."""


class ObjectMissing(SourceError):
    """The repository does not hold the object."""


class ObjectCorrupt(SourceError):
    """The stored bytes do not hash to the id they are stored under."""


class FetchFailed(SourceError):
    """A remote repository could not be fetched."""


class TrackerUnreachable(SourceError):
    """An issue tracker does not answer, or not in the form that its interface has."""


class TrackerRefused(SourceError):
    """An issue tracker answers and refuses.

    `retry_at` is when it will answer again, in seconds since the epoch; None where waiting does not help.
    """

    def __init__(self, message: str, *, next_step: str = "", retry_at: int | None = None) -> None:
        super().__init__(message, next_step=next_step)
        self.retry_at = retry_at


class MalformedExport(SourceError):
    """An export of issues that is not of the expected form; the message names the place in it."""


class SearchIndexError(LoccitError):
    """What loccit keeps on disk cannot be used as asked."""


class NotIndexed(SearchIndexError):
    """Nothing is indexed for this repository, revision or collection."""


class IndexFormatMismatch(SearchIndexError):
    """The index was written by a version with another on-disk format."""


class IndexBroken(SearchIndexError):
    """The index on disk is damaged or belongs to something else."""


class StorageFailed(SearchIndexError):
    """The home folder could not be written: full, read-only or not permitted."""


class ModelError(LoccitError):
    """A language model could not be asked, or answered in a way that is of no use.

    `retryable` says whether the same call may succeed later; `spent_usd` is what was paid for this call and
    those made for it until then. `usage` is what the provider counts for this call alone: nothing where it
    refused or was not reached, None where it may have worked and did not say.
    """

    retryable = False

    def __init__(
        self,
        message: str,
        *,
        next_step: str = "",
        spent_usd: Decimal = Decimal(0),
        model: str = "",
        usage: TokenUsage | None = _NOTHING,
    ) -> None:
        super().__init__(message, next_step=next_step)
        self.spent_usd = spent_usd
        self.model = model
        self.usage = usage


class ModelNotConfigured(ModelError):
    """No model of this name is configured, or the package that it needs is not installed."""


class ModelUnavailable(ModelError):
    """No answer in time, no connection, overloaded or failing.

    `retry_after_s` is how long the provider asked to wait, None where it did not say.
    """

    retryable = True

    def __init__(
        self,
        message: str,
        *,
        next_step: str = "",
        spent_usd: Decimal = Decimal(0),
        model: str = "",
        usage: TokenUsage | None = _NOTHING,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, next_step=next_step, spent_usd=spent_usd, model=model, usage=usage)
        self.retry_after_s = retry_after_s


class ModelRefused(ModelError):
    """The provider answers and will not: a wrong key, a wrong address, a policy of its own."""


class ContextTooLong(ModelError):
    """The request does not fit into the model's context."""


class MalformedReply(ModelError):
    """The model answers, but not in the form that was asked for."""


class RealCallsForbidden(ModelError):
    """A switch forbids calls that leave this process (`LOCCIT_FORBID_MODEL_CALLS`)."""


class PriceUnknown(LoccitError):
    """Nobody knows what a call of this model would cost, and that was not allowed."""


class NotAuthenticated(LoccitError):
    """Who asks shows no key, or one that is not valid."""


class NotPermitted(LoccitError):
    """The role of who asks does not suffice."""


class PolicyDenied(LoccitError):
    """A policy does not allow a call of a tool. `action` is what was to be done, `rule` what forbids it."""

    def __init__(self, action: str, rule: str, *, next_step: str = "") -> None:
        super().__init__(f"the policy does not allow {action!r}: {rule}", next_step=next_step)
        self.action = action
        self.rule = rule


class OutcomeUnknown(LoccitError):
    """Nobody can tell whether the effect of a call happened; doing it again might do it twice."""


class ToolUnavailable(LoccitError):
    """A tool is served by a program that does not start, ended, does not answer, or has changed.

    `may_have_run`: the call went out and no answer came, so nobody knows whether it did anything.
    """

    def __init__(self, message: str, *, next_step: str = "", may_have_run: bool = False) -> None:
        super().__init__(message, next_step=next_step)
        self.may_have_run = may_have_run


class Cancelled(LoccitError):
    """Nobody wants the work any more; what was done of it is kept."""


class JobFailed(LoccitError):
    """A job ended the process that worked on it, again and again, or met a defect."""


class RunFailed(LoccitError):
    """A run of an agent ended the process that worked on it, again and again, or met a defect."""


class StepFailed(LoccitError):
    """A step of a run ended with an error, now or before a kill. `kind` is that error's, in words."""

    def __init__(self, step: str, message: str, kind: str, *, next_step: str = "") -> None:
        super().__init__(f"{step}: {message}", next_step=next_step)
        self.step = step
        self.kind = kind


class Overloaded(LoccitError):
    """A server has no room for a request now; after `retry_after_s` seconds it may."""

    def __init__(self, message: str, *, next_step: str = "", retry_after_s: float = 1.0) -> None:
        super().__init__(message, next_step=next_step)
        self.retry_after_s = retry_after_s


class SystemFailed(LoccitError):
    """A system that is being measured gave no output, or one that cannot be read."""


class ScorerFailed(LoccitError):
    """A scorer of somebody's own raised, or gave what is no number."""


class SandboxUnavailable(LoccitError):
    """This machine cannot keep untrusted code in a box: a program or a part of the kernel is missing."""


class SandboxFailed(LoccitError):
    """A box ended before it was closed, or does not answer any more; its files are lost."""


class EnvironmentFailed(LoccitError):
    """What a project needs could not be installed; the message ends with what the installer said last."""


class LimitExceeded(LoccitError):
    """A limit was met. `value` is what was asked, `limit` what is allowed, both in the unit `kind` names."""

    def __init__(self, kind: str, value: float, limit: float, *, next_step: str = "") -> None:
        super().__init__(f"{kind} is {value:,}, the limit is {limit:,}", next_step=next_step)
        self.kind = kind
        self.value = value
        self.limit = limit


class BudgetExceeded(LimitExceeded):
    """A budget cannot pay for the call, now or after what is under way has been settled.

    `value` is what the call may cost together with what is spent and held, `limit` the budget, both in USD;
    `limit_name` is the budget as the settings name it ("user ana per day").
    """

    def __init__(self, limit_name: str, value: Decimal, limit: Decimal, *, next_step: str = "") -> None:
        super().__init__(
            f"the budget of {limit_name} in USD", float(value), float(limit), next_step=next_step
        )
        self.limit_name = limit_name


class RateLimited(LimitExceeded):
    """A key has sent more requests than it may; after `retry_after_s` seconds there is room for one."""

    def __init__(
        self, kind: str, value: float, limit: float, *, next_step: str = "", retry_after_s: float = 1.0
    ) -> None:
        super().__init__(kind, value, limit, next_step=next_step)
        self.retry_after_s = retry_after_s


class DeadlinePassed(LimitExceeded):
    """A request took longer than it may."""


class RequestTooLarge(LimitExceeded):
    """The body of a request is longer than what is read."""


class RequestTooSlow(LimitExceeded):
    """The body of a request takes longer to come than it may."""
