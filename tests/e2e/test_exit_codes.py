"""The exit codes that the documentation lists are those that the program has."""

from __future__ import annotations

import re
from pathlib import Path

from loccit.cli.exit_codes import ExitCode

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "exit-codes.md"


def test_the_page_lists_every_exit_code(shop) -> None:
    """Number and name of each, in order, and no other."""
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \| \S.* \|$", PAGE.read_text(), flags=re.MULTILINE)
    assert [(int(number), name) for number, name in rows] == [(code.value, code.name) for code in ExitCode]


def test_every_error_has_its_exit_code() -> None:
    """No family of errors ends as a defect of loccit."""
    from loccit.cli.exit_codes import exit_code_of
    from loccit.core import errors

    def below(kind: type) -> list[type]:
        return [kind, *(deep for sub in kind.__subclasses__() for deep in below(sub))]

    families = [kind for kind in below(errors.LoccitError) if kind is not errors.LoccitError]
    assert len(families) > 10
    more = {errors.PolicyDenied: ("a rule",), errors.StepFailed: ("it failed", "input_error")}
    for kind in families:
        error = kind("x", *more.get(kind, (2, 1) if issubclass(kind, errors.LimitExceeded) else ()))
        assert exit_code_of(error) is not ExitCode.INTERNAL, kind
