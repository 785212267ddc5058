"""Secrets are found wherever they stand, and what only looks like one stays."""

from __future__ import annotations

import hashlib
import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loccit.telemetry.redaction import find_secrets, redact, redact_tree
from tests.planted_secrets import PLANTED

# As a secret comes: in a line of a log, in quotes, between others, at the ends of a text.
AROUND = [
    "{}",
    "2026-01-05T10:00:00Z ERROR call failed: {} (status 401)",
    "'{}'",
    '{{"message": "{}"}}',
    "before\n{}\nafter",
    "`{}`,",
]
_names = st.sampled_from(sorted(PLANTED))


@pytest.mark.parametrize("name", PLANTED)
@pytest.mark.parametrize("around", AROUND)
def test_a_planted_secret_is_gone_and_the_text_around_it_stays(name: str, around: str) -> None:
    secret, known_by = PLANTED[name]
    text = around.format(known_by.format(secret))
    redacted = redact(text)
    assert secret not in redacted
    assert "redacted]" in redacted
    before, _, after = text.partition(secret)
    assert redacted.startswith(before[:-1])
    assert redacted.endswith(after[1:])


@given(
    st.lists(st.one_of(_names, st.text(max_size=30)), min_size=1, max_size=8),
    st.sampled_from([" ", "\n", "; "]),
)
def test_secrets_among_any_text_never_remain(parts: list[str], between: str) -> None:
    pieces = [PLANTED[part][1].format(PLANTED[part][0]) if part in PLANTED else part for part in parts]
    redacted = redact(between.join(pieces))
    assert not [part for part in parts if part in PLANTED and PLANTED[part][0] in redacted]


@given(st.lists(st.one_of(_names, st.text(max_size=30)), max_size=8).map(tuple))
def test_what_is_redacted_already_stays_as_it_is(parts: tuple[str, ...]) -> None:
    pieces = [PLANTED[part][1].format(PLANTED[part][0]) if part in PLANTED else part for part in parts]
    once = redact(" ".join(pieces))
    assert redact(once) == once


@given(st.text(alphabet=st.sampled_from("aA1 -_.:/=\"'\\@\n?&<>{}[]") | st.characters(), max_size=300))
def test_places_are_in_order_and_inside_of_the_text(text: str) -> None:
    at = 0
    for secret in find_secrets(text):
        assert at <= secret.start < secret.end <= len(text)
        at = secret.end


FRAMES = [
    "{}",
    "commit {}",
    "index {}..{} 100644",
    "https://github.com/a/b/blob/{}/src/x.py#L3-L9",
    'sha256 = "{}"',
    '{{"digest": "{}", "blob": "{}"}}',
    "image@sha256:{}",
    "--hash=sha256:{} \\",
    "cache-key-{}",
    "password_hash = '{}'",
    "token_id: {}",
    "urn:uuid:{}",
    "  <guid>{}</guid>",
    "fixed in {}, see {}",
]


@pytest.mark.parametrize("frame", FRAMES)
def test_object_ids_checksums_and_uuids_stay(frame: str) -> None:
    for number in range(200):
        data = str(number).encode()
        for text in (
            hashlib.sha1(data).hexdigest(),
            hashlib.sha256(data).hexdigest(),
            hashlib.md5(data).hexdigest(),
            hashlib.sha256(data).hexdigest().upper(),
            hashlib.sha1(data).hexdigest()[:12],
            str(uuid.UUID(int=number * 10**30)),
        ):
            framed = frame.replace("{}", text).replace("{{", "{").replace("}}", "}")
            assert find_secrets(framed) == []


ORDINARY = [
    "password = getpass.getpass()",
    "token = request.headers['X-Token-2']",
    "token = tokens2[0]",
    "password: str",
    "password: Optional[str] = None",
    "api_key=api_key2,",
    "secret: ${{ secrets.DEPLOY_2 }}",
    'api_key = "${API_KEY_2}"',
    'token = "<your-token-1>"',
    'api_key = "your-api-key-1"',
    'password = "password"',
    'label.password = "Passwort eingeben"',
    'eos_token = "<|endoftext|>"',
    'tokenizer = "gpt2-large"',
    "max_tokens: 4096, token_count=1234567",
    '"input_tokens": 1234567',
    "PWD=/home/user1/project2",
    "Authorization: Bearer <token>",
    "the bearer authentication scheme, basic authentication",
    "basic understanding of tokens",
    "https://example.com:8080/path@x",
    "https://example.com/@user1234567/status",
    "git@github.com:owner/repo.git",
    "ssh://git@github.com/owner/name2.git",
    "a risk-free-approach-to-task-management-1",
    "sk-fading-circle-item-circle12",
    '"integrity": "sha512-q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJCrze8SNFZ4kKvN7xI0VniQ=="',
    "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIU\n-----END CERTIFICATE-----",
    "the file begins with -----BEGIN PRIVATE KEY----- and then the key",
    "xoxo-hugs-and-kisses",
    "npm_config_registry_address_of_the_mirror",
    "glob-pattern-matching-of-file-names",
    "eyJ is how base64 of a JSON object begins",
    "class TokenBucket2: secret_santa = 'a plain word'",
    "for token in tokens: yield token",
    "if token == previous_token_2:",
    "monkey_key = 'F12'",
]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_code_and_prose_stay(text: str) -> None:
    assert redact(text) == text


# What patterns begin with and repeat, over and over, with and without what would end them.
HOSTILE = [
    "eyJ",
    "-eyJ",
    "eyJaaaaaaaaaa.",
    "sk-",
    "-sk-ant-",
    "AKIA",
    "A",
    "ghp_",
    "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\nA: b\n",
    "-----BEGIN PRIVATE KEY-----\nMIIEpAIBAAKCAQEA1234\n",
    "-",
    "://",
    "://a:",
    "://aaaaaaaaaaaa:bbbbbbbbbbbb",
    "postgres+",
    "pwd=",
    'pwd="',
    "password\\",
    "token: a ",
    "secret_",
    "--token ",
    "token:str|str ",
    "bearer ",
    "bearer aaaaaaaaa",
    "basic aaaaaaaaaaaa",
    "authorization: ",
    "SG.aaaaaaaaaaaaaaaaaaaa",
    "Maaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaa.",
    "12345678:AA",
    "1",
    "JQQJ99",
    "aaaQ~ 1Q~",
    "AccountKey=",
    "?sig=",
    "hooks.slack.com/services/",
    "a_1.",
    "<password>",
    "sk-a1-",
]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("fragment", HOSTILE)
def test_a_million_hostile_characters_take_time_in_proportion(fragment: str) -> None:
    """What took the square of it would take hours, and the test's time is up long before."""
    text = (fragment * (1_000_000 // len(fragment)))[: 1_000_000 - 7] + "pwd sk-"
    assert all(secret.end <= len(text) for secret in find_secrets(text))


@pytest.mark.timeout(120)
@given(st.lists(st.sampled_from(HOSTILE), min_size=1, max_size=3), st.text(max_size=3))
def test_hostile_mixtures_take_time_in_proportion(fragments: list[str], end: str) -> None:
    mixture = "".join(fragments)
    text = mixture * (20_000 // len(mixture)) + end
    assert all(secret.end <= len(text) for secret in find_secrets(text))


def test_of_two_kinds_that_meet_the_earlier_one_names_all_that_they_cover() -> None:
    secret = PLANTED["github classic"][0]
    text = f'token = "{secret}!!x"'
    (found,) = find_secrets(text)
    assert found.kind == "GitHub token"
    assert text[found.start : found.end] == f"{secret}!!x"


@pytest.mark.parametrize("name", PLANTED)
def test_no_text_of_a_tree_keeps_a_secret(name: str) -> None:
    secret, known_by = PLANTED[name]
    text = known_by.format(secret)
    tree = {"a": [{"b": text, "n": 3}], "c": {"d": {"e": text}}, "f": None, "g": "stays"}
    redacted = redact_tree(tree)
    assert secret not in json.dumps(redacted, ensure_ascii=False)
    assert json.dumps(secret)[1:-1] not in json.dumps(redacted)
    assert (redacted["f"], redacted["g"], redacted["a"][0]["n"]) == (None, "stays", 3)


def test_a_key_tells_that_the_text_under_it_is_secret() -> None:
    tree = {
        "api_key": "9f8a7b6c5d",
        "db": {"passwords": ["x"], "password": "hunter2"},
        "token_count": "12ab34cd",
    }
    assert redact_tree(tree) == {
        "api_key": "[secret redacted]",
        "db": {"passwords": ["x"], "password": "[secret redacted]"},
        "token_count": "12ab34cd",
    }


def _naive(key: str, value: object) -> object:
    """A tree redacted text by text."""
    if isinstance(value, dict):
        return {name: _naive(name, each) for name, each in value.items()}
    if isinstance(value, list):
        return [_naive(key, each) for each in value]
    return redact(value) if isinstance(value, str) else value


_texts = st.one_of(
    st.text(max_size=20),
    _names.map(lambda name: PLANTED[name][1].format(PLANTED[name][0])),
    st.sampled_from(
        ["password = ", "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "abc123!x", "token:"]
    ),
)


@given(
    st.dictionaries(
        st.sampled_from("abc"), st.one_of(st.lists(_texts, max_size=4), _texts, st.integers()), max_size=3
    )
)
def test_a_tree_is_redacted_as_its_texts_are(tree: dict[str, object]) -> None:
    """To look at all texts together first, which is quicker, misses nothing that one of them has."""
    assert redact_tree(tree) == _naive("", tree)
