"""bm25s over whole files, everything as it comes: its tokenizer, its English stop words, its BM25."""

from __future__ import annotations

from collections.abc import Sequence

import bm25s
from corpus import Search, serve


def build(paths: list[str], texts: list[str]) -> Search:
    """Index the files."""
    retriever = bm25s.BM25()
    retriever.index(bm25s.tokenize(texts, show_progress=False), show_progress=False)

    def search(question: str) -> Sequence[str]:
        tokens = bm25s.tokenize(question, show_progress=False)
        found, scores = retriever.retrieve(tokens, k=min(10, len(paths)), show_progress=False)
        return [paths[number] for number, score in zip(found[0], scores[0], strict=True) if score > 0]

    return search


serve("bm25s", build)
