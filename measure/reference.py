"""Reference values (`olos-reference/1`, docs/formats.md section 10): what a layout is expected to be.

A small text file that is kept under version control: the measurement, the manifest that gives it, and
the inputs as far as they are the same in each build. The manifest decides equality; the inputs explain.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from measure.layout import Measured
from measure.regions import measurement
from olos.annotations import Annotations
from olos.canonical import JSON, encode, parse
from olos.digest import Digest, sha256_of
from olos.errors import InputError
from olos.fields import Fields
from olos.files import read_limited
from olos.manifest import Manifest

SCHEMA = "olos-reference/1"
MAX_BYTES = 8 << 20
"""A manifest of 1 MiB (the limit of formats.md section 4) has room, indented and with escapes."""

BASE_LAYER, EPOCH, SCRUB, VERSION = "base layer", "source_date_epoch", "scrub", "olos version"
"""Names of inputs; base layers are numbered from 1."""

_HINT = "a reference is what 'olos measure --write FILE' writes"


@dataclass(frozen=True)
class Input:
    """Something that went into a build: a digest or a value, by name."""

    name: str
    value: str

    def json(self) -> JSON:
        return {"name": self.name, "value": self.value}


@dataclass(frozen=True)
class InputChange:
    """An input of two builds with both values; None where there is none of this name."""

    name: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class Reference:
    """An expected measurement, the manifest that it is the measurement of, and where that came from."""

    measurement: Digest
    manifest: Manifest
    inputs: tuple[Input, ...] = ()

    def encode(self) -> bytes:
        """The bytes of the file: one value a line, keys sorted, everything unusual as an escape."""
        document = {
            "inputs": [item.json() for item in self.inputs],
            "manifest": json.loads(self.manifest.encode()),
            "measurement": self.measurement.hex,
            "schema": SCHEMA,
        }
        return json.dumps(document, indent=2, sort_keys=True).encode("ascii") + b"\n"

    @classmethod
    def decode(cls, data: bytes, *, where: str) -> Reference:
        """Read the bytes of a file, whatever its blanks and order of keys.

        Raises InputError, naming `where`; also if the measurement is not that of the manifest.
        """
        fields = Fields(parse(data, where=where), where)
        if not fields.optional("schema") or fields.raw("schema") != SCHEMA:
            raise InputError(f"{where}: is no reference: it has no schema {SCHEMA!r}", hint=_HINT)
        manifest = _manifest(fields)
        reference = cls(
            measurement=sha256_of(fields.text("measurement"), where=fields.where("measurement")),
            manifest=manifest,
            inputs=tuple(
                _input(item, f"{fields.where('inputs')}[{i}]")
                for i, item in enumerate(fields.items("inputs"))
            ),
        )
        fields.done()
        if len({item.name for item in reference.inputs}) != len(reference.inputs):
            raise InputError(f"{fields.where('inputs')}: a name stands twice")
        if reference.measurement != measurement(manifest):
            raise InputError(
                f"{where}: measurement and manifest contradict each other\n"
                f"  measurement   {reference.measurement.hex}\n"
                f"  the manifest's {measurement(manifest).hex}",
                hint="the file was changed by hand; write it again with 'olos measure --write'",
            )
        return reference


def load(path: Path) -> Reference:
    """Read a reference file. Raises InputError."""
    return Reference.decode(read_limited(path, MAX_BYTES, hint=_HINT), where=str(path))


def of(measured: Measured, annotations: Annotations | None) -> Reference:
    """The reference for what was measured; `annotations` say what it was made from, if that is known."""
    inputs = () if annotations is None else tuple(_inputs(annotations))
    return Reference(measured.measurement, measured.manifest, inputs)


def changed_inputs(old: Reference, new: Reference) -> tuple[InputChange, ...]:
    """The inputs that are not the same in both; none if those of one of them are not known."""
    if not old.inputs or not new.inputs:
        return ()
    before, after = ({item.name: item.value for item in each.inputs} for each in (old, new))
    return tuple(
        InputChange(name, before.get(name), after.get(name))
        for name in {**before, **after}
        if before.get(name) != after.get(name)
    )


def _inputs(annotations: Annotations) -> list[Input]:
    # Not the image's digest nor that of layers that were built: they hold times, and so change each time.
    layers = [Input(f"{BASE_LAYER} {i}", str(layer)) for i, layer in enumerate(annotations.base_layers, 1)]
    epoch = Input(EPOCH, str(annotations.source_date_epoch))
    scrub = [Input(SCRUB, ", ".join(annotations.scrub))] if annotations.scrub else []
    return [*layers, Input(VERSION, annotations.olos_version), epoch, *scrub]


def _manifest(fields: Fields) -> Manifest:
    where = fields.where("manifest")
    try:
        data = encode(cast("JSON", fields.raw("manifest")))
    except (ValueError, RecursionError) as exc:
        raise InputError(f"{where}: has no canonical form: {exc}") from exc
    return Manifest.decode(data, where=where)


def _input(item: object, where: str) -> Input:
    fields = Fields(item, where)
    result = Input(fields.text("name"), fields.text("value"))
    fields.done()
    return result
