"""What a proof shows, for people and for programs (`olos-proof-report/1`)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measure.proof.checker import check, check_copy, missing_path
from measure.proof.format import PROOF_LIMIT, Absence, Inclusion, Presence, Proof
from measure.proof.paths import spell_path
from olos.digest import Digest
from olos.extent import Extent
from olos.files import read_limited
from olos.manifest import Mount
from olos.spelling import spell
from olos.tree import FileType
from olos_cli.listing import moment
from olos_cli.text import visible, visible_path

SCHEMA = "olos-proof-report/1"
_MAX_VALUE = 20
"""Bytes of an xattr that are shown to people: capabilities are, most others are not."""
_TYPES = {
    FileType.DIRECTORY: "directory",
    FileType.REGULAR: "regular file",
    FileType.SYMLINK: "symlink",
    FileType.CHARACTER: "character device",
    FileType.BLOCK: "block device",
    FileType.FIFO: "fifo",
}


@dataclass(frozen=True)
class Report:
    """A proof that was checked against a measurement, and the copy that was compared with it."""

    proof: Proof
    measurement: Digest
    copy: Path | None

    @property
    def covering(self) -> Mount | None:
        """The mount of the policy that hides the path from the app, if there is one."""
        path = b"/" + self.proof.claim.path + b"/"
        mounts = self.proof.manifest.policy.mounts
        return next((mount for mount in mounts if path.startswith(_folder(mount.target))), None)


def _folder(target: str) -> bytes:
    return target.rstrip("/").encode() + b"/"


def report_of(path: Path, measurement: Digest, copy: Path | None) -> Report:
    """Read and check a proof. Raises InputError if it is none, MismatchError if it shows nothing."""
    proof = Proof.decode(read_limited(path, PROOF_LIMIT), where=str(path))
    check(proof, measurement)
    if copy is not None:
        check_copy(proof, Extent.of_file(copy))
    return Report(proof, measurement, copy)


def as_json(report: Report) -> Iterator[str]:
    """The report for programs."""
    claim = report.proof.claim
    members: dict[str, Any] = {
        "claim": "present" if isinstance(claim, Presence) else "absent",
        "copy": str(report.copy) if report.copy else None,
        "covered_by": report.covering.target if report.covering else None,
        "entries": report.proof.manifest.rootfs.entries,
        "measurement": report.measurement.hex,
        "path": spell_path(claim.path),
        "schema": SCHEMA,
    }
    if isinstance(claim, Presence):
        members["entry"] = _entry_json(claim.entry)
    else:
        members["after"] = spell_path(claim.left.entry.path)
        members["before"] = spell_path(claim.right.entry.path) if claim.right else None
        members["missing"] = spell_path(missing_path(claim))
    yield json.dumps(members, indent=2, sort_keys=True)


def _entry_json(inclusion: Inclusion) -> dict[str, Any]:
    entry, inode = inclusion.entry, inclusion.entry.inode
    return {
        "device": list(inode.device) if _is_device(inode.type) else None,
        "fsverity_sha256": inclusion.content.hex if inclusion.content else None,
        "gid": inode.gid,
        "index": inclusion.index,
        "link": spell_path(entry.link) if entry.link else None,
        "mode": f"{inode.mode:04o}",
        "mtime": inode.mtime,
        "size": inode.size,
        "target": spell(inode.target) if inode.type is FileType.SYMLINK else None,
        "type": _TYPES[inode.type],
        "uid": inode.uid,
        "xattrs": {spell(name): value.hex() for name, value in inode.xattrs},
    }


def as_text(report: Report) -> Iterator[str]:
    """The report for people."""
    claim = report.proof.claim
    path = _shown(claim.path)
    yield f"proven       {path} {'exists' if isinstance(claim, Presence) else 'does not exist'}"
    yield f"measurement  {report.measurement.hex}"
    yield from _absence(claim) if isinstance(claim, Absence) else _entry(claim.entry)
    if report.copy is not None:
        yield f"copy         {visible(str(report.copy))} has this content"
    if report.covering:
        yield f"note         the app sees the mount on {visible(report.covering.target)} instead"


def _absence(claim: Absence) -> Iterator[str]:
    missing = missing_path(claim)
    if missing != claim.path:
        yield f"missing      {_shown(missing)}"
    yield f"behind       {_shown(claim.left.entry.path)}"
    yield f"before       {_shown(claim.right.entry.path) if claim.right else 'nothing: it is the last'}"


def _entry(inclusion: Inclusion) -> Iterator[str]:
    entry, inode = inclusion.entry, inclusion.entry.inode
    yield f"type         {_TYPES[inode.type]}"
    yield f"mode         {inode.mode:04o}"
    yield f"owner        {inode.uid}:{inode.gid}"
    yield f"time         {moment(inode.mtime).strip()} UTC ({inode.mtime})"
    if inclusion.content:
        yield f"size         {inode.size:,} bytes"
        yield f"fs-verity    {inclusion.content.hex}"
    if inode.type is FileType.SYMLINK:
        yield f"target       {visible_path(inode.target)}"
    if _is_device(inode.type):
        yield f"device       {inode.device[0]},{inode.device[1]}"
    if entry.link:
        yield f"hard link    of the group of {_shown(entry.link)}"
    for name, value in inode.xattrs:
        shown = value.hex() if 0 < len(value) <= _MAX_VALUE else f"{len(value):,} bytes"
        yield f"xattr        {visible_path(name)}: {shown}"


def _is_device(kind: FileType) -> bool:
    return kind in (FileType.CHARACTER, FileType.BLOCK)


def _shown(path: bytes) -> str:
    return "/" + visible_path(path)
