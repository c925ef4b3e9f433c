"""The reader of `olos.toml` (docs/olos-toml.md): what the Dockerfile does not say about an app.

`[app]` and `[policy]` are measured, `[build]` says how the tree is made. Unknown keys are errors, and the
values obey the rules of the manifest (docs/formats.md section 4), whose checks are used here.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from olos.errors import InputError
from olos.fields import Fields, as_number, as_text
from olos.files import read_limited
from olos.manifest import (
    CREDENTIALS,
    HOST_ARGS,
    LOG_LEVELS,
    MAX_ID,
    MAX_MEMORY,
    MAX_SIZE,
    MAX_SVN,
    MIN_MEMORY,
    MOUNT_TYPES,
    TARGETS,
    App,
    Mount,
    Policy,
    check_absolute,
    check_hostname,
    check_memory,
    check_names,
    check_policy,
    check_ports,
)
from olos.pattern import read_patterns
from olos.progress import SILENT, Progress
from olos.rlimit import UNLIMITED, Rlimit, check_rlimit
from olos_build.appconfig import RESERVED_ENV, AppOverrides
from olos_build.ports import exposed, publishable
from olos_build.scrub import check_names as check_scrub
from olos_build.signals import signal_number
from olos_build.supported import check_supported

_T = TypeVar("_T")

FILE_NAME = "olos.toml"
MAX_EPOCH = 2**53 - 1
_LIMIT = 1 << 18
_SIZE = re.compile(r"([0-9]{1,16})\s*([KMGT])?(?:iB)?")
_UNITS = {None: 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


@dataclass(frozen=True)
class Settings:
    """What an `olos.toml` says; without arguments, what holds when there is none."""

    app: AppOverrides = field(default_factory=AppOverrides)
    policy: Policy = field(default_factory=Policy)
    ports_from_expose: bool = True
    """Nothing is said of `policy.ports`: they are those that the app exposes."""
    source_date_epoch: int = 0
    scrub: tuple[str, ...] = ()

    def policy_for(self, app: App, progress: Progress = SILENT) -> Policy:
        """The policy of an app. Warns of exposed ports that cannot be published."""
        if not self.ports_from_expose:
            return self.policy
        return replace(self.policy, ports=publishable(app.expose, progress))


def load(path: Path) -> Settings:
    """Read a file. Raises InputError naming the file and the key."""
    return parse(_read(path), str(path))


def parse(data: bytes, where: str) -> Settings:
    """The settings in the bytes of an `olos.toml`. Raises InputError naming `where` and the key."""
    try:
        document = tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError as exc:
        raise InputError(f"{where}: not UTF-8 at byte {exc.start}") from exc
    except ValueError as exc:  # tomllib.TOMLDecodeError, and integers of thousands of digits
        raise InputError(f"{where}: not TOML: {exc}") from exc
    except RecursionError as exc:
        raise InputError(f"{where}: nested too deeply") from exc
    try:
        tables = Fields(document, "")
        epoch, scrub = _build(_table(tables, "build"))
        policy = _table(tables, "policy")
        settings = Settings(
            app=_app(_table(tables, "app")),
            policy=_policy(policy),
            ports_from_expose=not policy.optional("ports"),
            source_date_epoch=epoch,
            scrub=scrub,
        )
        tables.done()
    except InputError as exc:
        raise InputError(f"{where}: {exc.message}", hint=exc.hint) from exc
    return settings


def check_epoch(value: object, where: str) -> int:
    """A SOURCE_DATE_EPOCH in seconds. Raises InputError naming `where`."""
    return as_number(value, where, 0, MAX_EPOCH)


def _read(path: Path) -> bytes:
    return read_limited(path, _LIMIT, hint=f"name an {FILE_NAME}", regular=True)


def _optional(table: Fields, key: str, read: Callable[[Fields, str], _T], default: _T) -> _T:
    """What `read` makes of a member, or the default if it is not there."""
    return read(table, key) if table.optional(key) else default


def _table(tables: Fields, key: str) -> Fields:
    return _optional(tables, key, lambda fields, name: Fields(fields.raw(name), name), Fields({}, key))


def _build(table: Fields) -> tuple[int, tuple[str, ...]]:
    """SOURCE_DATE_EPOCH, and the names of the rules of scrubbing."""
    epoch = _optional(table, "source_date_epoch", lambda t, key: check_epoch(t.raw(key), t.where(key)), 0)
    scrub = _scrub(table, "scrub") if table.optional("scrub") else ()
    table.done()
    return epoch, scrub


def _scrub(table: Fields, key: str) -> tuple[str, ...]:
    return check_scrub(table.texts(key), table.where(key))


def _app(table: Fields) -> AppOverrides:
    overrides = AppOverrides(
        args=_optional(table, "args", _args, None),
        env=_optional(table, "env", _env, {}),
        cwd=_optional(table, "cwd", lambda t, key: check_absolute(t.text(key), t.where(key)), None),
        user=_optional(table, "user", _text_or_number, None),
        hostname=_optional(table, "hostname", lambda t, key: check_hostname(t.text(key), t.where(key)), None),
        stop_signal=_optional(table, "stop_signal", _stop_signal, None),
        expose=_optional(table, "expose", lambda t, key: exposed(t.texts(key)), None),
    )
    table.done()
    return overrides


def _args(table: Fields, key: str) -> tuple[str, ...]:
    args = table.texts(key)
    if not args or not args[0]:
        raise InputError(f"{table.where(key)}: names no program", hint="leave it out to keep the image's")
    return args


def _env(table: Fields, key: str) -> Mapping[str, str]:
    """Names and values, in the order of the file."""
    where = table.where(key)
    members = table.raw(key)
    variables = Fields(members, where)
    names = list(members) if isinstance(members, Mapping) else []
    return {_variable(name, where): variables.text(name) for name in names}


def _variable(name: str, where: str) -> str:
    """The name of a variable that may be set: any that has one, as in a Dockerfile."""
    if not as_text(name, where) or "=" in name:
        raise InputError(f"{where}: {name[:80]!r} is no name of an environment variable")
    if name.startswith(RESERVED_ENV):
        raise InputError(
            f"{where}: {name[:80]!r} must not be set",
            hint=f"names that begin with {RESERVED_ENV} belong to the runtime",
        )
    return name


def _text_or_number(table: Fields, key: str) -> str:
    """What images spell as text although it may be a number, as in `user = 1000`."""
    value = table.raw(key)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(as_number(value, table.where(key), 0, MAX_ID))
    return table.text(key)


def _stop_signal(table: Fields, key: str) -> int:
    return signal_number(_text_or_number(table, key))


def _policy(table: Fields) -> Policy:
    default = Policy()
    policy = Policy(
        target=_optional(table, "target", lambda t, key: t.choice(key, TARGETS), default.target),
        memory=_optional(table, "memory", _memory, default.memory),
        debug=_optional(table, "debug", Fields.flag, default.debug),
        product_id=_optional(table, "product_id", _small_number, default.product_id),
        security_version=_optional(table, "security_version", _small_number, default.security_version),
        host_args=_optional(table, "host_args", lambda t, key: t.choice(key, HOST_ARGS), default.host_args),
        host_env=_optional(table, "host_env", _host_env, default.host_env),
        mounts=_optional(table, "mounts", _mounts, default.mounts),
        ports=_optional(table, "ports", _ports, default.ports),
        credentials=_optional(
            table, "credentials", lambda t, key: t.choice(key, CREDENTIALS), default.credentials
        ),
        outgoing=_optional(table, "outgoing", Fields.flag, default.outgoing),
        host_env_patterns=_optional(table, "host_env_patterns", _patterns, default.host_env_patterns),
        log_level=_optional(table, "log_level", lambda t, key: t.choice(key, LOG_LEVELS), default.log_level),
        rlimits=_optional(table, "rlimits", _rlimits, default.rlimits),
    )
    table.done()
    # An option may still make it a debug build; what only such a build may have is checked then.
    check_policy(replace(policy, debug=True), table.where)
    check_supported(policy)
    return policy


def _small_number(table: Fields, key: str) -> int:
    return table.number(key, 0, MAX_SVN)


def _memory(table: Fields, key: str) -> int:
    where = table.where(key)
    return check_memory(as_number(_size(table, key), where, MIN_MEMORY, MAX_MEMORY), where)


def _size(table: Fields, key: str) -> int:
    return _as_size(table.raw(key), table.where(key))


def _as_size(value: object, where: str) -> int:
    """A number of bytes, or text such as `512M` (binary units: K, M, G, T, also KiB, …)."""
    if not isinstance(value, str):
        return as_number(value, where, 0, MAX_SIZE)
    match = _SIZE.fullmatch(value)
    if not match:
        raise InputError(
            f"{where}: {value[:80]!r} is no size",
            hint='write a number of bytes, or one with a binary unit, as in "512M" or "1G"',
        )
    return as_number(int(match[1]) * _UNITS[match[2]], where, 0, MAX_SIZE)


def _host_env(table: Fields, key: str) -> tuple[str, ...]:
    where = table.where(key)
    names = check_names(table.texts(key), where)
    return _sorted(_variable(name, where) for name in names)


def _patterns(table: Fields, key: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(read_patterns(table, key)))


def _rlimits(table: Fields, key: str) -> tuple[Rlimit, ...]:
    limits = table.members(key)
    return tuple(_rlimit(limits, name) for name in sorted(limits))


def _rlimit(limits: Fields, name: str) -> Rlimit:
    """One value for both, or a list of the soft and the hard limit."""
    value, where = limits.raw(name), limits.where(name)
    pair = value if isinstance(value, list) else [value, value]
    if len(pair) != 2:
        raise InputError(f"{where}: expected one limit, or a list of the soft and the hard limit")
    soft, hard = (None if item == UNLIMITED else _as_size(item, where) for item in pair)
    return check_rlimit(Rlimit(name, soft, hard), where)


def _ports(table: Fields, key: str) -> tuple[str, ...]:
    return _sorted(check_ports(table.texts(key), table.where(key)))


def _mounts(table: Fields, key: str) -> tuple[Mount, ...]:
    where = table.where(key)
    mounts = [_mount(Fields(item, f"{where}[{i}]")) for i, item in enumerate(table.items(key))]
    by_target = {mount.target: mount for mount in mounts}
    if len(by_target) < len(mounts):
        raise InputError(f"{where}: two mounts have the same target")
    return tuple(by_target[target] for target in _sorted(by_target))


def _mount(table: Fields) -> Mount:
    mount = Mount(
        target=check_absolute(table.text("target"), table.where("target")),
        type=_optional(table, "type", lambda t, key: t.choice(key, MOUNT_TYPES), "tmpfs"),
        read_only=_optional(table, "read_only", Fields.flag, False),
        size=_optional(table, "size", _size, 0),
    )
    table.done()
    return mount


def _sorted(items: Iterable[str]) -> tuple[str, ...]:
    """In the order of the manifest, without repetition."""
    return tuple(sorted(set(items), key=str.encode))
