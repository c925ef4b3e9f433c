"""Resource limits of the app (getrlimit(2)), named as `docker run --ulimit` and limits.conf(5) name them."""

from __future__ import annotations

from dataclasses import dataclass

from olos.canonical import JSON
from olos.errors import InputError
from olos.fields import Fields, as_number

RLIMITS = (
    *("as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue"),
    *("nice", "nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack"),
)
"""All limits of Linux, sorted."""

UNLIMITED = "unlimited"
MAX_VALUE = 2**53 - 1
MAX_NOFILE = 1 << 20
"""The kernel's own limit on open files (fs.nr_open): it takes no larger one, and not `unlimited` either."""


@dataclass(frozen=True, order=True)
class Rlimit:
    """A limit: what holds, and up to where the app may raise it; None is unlimited."""

    name: str
    soft: int | None
    hard: int | None

    def json(self) -> JSON:
        return [UNLIMITED if value is None else value for value in (self.soft, self.hard)]


def check_rlimit(limit: Rlimit, where: str) -> Rlimit:
    """A limit that the kernel takes. Raises InputError naming `where`."""
    if limit.name not in RLIMITS:
        raise InputError(f"{where}: unknown limit", hint=f"Linux has {', '.join(RLIMITS)}")
    if limit.hard is not None and (limit.soft is None or limit.soft > limit.hard):
        raise InputError(f"{where}: the soft limit is above the hard limit")
    if limit.name == "nofile" and (limit.hard is None or limit.hard > MAX_NOFILE):
        raise InputError(f"{where}: more than {MAX_NOFILE}, which is all that the kernel allows")
    return limit


def read_rlimits(fields: Fields, key: str) -> tuple[Rlimit, ...]:
    """Limits by name, as [soft, hard]. Raises InputError."""
    members = fields.members(key)
    return tuple(_rlimit(members, name) for name in members)


def _rlimit(fields: Fields, name: str) -> Rlimit:
    where, values = fields.where(name), fields.items(name)
    if len(values) != 2:
        raise InputError(f"{where}: expected the soft and the hard limit")
    soft, hard = (None if value == UNLIMITED else as_number(value, where, 0, MAX_VALUE) for value in values)
    return check_rlimit(Rlimit(name, soft, hard), where)
