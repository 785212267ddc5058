"""Whatever names and kinds of files a box holds: what comes out are plain files of plain names."""

from __future__ import annotations

import asyncio
import json
import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loccit.agents.options import SandboxOptions
from loccit.agents.sandbox import open_box
from loccit.agents.sandbox.names import path_in, reason_to_refuse
from loccit.core.visible import one_line

# What files are called and what surprises: bytes, because a name need be no text.
_BYTES = [b".git", b".GIT", b"git~1", b"..", b".", b" ", b"\\", b"\n", b"\x1b[", b"\xff", b"~", b":", b"a"]
_TEXTS = ["Makefile", "\u202e", "\u200b", "é", "\U000e0041"]
_PIECES = st.sampled_from([*_BYTES, *(text.encode() for text in _TEXTS)])
_NAMES = st.lists(_PIECES | st.binary(min_size=1, max_size=4), min_size=1, max_size=4).map(b"".join)
_PATHS = st.lists(
    _NAMES.filter(lambda name: b"/" not in name and b"\0" not in name and name not in {b".", b".."}),
    min_size=1,
    max_size=3,
).map(b"/".join)
_KINDS = st.sampled_from(["file", "file", "file", "link", "fifo", "hard link"])

_MAKE = """
import json, os, sys
for path, kind in json.load(sys.stdin):
    path = os.fsencode(path)
    try:
        os.makedirs(os.path.dirname(path) or b".", exist_ok=True)
        if kind == "file":
            open(path, "xb").write(b"made")
        elif kind == "link":
            os.symlink(b"/etc/passwd", path)
        elif kind == "fifo":
            os.mkfifo(path)
        else:
            os.link(b"given", path)
    except OSError:
        continue
"""


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=st.lists(st.tuples(_PATHS, _KINDS), min_size=1, max_size=30))
def test_what_comes_out_has_plain_names(options: SandboxOptions, made: list[tuple[bytes, str]]) -> None:
    async def run() -> None:
        async with open_box(options, files={"given": b"given"}) as box:
            text = json.dumps([(os.fsdecode(path), kind) for path, kind in made])
            assert (await box.run(["python", "-c", _MAKE], stdin=text.encode())).code == 0
            changes = await box.changes()
        for path, data in changes.files.items():
            assert data in (b"made", b"given")
            assert path == one_line(path)
            names = path.split("/")
            assert not {"", ".", ".."} & set(names)
            assert not any(
                name.casefold().strip(". ") in {"git", "git~1"} and name != "git" for name in names
            )
        wanted = {os.fsdecode(path) for path, kind in made if kind in {"link", "fifo"}}
        assert not any(changes.files.get(path) == b"" for path in wanted)

    asyncio.run(run())


@given(st.text())
def test_a_name_that_may_come_out_may_go_in(path: str) -> None:
    if not reason_to_refuse(path):
        assert os.fsdecode(path_in(path)) == path
        assert not path.startswith("/")
        assert os.path.normpath(path) == path
