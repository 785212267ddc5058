"""Keys: what opens a server, and what is kept of it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loccit.core.errors import InputError, NotAuthenticated, NotFound
from loccit.policy.callers import Caller, Role
from loccit.policy.keys import KeyStore, is_well_formed, new_key
from loccit.storage.database import Database
from loccit.storage.secret import derived, home_secret


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(Database.in_folder(tmp_path), derived(home_secret(tmp_path), "keys"))


def test_a_key_opens_what_it_is_for(store: KeyStore):
    key, text = store.create(
        "ci",
        role=Role.MAINTAINER,
        user="build",
        repositories=["b", "a", "a"],
        requests_per_minute=60,
        usd_per_month=Decimal("12.50"),
        valid_days=30,
    )
    assert store.authenticate(text).caller == Caller(
        key.id, "build", Role.MAINTAINER, frozenset({"a", "b"}), 60, Decimal("12.5")
    )


def test_nothing_of_the_text_of_a_key_is_kept(store: KeyStore, tmp_path: Path):
    _, text = store.create("ci")
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert text.encode() not in kept
    assert text.removeprefix("loccit_")[:20].encode() not in kept


def test_a_key_that_is_revoked_or_over_or_of_another_home_opens_nothing(store: KeyStore, tmp_path: Path):
    revoked, text = store.create("gone")
    store.revoke(revoked.id)
    _, short = store.create("short", valid_days=1e-9)
    elsewhere = KeyStore(Database.in_folder(tmp_path / "b"), derived(home_secret(tmp_path / "b"), "keys"))
    _, other = elsewhere.create("other")
    said: set[str] = set()
    for wrong in (text, short, other, new_key(), "", "loccit_", "x" * 60):
        with pytest.raises(NotAuthenticated) as raised:
            store.authenticate(wrong)
        said.add(str(raised.value))
    assert len(said) == 1


def test_a_key_is_revoked_by_its_name_where_only_one_has_it(store: KeyStore):
    store.create("twin")
    second, _ = store.create("twin")
    with pytest.raises(InputError, match="2 keys are called 'twin'"):
        store.revoke("twin")
    store.revoke(second.id)
    store.revoke("twin")
    assert not store.has_any()
    with pytest.raises(NotFound):
        store.revoke("nobody")


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 201])
def test_a_name_that_cannot_be_shown_is_refused(store: KeyStore, name: str):
    with pytest.raises(InputError):
        store.create(name)


@pytest.mark.parametrize(
    "wrong", [{"requests_per_minute": 0}, {"usd_per_month": Decimal(-1)}, {"valid_days": 0}]
)
def test_bounds_that_bound_nothing_are_refused(store: KeyStore, wrong: dict[str, object]):
    with pytest.raises(InputError):
        store.create("ci", **wrong)  # type: ignore[arg-type]


@settings(max_examples=50)
@given(st.data())
def test_a_key_with_one_character_changed_is_known_for_wrong_without_the_database(data: st.DataObject):
    text = new_key()
    at = data.draw(st.integers(len("loccit_"), len(text) - 1))
    # The key is another one each time: what is drawn must not depend on it.
    drawn = data.draw(st.sampled_from("0Az"))
    other = drawn if drawn != text[at] else {"0": "A", "A": "z", "z": "0"}[drawn]
    assert is_well_formed(text)
    assert not is_well_formed(text[:at] + other + text[at + 1 :])


def test_the_secret_of_a_home_is_its_owners_alone_and_stays(tmp_path: Path):
    first = home_secret(tmp_path)
    assert home_secret(tmp_path) == first
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]
    assert derived(first, "keys") != derived(first, "logins")


def test_a_role_includes_those_before_it():
    assert Role.ADMIN.includes(Role.READER)
    assert Role.MAINTAINER.includes(Role.MAINTAINER)
    assert not Role.READER.includes(Role.MAINTAINER)
