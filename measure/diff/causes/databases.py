"""Databases of package managers: dpkg's status file and file lists, apk's installed file.

They are read from both sides, bounded, and nothing in them is believed beyond an explanation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from measure.diff.model import Attribute
from measure.diff.side import Side
from olos.tree import FileType

DPKG_STATUS = b"var/lib/dpkg/status"
DPKG_LISTS = b"var/lib/dpkg/info/"
APK_INSTALLED = b"lib/apk/db/installed"

_MAX_DATABASE = 32 << 20
_MAX_LIST = 4 << 20
_MAX_MOVED = 1000
"""Most moved packages whose files are looked up."""
_MERGED = (b"bin/", b"sbin/", b"lib/", b"lib32/", b"lib64/", b"libx32/")
"""Directories that are symlinks into usr/ where it is merged; dpkg keeps the names from before."""

Versions = dict[str, str]


@dataclass(frozen=True)
class Moved:
    """Packages that came, went, or have another version, and the files that belong to them."""

    packages: tuple[Attribute, ...] = ()
    owners: dict[bytes, Attribute] = field(default_factory=dict)


def dpkg(sides: tuple[Side, Side]) -> Moved:
    """What dpkg says. Raises InputError if a content cannot be read."""
    old, new = (_dpkg_versions(content(side, DPKG_STATUS, _MAX_DATABASE)) for side in sides)
    return _moved(sides, old, new, _dpkg_files)


def apk(sides: tuple[Side, Side]) -> Moved:
    """What apk says. Raises InputError if a content cannot be read."""
    data = [content(side, APK_INSTALLED, _MAX_DATABASE) for side in sides]
    old, new = (_apk_versions(each) for each in data)
    files = {id(side): dict(_apk_files(each)) for side, each in zip(sides, data, strict=True)}
    return _moved(sides, old, new, lambda side, name: files[id(side)].get(name, ()))


def content(side: Side, path: bytes, limit: int) -> bytes:
    """A regular file of a side; empty if it is not there, not known, or too large."""
    if side.files is None:
        return b""
    inode = side.files.find(path)
    if inode is None or inode.type is not FileType.REGULAR or inode.size > limit:
        return b""
    with side.files.open(inode) as stream:
        return stream.read(limit)


def _moved(
    sides: tuple[Side, Side],
    old: Versions,
    new: Versions,
    files: Callable[[Side, str], tuple[bytes, ...]],
) -> Moved:
    if not old and not new:
        return Moved()
    names = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
    packages = [Attribute(name, old.get(name), new.get(name)) for name in names]
    owners: dict[bytes, Attribute] = {}
    for package in packages[:_MAX_MOVED]:
        for side in sides:
            for path in files(side, package.name):
                owners.setdefault(path, package)
    return Moved(tuple(packages), owners)


def _dpkg_versions(data: bytes) -> Versions:
    """Installed packages as NAME or NAME:ARCHITECTURE, as dpkg names their lists."""
    versions: Versions = {}
    for paragraph in data.split(b"\n\n"):
        fields = dict(_fields(paragraph))
        name, version = fields.get(b"Package"), fields.get(b"Version")
        if name and version and fields.get(b"Status", b"").endswith(b" installed"):
            same = fields.get(b"Multi-Arch") == b"same"
            full = name + b":" + fields.get(b"Architecture", b"") if same else name
            versions[_text(full)] = _text(version)
    return versions


def _fields(paragraph: bytes) -> Iterator[tuple[bytes, bytes]]:
    for line in paragraph.split(b"\n"):
        name, colon, value = line.partition(b":")
        if colon and not line.startswith((b" ", b"\t")):
            yield name, value.strip()


def _dpkg_files(side: Side, name: str) -> tuple[bytes, ...]:
    info = DPKG_LISTS + name.encode()
    paths = [line.lstrip(b"/") for line in content(side, info + b".list", _MAX_LIST).split(b"\n")]
    about = [
        info + suffix for suffix in (b".list", b".md5sums", b".postinst", b".prerm", b".triggers", b".shlibs")
    ]
    return tuple(p for path in (*paths, *about) if path for p in _spellings(path))


def _spellings(path: bytes) -> tuple[bytes, ...]:
    return (path, b"usr/" + path) if path.startswith(_MERGED) else (path,)


def _apk_versions(data: bytes) -> Versions:
    versions: Versions = {}
    for paragraph in data.split(b"\n\n"):
        fields = dict(_fields(paragraph))
        if b"P" in fields and b"V" in fields:
            versions[_text(fields[b"P"])] = _text(fields[b"V"])
    return versions


def _apk_files(data: bytes) -> Iterator[tuple[str, tuple[bytes, ...]]]:
    """Packages with their files: lines `P:name`, `F:folder`, `R:file`."""
    for paragraph in data.split(b"\n\n"):
        name, folder = "", b""
        paths: list[bytes] = []
        for line in paragraph.split(b"\n"):
            key, value = line[:2], line[2:]
            if key == b"P:":
                name = _text(value)
            elif key == b"F:":
                folder = value + b"/" if value else b""
            elif key == b"R:":
                paths.append(folder + value)
        yield name, tuple(paths)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
