"""References to issues in texts and commit messages: which issue is meant, and what is said of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class ReferenceKind(StrEnum):
    """What a text says of the issue that it refers to."""

    DUPLICATE_OF = "duplicate of"
    FIXES = "fixes"
    MENTIONS = "mentions"


@dataclass(frozen=True, slots=True)
class IssueReference:
    """One reference in a text.

    `id` is as in `Issue.id`: `12`, `!12` for a merge request, `HADOOP-12`. `repo` is what stood before it
    (`owner/repo`, of an address `host/owner/repo`), None where it is the text's own tracker. `start` and
    `end` are characters of the text, end exclusive.
    """

    kind: ReferenceKind
    repo: str | None
    id: str
    start: int
    end: int


# A reference begins where no name is going on, so that a long name is looked at once. All repetitions have
# a bound, and no two of them that follow each other take the same characters.
_REFERENCE = re.compile(
    r"""
    https?://(?P<host>[a-z0-9.-]{1,100}(?::\d{1,5})?)(?P<web>(?:/[\w.-]{1,100}){0,7}?)
        (?:/-)?/(?:issues?|pulls?|(?P<merge>merge_requests)|browse|ticket)/(?P<page>[A-Za-z0-9_-]{1,40})\b
  | (?<![\w/.#!&-]) (?P<repo>\w[\w.-]{0,99}(?:/[\w.-]{1,100}){1,5})?
        (?P<sign>[#!]) (?P<number>\d{1,10}) (?!\w)
  | (?<![\w/.#!&-]) (?:GH|gh)-(?P<gh>\d{1,10}) (?!\w)
  | (?<![\w/.#!&-]) (?P<key>[A-Z][A-Z0-9_]{1,30}-\d{1,10}) (?![\w-])
    """,
    re.VERBOSE | re.ASCII,
)
_FIXING = r"clos(?:e|es|ed|ing)|fix(?:es|ed|ing)?|resolv(?:e|es|ed|ing)|implement(?:s|ed|ing)?"
_DUPLICATING = r"(?:duplicate|dupe|dup)(?:[ \t]{1,3}of)?|duplicates|same[ \t]{1,3}(?:issue[ \t]{1,3})?as"
# Every reference holds one of these; most texts hold none, and looking for them is ten times quicker.
_HINT = re.compile(r"[#!-][0-9]|://")
_KEY = re.compile(r"[A-Z][A-Z0-9_]{1,30}-\d{1,10}", re.ASCII)
# What stands right before a reference and says what it is about.
_SAID = re.compile(
    rf"""
    (?P<no>(?:\b(?:not|never|no|without)|n't|n’t)[ \t]{{1,3}}
        (?:a[ \t]{{1,3}}|an[ \t]{{1,3}}|be[ \t]{{1,3}})?)?
    \b(?:(?P<fixes>{_FIXING})|(?P<duplicate>{_DUPLICATING}))
    (?:[ \t]{{1,3}}(?:the[ \t]{{1,3}})?(?:issue|bug|ticket|report|pr))?
    [ \t]{{0,3}}:?[ \t]{{0,3}}[\[(<]?\Z
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_AND = re.compile(r"[\])>]?[ \t]{0,3}(?:,[ \t]{0,3}(?:(?:and|&)[ \t]{1,3})?|(?:and|&)[ \t]{1,3})[\[(<]?")
_LOOKED_BACK = 56
# What looks like the key of an issue and is the name of a standard, unless a verb says otherwise.
_NO_PROJECTS = frozenset(
    "AES ASCII BASE CP CVE CWE EC ECMA EN GPL HTTP IEC IEEE IPV ISO JDK JEP JIS JSR KOI LGPL MD PEP PKCS RC "
    "RFC RS RSA SHA TLS UCS US UTC UTF WINDOWS X".split()
)


def links_in(text: str) -> tuple[IssueReference, ...]:
    """The references of a text, in order; time is linear in its length.

    Understands `#12`, `GH-12`, `owner/repo#12`, `group/project!12`, addresses of issues, and keys such as
    `HADOOP-12`; `Fixes #1, #2 and #3` fixes all three, `does not fix #4` mentions it. A key without a verb
    counts where it is no well-known standard (`UTF-8`, `RFC-2119`).
    """
    found: list[IssueReference] = []
    if _HINT.search(text) is None:
        return ()
    for match in _REFERENCE.finditer(text):
        kind = _kind(text, match, found[-1] if found else None)
        place = _target(match)
        if place is None:
            continue
        repo, issue = place
        if match["key"] and kind is ReferenceKind.MENTIONS and issue.partition("-")[0] in _NO_PROJECTS:
            continue
        found.append(IssueReference(kind, repo, issue, match.start(), match.end()))
    return tuple(found)


def _kind(text: str, match: re.Match[str], before: IssueReference | None) -> ReferenceKind:
    start = match.start()
    if before is not None and start - before.end <= 16:
        between = text[before.end : start]
        if _AND.fullmatch(between):
            return before.kind
    said = _SAID.search(text, max(0, start - _LOOKED_BACK), start)
    if said is None or said["no"]:
        return ReferenceKind.MENTIONS
    return ReferenceKind.FIXES if said["fixes"] else ReferenceKind.DUPLICATE_OF


def _target(match: re.Match[str]) -> tuple[str | None, str] | None:
    """The repository and the issue; None for a page that is no issue's (`/issues/new`)."""
    if match["number"]:
        sign = "!" if match["sign"] == "!" else ""
        return match["repo"], f"{sign}{int(match['number'])}"
    if match["gh"]:
        return None, str(int(match["gh"]))
    if match["key"]:
        return None, match["key"]
    page, repo = match["page"], f"{match['host']}{match['web']}"
    if page.isdigit():
        return repo, f"{'!' if match['merge'] else ''}{int(page)}"
    return (repo, page) if _KEY.fullmatch(page) else None
