"""The files of inspect_ai's logs as JSON objects: a zip archive (`.eval`), or one object (`.json`).

Whoever made the file is not trusted: sizes, members, frames and nesting are bounded before anything is built
from them, checksums are checked, and nothing is written to disk. Which of the two a file is, its first bytes
say.
"""

from __future__ import annotations

import importlib
import io
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from pydantic_core import from_json

from loccit.core.errors import InputError, LimitExceeded, MalformedLog, SourceUnreadable

MAX_FILE_BYTES = 512_000_000
MAX_MEMBER_BYTES = 256_000_000
MAX_UNPACKED_BYTES = 8_000_000_000
MAX_MEMBERS = 250_000
# inspect_ai begins a new frame after 200 MB, so that a member has two at most.
_MAX_FRAMES = 16
_ZIP_ZSTANDARD = 93
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_HOW = "expected a log of inspect_ai, .eval or .json"
_SPLIT = "evaluate fewer samples at once, or leave out events: inspect log convert"


@dataclass(frozen=True, slots=True)
class InspectFile:
    """A log's parts. `header` is everything but the samples; these can be gone through once, each with what
    errors call it.
    """

    header: dict[str, Any]
    samples: Iterator[tuple[str, dict[str, Any]]]


class _Decompressor(Protocol):
    """As in the standard library's `compression.zstd`."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


def read_inspect_file(path: Path) -> InspectFile:
    """The parts of a log.

    Raises SourceUnreadable, MalformedLog, also while samples are gone through, LimitExceeded for what is
    larger than the bounds above, and InputError where a package is missing that unpacks Zstandard.
    """
    name = str(path)
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise LimitExceeded(f"size of {name!r} in bytes", size, MAX_FILE_BYTES, next_step=_SPLIT)
        data = path.read_bytes()
    except OSError as error:
        raise SourceUnreadable(f"cannot read {name!r}: {error.strerror or error}") from error
    if data.startswith(b"PK"):
        return _archived(_Archive(data, name))
    return _whole(_json_object(data, repr(name)), name)


def _whole(document: dict[str, Any], name: str) -> InspectFile:
    samples = document.pop("samples", None)
    if not isinstance(samples, list):
        raise MalformedLog(
            f"{name!r} has no samples", next_step="run it without --no-log-samples, or name another file"
        )
    entries = cast("list[Any]", samples)

    def found() -> Iterator[tuple[str, dict[str, Any]]]:
        for number, sample in enumerate(entries):
            where = f"{name!r}, samples[{number}]"
            if not isinstance(sample, dict):
                raise MalformedLog(f"{where} is no object", next_step=_HOW)
            yield where, cast("dict[str, Any]", sample)

    return InspectFile(document, found())


def _archived(archive: _Archive) -> InspectFile:
    # A run that was killed has left only what it began with.
    header = archive.read("header.json" if "header.json" in archive.members else "_journal/start.json")
    names = [name for name in archive.members if name.startswith("samples/") and name.endswith(".json")]
    if not names:
        raise MalformedLog(
            f"{archive.name!r} has no samples",
            next_step="run it without --no-log-samples, or name another file",
        )
    return InspectFile(header, ((f"{archive.name!r}, {name}", archive.read(name)) for name in names))


class _Archive:
    """A zip archive in memory. Of members with one name the last counts, as it does for inspect_ai."""

    def __init__(self, data: bytes, name: str) -> None:
        self.name = name
        self._data = data
        self._unpacked = 0
        # Each member has such a mark in the directory: counted before that is read.
        members = data.count(b"PK\x01\x02")
        if members > MAX_MEMBERS:
            raise LimitExceeded(f"members of {name!r}", members, MAX_MEMBERS, next_step=_SPLIT)
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as file:
                self.members: Mapping[str, zipfile.ZipInfo] = {one.filename: one for one in file.infolist()}
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OverflowError, struct.error) as error:
            raise MalformedLog(
                f"{name!r} is no zip archive that can be read: {error}", next_step=_HOW
            ) from error

    def read(self, member: str) -> dict[str, Any]:
        """The JSON object in a member."""
        where = f"{self.name!r}, {member}"
        info = self.members.get(member)
        if info is None:
            raise MalformedLog(f"{self.name!r} has no {member!r}", next_step=_HOW)
        data = self._unpack(info, where)
        self._unpacked += len(data)
        if self._unpacked > MAX_UNPACKED_BYTES:
            raise LimitExceeded(
                f"unpacked size of {self.name!r} in bytes",
                self._unpacked,
                MAX_UNPACKED_BYTES,
                next_step=_SPLIT,
            )
        return _json_object(data, where)

    def _unpack(self, info: zipfile.ZipInfo, where: str) -> bytes:
        """The bytes of a member, never more than it may have.

        Not with `ZipFile.open`, which unpacks Zstandard without a bound, and before Python 3.14 not at all.
        """
        raw = self._raw(info, where)
        if info.compress_type == zipfile.ZIP_STORED:
            data = raw
        elif info.compress_type == zipfile.ZIP_DEFLATED:
            data = _inflated(raw, where)
        elif info.compress_type == _ZIP_ZSTANDARD:
            data = _unzstandard(raw, where)
        else:
            raise MalformedLog(
                f"{where} is packed by method {info.compress_type!r}, which is not read here",
                next_step="write it as JSON: inspect log convert --to json",
            )
        if len(data) > MAX_MEMBER_BYTES:
            raise LimitExceeded(f"size of {where} in bytes", len(data), MAX_MEMBER_BYTES, next_step=_SPLIT)
        if zlib.crc32(data) != info.CRC:
            raise MalformedLog(f"{where} is damaged: its checksum is another one", next_step="get it again")
        return data

    def _raw(self, info: zipfile.ZipInfo, where: str) -> bytes:
        start = info.header_offset
        if info.flag_bits & 1:
            raise MalformedLog(f"{where} is encrypted", next_step="take the password off")
        header = self._data[start : start + _LOCAL_HEADER.size] if start >= 0 else b""
        if len(header) == _LOCAL_HEADER.size:
            mark, name_bytes, extra_bytes = _LOCAL_HEADER.unpack(header)
            begin = start + _LOCAL_HEADER.size + name_bytes + extra_bytes
            raw = self._data[begin : begin + info.compress_size]
            if mark == b"PK\x03\x04" and len(raw) == info.compress_size:
                return raw
        raise MalformedLog(f"{where} is not where the directory says", next_step="get it again")


def _inflated(raw: bytes, where: str) -> bytes:
    unpacker = zlib.decompressobj(-15)
    try:
        data = unpacker.decompress(raw, MAX_MEMBER_BYTES + 1)
    except zlib.error as error:
        raise _damaged(where, error) from error
    if not unpacker.eof and len(data) <= MAX_MEMBER_BYTES:
        raise _damaged(where, "it ends too early")
    return data


def _unzstandard(raw: bytes, where: str) -> bytes:
    module = _zstandard(where)
    data = b""
    for _ in range(_MAX_FRAMES):
        unpacker: _Decompressor = module.ZstdDecompressor()
        try:
            data += unpacker.decompress(raw, MAX_MEMBER_BYTES + 1 - len(data))
        except module.ZstdError as error:
            raise _damaged(where, error) from error
        if len(data) > MAX_MEMBER_BYTES:
            return data
        if not unpacker.eof:
            raise _damaged(where, "it ends too early")
        raw = unpacker.unused_data
        if not raw:
            return data
    raise _damaged(where, f"it has more than {_MAX_FRAMES} frames")


def _zstandard(where: str) -> Any:
    """The module that unpacks Zstandard: of the standard library, or its backport. Raises InputError."""
    try:
        return importlib.import_module(
            "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
        )
    except ImportError as error:
        raise InputError(
            f"{where} is packed with Zstandard, which needs the package backports.zstd",
            next_step="pip install 'loccit[inspect]', or write it as JSON: inspect log convert --to json",
        ) from error


def _damaged(where: str, problem: object) -> MalformedLog:
    return MalformedLog(f"{where} cannot be unpacked: {problem}", next_step="get it again")


def _json_object(data: bytes, where: str) -> dict[str, Any]:
    try:
        # NaN is how inspect_ai writes a score that is missing.
        document = from_json(data, allow_inf_nan=True)
    except ValueError as error:
        raise MalformedLog(f"{where} is no JSON that can be read: {error}", next_step=_HOW) from error
    if not isinstance(document, dict):
        raise MalformedLog(f"{where} holds no JSON object", next_step=_HOW)
    return cast("dict[str, Any]", document)
