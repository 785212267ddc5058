"""One byte is changed, everywhere in turn: the answer must not hold."""

from __future__ import annotations

import json

import pytest
import rfc8785
from made_objects import REPO, MadeRepository, answered, changed, resealed, snapshot

from loccit.core.answers import Answer, Citation, CitationKind, digest_of, parse_answer
from loccit.core.errors import MalformedAnswer
from loccit.core.source import GitObject, path_text
from loccit.verification import Finding, Status, cite, cite_commit, verify

FILES = {
    b"src/a.py": "x = '\x1bgrün\\'\ny = 1\n".encode(),
    b"src/b.py": b"x = 1\n",
    b"wide.txt": b"\xff\xfe" + "ab\ncd\n".encode("utf-16-le"),
    b"old.txt": b"caf\xe9\n",
    b"caf\xe9": b"odd\n",
    b"issues/12.json": b'{"title": "It fails"}\n',
}


class World:
    """A made repository and an answer that cites it in every way."""

    def __init__(self) -> None:
        self.repository = MadeRepository()
        tree = self.repository.add_tree(dict(FILES))
        first = self.repository.add_commit(tree, message=b"First.\n")
        commit = self.repository.add_commit(tree, parents=(first,), message=b"Second, for #12.\n")
        files = {
            name: cite(
                repo=REPO,
                commit=commit,
                tree=None,
                path=path_text(name),
                data=data,
                start_byte=2 if name == b"wide.txt" else 0,
                end_byte=len(data),
            )
            for name, data in FILES.items()
            if name not in (b"src/b.py", b"issues/12.json")
        }
        history = self.repository.read(first).data
        issue = FILES[b"issues/12.json"]
        self.citations: dict[str, Citation] = {
            "utf-8": files[b"src/a.py"],
            "utf-16": files[b"wide.txt"],
            "latin-1": files[b"old.txt"],
            "odd path": files[b"caf\xe9"],
            "with tree": changed(files[b"src/a.py"], tree=tree),
            "commit": cite_commit(
                repo=REPO, commit=first, data=history, start_byte=len(history) - 7, end_byte=len(history)
            ),
            # Where no link repeats them, path and lines must be caught by themselves.
            "unknown host": cite(
                repo="box/project",
                commit=commit,
                tree=None,
                path="src/a.py",
                data=FILES[b"src/a.py"],
                start_byte=4,
                end_byte=17,
            ),
            "folder": cite(
                repo="folder",
                commit=None,
                tree=tree,
                path="src/a.py",
                data=FILES[b"src/a.py"],
                start_byte=4,
                end_byte=17,
            ),
            "issue": cite(
                repo="box/project",
                commit=commit,
                tree=None,
                path="issues/12.json",
                data=issue,
                start_byte=0,
                end_byte=len(issue),
                kind=CitationKind.ISSUE,
            ),
        }
        self.snapshots = [
            snapshot(commit, tree),
            snapshot(commit, tree, repo="box/project"),
            snapshot(None, tree, repo="folder"),
        ]

    def answer(self, *names: str) -> Answer:
        return answered(*(self.citations[name] for name in names), snapshots=self.snapshots)


WORLD = World()


def replacements(byte: int) -> set[int]:
    """A few other bytes: a neighbour, the other case, a digit, a blank, a quote, one that is not ASCII."""
    return {byte ^ 1, byte ^ 0x20, ord("7"), ord(" "), ord('"'), 0xC3} - {byte}


def changed_once(data: bytes) -> list[bytes]:
    return [
        data[:at] + bytes([other]) + data[at + 1 :]
        for at, byte in enumerate(data)
        for other in sorted(replacements(byte))
    ]


def test_the_untouched_answer_holds() -> None:
    """What the other tests change is good before."""
    answer = WORLD.answer(*WORLD.citations)
    assert verify(answer, [WORLD.repository]).all_reasons() == ()


@pytest.mark.parametrize("field", list(Citation.model_fields))
@pytest.mark.parametrize("name", list(WORLD.citations))
def test_a_changed_citation_falls_even_with_a_new_digest(name: str, field: str) -> None:
    """Every byte of every field, as it stands in the file."""
    answer = WORLD.answer(name)
    document = answer.model_dump(mode="json")
    value = document["claims"][0]["citations"][0][field]
    document["claims"][0]["citations"][0][field] = "HERE"
    before, after = rfc8785.dumps(document).split(b'"HERE"')
    for spelled in changed_once(rfc8785.dumps(value)):
        try:
            tampered = parse_answer(before + spelled + after)
        except MalformedAnswer:
            continue
        assert tampered != answer
        # The claim repeats the quote; left as it is, it would give the change away by itself.
        (claim,) = tampered.claims
        claim = changed(claim, text=claim.citations[0].quote)
        report = verify(resealed(tampered, claims=(claim,)), [WORLD.repository])
        assert report.status is Status.FELL, (spelled, report)
        assert report.reasons == ()


def test_a_changed_byte_of_the_digested_part_is_noticed() -> None:
    """Every byte of the file outside of `digest` and `run`, the digest left as it was."""
    answer = WORLD.answer("utf-8", "commit")
    data = answer.to_json().encode()
    digest_at = data.index(b'"digest":"')
    run_at = data.index(b'"run":null')
    not_digested = {*range(digest_at, digest_at + 10 + 64 + 1), *range(run_at, run_at + 10)}
    assert b"\\u001b" in data
    noticed = malformed = 0
    for at, byte in enumerate(data):
        if at in not_digested:
            continue
        for other in replacements(byte):
            try:
                tampered = parse_answer(data[:at] + bytes([other]) + data[at + 1 :])
            except MalformedAnswer:
                malformed += 1
                continue
            assert digest_of(tampered.model_dump(mode="json")) != tampered.digest, (at, chr(other))
            noticed += 1
    assert noticed > 1_000
    assert malformed > 1_000


def test_a_digest_mismatch_is_said_first() -> None:
    """The report opens with it, whatever else it finds."""
    answer = changed(WORLD.answer("utf-8"), question="what else?")
    report = verify(answer, [WORLD.repository])
    assert report.status is Status.FELL
    assert [reason.finding for reason in report.all_reasons()] == [Finding.DIGEST_MISMATCH]


def test_a_changed_byte_of_any_object_on_the_way_falls() -> None:
    """A reader that hands out the commit, a tree or the blob with one byte changed."""
    answer = WORLD.answer("utf-8", "folder", "commit")
    cited = [citation for claim in answer.claims for citation in claim.citations]
    root, src = (
        cited[1].tree,
        WORLD.repository.add_tree({b"a.py": FILES[b"src/a.py"], b"b.py": FILES[b"src/b.py"]}),
    )
    on_the_way = [cited[0].commit, cited[2].commit, root, src, cited[0].blob]
    for object_id in filter(None, on_the_way):
        honest = WORLD.repository.objects[object_id]
        for data in changed_once(honest.data):
            WORLD.repository.objects[object_id] = GitObject(honest.kind, data)
            try:
                report = verify(answer, [WORLD.repository])
            finally:
                WORLD.repository.objects[object_id] = honest
            assert report.status is Status.FELL
            assert {reason.finding for reason in report.all_reasons()} == {Finding.OBJECT_FORGED}


def test_a_file_written_by_other_tools_is_read_as_long_as_tokens_are_spelled_alike() -> None:
    """Indented, keys in another order: the same answer, the same digest."""
    answer = WORLD.answer("utf-8")
    document = json.loads(answer.to_json())
    indented = json.dumps(dict(reversed(document.items())), indent=2, ensure_ascii=False)
    assert parse_answer(indented.encode()) == answer
