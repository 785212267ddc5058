"""How long work tells how far it is."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told about progress; decides itself what to show and how often."""

    def __call__(self, stage: str, done: int, total: int, unit: str) -> None:
        """`done` of `total` units (bytes, files, commits) of a stage are finished; `total` is 0 while it is
        unknown.
        """
        ...


def silent(stage: str, done: int, total: int, unit: str) -> None:
    """A `Progress` that shows nothing."""
