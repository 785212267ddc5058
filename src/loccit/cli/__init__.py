"""How does a person reach us? One file per command; only this room prints."""

from __future__ import annotations


def main() -> None:
    """Run the command line of this process and exit."""
    try:
        from loccit.cli.app import run
    except KeyboardInterrupt:
        # Ctrl-C before anything was begun: nothing to tell.
        raise SystemExit(130) from None
    run()
