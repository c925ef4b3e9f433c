"""The sections of a manifest as lines for people, at most 80 columns wide but for foreign strings."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterable, Iterator

from olos.manifest import App, FileRecord, Manifest, Mount, Policy, RootfsRecord
from olos.rlimit import Rlimit
from olos_cli.text import size, table, visible

_NOTHING = "nothing"


def file_lines(records: tuple[FileRecord, ...]) -> Iterator[str]:
    """Component files with their digests."""
    for record in records:
        yield f"{record.path}  {record.size:,} bytes"
        yield f"  sha256 {record.sha256.hex}"


def rootfs_lines(record: RootfsRecord) -> Iterator[str]:
    """The root file system with both roots."""
    yield f"{record.path}  {record.image_size:,} bytes of EROFS, {record.entries:,} entries"
    yield f"  verity {record.verity_root.hex}"
    yield f"  tree   {record.tree_root.hex}"


def app_lines(app: App) -> Iterator[str]:
    """What is started and how."""
    groups = " ".join(map(str, app.user.groups))
    yield from _pairs(
        ("args", *map(_quoted, app.args)),
        ("env", *map(_quoted, app.env)),
        ("cwd", visible(app.cwd)),
        ("user", f"{app.user.uid}:{app.user.gid}" + (groups and f", groups {groups}")),
        ("hostname", visible(app.hostname)),
        ("stop signal", _signal_name(app.stop_signal)),
        ("expose", " ".join(app.expose) or _NOTHING),
    )


def policy_lines(policy: Policy) -> Iterator[str]:
    """What the host may supply, and what the TEE says of the app."""
    yield from _pairs(
        ("target", policy.target),
        ("memory", size(policy.memory)),
        ("debug", "yes" if policy.debug else "no"),
        ("product", f"id {policy.product_id}, security version {policy.security_version}"),
        ("host args", policy.host_args),
        ("host env", *(_host_env(policy) or (_NOTHING,))),
        ("mounts", *(map(_mount, policy.mounts) if policy.mounts else (_NOTHING,))),
        ("ports", " ".join(policy.ports) or _NOTHING),
        ("outgoing", "yes" if policy.outgoing else "no"),
        ("credentials", policy.credentials),
        ("limits", *(map(_rlimit, policy.rlimits) if policy.rlimits else ("the usual ones",))),
        ("log level", policy.log_level),
    )


def _pairs(*rows: tuple[str, ...]) -> Iterable[str]:
    """A name and its values, one value per line."""
    cells: list[tuple[str, ...]] = [
        (row[0] if index == 0 else "", value) for row in rows for index, value in enumerate(row[1:])
    ]
    return table(cells)


def _quoted(text: str) -> str:
    """Text as a JSON string, so that its ends are seen and no two texts look the same."""
    return visible(json.dumps(text, ensure_ascii=False))


def _host_env(policy: Policy) -> list[str]:
    """Variables of which any value is let in, in one line; then those with a pattern, one a line."""
    patterns = dict(policy.host_env_patterns)
    free = " ".join(visible(name) for name in policy.host_env if name not in patterns)
    limited = [f"{visible(name)} that matches {visible(pattern)}" for name, pattern in patterns.items()]
    return [*([free] if free else []), *limited]


def _rlimit(limit: Rlimit) -> str:
    soft, hard = ("unlimited" if value is None else f"{value:,}" for value in (limit.soft, limit.hard))
    return f"{limit.name} {soft}" + (f", up to {hard}" if limit.soft != limit.hard else "")


def _mount(mount: Mount) -> str:
    rights = "read-only" if mount.read_only else "read-write"
    limit = f", at most {size(mount.size)}" if mount.size else ""
    return f"{visible(mount.target)}  {mount.type}, {rights}{limit}"


def _signal_name(number: int) -> str:
    names = {item.value: item.name for item in signal.Signals}
    return f"{number} ({names[number]})" if number in names else str(number)


_SECTIONS: dict[str, Callable[[Manifest], Iterator[str]]] = {
    "kernel": lambda manifest: file_lines(manifest.kernel),
    "crt": lambda manifest: file_lines(manifest.crt),
    "rootfs": lambda manifest: rootfs_lines(manifest.rootfs),
    "app": lambda manifest: app_lines(manifest.app),
    "policy": lambda manifest: policy_lines(manifest.policy),
}


def section_lines(manifest: Manifest, name: str) -> Iterator[str]:
    """The lines of one of olos.manifest.SECTIONS."""
    return _SECTIONS[name](manifest)
