"""Where groups are made that limit a box as a whole, in trees as kernels show them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from loccit.agents.sandbox import cgroups


def tree(top: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text)
    return top


def test_under_systemd_a_group_is_made_beside_ours(tmp_path: Path) -> None:
    """Groups that hold processes cannot be divided; the slice above hands its controllers on."""
    root = tree(
        tmp_path / "cgroup",
        {
            "cgroup.controllers": "cpu memory pids",
            "cgroup.subtree_control": "memory pids",
            "user.slice/app.slice/cgroup.subtree_control": "memory pids",
            "user.slice/app.slice/cgroup.procs": "",
            "user.slice/app.slice/term.scope/cgroup.subtree_control": "",
            "user.slice/app.slice/term.scope/cgroup.procs": "",
        },
    )
    proc = tree(tmp_path / "proc", {"cgroup": "0::/user.slice/app.slice/term.scope\n"})
    (found,) = cgroups.places(root, proc)
    assert (found.version, found.folder, found.controllers) == (
        2,
        root / "user.slice/app.slice",
        ("memory", "pids"),
    )


def test_where_no_group_above_hands_its_controllers_on_there_is_no_place(tmp_path: Path) -> None:
    root = tree(
        tmp_path / "cgroup",
        {"cgroup.controllers": "cpu memory", "cgroup.subtree_control": "cpu", "a/cgroup.subtree_control": ""},
    )
    assert cgroups.places(root, tree(tmp_path / "proc", {"cgroup": "0::/a\n"})) == []


def test_of_version_1_each_controller_has_its_place(tmp_path: Path) -> None:
    root = tree(
        tmp_path / "cgroup",
        {"memory/cgroup.procs": "", "memory/tasks": "", "pids/a/cgroup.procs": "", "pids/a/tasks": ""},
    )
    proc = tree(tmp_path / "proc", {"cgroup": "8:pids:/a\n4:memory:/\n2:cpu:/\n0::/\n"})
    found = {place.controllers: (place.folder, place.own) for place in cgroups.places(root, proc)}
    assert found == {
        ("memory",): (root / "memory", root / "memory"),
        ("pids",): (root / "pids/a", root / "pids/a"),
    }


def test_groups_of_the_dead_are_removed(tmp_path: Path) -> None:
    place = cgroups.Place(2, tmp_path, ("memory", "pids"))
    dead, alive = tmp_path / "loccit-box-999999999-1", tmp_path / f"loccit-box-{os.getpid()}-1"
    other = tmp_path / "loccit-box-of-somebody"
    for folder in (dead, alive, other):
        folder.mkdir()
    cgroups.sweep([place])
    assert sorted(tmp_path.iterdir()) == sorted([alive, other])


@pytest.mark.skipif(not cgroups.places(), reason="no group can be made here")
def test_a_group_limits_and_goes(tmp_path: Path) -> None:
    group = cgroups.make(cgroups.places(), memory_bytes=100_000_000, processes=10)
    try:
        assert group.holds
        before = Path("/proc/self/cgroup").read_text()
        with group.entered():
            inside = Path("/proc/self/cgroup").read_text()
        assert Path("/proc/self/cgroup").read_text() == before
        assert group.has_to_be_moved or inside != before
    finally:
        assert group.remove()
