"""The manifest `olos.json`, schema `olos/1` (docs/formats.md section 4).

`Manifest.decode` accepts nothing but the canonical bytes of a valid manifest, and
`Manifest.encode` writes them: value and bytes determine each other. The five sections are
what the measurement hashes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from olos.canonical import JSON, decode, encode
from olos.digest import Digest, sha256_of
from olos.errors import InputError
from olos.fields import Fields
from olos.pattern import read_patterns
from olos.rlimit import Rlimit, read_rlimits

SCHEMA = "olos/1"
ROOTFS_FORMAT = "olos-rootfs-1"
MANIFEST_LIMIT = 1 << 20
SECTIONS = ("kernel", "crt", "rootfs", "app", "policy")
"""The measured sections in the order of the measurement."""

TARGETS = ("linux",)
HOST_ARGS = ("deny", "append", "replace")
MOUNT_TYPES = ("tmpfs", "host", "sealed")
CREDENTIALS = ("none", "pem")
LOG_LEVELS = ("error", "info", "debug")
MEBIBYTE = 1 << 20
MIN_MEMORY = 64 * MEBIBYTE
MAX_MEMORY = 1 << 46
MAX_ID = 2**32 - 2
MAX_SIZE = 2**53 - 1
MAX_SVN = 65535
MAX_PATH = 4095
MAX_COMPONENT = 255
MAX_LAYOUT_NAME = 47

_LAYOUT_NAME = re.compile(r"[A-Za-z0-9._+-]+(/[A-Za-z0-9._+-]+)*")
_PORT = re.compile(r"([1-9][0-9]{0,4})/(tcp|udp|sctp)")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_HOSTNAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,62}[A-Za-z0-9])?")


@dataclass(frozen=True, order=True)
class FileRecord:
    """A component file: its name in the layout, size in bytes and SHA-256."""

    path: str
    size: int
    sha256: Digest

    def json(self) -> JSON:
        return {"path": self.path, "sha256": self.sha256.hex, "size": self.size}


@dataclass(frozen=True)
class RootfsRecord:
    """The root file system: where it is, both roots, the EROFS image's size, the number of entries."""

    path: str
    image_size: int
    verity_root: Digest
    tree_root: Digest
    entries: int

    def json(self) -> JSON:
        return {
            "entries": self.entries,
            "format": ROOTFS_FORMAT,
            "image_size": self.image_size,
            "path": self.path,
            "tree_root": self.tree_root.hex,
            "verity_root": self.verity_root.hex,
        }


@dataclass(frozen=True)
class User:
    """Who the app runs as; `groups` are the supplementary groups, sorted."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()

    def json(self) -> JSON:
        return {"gid": self.gid, "groups": self.groups, "uid": self.uid}


@dataclass(frozen=True)
class App:
    """What is started and how."""

    args: tuple[str, ...]
    env: tuple[str, ...]
    cwd: str
    user: User
    hostname: str
    stop_signal: int
    expose: tuple[str, ...] = ()

    def json(self) -> JSON:
        return {
            "args": self.args,
            "cwd": self.cwd,
            "env": self.env,
            "expose": self.expose,
            "hostname": self.hostname,
            "stop_signal": self.stop_signal,
            "user": self.user.json(),
        }


@dataclass(frozen=True)
class Mount:
    """A mount over the root file system; `size` in bytes, 0 where it has no meaning."""

    target: str
    type: str
    read_only: bool
    size: int

    def json(self) -> JSON:
        return {"read_only": self.read_only, "size": self.size, "target": self.target, "type": self.type}


@dataclass(frozen=True)
class Policy:
    """What the host may supply, and what the TEE says of the app. Memory in bytes."""

    target: str = "linux"
    memory: int = 512 * MEBIBYTE
    debug: bool = False
    product_id: int = 0
    security_version: int = 0
    host_args: str = "deny"
    host_env: tuple[str, ...] = ()
    mounts: tuple[Mount, ...] = ()
    ports: tuple[str, ...] = ()
    credentials: str = "none"
    host_env_patterns: tuple[tuple[str, str], ...] = ()
    log_level: str = "error"
    outgoing: bool = False
    rlimits: tuple[Rlimit, ...] = ()

    @property
    def host_mounts(self) -> tuple[Mount, ...]:
        """Those whose directory the host gives at run time."""
        return tuple(mount for mount in self.mounts if mount.type == "host")

    def json(self) -> JSON:
        members: dict[str, JSON] = {
            "credentials": self.credentials,
            "debug": self.debug,
            "host_args": self.host_args,
            "host_env": self.host_env,
            "memory": self.memory,
            "mounts": [mount.json() for mount in self.mounts],
            "ports": self.ports,
            "product_id": self.product_id,
            "security_version": self.security_version,
            "target": self.target,
        }
        if self.host_env_patterns:
            members["host_env_patterns"] = dict(self.host_env_patterns)
        if self.log_level != LOG_LEVELS[0]:
            members["log_level"] = self.log_level
        if self.outgoing:
            members["outgoing"] = True
        if self.rlimits:
            members["rlimits"] = {limit.name: limit.json() for limit in self.rlimits}
        return members


@dataclass(frozen=True)
class Manifest:
    """All that is measured."""

    kernel: tuple[FileRecord, ...]
    crt: tuple[FileRecord, ...]
    rootfs: RootfsRecord
    app: App
    policy: Policy

    def section(self, name: str) -> bytes:
        """The canonical bytes of one of SECTIONS."""
        return encode(self._json()[name])

    def encode(self) -> bytes:
        """The canonical bytes of the manifest."""
        return encode(self._json())

    def _json(self) -> Mapping[str, JSON]:
        return {
            "app": self.app.json(),
            "crt": [record.json() for record in self.crt],
            "kernel": [record.json() for record in self.kernel],
            "policy": self.policy.json(),
            "rootfs": self.rootfs.json(),
            "schema": SCHEMA,
        }

    @classmethod
    def decode(cls, data: bytes, *, where: str = "olos.json") -> Manifest:
        """Read the canonical bytes. Raises InputError naming `where` and the key."""
        fields = Fields(decode(data, where=where, limit=MANIFEST_LIMIT), where)
        fields.choice("schema", (SCHEMA,))
        manifest = cls(
            kernel=_files(fields, "kernel"),
            crt=_files(fields, "crt"),
            rootfs=_rootfs(fields),
            app=_app(Fields(fields.raw("app"), fields.where("app"))),
            policy=_policy(Fields(fields.raw("policy"), fields.where("policy"))),
        )
        fields.done()
        return manifest


def _files(fields: Fields, key: str) -> tuple[FileRecord, ...]:
    records = []
    for index, item in enumerate(fields.items(key)):
        members = Fields(item, f"{fields.where(key)}[{index}]")
        path = check_layout_name(members.text("path"), members.where("path"))
        digest = sha256_of(members.text("sha256"), where=members.where("sha256"))
        records.append(FileRecord(path, members.number("size", 0, MAX_SIZE), digest))
        members.done()
    if not records:
        raise InputError(f"{fields.where(key)}: names no file")
    _check_sorted([record.path for record in records], fields.where(key))
    return tuple(records)


def _rootfs(fields: Fields) -> RootfsRecord:
    members = Fields(fields.raw("rootfs"), fields.where("rootfs"))
    members.choice("format", (ROOTFS_FORMAT,))
    record = RootfsRecord(
        path=check_layout_name(members.text("path"), members.where("path")),
        image_size=members.number("image_size", 4096, MAX_SIZE),
        verity_root=sha256_of(members.text("verity_root"), where=members.where("verity_root")),
        tree_root=sha256_of(members.text("tree_root"), where=members.where("tree_root")),
        entries=members.number("entries", 1, MAX_SIZE),
    )
    if record.image_size % 4096:
        raise InputError(f"{members.where('image_size')}: not a multiple of 4096")
    members.done()
    return record


def _app(fields: Fields) -> App:
    user = Fields(fields.raw("user"), fields.where("user"))
    groups = user.items("groups")
    app = App(
        args=fields.texts("args"),
        env=check_env(fields.texts("env"), fields.where("env")),
        cwd=check_absolute(fields.text("cwd"), fields.where("cwd")),
        user=User(
            uid=user.number("uid", 0, MAX_ID),
            gid=user.number("gid", 0, MAX_ID),
            groups=tuple(_group(item, f"{user.where('groups')}[{i}]") for i, item in enumerate(groups)),
        ),
        hostname=check_hostname(fields.text("hostname"), fields.where("hostname")),
        stop_signal=fields.number("stop_signal", 1, 64),
        expose=check_ports(fields.texts("expose"), fields.where("expose")),
    )
    user.done()
    fields.done()
    if not app.args or not app.args[0]:
        raise InputError(f"{fields.where('args')}: names no program")
    _check_sorted(app.user.groups, user.where("groups"))
    _check_sorted(app.expose, fields.where("expose"))
    return app


def _group(item: object, where: str) -> int:
    return Fields({"group": item}, where).number("group", 0, MAX_ID)


def _policy(fields: Fields) -> Policy:
    policy = Policy(
        target=fields.choice("target", TARGETS),
        memory=check_memory(fields.number("memory", MIN_MEMORY, MAX_MEMORY), fields.where("memory")),
        debug=fields.flag("debug"),
        product_id=fields.number("product_id", 0, MAX_SVN),
        security_version=fields.number("security_version", 0, MAX_SVN),
        host_args=fields.choice("host_args", HOST_ARGS),
        host_env=check_names(fields.texts("host_env"), fields.where("host_env")),
        mounts=tuple(
            _mount(Fields(item, f"{fields.where('mounts')}[{i}]"))
            for i, item in enumerate(fields.items("mounts"))
        ),
        ports=check_ports(fields.texts("ports"), fields.where("ports")),
        credentials=fields.choice("credentials", CREDENTIALS),
        host_env_patterns=fields.unless_default("host_env_patterns", read_patterns, ()),
        log_level=fields.unless_default("log_level", lambda f, key: f.choice(key, LOG_LEVELS), LOG_LEVELS[0]),
        outgoing=fields.unless_default("outgoing", Fields.flag, False),
        rlimits=fields.unless_default("rlimits", read_rlimits, ()),
    )
    fields.done()
    check_policy(policy, fields.where)
    _check_sorted(policy.host_env, fields.where("host_env"))
    _check_sorted(policy.ports, fields.where("ports"))
    _check_sorted([mount.target for mount in policy.mounts], fields.where("mounts"))
    return policy


def _mount(fields: Fields) -> Mount:
    mount = Mount(
        target=check_absolute(fields.text("target"), fields.where("target")),
        type=fields.choice("type", MOUNT_TYPES),
        read_only=fields.flag("read_only"),
        size=fields.number("size", 0, MAX_SIZE),
    )
    fields.done()
    return mount


def _check_sorted(items: Iterable[str] | Iterable[int], where: str) -> None:
    values: list[str | int] = list(items)
    if values != sorted(set(values), key=lambda v: v.encode() if isinstance(v, str) else v):
        raise InputError(f"{where}: not sorted, or an item stands twice")


def check_policy(policy: Policy, where: Callable[[str], str]) -> None:
    """What one key of a policy demands of another. Raises InputError; `where` gives the place of a key."""
    for name in sorted({name for name, _ in policy.host_env_patterns} - {*policy.host_env}):
        raise InputError(f"{where('host_env_patterns')}: {name[:80]!r} is not in {where('host_env')}")
    if policy.log_level == "debug" and not policy.debug:
        raise InputError(
            f"{where('log_level')}: 'debug' is for debug builds only", hint="set policy.debug, too"
        )


def check_layout_name(name: str, where: str) -> str:
    """The name of a file in a layout (docs/formats.md section 1). Raises InputError."""
    if len(name) > MAX_LAYOUT_NAME or not _LAYOUT_NAME.fullmatch(name) or {".", ".."} & set(name.split("/")):
        raise InputError(f"{where}: {name[:80]!r} is no name of a file in a layout")
    return name


def check_absolute(path: str, where: str) -> str:
    """An absolute path in normal form. Raises InputError."""
    parts = path.split("/")[1:]
    normal = path == "/" or (path.startswith("/") and not {"", ".", ".."} & set(parts))
    fits = len(path.encode()) <= MAX_PATH and all(len(part.encode()) <= MAX_COMPONENT for part in parts)
    if not (normal and fits):
        raise InputError(f"{where}: {path[:150]!r} is no absolute path in normal form")
    return path


def check_env(env: tuple[str, ...], where: str) -> tuple[str, ...]:
    """NAME=value strings, no name twice. Raises InputError."""
    seen: set[str] = set()
    for item in env:
        name, equals, _ = item.partition("=")
        if not equals or not name:
            raise InputError(f"{where}: {item[:80]!r} has no form NAME=value")
        if name in seen:
            raise InputError(f"{where}: {name} is set twice")
        seen.add(name)
    return env


def check_names(names: tuple[str, ...], where: str) -> tuple[str, ...]:
    """Names of environment variables. Raises InputError."""
    for name in names:
        if not _ENV_NAME.fullmatch(name):
            raise InputError(f"{where}: {name[:80]!r} is no name of an environment variable")
    return names


def check_ports(ports: tuple[str, ...], where: str) -> tuple[str, ...]:
    """Ports as in `80/tcp`. Raises InputError."""
    for port in ports:
        match = _PORT.fullmatch(port)
        if not match or int(match[1]) > 65535:
            raise InputError(f"{where}: {port[:80]!r} is no port of the form 80/tcp")
    return ports


def check_hostname(name: str, where: str) -> str:
    """A host name of at most 64 characters. Raises InputError."""
    if not _HOSTNAME.fullmatch(name):
        raise InputError(f"{where}: {name[:80]!r} is no host name")
    return name


def check_memory(memory: int, where: str) -> int:
    """A multiple of 1 MiB. Raises InputError."""
    if memory % MEBIBYTE:
        raise InputError(f"{where}: {memory} is not a multiple of 1 MiB")
    return memory
