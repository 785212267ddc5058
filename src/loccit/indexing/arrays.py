"""One file of named numpy arrays, read through a memory map.

Layout: the magic, the header's length and CRC-32 (little-endian uint32 each), the header (JSON), padding,
then the arrays, each at a multiple of 64 bytes. The header holds `meta`, and per array its dtype, shape,
offset and CRC-32.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from loccit.core.errors import IndexBroken, StorageFailed

MAGIC = b"loccit-arrays-1\n"
_HEAD = struct.Struct("<II")
_ALIGN = 64

Array = npt.NDArray[Any]


def write_arrays(path: Path, meta: dict[str, Any], arrays: Mapping[str, Array]) -> int:
    """Write the file whole and durable under its final name; returns its size in bytes.

    Raises StorageFailed when the disk is full or the folder cannot be written; no file of that name is left
    then.
    """
    contents = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    described: dict[str, Any] = {}
    offset = 0
    for name, data in contents.items():
        described[name] = [data.dtype.str, list(data.shape), offset, zlib.crc32(_bytes_of(data))]
        offset += _padded(data.nbytes)
    header = json.dumps({"meta": meta, "arrays": described}, separators=(",", ":")).encode()
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(MAGIC + _HEAD.pack(len(header), zlib.crc32(header)) + header)
            file.write(b"\0" * (_padded(file.tell()) - file.tell()))
            for data in contents.values():
                file.write(_bytes_of(data))
                file.write(b"\0" * (_padded(data.nbytes) - data.nbytes))
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise storage_failed(path, error) from error
    return size


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_arrays(path: Path) -> tuple[dict[str, Any], dict[str, Array]]:
    """The file's `meta` and its arrays, read-only and mapped.

    Raises IndexBroken when the file is not one of ours, is cut short, or any checksum differs.
    """
    try:
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except ValueError as error:  # an empty file cannot be mapped
        raise broken(path, "it is empty") from error
    except OSError as error:
        raise broken(path, error.strerror or str(error)) from error
    view = memoryview(mapped)
    start = len(MAGIC) + _HEAD.size
    if bytes(view[: len(MAGIC)]) != MAGIC or len(view) < start:
        raise broken(path, "it does not begin as a loccit file does")
    length, checksum = _HEAD.unpack(view[len(MAGIC) : start])
    header = view[start : start + length]
    # Without a header, zeros on a lost block would pass for its checksum.
    if not length or len(header) != length or zlib.crc32(header) != checksum:
        raise broken(path, "its header fails its checksum")
    document = cast("dict[str, Any]", json.loads(bytes(header)))
    base = _padded(start + length)
    arrays = {name: _array(path, view, base, entry) for name, entry in document["arrays"].items()}
    return cast("dict[str, Any]", document["meta"]), arrays


def broken(path: Path, why: str) -> IndexBroken:
    """The error for a damaged index file."""
    return IndexBroken(
        f"the index file {path.name!r} cannot be used: {why}", next_step="run 'loccit index --rebuild'"
    )


def storage_failed(path: Path, error: OSError) -> StorageFailed:
    """The error for a home folder that cannot be written."""
    return StorageFailed(
        f"cannot write {str(path)!r}: {error.strerror or error}",
        next_step="free some space or set LOCCIT_HOME to a folder you may write; "
        "what was indexed before is untouched",
    )


def _array(path: Path, view: memoryview, base: int, entry: list[Any]) -> Array:
    dtype, shape, offset, checksum = np.dtype(entry[0]), tuple(entry[1]), int(entry[2]), int(entry[3])
    count = int(np.prod(shape, dtype=np.int64))
    data = view[base + offset : base + offset + count * dtype.itemsize]
    if len(data) != count * dtype.itemsize:
        raise broken(path, "it is cut short")
    if zlib.crc32(data) != checksum:
        raise broken(path, "its content fails its checksum")
    return np.frombuffer(data, dtype=dtype).reshape(shape)


def _bytes_of(data: Array) -> memoryview:
    return data.reshape(-1).view(np.uint8).data


def _padded(size: int) -> int:
    return (size + _ALIGN - 1) // _ALIGN * _ALIGN


def distinct(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Each of these numbers once, rising. Where they are sorted in stretches, as postings are, this is many
    times faster than `np.unique`, which makes a hash table of them.
    """
    ordered = np.sort(numbers, kind="stable")
    is_first = np.ones(len(ordered), dtype=bool)
    is_first[1:] = ordered[1:] != ordered[:-1]
    return ordered[is_first]
