"""A program that tests need is there, or CI fails."""

from __future__ import annotations

import pytest

from tests import debian


def test_a_program_that_is_missing_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody's machine may lack it, there the test is skipped; in CI that would go unseen."""
    monkeypatch.setattr(debian, "_install", lambda package: None)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="'parcel-scale'"):
        debian.program_of("parcel-scale", lambda: None)
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="'parcel-scale'"):
        debian.program_of("parcel-scale", lambda: None)


def test_root_alone_installs_what_is_missing_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found is not installed again."""
    asked: list[str] = []
    monkeypatch.setattr(debian, "_install", asked.append)
    monkeypatch.setattr(debian.shutil, "which", lambda name: name)
    monkeypatch.setattr(debian.os, "geteuid", lambda: 0)
    for _ in range(2):
        debian.program_of("parcel-scale", lambda: "/usr/bin/parcel-scale" if asked else None)
    assert asked == ["parcel-scale"]
    monkeypatch.setattr(debian.os, "geteuid", lambda: 1000)
    with pytest.raises((pytest.fail.Exception, pytest.skip.Exception)):
        debian.program_of("parcel-scale", lambda: None)
    assert asked == ["parcel-scale"]
