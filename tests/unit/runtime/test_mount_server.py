"""The mount server: what it answers, and that no kernel leads it outside its directory or ends it."""

import errno
import os
import random
import socket
import stat
import struct
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from support import fuse
from support.fuse import ROOT_ID, FuseError, Server

MODE, UID, SIZE, MTIME = 1 << 0, 1 << 1, 1 << 3, 1 << 5
POSIX_LOCKS, WRITEBACK_CACHE = 1 << 1, 1 << 16


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fuse.build(tmp_path_factory.mktemp("mount-server"))


@pytest.fixture(scope="module")
def walls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fuse.build_walls(tmp_path_factory.mktemp("mount-walls"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory beside a secret, with ways that seem to lead to it."""
    (tmp_path / "secret").write_text("canary")
    (tmp_path / "outside").mkdir()
    folder = tmp_path / "inside"
    (folder / "d").mkdir(parents=True)
    (folder / "f").write_text("content")
    (folder / "d/g").write_text("deeper")
    (folder / "link").symlink_to("../secret")
    (folder / "up").symlink_to("..")
    os.mkfifo(folder / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(folder / "socket"))
    return folder


@pytest.fixture
def server(program: Path, folder: Path) -> Iterator[Server]:
    with Server(program, folder) as server:
        yield server


def refused(number: int, call: Callable[[], object]) -> None:
    with pytest.raises(FuseError) as caught:
        call()
    assert caught.value.errno == number, caught.value


def test_it_agrees_on_a_version(server: Server) -> None:
    major, minor, _, flags = struct.unpack_from("<IIII", server.start())
    assert (major, minor) == (7, 31)
    assert not flags & (WRITEBACK_CACHE | POSIX_LOCKS)


@pytest.mark.parametrize(("major", "minor"), [(6, 36), (8, 0), (7, 30)], ids=["old", "new", "too-little"])
def test_other_versions_are_refused(server: Server, major: int, minor: int) -> None:
    refused(errno.EPROTO, lambda: server.ask(fuse.INIT, 0, struct.pack("<IIII", major, minor, 0, 0)))


def test_attributes(server: Server, folder: Path) -> None:
    node, seen = server.lookup(b"f")
    assert (seen.size, seen.mode, seen.links) == (7, stat.S_IFREG | 0o644, 1)
    assert (seen.uid, seen.gid) == (1000, 2000)  # what is the caller's is the app's
    os.chown(folder / "f", 12345, 54321)
    assert (server.attributes(node).uid, server.attributes(node).gid) == (65534, 65534)


def test_a_file_is_the_same_file_under_every_name(server: Server, folder: Path) -> None:
    os.link(folder / "f", folder / "h")
    assert server.lookup(b"f")[0] == server.lookup(b"h")[0]


def test_reading_and_writing(server: Server, folder: Path) -> None:
    node, handle = server.create(b"new", mode=0o6640)
    assert stat.S_IMODE((folder / "new").stat().st_mode) == 0o640
    assert server.write(handle, 3, b"abc") == 3
    assert server.read(handle, 0, 100) == b"\0\0\0abc"
    assert server.set_attributes(node, SIZE, size=4).size == 4
    assert (folder / "new").read_bytes() == b"\0\0\0a"
    appending = server.open(node, os.O_WRONLY | os.O_APPEND)
    (folder / "new").write_bytes(b"grown meanwhile ")
    server.write(appending, 0, b"end")
    assert (folder / "new").read_bytes() == b"grown meanwhile end"


def test_a_file_that_is_gone_is_still_there_for_who_has_it(server: Server, folder: Path) -> None:
    node, _ = server.lookup(b"f")
    server.ask(fuse.UNLINK, ROOT_ID, b"f\0")
    assert server.attributes(node).links == 0
    assert server.read(server.open(node), 0, 9) == b"content"
    refused(errno.ENOENT, lambda: server.lookup(b"f"))


@pytest.mark.parametrize("size", [96, 4096, 1 << 17], ids=["one-by-one", "page", "large"])
def test_listing(server: Server, folder: Path, size: int) -> None:
    names = {b"x" * n for n in range(1, 70)} | {b"\xff\n\x1b[m", b"a b"}
    for name in names:
        Path(os.fsdecode(os.path.join(os.fsencode(folder), b"d", name))).touch()
    listed = server.names(server.walk([b"d"]), size)
    assert sorted(listed) == sorted({b".", b"..", b"g"} | names)


def test_names_change(server: Server, folder: Path) -> None:
    d = server.walk([b"d"])
    server.rename(b"f", b"moved", to=d)
    assert (folder / "d/moved").read_text() == "content"
    refused(errno.EEXIST, lambda: server.rename(b"moved", b"g", parent=d, to=d, flags=1))
    server.rename(b"moved", b"g", parent=d, to=d, flags=2)
    assert (folder / "d/moved").read_text() == "deeper"
    refused(errno.EINVAL, lambda: server.rename(b"moved", b"x", parent=d, flags=4))
    refused(errno.ENOTEMPTY, lambda: server.ask(fuse.RMDIR, ROOT_ID, b"d\0"))
    server.ask(fuse.LINK, ROOT_ID, struct.pack("<Q", server.walk([b"d", b"g"])) + b"twin\0")
    assert (folder / "twin").stat().st_ino == (folder / "d/g").stat().st_ino


def test_what_can_be_made(server: Server, folder: Path) -> None:
    assert stat.S_ISDIR(server.make(fuse.MKDIR, b"new", 0o7755).mode)
    assert stat.S_IMODE((folder / "new").stat().st_mode) & 0o6000 == 0
    assert stat.S_ISFIFO(server.make(fuse.MKNOD, b"pipe", stat.S_IFIFO | 0o600).mode)
    for kind in (stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK, 0):
        refused(errno.EPERM, partial(server.make, fuse.MKNOD, b"node", kind | 0o600))
    server.ask(fuse.SYMLINK, ROOT_ID, b"l\0/etc/passwd\0")
    assert os.readlink(folder / "l") == "/etc/passwd"


@pytest.mark.parametrize("name", [b"fifo", b"socket", b"link", b"d"])
def test_only_files_are_opened(server: Server, name: bytes) -> None:
    node, _ = server.lookup(name)
    refused(errno.EACCES, lambda: server.open(node))


def test_modes_and_owners(server: Server, folder: Path) -> None:
    node, _ = server.lookup(b"f")
    assert server.set_attributes(node, MODE, mode=0o600).mode & 0o7777 == 0o600
    refused(errno.EPERM, lambda: server.set_attributes(node, MODE, mode=0o4755))
    assert server.set_attributes(node, UID, uid=1000).uid == 1000
    refused(errno.EPERM, lambda: server.set_attributes(node, UID, uid=0))
    server.set_attributes(node, MTIME)
    assert (folder / "f").stat().st_mtime == 9
    link, _ = server.lookup(b"link")
    server.set_attributes(link, MTIME)
    assert (folder / "link").lstat().st_mtime == 9
    refused(errno.EOPNOTSUPP, lambda: server.set_attributes(link, MODE, mode=0o777))
    assert (folder.parent / "secret").stat().st_mtime != 9


# ---- a kernel that lies ----

BAD_NAMES = [b"..", b".", b"", b"d/g", b"/etc", b"../secret", b"x" * 256]


@pytest.mark.parametrize("name", BAD_NAMES, ids=lambda name: name[:12].decode() or "empty")
def test_names_that_lead_away_are_refused(server: Server, name: bytes) -> None:
    refused(errno.EINVAL, lambda: server.lookup(name))
    refused(errno.EINVAL, lambda: server.create(name))
    refused(errno.EINVAL, lambda: server.make(fuse.MKDIR, name))
    refused(errno.EINVAL, lambda: server.ask(fuse.UNLINK, ROOT_ID, name + b"\0"))
    refused(errno.EINVAL, lambda: server.rename(b"f", name))
    refused(errno.EINVAL, lambda: server.ask(fuse.SYMLINK, ROOT_ID, name + b"\0x\0"))
    refused(errno.EINVAL, lambda: server.ask(fuse.LOOKUP, ROOT_ID, name or b"no end"))


def test_links_are_never_followed(server: Server, folder: Path) -> None:
    up, _ = server.lookup(b"up")
    refused(errno.ENOTDIR, lambda: server.lookup(b"secret", up))
    refused(errno.ENOTDIR, lambda: server.names(up))
    refused(errno.ENOTDIR, lambda: server.create(b"x", parent=up))
    refused(errno.EACCES, lambda: server.create(b"link"))
    link, _ = server.lookup(b"link")
    refused(errno.EINVAL, lambda: server.set_attributes(link, SIZE))
    assert (folder.parent / "secret").read_text() == "canary"
    assert server.ask(fuse.READLINK, link) == b"../secret"


@pytest.mark.parametrize("node", [0, 2, 99, 1 << 32, 1 << 32 | 1, 2**64 - 1])
def test_numbers_that_were_never_given(server: Server, node: int) -> None:
    refused(errno.ESTALE, lambda: server.attributes(node))
    refused(errno.ESTALE, lambda: server.open(node))
    refused(errno.ESTALE, lambda: server.names(node))
    refused(errno.ESTALE, lambda: server.lookup(b"f", node))
    refused(errno.EBADF, lambda: server.read(node, 0, 1))


def test_what_is_forgotten_has_no_number(server: Server) -> None:
    node, _ = server.lookup(b"f")
    server.lookup(b"f")
    server.forget(node)
    server.attributes(node)
    server.forget(node, 2**64 - 1)
    refused(errno.ESTALE, lambda: server.attributes(node))
    assert server.lookup(b"f")[0] != node
    server.forget(ROOT_ID, 5)
    server.attributes(ROOT_ID)


def test_a_handle_is_of_one_kind(server: Server) -> None:
    handle = server.open(server.lookup(b"f")[0])
    refused(
        errno.EBADF,
        lambda: server.ask(fuse.READDIR, ROOT_ID, struct.pack("<QQIIQII", handle, 0, 99, 0, 0, 0, 0)),
    )
    server.ask(fuse.RELEASE, ROOT_ID, struct.pack("<QIIQ", handle, 0, 0, 0))
    refused(errno.EBADF, lambda: server.read(handle, 0, 1))
    reading = server.open(server.lookup(b"f")[0])
    refused(errno.EBADF, lambda: server.write(reading, 0, b"x"))


def test_read_only(program: Path, folder: Path) -> None:
    before = sorted(os.listdir(folder))
    with Server(program, folder, read_only=True) as server:
        node, _ = server.lookup(b"f")
        assert server.read(server.open(node), 0, 9) == b"content"
        for call in (
            lambda: server.create(b"x"),
            lambda: server.open(node, os.O_RDWR),
            lambda: server.open(node, os.O_WRONLY),
            lambda: server.open(node, 3),
            lambda: server.make(fuse.MKDIR, b"x"),
            lambda: server.rename(b"f", b"x"),
            lambda: server.ask(fuse.UNLINK, ROOT_ID, b"f\0"),
            lambda: server.set_attributes(node, SIZE),
        ):
            refused(errno.EROFS, call)
        server.open(node, os.O_TRUNC)
    assert sorted(os.listdir(folder)) == before
    assert (folder / "f").read_text() == "content"


def test_the_number_of_files_is_bounded(program: Path, folder: Path) -> None:
    for number in range(400):
        (folder / f"many{number}").touch()
    with Server(program, folder, descriptors=256) as server:
        known = []
        with pytest.raises(FuseError, match="ENFILE"):
            for number in range(400):
                known.append(server.lookup(f"many{number}".encode())[0])
        assert server.wishes > 0
        with pytest.raises(FuseError, match="ENFILE"):
            while True:
                server.open(known[0])
        for node in known:
            server.forget(node)
        assert server.lookup(b"many399")


@pytest.mark.parametrize(
    "frame",
    [
        struct.pack("<IBBH", 39, 0, 0, 0),
        struct.pack("<IBBH", fuse.SLOT_SIZE + 1, 0, 0, 0),
        struct.pack("<IBBH", 40, 1, 0, 0) + bytes(40),
        struct.pack("<IBBH", 40, 0, 16, 0) + bytes(40),
        b"short",
    ],
    ids=["no-head", "too-long", "no-such-mount", "no-such-slot", "cut-off"],
)
def test_a_line_that_makes_no_sense_ends_the_server(program: Path, folder: Path, frame: bytes) -> None:
    server = Server(program, folder)
    server.send(frame)
    assert server.end() == (5, "")


def _mutated(generator: random.Random, server: Server, nodes: list[int], handles: list[int]) -> bytes:
    """A message that is likely to be nearly right."""
    names = [b"f", b"d", b"g", b"link", b"up", b"..", b"fifo", b"new", b"x/y", b"../secret", b"n" * 300]
    words = [*nodes, *handles, 0, 1, 2**32 - 1, 2**63, 2**64 - 1, generator.getrandbits(64), 4096]
    opcode = generator.choice([*range(1, 52), fuse.LOOKUP, fuse.CREATE, fuse.OPEN, fuse.OPENDIR, fuse.MKDIR])
    size = generator.choice([0, 8, 16, 24, 40, 88, generator.randrange(120)])
    payload = b"".join(struct.pack("<Q", generator.choice(words)) for _ in range(size // 8))
    for _ in range(generator.randrange(3)):
        payload += generator.choice(names) + generator.choice([b"\0", b"\0", b"\0", b"", b"/"])
    if opcode in (fuse.FORGET, fuse.BATCH_FORGET):
        payload = payload[: generator.randrange(len(payload) + 1)]
        return server.message(opcode, generator.choice(words), payload, slot=fuse.NO_SLOT)
    node = generator.choice([*nodes, *nodes, generator.choice(words)])
    return server.message(opcode, node, payload)


@pytest.mark.parametrize("seed", range(6))
def test_no_message_leads_outside_or_ends_it(program: Path, folder: Path, seed: int) -> None:
    generator = random.Random(seed)
    nodes, handles = [ROOT_ID], [1]
    secret = (folder.parent / "secret").stat()
    with Server(program, folder, descriptors=256) as server:
        for _ in range(3000):
            message = _mutated(generator, server, nodes, handles)
            server.send(message)
            if message[5] == fuse.NO_SLOT:
                continue
            assert server.await_notice() == 0
            error, data = server.answer()
            assert 0 <= error < 4096
            assert b"canary" not in data
            if not error and len(data) >= 128:
                nodes = [*nodes[-20:], struct.unpack_from("<Q", data)[0], ROOT_ID]
            if not error and len(data) in (16, 144):
                handles = [*handles[-20:], struct.unpack_from("<Q", data[-16:])[0]]
    assert os.listdir(folder.parent / "outside") == []
    assert sorted(os.listdir(folder.parent)) == ["inside", "outside", "secret"]
    assert (folder.parent / "secret").read_text() == "canary"
    now = (folder.parent / "secret").stat()
    assert (now.st_ino, now.st_mode, now.st_nlink, now.st_mtime_ns) == (
        secret.st_ino, secret.st_mode, secret.st_nlink, secret.st_mtime_ns,
    )  # fmt: skip


# ---- the walls around it ----


MODES = [("ro", frozenset({"read"})), ("rw", frozenset({"read", "make", "rename"}))]


@pytest.mark.parametrize("user", [0, 65534], ids=["root", "nobody"])
@pytest.mark.parametrize(("mode", "done"), MODES, ids=["ro", "rw"])
def test_who_takes_it_over_has_won_little(
    tmp_path: Path, walls: Path, mode: str, done: frozenset[str], user: int
) -> None:
    folder = tmp_path / "share"
    folder.mkdir()
    (folder / "file").touch()
    (tmp_path / "secret").touch()
    os.chown(folder, user, user)
    for parent in (walls.parent, *walls.parents[1:-1], *tmp_path.parents[:-1], tmp_path):
        parent.chmod(parent.stat().st_mode | 0o011)
    result = subprocess.run(
        [walls, folder, mode],
        capture_output=True,
        text=True,
        check=True,
        user=user,
        group=user,
        extra_groups=(),
    )
    outcomes = dict(line.split(" ", 1) for line in result.stdout.splitlines())
    done |= {"landlock"} if outcomes["landlock"] == "done" else {"above"}  # on hosts that have none
    assert {name for name, outcome in outcomes.items() if outcome == "done"} == done
    assert outcomes.pop("path") == "No such file or directory"
    assert {outcomes[name] for name in outcomes if name not in {*done, "above", "landlock"}} == {
        "Operation not permitted"
    }
