"""Which packages a Python project names: in its metadata and requirement files, read and not run.

Only names with versions and conditions are taken. Addresses, paths and options of the installer, of which a
requirement file may be full, are left out and said.
"""

from __future__ import annotations

import configparser
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,99})"
_VERSIONS = r"(?:\(?\s*(?:(?:===|==|~=|!=|<=|>=|<|>)\s*[A-Za-z0-9.*+!_-]+\s*,?\s*)+\)?)?"
_REQUIREMENT = re.compile(rf"({_NAME})\s*(\[[A-Za-z0-9._,\s-]*\])?\s*{_VERSIONS}\s*(;[^@#]{{1,300}})?")
_FILES = re.compile(
    r"((dev|test|tests|testing)[-_.])?requirements([-_.](dev|test|tests|testing))?\.txt"
    r"|requirements/(base|dev|test|tests|testing)\.txt"
)
_INCLUDED = re.compile(r"(?:-r|--requirement)[\s=]\s*(\S+)")
_EXTRAS = ("test", "tests", "testing", "dev")
_LOCKS = ("uv.lock", "poetry.lock", "pdm.lock")
_MOST_INCLUDED = 20


@dataclass(frozen=True, slots=True)
class Requirements:
    """packages: what is to be installed. versions: `name==version` of a lock file, for all that is installed.

    left_out: lines that name something else than a package. sources: the files that all of it stands in.
    """

    packages: tuple[str, ...]
    versions: tuple[str, ...]
    left_out: tuple[str, ...]
    sources: tuple[str, ...]


def requirements_of(files: Mapping[str, bytes]) -> Requirements:
    """The packages that a project names for itself and its tests."""
    found: list[str] = []
    left_out: list[str] = []
    sources: list[str] = []
    metadata = _toml(files.get("pyproject.toml", b""))
    for name, lines in (
        ("pyproject.toml", _of_metadata(metadata)),
        ("setup.cfg", _of_setup_cfg(files.get("setup.cfg", b""))),
    ):
        if name in files:
            sources.append(name)
            _sort(lines, found, left_out)
    waiting = sorted(path for path in files if _FILES.fullmatch(path))
    while waiting and len(sources) < _MOST_INCLUDED:
        path = waiting.pop(0)
        if path in sources or path not in files:
            continue
        sources.append(path)
        lines = _lines(files[path])
        folder = path.rpartition("/")[0]
        for line in lines:
            included = _INCLUDED.fullmatch(line)
            if included:
                waiting.append(f"{folder}/{included[1]}" if folder else included[1])
        _sort((line for line in lines if not _INCLUDED.fullmatch(line)), found, left_out)
    locks = [name for name in _LOCKS if name in files]
    versions = [version for name in locks for version in _locked(files[name])]
    return Requirements(tuple(dict.fromkeys(found)), tuple(versions), tuple(left_out), (*sources, *locks))


def _sort(lines: Iterable[str], found: list[str], left_out: list[str]) -> None:
    for line in lines:
        plain = line.partition(" --hash")[0].strip()
        if _REQUIREMENT.fullmatch(plain):
            found.append(plain)
        elif plain not in {".", "-e .", "--editable ."}:
            left_out.append(line)


def _lines(data: bytes) -> list[str]:
    text = data.decode("utf-8", "replace").replace("\\\n", " ")
    plain = (re.sub(r"(^|\s)#.*", "", line).strip() for line in text.splitlines())
    return [line for line in plain if line]


def _of_metadata(document: Mapping[str, Any]) -> Iterator[str]:
    project = _table(document.get("project"))
    yield from _texts(project.get("dependencies"))
    for name, lines in _table(project.get("optional-dependencies")).items():
        if name in _EXTRAS:
            yield from _texts(lines)
    for name, lines in _table(document.get("dependency-groups")).items():
        if name in _EXTRAS:
            yield from _texts(lines)


def _of_setup_cfg(data: bytes) -> Iterator[str]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(data.decode("utf-8", "replace"))
    except configparser.Error:
        return
    yield from parser.get("options", "install_requires", fallback="").split("\n")
    for name in _EXTRAS:
        yield from parser.get("options.extras_require", name, fallback="").split("\n")


def _locked(data: bytes) -> Iterator[str]:
    packages = _toml(data).get("package")
    for package in cast("list[Any]", packages) if isinstance(packages, list) else []:
        table = _table(package)
        line = f"{table.get('name')}=={table.get('version')}"
        # What a lock file takes from a folder or an address has no version on an index.
        source = _table(table.get("source"))
        if _REQUIREMENT.fullmatch(line) and not {"editable", "virtual", "git", "url", "path"} & source.keys():
            yield line


def _toml(data: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError):
        return {}


def _table(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _texts(value: Any) -> Iterator[str]:
    lines = cast("list[Any]", value) if isinstance(value, list) else []
    return (line.strip() for line in lines if isinstance(line, str))
