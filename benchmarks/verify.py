"""Do true citations hold, and is every changed byte noticed?

Answers of `ask` to the questions of the development data and to subjects of commits are verified, and so are
answers made from random passages of any file and commit, which are stranger than what `ask` quotes. All are
then corrupted one byte at a time, in three classes: the digested part of the answer's file with the digest
left as it was; a field of a citation with the digest computed anew; a cited blob as the repository hands it
out. A corruption counts as caught where the file is refused or the answer falls; "unverifiable" is a miss.
"""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import zip_longest
from pathlib import Path
from typing import Any

import rfc8785

import benchmarks
from benchmarks import repositories
from loccit import Loccit
from loccit.core.answers import (
    Answer,
    Citation,
    Claim,
    ClaimKind,
    SnapshotInfo,
    digest_of,
    parse_answer,
    seal,
)
from loccit.core.errors import InputError, MalformedAnswer, ObjectCorrupt, ObjectMissing
from loccit.core.source import BlobReader, GitObject, path_text
from loccit.verification import Finding, Status, check_quotation, cite, cite_commit, verify

NAME = "verify"
SUMMARY = "citations that hold, and single-byte corruptions that are caught"

ANSWERS = 1_000
CORRUPTIONS = 10_000
MAX_BLOB_BYTES = 500_000
# Their commits are indexed too, so that answers cite commits: two that take seconds, not the largest.
_WITH_HISTORY = ("pallets+flask", "psf+requests")
_UNCHECKED = {"label": "unchecked", "score": None, "checker": "none", "version": "1"}


class BatchReader:
    """Objects of one repository, unchecked, through one `git cat-file --batch`."""

    def __init__(self, repository: Path) -> None:
        self.repository = repository
        self._process = subprocess.Popen(
            ["git", "--no-replace-objects", "-C", str(repository), "cat-file", "--batch"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> BatchReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def read(self, object_id: str) -> GitObject:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(f"{object_id}\n".encode())
        stdin.flush()
        header = stdout.readline().split()
        if header[-1:] == [b"missing"]:
            raise ObjectMissing(f"no object {object_id}")
        if len(header) != 3:
            raise ObjectCorrupt(f"git cannot read {object_id}")
        data = stdout.read(int(header[2]))
        stdout.read(1)
        return GitObject(header[1].decode(), data)

    def git(self, *arguments: str) -> bytes:
        command = ["git", "-C", str(self.repository), *arguments]
        return subprocess.run(command, capture_output=True, check=True).stdout


class OneByteOff:
    """A reader that changes one byte of one object."""

    def __init__(self, honest: BlobReader, object_id: str, at: int, byte: int) -> None:
        self._honest, self._object_id, self._at, self._byte = honest, object_id, at, byte

    def read(self, object_id: str) -> GitObject:
        found = self._honest.read(object_id)
        if object_id != self._object_id:
            return found
        data = found.data[: self._at] + bytes([self._byte]) + found.data[self._at + 1 :]
        return GitObject(found.kind, data)


class Repositories:
    """The repositories at hand, and which of them an answer is about."""

    def __init__(self, readers: dict[str, BatchReader]) -> None:
        self.by_name = readers
        self._homes: dict[str, list[BatchReader]] = {}

    def of(self, answer: Answer) -> list[BatchReader]:
        """Those that hold a commit that the answer searched, whatever they are called."""
        commits = {known.commit for known in answer.snapshots if known.commit}
        return list({id(reader): reader for commit in commits for reader in self._holding(commit)}.values())

    def _holding(self, commit: str) -> list[BatchReader]:
        if commit not in self._homes:
            self._homes[commit] = [reader for reader in self.by_name.values() if _holds(reader, commit)]
        return self._homes[commit]


def _holds(reader: BatchReader, commit: str) -> bool:
    try:
        reader.read(commit)
    except ObjectMissing:
        return False
    return True


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """The counts: over answers of `ask`, and over as many answers made from random passages."""
    found = setting.repositories()
    if not found:
        return {"missing_repositories": sorted({row["repo"] for row in setting.rows("qa_files_dev.jsonl")})}
    count = setting.sample or ANSWERS
    chance = random.Random(20260101)
    with ExitStack() as stack:
        readers = {
            f"github.com/{name}": stack.enter_context(BatchReader(path)) for name, path in found.items()
        }
        shelf = Repositories(readers)
        asked, missing = _asked_answers(setting, count)
        random_passages = list(random_answers(readers, count, chance))
        tried = CORRUPTIONS if setting.sample is None else 10 * count
        return {
            "missing_repositories": missing,
            "repositories": len(readers),
            "asked": _counts(asked, shelf, tried, chance),
            "random_passages": _counts(random_passages, shelf, tried // 10, chance),
        }


def _counts(
    answers: Sequence[Answer], shelf: Repositories, corruptions: int, chance: random.Random
) -> dict[str, Any]:
    """Whether these answers hold, and how many corruptions of each of the three classes are caught."""
    return {
        "answers": len(answers),
        **_verify_all(answers, shelf),
        "corruptions_of_each_class": corruptions,
        "answer_bytes_caught_percent": _caught(digested_part(answers, corruptions, chance)),
        "citation_fields_caught_percent": _caught(citation_fields(answers, shelf, corruptions, chance)),
        "blob_bytes_caught_percent": _caught(blob_bytes(answers, shelf, corruptions, chance)),
    }


def _asked_answers(setting: benchmarks.Setting, count: int) -> tuple[list[Answer], list[str]]:
    """So many answers of `ask` that claim something, and the repositories of questions that are not here.

    First the questions of the development data, then subjects of commits of every repository, in turn, every
    other round put as questions about the history. What `ask` declines does not count.
    """
    rows = setting.rows("qa_files_dev.jsonl")
    missing = sorted({row["repo"] for row in rows if setting.repository(row["repo"]) is None})
    answers: list[Answer] = []
    with benchmarks.home() as home:
        loccit = Loccit(home)
        for question, path, revision in _questions(setting, rows):
            if len(answers) >= count:
                break
            if not loccit.is_known(str(path)):
                loccit.index(path, rev=revision, history=path.parent.name in _WITH_HISTORY)
            answer = loccit.ask(question, repos=[str(path)], rev=revision)
            if answer.claims:
                answers.append(answer)
    return answers, missing


def _questions(
    setting: benchmarks.Setting, rows: Sequence[dict[str, Any]]
) -> Iterator[tuple[str, Path, str]]:
    """Question, repository and revision."""
    for row in rows:
        path = setting.repository(row["repo"])
        if path is not None:
            yield row["question"], path, row["commit"]
    mined = [
        [(subject, path) for subject in repositories.subjects(path, 1_000)]
        for path in setting.repositories().values()
    ]
    for number, (subject, path) in enumerate(pair for turn in zip_longest(*mined) for pair in turn if pair):
        yield f"When was this changed: {subject}" if number // len(mined) % 2 else subject, path, "HEAD"


def random_answers(readers: dict[str, BatchReader], count: int, chance: random.Random) -> Iterator[Answer]:
    """Answers of one to three quotations each, from any text file of the newest commit and from commits."""
    heads = {name: reader.git("rev-parse", "HEAD").decode().strip() for name, reader in readers.items()}
    files = {name: _files(reader, heads[name]) for name, reader in readers.items()}
    history = {
        name: reader.git("rev-list", "--max-count=2000", "HEAD").decode().split()
        for name, reader in readers.items()
    }
    names = sorted(readers)
    for number in range(count):
        name = names[number % len(names)]
        reader, commit = readers[name], heads[name]
        citations: list[Citation] = []
        while len(citations) < 1 + number % 3:
            if chance.random() < 0.15:
                cited = _random_commit(name, chance.choice(history[name]), reader, chance)
            else:
                path, blob = chance.choice(files[name])
                cited = _random_passage(name, commit, path, reader.read(blob).data, chance)
            citations.extend(cited)
        yield _answer(name, commit, citations, len(files[name]))


def _files(reader: BatchReader, commit: str) -> list[tuple[bytes, str]]:
    rows = reader.git("ls-tree", "-r", "-z", "--long", commit).split(b"\0")
    found = [row.partition(b"\t") for row in rows if row.startswith(b"100")]
    return [
        (path, fields.split()[2].decode())
        for fields, _, path in found
        if 0 < int(fields.split()[3]) <= MAX_BLOB_BYTES
    ]


def _random_passage(
    name: str, commit: str, path: bytes, data: bytes, chance: random.Random
) -> list[Citation]:
    start, end = _random_range(data, chance)
    try:
        return [
            cite(
                repo=name,
                commit=commit,
                tree=None,
                path=path_text(path),
                data=data,
                start_byte=start,
                end_byte=end,
            )
        ]
    except InputError:
        # The random range split a character; another one will not.
        return []


def _random_commit(name: str, commit: str, reader: BatchReader, chance: random.Random) -> list[Citation]:
    data = reader.read(commit).data
    start, end = _random_range(data, chance)
    try:
        return [cite_commit(repo=name, commit=commit, data=data, start_byte=start, end_byte=end)]
    except InputError:
        return []


def _random_range(data: bytes, chance: random.Random) -> tuple[int, int]:
    """Whole lines in half of the cases, any bytes in the others; at most some 2 kB."""
    start = chance.randrange(len(data))
    end = min(len(data), start + chance.randint(1, 2_000))
    if chance.random() < 0.5:
        start = data.rfind(b"\n", 0, start) + 1
        end = data.find(b"\n", end - 1) + 1 or len(data)
    return start, end


def _answer(name: str, commit: str, citations: Sequence[Citation], files: int) -> Answer:
    claims: list[Claim] = []
    for citation in citations:
        fields = {
            "text": citation.quote,
            "kind": "quotation",
            "citations": (citation,),
            "verdict": _UNCHECKED,
        }
        draft = Claim.model_validate(fields)
        claims.append(draft.model_copy(update={"verdict": check_quotation(draft)}))
    snapshot = SnapshotInfo(
        repo=name,
        commit=commit,
        tree=None,
        indexed_at="2026-01-01T00:00:00Z",
        files=files,
        history="complete",
    )
    return seal(
        question="what stands there?",
        outcome="answered",
        abstention=None,
        confidence=0.5,
        claims=claims,
        dropped=[],
        snapshots=[snapshot],
    )


def _verify_all(answers: Sequence[Answer], shelf: Repositories) -> dict[str, Any]:
    holds = citations = commits = held = 0
    findings: set[Finding] = set()
    started = time.perf_counter()
    for answer in answers:
        report = verify(parse_answer(answer.to_json().encode()), shelf.of(answer))
        commits += sum(c.kind == "commit" for claim in answer.claims for c in claim.citations)
        holds += report.status in (Status.HOLDS, Status.NOTHING_CLAIMED)
        citations += report.counts.citations
        held += report.counts.hold
        findings |= {reason.finding for reason in report.all_reasons()}
    seconds = time.perf_counter() - started
    return {
        "answers_that_hold": holds,
        "citations": citations,
        "citations_of_commits": commits,
        "citations_that_hold": held,
        "citations_that_hold_percent": benchmarks.target(100 * held / max(1, citations), at_least=100),
        "findings": sorted(findings),
        "verify_ms_per_answer": round(1_000 * seconds / max(1, len(answers)), 2),
    }


def _caught(outcomes: Iterable[bool]) -> dict[str, Any]:
    results = list(outcomes)
    share = 100 * sum(results) / len(results) if results else None
    return {**benchmarks.target(share, at_least=100), "caught": sum(results), "tried": len(results)}


def digested_part(answers: Sequence[Answer], count: int, chance: random.Random) -> Iterator[bool]:
    """Whether each changed byte of an answer's file, outside of `digest` and `run`, is noticed."""
    for _ in range(count):
        answer = chance.choice(answers)
        data = answer.model_copy(update={"run": None}).to_json().encode()
        at = chance.randrange(len(data))
        while not _is_digested(data, at):
            at = chance.randrange(len(data))
        yield _is_noticed(_with_another_byte(data, at, chance))


def _is_digested(data: bytes, at: int) -> bool:
    for member in (rb'"digest":"' + b"0" * 64 + b'"', b'"run":null'):
        start = data.index(member[:10])
        if start <= at < start + len(member):
            return False
    return True


def _with_another_byte(data: bytes, at: int, chance: random.Random) -> bytes:
    byte = (data[at] + chance.randrange(1, 256)) % 256
    return data[:at] + bytes([byte]) + data[at + 1 :]


def _is_noticed(data: bytes) -> bool:
    try:
        answer = parse_answer(data)
    except MalformedAnswer:
        return True
    return any(reason.finding is Finding.DIGEST_MISMATCH for reason in verify(answer, []).reasons)


def citation_fields(
    answers: Sequence[Answer], shelf: Repositories, count: int, chance: random.Random
) -> Iterator[bool]:
    """Whether each changed byte of a citation's field is noticed when the digest is computed anew."""
    fields = list(Citation.model_fields)
    for number in range(count):
        answer = chance.choice(answers)
        claim = chance.choice([at for at, claim in enumerate(answer.claims) if claim.citations])
        citation = chance.randrange(len(answer.claims[claim].citations))
        data = _with_another_field(answer, claim, citation, fields[number % len(fields)], chance)
        try:
            tampered = parse_answer(data)
        except MalformedAnswer:
            yield True
            continue
        yield verify(_sealed_again(tampered, claim, citation), shelf.of(answer)).status is Status.FELL


def _with_another_field(
    answer: Answer, claim: int, citation: int, field: str, chance: random.Random
) -> bytes:
    """The answer's file with one byte of this field changed, as it stands in the file."""
    document = answer.model_copy(update={"run": None}).model_dump(mode="json")
    cited = document["claims"][claim]["citations"][citation]
    spelled = rfc8785.dumps(cited[field])
    cited[field] = "HERE"
    before, after = rfc8785.dumps(document).split(b'"HERE"')
    return before + _with_another_byte(spelled, chance.randrange(len(spelled)), chance) + after


def _sealed_again(answer: Answer, claim: int, citation: int) -> Answer:
    """With a new digest, and with a quotation's text that follows its quote: else that would give it away."""
    claims = list(answer.claims)
    if claims[claim].kind is ClaimKind.QUOTATION:
        text = claims[claim].citations[citation].quote
        claims[claim] = claims[claim].model_copy(update={"text": text})
    changed = answer.model_copy(update={"claims": tuple(claims)})
    return changed.model_copy(update={"digest": digest_of(changed.model_dump(mode="json"))})


def blob_bytes(
    answers: Sequence[Answer], shelf: Repositories, count: int, chance: random.Random
) -> Iterator[bool]:
    """Whether each changed byte of a cited blob (or commit object) is noticed."""
    for _ in range(count):
        answer = chance.choice(answers)
        citation = chance.choice([citation for claim in answer.claims for citation in claim.citations])
        object_id = citation.blob or citation.commit
        assert object_id is not None
        for reader in shelf.of(answer):
            if _holds(reader, object_id):
                data = reader.read(object_id).data
                at = chance.randrange(len(data))
                liar = OneByteOff(reader, object_id, at, (data[at] + chance.randrange(1, 256)) % 256)
                yield verify(answer, [liar]).status is Status.FELL
                break
