"""Secrets in a text: where they are, and the text without them.

One table says what secrets look like. Most kinds have a form of their own (`ghp_…`); those that have none are
known by what stands before them (`password = "…"`), and only where what follows cannot be a word or code.

Left alone, on purpose: git object ids, checksums and UUIDs, unless they are assigned to the name of a secret;
names, calls and placeholders (`<token>`, `${TOKEN}`, `your-key-here`) that are assigned to such a name; and
passwords that are a plain word, which nothing tells from any other word.

A pattern is tried only where one of its `cues` stands, which costs little where none does. All take time in
proportion to the text: what repeats in them is bounded, or is possessive and has nothing behind it that could
fail, or ends where no other match can begin. What else must hold is for `is_secret` to say.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from math import log2
from typing import Any, cast


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret in a text: its kind ("GitHub token"), and which characters it is, end exclusive."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Kind:
    """How secrets of one kind are known.

    `pattern` matches one; where it has a group `secret`, that alone is the secret. It begins with one of the
    `cues`, which are in lower case, or as many characters before it as `leads` says. `is_secret` decides
    about matches that may be something else.
    """

    name: str
    cues: tuple[str, ...]
    pattern: str
    is_secret: Callable[[re.Match[str]], bool] | None = None
    leads: tuple[int, ...] = (0,)


def redact(text: str) -> str:
    """The text with `[KIND redacted]` in place of each secret; what is redacted already stays as it is."""
    return _without(text, find_secrets(text))


def redact_tree(document: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON object whose texts are redacted, also those that only their key tells to be secret."""
    texts, keys = _words_of(document)
    # Nearly always there is nothing; to ask once costs a tenth of asking for each text.
    if not find_secrets("\n".join(texts)) and not any(map(_names_secret, keys)):
        return dict(document)
    return {key: _redacted(key, value) for key, value in document.items()}


def find_secrets(text: str) -> list[Secret]:
    """The secrets in a text, in order, none inside of another.

    Where several kinds meet, the one that stands first in the table has all that they cover.
    """
    lowered = _lowered(text)
    matches: list[tuple[int, int, int]] = []
    for rank, kind in enumerate(_TABLE):
        for match in _matches(text, lowered, kind):
            if kind.is_secret is None or kind.is_secret(match):
                group = "secret" if "secret" in match.re.groupindex else 0
                matches.append((match.start(group), match.end(group), rank))
    found: list[Secret] = []
    best = 0
    for start, end, rank in sorted(matches):
        if found and start < found[-1].end:
            # Both are secret, so is what either covers.
            best = min(best, rank)
            found[-1] = Secret(_TABLE[best].name, found[-1].start, max(end, found[-1].end))
        else:
            best = rank
            found.append(Secret(_TABLE[rank].name, start, end))
    return found


# What may not stand before a secret. An underscore may: `KEY_ghp_…`.
_EDGE = "(?<![A-Za-z0-9])"
_URL64 = "[A-Za-z0-9_-]"

_PLACEHOLDER = re.compile(
    r"""(?ix)
    \$[({] | \$\w+$ | [$@][a-z_.]+\d?[a-z_.]*$ | <.*>$ | \{.*\}$ | %\( | %\w+%$ | \*{3} | \.{3} | x{4}
    | (?:your|change|replace|insert|example|placeholder)[_-]?
      (?:me|my|own|api|secret|token|key|password)? (?:[_-]|$)
    """
)
# Words with at most a number at their end: a name in code, a file, a module.
_NAME = re.compile(r"[A-Za-z]+\d{0,3}(?:[_./:-]+[A-Za-z]*\d{0,3})*+")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
# What makes a secret's name that of something else: `token_count`, `password_hash`, `secretName`.
_NO_SECRET = frozenset(
    """
    s id ids hash hashes hashed digest sha md5 checksum fingerprint name names type types kind url uri
    endpoint path file filename dir count counts counter length len size limit limits budget max min
    usage used index expiry expires expiration ttl timeout field header env var variable prefix suffix
    pattern regex format policy rule provider manager ring store arn version ref
    """.split()
)
_PASSWORDS = frozenset({"password", "passwd", "passphrase", "pwd"})
_NAMES = ("password", "passwd", "passphrase", "pwd", "secret", "token", "credential")
_KEYS = ("api", "access", "private", "auth", "account", "encryption", "signing", "master", "subscription")
_NAMED = rf"""
    (?P<name> {"|".join(_NAMES)} | (?:{"|".join(_KEYS)})[_-]?key )
    (?P<rest> [a-z0-9_-]{{0,40}}+ )
"""
_ASSIGNED = rf"""(?ix)
    # JSON in JSON in JSON has a quote after seven backslashes.
    {_NAMED} \\{{0,7}}+["'`]?
    # Also with a type (`password: str = `), as an option (`--token x`) and in XML (`<token>x<`).
    (?P<by> (?: [\ \t]{{0,8}}+ : [\ ]? [a-z_][a-z0-9_.|\[\]\ ]{{0,40}}+ (?==) | [\ \t]{{0,8}}+ )
      (?: := | => | ={{1,3}} | : ) [\ \t]{{0,8}}+ | [\ ] | > )
    (?P<quote> \\{{0,7}}["'`] )?+
    (?P<secret> (?(quote) (?: (?!(?P=quote)) (?:\\\S|\S) ){{6,}}+ | [^\s"'`\\<>,;(){{}}\[\]&]{{6,}}+ ) )
"""
_KEY = re.compile(rf"(?ix) [a-z0-9_.-]{{0,60}}? {_NAMED}")


def _is_assigned(match: re.Match[str]) -> bool:
    """Whether it is a text of its own, and none of what code assigns to such a name."""
    value, by, text = match["secret"], match["by"].strip(), match.string
    if not _is_secret_name(match) or _is_placeholder(value) or "://" in value:
        return False
    name = match["name"].lower()
    if name == "pwd" and value.startswith("/"):
        return False  # the working directory of a shell
    before = _just_before(text, match.start())
    if by == ":" and before.startswith("/"):
        return False  # `https://token:…@host`, which is a kind of its own
    if by == ">":
        return text.startswith("</", match.end()) and _is_secret_text(value)
    is_option = before.startswith("--")
    if not by and not is_option:
        return False
    is_literal = (
        bool(match["quote"])
        or is_option
        or before.startswith(("?", "&"))
        or match["name"].isupper()
        or (name in _PASSWORDS and by == ":")
    )
    if not is_literal and (_NAME.fullmatch(value) or text[match.end() : match.end() + 1] in {"(", "["}):
        return False
    return _is_secret_text(value)


def _just_before(text: str, end: int) -> str:
    """The rest of the word that ends there, and up to two characters before it."""
    start = end
    while start > max(0, end - 40) and (text[start - 1].isalnum() or text[start - 1] in "_-."):
        start -= 1
    return text[start:end] if text.startswith("--", start) else text[max(0, start - 1) : end]


def _is_secret_name(match: re.Match[str]) -> bool:
    """Whether what follows the name of a secret leaves it one: not in `tokenizer`, `token_count`."""
    name, rest = match["name"], match["rest"]
    if rest[:1].isalpha() and not (name[-1].islower() and rest[0].isupper()):
        return False
    return not any(word.lower() in _NO_SECRET for word in _WORD.findall(rest))


def _is_placeholder(value: str) -> bool:
    return _PLACEHOLDER.match(value) is not None or _bits(value) < 2.5


def _is_secret_text(value: str) -> bool:
    """Letters with digits or signs, or letters in no order."""
    if any(c.isalpha() for c in value) and any(c.isdigit() or c in "!@#$%^&*?~+=" for c in value):
        return True
    changes = sum(a.islower() and b.isupper() for a, b in pairwise(value))
    return len(value) >= 20 and _bits(value) >= 3.5 and changes >= len(value) / 6


def _bits(text: str) -> float:
    """Shannon's entropy per character."""
    size = len(text)
    return -sum(count / size * log2(count / size) for count in Counter(text).values())


def _is_no_name(match: re.Match[str]) -> bool:
    """Not `sk-fading-circle-12`: a word of a name is never as long as a key."""
    value = match[0]
    return _NAME.fullmatch(value) is None or max(map(len, re.split("[_-]", value))) >= 20


def _is_mixed(match: re.Match[str]) -> bool:
    value = match["secret"]
    return not _is_placeholder(value) and _is_secret_text(value)


def _is_web_token(match: re.Match[str]) -> bool:
    return match[0].count(".") >= 2


def _is_written_out(match: re.Match[str]) -> bool:
    return _PLACEHOLDER.match(match["secret"]) is None


def _is_user_and_password(match: re.Match[str]) -> bool:
    """What HTTP's Basic sends: base64 of `user:password`."""
    value = match["secret"].rstrip("=")
    try:
        return b":" in base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except binascii.Error:
        return False


_BLANK = r"(?:\s|\\[nrt])"
_KEY_LINE = "[A-Za-z0-9+/=]{16,}+"
_PRIVATE_KEY = (
    "-----BEGIN (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
    # To its end, before which no other five dashes may stand.
    "(?:(?:[^-]|-(?!----))*+-----END [A-Z0-9 ]{1,60}-----"
    # Or cut off: the lines that only a key has, after at most four of a head.
    rf"|{_BLANK}*+(?:[A-Za-z-]{{1,30}}: [^\n\\]{{0,120}}+{_BLANK}++){{0,4}}+"
    rf"{_KEY_LINE}(?:{_BLANK}++{_KEY_LINE})*+)"
)
_USER = r"://[^\s/:@\[\"'<>\\]{0,128}+:"
_UP_TO_HOST = r"(?P<secret>[^\s/\"'<>\\]{1,256})@"
_DATABASES = (
    "postgres postgresql mysql mariadb mongodb mongodb+srv redis rediss amqp amqps mssql oracle clickhouse "
    "cockroachdb"
).split()
_DATABASE_SCHEME = "|".join(map(re.escape, _DATABASES))

_GITLAB = "pat dt rt rtr ptt ft soat cbt oas imt agent ffct".split()

_TABLE: tuple[Kind, ...] = (
    Kind("private key", ("-----begin ",), _PRIVATE_KEY),
    Kind("age key", ("age-secret-key-",), "(?i:AGE-SECRET-KEY-1)[A-Za-z0-9]{50,}+"),
    Kind(
        "AWS access key",
        ("akia", "asia", "abia", "acca"),
        # Its secret often stands right behind it.
        rf"{_EDGE}A(?:KIA|SIA|BIA|CCA)[A-Z0-9]{{16}}(?![A-Za-z0-9])"
        r"(?:[\s:,;|\"']{1,8}[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=]))?",
    ),
    Kind(
        "AWS secret key",
        (
            *("secret_access_key", "secret-access-key", "secretaccesskey"),
            *("aws_secret", "aws-secret", "awssecret"),
        ),
        r"(?i:secret[_-]?access[_-]?key|aws[_-]?secret(?:[_-]?key)?)\\?[\"'`]?"
        r"[ \t]{0,8}+(?:=>|[:=])[ \t]{0,8}+\\?[\"'`]?(?P<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
    ),
    Kind("GitHub fine-grained token", ("github_pat_",), r"github_pat_[A-Za-z0-9_]{22,}+"),
    # What apps get may hold a JSON web token.
    Kind("GitHub app token", ("ghs_", "ghu_"), rf"{_EDGE}gh[su]_[A-Za-z0-9_.-]{{30,}}+"),
    Kind("GitHub token", ("ghp_", "gho_", "ghr_"), rf"{_EDGE}gh[por]_[A-Za-z0-9]{{30,}}+"),
    Kind(
        "GitLab token",
        ("gr1348941", *(f"gl{kind}-" for kind in _GITLAB)),
        rf"{_EDGE}(?:gl[a-z]{{2,5}}-|GR1348941){_URL64}{{20,}}+(?:\.[0-9a-z]{{2,10}}){{0,3}}",
    ),
    Kind(
        "Slack token",
        ("xox", "xapp-"),
        rf"{_EDGE}(?:xox[a-z](?:\.xox[a-z])?|xapp)-[A-Za-z0-9-]{{10,}}+",
        _is_no_name,
    ),
    Kind(
        "Slack webhook",
        ("hooks.slack.com/",),
        r"hooks\.slack\.com/(?:services|workflows|triggers)/(?P<secret>[A-Za-z0-9_/+-]{20,}+)",
    ),
    Kind(
        "Stripe key",
        ("sk_live_", "rk_live_", "sk_test_", "rk_test_"),
        rf"{_EDGE}[sr]k_(?:live|test)_[A-Za-z0-9]{{10,}}+",
    ),
    Kind("webhook secret", ("whsec_",), rf"{_EDGE}whsec_[A-Za-z0-9+/=]{{24,}}+"),
    Kind("Anthropic key", ("sk-ant-",), rf"{_EDGE}sk-ant-{_URL64}{{16,}}+"),
    Kind("OpenAI key", ("sk-",), rf"{_EDGE}sk-{_URL64}{{18,}}+", _is_no_name),
    Kind("Google API key", ("aiza",), rf"{_EDGE}AIza{_URL64}{{35,}}+"),
    Kind("Google API key", ("aq.",), rf"{_EDGE}AQ\.{_URL64}{{40,}}+"),
    Kind(
        "Google OAuth secret",
        ("ya29.", "gocspx-", "1//"),
        rf"{_EDGE}(?:ya29\.[A-Za-z0-9_.-]{{20,}}+|GOCSPX-{_URL64}{{20,}}+|1//0{_URL64}{{30,}}+)",
    ),
    Kind("Azure key", ("q~",), r"[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,}+", leads=(4,)),
    Kind("Azure key", ("jqqj99",), rf"{_EDGE}[A-Za-z0-9]{{52}}JQQJ99[A-Za-z0-9]{{20,}}+", leads=(52,)),
    Kind(
        "Azure key",
        ("accountkey=", "sharedaccesskey="),
        "(?i:account|sharedaccess)(?i:key)=(?P<secret>[A-Za-z0-9+/]{40,}+={0,2})",
    ),
    Kind(
        "signature of an address",
        ("sig=", "signature="),
        rf"{_EDGE}(?i:sig|signature)=(?P<secret>[A-Za-z0-9%_/+=-]{{20,}}+)",
        _is_mixed,
    ),
    Kind("npm token", ("npm_",), rf"{_EDGE}npm_[A-Za-z0-9]{{30,}}+"),
    Kind("PyPI token", ("pypi-a",), rf"{_EDGE}pypi-A{_URL64}{{30,}}+"),
    Kind("Hugging Face token", ("hf_", "api_org_"), rf"{_EDGE}(?:hf|api_org)_[A-Za-z0-9]{{28,}}+"),
    Kind("SendGrid key", ("sg.",), rf"{_EDGE}SG\.{_URL64}{{16,}}+\.{_URL64}{{16,}}+"),
    Kind("Twilio key", ("sk", "ac"), rf"{_EDGE}(?:SK|AC)[0-9a-f]{{32}}(?![A-Za-z0-9])"),
    Kind("Telegram token", (":aa",), rf"{_EDGE}\d{{8,10}}:AA{_URL64}{{33,}}+", leads=(8, 9, 10)),
    Kind("Databricks token", ("dapi",), rf"{_EDGE}dapi[0-9a-f]{{32}}(?:-\d)?(?![A-Za-z0-9])"),
    Kind("Atlassian token", ("atatt3",), r"ATATT3[A-Za-z0-9_=-]{40,}+"),
    Kind("Shopify token", ("shp",), rf"{_EDGE}shp(?:at|ca|pa|ss|ua)_[0-9a-fA-F]{{32,}}+"),
    Kind("Vault token", ("hvs.", "hvb.", "hvr."), rf"{_EDGE}hv[sbr]\.{_URL64}{{20,}}+"),
    Kind("Terraform token", (".atlasv1.",), rf"[A-Za-z0-9]{{14}}\.atlasv1\.{_URL64}{{50,}}+", leads=(14,)),
    # Providers whose keys begin with a word of their own.
    *(
        Kind(f"{name} key", (cue.lower(),), rf"{_EDGE}{cue}{_URL64}{{{least},}}+", _is_no_name)
        for name, cue, least in (
            ("DigitalOcean", "dop_v1_", 60),
            ("DigitalOcean", "doo_v1_", 60),
            ("DigitalOcean", "dor_v1_", 60),
            ("Docker", "dckr_pat_", 20),
            ("Docker", "dckr_oat_", 20),
            ("Grafana", "glc_", 30),
            ("Grafana", "glsa_", 30),
            ("Groq", "gsk_", 30),
            ("LangSmith", "lsv2_", 30),
            ("Linear", "lin_api_", 30),
            ("New Relic", "NRAK-", 20),
            ("Notion", "ntn_", 30),
            ("Nvidia", "nvapi-", 40),
            ("Perplexity", "pplx-", 30),
            ("PlanetScale", "pscale_", 30),
            ("Pulumi", "pul-", 40),
            ("Replicate", "r8_", 30),
            ("RubyGems", "rubygems_", 40),
            ("Supabase", "sbp_", 20),
            ("Supabase", "sb_secret_", 20),
            ("Voyage", "pa-", 40),
            ("xAI", "xai-", 30),
        )
    ),
    Kind("JSON web token", ("eyj",), rf"{_EDGE}eyJ{_URL64}{{8,}}+(?:\.{_URL64}*+){{0,4}}+", _is_web_token),
    Kind(
        "password of a database",
        tuple(_DATABASES),
        rf"(?i:{_DATABASE_SCHEME})(?:\+[a-z0-9]{{1,20}})?{_USER}{_UP_TO_HOST}",
        _is_written_out,
    ),
    Kind("password of an address", ("://",), f"{_USER}{_UP_TO_HOST}", _is_written_out),
    Kind("user of an address", ("://",), rf"://(?P<secret>{_URL64}{{20,}}+)@", _is_mixed),
    Kind(
        "basic authorization",
        ("basic",),
        r"(?i:\bbasic)[ \t]{1,8}+(?P<secret>[A-Za-z0-9+/]{6,}+={0,2})",
        _is_user_and_password,
    ),
    Kind(
        "bearer token",
        ("bearer", "authorization"),
        r"(?i:\b(?:bearer|authorization\\?[\"']?[ \t]{0,8}+[:=][ \t]{0,8}+\\?[\"']?(?:token|api-?key)))"
        r"[ \t]{1,8}+(?P<secret>[A-Za-z0-9._~+/=|:-]{8,}+)",
        _is_mixed,
    ),
    Kind("secret", _NAMES, _ASSIGNED, _is_assigned),
    Kind(
        "secret",
        ("key",),
        _ASSIGNED,
        _is_assigned,
        leads=tuple({len(word) + dash for word in _KEYS for dash in (0, 1)}),
    ),
)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _lowered(text: str) -> str:
    """In lower case, each character where it was."""
    return text.replace("\u0130", "i").lower()  # of all characters this one alone becomes two


def _matches(text: str, lowered: str, kind: Kind) -> Iterator[re.Match[str]]:
    """What matches the kind's pattern where a cue stands; no cue inside of a match is looked at again."""
    for cue in kind.cues:
        at = lowered.find(cue)
        while at >= 0:
            pattern = _compiled(kind.pattern)
            tried = (pattern.match(text, at - lead) for lead in kind.leads if lead <= at)
            match = next((each for each in tried if each is not None), None)
            if match is not None:
                yield match
            at = lowered.find(cue, at + len(cue) if match is None else max(match.end(), at + len(cue)))


def _without(text: str, secrets: Sequence[Secret]) -> str:
    parts: list[str] = []
    at = 0
    for secret in secrets:
        parts += [text[at : secret.start], f"[{secret.kind} redacted]"]
        at = secret.end
    return "".join([*parts, text[at:]])


def _redacted(key: str, value: Any) -> Any:
    if isinstance(value, str):
        if _names_secret(key) and len(value) >= 6 and not _is_placeholder(value) and _is_secret_text(value):
            return "[secret redacted]"
        return redact(value)
    if isinstance(value, Mapping):
        pairs = cast("Mapping[str, Any]", value)
        return {name: _redacted(name, each) for name, each in pairs.items()}
    if isinstance(value, list | tuple):
        return [_redacted(key, each) for each in cast("Sequence[Any]", value)]
    return value


@lru_cache(maxsize=1000)
def _names_secret(key: str) -> bool:
    """Whether what is under a key is secret by the key's name."""
    match = _KEY.fullmatch(key)
    return match is not None and _is_secret_name(match)


def _words_of(document: Mapping[str, Any]) -> tuple[set[str], set[str]]:
    """The texts of a JSON object, and its keys, each once."""
    texts, keys = set[str](), set[str]()
    left: list[Any] = [document]
    while left:
        value = left.pop()
        if isinstance(value, str):
            texts.add(value)
        elif isinstance(value, dict):
            keys.update(cast("dict[str, Any]", value))
            left.extend(cast("dict[str, Any]", value).values())
        elif isinstance(value, list | tuple):
            left.extend(cast("Sequence[Any]", value))
    return texts, keys
