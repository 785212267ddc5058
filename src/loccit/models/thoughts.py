"""What a model says, without what it thinks aloud before."""

from __future__ import annotations

_OPEN, _CLOSE = "<think>", "</think>"


class Spoken:
    """Takes a text in pieces and gives back what is said: all but one <think> block at its very beginning.

    Servers that know a model's format leave it out themselves; others pass it on. Such tags further inside
    belong to the text: it may quote them.
    """

    def __init__(self) -> None:
        self._held = ""
        self._is_past = False

    def take(self, piece: str) -> str:
        """What may be said now that this piece has come."""
        if self._is_past:
            return piece
        self._held += piece
        start = self._held.lstrip()
        if start.startswith(_OPEN):
            _, closed, after = start.partition(_CLOSE)
            after = after.lstrip()
            if not closed or not after:
                return ""
        elif _OPEN.startswith(start):
            return ""
        else:
            after = self._held
        self._is_past, self._held = True, ""
        return after

    def rest(self) -> str:
        """What is left at the end: a beginning that turned out to be none."""
        rest = "" if self._held.lstrip().startswith(_OPEN) else self._held
        self._held = ""
        return rest
