"""How does a person reach us? One file per command; only this room prints."""

from __future__ import annotations


def main() -> None:
    """Run the command line of this process and exit."""
    from loccit.cli.app import run

    run()
