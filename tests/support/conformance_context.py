"""The build context that the cases of tests/integration/conformance share."""

import bz2
import gzip
import io
import lzma
import os
import shutil
import struct
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

MAKE_ODD = """\
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>

static int attribute(const char *path, const char *name, const char *hex)
{
    unsigned char value[256];
    size_t size = strlen(hex) / 2;
    for (size_t i = 0; i < size; i++)
        sscanf(hex + 2 * i, "%2hhx", &value[i]);
    return setxattr(path, name, value, size, 0);
}

static int listen_at(const char *path)
{
    struct sockaddr_un address = {AF_UNIX, ""};
    strcpy(address.sun_path, path);
    return bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof address);
}

static int date(const char *path, const char *seconds, const char *nanoseconds)
{
    struct timespec times[2] = {{0, UTIME_OMIT}, {atoll(seconds), atol(nanoseconds)}};
    return utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
}

int main(int argc, char **argv)
{
    int failed = argc == 3 ? listen_at(argv[2])
                 : argc != 5 ? -1
                 : argv[1][0] == 'x' ? attribute(argv[2], argv[3], argv[4])
                                     : date(argv[2], argv[3], argv[4]);
    if (failed)
        perror(argv[2]);
    return failed != 0;
}
"""
"""What busybox cannot: `odd socket FILE`, `odd xattr FILE NAME HEX`, `odd date FILE SECONDS NANOSECONDS`."""

ODD_NAMES = (
    b"sp ace",
    b"new\nline",
    b"tab\t",
    b"-dash",
    "ümläut 名 e\u0301".encode(),
    b"\xff\xfe\x80",
    b"n" * 255,
    b"quote\"'",
    b"back\\slash",
    b"$HOME",
    b"star*",
    b"[class]",
    b"...",
    b"~",
    b"#hash",
)


def write_context(folder: Path, layers: dict[str, str]) -> Path:
    """Write it into a new directory. `layers` are shell scripts by name."""
    folder.mkdir()
    _files(folder)
    _archives(folder / "tar")
    _compile(folder)
    shutil.copy("/bin/busybox", folder / "busybox")
    (folder / "layers").mkdir()
    for name, script in layers.items():
        (folder / "layers" / name).write_text(script)
    return folder


def _files(folder: Path) -> None:
    names = ["src/a", "src/x.sh", "src/sub/b", "src/sub/deep/c", "src/.hidden", "src/empty/.keep"]
    names += [f"glob/{name}" for name in ("a1.txt", "a2.txt", "b1.txt", ".dot.txt", "sp ace.txt", "c")]
    names += ["glob/d.txt/in", "ignored/gone", "ignored/kept", "logs/x.log", "logs/keep.log", "logs/y"]
    names += ["class/[x].txt", "over/x", "over/y/z", "other/x/in", "other/y"]
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{name}\n")
    (folder / "src/empty/.keep").unlink()
    (folder / "src/x.sh").chmod(0o755)
    (folder / "src/nothing").touch()
    (folder / "src/link").symlink_to("a")
    (folder / "src/out").symlink_to("/etc/passwd")
    (folder / "src/dangling").symlink_to("nowhere")
    (folder / "src/tosub").symlink_to("sub")
    os.link(folder / "src/a", folder / "src/hard")
    (folder / "users").mkdir()
    (folder / "users/passwd").write_text("root:x:0:0::/root:/bin/sh\napp:x:1000:100::/home/app:/bin/sh\n")
    (folder / "users/group").write_text("root:x:0:\nusers:x:100:\nwheel:x:10:app\nextra:x:20:app\n")
    (folder / "odd").mkdir()
    for odd in ODD_NAMES:
        Path(os.fsdecode(os.fsencode(folder / "odd") + b"/" + odd)).write_bytes(odd)
    (folder / "long").mkdir()
    (folder / "long/link").symlink_to("t" * 4000)
    (folder / ".dockerignore").write_text("# comment\nignored\n!ignored/kept\n**/*.log\n!logs/keep.log\n")


def _archives(folder: Path) -> None:
    folder.mkdir()
    (folder / "plain.tar").write_bytes(
        plain := _tar([_member("d/in", mode=0o640, uid=5, gid=6, mtime=1_111_111)])
    )
    for ending, compress in ZIPPED.items():
        (folder / f"plain.tar.{ending}").write_bytes(compress(plain))
    (folder / "fake.tar").write_text("no archive\n")
    (folder / "fake.tar.gz").write_text("no archive either\n")
    (folder / "text.gz").write_bytes(gzip.compress(b"a text, and no archive\n", mtime=0))
    (folder / "named.txt").write_bytes(plain)
    (folder / "empty.tar").write_bytes(_tar([]))
    (folder / "odd.tar").write_bytes(_tar(_odd_members()))
    (folder / "times.tar").write_bytes(_tar(_members_of_all_times()))
    (folder / "links.tar").write_bytes(_tar(_linked_members()))
    soft = [_member("a"), _member("soft", tarfile.SYMTYPE, linkname="a")]
    soft.append(_member("hard", tarfile.LNKTYPE, linkname="soft"))
    (folder / "softlink.tar").write_bytes(_tar(soft))
    (folder / "over.tar").write_bytes(_tar([_member("x"), _member("y/new")]))


def _stored_in_zstd(data: bytes) -> bytes:
    """A frame with one raw block (RFC 8878 section 3.1.1): the same bytes whatever library there is."""
    single_segment_with_size_of_two_bytes = 0x60
    frame = struct.pack("<IBH", 0xFD2FB528, single_segment_with_size_of_two_bytes, len(data) - 256)
    last_raw_block = len(data) << 3 | 1
    return frame + last_raw_block.to_bytes(3, "little") + data


ZIPPED: dict[str, Callable[[bytes], bytes]] = {
    "gz": lambda data: gzip.compress(data, mtime=0),
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": _stored_in_zstd,
}


def _tar(members: list[tarfile.TarInfo]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for member in members:
            archive.addfile(
                member, io.BytesIO(member.name.encode("utf-8", "surrogateescape").ljust(member.size, b"-"))
            )
    return stream.getvalue()


def _member(name: str, kind: bytes = tarfile.REGTYPE, **values: object) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.mtime = kind, 1000
    if kind == tarfile.REGTYPE:
        member.size = max(len(name.encode("utf-8", "surrogateescape")), 10)
    for key, value in values.items():
        setattr(member, key, value)
    return member


def _odd_members() -> list[tarfile.TarInfo]:
    capability = bytes.fromhex("0100000200040000000000000000000000000000").decode("utf-8", "surrogateescape")
    return [
        _member("./dot", mode=0o600),
        _member("closed", tarfile.DIRTYPE, mode=0o700, uid=7, gid=8),
        _member("closed/in", mode=0o6755, uid=7, gid=8),
        _member("sticky", tarfile.DIRTYPE, mode=0o1777),
        _member("/absolute"),
        _member("twice", uid=1, mtime=1),
        _member("twice", uid=2, mtime=2),
        _member("fifo", tarfile.FIFOTYPE, mode=0o622),
        _member("null", tarfile.CHRTYPE, mode=0o666, devmajor=1, devminor=3),
        _member("block", tarfile.BLKTYPE, mode=0o660, devmajor=259, devminor=300),
        _member("capable", mode=0o755, pax_headers={"SCHILY.xattr.security.capability": capability}),
        _member("n" * 255),
        _member("p/" * 120 + "long"),
        _member("big-ids", uid=3_000_000, gid=2_000_000_000),
        _member("ümläut"),
        _member("sp ace\nline"),
        _member("no/parents/here"),
        _member("last", tarfile.DIRTYPE, mode=0o755, mtime=12345),
        _member("last/in", mtime=54321),
    ]


def _members_of_all_times() -> list[tarfile.TarInfo]:
    times = {"zero": 0, "old": 86_400, "before": -86_400, "fraction": 5.75, "now": 999_999_999}
    times |= {"future": 4_102_444_800, "later": 10_000_000_000}
    return [_member(name, mtime=time) for name, time in times.items()]


def _linked_members() -> list[tarfile.TarInfo]:
    return [
        _member("b", uid=3, mode=0o600),
        _member("a", tarfile.LNKTYPE, linkname="b", uid=3, mode=0o600),
        _member("soft", tarfile.SYMTYPE, linkname="b"),
        _member("dangling", tarfile.SYMTYPE, linkname="no/where"),
        _member("absolute", tarfile.SYMTYPE, linkname="/etc/passwd"),
        _member("long", tarfile.SYMTYPE, linkname="t" * 4000),
        _member("dir", tarfile.DIRTYPE),
        _member("to-dir", tarfile.SYMTYPE, linkname="dir"),
    ]


def _compile(folder: Path) -> None:
    source = folder / "odd.c"
    source.write_text(MAKE_ODD)
    subprocess.run(["musl-gcc", "-static", "-Os", "-s", "-o", folder / "make-odd", source], check=True)
    source.unlink()
