"""The format `olos-proof/1` (docs/proofs.md): proofs as values and as canonical JSON.

A decoded proof is well-formed and within its limits; whether it proves anything is for
`measure.proof.checker`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias, cast

from measure import leaf
from measure.proof.paths import read_path, spell_path
from measure.rfc9162 import MAX_AUDIT
from olos import canonical
from olos.canonical import JSON
from olos.digest import Digest, sha256_of
from olos.erofs_format import MAX_PATH
from olos.errors import InputError
from olos.fields import Fields, as_text
from olos.manifest import MANIFEST_LIMIT, MAX_SIZE, Manifest
from olos.tree import Entry

SCHEMA = "olos-proof/1"
_PRESENT, _ABSENT = "present", "absent"
_ROLES = ("parent", "left", "right")
_HEX = re.compile(r"(?:[0-9a-f]{2})*")

_KEYS = 1024
"""More than all keys, brackets and numbers of a proof, or of an entry in it, have together."""
_MAX_ESCAPE = 6
"""Bytes that one byte of a path becomes at most, as in `\\u0001`."""
_INCLUSION_LIMIT = 2 * leaf.MAX_LEAF + MAX_AUDIT * len('"",' + 64 * "0") + _KEYS
PROOF_LIMIT = MANIFEST_LIMIT + len(_ROLES) * _INCLUSION_LIMIT + _MAX_ESCAPE * MAX_PATH + _KEYS
"""No proof has more bytes."""


@dataclass(frozen=True)
class Inclusion:
    """An entry, its place in the tree, and its audit path; `content` is the fs-verity digest of a file."""

    index: int
    entry: Entry
    content: Digest | None
    audit: tuple[bytes, ...]

    @property
    def leaf(self) -> bytes:
        """The leaf, which is determined by the entry."""
        return leaf.encode(self.entry, self.content)

    def json(self) -> JSON:
        return {
            "audit": [sibling.hex() for sibling in self.audit],
            "index": self.index,
            "leaf": self.leaf.hex(),
        }


@dataclass(frozen=True)
class Presence:
    """The claim that there is an entry of this path, and the entry that shows it."""

    path: bytes
    entry: Inclusion

    def inclusions(self) -> tuple[tuple[str, Inclusion], ...]:
        """The entries by their names in the proof."""
        return (("entry", self.entry),)

    def json(self) -> dict[str, JSON]:
        return {"claim": _PRESENT, "path": spell_path(self.path), "entry": self.entry.json()}


@dataclass(frozen=True)
class Absence:
    """The claim that there is no entry of this path.

    `parent` is the last entry on the way to it; `left` and `right` are the entries between which the next
    one on the way would have to be. There is no `right` where that is behind the last entry.
    """

    path: bytes
    parent: Inclusion
    left: Inclusion
    right: Inclusion | None

    def inclusions(self) -> tuple[tuple[str, Inclusion], ...]:
        """The entries by their names in the proof."""
        entries = zip(_ROLES, (self.parent, self.left, self.right), strict=True)
        return tuple((role, entry) for role, entry in entries if entry is not None)

    def json(self) -> dict[str, JSON]:
        return {
            "claim": _ABSENT,
            "path": spell_path(self.path),
            "parent": self.parent.json(),
            "left": self.left.json(),
            "right": self.right.json() if self.right else None,
        }


Claim: TypeAlias = Presence | Absence


@dataclass(frozen=True)
class Proof:
    """The measured sections, as the manifest that holds them, and a claim about the tree they name."""

    manifest: Manifest
    claim: Claim

    def encode(self) -> bytes:
        """The canonical bytes of the proof."""
        manifest: JSON = canonical.parse(self.manifest.encode(), where="manifest")
        return canonical.encode({"schema": SCHEMA, "manifest": manifest, **self.claim.json()})

    @classmethod
    def decode(cls, data: bytes, *, where: str) -> Proof:
        """Read the canonical bytes. Raises InputError naming `where` and the key."""
        fields = Fields(canonical.decode(data, where=where, limit=PROOF_LIMIT), where)
        fields.choice("schema", (SCHEMA,))
        read = _CLAIMS[fields.choice("claim", tuple(_CLAIMS))]
        manifest = canonical.encode(cast("JSON", fields.raw("manifest")))
        proof = cls(Manifest.decode(manifest, where=fields.where("manifest")), read(fields))
        fields.done()
        return proof


def _presence(fields: Fields) -> Claim:
    return Presence(_path(fields), _inclusion(fields, "entry"))


def _absence(fields: Fields) -> Claim:
    parent, left = _inclusion(fields, "parent"), _inclusion(fields, "left")
    right = None if fields.raw("right") is None else _inclusion(fields, "right")
    return Absence(_path(fields), parent, left, right)


_CLAIMS = {_PRESENT: _presence, _ABSENT: _absence}


def _path(fields: Fields) -> bytes:
    return read_path(fields.text("path"), where=fields.where("path"))


def _inclusion(fields: Fields, key: str) -> Inclusion:
    members = Fields(fields.raw(key), fields.where(key))
    entry, content = _leaf(members.text("leaf"), members.where("leaf"))
    audit = members.items("audit")
    where = members.where("audit")
    if len(audit) > MAX_AUDIT:
        raise InputError(f"{where}: {len(audit)} hashes, more than the limit of {MAX_AUDIT}")
    siblings = tuple(_hash(item, f"{where}[{i}]") for i, item in enumerate(audit))
    inclusion = Inclusion(members.number("index", 0, MAX_SIZE), entry, content, siblings)
    members.done()
    return inclusion


def _leaf(text: str, where: str) -> tuple[Entry, Digest | None]:
    if not _HEX.fullmatch(text):
        raise InputError(f"{where}: not an even number of lower-case hexadecimal digits")
    try:
        return leaf.decode(bytes.fromhex(text))
    except ValueError as exc:
        raise InputError(f"{where}: is no leaf: {exc}") from exc


def _hash(item: object, where: str) -> bytes:
    return sha256_of(as_text(item, where), where=where).value
