"""Boxes are real here: bubblewrap is installed where it is not."""

from __future__ import annotations

import shutil

import pytest

from loccit.agents.options import SandboxOptions
from tests.debian import program_of


@pytest.fixture(scope="session")
def bubblewrap() -> str:
    return program_of("bubblewrap", lambda: shutil.which("bwrap"))


@pytest.fixture
def options(bubblewrap: str) -> SandboxOptions:
    """Small limits: whatever a test takes, this machine has it to spare."""
    return SandboxOptions(
        bwrap=bubblewrap,
        work_bytes=50_000_000,
        temporary_bytes=20_000_000,
        memory_bytes=400_000_000,
        processes=60,
        timeout_s=30.0,
        copied_bytes=5_000_000,
        copied_files=500,
    )
