"""The configuration of an image (OCI image configuration; Docker's is the same but for details)."""

from __future__ import annotations

from collections.abc import Mapping

from olos.canonical import parse
from olos.digest import Digest
from olos.errors import InputError
from olos.fields import Fields, as_text
from olos_build.images.model import History, ImageConfig

OS, ARCHITECTURE = "linux", "amd64"


def parse_config(data: bytes, where: str) -> tuple[ImageConfig, tuple[Digest, ...]]:
    """The configuration and the digests of the uncompressed layers, the lowest first.

    Raises InputError, naming `where`, for wrong types and for another platform than linux/amd64.
    Unknown keys are allowed: the format is not ours.
    """
    top = present(parse(data, where=where), where)
    system, architecture = top.text("os"), top.text("architecture")
    if (system, architecture) != (OS, ARCHITECTURE):
        raise InputError(
            f"{where}: the image is for {system[:40]}/{architecture[:40]}, not for {OS}/{ARCHITECTURE}",
            hint=f"build or pull it with --platform {OS}/{ARCHITECTURE}",
        )
    run = present(top.raw("config") if "config" in top else {}, top.where("config"))
    config = ImageConfig(
        architecture=architecture,
        os=system,
        entrypoint=_texts(run, "Entrypoint"),
        cmd=_texts(run, "Cmd"),
        env=_texts(run, "Env") or (),
        working_dir=_text(run, "WorkingDir"),
        user=_text(run, "User"),
        exposed_ports=_keys(run, "ExposedPorts"),
        stop_signal=_text(run, "StopSignal"),
        volumes=_keys(run, "Volumes"),
        healthcheck=_healthcheck(run),
        labels=_labels(run),
        history=_history(top),
    )
    return config, _diff_ids(top)


def present(value: object, where: str) -> Fields:
    """The members of an object that are not null: engines write null for what is not there."""
    if isinstance(value, Mapping):
        value = {key: member for key, member in value.items() if member is not None}
    return Fields(value, where)


def _text(fields: Fields, key: str) -> str:
    return fields.text(key) if key in fields else ""


def _texts(fields: Fields, key: str) -> tuple[str, ...] | None:
    return fields.texts(key) if key in fields else None


def _keys(fields: Fields, key: str) -> tuple[str, ...]:
    """The sorted keys of an object that stands for a set."""
    return tuple(name for name, _ in _members(fields, key))


def _labels(fields: Fields) -> tuple[tuple[str, str], ...]:
    where = fields.where("Labels")
    return tuple((name, as_text(value, f"{where}.{name[:80]}")) for name, value in _members(fields, "Labels"))


def _members(fields: Fields, key: str) -> list[tuple[str, object]]:
    if key not in fields:
        return []
    value = fields.raw(key)
    if not isinstance(value, Mapping):
        raise InputError(f"{fields.where(key)}: expected an object")
    return sorted((as_text(name, fields.where(key)), member) for name, member in value.items())


def _healthcheck(fields: Fields) -> bool:
    if "Healthcheck" not in fields:
        return False
    test = _texts(present(fields.raw("Healthcheck"), fields.where("Healthcheck")), "Test")
    return bool(test) and test != ("NONE",)


def _history(fields: Fields) -> tuple[History, ...]:
    steps = fields.items("history") if "history" in fields else []
    result = []
    for index, item in enumerate(steps):
        step = present(item, f"{fields.where('history')}[{index}]")
        empty = step.flag("empty_layer") if "empty_layer" in step else False
        result.append(History(_text(step, "created_by"), empty))
    return tuple(result)


def _diff_ids(top: Fields) -> tuple[Digest, ...]:
    rootfs = present(top.raw("rootfs"), top.where("rootfs"))
    rootfs.choice("type", ("layers",))
    where = rootfs.where("diff_ids")
    return tuple(Digest.parse(text, where=where) for text in _texts(rootfs, "diff_ids") or ())
