"""Checking proofs against a measurement (docs/proofs.md). Needs the proof and the value, nothing else."""

from __future__ import annotations

from measure import fsverity, regions, rfc9162
from measure.proof.format import Absence, Inclusion, Presence, Proof
from measure.proof.paths import spell_path
from olos.digest import Digest
from olos.errors import MismatchError, UsageError
from olos.extent import Extent
from olos.manifest import RootfsRecord
from olos.tree import FileType


def check(proof: Proof, measurement: Digest) -> None:
    """Return if the proof shows its claim for this measurement. Raises MismatchError for what it fails."""
    actual = regions.measurement(proof.manifest)
    if actual != measurement:
        raise MismatchError.of(
            "the measurement of the sections in the proof",
            expected=measurement.hex,
            actual=actual.hex,
            hint="the proof is for another layout, or its sections were changed",
        )
    for role, inclusion in proof.claim.inclusions():
        _check_inclusion(role, inclusion, proof.manifest.rootfs)
    if isinstance(proof.claim, Presence):
        _check_presence(proof.claim)
    else:
        _check_absence(proof.claim, proof.manifest.rootfs.entries)


def check_copy(proof: Proof, copy: Extent) -> None:
    """Compare size and content of a file with those that a checked proof shows.

    Raises MismatchError, UsageError if the proof is not of a regular file, and InputError if the copy
    cannot be read.
    """
    claim = proof.claim
    if isinstance(claim, Absence) or claim.entry.content is None:
        raise UsageError("the proof does not show the content of a file", hint="leave out --file")
    size = claim.entry.entry.inode.size
    if copy.size != size:
        raise MismatchError.of(f"{copy.path}: size", expected=size, actual=copy.size)
    with copy.open() as stream:
        actual = fsverity.digest(stream)
    if actual != claim.entry.content:
        raise MismatchError.of(
            f"{copy.path}: fs-verity digest", expected=claim.entry.content.hex, actual=actual.hex
        )


def missing_path(claim: Absence) -> bytes:
    """The path that the neighbours surround: what the way to the claimed path has behind `parent`.

    Raises MismatchError if `parent` is not on that way.
    """
    parent = claim.parent.entry.path
    prefix = parent + b"/" if parent else b""
    if not claim.path.startswith(prefix) or claim.path == parent:
        raise MismatchError.of(
            "the parent in the proof",
            expected=f"a directory above {spell_path(claim.path)!r}",
            actual=repr(spell_path(parent)),
        )
    return prefix + claim.path[len(prefix) :].partition(b"/")[0]


def _check_inclusion(role: str, inclusion: Inclusion, record: RootfsRecord) -> None:
    what = f"{role} (entry {inclusion.index} of {record.entries})"
    try:
        root = rfc9162.implied_root(inclusion.leaf, inclusion.index, record.entries, inclusion.audit)
    except ValueError as exc:
        raise MismatchError(f"{what} is not in the tree: {exc}") from exc
    if root != record.tree_root:
        raise MismatchError.of(
            f"{what} is not in the tree: its root", expected=record.tree_root.hex, actual=root.hex
        )


def _check_presence(claim: Presence) -> None:
    if claim.entry.entry.path != claim.path:
        raise MismatchError.of(
            "the path of the entry in the proof",
            expected=repr(spell_path(claim.path)),
            actual=repr(spell_path(claim.entry.entry.path)),
        )


def _check_absence(claim: Absence, entries: int) -> None:
    missing = missing_path(claim)
    parent = claim.parent.entry
    if parent.inode.type is FileType.SYMLINK:
        raise MismatchError(
            f"{spell_path(parent.path)!r} is a symlink: what the app finds behind it is not shown"
        )
    left, right = claim.left, claim.right
    if not left.entry.path < missing:
        raise _wrong_order("left", "before", missing, left)
    if right is None:
        if left.index != entries - 1:
            raise MismatchError.of("right is missing: left's index", expected=entries - 1, actual=left.index)
        return
    if not missing < right.entry.path:
        raise _wrong_order("right", "behind", missing, right)
    if right.index != left.index + 1:
        raise MismatchError.of(
            "left and right are not neighbours: right's index", expected=left.index + 1, actual=right.index
        )


def _wrong_order(role: str, side: str, missing: bytes, found: Inclusion) -> MismatchError:
    return MismatchError.of(
        f"the path of {role} in the proof",
        expected=f"one {side} {spell_path(missing)!r}",
        actual=repr(spell_path(found.entry.path)),
    )
