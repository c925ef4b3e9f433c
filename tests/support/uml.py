"""User-Mode Linux as a judge: what its kernel sees in an EROFS image."""

import os
import stat
import struct
import subprocess
from pathlib import Path

from olos.erofs_format import TYPES
from olos.tree import FileType
from olos_build.cpio import Member, archive
from support.trees import Description

_SCANNER = Path(__file__).parent / "scan.c"
_RECORDS = 64 << 20


def kernel_scan(image: Path, folder: Path) -> list[Description]:
    """Mount an image in a User-Mode Linux and tell all that is there. `folder` takes what that needs."""
    init, initramfs, records = folder / "init", folder / "initramfs", folder / "records"
    subprocess.run(["musl-gcc", "-static", "-O2", "-s", "-o", init, _SCANNER], check=True)
    (module,) = Path("/usr/lib/uml/modules").glob("*/kernel/fs/erofs/erofs.ko")
    members = [Member("erofs.ko", 0o644, module.read_bytes()), Member("init", 0o755, init.read_bytes())]
    initramfs.write_bytes(archive(members))
    records.touch()
    os.truncate(records, _RECORDS)
    kernel = subprocess.run(
        [
            "linux.uml",
            "mem=128M",
            "con=null",
            "con0=null,fd:1",
            f"ubd0r={image}",
            f"ubd1={records}",
            f"initrd={initramfs}",
            "initcall_blacklist=raid6_select_algo,calibrate_xor_blocks,register_xor_blocks",
            "pty.legacy_count=0",
            f"uml_dir={folder}",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        timeout=120,
        start_new_session=True,
        env={"HOME": str(folder), "PATH": os.environ["PATH"]},
    )
    with records.open("rb") as stream:
        data = memoryview(stream.read())
    try:
        return sorted(_parse(data))
    except (struct.error, KeyError) as exc:
        raise AssertionError(kernel.stdout.decode(errors="replace")) from exc


def _parse(data: memoryview) -> list[Description]:
    position = 0
    result: list[Description] = []
    first: dict[int, bytes] = {}

    def take() -> bytes:
        nonlocal position
        (length,) = struct.unpack_from("<Q", data, position)
        position += 8 + length
        return bytes(data[position - length : position])

    records = []
    while struct.unpack_from("<Q", data, position)[0] == 1:
        header = struct.unpack_from("<9Q", data, position)
        position += 72
        path = take()[2:]
        records.append((path, header, take(), tuple(sorted((take(), take()) for _ in range(header[7])))))
    if not records:
        raise KeyError("nothing was found")
    for path, (_, mode, uid, gid, mtime, device, inode, _, links), content, xattrs in sorted(records):
        type_ = TYPES[stat.S_IFMT(mode)]
        linked = links > 1 and type_ is not FileType.DIRECTORY
        link = first.setdefault(inode, path) if linked else b""
        result.append(
            Description(
                path,
                type_.value,
                stat.S_IMODE(mode),
                uid,
                gid,
                mtime,
                link,
                content,
                (device >> 32, device & 0xFFFFFFFF),
                xattrs,
            )
        )
    return result
