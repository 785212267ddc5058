"""Typed values: when two of them are the same, and whether one stands in a text.

A value is compared by its kind: an address of mail by all of it in lower case, a path segment by segment, a
number by what it is worth, a date with its time or without. What has not the form of its kind is the same as
nothing.
What is compared is whole: an address stands in a text where the text has that address, never where it has a
longer one that holds it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from loccit.policy.dates import dates_in, parse_moment, times_in, without_dates


class ValueKind(StrEnum):
    """How a value is compared."""

    EMAIL = "email"
    URL = "url"
    HOST = "host"
    PATH = "path"
    REPOSITORY = "repository"
    ACCOUNT = "account"
    NUMBER = "number"
    DATE = "date"
    DAY = "day"
    ID = "id"
    NAME = "name"
    BRANCH = "branch"


def normal(value: Any, kind: ValueKind) -> str | None:
    """The form that all equal values of a kind share, None for what is none of that kind."""
    if kind is ValueKind.NUMBER:
        return _number(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return _NORMAL[kind](str(value).strip())


def stands_in(value: Any, kind: ValueKind, text: str) -> bool:
    """Whether a value stands in a text as a whole, in any spelling of its kind."""
    form = normal(value, kind)
    if form is None:
        return False
    if kind in FOUND:
        return form in _found(kind, text) or (kind is ValueKind.URL and _without_scheme(form, text))
    if kind in {ValueKind.DATE, ValueKind.DAY}:
        return _date_stands_in(form, text)
    if kind is ValueKind.NAME:
        return _bounded(form, _folded(text))
    if kind is ValueKind.ID and len(form) < _SHORT_ID:
        # "13" alone is a day or a number of pages as well.
        return (
            re.search(rf"(?i)(?:\bid|#|\bnumber|\bno\.?)[\s:='\"]{{0,3}}{re.escape(form)}(?!\w)", text)
            is not None
        )
    return _bounded(form, text)


def found_in(kind: ValueKind, text: str) -> frozenset[str]:
    """The normal forms of all values of a kind that a text holds: addresses, hosts, accounts, numbers."""
    return _found(kind, text)


def words(text: str) -> list[str]:
    """The words of a text in order, folded to compare them."""
    return _WORD.findall(_folded(text))


_SHORT_ID = 6
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_LOCAL = r"[A-Za-z0-9_](?:[A-Za-z0-9.!#$%&*+/=?^_|~-]{0,62}[A-Za-z0-9_+-])?"
_DOMAIN = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,12}[A-Za-z]{2,24}"
_EMAIL = re.compile(rf"(?<![\w.+/=-]){_LOCAL}@{_DOMAIN}(?![\w-])")
_HOST = re.compile(rf"(?<![\w.@/-]){_DOMAIN}(?![\w@-])")
_URL = re.compile(rf"(?i)(?:https?://[^\s<>\"'`]+|(?<![\w.@/-])(?:{_DOMAIN})(?::\d+)?(?:/[^\s<>\"'`]*)?)")
# In one piece, or in groups of four of which all but the bank's have a digit.
_ACCOUNT = re.compile(
    r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[A-Za-z0-9]{8,30}"
    r"| [A-Za-z0-9]{4}(?: (?=[A-Za-z]*\d)[A-Za-z0-9]{4}){1,6}(?: \d[A-Za-z0-9]{0,2})?)(?![A-Za-z0-9])"
    r"|(?<![\w.,])\d{8,20}(?![\w.])"
)
_NUMBER = re.compile(r"(?<![\w.,-])[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![\w]|[.,]\d)")
_SHARE = re.compile(r"[\d.,]+ ?%")
_REPOSITORY = re.compile(
    r"(?:(?:https?|ssh)://(?:git@)?|git@)?(?:(?P<host>[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)[/:])?"
    r"(?P<path>[\w.-]+(?:/[\w.-]+)+?)(?:\.git)?/?"
)
_BRANCH = re.compile(r"(?:refs/heads/)?(?P<name>[A-Za-z0-9_][\w.+-]*(?:/[A-Za-z0-9_][\w.+-]*)*)")
_TRAILING = ".,;:!?)]}'\""


def _number(value: Any) -> str | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        value = re.sub(r"^\s*[$€£]\s*|\s*[$€£%]\s*$|,(?=\d{3})", "", value.strip())
        if not re.fullmatch(r"[-+]?\d+(?:\.\d+)?", value):
            return None
    elif not isinstance(value, int | float):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    if not number.is_finite():
        return None
    return format(number.normalize(), "f") if number else "0"


def _email(text: str) -> str | None:
    match = _EMAIL.fullmatch(text)
    return text.lower() if match else None


def _host(text: str) -> str | None:
    text = text.rstrip(".")
    return text.lower() if re.fullmatch(_DOMAIN, text) else None


def _url(text: str) -> str | None:
    """Scheme (empty where none is written), host, port, path and query; never one with a user in it."""
    text = text.removeprefix("://")
    if re.search(r"[\s\x00-\x1f\\]", text):
        return None
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        port = parts.port
    except ValueError:
        return None
    scheme, host = parts.scheme.lower(), (parts.hostname or "").rstrip(".")
    if scheme not in {"", "http", "https"} or not re.fullmatch(_DOMAIN, host) or "@" in parts.netloc:
        return None
    at = "" if port is None or port == {"http": 80, "https": 443}.get(scheme) else f":{port}"
    path = parts.path.rstrip("/")
    query = f"?{parts.query}" if parts.query else ""
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    return f"{scheme}://{host.lower()}{at}{path}{query}{fragment}"


def _without_scheme(form: str, text: str) -> bool:
    """Whether a text has the address but for the scheme, which it leaves open, or the value does."""
    scheme, rest = form.split("://", 1)
    known = {
        each.split("://", 1)[0] for each in _found(ValueKind.URL, text) if each.split("://", 1)[1] == rest
    }
    return "" in known or (not scheme and bool(known))


def _path(text: str) -> str | None:
    """Segments below a root that is not named; none where it leaves that root."""
    if "\x00" in text or "\\" in text or text.startswith(("/", "~")):
        return None
    parts = [part for part in text.split("/") if part not in {"", "."}]
    return None if ".." in parts or not parts else "/".join(parts)


def _account(text: str) -> str | None:
    bare = re.sub(r"[ -]", "", text).upper()
    return bare if re.fullmatch(r"[A-Z0-9]{8,34}", bare) and sum(map(str.isdigit, bare)) >= 6 else None


def _repository(text: str) -> str | None:
    match = _REPOSITORY.fullmatch(text)
    if match is None or ".." in match["path"]:
        return None
    host = f"{match['host'].lower()}/" if match["host"] else ""
    return f"{host}{match['path'].lower()}"


def _branch(text: str) -> str | None:
    match = _BRANCH.fullmatch(text)
    if match is None or ".." in text or text.endswith((".lock", ".")) or "@{" in text:
        return None
    return match["name"]


def _id(text: str) -> str | None:
    return text if text and text.isprintable() else None


def _folded(text: str) -> str:
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text)).casefold()


def _name(text: str) -> str | None:
    return _folded(text).strip(" '\"“”‘’`#@") or None


def _bounded(form: str, text: str) -> bool:
    """Whether a form stands in a text with no letter, digit or sign of a longer form next to it."""
    before = r"(?<![\w@/-])(?<![\w][.])" if form[0].isalnum() or form[0] == "_" else ""
    after = r"(?![\w@/-])(?!\.\w)" if form[-1].isalnum() or form[-1] == "_" else ""
    return re.search(f"{before}{re.escape(form)}{after}", text) is not None


def _date_stands_in(form: str, text: str) -> bool:
    moment = parse_moment(form)
    if moment is None:
        return False
    day, time = moment
    # Where one of both says no year, it is that of the other.
    named = not day or any(
        day == each or day.endswith(f"-{each}") or each.endswith(f"-{day}") for each in dates_in(text)
    )
    return named and (not time or time in times_in(text))


def _date(text: str) -> str | None:
    moment = parse_moment(text)
    return None if moment is None else "T".join(moment)


def _day(text: str) -> str | None:
    """The day of a moment, whatever its time; none where there is no day in it."""
    moment = parse_moment(text)
    return (moment[0] or None) if moment else None


_NORMAL: Mapping[ValueKind, Callable[[str], str | None]] = {
    ValueKind.EMAIL: _email,
    ValueKind.URL: _url,
    ValueKind.HOST: _host,
    ValueKind.PATH: _path,
    ValueKind.REPOSITORY: _repository,
    ValueKind.ACCOUNT: _account,
    ValueKind.DATE: _date,
    ValueKind.DAY: _day,
    ValueKind.ID: _id,
    ValueKind.NAME: _name,
    ValueKind.BRANCH: _branch,
}
FOUND: Mapping[ValueKind, re.Pattern[str]] = {
    ValueKind.EMAIL: _EMAIL,
    ValueKind.URL: _URL,
    ValueKind.HOST: _HOST,
    ValueKind.ACCOUNT: _ACCOUNT,
    ValueKind.NUMBER: _NUMBER,
}


# The next sentence, where its space is missing: "see example.com.They ..."
_NEXT_SENTENCE = re.compile(r"(?<=[a-z0-9])\.[A-Z][a-z]+$")


@lru_cache(maxsize=200)
def _found(kind: ValueKind, text: str) -> frozenset[str]:
    if kind is ValueKind.NUMBER:
        # Neither days nor shares are amounts.
        text = _SHARE.sub(" ", without_dates(text))
    forms: set[str | None] = set()
    for match in FOUND[kind].finditer(text):
        written = match[0] if kind is ValueKind.ACCOUNT else match[0].rstrip(_TRAILING)
        forms |= {normal(written, kind), normal(_NEXT_SENTENCE.sub("", written), kind)}
    return frozenset(form for form in forms if form is not None)
