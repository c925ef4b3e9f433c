"""USER of a Dockerfile: names and numbers resolved by the image's /etc/passwd and /etc/group.

The rules are those of container engines (moby/sys/user, GetExecUser): a number is always an id, the
first entry of a file wins, and supplementary groups are looked up only if no group is given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from olos.errors import InputError
from olos.fields import as_text
from olos.manifest import User
from olos_build.tree_files import TreeFiles

PASSWD, GROUP = "/etc/passwd", "/etc/group"
_FILE_LIMIT = 4 << 20
_MAX_ID = 2**31 - 1
"""Engines take no ids that are negative as a 32-bit number."""
_NUMBER = re.compile(r"[0-9]{1,10}")


def resolve_user(text: str, files: TreeFiles) -> User:
    """The user that `user`, `user:group` or nothing means: each part a name or a number.

    Raises InputError if a name is not known, naming the file, or a number is out of range.
    """
    name, colon, group = text.partition(":")
    if colon and (not group or ":" in group):
        raise InputError(f"user {text[:80]!r} has no form user or user:group")
    entry = _passwd_entry(name or "0", files)
    if entry is None and not _NUMBER.fullmatch(name or "0"):
        raise _unknown("user", name, PASSWD)
    uid = _id(entry[2], PASSWD) if entry else _id(name or "0", "user")
    gid = _id(entry[3], PASSWD) if entry else 0
    if colon:
        return User(uid, _group_id(group, files))
    return User(uid, gid, _supplementary(entry[0], files) if entry else ())


def home_of(uid: int, files: TreeFiles) -> str:
    """The home directory of a user, `/` if nothing is known of it."""
    entry = _passwd_entry(str(uid), files)
    return as_text(entry[5] if entry else "", f"home directory in {PASSWD}") or "/"


def _passwd_entry(user: str, files: TreeFiles) -> list[str] | None:
    index = 2 if _NUMBER.fullmatch(user) else 0
    return next((entry for entry in _entries(PASSWD, 7, files) if _same(entry[index], user)), None)


def _group_id(group: str, files: TreeFiles) -> int:
    index = 2 if _NUMBER.fullmatch(group) else 0
    for entry in _entries(GROUP, 4, files):
        if _same(entry[index], group):
            return _id(entry[2], GROUP)
    if index == 0:
        raise _unknown("group", group, GROUP)
    return _id(group, "group")


def _supplementary(name: str, files: TreeFiles) -> tuple[int, ...]:
    found = {_id(entry[2], GROUP) for entry in _entries(GROUP, 4, files) if name in entry[3].split(",")}
    return tuple(sorted(found))


def _entries(path: str, columns: int, files: TreeFiles) -> Iterator[list[str]]:
    """The lines of a file, split at colons; columns that are missing are empty."""
    content = files.read(path, _FILE_LIMIT) or b""
    for line in content.decode("utf-8", "surrogateescape").split("\n"):
        if line.strip():
            fields = line.strip().split(":")
            yield fields + [""] * (columns - len(fields))


def _same(field: str, wanted: str) -> bool:
    if _NUMBER.fullmatch(wanted):
        return bool(_NUMBER.fullmatch(field)) and int(field) == int(wanted)
    return field == wanted


def _id(digits: str, where: str) -> int:
    if not _NUMBER.fullmatch(digits) or int(digits) > _MAX_ID:
        raise InputError(f"{where}: {digits[:80]!r} is no id from 0 to {_MAX_ID}")
    return int(digits)


def _unknown(kind: str, name: str, path: str) -> InputError:
    return InputError(
        f"{kind} {name[:80]!r} is not in {path} of the image", hint="create it, or give its number"
    )
