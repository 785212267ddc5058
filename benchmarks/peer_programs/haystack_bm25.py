"""Haystack's keyword pipeline with its defaults: DocumentSplitter and InMemoryBM25Retriever."""

from __future__ import annotations

from collections.abc import Sequence

from corpus import LIMIT, Search, serve
from haystack import Document, Pipeline
from haystack.components.preprocessors import DocumentSplitter
from haystack.components.retrievers.in_memory import InMemoryBM25Retriever
from haystack.components.writers import DocumentWriter
from haystack.document_stores.in_memory import InMemoryDocumentStore


def build(paths: list[str], texts: list[str]) -> Search:
    """Split, write, and hand back a search that runs the query pipeline."""
    store = InMemoryDocumentStore()
    indexing = Pipeline()
    indexing.add_component("split", DocumentSplitter())
    indexing.add_component("write", DocumentWriter(store))
    indexing.connect("split", "write")
    documents = [
        Document(content=text, meta={"path": path})
        for path, text in zip(paths, texts, strict=True)
        if text.strip()
    ]
    indexing.run({"split": {"documents": documents}})
    querying = Pipeline()
    querying.add_component("retrieve", InMemoryBM25Retriever(store, top_k=LIMIT))

    def search(question: str) -> Sequence[str]:
        result = querying.run({"retrieve": {"query": question}})
        return [document.meta["path"] for document in result["retrieve"]["documents"]]

    return search


serve("haystack-ai", build)
