"""What differs between two manifests, key by key; components and the root file system as one change each."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping

from measure.diff.causes.sections import component_causes
from measure.diff.model import Attribute, Cause, Change, Kind, What
from olos.canonical import JSON, encode
from olos.manifest import App, FileRecord, Manifest, Mount, Policy, RootfsRecord

_MAX_ALIGNED = 500
"""Longest list of arguments that is aligned; longer ones are compared place by place."""

Values = Mapping[str, str]


def changes(old: Manifest, new: Manifest) -> list[Change]:
    """All changes: keys of app and policy first, then components in the order of their names."""
    return [*_keys(old, new), *components(old, new), *_rootfs(old.rootfs, new.rootfs)]


def components(old: Manifest, new: Manifest) -> Iterator[Change]:
    """The files of kernel and C-runtime that differ."""
    before = {record.path: record for record in (*old.crt, *old.kernel)}
    after = {record.path: record for record in (*new.crt, *new.kernel)}
    for path in sorted({*before, *after}):
        if before.get(path) != after.get(path):
            attributes = _differing(_record(before.get(path)), _record(after.get(path)))
            yield _change("component", path, attributes, component_causes(path))


def _record(record: FileRecord | None) -> Values:
    return {} if record is None else {"size": str(record.size), "sha256": record.sha256.hex}


def _rootfs(old: RootfsRecord, new: RootfsRecord) -> Iterator[Change]:
    """The values that follow from the files; a change of its own, though never a cause."""
    if old == new:
        return
    values = [
        {
            "path": record.path,
            "entries": str(record.entries),
            "image_size": str(record.image_size),
            "tree_root": record.tree_root.hex,
            "verity_root": record.verity_root.hex,
        }
        for record in (old, new)
    ]
    yield Change("component", new.path, "changed", _differing(*values))


def _keys(old: Manifest, new: Manifest) -> Iterator[Change]:
    yield from _list("app.args", old.app.args, new.app.args)
    yield from _env(old.app, new.app)
    yield from _items("app.", _app(old.app), _app(new.app))
    yield from _items("policy.", _policy(old.policy), _policy(new.policy))


def _items(prefix: str, old: Values, new: Values) -> Iterator[Change]:
    for attribute in _differing(old, new):
        value = Attribute("value", attribute.old, attribute.new)
        yield _change("manifest", prefix + attribute.name, (value,))


def _app(app: App) -> Values:
    return {
        "cwd": _text(app.cwd),
        "user.uid": str(app.user.uid),
        "user.gid": str(app.user.gid),
        **_set("user.groups", map(str, app.user.groups)),
        "hostname": _text(app.hostname),
        "stop_signal": str(app.stop_signal),
        **_set("expose", app.expose),
    }


def _policy(policy: Policy) -> Values:
    values: dict[str, str] = {}
    for mount in policy.mounts:
        values |= _mount(mount)
    return {
        "target": policy.target,
        "memory": str(policy.memory),
        "debug": _text(policy.debug),
        "product_id": str(policy.product_id),
        "security_version": str(policy.security_version),
        "host_args": policy.host_args,
        **_set("host_env", policy.host_env),
        **values,
        **_set("ports", policy.ports),
        "outgoing": _text(policy.outgoing),
        "credentials": policy.credentials,
        **{f"host_env_patterns[{name}]": pattern for name, pattern in policy.host_env_patterns},
        "log_level": policy.log_level,
        **{f"rlimits[{limit.name}]": _text(limit.json()) for limit in policy.rlimits},
    }


def _mount(mount: Mount) -> Values:
    key = f"mounts[{mount.target}]"
    return {
        f"{key}.type": mount.type,
        f"{key}.read_only": _text(mount.read_only),
        f"{key}.size": str(mount.size),
    }


def _set(key: str, items: Iterable[str]) -> Values:
    """Items without order: each is a key of its own."""
    return {f"{key}[{item}]": item for item in items}


def _env(old: App, new: App) -> Iterator[Change]:
    """Variables by name; then their order, where that is all that differs."""
    before, after = (dict(item.split("=", 1) for item in app.env) for app in (old, new))
    yield from _items("app.", _variables(before), _variables(after))
    if before == after and old.env != new.env:
        value = Attribute("order", _text(list(before)), _text(list(after)))
        yield _change("manifest", "app.env", (value,))


def _variables(variables: Mapping[str, str]) -> Values:
    return {f"env[{name}]": _text(value) for name, value in variables.items()}


def _list(key: str, old: tuple[str, ...], new: tuple[str, ...]) -> Iterator[Change]:
    """Items with order: what stays is aligned, so that one more item is one change."""
    if max(len(old), len(new)) > _MAX_ALIGNED:
        blocks = [("replace", 0, len(old), 0, len(new))]
    else:
        blocks = [*difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()]
    for kind, i, i_end, j, j_end in blocks:
        for step in range(max(i_end - i, j_end - j) if kind != "equal" else 0):
            before = _text(old[i + step]) if i + step < i_end else None
            after = _text(new[j + step]) if j + step < j_end else None
            if before != after:
                index = j + step if after is not None else i + step
                yield _change("manifest", f"{key}[{index}]", (Attribute("value", before, after),))


def _text(value: JSON) -> str:
    """A value as JSON, so that no two look the same."""
    return encode(value).decode()


def _change(
    kind: Kind, subject: str, attributes: tuple[Attribute, ...], causes: tuple[Cause, ...] = ()
) -> Change:
    """A change that is called by what its attributes say."""
    what: What = "changed"
    if all(attribute.old is None for attribute in attributes):
        what = "added"
    elif all(attribute.new is None for attribute in attributes):
        what = "removed"
    return Change(kind, subject, what, attributes, causes=causes)


def _differing(old: Values, new: Values) -> tuple[Attribute, ...]:
    return tuple(
        Attribute(name, old.get(name), new.get(name))
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    )
