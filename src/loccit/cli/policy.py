"""`loccit policy`: what a policy allows, in words, and what it says of recorded calls."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loccit.cli.help_pages import Command
from loccit.cli.options import Json, Quiet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loccit.policy.grants import Request
    from loccit.policy.policy_file import Policy

app = typer.Typer(
    name="policy",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Say what a policy allows an agent, and why it decided as it did.",
)

_Name = Annotated[
    str, typer.Argument(metavar="POLICY", help="A file, or the name of a policy that comes with loccit.")
]


@app.command(name="list", cls=Command)
def list_policies() -> None:
    """List the policies that come with loccit."""
    from loccit.cli.output import say
    from loccit.policy.policy_file import shipped_policies, shipped_policy

    for name in shipped_policies():
        say(_told(name, shipped_policy(name).summary))


@app.command(cls=Command)
def check(
    policy: _Name,
    *,
    quiet: Quiet = False,
) -> None:
    """Check that a file is a policy. Exit code 0: it is; 2: it is not, and the place is named."""
    from loccit.cli.output import counted, say

    found = _policy(policy)
    if not quiet:
        say(f"policy {found.name!r}: {counted(len(found.tools), 'tool')}, default deny")


@app.command(cls=Command)
def explain(
    policy: _Name,
    *,
    request: Annotated[
        str | None,
        typer.Option("--request", metavar="TEXT", help="Say what these words of a user grant."),
    ] = None,
    facts: Annotated[
        list[str] | None,
        typer.Option("--fact", metavar="NAME=VALUE", help="What the request names: repository=owner/name."),
    ] = None,
    calls: Annotated[
        Path | None,
        typer.Option(
            "--calls",
            metavar="FILE",
            help="Say of each recorded call why it is allowed, asked about or blocked: JSON lines with tool,"
            " arguments and, where it was made, result.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Tell a policy in words; with --request what it grants, with --calls what becomes of recorded calls."""
    from loccit.cli.output import emit, say
    from loccit.policy.explain import in_words
    from loccit.policy.grants import Request

    found = _policy(policy)
    asked = Request(request or "", dict(_fact(each) for each in facts or ()))
    if calls is not None:
        _tell_decisions(found, asked, calls, as_json=as_json)
    elif request is not None:
        _tell_grants(found, asked, as_json=as_json)
    elif as_json:
        emit(found.model_dump(mode="json"))
    else:
        say(in_words(found))


def _tell_decisions(policy: Policy, request: Request, calls: Path, *, as_json: bool) -> None:
    from loccit.cli.output import emit, say
    from loccit.policy.explain import decisions

    for call, decision in decisions(policy, request, _history(calls)):
        if as_json:
            emit(
                {
                    "format": "loccit-policy-decision/1",
                    "tool": call.name,
                    "verdict": decision.verdict.value,
                    "rule": decision.rule,
                    "reason": decision.reason,
                    "arguments_sha256": decision.arguments_hash,
                    "origins": {place: list(each) for place, each in decision.origins.items()},
                }
            )
            continue
        say(_told(call.id, decision.verdict.value, call.name, decision.rule, decision.reason))
        for place, origins in decision.origins.items():
            say(f"       {_told(place, 'from', '; '.join(origins) or 'nowhere')}")


def _tell_grants(policy: Policy, request: Request, *, as_json: bool) -> None:
    from loccit.cli.output import emit, say
    from loccit.policy.grants import grants_of

    for grant in grants_of(policy, request):
        if as_json:
            told = {"tool": grant.tool, "uses": grant.uses, "reason": grant.reason}
            emit({"format": "loccit-policy-grant/1", **told})
        else:
            uses = "any number of times" if grant.uses is None else f"{grant.uses}×"
            say(_told(grant.tool, uses, grant.reason))


def _told(*words: str) -> str:
    from loccit.cli.output import one_line

    return "  ".join(one_line(word) for word in words)


def _policy(name: str) -> Policy:
    from loccit.policy.policy_file import load_policy, shipped_policies, shipped_policy

    return shipped_policy(name) if name in shipped_policies() else load_policy(Path(name))


def _fact(written: str) -> tuple[str, str]:
    from loccit.core.errors import InputError

    name, equals, value = written.partition("=")
    if not equals or not name:
        raise InputError(f"{written!r} is no fact", next_step="write NAME=VALUE")
    return name, value


def _history(path: Path) -> Iterator[dict[str, Any]]:
    from loccit.core.errors import InputError

    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the calls {str(path)!r}: {error}") from error
    for number, line in enumerate(lines, 1):
        try:
            found = json.loads(line)
        except ValueError as error:
            raise InputError(f"line {number} of {str(path)!r} is no JSON") from error
        if not isinstance(found, dict):
            raise InputError(f"line {number} of {str(path)!r} is no JSON object")
        yield found  # pyright: ignore[reportUnknownVariableType]
