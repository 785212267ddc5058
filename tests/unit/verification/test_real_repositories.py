"""Answers about real git repositories, honest and tampered with."""

from __future__ import annotations

import subprocess
import zlib
from pathlib import Path

import pytest
from made_objects import FILES, REPO, PlainReader, RealRepository, answered, make_repository, snapshot

from loccit.core.answers import Answer, parse_answer
from loccit.core.source import path_text
from loccit.verification import Finding, Status, cite, cite_commit, verify


def answer_about(repository: RealRepository) -> Answer:
    """Quotes each whole file, and a line of each commit."""
    citations = [
        cite(
            repo=REPO,
            commit=repository.commit,
            tree=None,
            path=path_text(path),
            data=data,
            start_byte=0,
            end_byte=len(data),
        )
        for path, data in FILES.items()
    ]
    for commit in (repository.first_commit, repository.commit):
        data = PlainReader(repository.path).read(commit).data
        at = data.index(b"\n\nCommit") + 2
        citations.append(cite_commit(repo=REPO, commit=commit, data=data, start_byte=at, end_byte=len(data)))
    return answered(*citations, snapshots=[snapshot(repository.commit, None)])


def findings(answer: Answer, *readers: PlainReader) -> set[Finding]:
    return {reason.finding for reason in verify(answer, readers).all_reasons()}


def loose_path(repository: RealRepository, object_id: str) -> Path:
    return repository.path / "objects" / object_id[:2] / object_id[2:]


def store(repository: RealRepository, object_id: str, content: bytes) -> None:
    """Puts these bytes where git keeps the loose object of this id."""
    path = loose_path(repository, object_id)
    path.unlink()
    path.write_bytes(content)


def test_an_honest_answer_holds_in_both_object_formats(repository: RealRepository) -> None:
    """Every encoding, odd paths and commit messages; also after a round through JSON."""
    answer = parse_answer(answer_about(repository).to_json().encode())
    report = verify(answer, [PlainReader(repository.path)])
    assert report.all_reasons() == ()
    assert report.status is Status.HOLDS
    assert report.counts.hold == report.counts.citations == len(FILES) + 2


def test_a_path_that_is_not_utf8_travels_as_base64(repository: RealRepository) -> None:
    """The citation of such a file has `path_base64` and no `path`."""
    (odd,) = [claim for claim in answer_about(repository).claims if "not UTF-8" in claim.text]
    assert odd.citations[0].path is None
    assert odd.citations[0].path_base64 == "ZG9jcy9jYWbpLm1k"


def test_a_forged_loose_object_falls(repository: RealRepository) -> None:
    """A well-formed object with other content under a cited id: git prints it, we hash it."""
    answer = answer_about(repository)
    blob = answer.claims[0].citations[0].blob
    assert blob is not None
    store(repository, blob, zlib.compress(b"blob 6\0forged"))
    assert PlainReader(repository.path).read(blob).data == b"forged"
    assert findings(answer, PlainReader(repository.path)) == {Finding.OBJECT_FORGED}


@pytest.mark.parametrize("kind", ["commit", "tree", "blob"])
def test_a_replace_ref_does_not_help(sha1_repository: RealRepository, kind: str) -> None:
    """`git replace` makes git print another object under the same id."""
    repository = sha1_repository
    answer = answer_about(repository)
    other = {
        "commit": repository.first_commit,
        "tree": repository.git("rev-parse", f"{repository.first_commit}^{{tree}}"),
        "blob": repository.git("rev-parse", f"{repository.commit}:docs/old.txt"),
    }[kind]
    replaced = {
        "commit": repository.commit,
        "tree": repository.git("rev-parse", f"{repository.commit}^{{tree}}"),
        "blob": repository.git("rev-parse", f"{repository.commit}:src/app.py"),
    }[kind]
    repository.git("replace", replaced, other)
    assert findings(answer, PlainReader(repository.path)) == {Finding.OBJECT_FORGED}


def test_every_flipped_byte_of_a_loose_blob_is_noticed(sha1_repository: RealRepository) -> None:
    """Whatever git makes of the damage, the answer does not hold."""
    cited = answer_about(sha1_repository).claims[0].citations[0]
    answer = answered(cited, snapshots=[snapshot(sha1_repository.commit, None)])
    blob = cited.blob
    assert blob is not None
    good = loose_path(sha1_repository, blob).read_bytes()
    # The first two bytes are zlib's header; its compression-level hint is not part of the content.
    for at in range(2, len(good)):
        store(sha1_repository, blob, good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        assert verify(answer, [PlainReader(sha1_repository.path)]).status is Status.FELL, at


def test_a_truncated_loose_blob_is_noticed(sha1_repository: RealRepository) -> None:
    """As a full disk leaves it."""
    answer = answer_about(sha1_repository)
    blob = answer.claims[0].citations[0].blob
    assert blob is not None
    good = loose_path(sha1_repository, blob).read_bytes()
    store(sha1_repository, blob, good[: len(good) // 2])
    assert Finding.OBJECT_FORGED in findings(answer, PlainReader(sha1_repository.path))


def test_a_damaged_pack_is_noticed(sha1_repository: RealRepository) -> None:
    """A flipped byte within the cited blob's stretch of the pack."""
    answer = answer_about(sha1_repository)
    blob = answer.claims[0].citations[0].blob
    sha1_repository.git("repack", "-a", "-d", "--quiet")
    (pack,) = (sha1_repository.path / "objects" / "pack").glob("*.pack")
    listing = sha1_repository.git("verify-pack", "-v", str(pack)).splitlines()
    (row,) = [line.split() for line in listing if line.startswith(f"{blob} ")]
    offset, size = int(row[4]), int(row[3])
    content = bytearray(pack.read_bytes())
    content[offset + size // 2] ^= 0x10
    pack.unlink()
    pack.write_bytes(content)
    assert verify(answer, [PlainReader(sha1_repository.path)]).status is Status.FELL


def test_another_repository_leaves_the_answer_unverifiable(
    sha1_repository: RealRepository, tmp_path: Path
) -> None:
    """A repository without the cited commit says nothing for or against it."""
    other = make_repository(tmp_path / "other", {b"other": b"other\n"})
    answer = answer_about(sha1_repository)
    report = verify(answer, [PlainReader(other.path)])
    assert report.status is Status.UNVERIFIABLE
    assert {reason.finding for reason in report.all_reasons()} == {Finding.OBJECT_MISSING}
    assert report.counts.unverifiable == report.counts.citations
    assert verify(answer, []).status is Status.UNVERIFIABLE


def test_the_repository_that_has_the_objects_is_found_among_several(
    sha1_repository: RealRepository, tmp_path: Path
) -> None:
    """Repositories are told by their objects, not by order or name."""
    other = make_repository(tmp_path / "other", {b"other": b"other\n"})
    readers = [PlainReader(other.path), PlainReader(sha1_repository.path)]
    assert verify(answer_about(sha1_repository), readers).status is Status.HOLDS


def test_an_honest_copy_makes_up_for_a_forged_one(sha1_repository: RealRepository, tmp_path: Path) -> None:
    """An object is what hashes to its id, wherever it lies."""
    answer = answer_about(sha1_repository)
    copy = tmp_path / "copy"
    subprocess.run(
        ["git", "clone", "--quiet", "--bare", "--no-local", str(sha1_repository.path), str(copy)], check=True
    )
    blob = answer.claims[0].citations[0].blob
    assert blob is not None
    store(sha1_repository, blob, zlib.compress(b"blob 6\0forged"))
    readers = [PlainReader(sha1_repository.path), PlainReader(copy)]
    assert verify(answer, readers).status is Status.HOLDS


def test_a_commit_that_never_was_falls_where_the_whole_history_is_here(
    sha1_repository: RealRepository,
) -> None:
    """It is not merely missing: nothing that was searched leads to it."""
    data = b"tree " + b"0" * 40 + b"\n\nNever was.\n"
    citation = cite_commit(repo=REPO, commit="1" * 40, data=data, start_byte=47, end_byte=len(data))
    answer = answered(citation, snapshots=[snapshot(sha1_repository.commit, None)])
    assert findings(answer, PlainReader(sha1_repository.path)) == {Finding.COMMIT_NOT_IN_HISTORY}


def test_an_old_commit_is_unverifiable_in_a_shallow_clone(
    sha1_repository: RealRepository, tmp_path: Path
) -> None:
    """There the history is cut, so what is missing may well have been."""
    answer = answer_about(sha1_repository)
    clone = tmp_path / "clone"
    source = sha1_repository.path.as_uri()
    subprocess.run(["git", "clone", "--quiet", "--bare", "--depth=1", source, str(clone)], check=True)
    report = verify(answer, [PlainReader(clone)])
    assert report.status is Status.UNVERIFIABLE
    assert report.counts.unverifiable == 1
    assert {reason.finding for reason in report.all_reasons()} == {Finding.OBJECT_MISSING}
