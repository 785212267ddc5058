"""What a test runner says of each case, in the XML that they all can write. The text is anybody's."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from xml.etree import ElementTree

from loccit.core.errors import InputError

MAX_BYTES = 8_000_000
_MOST_TEXT = 20_000


class CaseOutcome(StrEnum):
    """What came of a case. ERROR: it, or what it needs, could not be run at all."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Case:
    """One test case: `file` and `name` as the runner has them, `text` what it says of a failure."""

    file: str
    name: str
    outcome: CaseOutcome
    text: str = ""

    @property
    def id(self) -> str:
        """File and name, as a person names it."""
        return f"{self.file}::{self.name}" if self.file else self.name

    @property
    def is_bad(self) -> bool:
        """Whether it did not do what it should."""
        return self.outcome in {CaseOutcome.FAILED, CaseOutcome.ERROR}


def cases_of(data: bytes) -> tuple[Case, ...]:
    """The cases in a JUnit file. Raises InputError for what is none, or declares entities."""
    if len(data) > MAX_BYTES or b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise InputError("the test runner's results are no JUnit file of a usual size")
    try:
        # Without a document type there are no entities to expand, inside or out.
        root = ElementTree.fromstring(data)  # noqa: S314
    except ElementTree.ParseError as error:
        raise InputError(f"the test runner's results are no JUnit file: {error}") from error
    return tuple(_case(element) for element in root.iter("testcase"))


def _case(element: ElementTree.Element) -> Case:
    outcome, texts = CaseOutcome.PASSED, list[str]()
    for child in element:
        kind = {
            "failure": CaseOutcome.FAILED,
            "error": CaseOutcome.ERROR,
            "skipped": CaseOutcome.SKIPPED,
        }.get(child.tag)
        if kind is not None:
            outcome = kind
            texts += [child.get("message") or "", child.text or ""]
    group, name = element.get("classname") or "", element.get("name") or ""
    file = element.get("file") or ""
    return Case(file or group, name, outcome, "\n".join(filter(None, texts))[:_MOST_TEXT])
