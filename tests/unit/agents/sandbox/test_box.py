"""A box keeps files between commands, ends what each leaves behind, bounds what it takes and gives."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

import loccit
from loccit.agents.options import SandboxOptions
from loccit.agents.sandbox import Box, Files, open_box
from loccit.core.errors import (
    InputError,
    LimitExceeded,
    NotFound,
    SandboxFailed,
    SandboxUnavailable,
    SettingsError,
)


def inside(
    options: SandboxOptions, use: Callable[[Box], Awaitable[None]], files: Files | Path | None = None
) -> None:
    async def run() -> None:
        async with open_box(options, files=files) as box:
            await use(box)

    asyncio.run(run())


def python(source: str) -> list[str]:
    return ["python", "-c", source]


def test_files_stay_from_one_command_to_the_next(options: SandboxOptions) -> None:
    async def use(box: Box) -> None:
        ran = await box.run(["sh", "-c", "cat given.txt > kept.txt; echo said; echo complained >&2; exit 3"])
        assert (ran.code, ran.stdout, ran.stderr, ran.stopped_by) == (3, b"said\n", b"complained\n", "")
        assert (await box.run(["cat", "kept.txt"])).stdout == b"as given"
        assert await box.read("kept.txt") == b"as given"

    inside(options, use, Files({"given.txt": b"as given"}))


def test_a_command_gets_its_folder_its_input_and_its_variables(options: SandboxOptions) -> None:
    async def use(box: Box) -> None:
        ran = await box.run(
            ["sh", "-c", "pwd; cat; echo $ONE"], cwd="a/b", stdin=b"typed ", variables={"ONE": "1"}
        )
        assert ran.stdout == b"/work/a/b\ntyped 1\n"
        assert (await box.run(["true"], cwd="nowhere")).code == 126

    inside(options, use, Files({"a/b/c": b""}))


def test_a_program_that_is_not_there_gives_127(options: SandboxOptions) -> None:
    async def use(box: Box) -> None:
        ran = await box.run(["no-such-program"])
        assert ran.code == 127
        assert b"no-such-program" in ran.stderr

    inside(options, use)


def test_a_signal_is_a_negative_code(options: SandboxOptions) -> None:
    async def use(box: Box) -> None:
        assert (await box.run(["sh", "-c", "kill -SEGV $$"])).code == -signal.SIGSEGV

    inside(options, use)


def test_time_ends_a_command_and_all_that_it_started(options: SandboxOptions) -> None:
    async def use(box: Box) -> None:
        began = time.monotonic()
        ran = await box.run(["sh", "-c", "trap '' TERM; setsid sleep 60 & sleep 60"], timeout_s=0.3)
        assert (ran.code, ran.stopped_by) == (None, "time")
        assert time.monotonic() - began < 10
        others = python("import os; print(len([n for n in os.listdir('/proc') if n.isdigit()]))")
        assert (await box.run(others)).stdout == b"2\n"

    inside(options, use)


def test_what_a_command_leaves_running_ends_with_it(options: SandboxOptions) -> None:
    async def use(box: Box) -> None:
        ran = await box.run(["sh", "-c", "setsid sh -c 'while :; do date >> alive; done' & sleep 0.2"])
        assert ran.code == 0
        before = await box.read("alive")
        await asyncio.sleep(0.1)
        assert await box.read("alive") == before

    inside(options, use)


def test_a_long_output_keeps_its_beginning_and_its_end(options: SandboxOptions) -> None:
    async def use(box: Box) -> None:
        ran = await box.run(
            python("print('first'); print('x' * 5_000_000); print('last')"), output_bytes=1_000
        )
        assert ran.code == 0
        assert ran.was_cut
        assert ran.stdout.startswith(b"first\n")
        assert ran.stdout.endswith(b"x\nlast\n")
        assert b"bytes are left out here]" in ran.stdout
        assert len(ran.stdout) < 1_100

    inside(options, use)


def test_an_output_without_end_is_stopped_and_never_held(options: SandboxOptions) -> None:
    async def use(box: Box) -> None:
        ran = await box.run(["yes"])
        assert (ran.code, ran.stopped_by, ran.was_cut) == (None, "output", True)
        assert len(ran.stdout) < 300_000

    inside(replace(options, printed_bytes=5_000_000), use)


def test_terminal_escapes_come_as_the_bytes_they_are(options: SandboxOptions) -> None:
    async def use(box: Box) -> None:
        assert (await box.run(["printf", r"\033[2J\000\377"])).stdout == b"\x1b[2J\0\xff"

    inside(options, use)


def test_too_many_processes_end_the_command_and_not_the_box(options: SandboxOptions) -> None:
    async def use(box: Box) -> None:
        bomb = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"
        assert (await box.run(python(bomb))).stopped_by == "processes"
        assert (await box.run(["true"])).code == 0

    inside(options, use)


def test_too_much_memory_ends_the_command_and_not_the_box(options: SandboxOptions) -> None:
    async def use(box: Box) -> None:
        bomb = (
            "import os, time\nfor _ in range(20):\n    if not os.fork():\n"
            "        held = b'x' * (40 << 20)\n        time.sleep(20)\ntime.sleep(20)"
        )
        ran = await box.run(python(bomb))
        assert ran.stopped_by == "memory"
        assert ran.seconds < 10
        assert (await box.run(["true"])).code == 0

    inside(options, use)


def test_a_full_work_folder_is_an_error_that_says_so(options: SandboxOptions) -> None:
    async def use(box: Box) -> None:
        ran = await box.run(["sh", "-c", "cat /dev/zero > filler"])
        assert b"No space left" in ran.stderr
        with pytest.raises(LimitExceeded, match="work folder"):
            await box.write({"more": b"x" * 1_000_000})
        await box.write({"filler": None})
        await box.write({"more": b"x" * 1_000_000})

    inside(options, use)


def test_files_are_replaced_and_deleted_by_path(options: SandboxOptions) -> None:
    async def use(box: Box) -> None:
        await box.write({"a": b"2", "new/b": b"3"}, executable={"new/b"})
        assert (await box.run(["ls", "-l", "new/b"])).stdout.startswith(b"-rwxr-xr-x")
        await box.write({"a": None})
        with pytest.raises(NotFound, match="no file 'a'"):
            await box.read("a")
        with pytest.raises(NotFound):
            await box.write({"a": None})
        with pytest.raises(InputError, match="a folder"):
            await box.write({"new": b"x"})
        with pytest.raises(InputError, match="not a folder"):
            await box.write({"new/b/c": b"x"})

    inside(options, use, Files({"a": b"1"}))


def test_writing_replaces_a_link_and_does_not_follow_it(options: SandboxOptions) -> None:
    async def use(box: Box) -> None:
        await box.run(["sh", "-c", "ln -s other link; ln -s /tmp folder; mkdir real"])
        await box.write({"link": b"new"})
        assert await box.read("link") == b"new"
        with pytest.raises(NotFound):
            await box.read("other")
        with pytest.raises(InputError, match="not a folder"):
            await box.write({"folder/x": b"new"})

    inside(options, use)


@pytest.mark.parametrize(
    "path", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "./a", "a/", "x\0y", "n" * 300]
)
def test_a_path_stays_in_the_work_folder(options: SandboxOptions, path: str) -> None:
    async def use(box: Box) -> None:
        for attempt in (box.read(path), box.write({path: b""}), box.copy_out([path])):
            with pytest.raises(InputError):
                await attempt

    inside(options, use)


def test_changes_are_what_differs_from_what_was_put_in(options: SandboxOptions) -> None:
    async def use(box: Box) -> None:
        # The same size and time: only the bytes tell.
        await box.run(
            ["sh", "-c", "printf two > same; touch -r kept same; rm gone; chmod +x kept; echo n > new"]
        )
        changes = await box.changes()
        assert changes.files == {"same": b"two", "kept": b"is", "new": b"n\n"}
        assert changes.executable == {"kept"}
        assert changes.deleted == ("gone",)
        assert changes.refused == {}
        assert await box.copy_out() == changes.files

    given = Files({"same": b"one", "kept": b"is", "gone": b"was", "far/away": b"x"}, links={"link": "kept"})
    inside(options, use, given)


def test_too_much_is_not_copied_out(options: SandboxOptions) -> None:
    async def use(box: Box) -> None:
        await box.run(["sh", "-c", "for n in 1 2 3 4; do head -c 2000000 /dev/zero > part$n; done"])
        with pytest.raises(LimitExceeded, match="copied out"):
            await box.changes()
        await box.run(["sh", "-c", "rm part*; mkdir many; cd many; seq 1 600 | xargs touch"])
        with pytest.raises(LimitExceeded, match="number of files"):
            await box.changes()

    inside(options, use)


def test_a_folder_is_read_without_its_git_and_without_following_links(
    options: SandboxOptions, tmp_path: Path
) -> None:
    (tmp_path / "outside").write_text("secret")
    top = tmp_path / "project"
    (top / ".git" / "hooks").mkdir(parents=True)
    (top / ".git" / "hooks" / "post-checkout").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    (top / ".git" / "hooks" / "post-checkout").chmod(0o755)
    (top / ".gitattributes").write_text("* filter=evil diff=evil\n")
    (top / "run.sh").write_text("#!/bin/sh\necho ran\n")
    (top / "run.sh").chmod(0o755)
    (top / "link").symlink_to(tmp_path / "outside")
    os.mkfifo(top / "pipe")

    async def use(box: Box) -> None:
        assert (await box.run(["./run.sh"])).stdout == b"ran\n"
        assert (await box.run(["ls", "-A"])).stdout.split() == [b".gitattributes", b"link", b"run.sh"]
        assert (await box.run(["cat", "link"])).code == 1
        assert (await box.changes()).files == {}

    inside(options, use, top)
    assert not (tmp_path / "ran").exists()


def test_a_command_that_nobody_waits_for_any_more_ends_and_the_box_goes_on(options: SandboxOptions) -> None:
    async def use(box: Box) -> None:
        waiting = asyncio.create_task(box.run(["sh", "-c", "sleep 60; touch done"]))
        await asyncio.sleep(0.2)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert (await box.run(["ls"])).stdout == b""

    inside(options, use)


def test_commands_at_the_same_time_wait_for_one_another(options: SandboxOptions) -> None:
    async def use(box: Box) -> None:
        ran = await asyncio.gather(*(box.run(["sh", "-c", f"echo {n}; sleep 0.05"]) for n in range(5)))
        assert [one.stdout for one in ran] == [f"{n}\n".encode() for n in range(5)]

    inside(options, use)


def test_a_box_that_is_gone_says_so(options: SandboxOptions) -> None:
    async def use(box: Box) -> None:
        os.kill(box._running.process.pid, signal.SIGKILL)
        with pytest.raises(SandboxFailed, match="has ended"):
            await box.run(["sleep", "5"])
        with pytest.raises(SandboxFailed):
            await box.read("x")

    inside(options, use)


_OWNER = """
import asyncio, sys
import loccit
from loccit.agents.options import SandboxOptions
from loccit.agents.sandbox import open_box
async def main():
    async with open_box(SandboxOptions()) as box:
        print(box._running.channel.sender, box._running.process.pid, flush=True)
        await box.run(["sh", "-c", "trap '' HUP TERM; sleep 60 & sleep 60"])
asyncio.run(main())
"""


def test_a_box_dies_with_an_owner_that_is_killed(options: SandboxOptions) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(loccit.__file__).parents[1])}
    owner = subprocess.Popen([sys.executable, "-c", _OWNER], env=environment, stdout=subprocess.PIPE)
    assert owner.stdout is not None
    pids = [int(word) for word in owner.stdout.readline().split()]
    time.sleep(0.2)
    owner.kill()
    owner.wait()
    owner.stdout.close()
    deadline = time.monotonic() + 10
    while any(is_alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(is_alive(pid) for pid in pids)


def is_alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def let_others_pass(program: Path) -> None:
    """Root's boxes are started by somebody who may not look into the folders of pytest."""
    program.chmod(0o755)
    for folder in program.parents:
        if folder.owner() == program.owner() and not folder.stat().st_mode & 0o001:
            folder.chmod(0o755)


def test_nothing_stands_in_for_bubblewrap(options: SandboxOptions, tmp_path: Path) -> None:
    async def use(_: Box) -> None:
        pytest.fail("it opened")

    with pytest.raises(SandboxUnavailable, match="no program 'no-such-bwrap'"):
        inside(replace(options, bwrap="no-such-bwrap"), use)
    # As on a kernel that lets nobody make a user namespace.
    refusing = tmp_path / "bwrap"
    refusing.write_text("#!/bin/sh\necho 'No permissions to create a new namespace' >&2\nexit 1\n")
    let_others_pass(refusing)
    with pytest.raises(SandboxUnavailable, match="No permissions to create a new namespace"):
        inside(replace(options, bwrap=str(refusing)), use)


def test_a_bubblewrap_that_does_not_know_a_flag_is_used_without_it(
    options: SandboxOptions, tmp_path: Path
) -> None:
    older = tmp_path / "bwrap"
    older.write_text(
        '#!/bin/sh\nfor word in "$@"; do\n'
        '  if [ "$word" = --disable-userns ]; then echo "Unknown option --disable-userns" >&2; exit 1; fi\n'
        f'done\nexec {options.bwrap} "$@"\n'
    )
    let_others_pass(older)

    async def use(box: Box) -> None:
        assert (
            await box.run(python("import ctypes; print(ctypes.CDLL(None).unshare(0x10000000))"))
        ).stdout == b"-1\n"

    inside(replace(options, bwrap=str(older)), use)


def test_limits_that_cannot_be_are_refused() -> None:
    with pytest.raises(SettingsError, match="processes is 0"):
        SandboxOptions(processes=0)
    with pytest.raises(SettingsError, match="both folders may hold"):
        SandboxOptions(work_bytes=10, temporary_bytes=10, memory_bytes=20)
