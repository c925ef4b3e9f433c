"""`machine-id`: the identity of an installation, which no image should have (machine-id(5)).

/etc/machine-id becomes an empty file, as systemd wants it in images: then each boot gets an identity of
its own. D-Bus' own copy goes. Symlinks stay, and where there is no file none is made.
"""

from __future__ import annotations

from dataclasses import replace

from olos.tree import FileType, Inode
from olos_build.scrub.rule import Rule

_EMPTIED, _REMOVED = b"etc/machine-id", b"var/lib/dbus/machine-id"


def _judge(path: bytes, inode: Inode) -> Inode | None:
    if inode.type is not FileType.REGULAR or path not in (_EMPTIED, _REMOVED):
        return inode
    return replace(inode, size=0, content=()) if path == _EMPTIED else None


MACHINE_ID = Rule("machine-id", _judge)
