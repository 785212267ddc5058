"""Trackers tell of issues: `routes` takes in what they send, `working` deals with it afterwards.

receiver.py     is it from the tracker, and new? then it is kept, and the tracker is told so
signatures.py   by what a tracker proves who it is
github.py, gitlab.py, payloads.py   what they send, as the values of events.py
deliveries.py   what waits
worker.py       takes the next one, and tries again what may go better later
desk.py         what is done about an event
"""

from __future__ import annotations

from loccit.serving.hooks.receiver import routes
from loccit.serving.hooks.worker import working

__all__ = ["routes", "working"]
