"""Making a citation of bytes, and checking one: both by the same rules for lines, encodings and links."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from loccit.core.answers import Citation, CitationKind, SnapshotInfo, cited_path, path_fields
from loccit.core.encodings import Encoding, code_unit_size, encoding_of, lines_of
from loccit.core.errors import InputError
from loccit.core.issues import tracker_name
from loccit.core.permalinks import permalink
from loccit.core.source import path_text
from loccit.verification.findings import Finding, Reason
from loccit.verification.objects import ObjectStore, object_id


def cite(
    *,
    repo: str,
    commit: str | None,
    tree: str | None,
    path: str,
    data: bytes,
    start_byte: int,
    end_byte: int,
    kind: CitationKind = CitationKind.FILE,
) -> Citation:
    """The citation of a range of the file `path`, whose whole content is `data`.

    `path` may hold surrogate escapes. With a commit the citation leaves `tree` out, since the commit has one.
    Raises InputError when there is neither commit nor tree, for the kind `commit`, and when the range is
    empty, outside of the file or splits a character.
    """
    root = commit or tree
    if root is None or kind is CitationKind.COMMIT:
        raise InputError(
            f"cannot cite {path!r} as a {kind.value} of commit {commit!r}, tree {tree!r}",
            next_step="a file needs a commit or a tree; a commit is cited by cite_commit",
        )
    text = _passage_or_error(data, start_byte, end_byte)
    fields = path_fields(path)
    return Citation(
        kind=kind,
        repo=repo,
        commit=commit,
        tree=None if commit else tree,
        path=fields["path"],
        path_base64=fields["path_base64"],
        blob=object_id("blob", data, hex_digits=len(root)),
        start_byte=start_byte,
        end_byte=end_byte,
        start_line=text.start_line,
        end_line=text.end_line,
        sha256=text.sha256,
        quote=text.quote,
        encoding=text.encoding,
        permalink=_file_permalink(kind, repo, commit, path, text.start_line, text.end_line),
    )


def cite_commit(*, repo: str, commit: str, data: bytes, start_byte: int, end_byte: int) -> Citation:
    """The citation of a range of a commit object, whose raw content (`git cat-file commit`) is `data`.

    Raises InputError when the range is empty, outside of the object or splits a character.
    """
    text = _passage_or_error(data, start_byte, end_byte)
    return Citation(
        kind=CitationKind.COMMIT,
        repo=repo,
        commit=commit,
        path=None,
        blob=None,
        start_byte=start_byte,
        end_byte=end_byte,
        start_line=text.start_line,
        end_line=text.end_line,
        sha256=text.sha256,
        quote=text.quote,
        encoding=text.encoding,
        permalink=permalink(repo, commit, None, None, None),
    )


def cite_issue(*, repo: str, commit: str, path: str, data: bytes, start_byte: int, end_byte: int) -> Citation:
    """The citation of a range of an issue's file, whose whole content is `data`.

    `repo` is the repository whose tracker it is, `commit` the synchronisation. In the citation, and in the
    snapshot that an answer lists for it, `repo` is `tracker_name` of it: a commit of the tracker says nothing
    about commits of the code. Raises InputError like `cite`.
    """
    return cite(
        repo=tracker_name(repo),
        commit=commit,
        tree=None,
        path=path,
        data=data,
        start_byte=start_byte,
        end_byte=end_byte,
        kind=CitationKind.ISSUE,
    )


def check_citation(
    citation: Citation, snapshots: Sequence[SnapshotInfo], store: ObjectStore
) -> tuple[Reason, ...]:
    """All that is wrong with a citation, given what its answer says was searched; empty when it holds."""
    path = _cited_path(citation)
    if isinstance(path, Reason):
        return (path,)
    found = [*_check_snapshots(citation, snapshots), *_check_permalink(citation, path)]
    data = _commit_bytes(citation, store) if path is None else _file_bytes(citation, path, store)
    if not isinstance(data, Reason):
        found.extend(_check_content(citation, data))
    elif path is None and data.finding is Finding.OBJECT_MISSING and not found:
        found.append(_missing_commit(citation, data, snapshots, store))
    else:
        found.append(data)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Passage:
    encoding: Encoding
    quote: str
    sha256: str
    start_line: int
    end_line: int


def _passage(data: bytes, start_byte: int, end_byte: int) -> _Passage | Reason:
    """What the format says about a range of these bytes."""
    if not 0 <= start_byte < end_byte <= len(data):
        message = (
            f"bytes {start_byte} to {end_byte} are empty or outside of the {len(data):,} bytes that are there"
        )
        return Reason(finding=Finding.RANGE_OUTSIDE, message=message)
    encoding = encoding_of(data)
    unit = code_unit_size(encoding)
    split = Reason(
        finding=Finding.CHARACTER_SPLIT,
        message=f"bytes {start_byte} to {end_byte} begin or end inside a {encoding} character",
    )
    if start_byte % unit or end_byte % unit:
        return split
    cited = data[start_byte:end_byte]
    try:
        quote = cited.decode(encoding)
    except UnicodeDecodeError:
        return split
    start_line, end_line = lines_of(data, start_byte, end_byte, encoding)
    return _Passage(encoding, quote, hashlib.sha256(cited).hexdigest(), start_line, end_line)


def _passage_or_error(data: bytes, start_byte: int, end_byte: int) -> _Passage:
    text = _passage(data, start_byte, end_byte)
    if isinstance(text, Reason):
        raise InputError(f"cannot cite: {text.message}", next_step="cite whole characters inside the file")
    return text


def _file_permalink(
    kind: CitationKind, repo: str, commit: str | None, path: str, start_line: int, end_line: int
) -> str | None:
    # The commits that hold a tracker's issues are ours: no host shows them.
    if kind is CitationKind.ISSUE:
        return None
    return permalink(repo, commit, path, start_line, end_line)


def _cited_path(citation: Citation) -> bytes | Reason | None:
    """The path of a file, None for a commit, or why the fields do not fit the kind."""
    if citation.kind is CitationKind.COMMIT:
        if (citation.path, citation.path_base64, citation.blob) != (None, None, None):
            return _inconsistent("a commit citation has no `path`, `path_base64` and `blob`")
        return None
    if citation.blob is None:
        return _inconsistent(f"a citation of kind {citation.kind.value!r} needs `blob`")
    if (citation.path is None) == (citation.path_base64 is None):
        return _inconsistent("exactly one of `path` and `path_base64` must be there")
    try:
        path = cited_path(citation)
    except ValueError as error:
        return _inconsistent(str(error))
    if path is not None and citation.path != path_fields(path_text(path))["path"]:
        return _inconsistent("a path that is UTF-8 goes into `path`, not into `path_base64`")
    return path


def _inconsistent(message: str) -> Reason:
    return Reason(finding=Finding.KIND_INCONSISTENT, message=message)


def _check_snapshots(citation: Citation, snapshots: Sequence[SnapshotInfo]) -> list[Reason]:
    """A commit may be any of a repository that was searched; a file is in what was searched."""
    if citation.kind is CitationKind.COMMIT:
        listed = any(known.repo == citation.repo and known.commit for known in snapshots)
        cited = f"repository {citation.repo!r} with a commit"
    elif citation.commit is not None:
        listed = any((known.repo, known.commit) == (citation.repo, citation.commit) for known in snapshots)
        cited = f"repository {citation.repo!r} at commit {citation.commit}"
    else:
        listed = any(
            (known.repo, known.commit, known.tree) == (citation.repo, None, citation.tree)
            for known in snapshots
        )
        cited = f"folder {citation.repo!r} with tree {citation.tree}"
    if listed:
        return []
    message = f"the answer's snapshots do not list the {cited}"
    return [Reason(finding=Finding.REPO_NOT_IN_SNAPSHOTS, message=message)]


def _check_permalink(citation: Citation, path: bytes | None) -> list[Reason]:
    repo, commit = citation.repo, citation.commit
    if path is None:
        derived = permalink(repo, commit, None, None, None)
    else:
        lines = (citation.start_line, citation.end_line)
        derived = _file_permalink(citation.kind, repo, commit, path_text(path), *lines)
    if citation.permalink == derived:
        return []
    message = f"the permalink is {citation.permalink!r}, the other fields make it {derived!r}"
    return [Reason(finding=Finding.PERMALINK_MISMATCH, message=message)]


def _root_tree(citation: Citation, store: ObjectStore) -> str | Reason:
    """The tree that the citation starts from: its commit's, for a plain folder its own."""
    if citation.commit is None:
        return citation.tree or _inconsistent("a citation needs `commit`, or `tree` for a plain folder")
    found = store.commit(citation.commit)
    if isinstance(found, Reason):
        return found
    if citation.tree not in (None, found[0]):
        message = f"commit {citation.commit} has the tree {found[0]}, the citation says {citation.tree}"
        return Reason(finding=Finding.TREE_MISMATCH, message=message)
    return found[0]


def _file_bytes(citation: Citation, path: bytes, store: ObjectStore) -> bytes | Reason:
    """The whole blob that is cited, reached by its path."""
    root = _root_tree(citation, store)
    if isinstance(root, Reason):
        return root
    blob = store.blob_at(root, path)
    if isinstance(blob, Reason):
        return blob
    if blob != citation.blob:
        message = f"{path_text(path)!r} is blob {blob} there, the citation says {citation.blob}"
        return Reason(finding=Finding.BLOB_MISMATCH, message=message)
    return store.read(blob, "blob")


def _commit_bytes(citation: Citation, store: ObjectStore) -> bytes | Reason:
    """The whole commit object that is cited."""
    if citation.commit is None:
        return _inconsistent("a commit citation needs `commit`")
    root = _root_tree(citation, store)
    if isinstance(root, Reason):
        return root
    return store.read(citation.commit, "commit")


def _missing_commit(
    citation: Citation, missing: Reason, snapshots: Sequence[SnapshotInfo], store: ObjectStore
) -> Reason:
    """A cited commit that is not here never was, if the whole history of what was searched is here.

    To know that, this history is read: some 20 µs a commit.
    """
    searched = [known.commit for known in snapshots if known.repo == citation.repo and known.commit]
    for commit in searched:
        if store.has_whole_history(commit):
            message = f"commit {citation.commit} is not in the history of {commit}"
            return Reason(finding=Finding.COMMIT_NOT_IN_HISTORY, message=message)
    return missing


def _check_content(citation: Citation, data: bytes) -> list[Reason]:
    text = _passage(data, citation.start_byte, citation.end_byte)
    if isinstance(text, Reason):
        return [text]
    found: list[Reason] = []
    if citation.encoding != text.encoding:
        message = f"the citation's encoding is {citation.encoding}, the object's is {text.encoding}"
        found.append(Reason(finding=Finding.ENCODING_MISMATCH, message=message))
    if (citation.start_line, citation.end_line) != (text.start_line, text.end_line):
        message = (
            f"the bytes stand on lines {text.start_line} to {text.end_line},"
            f" the citation says {citation.start_line} to {citation.end_line}"
        )
        found.append(Reason(finding=Finding.LINES_MISMATCH, message=message))
    if citation.sha256 != text.sha256:
        message = f"the bytes have the SHA-256 {text.sha256}, the citation says {citation.sha256}"
        found.append(Reason(finding=Finding.SHA256_MISMATCH, message=message))
    if citation.quote != text.quote:
        found.append(
            Reason(finding=Finding.QUOTE_MISMATCH, message=_first_difference(citation.quote, text.quote))
        )
    return found


def _first_difference(quote: str, actual: str) -> str:
    at = next(
        (number for number, pair in enumerate(zip(quote, actual, strict=False)) if pair[0] != pair[1]),
        min(len(quote), len(actual)),
    )
    return f"from character {at} the quote reads {quote[at : at + 40]!r}, the bytes {actual[at : at + 40]!r}"
