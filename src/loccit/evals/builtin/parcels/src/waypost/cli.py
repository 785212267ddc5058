"""The command `waypost`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from waypost import __version__, clock
from waypost.carriers import CARRIERS
from waypost.intake import Intake
from waypost.numbers import BadNumber, parse_number
from waypost.settings import BadSettings, Settings, read_settings
from waypost.store import Store, UnknownParcel

_MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
_EXIT_USAGE = 2
_EXIT_NOT_FOUND = 4


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit code: 0 done, 2 a wrong call, 4 not found."""
    parsed = _parser().parse_args(arguments)
    try:
        settings = read_settings(parsed.config) if parsed.config else Settings()
    except (BadSettings, OSError) as error:
        print(f"waypost: {error}", file=sys.stderr)
        return _EXIT_USAGE
    return parsed.run(parsed, settings)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="waypost", description="Follows parcels.")
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("--config", type=Path, help="a service.toml")
    commands = parser.add_subparsers(required=True)
    for name, run, arguments in (
        ("import", _import, (("carrier", {"choices": sorted(CARRIERS)}), ("file", {"type": Path}))),
        ("show", _show, (("number", {}),)),
        ("migrate", _migrate, ()),
        ("backup", _backup, (("target", {"type": Path}),)),
        ("prune", _prune, ()),
        ("aside", _aside, ()),
        ("queue", _queue, ()),
    ):
        command = commands.add_parser(name)
        for argument, options in arguments:
            command.add_argument(argument, **options)
        command.set_defaults(run=run)
    return parser


def _import(parsed: argparse.Namespace, settings: Settings) -> int:
    """Read a carrier's file, and say what became of it."""
    carrier = CARRIERS[parsed.carrier]
    messages = carrier.read_file(parsed.file.read_text(encoding="utf-8", errors="replace"))
    taken = Intake(Store(settings.store), settings.intake).take(carrier, messages)
    print(f"{taken.stored} stored, {taken.repeated} known already")
    for reason, count in sorted(taken.aside.items()):
        print(f"{count} put aside: {reason}")
    return 0


def _show(parsed: argparse.Namespace, settings: Settings) -> int:
    """Print one timeline."""
    try:
        number = parse_number(parsed.number).text
        with Store(settings.store).reading() as transaction:
            timeline = transaction.timeline(number, window_s=settings.intake.repeat_window_minutes * 60)
    except (BadNumber, UnknownParcel):
        print(f"waypost: there is no parcel {parsed.number!r}", file=sys.stderr)
        return _EXIT_NOT_FOUND
    print(f"{number}: {timeline.state.value}")
    for scan in timeline.scans:
        print(f"  {clock.day_of(scan.happened_at)}  {scan.code.value}  {scan.text}")
    return 0


def _migrate(parsed: argparse.Namespace, settings: Settings) -> int:
    for name in Store(settings.store).migrate(_MIGRATIONS):
        print(f"ran {name}")
    return 0


def _backup(parsed: argparse.Namespace, settings: Settings) -> int:
    Store(settings.store).backup(parsed.target)
    return 0


def _prune(parsed: argparse.Namespace, settings: Settings) -> int:
    """Forget what was delivered long ago."""
    before = clock.now() - settings.store.keep_days * 86_400
    with Store(settings.store).writing() as transaction:
        print(f"{transaction.delete_before(before)} parcels forgotten")
    return 0


def _aside(parsed: argparse.Namespace, settings: Settings) -> int:
    """Print why messages were put aside."""
    with Store(settings.store).reading() as transaction:
        for carrier, reason, count in transaction.aside():
            print(f"{count:>8} {carrier} {reason}")
    return 0


def _queue(parsed: argparse.Namespace, settings: Settings) -> int:
    """Print for whom messages wait."""
    with Store(settings.store).reading() as transaction:
        for url, count in transaction.waiting():
            print(f"{count:>8} {url}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
