"""What an issue says: its title, its prose, its code, and the tracebacks, errors, paths, names, versions and
commits in them. Markdown, Jira's markup, Trac's and plain text, in time linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from loccit.retrieval.issue_markup import BlockKind, joined, take_apart
from loccit.retrieval.tracebacks import Frame, Traceback, find_tracebacks, merged, panics
from loccit.retrieval.version_clues import VersionClue, VersionMention, version_mentions

__all__ = ["ErrorText", "Frame", "IssueText", "Traceback", "VersionClue", "VersionMention", "read_issue"]


@dataclass(frozen=True, slots=True)
class ErrorText:
    """An error message: what kind of error (`ValueError`, empty where none is named), and what it says."""

    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class IssueText:
    """An issue, understood. Everything is in order of first appearance, without repetition.

    `prose` is without code, tracebacks, markup, addresses and a template's comments; `code` are its code
    blocks without tracebacks. `paths` are as written, with "/" between parts; those of tracebacks are only
    there. `names` are identifiers as written, their parts joined by dots (`Foo::bar()` is `Foo.bar`).
    `commits` are abbreviated or full hex ids. `headings` are as written.
    """

    title: str
    prose: str
    code: tuple[str, ...]
    tracebacks: tuple[Traceback, ...]
    errors: tuple[ErrorText, ...]
    paths: tuple[str, ...]
    names: tuple[str, ...]
    versions: tuple[VersionMention, ...]
    commits: tuple[str, ...]
    urls: tuple[str, ...]
    headings: tuple[str, ...] = ()


T = TypeVar("T")

_MAX_ITEMS = 200
_MAX_NAME_CHARS = 120
_MAX_TITLE_CHARS = 300

# Every pattern here must take time linear in the text: where one may begin is bounded by what stands before,
# and what it may read by a count.
_ENDINGS = """
    adoc ac am bash bat bib c cc cfg cjs clj cmake conf cpp cs csproj css csv cxx dart erb erl ex exs fish
    fits fs go gradle graphql groovy h hh hpp hrl hs htm html hxx in ini ipynb java jl js json jsonl jsx kt
    kts less lock lua m md mjs mk ml mli mm nix php pl pm po properties proto ps1 pxd py pyi pyx r rake rb rs
    rst scala scss sh sql svelte swift tex tf thrift toml ts tsx txt vb vue xml yaml yml zsh
""".split()
_PATH = re.compile(
    rf"(?<![\w/.~\\@-])(?:[A-Za-z]:[\\/]|~?/|\.{{1,2}}/)?(?:[\w.+-]{{1,100}}[\\/]){{0,20}}"
    rf"[\w.+-]{{0,100}}\.(?:{'|'.join(_ENDINGS)})(?![\w/\\]|\.\w)"
    r"|(?<![\w/.~\\@:-])(?:\.{0,2}/)?(?:[\w.+-]{1,100}/){2,20}[\w.+-]{0,100}"
)
_BACKQUOTED = re.compile(r"`{1,2}([^`\n]{1,200})`{1,2}")
_DOTTED = re.compile(r"(?<![\w.:/@\\-])[A-Za-z_]\w{0,80}(?:(?:\.|::|->|#)[A-Za-z_]\w{0,80}){1,12}(?![\w/@-])")
_CALL = re.compile(r"(?<![\w.:])([A-Za-z_]\w{1,80})\(")
_WORD = re.compile(r"(?<![\w.:/@\\-])[A-Za-z_]\w{2,80}(?![\w/@\\])")
# Words written as code is: snake_case, CamelCase, HTTPServer.
_CODE_WORD = re.compile(r"\w_\w|[a-z\d][A-Z]|^[A-Z]{2,}[a-z]")
_NAME = re.compile(r"[A-Za-z_]\w*(?:(?:\.|::|->|#)[A-Za-z_]\w*)*+")
_SEPARATOR = re.compile(r"::|->|#")
_NOT_NAMES = frozenset({"e.g", "i.e", "github", "gitlab", "javascript", "typescript"})

_ERROR = re.compile(
    r"(?<![\w.])((?:[A-Za-z_][\w.]{0,100})?(?:Error|Exception|Warning|Failure|Fault|Panic)"
    r"|panic|fatal(?: error)?|[Ee]rror)"
    r": {0,3}([^\n]{3,300})"
)
_BARE_ERROR = re.compile(
    r"(?<![\w.])((?:[A-Za-z_][\w.]{0,100}\.)?[A-Z]\w{1,60}(?:Error|Exception|Warning))(?![\w.(])"
)
_QUOTED = re.compile(r"\"([^\"\n]{8,200})\"|“([^”\n]{8,200})”|(?<!\w)'([^'\n]{8,200})'(?!\w)")

_COMMIT = re.compile(r"(?<![\w/.#-])([0-9a-f]{7,64})(?![\w-]|\.\w)")
_COMMIT_URL = re.compile(r"/commits?/([0-9a-f]{7,64})(?![0-9a-f])")
_BLOB_URL = re.compile(r"/(?:blob|tree|src|raw)/[^/\s]{1,100}/([^\s#?]{1,400})")


def read_issue(text: str, *, title: str | None = None) -> IssueText:
    """The issue in this text. Without a title, its first line that says something is the title.

    Any text is an issue: of an empty one every part is empty.
    """
    text = _lines_ended_alike(text)
    if title is None:
        title, text = _titled(text)
    markup = take_apart(text)
    tracebacks: list[Traceback] = []
    code: list[str] = []
    prose: list[str] = []
    for block in markup.blocks:
        found, rest = find_tracebacks(block.text)
        tracebacks += merged(found, panics(block.text))
        if rest.strip():
            (code if block.kind is BlockKind.CODE else prose).append(rest.strip("\n"))
    said = "\n\n".join(prose).strip()
    # Names and paths of prose count before those of pasted code.
    told = "\n".join([title, said])
    shown = "\n".join(code)
    everything = "\n".join([told, joined(markup.blocks, BlockKind.CODE)])
    return IssueText(
        title=" ".join(title.split()),
        prose=said,
        code=tuple(code),
        tracebacks=tuple(tracebacks[:_MAX_ITEMS]),
        errors=_first(_errors(told, shown, tracebacks)),
        paths=_first([*_paths(told), *_linked_paths(markup.urls), *_paths(shown)]),
        names=_first([*_names(told), *_names(shown, is_code=True)]),
        versions=_first(version_mentions(everything)),
        commits=_first(_commits(everything, markup.urls)),
        urls=markup.urls,
        headings=markup.headings,
    )


_INVISIBLE = {0: " ", 0x200B: None, 0xFEFF: None}


def _lines_ended_alike(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").translate(_INVISIBLE)


def _titled(text: str) -> tuple[str, str]:
    """The first line that says something, as the title, and the rest. A fence or a frame is no title."""
    position = 0
    while position < len(text):
        end = text.find("\n", position)
        end = len(text) if end < 0 else end
        line = text[position:end].strip()
        if line:
            marked = line.startswith(("```", "~~~", "{code", "{noformat", "<!--", "Traceback (most"))
            if marked or len(line) > _MAX_TITLE_CHARS:
                return "", text
            return line.lstrip("# ").strip(), text[end:]
        position = end + 1
    return "", ""


def _first(items: Iterable[T]) -> tuple[T, ...]:
    return tuple(islice(dict.fromkeys(items), _MAX_ITEMS))


def _errors(told: str, shown: str, tracebacks: Iterable[Traceback]) -> Iterator[ErrorText]:
    for traceback in tracebacks:
        if traceback.error:
            kind, colon, message = traceback.error.partition(": ")
            is_kind = bool(colon) and " " not in kind
            yield ErrorText(kind if is_kind else "", message.strip() if is_kind else traceback.error)
    for text in (told, shown):
        for match in _ERROR.finditer(text):
            kind = match[1] if match[1][0].isupper() or "." in match[1] else ""
            yield ErrorText("" if kind == "Error" else kind, match[2].strip(" `*'\""))
    for match in _QUOTED.finditer(told):
        message = next(group for group in match.groups() if group)
        if " " in message.strip():
            yield ErrorText("", message.strip())
    for match in _BARE_ERROR.finditer(told):
        yield ErrorText(match[1], "")


def _paths(text: str) -> Iterator[str]:
    for match in _PATH.finditer(text):
        path = match[0].replace("\\", "/").rstrip(".,:;-")
        # In a patch the two sides of a file are one; an ending by itself (`.tex`) names no file.
        if path.startswith(("a/", "b/")) and "diff --git" in text:
            path = path[2:]
        if path.rpartition("/")[2].partition(".")[0] or path.endswith("/"):
            yield path


def _linked_paths(urls: Iterable[str]) -> Iterator[str]:
    """Paths in links to lines of a file on a code host."""
    for url in urls:
        match = _BLOB_URL.search(url)
        if match is not None:
            yield match[1]


def _names(text: str, *, is_code: bool = False) -> Iterator[str]:
    """Identifiers in order of appearance. What stands in backquotes is one; of code only what stands out is:
    every word of it would be.
    """
    found = [(match.start(), match[0]) for match in _DOTTED.finditer(text)]
    found += [(match.start(), match[1]) for match in _CALL.finditer(text)]
    found += [(match.start(), match[0]) for match in _WORD.finditer(text) if _CODE_WORD.search(match[0])]
    if not is_code:
        quoted = ((match.start(), match[1].strip().rstrip("()")) for match in _BACKQUOTED.finditer(text))
        found += [(start, name) for start, name in quoted if _NAME.fullmatch(name)]
    for _, written in sorted(found):
        yield from _name(written)


def _name(written: str) -> Iterator[str]:
    name = _SEPARATOR.sub(".", written).strip(".")
    is_file = "." in name and name.rpartition(".")[2] in _ENDINGS
    if (
        name
        and not is_file
        and len(name) <= _MAX_NAME_CHARS
        and name.lower() not in _NOT_NAMES
        and not name[0].isdigit()
    ):
        yield name


def _commits(text: str, urls: Iterable[str]) -> Iterator[str]:
    for match in _COMMIT.finditer(text):
        name = match[1]
        # A number is no commit, nor is a word such as "defaced"; a checksum of another length is neither.
        if not name.isdecimal() and any(c.isdigit() for c in name) and (len(name) <= 40 or len(name) == 64):
            yield name
    for url in urls:
        match = _COMMIT_URL.search(url)
        if match is not None:
            yield match[1]
