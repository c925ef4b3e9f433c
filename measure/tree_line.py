"""An entry of a file tree as a line of JSON, the lines of `olos-tree/1` (docs/formats.md section 7).

A line holds what the leaf of the entry covers (section 2.3), so the tree root can be recomputed from lines.
"""

from __future__ import annotations

from json.encoder import encode_basestring

from measure.leaf import is_path
from olos import erofs_format as fmt
from olos.canonical import parse
from olos.digest import Digest, sha256_of
from olos.errors import InputError
from olos.fields import Fields, as_number, as_text
from olos.spelling import spell, unspell
from olos.tree import Entry, FileType, Inode

MAX_LINE = 2 << 20
"""Bytes of a line: the largest xattr area, paths and target fit, also if every byte needs an escape."""

_MAX_SIZE = fmt.MAX_BLOCKS * fmt.BLOCK
_TYPES = tuple(kind.value for kind in FileType)


def encode(entry: Entry, content: Digest | None) -> bytes:
    """The line of an entry, without line break; `content` is the fs-verity digest, of regular files only."""
    inode = entry.inode
    members = []  # in the order of RFC 8785; only mtime may be beyond its integers
    if content is not None:
        members.append(f'"content":"{content.hex}"')
    if inode.type in fmt.DEVICES:
        members.append(f'"device":[{inode.device[0]},{inode.device[1]}]')
    members.append(f'"gid":{inode.gid}')
    if entry.link:
        members.append(f'"link":{_text(entry.link)}')
    members.append(f'"mode":{inode.mode},"mtime":{inode.mtime},"path":{_text(entry.path)}')
    if content is not None:
        members.append(f'"size":{inode.size}')
    if inode.type is FileType.SYMLINK:
        members.append(f'"target":{_text(inode.target)}')
    members.append(f'"type":"{inode.type.value}","uid":{inode.uid}')
    if inode.xattrs:
        pairs = ",".join(f'[{_text(name)},"{value.hex()}"]' for name, value in inode.xattrs)
        members.append(f'"xattrs":[{pairs}]')
    return ("{" + ",".join(members) + "}").encode()


def _text(data: bytes) -> str:
    return encode_basestring(spell(data))


def decode(line: bytes, where: str) -> tuple[Entry, Digest | None]:
    """The entry of a line. Raises InputError, naming `where`, for lines that `encode` does not write."""
    fields = Fields(parse(line, where=where), where)
    kind = FileType(fields.choice("type", _TYPES))
    regular = kind is FileType.REGULAR
    target = unspell(fields.text("target"), where=fields.where("target")) if kind is FileType.SYMLINK else b""
    if kind is FileType.SYMLINK and not 0 < len(target) <= fmt.MAX_TARGET:
        raise InputError(f"{fields.where('target')}: not of 1 to {fmt.MAX_TARGET} bytes")
    content = sha256_of(fields.text("content"), where=fields.where("content")) if regular else None
    inode = Inode(
        type=kind,
        mode=fields.number("mode", 0, 0o7777),
        uid=fields.number("uid", 0, fmt.MAX_ID),
        gid=fields.number("gid", 0, fmt.MAX_ID),
        mtime=fields.number("mtime", 0, fmt.MAX_MTIME),
        size=fields.number("size", 0, _MAX_SIZE) if regular else len(target),
        target=target,
        device=_device(fields) if kind in fmt.DEVICES else (0, 0),
        xattrs=_xattrs(fields) if fields.optional("xattrs") else (),
    )
    link = _path(fields, "link") if fields.optional("link") else b""
    entry = Entry(_path(fields, "path"), inode, link)
    fields.done()
    if link > entry.path or (link and kind is FileType.DIRECTORY):
        raise InputError(f"{where}.link: is not the first name of a hard link group")
    if encode(entry, content) != line:
        raise InputError(f"{where}: not in the one form of a line", hint="sorted keys, no blanks")
    return entry, content


def _path(fields: Fields, key: str) -> bytes:
    path = unspell(fields.text(key), where=fields.where(key))
    if not is_path(path):
        raise InputError(f"{fields.where(key)}: {spell(path)[:80]!r} is no path in normal form")
    return path


def _device(fields: Fields) -> tuple[int, int]:
    where, items = fields.where("device"), fields.items("device")
    if len(items) != 2:
        raise InputError(f"{where}: expected major and minor number")
    return as_number(items[0], where, 0, fmt.MAX_MAJOR), as_number(items[1], where, 0, fmt.MAX_MINOR)


def _xattrs(fields: Fields) -> tuple[tuple[bytes, bytes], ...]:
    where = fields.where("xattrs")
    pairs = tuple(_xattr(item, where) for item in fields.items("xattrs"))
    names = [name for name, _ in pairs]
    if not names or names != sorted(set(names)):
        raise InputError(f"{where}: empty, not sorted, or a name stands twice")
    return pairs


def _xattr(item: object, where: str) -> tuple[bytes, bytes]:
    if not isinstance(item, list) or len(item) != 2:
        raise InputError(f"{where}: expected pairs of name and value")
    name = unspell(as_text(item[0], where), where=where)
    digits = as_text(item[1], where)
    try:
        fmt.xattr_index(name)
        value = bytes.fromhex(digits)
    except ValueError as exc:
        raise InputError(f"{where}: {exc}") from exc
    if len(value) > fmt.MAX_XATTR_VALUE:
        raise InputError(f"{where}: a value of more than {fmt.MAX_XATTR_VALUE} bytes")
    return name, value
