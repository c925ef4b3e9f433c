"""Proofs for tests: making them, and a second checker that shares nothing with the first.

The second checker is written from docs/proofs.md and docs/formats.md, with hashlib, json and struct alone.
"""

import hashlib
import json
import re
import struct
from pathlib import Path
from typing import Any

from measure.layout import Measured, measure
from measure.proof.prover import prove
from olos.layout import open_directory
from olos.progress import SILENT
from olos.tree import FileType, Inode, Tree
from support.measured import measured_layout
from support.merkle import root_along
from support.trees import Store, directory, symlink, tree_of


def measured_tree(folder: Path, tree: Tree) -> Measured:
    """A layout of a tree, measured."""
    return measure(open_directory(measured_layout(folder, tree)), SILENT)


def small_tree(store: Store) -> Tree:
    """A tree of each type, with names that sort in surprising ways."""
    names = {
        b"a/x": store.regular(b"in a"),
        b"a-b/x": store.regular(b"in a-b"),
        b"a.c": store.regular(b"beside a", xattrs=((b"user.a", b"1"),)),
        b"bin": symlink(b"usr/bin"),
        b"dev": directory(),
        b"dev/null": Inode(FileType.CHARACTER, 0o666, device=(1, 3)),
        b"fifo": Inode(FileType.FIFO, 0o600),
        b"odd/\xff\\x": store.regular(b"odd"),
        "odd/ü\n".encode(): store.regular(b""),
        b"usr/bin/sh": store.regular(b"sh" * 5000, mode=0o4755, mtime=1_700_000_000),
    }
    return tree_of(names, {b"usr/bin/bash": b"usr/bin/sh"})


def proof_of(measured: Measured, path: bytes, *, absent: bool = False) -> bytes:
    """The bytes of a proof."""
    return prove(measured, path, absent=absent, progress=SILENT).encode()


def second_opinion(data: bytes, measurement: str) -> tuple[str, bytes]:
    """Claim and path of a proof. Raises AssertionError if it does not show that."""
    proof = json.loads(data)
    rootfs = proof["manifest"]["rootfs"]
    assert _measurement(proof["manifest"]) == measurement
    claim, path = proof["claim"], _unspelt(proof["path"])
    if claim == "present":
        assert _included(proof["entry"], rootfs)[0] == path
        return claim, path
    parent, kind = _included(proof["parent"], rootfs)
    assert kind != b"l"
    parts, depth = path.split(b"/"), len(parent.split(b"/")) if parent else 0
    assert parts[:depth] == (parent.split(b"/") if parent else [])
    assert depth < len(parts)
    missing = b"/".join(parts[: depth + 1])
    assert _included(proof["left"], rootfs)[0] < missing
    if proof["right"] is None:
        assert proof["left"]["index"] == rootfs["entries"] - 1
    else:
        assert _included(proof["right"], rootfs)[0] > missing
        assert proof["left"]["index"] + 1 == proof["right"]["index"]
    return claim, path


def _unspelt(text: str) -> bytes:
    assert text.startswith("/")
    pieces = re.split(r"\\(\\|x..)", text[1:])
    special = [b"\\" if piece == "\\" else bytes.fromhex(piece[1:]) for piece in pieces[1::2]]
    return b"".join(a.encode() + b for a, b in zip(pieces[::2], [*special, b""], strict=True))


def _included(member: dict[str, Any], rootfs: dict[str, Any]) -> tuple[bytes, bytes]:
    """Path and type of an entry that is in the tree."""
    leaf = bytes.fromhex(member["leaf"])
    audit = [bytes.fromhex(sibling) for sibling in member["audit"]]
    assert 0 <= member["index"] < rootfs["entries"]
    assert root_along(leaf, member["index"], rootfs["entries"], audit).hex() == rootfs["tree_root"]
    end = 17 + int.from_bytes(leaf[13:17], "little")
    return leaf[17:end], leaf[end : end + 1]


def _measurement(manifest: dict[str, Any]) -> str:
    """docs/formats.md section 5."""
    pages: list[tuple[int, bytes]] = []
    for name, flags in (("kernel", 5), ("crt", 5), ("rootfs", 1), ("app", 1), ("policy", 1)):
        text = json.dumps(manifest[name], ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
        text += bytes(-len(text) % 4096)
        pages += [(0x200 | flags, text[i : i + 4096]) for i in range(0, len(text), 4096)]
    size = 4096
    while size < len(pages) * 4096:
        size *= 2
    stream = struct.pack("<8sIQ44x", b"ECREATE", 1, size)
    for number, (flags, page) in enumerate(pages):
        stream += struct.pack("<8sQQ40x", b"EADD", number * 4096, flags)
        for start in range(0, 4096, 256):
            stream += struct.pack("<8sQ48x", b"EEXTEND", number * 4096 + start) + page[start : start + 256]
    return hashlib.sha256(stream).hexdigest()
