"""How single commits changed some files: who, when, and which definitions their hunks are in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from loccit.core.errors import ObjectCorrupt, ObjectMissing
from loccit.core.source import Touch, path_bytes
from loccit.sources.git import GitView, complaint
from loccit.sources.symbols import DEFINITION, symbol_in_hunk_header
from loccit.sources.view import shallow_commits

_FORM = "--format=%x00%H%x00%P%x00%ct%x00%an%x00%B%x00"
_FIELDS = 5
_CHANGED = re.compile(
    rb"^(?:@@ -\S+ \+\S+ @@ (?P<hunk>[^\n]+)|diff --git (?P<file>[^\n]+)|(?P<new>new file mode )"
    rb"|[+-](?P<defined>%s))" % DEFINITION,
    re.MULTILINE,
)
_C_ESCAPES = {7: b"a", 8: b"b", 9: b"t", 10: b"n", 11: b"v", 12: b"f", 13: b"r", 34: b'"', 92: b"\\"}


def read_touches(view: GitView, commits: Sequence[str], paths: Sequence[str]) -> Iterator[Touch]:
    """How each of these commits changed these files, in the order given.

    Commits that change none of them are left out, and so are merges and those at which a shallow clone ends:
    what they seem to change is not theirs. Raises ObjectMissing, ObjectCorrupt.
    """
    ends = shallow_commits(view)
    wanted = [commit for commit in commits if commit not in ends]
    if not wanted or not paths:
        return
    header_of = {_header(path_bytes(path)): path for path in paths}
    arguments = ["--literal-pathspecs", "-c", "core.bigFileThreshold=1m", "-c", "core.quotePath=false"]
    arguments += ["-c", "i18n.logOutputEncoding=UTF-8", "diff-tree", "--stdin", "--root", "-r", "-p", "-U0"]
    arguments += ["-v", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color", _FORM, "--", *paths]
    done = view.run(*arguments, stdin="".join(f"{commit}\n" for commit in wanted).encode("ascii"))
    if done.returncode:
        reason = complaint(done.stderr)
        kind = ObjectCorrupt if "corrupt" in reason or "inflate" in reason else ObjectMissing
        raise kind(f"cannot read commits: {reason}", next_step="run 'git fsck' in the repository")
    # Neither a message nor a name holds a NUL; a patch of a text file does not either.
    fields = done.stdout.split(b"\0")
    for at in range(1, len(fields) - _FIELDS, _FIELDS + 1):
        commit, parents, time, author, message, patch = fields[at : at + _FIELDS + 1]
        changed, added = _symbols_of(patch, header_of)
        if changed:
            yield Touch(
                commit=commit.decode("ascii"),
                time=int(time or b"0"),
                author=author.decode("utf-8", "replace").strip(),
                message=message.decode("utf-8", "replace").strip(),
                paths=tuple(changed),
                symbols=tuple(tuple(symbols) for symbols in changed.values()),
                added=tuple(added),
                is_root=not parents,
            )


def _symbols_of(patch: bytes, header_of: dict[bytes, str]) -> tuple[dict[str, dict[str, None]], list[str]]:
    """By path, the names that the hunks of a patch are in, define or take away, in order of appearance; and
    the paths that it brings in.
    """
    found: dict[str, dict[str, None]] = {}
    added: list[str] = []
    path: str | None = None
    current: dict[str, None] = {}
    for line in _CHANGED.finditer(patch):
        if line["file"] is not None:
            path = header_of.get(line["file"])
            current = found.setdefault(path, {}) if path is not None else {}
            continue
        if line["new"] is not None:
            added += [path] if path is not None else []
            continue
        if line["hunk"] is not None:
            symbol = symbol_in_hunk_header(line["hunk"])
        else:
            symbol = line["name"].decode("utf-8", "replace")
        if symbol:
            current[symbol] = None
    return found, added


def _header(path: bytes) -> bytes:
    """What git writes after `diff --git` for a path."""
    return b"%s %s" % (_quoted(b"a/" + path), _quoted(b"b/" + path))


def _quoted(path: bytes) -> bytes:
    if not any(byte < 0x20 or byte in (0x22, 0x5C, 0x7F) for byte in path):
        return path
    pieces = [
        b"\\" + _C_ESCAPES[byte]
        if byte in _C_ESCAPES
        else b"\\%03o" % byte
        if byte < 0x20 or byte == 0x7F
        else bytes([byte])
        for byte in path
    ]
    return b'"' + b"".join(pieces) + b'"'
