"""What a text that leaves would tell or show others: links and addresses in it, however they are spelled."""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import unquote

from loccit.policy.values import ValueKind, found_in, normal

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")
_DOTS = re.compile(r"\s{0,3}[\[({]\s{0,3}(?:\.|dot)\s{0,3}[\])}]\s{0,3}|[\u3002\uff0e\uff61]", re.IGNORECASE)
_ATS = re.compile(r"\s{0,3}[\[({]\s{0,3}(?:@|at)\s{0,3}[\])}]\s{0,3}", re.IGNORECASE)
_SCHEME = re.compile(r"(?i)\b(?:hxxp|h\*\*p|ht\+p)(s?)(?=\W{0,3}//|:)")
# With a scheme, with www, without a scheme behind two slashes, or a name that ends in a top level that files
# do not end in.
_TOP = (
    "com net org edu gov mil int info biz io ai co dev app xyz site online top shop club live cloud tech "
    "page link click me tv cc gg ly to uk de fr nl eu ru cn jp in br au us ca ch it es se no pl tk ml ga "
    "test example onion zip mov"
).split()
_LINK = re.compile(
    rf"""(?ix)
    \b (?: [a-z][a-z0-9+.-]{{1,20}}:// | data:|javascript:|mailto:|tel: ) [^\s<>"'`)\]]+
    | (?<![\w:/]) // [a-z0-9] [^\s<>"'`)\]]*
    | \b www\. [a-z0-9-]+ [^\s<>"'`)\]]*
    | (?<![\w@.-]) (?:[a-z0-9-]+\.)+ (?:{"|".join(_TOP)}) (?![\w-]|\.[a-z0-9]) (?:/[^\s<>"'`)\]]*)?
    | \b \d{{1,3}} (?:\.\d{{1,3}}){{3}} (?: :\d+ | / ) [^\s<>"'`)\]]*
    """
)
_MENTION = re.compile(r"(?<![\w/@.`])@([A-Za-z0-9](?:[A-Za-z0-9-]{0,38})(?:/[A-Za-z0-9-]+)?)(?![\w@.]*@)")
_ACCOUNT = re.compile(
    r"(?i)\b(?:iban|account|acct|routing|sort code|wallet|bitcoin|btc|eth|paypal|card)"
    r"(?:\W{1,3}(?:no|number|nr|is|address|to))*\W{1,3}([A-Z0-9][A-Z0-9-]*\d{3}[A-Z0-9-]*)"
)
_TRAILING = ".,;:!?)]}'\"*_"


@dataclass(frozen=True, slots=True)
class Address:
    """A link, an address of mail, an account or somebody mentioned, as the text has it."""

    kind: ValueKind
    written: str


def addresses_in(text: str, *, mentions: bool = False) -> list[Address]:
    """The links, addresses and accounts in a text, each once, in the text's order.

    What is written so that people read an address and programs do not counts too: `example[.]com`, entities
    of HTML, dots of other scripts, characters without width.
    """
    found: dict[Address, None] = {}
    for plain in dict.fromkeys((text, plain_of(text))):
        for match in _LINK.finditer(plain):
            written = match[0].rstrip(_TRAILING)
            if written.lower().startswith("mailto:"):
                continue  # the address in it counts
            found[Address(ValueKind.URL, written)] = None
        for kind in (ValueKind.EMAIL, ValueKind.ACCOUNT):
            for form in sorted(found_in(kind, plain)):
                # Digits alone may be anything; a word for an account before them says what they are.
                if not form.isdigit():
                    found[Address(kind, form)] = None
        for match in _ACCOUNT.finditer(plain):
            found[Address(ValueKind.ID, match[1])] = None
        if mentions:
            for match in _MENTION.finditer(plain):
                found[Address(ValueKind.NAME, f"@{match[1]}")] = None
    return list(found)


def plain_of(text: str) -> str:
    """A text as a person reads it: what hides addresses from programs is undone."""
    plain = html.unescape(unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)))
    plain = _SCHEME.sub(r"http\1", _ATS.sub("@", _DOTS.sub(".", plain)))
    return unquote(plain)


def is_below(link: str, prefix: str) -> bool:
    """Whether a link leads to an address or below it, without steps up."""
    here, there = normal(link, ValueKind.URL), normal(prefix, ValueKind.URL)
    if here is None or there is None or ".." in unquote(here) or "\\" in here:
        return False
    bare = re.split(r"[?#]", here)[0]
    return bare == there or bare.startswith(f"{there}/")
