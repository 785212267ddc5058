"""What an operator may choose about reading repositories."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """Limits and permissions of reading.

    `max_file_bytes`: bigger files are listed as skipped. `max_object_bytes`: no object bigger than this is
    ever loaded. `follow_alternates`: read repositories that borrow objects from another repository, which
    reveals that other one. `allow_http`: fetch over unencrypted http. `fetch_timeout_s`: how long one fetch
    may take; `fetch_stall_s`: how long it may stay below 1 kB/s. `history_processes`: how many git processes
    read history at once. `max_diffed_paths`: a commit that changes more paths keeps them, without the symbols
    that its hunks name. `allow_http` holds for issue trackers too; loopback is always allowed.
    `tracker_timeout_s`: how long one answer of a tracker may take; `tracker_attempts`: how often a request is
    made that ends in a fault, at first `tracker_backoff_s` apart, then longer; `tracker_wait_s`: the longest
    pause that a tracker may ask for before we stop and say when to go on.
    """

    max_file_bytes: int = 1_000_000
    max_object_bytes: int = 256_000_000
    follow_alternates: bool = False
    allow_http: bool = False
    fetch_timeout_s: float = 3600.0
    fetch_stall_s: int = 60
    history_processes: int = 2
    max_diffed_paths: int = 2000
    tracker_timeout_s: float = 60.0
    tracker_attempts: int = 6
    tracker_backoff_s: float = 1.0
    tracker_wait_s: float = 60.0
