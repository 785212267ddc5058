"""Which definitions of a file a change is in, named as the file is cut for searching."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from loccit.core.chunks import Chunk, ChunkKind
from loccit.parsing import ParsingOptions, language_of, parse

_KINDS = frozenset({ChunkKind.FUNCTION, ChunkKind.CLASS, ChunkKind.CODE})
# Beyond so many differing lines, lines that are there often are not compared one by one: that takes time in
# proportion to the square.
_MOST_EXACT = 1_500


def changed_functions(before: bytes, after: bytes, path: str, options: ParsingOptions) -> list[str]:
    """The definitions of `before` whose lines the change takes away or puts lines into, in order of place.

    A definition that is new counts as a change of what is around it. Blank lines do not count. Names are
    those of the chunks: of a small class the class.
    """
    old, new = _Cut.of(before, path, options), _Cut.of(after, path, options)
    known = {chunk.symbol: at for at, chunk in reversed(list(enumerate(old.chunks))) if chunk.symbol}
    found: set[str] = set()
    for gone, come in _differing(old.lines, new.lines):
        found.update(old.symbols(gone))
        for symbol in new.symbols(come):
            around = symbol
            while around and around not in known:
                around = around.rpartition(".")[0]
            found.add(around)
    return sorted(found & known.keys(), key=known.__getitem__)


@dataclass(frozen=True, slots=True)
class _Cut:
    """A file as lines and as chunks."""

    lines: Sequence[bytes]
    chunks: tuple[Chunk, ...]

    @classmethod
    def of(cls, data: bytes, path: str, options: ParsingOptions) -> _Cut:
        return cls(data.split(b"\n"), parse(data, language=language_of(path), options=options).chunks)

    def symbols(self, lines: range) -> Iterator[str]:
        """The definitions that these lines, from 0, are in; blank lines are in none."""
        for chunk in self.chunks:
            inside = range(max(chunk.start_line - 1, lines.start), min(chunk.end_line, lines.stop))
            if chunk.symbol and chunk.kind in _KINDS and any(self.lines[at].strip() for at in inside):
                yield chunk.symbol


def _differing(old: Sequence[bytes], new: Sequence[bytes]) -> Iterator[tuple[range, range]]:
    """The lines that are gone and those that came in their place, counted from 0."""
    # What is the same at both ends is most of a file, and need not be matched.
    first = _same(old, new)
    last = _same(old[: first - 1 if first else None : -1], new[: first - 1 if first else None : -1])
    before, after = old[first : len(old) - last], new[first : len(new) - last]
    matcher = SequenceMatcher(None, before, after, autojunk=max(len(before), len(after)) > _MOST_EXACT)
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind != "equal":
            yield range(first + a, first + b), range(first + c, first + d)


def _same(old: Sequence[bytes], new: Sequence[bytes]) -> int:
    """How many lines at the beginning are the same."""
    most = min(len(old), len(new))
    return next((at for at in range(most) if old[at] != new[at]), most)
