"""Proofs of every path of a tree, and of many that it does not have, judged by a second checker."""

import dataclasses
import json
import os
import subprocess
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from measure.layout import Measured
from measure.leaf import MAX_LEAF
from measure.proof.checker import check, check_copy
from measure.proof.format import PROOF_LIMIT, Absence, Inclusion, Presence, Proof
from measure.proof.paths import path_of, read_path, spell_path
from measure.proof.prover import prove
from measure.regions import measurement
from measure.rfc9162 import TreeHash
from olos.digest import Digest
from olos.errors import InputError, MismatchError, UsageError
from olos.extent import Extent
from olos.manifest import MANIFEST_LIMIT, App, Manifest, RootfsRecord, User
from olos.progress import SILENT
from olos.tree import Entry, FileType, Inode, Tree
from support.manifests import manifest_of
from support.olos import ROOT
from support.progress import Recorder
from support.proofs import measured_tree, proof_of, second_opinion, small_tree
from support.trees import Store, describe, rich_tree, tree_of


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return small_tree(Store(tmp_path_factory.mktemp("store") / "store"))


@pytest.fixture(scope="module")
def measured(tree: Tree, tmp_path_factory: pytest.TempPathFactory) -> Measured:
    return measured_tree(tmp_path_factory.mktemp("small") / "layout", tree)


def checked(data: bytes, measured: Measured) -> Proof:
    proof = Proof.decode(data, where="proof")
    assert proof.encode() == data
    check(proof, measured.measurement)
    return proof


def test_every_entry_is_shown(measured: Measured, tree: Tree) -> None:
    for index, (entry, described) in enumerate(zip(tree, describe(tree), strict=True)):
        data = proof_of(measured, entry.path)
        assert second_opinion(data, measured.measurement.hex) == ("present", entry.path)
        claim = checked(data, measured).claim
        assert isinstance(claim, Presence)
        found = claim.entry
        assert found.index == index
        assert describe([dataclasses.replace(found.entry, inode=entry.inode)]) == [described]
        assert found.entry.inode == dataclasses.replace(entry.inode, content=())
        with pytest.raises(InputError, match="exists"):
            prove(measured, entry.path, absent=True, progress=SILENT)


def strangers(tree: Tree) -> Iterator[bytes]:
    """Paths around all entries that are none, but for what lies behind symlinks."""
    present = {entry.path for entry in tree}
    links = tuple(entry.path + b"/" for entry in tree if entry.inode.type is FileType.SYMLINK)
    for path in sorted(present - {b""}):
        for other in (path + b"!", path + b"0", path + b"/-", path + b"/x/y/z", path[:-1], path + b"\xff"):
            if other not in present and not other.endswith(b"/") and not other.startswith(links) and other:
                yield other
    yield from (b"\x01", b"\xff" * 255, b"zz", b"zz/a/b", b"-")


def test_every_other_path_is_shown_to_be_none(measured: Measured, tree: Tree) -> None:
    paths = set(strangers(tree))
    assert len(paths) > 50
    last = 0
    for path in paths:
        data = proof_of(measured, path, absent=True)
        assert second_opinion(data, measured.measurement.hex) == ("absent", path)
        claim = checked(data, measured).claim
        assert isinstance(claim, Absence)
        last += claim.right is None
    assert last >= 3
    with pytest.raises(InputError, match="there is no such file"):
        prove(measured, b"a/z", absent=False, progress=SILENT)


@pytest.mark.parametrize("absent", [False, True], ids=["present", "absent"])
@pytest.mark.parametrize(
    ("path", "hint"), [(b"bin/sh", "/usr/bin/sh"), (b"bin/../x", "/usr/x")], ids=["file", "dots"]
)
def test_nothing_is_said_of_what_lies_behind_a_symlink(
    measured: Measured, path: bytes, hint: str, absent: bool
) -> None:
    """The app would find /usr/bin/sh there, so a proof that there is no entry /bin/sh would mislead."""
    with pytest.raises(InputError, match="/bin is a symlink to usr/bin") as caught:
        prove(measured, path, absent=absent, progress=SILENT)
    assert caught.value.hint == f"symlinks are not followed; try {hint}"


def test_a_tree_of_the_root_alone(tmp_path: Path) -> None:
    measured = measured_tree(tmp_path / "layout", tree_of({}))
    second_opinion(proof_of(measured, b""), measured.measurement.hex)
    proof = checked(proof_of(measured, b"etc/passwd", absent=True), measured)
    assert isinstance(proof.claim, Absence)
    assert proof.claim.parent == proof.claim.left
    assert proof.claim.left.audit == ()


def test_a_larger_tree(tmp_path: Path) -> None:
    measured = measured_tree(tmp_path / "layout", rich_tree(Store(tmp_path / "store")))
    prove(measured, b"hard", absent=False, progress=(recorder := Recorder()))
    assert [task.steps for task in recorder.tasks] == [[500] * (measured.manifest.rootfs.entries // 500)]
    for path in (b"/".join([b"deep"] * 300), b"hard/two", b"xattrs", b"odd/\xff\xfe\x80", b"!", b"xattrs"):
        assert second_opinion(proof_of(measured, path), measured.measurement.hex) == ("present", path)
        checked(proof_of(measured, path), measured)
    for path in (b"/".join([b"deep"] * 301), b"many/1-", b"xattrs0", b"\x01"):
        data = proof_of(measured, path, absent=True)
        assert second_opinion(data, measured.measurement.hex) == ("absent", path)
        checked(data, measured)


def test_content_is_what_fsverity_digest_prints(measured: Measured, tmp_path: Path) -> None:
    """Of all names of a file."""
    (tmp_path / "sh").write_bytes(b"sh" * 5000)
    shown = subprocess.run(
        ["fsverity", "digest", "--compact", tmp_path / "sh"], capture_output=True, text=True, check=True
    )
    for path in (b"usr/bin/sh", b"usr/bin/bash"):
        proof = checked(proof_of(measured, path), measured)
        assert isinstance(proof.claim, Presence)
        assert proof.claim.entry.content is not None
        assert proof.claim.entry.content.hex == shown.stdout.strip()
        assert proof.claim.entry.entry.link == b"usr/bin/bash"
        check_copy(proof, Extent(tmp_path / "sh", 0, 10_000))


def test_a_copy_must_have_size_and_content(measured: Measured, tmp_path: Path) -> None:
    proof = checked(proof_of(measured, b"a/x"), measured)
    copy = tmp_path / "copy"
    copy.write_bytes(b"in b")
    with pytest.raises(MismatchError, match="copy: fs-verity digest does not match"):
        check_copy(proof, Extent(copy, 0, 4))
    with pytest.raises(MismatchError, match="copy: size does not match\n  expected 4\n  actual   3"):
        check_copy(proof, Extent(copy, 0, 3))
    for path, absent in ((b"bin", False), (b"", False), (b"zz", True)):
        with pytest.raises(UsageError, match="does not show the content"):
            check_copy(checked(proof_of(measured, path, absent=absent), measured), Extent(copy, 0, 4))


def test_an_image_that_changed_since_it_was_measured(measured: Measured) -> None:
    record = dataclasses.replace(measured.manifest.rootfs, tree_root=Digest.sha256(b"another"))
    changed = dataclasses.replace(measured, manifest=dataclasses.replace(measured.manifest, rootfs=record))
    with pytest.raises(MismatchError, match="tree root does not match"):
        prove(changed, b"a/x", absent=False, progress=SILENT)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (b"", "/"),
        (b"etc/passwd", "/etc/passwd"),
        ("ü 名\n".encode(), "/ü 名\n"),
        (b"\xff\xc3", r"/\xff\xc3"),
        (b"a\\xff", r"/a\\xff"),
        (b"\xed\xa0\x80", r"/\xed\xa0\x80"),
    ],
)
def test_spelling(path: bytes, text: str) -> None:
    assert spell_path(path) == text
    assert read_path(text, where="proof") == path
    assert path_of(b"/" + path) == path


@pytest.mark.parametrize(
    "text",
    ["", "a", "//a", "/a/", "/a//b", "/./a", "/a/..", r"/\x61", r"/\xc3\xbc", r"/\xFF", "/\\", "/\ud800"],
    ids=ascii,
)
def test_other_spellings(text: str) -> None:
    with pytest.raises(InputError, match="^proof: "):
        read_path(text, where="proof")


@pytest.mark.parametrize(
    ("argument", "hint"),
    [
        ("etc/x", "write /etc/x"),
        ("//etc/x", "write /etc/x"),
        ("/etc/x/", "write /etc/x"),
        ("/etc/../x", "write /x"),
        ("/..", "write /"),
        ("", "write /"),
        ("/./a//b", "write /a/b"),
        ("/" + "n" * 256, "no image has such a file: names have at most 255 bytes, paths 4095"),
        ("/n" * 2049, "no image has such a file: names have at most 255 bytes, paths 4095"),
    ],
    ids=["relative", "slashes", "behind", "dots", "above", "empty", "dot", "name", "path"],
)
def test_only_the_normal_form_of_a_path(argument: str, hint: str) -> None:
    with pytest.raises(UsageError, match="is not an absolute path in normal form") as caught:
        path_of(os.fsencode(argument))
    assert caught.value.hint == hint


def large_manifest() -> Manifest:
    """A manifest of nearly the largest size."""
    app = App(("/bin/app", "x" * (MANIFEST_LIMIT - 1200)), (), "/", User(0, 0), "olos", 15)
    return dataclasses.replace(manifest_of(), app=app)


def synthetic(count: int, index: int, manifest: Manifest) -> tuple[Proof, Digest]:
    """A proof in a tree of many files, and its measurement."""
    tree = TreeHash()
    content = Digest.sha256(b"content")
    entries = (
        Entry(b"usr/share/package/file-%07d" % i, Inode(FileType.REGULAR, 0o644, size=i))
        for i in range(count)
    )
    for number, entry in enumerate(entries):
        leaf = Inclusion(number, entry, content, ()).leaf
        if number == index:
            path, wanted = tree.follow(leaf), entry
        else:
            tree.add(leaf)
    record = RootfsRecord("rootfs.img", 8192, Digest.sha256(b"v"), tree.root(), count)
    manifest = dataclasses.replace(manifest, rootfs=record)
    inclusion = Inclusion(index, wanted, content, tuple(path.hashes))
    return Proof(manifest, Presence(wanted.path, inclusion)), measurement(manifest)


def test_size_in_a_tree_of_100_000_entries() -> None:
    """Besides the sections."""
    proof, value = synthetic(100_000, 54_321, manifest_of())
    data = proof.encode()
    second_opinion(data, value.hex)
    check(Proof.decode(data, where="proof"), value)
    assert len(data) - len(proof.manifest.encode()) < 2048
    assert isinstance(proof.claim, Presence)
    entry = proof.claim.entry
    absent = Proof(proof.manifest, Absence(b"usr/share/package/file-x", entry, entry, entry))
    assert len(absent.encode()) - len(proof.manifest.encode()) < 6 * 1024


def test_memory_of_the_largest_proof() -> None:
    proof, value = synthetic(1000, 5, large_manifest())
    data = proof.encode()
    assert MANIFEST_LIMIT < len(data) < PROOF_LIMIT
    tracemalloc.start()
    check(Proof.decode(data, where="proof"), value)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40 << 20


def test_memory_of_audit_paths_does_not_grow() -> None:
    """One hash per level and the paths that are followed, however many entries pass."""
    tree = TreeHash()
    tree.follow(b"first")
    tracemalloc.start()
    for number in range(50_000):
        tree.add(b"%d" % number)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000


def test_the_limits_are_those_that_the_document_names() -> None:
    document = (ROOT / "docs" / "proofs.md").read_text("utf-8")
    assert f"a leaf {MAX_LEAF:,} bytes" in document
    assert f"from these: {PROOF_LIMIT:,} bytes" in document


def test_the_form(measured: Measured) -> None:
    """docs/proofs.md."""
    data = proof_of(measured, b"zz", absent=True)
    proof = json.loads(data)
    assert sorted(proof) == ["claim", "left", "manifest", "parent", "path", "right", "schema"]
    assert (proof["schema"], proof["claim"], proof["path"]) == ("olos-proof/1", "absent", "/zz")
    assert proof["right"] is None
    assert sorted(proof["left"]) == ["audit", "index", "leaf"]
    assert proof["manifest"] == json.loads(measured.manifest.encode())
    proof = json.loads(proof_of(measured, b"a/x"))
    assert sorted(proof) == ["claim", "entry", "manifest", "path", "schema"]
