"""What an operator may choose about cutting files. The values are part of the blob cache's key."""

from __future__ import annotations

from dataclasses import dataclass

from loccit.core.errors import SettingsError


@dataclass(frozen=True, slots=True)
class ParsingOptions:
    """Sizes in bytes of the original file.

    No chunk is longer than `max_chunk_bytes`. Neighbours that are both shorter than `min_chunk_bytes` are
    joined where they belong together. A class (or another definition that holds definitions) that is no
    longer than `whole_class_bytes` stays one chunk.
    """

    max_chunk_bytes: int = 2400
    min_chunk_bytes: int = 200
    whole_class_bytes: int = 600

    def __post_init__(self) -> None:
        if self.max_chunk_bytes < 64:
            raise SettingsError(
                f"max_chunk_bytes is {self.max_chunk_bytes!r}, expected at least 64",
                next_step="choose a size between 500 and 10000",
            )
        for name in ("min_chunk_bytes", "whole_class_bytes"):
            value = getattr(self, name)
            if not 0 <= value <= self.max_chunk_bytes:
                raise SettingsError(
                    f"{name} is {value!r}, expected 0 to max_chunk_bytes ({self.max_chunk_bytes})",
                    next_step=f"lower {name} or raise max_chunk_bytes",
                )
