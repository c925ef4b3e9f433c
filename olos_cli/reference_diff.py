"""What differs from a reference, as `olos diff` says it. Apart, since it is not needed when nothing does."""

from __future__ import annotations

from dataclasses import replace

from measure.diff.causes.packages import BASE_MOVED
from measure.diff.causes.times import EPOCH_DIFFERS
from measure.diff.compare import compare
from measure.diff.model import Attribute, Cause, CauseCount, Change, Difference, What
from measure.diff.side import of_manifest, of_measured
from measure.reference import BASE_LAYER, EPOCH, InputChange
from olos.progress import Progress
from olos_cli.referencing import Checked


def difference(checked: Checked, progress: Progress) -> Difference:
    """The differences between a reference, which knows no files but some inputs, and what was measured."""
    old = of_manifest(str(checked.file), checked.expected.manifest)
    found = compare(old, of_measured(checked.measured), progress)
    if found.debug_twin:
        return found
    inputs = tuple(map(_change, checked.inputs))
    causes = dict.fromkeys(cause for change in inputs for cause in change.causes)
    counts = (CauseCount(cause, sum(cause in change.causes for change in inputs)) for cause in causes)
    return replace(found, changes=(*found.changes, *inputs), causes=(*counts, *found.causes))


def _change(change: InputChange) -> Change:
    what: What = "added" if change.old is None else "removed" if change.new is None else "changed"
    attribute = Attribute("value", change.old, change.new)
    return Change("annotation", change.name, what, (attribute,), causes=_causes(change))


def _causes(change: InputChange) -> tuple[Cause, ...]:
    if change.name.startswith(BASE_LAYER):
        return (BASE_MOVED,)
    return (EPOCH_DIFFERS,) if change.name == EPOCH and change.old and change.new else ()
