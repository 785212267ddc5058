"""Policies as files: read strictly, published as a schema, told in words."""

from __future__ import annotations

import importlib.util
import tomllib
from pathlib import Path

import jsonschema
import pytest

from loccit.core.errors import SettingsError
from loccit.policy.explain import in_words
from loccit.policy.gateway import Gateway
from loccit.policy.grants import Request
from loccit.policy.policy_file import json_schema, load_policy, parse_policy, shipped_policies, shipped_policy
from tests.simulated_tools import MAIL, tool

ROOT = Path(__file__).resolve().parents[3]
FILES = [
    *sorted((ROOT / "src" / "loccit" / "policy" / "policies").glob("*.toml")),
    *sorted((ROOT / "benchmarks" / "agentdojo_policies").glob("*.toml")),
]


def test_the_published_schema_and_page_are_those_of_the_code() -> None:
    """`python scripts/policy_format.py` writes them again."""
    path = ROOT / "scripts" / "policy_format.py"
    spec = importlib.util.spec_from_file_location("policy_format", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    stale = [path.name for path, text in module.generated().items() if path.read_text("utf-8") != text]
    assert stale == []
    jsonschema.Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_policy_that_is_kept_is_one(path: Path) -> None:
    """By the code, and by an independent validator; and it can be told in words."""
    policy = load_policy(path)
    jsonschema.Draft202012Validator(json_schema()).validate(tomllib.loads(path.read_text("utf-8")))
    words = in_words(policy)
    assert all(name in words for name in [*policy.tools, *policy.directories])


def test_the_policies_that_come_with_loccit_are_found_by_name() -> None:
    """And no other one is."""
    assert shipped_policies() == ("fix", "triage")
    with pytest.raises(SettingsError, match="no policy 'nosuch'"):
        shipped_policy("nosuch")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[tools.pay]", "[tools.pay]\ncolour = 'red'", "colour"),
        ('format = "loccit-policy/1"', 'format = "loccit-policy/2"', "format"),
        ("uses = 2", "uses = 0", "uses"),
        ("uses = 2", 'uses = "2"', "uses"),
        ('when = [["pay"]]', "", "no words"),
        ('kind = "account"', 'kind = "iban"', "kind"),
        ('directories = ["contacts"]', 'directories = ["friends"]', "no directory 'friends'"),
        ('kind = "account"', 'fixed = "{account}"', "none of the facts"),
        ('kind = "account"', 'pattern = "("', "no regular expression"),
        ('keys = ["/name"]', "", "no keys"),
        ('fields = ["/email"]', 'fields = ["/email"]\nextract = "name"', "found in a text"),
        ('fields = ["/email"]', 'fields = ["email"]', "fields"),
        ('name = "mail"', "name = 'mail", "not TOML"),
    ],
)
def test_what_is_no_policy_is_refused_with_the_place(old: str, new: str, told: str) -> None:
    """Unknown keys, values of other types, references to nothing."""
    assert old in MAIL
    with pytest.raises(SettingsError, match=told):
        parse_policy(MAIL.replace(old, new, 1))


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (tool("pay", "egress", account="content", amount="amount"), "destination"),
        (tool("pay", "egress", account="destination"), "'amount'.*no role"),
        (tool("read_inbox", "read", folder="option"), ""),
    ],
)
def test_tools_and_policies_that_do_not_fit_together_are_refused(made: object, told: str) -> None:
    """Another role, an argument that the tool has not; what the policy does not mention, the tool says."""
    policy = parse_policy(MAIL)
    if not told:
        Gateway(policy, Request("hello"), [made])
        return
    with pytest.raises(SettingsError, match=told):
        Gateway(policy, Request("hello"), [made])


def test_an_effect_that_policy_and_tool_see_differently_is_refused() -> None:
    """Neither is right by default."""
    policy = parse_policy(MAIL.replace("[tools.pay]", '[tools.pay]\neffect = "read"'))
    with pytest.raises(SettingsError, match="is egress"):
        Gateway(policy, Request("pay"), [tool("pay", "egress", account="destination", amount="amount")])
