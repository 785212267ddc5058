"""What the process says when it ends: documented in docs/reference/exit-codes.md."""

from __future__ import annotations

from enum import IntEnum

from loccit.core.errors import (
    BudgetExceeded,
    Cancelled,
    EnvironmentFailed,
    InputError,
    JobFailed,
    LimitExceeded,
    LoccitError,
    ModelError,
    NotAuthenticated,
    NotPermitted,
    OutcomeUnknown,
    Overloaded,
    PolicyDenied,
    PriceUnknown,
    RunFailed,
    RunWaits,
    SandboxFailed,
    SandboxUnavailable,
    ScorerFailed,
    SearchIndexError,
    SettingsError,
    SourceError,
    StepFailed,
    SystemFailed,
    ToolUnavailable,
)


class ExitCode(IntEnum):
    """Exit codes of every command."""

    DONE = 0
    NOTHING = 1
    """Search found nothing; ask abstained because the sources are silent; verify or audit verify had nothing
    to check; fix has no fix to propose."""
    USAGE = 2
    """Unknown option, empty question, malformed answer file, bad settings."""
    FELL = 3
    """verify: at least one citation does not hold; eval gate: something got worse; audit verify: an act was
    changed; alerts check: something fires; a policy does not allow what was to be done."""
    UNVERIFIABLE = 4
    """verify: nothing fell, and a cited source is not here; eval gate: too few samples to tell; alerts check:
    somebody could not be told; nobody can tell whether an effect happened; a person has to
    answer a run first."""
    SOURCE = 5
    """The repository or folder cannot be read as asked; the server of a tool cannot be reached."""
    INDEX = 6
    """The index is missing, broken, of another format, or cannot be written; doctor or sandbox doctor found a
    problem; this machine can keep no box."""
    LIMIT = 7
    """A limit was met."""
    MODEL = 8
    """A model is not configured, out of reach, refuses or is not understood; has no price, or no budget."""
    INTERNAL = 70
    """A defect of loccit."""
    INTERRUPTED = 130
    """Ctrl-C. What was done is kept; the next run goes on from there."""


def exit_code_of(error: LoccitError) -> ExitCode:
    """The exit code that stands for an error."""
    families: tuple[tuple[type[LoccitError], ExitCode], ...] = (
        (InputError, ExitCode.USAGE),
        (SettingsError, ExitCode.USAGE),
        (SourceError, ExitCode.SOURCE),
        (SearchIndexError, ExitCode.INDEX),
        (ModelError, ExitCode.MODEL),
        (PriceUnknown, ExitCode.MODEL),
        (BudgetExceeded, ExitCode.MODEL),
        (LimitExceeded, ExitCode.LIMIT),
        (NotAuthenticated, ExitCode.USAGE),
        (NotPermitted, ExitCode.USAGE),
        (PolicyDenied, ExitCode.FELL),
        (OutcomeUnknown, ExitCode.UNVERIFIABLE),
        (RunWaits, ExitCode.UNVERIFIABLE),
        (ToolUnavailable, ExitCode.SOURCE),
        (Overloaded, ExitCode.LIMIT),
        (Cancelled, ExitCode.INTERRUPTED),
        (JobFailed, ExitCode.SOURCE),
        (RunFailed, ExitCode.SOURCE),
        (StepFailed, ExitCode.SOURCE),
        (SystemFailed, ExitCode.SOURCE),
        (ScorerFailed, ExitCode.USAGE),
        (SandboxUnavailable, ExitCode.INDEX),
        (SandboxFailed, ExitCode.SOURCE),
        (EnvironmentFailed, ExitCode.SOURCE),
    )
    return next((code for family, code in families if isinstance(error, family)), ExitCode.INTERNAL)
