"""What is known of an entry of a root file system, whoever says it, in a form that can be compared."""

import hashlib
import os
import stat
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, BinaryIO, NamedTuple

from olos.content import open_content
from olos.erofs_format import TYPES
from olos.tree import FileType, Tree

EPOCH = 1_000_000_000
_KEPT = ("security.capability", "system.posix_acl_access", "system.posix_acl_default")
_CHUNK = 1 << 20
_SHOWN = 80


class Facts(NamedTuple):
    """One entry. `content` is that of a file, a digest of it if it is long, or a symlink's target.

    `link` is the first name of the file if it has several. Times are limited as in a canonical tree.
    """

    path: str
    type: str
    mode: int
    owner: str
    mtime: int
    size: int = 0
    content: str = ""
    device: tuple[int, int] = (0, 0)
    xattrs: tuple[tuple[str, str], ...] = ()
    link: str = ""

    def __str__(self) -> str:
        line = f"{self.path} {self.type} {self.mode:04o} {self.owner} {self.mtime}"
        if self.type == "f":
            line += f" {self.size} {self.content}"
        if self.type == "l":
            line += f" -> {self.content}"
        if self.type in "bc":
            line += f" {self.device}"
        line += "".join(f" {name}={value}" for name, value in self.xattrs)
        return line + (f" link {self.link}" if self.link else "")


def of_tree(tree: Tree) -> Iterator[Facts]:
    """What olos makes of an image."""
    known: dict[int, str] = {}
    for entry in tree:
        inode, content = entry.inode, ""
        if inode.type is FileType.REGULAR:
            if id(inode) not in known:
                with open_content(inode) as stream:
                    known[id(inode)] = _content(stream)
            content = known[id(inode)]
        elif inode.type is FileType.SYMLINK:
            content = _text(inode.target)
        yield Facts(
            path="/" + _text(entry.path),
            type=inode.type.value,
            mode=inode.mode,
            owner=f"{inode.uid}:{inode.gid}",
            mtime=inode.mtime,
            size=inode.size if inode.type is FileType.REGULAR else 0,
            content=content,
            device=inode.device,
            xattrs=tuple((name.decode(), value.hex()) for name, value in inode.xattrs),
            link="/" + _text(entry.link) if entry.link else "",
        )


def of_folder(folder: Path, epoch: int = EPOCH) -> Iterator[Facts]:
    """What lies in a directory of the host, such as a container that is mounted."""
    root = os.fsencode(folder)
    first: dict[int, str] = {}
    paths = sorted(_names(root))
    # An overlay counts links that are gone or stay below.
    names = Counter(os.lstat(root + b"/" + path).st_ino for path in paths)
    for path in paths:
        full, status = root + b"/" + path, os.lstat(root + b"/" + path)
        kind = stat.S_IFMT(status.st_mode)
        if kind == stat.S_IFSOCK:
            continue
        letter, shown, content = TYPES[kind].value, "/" + _text(path), ""
        if letter == "f":
            with open(full, "rb") as stream:
                content = _content(stream)
        elif letter == "l":
            content = _text(os.readlink(full))
        linked = letter != "d" and names[status.st_ino] > 1
        yield Facts(
            path=shown,
            type=letter,
            mode=stat.S_IMODE(status.st_mode),
            owner=f"{status.st_uid}:{status.st_gid}",
            mtime=_limited(status.st_mtime_ns // 10**9, epoch),
            size=status.st_size if letter == "f" else 0,
            content=content,
            device=(os.major(status.st_rdev), os.minor(status.st_rdev)) if letter in "bc" else (0, 0),
            xattrs=_kept(
                {name: os.getxattr(full, name, follow_symlinks=False) for name in _xattr_names(full)}
            ),
            link=first.setdefault(status.st_ino, shown) if linked else "",
        )


def of_tar(stream: BinaryIO, epoch: int = EPOCH) -> Iterator[Facts]:
    """What a program wrote into a tar archive, such as `docker export`, as Python's tarfile reads it."""
    found: dict[str, Facts] = {}
    groups: dict[str, list[str]] = {}
    with tarfile.open(fileobj=stream, mode="r|", encoding="utf-8", errors="surrogateescape") as archive:
        for member in archive:
            path = "/" + _text(os.fsencode(member.name.strip("/")))
            if member.islnk():
                groups.setdefault("/" + _text(os.fsencode(member.linkname.strip("/"))), []).append(path)
                continue
            content = archive.extractfile(member) if member.isreg() else None
            found[path] = _of_member(path, member, _content(content), epoch)
    for target, names in groups.items():
        first = min(target, *names)
        found |= {name: found[target]._replace(path=name, link=first) for name in (target, *names)}
    return iter([found[path] for path in sorted(found, key=lambda path: path.encode())])


def _of_member(path: str, member: tarfile.TarInfo, found: str, epoch: int) -> Facts:
    kinds = {tarfile.DIRTYPE: "d", tarfile.SYMTYPE: "l", tarfile.CHRTYPE: "c", tarfile.BLKTYPE: "b"}
    letter = {**kinds, tarfile.FIFOTYPE: "p"}.get(member.type, "f")
    prefix = "SCHILY.xattr."
    headers = member.pax_headers.items()
    return Facts(
        path=path,
        type=letter,
        mode=member.mode & 0o7777,
        owner=f"{member.uid}:{member.gid}",
        mtime=_limited(int(member.mtime // 1), epoch),
        size=member.size if letter == "f" else 0,
        content=_text(os.fsencode(member.linkname)) if letter == "l" else found,
        device=(member.devmajor, member.devminor) if letter in "bc" else (0, 0),
        xattrs=_kept({k.removeprefix(prefix): os.fsencode(v) for k, v in headers if k.startswith(prefix)}),
    )


def _names(root: bytes) -> Iterator[bytes]:
    """All paths below a directory, however deep."""
    pending = [b""]
    while pending:
        folder = pending.pop()
        yield folder
        with os.scandir(root + b"/" + folder) as entries:
            for entry in entries:
                path = folder + b"/" + entry.name if folder else entry.name
                if entry.is_dir(follow_symlinks=False):
                    pending.append(path)
                else:
                    yield path


def _xattr_names(path: bytes) -> Iterable[str]:
    return os.listxattr(path, follow_symlinks=False)


def _kept(xattrs: Mapping[str, bytes]) -> tuple[tuple[str, str], ...]:
    kept = {name: value for name, value in xattrs.items() if name in _KEPT or name.startswith("user.")}
    return tuple((name, value.hex()) for name, value in sorted(kept.items()))


def _limited(seconds: int, epoch: int) -> int:
    return max(0, min(seconds, epoch))


def _content(stream: IO[bytes] | None) -> str:
    """A short content as it is, a digest of a longer one."""
    data = stream.read(_CHUNK) if stream else b""
    if len(data) <= _SHOWN:
        return repr(data.decode("utf-8", "backslashreplace"))
    result = hashlib.sha256(data)
    while stream and (chunk := stream.read(_CHUNK)):
        result.update(chunk)
    return result.hexdigest()[:12]


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace").replace("\n", "\\n")
