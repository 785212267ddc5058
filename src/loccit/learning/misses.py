"""Why the right file was not first: what spoke for the file that was, and what the fix did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import unified_diff

import numpy as np

from loccit.core.errors import ObjectCorrupt, ObjectMissing
from loccit.core.source import BlobReader, ChangedFile
from loccit.retrieval.features import Candidates
from loccit.retrieval.learned import Ranker

# Features that say the same kind of thing, by the first part of their names.
_KINDS = {
    "symbols": "the names it defines",
    "signature": "its signatures",
    "docs": "its documentation strings",
    "body": "the words of its text",
    "file": "the words of its text",
    "first": "the words of its text",
    "compounds": "the identifiers in it",
    "best": "one passage of it",
    "second": "one passage of it",
    "path": "the words of its path",
    "mention": "what the issue names outright",
    "votes": "past changes that read like the issue",
    "told": "past changes that read like the issue",
    "recency": "how lately and how often it was changed",
    "changes": "how lately and how often it was changed",
    "fixes": "how lately and how often it was changed",
    "kind": "how lately and how often it was changed",
    "size": "its size",
}
_REASONS = 2
_FEW_WORDS = 12
_MOST_BLOB_BYTES = 200_000
_MOST_PATCH_LINES = 80


def why_missed(
    candidates: Candidates, paths: Sequence[str], gold: frozenset[str], ranker: Ranker, *, words: int
) -> str:
    """A paragraph: which file was first and for which features, where the right one stands, and what it had.

    `paths` are those of the candidates, `words` is how many the issue has. What speaks for a file is found by
    giving it the other one's features, kind by kind: those whose loss costs it most.
    """
    if not paths:
        return "No file shares a telling word with the issue. There was not enough to go on."
    order: list[int] = ranker.rank(candidates).order.tolist()
    top = order[0]
    place = next((at for at, row in enumerate(order) if paths[row] in gold), None)
    right = None if place is None else order[place]
    for_top, for_right = _speaking(candidates, top, right, ranker)
    said = [f"`{paths[top]}` came first{_listed('for', for_top)}."]
    if right is None or place is None:
        others = f"`{min(gold)}` is not among the {len(paths)} files that anything pointed at"
        said.append(f"{others}: it shares little with the issue, and no like change touched it.")
    else:
        said.append(
            f"`{paths[right]}` stands at {place + 1} of {len(paths)}{_listed('and had more of', for_right)}."
        )
    if words < _FEW_WORDS:
        said.append(f"The whole issue has {words} words.")
    return " ".join(said)


def patch_of(file: ChangedFile, reader: BlobReader) -> str:
    """What the fix did to a file, as a patch; a remark in its place where it cannot be shown."""
    try:
        sides = [reader.read(blob).data if blob else b"" for blob in (file.old_blob, file.new_blob)]
    except (ObjectMissing, ObjectCorrupt):
        return "(its content is not in this clone)"
    if max(map(len, sides)) > _MOST_BLOB_BYTES or any(b"\0" in side for side in sides):
        return "(too large to show, or no text)"
    old, new = (side.decode("utf-8", "replace").splitlines() for side in sides)
    lines = list(unified_diff(old, new, "before", "after", lineterm=""))
    rest = len(lines) - _MOST_PATCH_LINES
    more = [f"(and {rest} lines more)"] if rest > 0 else []
    return "\n".join([*lines[:_MOST_PATCH_LINES], *more])


def _speaking(
    candidates: Candidates, top: int, right: int | None, ranker: Ranker
) -> tuple[list[str], list[str]]:
    """The kinds of features that lift the first file over the right one, and those that speak against it."""
    before = _lead(candidates, top, right, ranker)
    effects: dict[str, float] = {}
    for kind in dict.fromkeys(_KINDS.values()):
        columns = [
            at for at, name in enumerate(candidates.names) if _KINDS.get(name.partition(":")[0]) == kind
        ]
        if not columns:
            continue
        values = candidates.values.copy()
        values[top, columns] = 0.0 if right is None else values[right, columns]
        effects[kind] = before - _lead(replace(candidates, values=values), top, right, ranker)
    ordered = sorted(effects, key=lambda kind: -effects[kind])
    lifting = [kind for kind in ordered if effects[kind] > 0][:_REASONS]
    against = [kind for kind in reversed(ordered) if effects[kind] < 0][:_REASONS]
    return lifting, against if right is not None else []


def _lead(candidates: Candidates, top: int, right: int | None, ranker: Ranker) -> float:
    scores = np.asarray(ranker.rank(candidates).scores)
    return float(scores[top]) - (float(scores[right]) if right is not None else 0.0)


def _listed(before: str, kinds: Sequence[str]) -> str:
    return f" {before} {' and '.join(kinds)}" if kinds else ""
