"""loccit beside what else one would reach for: the same questions, files, machine and run.

The peers live in environments of their own in the user's cache folder; this benchmark makes them with pip
where they are missing, from the versions in benchmarks/peer_programs, and skips what cannot be installed.

Every system ranks the text files of the questions' commits. Peers are handed the texts and keep their index
in memory, in one process; loccit's seconds include reading git, parsing and writing the index, on all cores.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import venv
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import benchmarks
from benchmarks import processes, repositories
from benchmarks.peer_programs.corpus import LIMIT, installed_bytes
from loccit import Loccit
from loccit.retrieval.query import STOP_WORDS

NAME = "peers"
SUMMARY = "loccit beside bm25s, Haystack and git grep: hit rates, seconds, milliseconds, installed size"

CUTOFFS = (1, 5, 10)
_PROGRAMS = Path(__file__).resolve().parent / "peer_programs"
_PEERS = {"bm25s": "bm25s_whole_files.py", "haystack": "haystack_bm25.py"}
_WORD = re.compile(r"[A-Za-z0-9_]{2,}")


@dataclass(frozen=True, slots=True)
class Corpus:
    """The questions about one repository at one commit.

    `texts` is a JSONL file of (path, text) of all its text files, `code` of the Python files among them.
    """

    repository: Path
    commit: str
    rows: tuple[dict[str, Any], ...]
    texts: Path
    code: Path


@dataclass(frozen=True, slots=True)
class Measured:
    """One system: seconds for all corpora; milliseconds and best files of every question, in their order."""

    index_seconds: float
    milliseconds: list[float]
    rankings: list[list[str]]
    install_bytes: int | None = None


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """A line for each system, and loccit's figures divided by those of each other."""
    rows = setting.rows("qa_files_dev.jsonl")[: setting.sample]
    names = list(dict.fromkeys(row["repo"] for row in rows))
    missing = sorted(name for name in names if setting.repository(name) is None)
    if len(missing) == len(names):
        return {"missing_repositories": missing}
    skipped: dict[str, str] = {}
    with TemporaryDirectory(prefix="loccit-bench-") as folder:
        corpora = [
            _corpus(path, [row for row in rows if row["repo"] == name], Path(folder), number)
            for number, name in enumerate(names)
            if (path := setting.repository(name)) is not None
        ]
        systems = {"loccit": _loccit(corpora, ()), "loccit, Python files": _loccit(corpora, ("python",))}
        for peer, program in _PEERS.items():
            try:
                python = environment(peer)
            except subprocess.CalledProcessError as error:
                skipped[peer] = f"cannot be installed: {(error.stderr or '').strip()[-300:]}"
                continue
            systems[peer] = _peer(python, program, corpora, lambda corpus: corpus.texts)
            systems[f"{peer}, Python files"] = _peer(python, program, corpora, lambda corpus: corpus.code)
        systems["git grep"] = _git_grep(corpora)
    golds = [row["gold_files"] for corpus in corpora for row in corpus.rows]
    figures = {name: _figures(measured, golds) for name, measured in systems.items()}
    return {
        "missing_repositories": missing,
        "skipped_peers": skipped,
        "questions": len(golds),
        "repositories": len(corpora),
        "installed_mb": benchmarks.target(figures["loccit"]["installed_mb"], at_most=250),
        "systems": figures,
        "loccit_divided_by": {
            name: _ratios(figures["loccit"], other)
            for name, other in figures.items()
            if not name.startswith("loccit")
        },
    }


def environment(peer: str) -> Path:
    """The interpreter of the peer's own environment, made where it is missing. Raises CalledProcessError."""
    from platformdirs import user_cache_path

    pinned = (_PROGRAMS / f"requirements-{peer}.txt").read_text(encoding="utf-8").strip()
    folder = user_cache_path("loccit-benchmarks", appauthor=False) / pinned.replace("==", "-")
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        print(f"installing {pinned} into {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        install = [
            python,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--requirement",
            _PROGRAMS / f"requirements-{peer}.txt",
        ]
        subprocess.run(install, check=True, capture_output=True, text=True)
        (folder / "complete").touch()
    return python


def _corpus(repository: Path, rows: Sequence[dict[str, Any]], folder: Path, number: int) -> Corpus:
    """Write the text files of the commit to files that the peers read."""
    commit = rows[0]["commit"]
    found = repositories.text_files(repository, commit)
    texts, code = folder / f"{number}-texts.jsonl", folder / f"{number}-code.jsonl"
    with texts.open("w", encoding="utf-8") as every, code.open("w", encoding="utf-8") as python:
        for path, data in found:
            line = json.dumps([path, data.decode("utf-8", "replace")]) + "\n"
            every.write(line)
            if path.endswith(".py"):
                python.write(line)
    return Corpus(repository, commit, tuple(rows), texts, code)


def _loccit(corpora: Sequence[Corpus], languages: Sequence[str]) -> Measured:
    times: list[float] = []
    rankings: list[list[str]] = []
    seconds = 0.0
    with benchmarks.home() as home:
        loccit = Loccit(home)
        for corpus in corpora:
            started = time.perf_counter()
            loccit.index(corpus.repository, rev=corpus.commit, history=False)
            seconds += time.perf_counter() - started

            def search(question: str, corpus: Corpus = corpus) -> list[str]:
                hits = loccit.search(
                    question,
                    repos=[str(corpus.repository)],
                    rev=corpus.commit,
                    languages=languages,
                    limit=LIMIT,
                )
                return [hit.place.path for hit in hits]

            _ask(search, corpus, times, rankings)
    size = installed_bytes("loccit") + processes.folder_bytes(Path(_source()))
    return Measured(seconds, times, rankings, size)


def _source() -> Path:
    """The package's own folder: an installation in place does not list its files."""
    import loccit

    assert loccit.__file__ is not None
    return Path(loccit.__file__).parent


def _ask(
    search: Callable[[str], Sequence[str]], corpus: Corpus, times: list[float], rankings: list[list[str]]
) -> None:
    """Put the corpus's questions to a system, after one that is not counted."""
    search(corpus.rows[0]["question"])
    for row in corpus.rows:
        started = time.perf_counter()
        found = search(row["question"])
        times.append(1000 * (time.perf_counter() - started))
        rankings.append(list(dict.fromkeys(found))[: CUTOFFS[-1]])


def _peer(
    python: Path, program: str, corpora: Sequence[Corpus], chosen: Callable[[Corpus], Path]
) -> Measured:
    """Run a peer's program in its environment. Raises CalledProcessError."""
    asked = [
        {"file": str(chosen(corpus)), "questions": [row["question"] for row in corpus.rows]}
        for corpus in corpora
    ]
    done = subprocess.run(
        [python, _PROGRAMS / program],
        input=json.dumps({"corpora": asked}),
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin:/bin", "HAYSTACK_TELEMETRY_ENABLED": "False"},
    )
    result = json.loads(done.stdout.splitlines()[-1])
    return Measured(
        index_seconds=sum(found["index_seconds"] for found in result["corpora"]),
        milliseconds=[value for found in result["corpora"] for value in found["milliseconds"]],
        rankings=[ranking for found in result["corpora"] for ranking in found["rankings"]],
        install_bytes=result["install_bytes"],
    )


def _git_grep(corpora: Sequence[Corpus]) -> Measured:
    """Files by how many of the question's words they hold, then by how often: what one does by hand."""
    times: list[float] = []
    rankings: list[list[str]] = []
    for corpus in corpora:
        _ask(lambda question, corpus=corpus: _grepped(corpus, question), corpus, times, rankings)
    return Measured(0.0, times, rankings)


def _grepped(corpus: Corpus, question: str) -> list[str]:
    words = sorted({word.lower() for word in _WORD.findall(question)} - STOP_WORDS)
    # One alternation in the C locale: as separate fixed strings, git 2.39 takes several times as long.
    pattern = "|".join(words)
    command = ["git", "-C", str(corpus.repository), "grep", "-I", "-i", "-w", "-o", "-E", "-z", "-e", pattern]
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run([*command, corpus.commit], capture_output=True, check=False, env=environment)
    if done.returncode > 1:
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
    counts: dict[str, Counter[str]] = {}
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        place, separator, word = line.partition("\0")
        if separator:
            counts.setdefault(place.partition(":")[2], Counter())[word.lower()] += 1
    return sorted(counts, key=lambda path: (-len(counts[path]), -counts[path].total(), path))


def _figures(measured: Measured, golds: Sequence[Sequence[str]]) -> dict[str, Any]:
    figures: dict[str, Any] = {
        "index_seconds": round(measured.index_seconds, 2) or None,
        "query_p50_ms": round(benchmarks.percentile(measured.milliseconds, 0.5), 2),
        "installed_mb": round(measured.install_bytes / 1e6, 1) if measured.install_bytes else None,
    }
    for cutoff in CUTOFFS:
        hits = [any(p in gold for p in r[:cutoff]) for r, gold in zip(measured.rankings, golds, strict=True)]
        figures[f"hit@{cutoff}"] = round(100 * sum(hits) / len(hits), 1)
    return figures


def _ratios(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, float | None]:
    return {key: round(ours[key] / theirs[key], 2) if theirs[key] else None for key in ours}
