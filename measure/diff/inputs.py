"""What the annotations of both sides say of their inputs. None of it is measured: it explains."""

from __future__ import annotations

from collections.abc import Iterator

from measure.diff.causes.packages import BASE_MOVED, base_layers
from measure.diff.causes.times import EPOCH_DIFFERS
from measure.diff.model import Attribute, Cause, Change, Origin
from measure.diff.side import Side
from olos.annotations import Annotations


def changes(sides: tuple[Side, Side]) -> list[Change]:
    """The inputs that differ, if both are known."""
    old, new = (side.annotations for side in sides)
    if old is None or new is None:
        return []
    found = [
        Change("annotation", name, "changed", (Attribute("value", before, after),), causes=causes)
        for name, before, after, causes in _values(old, new)
        if before != after
    ]
    layers = base_layers(sides)
    if layers:
        found.append(Change("annotation", "base layers", "changed", layers, causes=(BASE_MOVED,)))
    return found


def _values(old: Annotations, new: Annotations) -> Iterator[tuple[str, str, str, tuple[Cause, ...]]]:
    yield "builder", f"{old.builder} {old.builder_version}", f"{new.builder} {new.builder_version}", ()
    yield "olos version", old.olos_version, new.olos_version, ()
    epochs = str(old.source_date_epoch), str(new.source_date_epoch)
    yield "source_date_epoch", *epochs, (EPOCH_DIFFERS,)


def origins(side: Side) -> Iterator[Origin | None]:
    """Who wrote each entry, in path order, without end."""
    annotations = side.annotations
    if annotations is not None:
        known: dict[int, Origin] = {}
        for layer in annotations.origin_of_entries():
            if layer not in known:
                known[layer] = _origin(annotations, layer)
            yield known[layer]
    while True:
        yield None


def _origin(annotations: Annotations, layer: int) -> Origin:
    step = annotations.step(layer)
    base = 0 < layer <= len(annotations.base_layers)
    if step is None:
        return Origin(layer, None, None, base)
    return Origin(layer, step.line, step.instruction, base)
