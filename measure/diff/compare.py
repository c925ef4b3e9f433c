"""Comparing two sides, from the measurement down to single attributes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from measure.diff import inputs, manifests
from measure.diff.attributes import differing
from measure.diff.causes.rule import Pair
from measure.diff.causes.sections import DEBUG_TWIN, is_debug_twin
from measure.diff.causes.table import Rules
from measure.diff.collect import Collector
from measure.diff.model import Change, Difference, Origin, What
from measure.diff.side import Side
from measure.regions import measurement
from olos.digest import Digest
from olos.progress import SILENT, Progress
from olos.spelling import spell
from olos.tree import Entry, FileType

KEPT = 100_000
"""Most changes of files that a Difference holds, if nothing else is asked for."""

_REPORT = 500
"""Entries between two reports of progress."""

_Item: TypeAlias = "tuple[Entry, Digest | None, Origin | None]"
_Match: TypeAlias = "tuple[_Item | None, _Item | None]"


def compare(old: Side, new: Side, progress: Progress = SILENT, keep: int = KEPT) -> Difference:
    """All that differs between two sides; memory is bounded by `keep`, the most files that are listed.

    Raises InputError or MismatchError if a tree or a content turns out to be wrong while it is read.
    """
    sides = old, new
    values = measurement(old.manifest), measurement(new.manifest)
    files_differ = old.manifest.rootfs.tree_root != new.manifest.rootfs.tree_root
    files_known = old.tree is not None and new.tree is not None
    if not files_differ or not files_known:
        for side in sides:
            side.check(progress)
    if values[0] == values[1]:
        return Difference(old.name, new.name, *values)
    collector = Collector(keep)
    measured = manifests.changes(old.manifest, new.manifest)
    if is_debug_twin(measured):
        collector.explain(measured, DEBUG_TWIN)
    else:
        collector.add_all([*measured, *inputs.changes(sides)])
    if files_differ and files_known:
        _compare_files(sides, collector, progress)
    notes = [*old.notes, *new.notes]
    if files_differ:
        notes += _limits(sides)
    return collector.difference((old.name, new.name), values, notes, files_known or not files_differ)


def _limits(sides: tuple[Side, Side]) -> Iterator[str]:
    for side in sides:
        if side.tree is None:
            yield (
                f"{side.name} says nothing of single files, so these were not compared: "
                "keep a file of 'olos tree' to see them."
            )
        elif side.files is None:
            yield f"{side.name} holds no contents, so causes are guessed from names and attributes only."


def _compare_files(sides: tuple[Side, Side], collector: Collector, progress: Progress) -> None:
    rules = Rules(sides)
    with progress.task("comparing the file trees", None, "entries") as task:
        for number, (old, new) in enumerate(_matched(*map(_items, sides)), 1):
            if number % _REPORT == 0:
                task.advance(_REPORT)
            if old is None or new is None or not _same(old, new):
                _compare_entries(old, new, sides, rules, collector)
    collector.know(rules.evidence)


def _items(side: Side) -> Iterator[_Item]:
    assert side.tree is not None
    for (entry, content), origin in zip(side.tree(), inputs.origins(side), strict=False):
        yield entry, content, origin


def _matched(old: Iterator[_Item], new: Iterator[_Item]) -> Iterator[_Match]:
    """Both trees merged in path order; None where one has no such path."""
    first, second = next(old, None), next(new, None)
    while first is not None or second is not None:
        if second is None or (first is not None and first[0].path < second[0].path):
            yield first, None
            first = next(old, None)
        elif first is None or second[0].path < first[0].path:
            yield None, second
            second = next(new, None)
        else:
            yield first, second
            first, second = next(old, None), next(new, None)


def _same(old: _Item, new: _Item) -> bool:
    """Whether two leaves are equal. Where content lies is no part of a leaf."""
    a, b = old[0].inode, new[0].inode
    return old[1] == new[1] and (
        (old[0].link, a.type, a.mode, a.uid, a.gid, a.mtime, a.size, a.target, a.device, a.xattrs)
        == (new[0].link, b.type, b.mode, b.uid, b.gid, b.mtime, b.size, b.target, b.device, b.xattrs)
    )


def _compare_entries(
    old: _Item | None, new: _Item | None, sides: tuple[Side, Side], rules: Rules, collector: Collector
) -> None:
    attributes = differing(old and old[:2], new and new[:2])
    what: What = "added" if old is None else "removed" if new is None else "changed"
    old_entry, new_entry = old and old[0], new and new[0]
    entry = new_entry or old_entry
    assert entry is not None
    changed = frozenset(attribute.name for attribute in attributes)
    old_origin, new_origin = old and old[2], new and new[2]
    pair = Pair(entry.path, what, old_entry, new_entry, changed, sides, old_origin, new_origin)
    findings = rules.judge(pair)
    evidence = [attribute for finding in findings for attribute in finding.evidence]
    change = Change(
        "file",
        f"/{spell(entry.path)}",
        what,
        attributes,
        tuple(dict.fromkeys([*evidence, *rules.unexplained(pair, findings)])),
        tuple(finding.cause for finding in findings),
        old_origin,
        new_origin,
    )
    kinds = {each.inode.type for each in (old_entry, new_entry) if each}
    is_top = FileType.DIRECTORY in kinds and (what != "changed" or "type" in changed)
    collector.add_file(entry.path, change, is_top=is_top)
