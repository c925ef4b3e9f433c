"""A kernel's side of FUSE (linux/fuse.h), as plain as can be: it asks the mount server, without a kernel."""

from __future__ import annotations

import errno
import mmap
import os
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).parent.parent.parent
TARGET = ROOT / "runtime" / "target"
HARNESS = ROOT / "tests" / "unit" / "runtime" / "mount_harness.c"
WALLS = HARNESS.with_name("mount_walls.c")
SOURCES = ("mount_call.c", "mount_files.c", "mount_names.c", "mount_nodes.c", "mount_server.c")
FLAGS = ("-std=c17", "-D_GNU_SOURCE", "-O1", "-g", "-Wall", "-Wextra", "-Werror")
CHECKERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")

SLOTS = 16
SLOT_SIZE = 256 * 1024 + 4096
NO_SLOT = 0xFF
ROOT_ID = 1

LOOKUP, FORGET, GETATTR, SETATTR, READLINK, SYMLINK = 1, 2, 3, 4, 5, 6
MKNOD, MKDIR, UNLINK, RMDIR, RENAME, LINK, OPEN, READ, WRITE, STATFS, RELEASE = (*range(8, 19),)
FSYNC, FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR, FSYNCDIR = 20, 25, 26, 27, 28, 29, 30
CREATE, INTERRUPT, DESTROY, BATCH_FORGET, RENAME2 = 35, 36, 38, 42, 45

_FRAME = struct.Struct("<IBBH")
_HEAD = struct.Struct("<IIQQIIII")
_OUT = struct.Struct("<IiQ")
_ATTRIBUTES = struct.Struct("<6Q10I")


def build(folder: Path) -> Path:
    """Compile the server with the compiler's memory checkers."""
    program = folder / "mount-server"
    files = [*(TARGET / name for name in SOURCES), ROOT / "runtime/common/util.c"]
    command: list[str | Path] = ["gcc", *FLAGS, *CHECKERS, f"-I{TARGET}", HARNESS, *files, "-o", program]
    subprocess.run(command, check=True)
    return program


def build_walls(folder: Path) -> Path:
    """Compile a program that tries what is forbidden to the server, behind the server's walls."""
    program = folder / "mount-walls"
    files = [TARGET / "mount_confine.c", TARGET / "namespaces.c", ROOT / "runtime/common/util.c"]
    headers = ["-idirafter", "/usr/include", "-idirafter", "/usr/include/x86_64-linux-gnu"]
    command: list[str | Path] = ["musl-gcc", "-static", *FLAGS, *headers, f"-I{TARGET}", WALLS, *files]
    subprocess.run([*command, "-o", program], check=True)
    return program


class FuseError(OSError):
    """The server has answered with an error."""


@dataclass(frozen=True)
class Attributes:
    inode: int
    size: int
    mode: int
    links: int
    uid: int
    gid: int

    @classmethod
    def decode(cls, data: bytes) -> Attributes:
        values = _ATTRIBUTES.unpack(data[: _ATTRIBUTES.size])
        return cls(values[0], values[1], values[9], values[10], values[11], values[12])


class Server:
    """A server for one directory, and the line to it."""

    def __init__(self, program: Path, directory: Path, *, read_only: bool = False, descriptors: int = 1024):
        self.wishes = 0
        self._unique = 0
        requests, self._requests = os.pipe()
        self._notices, notices = os.pipe()
        os.set_blocking(notices, False)
        slots = os.memfd_create("slots")
        os.truncate(slots, SLOTS * SLOT_SIZE)
        self._slots = mmap.mmap(slots, 0)
        arguments = [directory, "ro" if read_only else "rw", requests, notices, slots, descriptors]
        self._process = subprocess.Popen(
            [program, *map(str, arguments)], pass_fds=(requests, notices, slots), stderr=subprocess.PIPE
        )
        for fd in (requests, notices, slots):
            os.close(fd)

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            assert self.end() == (0, "")
        else:
            self._process.kill()
            self.end()

    def end(self) -> tuple[int, str]:
        """Close the line. Returns the server's exit code and what a memory checker says."""
        if self._requests >= 0:
            os.close(self._requests)
        self._requests = -1
        _, text = self._process.communicate(timeout=30)
        return self._process.returncode, text.decode()

    def send(self, frame: bytes) -> None:
        """Put bytes on the line."""
        os.write(self._requests, frame)

    def message(self, opcode: int, node: int, payload: bytes, *, slot: int = 0) -> bytes:
        """A whole message with its frame."""
        self._unique += 1
        size = _HEAD.size + len(payload)
        head = _HEAD.pack(size, opcode, self._unique, node, 0, 0, 0, 0)
        return _FRAME.pack(size, 0, slot, 0) + head + payload

    def await_notice(self) -> int:
        """The slot that the next notice names; -1 at the end of the server."""
        while True:
            data = os.read(self._notices, 4)
            if not data:
                return -1
            (notice,) = struct.unpack("<I", data)
            if notice >> 24 != NO_SLOT:
                return int(notice >> 24)
            self.wishes += 1

    def answer(self, slot: int = 0) -> tuple[int, bytes]:
        """What stands in a slot: an error number, and the rest."""
        at = slot * SLOT_SIZE
        size, error, unique = _OUT.unpack_from(self._slots, at)
        assert unique == self._unique
        return -error, self._slots[at + _OUT.size : at + size]

    def ask(self, opcode: int, node: int = ROOT_ID, payload: bytes = b"") -> bytes:
        """Send a message and return its answer. Raises FuseError."""
        self.send(self.message(opcode, node, payload))
        assert self.await_notice() == 0
        error, data = self.answer()
        if error:
            raise FuseError(error, errno.errorcode[error])
        return data

    def forget(self, node: int, lookups: int = 1) -> None:
        self.send(self.message(FORGET, node, struct.pack("<Q", lookups), slot=NO_SLOT))

    # ---- operations ----

    def start(self) -> bytes:
        return self.ask(INIT, 0, struct.pack("<IIII", 7, 36, 131072, 0xFFFFFFFF) + bytes(48))

    def lookup(self, name: bytes, parent: int = ROOT_ID) -> tuple[int, Attributes]:
        return _entry(self.ask(LOOKUP, parent, name + b"\0"))

    def walk(self, names: Sequence[bytes]) -> int:
        node = ROOT_ID
        for name in names:
            node, _ = self.lookup(name, node)
        return node

    def attributes(self, node: int) -> Attributes:
        return Attributes.decode(self.ask(GETATTR, node, bytes(16))[16:])

    def set_attributes(
        self, node: int, valid: int, *, size: int = 0, mode: int = 0, uid: int = 0
    ) -> Attributes:
        payload = struct.pack("<IIQQQQQQIIIIIIII", valid, 0, 0, size, 0, 7, 9, 0, 0, 0, 0, mode, 0, uid, 0, 0)
        return Attributes.decode(self.ask(SETATTR, node, payload)[16:])

    def open(self, node: int, flags: int = os.O_RDONLY) -> int:
        return _handle(self.ask(OPEN, node, struct.pack("<II", flags, 0)))

    def create(
        self, name: bytes, flags: int = os.O_RDWR, mode: int = 0o644, parent: int = ROOT_ID
    ) -> tuple[int, int]:
        data = self.ask(CREATE, parent, struct.pack("<IIII", flags, mode, 0, 0) + name + b"\0")
        return _entry(data)[0], _handle(data[128:])

    def read(self, handle: int, offset: int, size: int) -> bytes:
        return self.ask(READ, ROOT_ID, struct.pack("<QQIIQII", handle, offset, size, 0, 0, 0, 0))

    def write(self, handle: int, offset: int, data: bytes) -> int:
        payload = struct.pack("<QQIIQII", handle, offset, len(data), 0, 0, 0, 0) + data
        return int(struct.unpack("<II", self.ask(WRITE, ROOT_ID, payload))[0])

    def names(self, node: int = ROOT_ID, size: int = 4096) -> list[bytes]:
        handle = _handle(self.ask(OPENDIR, node, bytes(8)))
        found: list[bytes] = []
        offset = 0
        while data := self.ask(READDIR, node, struct.pack("<QQIIQII", handle, offset, size, 0, 0, 0, 0)):
            while data:
                _, offset, length, _ = struct.unpack_from("<QQII", data)
                found.append(data[24 : 24 + length])
                data = data[(24 + length + 7) // 8 * 8 :]
        self.ask(RELEASEDIR, node, struct.pack("<QIIQ", handle, 0, 0, 0))
        return found

    def make(self, opcode: int, name: bytes, mode: int = 0o755, parent: int = ROOT_ID) -> Attributes:
        """MKDIR or MKNOD."""
        fixed = struct.pack("<II", mode, 0) if opcode == MKDIR else struct.pack("<IIII", mode, 0x103, 0, 0)
        return _entry(self.ask(opcode, parent, fixed + name + b"\0"))[1]

    def rename(
        self, old: bytes, new: bytes, *, parent: int = ROOT_ID, to: int = ROOT_ID, flags: int = 0
    ) -> None:
        self.ask(RENAME2, parent, struct.pack("<QII", to, flags, 0) + old + b"\0" + new + b"\0")


def _entry(data: bytes) -> tuple[int, Attributes]:
    return struct.unpack_from("<Q", data)[0], Attributes.decode(data[40:])


def _handle(data: bytes) -> int:
    return int(struct.unpack_from("<Q", data)[0])
