"""The ISO 9660 structures of a package, mastered by pycdlib (docs/formats.md section 6).

pycdlib is given the sizes of the files, never their bytes: it decides where everything lies
and writes descriptors, path tables and directories into memory. So mastering takes the same
short time for files of any size, and its bytes depend on names and sizes alone.
"""

from __future__ import annotations

import io
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import BinaryIO, cast

import pycdlib
import pycdlib.dates
import pycdlib.headervd
import pycdlib.pycdlib
import pycdlib.utils

from olos.errors import InputError
from olos.iso import MAX_DEPTH, SECTOR, SYSTEM_AREA, Entry, read_volume
from olos.layout import ROOTFS, is_program
from olos.package import ROOTFS_ALIGNMENT

MAX_SIZE = (2**32 - 1) * SECTOR
"""Largest image in bytes: sectors are counted with 32 bits (ECMA-119 8.4.8)."""

_LEVEL = 3
"""The interchange level that allows files of several extents, for 4 GiB and more (ECMA-119 10.3)."""

_FILE_MODE, _PROGRAM_MODE, _DIRECTORY_MODE = 0o100444, 0o100555, 0o040555
_CHUNK = 1 << 26
_clock_lock = threading.Lock()


@dataclass(frozen=True)
class Mastered:
    """An ISO 9660 image without the data of its files.

    `structures` are its bytes from the end of the system area to the first file, `entries` say
    where the files lie, `size` is that of the whole image. All other bytes are padding: zero.
    """

    structures: bytes
    entries: tuple[Entry, ...]
    size: int


def master(sizes: Mapping[str, int]) -> Mastered:
    """The image for files of these names and sizes in bytes. Raises InputError if there can be none."""
    if sum(sizes.values()) > MAX_SIZE - (SECTOR << 16):
        raise InputError(f"the files have {sum(sizes.values())} bytes, more than an ISO 9660 image can hold")
    for name in sizes:
        if name.count("/") >= MAX_DEPTH:
            raise InputError(f"{name}: nested too deeply for a package", hint=f"at most {MAX_DEPTH} levels")
    mastered = _master(sizes, copies=0)
    if any(entry.path == ROOTFS and entry.offset % ROOTFS_ALIGNMENT for entry in mastered.entries):
        mastered = _master(sizes, copies=1)
    return mastered


def _master(sizes: Mapping[str, int], copies: int) -> Mastered:
    """Master with further copies of the primary volume descriptor.

    A copy moves all that follows by one sector, and so an unaligned rootfs to a multiple of
    two. ECMA-119 6.7.1.1 allows copies; tools do not show them, as they would a file of padding.
    """
    with _epoch():
        image = pycdlib.PyCdlib()
        image.new(
            interchange_level=_LEVEL, vol_ident="OLOS", app_ident_str="OLOS-PACKAGE-1", rock_ridge="1.09"
        )
        for _ in range(copies):
            image.duplicate_pvd()
        identifiers = _add_files(image, sizes)
        image.force_consistency()
        starts = (
            image.get_record(iso_path=identifiers[name]).extent_location() for name in sizes if sizes[name]
        )
        head = _Head(limit=min(starts, default=sys.maxsize // SECTOR) * SECTOR)
        image.write_fp(cast("BinaryIO", head), blocksize=_CHUNK)
        image.close()
    volume = read_volume(head.kept, "mastered image")
    assert {entry.path: entry.size for entry in volume.entries} == sizes
    first = min((entry.offset for entry in volume.entries if entry.size), default=volume.size)
    structures = head.kept.getvalue()[SYSTEM_AREA:first].ljust(first - SYSTEM_AREA, b"\0")
    return Mastered(structures, volume.entries, volume.size)


def _add_files(image: pycdlib.PyCdlib, sizes: Mapping[str, int]) -> dict[str, str]:
    """Add directories and files in the order of their names; returns the ISO path of each."""
    folders = {name.rsplit("/", depth)[0] for name in sizes for depth in range(1, name.count("/") + 1)}
    identifiers = {"": ""}
    for number, name in enumerate(sorted(folders | set(sizes))):
        parent, _, base = f"/{name}".rpartition("/")
        path = f"{identifiers[parent[1:]]}/{_identifier(number, base, name in folders)}"
        identifiers[name] = path
        if name in folders:
            image.add_directory(path, rr_name=base, file_mode=_DIRECTORY_MODE)
        else:
            mode = _PROGRAM_MODE if is_program(name) else _FILE_MODE
            image.add_fp(cast("BinaryIO", _Hollow()), sizes[name], path, rr_name=base, file_mode=mode)
    return identifiers


def _identifier(number: int, name: str, folder: bool) -> str:
    """A name of the form 8.3 for readers without Rock Ridge: a number makes it unique."""
    stem, _, suffix = name.partition(".") if folder else name.rpartition(".")
    if not stem:
        stem, suffix = suffix, ""
    short = f"{number:03}{_letters(stem)[:5]}"
    return short if folder else f"{short}.{_letters(suffix)[:3]};1"


def _letters(text: str) -> str:
    """Only what ISO 9660 allows: A-Z, 0-9 and underscore (d-characters, ECMA-119 7.4.1)."""
    return "".join(c if c.isalnum() else "_" for c in text.upper())


class _Hollow(io.RawIOBase):
    """Stands for the data of a file: zeros without end, which `_Head` throws away."""

    mode = "rb"

    def read(self, size: int = -1) -> bytes:
        return bytes(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return offset


class _Head:
    """An output file that keeps the bytes before `limit`, and lets those behind it fall."""

    def __init__(self, limit: int) -> None:
        self.kept = io.BytesIO()
        self._limit = limit
        self.seek, self.tell = self.kept.seek, self.kept.tell

    def write(self, data: bytes) -> int:
        if self.tell() < self._limit:
            return self.kept.write(data)
        self.seek(len(data), io.SEEK_CUR)
        return len(data)


@contextmanager
def _epoch() -> Iterator[None]:
    """Within the block it is 1970-01-01 00:00:00 UTC for pycdlib, and for nothing else.

    pycdlib asks the clock and the time zone wherever it makes a date, and takes neither as a
    parameter. It does so through its modules' name `time`; that name is what is replaced.
    """
    # Half a second, for pycdlib writes "no date" for 0.0; it keeps whole seconds.
    clock = SimpleNamespace(
        time=lambda: 0.5, gmtime=time.gmtime, localtime=time.gmtime, strftime=time.strftime
    )
    modules = (pycdlib.pycdlib, pycdlib.dates, pycdlib.headervd, pycdlib.utils)
    with _clock_lock:
        for module in modules:
            vars(module)["time"] = clock
        try:
            yield
        finally:
            for module in modules:
                vars(module)["time"] = time
