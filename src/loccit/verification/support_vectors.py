"""Words of claims and words of code in one space, so that words that go together are near without being the
same.

The space is that of a singular value decomposition of how much more often than by chance a word of code
stands in the definition that a sentence with a word is about (scripts/support_weights.py).
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Float32 = npt.NDArray[np.float32]


class Vectors:
    """The vectors of words that are said, and of words that code holds (`@word`: that it is called by)."""

    def __init__(self, said: Sequence[str], held: Sequence[str], of_said: Float32, of_held: Float32) -> None:
        self._said = {stem: at for at, stem in enumerate(said)}
        self._held = {stem: at for at, stem in enumerate(held)}
        self._of_said, self._of_held = of_said, of_held

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Vectors:
        """The vectors in a part of the model's document."""
        import numpy as np

        said, held, width = document["said"], document["held"], document["width"]
        data = np.frombuffer(base64.b64decode(document["values"]), dtype=np.int8).astype(np.float32)
        rows = data.reshape(len(said) + len(held), width)
        return cls(said, held, rows[: len(said)], rows[len(said) :])

    def to_document(self) -> dict[str, Any]:
        """What `read` reads. Values are rounded to a byte."""
        import numpy as np

        def rounded(rows: Float32) -> bytes:
            # One scale for all rows: how long a vector is says how much its word counts.
            values: Float32 = np.rint(rows / np.abs(rows).max() * 127)
            return values.astype(np.int8).tobytes()

        return {
            "width": int(self._of_said.shape[1]),
            "said": list(self._said),
            "held": list(self._held),
            "values": base64.b64encode(rounded(self._of_said) + rounded(self._of_held)).decode("ascii"),
        }

    def features(
        self, said: Collection[str], held: Collection[str], called: Collection[str], head: Collection[str]
    ) -> dict[str, float]:
        """Cosines between what is said, and what the passages hold, are called and have in their signatures;
        0 where nothing of either is known.
        """
        names = ("near:held", "near:called", "near:head", "near:mean", "near:least", "near:least-held")
        # In order, so that sums do not depend on how sets are walked.
        words = sorted(self._said[stem] for stem in said if stem in self._said)
        code = sorted(self._held[stem] for stem in held if stem in self._held)
        if not words or not code:
            return dict.fromkeys(names, 0.0)
        spoken, written = self._of_said[words], self._of_held[code]
        whole = _unit(spoken.sum(axis=0))
        each, every = _unit(spoken), _unit(written)
        body = _unit(written.sum(axis=0))
        best = (each @ every.T).max(axis=1)
        values = (
            float(whole @ body),
            float(whole @ self._sum(called)),
            float(whole @ self._sum(head)),
            float(best.mean()),
            float(best.min()),
            float((each @ body).min()),
        )
        return {name: round(value, 6) for name, value in zip(names, values, strict=True)}

    def _sum(self, stems: Collection[str]) -> Float32:
        known = sorted(self._held[stem] for stem in stems if stem in self._held)
        return _unit(self._of_held[known].sum(axis=0))


def _unit(rows: Float32) -> Float32:
    """Each row with length 1; rows of zeros as they are."""
    import numpy as np

    length: Float32 = np.sqrt((rows * rows).sum(axis=-1, keepdims=True))
    return (rows / np.maximum(length, np.float32(1e-9))).astype(np.float32)
