"""loccit: answers about your own code, each statement cited to bytes at a commit and re-checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loccit.core.errors import (
    BudgetExceeded,
    ContextTooLong,
    FetchFailed,
    IndexBroken,
    IndexFormatMismatch,
    InputError,
    LimitExceeded,
    LoccitError,
    MalformedAnswer,
    MalformedDataset,
    MalformedExport,
    MalformedLog,
    MalformedReply,
    ModelError,
    ModelNotConfigured,
    ModelRefused,
    ModelUnavailable,
    NotARepository,
    NotIndexed,
    ObjectCorrupt,
    ObjectMissing,
    PriceUnknown,
    RealCallsForbidden,
    RevisionNotFound,
    ScorerFailed,
    SearchIndexError,
    SettingsError,
    SourceError,
    SourceUnreadable,
    StorageFailed,
    SystemFailed,
    TrackerRefused,
    TrackerUnreachable,
    UnsafeSource,
)

if TYPE_CHECKING:
    from loccit.core.answers import Answer, Citation, Claim
    from loccit.core.evidence import Hit, Place
    from loccit.core.triage import Triage
    from loccit.learning.proof import Proof
    from loccit.library import Loccit
    from loccit.settings import Settings
    from loccit.verification import VerificationReport

__version__ = "0.1.0"

# Loaded when they are first used: `import loccit` stays as quick as its errors.
_LAZY = {
    "Answer": "loccit.core.answers",
    "Citation": "loccit.core.answers",
    "Claim": "loccit.core.answers",
    "Hit": "loccit.core.evidence",
    "Place": "loccit.core.evidence",
    "Loccit": "loccit.library",
    "Settings": "loccit.settings",
    "Triage": "loccit.core.triage",
    "Proof": "loccit.learning.proof",
    "VerificationReport": "loccit.verification",
}

__all__ = [
    "Answer",
    "BudgetExceeded",
    "Citation",
    "Claim",
    "ContextTooLong",
    "FetchFailed",
    "Hit",
    "IndexBroken",
    "IndexFormatMismatch",
    "InputError",
    "LimitExceeded",
    "Loccit",
    "LoccitError",
    "MalformedAnswer",
    "MalformedDataset",
    "MalformedExport",
    "MalformedLog",
    "MalformedReply",
    "ModelError",
    "ModelNotConfigured",
    "ModelRefused",
    "ModelUnavailable",
    "NotARepository",
    "NotIndexed",
    "ObjectCorrupt",
    "ObjectMissing",
    "Place",
    "PriceUnknown",
    "Proof",
    "RealCallsForbidden",
    "RevisionNotFound",
    "ScorerFailed",
    "SearchIndexError",
    "Settings",
    "SettingsError",
    "SourceError",
    "SourceUnreadable",
    "StorageFailed",
    "SystemFailed",
    "TrackerRefused",
    "TrackerUnreachable",
    "Triage",
    "UnsafeSource",
    "VerificationReport",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'loccit' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name)
