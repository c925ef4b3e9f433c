"""What differs, from the measurement down: nothing is left out and nothing made up."""

import dataclasses
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from measure import leaf, reference, saved_tree
from measure.diff.compare import compare
from measure.diff.model import Attribute, Difference
from measure.diff.side import Side, of_layout, open_side
from measure.layout import measure
from olos.digest import Digest
from olos.errors import InputError, MismatchError
from olos.layout import ANNOTATIONS, MANIFEST, open_directory
from olos.progress import SILENT
from olos.spelling import spell
from olos.tree import Entry, FileType, Inode, Tree
from support.manifests import manifest_of
from support.measured import measured_layout, package_of
from support.sides import annotated, compared, difference_of, files_of, side_of, with_digests
from support.trees import CAPABILITY, Store, directory, random_tree, symlink, tree_of

DEVICE = Inode(FileType.CHARACTER, 0o600, device=(1, 3))


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One layout in all forms in which it can be compared."""
    folder = tmp_path_factory.mktemp("forms")
    tree = random_tree(Store(folder / "store"), 1)
    layout = measured_layout(folder / "layout", tree)
    measured = measure(open_directory(layout), SILENT)
    side = of_layout(open_directory(layout))
    assert side.tree is not None
    (folder / "tree").write_bytes(b"".join(saved_tree.lines(side.manifest, side.annotations, side.tree())))
    (folder / "reference").write_bytes(reference.of(measured, None).encode())
    return {
        "layout": layout,
        "package": package_of(layout, folder / "app.olos"),
        "manifest": layout / MANIFEST,
        "tree": folder / "tree",
        "reference": folder / "reference",
    }


FORMS = ("layout", "package", "manifest", "tree", "reference")


@pytest.mark.parametrize("old", FORMS)
@pytest.mark.parametrize("new", FORMS)
def test_every_form_of_a_layout_is_equal_to_every_other(forms: dict[str, Path], old: str, new: str) -> None:
    difference = compare(open_side(forms[old]), open_side(forms[new]))
    assert difference.equal
    assert difference.changes == ()
    assert difference.old_name == str(forms[old])


@pytest.mark.parametrize("form", FORMS)
def test_every_form_shows_what_it_knows(forms: dict[str, Path], tmp_path: Path, form: str) -> None:
    other = measured_layout(tmp_path / "layout", random_tree(Store(tmp_path / "store"), 2))
    difference = compare(open_side(forms[form]), open_side(other))
    assert not difference.equal
    knows_files = form in ("layout", "package", "tree")
    assert difference.files_known == knows_files
    assert (difference.files.total > 0) == knows_files
    assert bool(difference.notes) == (form not in ("layout", "package"))


def tree_attributes(entry: Entry, content: Digest | None) -> bytes:
    return leaf.encode(dataclasses.replace(entry, path=b""), content)


def naive(old: Tree, new: Tree) -> dict[str, str]:
    """By dictionaries of leaves."""
    before, after = ({e.path: tree_attributes(e, c) for e, c in with_digests(tree)} for tree in (old, new))
    words = {(True, False): "removed", (False, True): "added", (True, True): "changed"}
    return {
        f"/{spell(path)}": words[path in before, path in after]
        for path in {*before, *after}
        if before.get(path) != after.get(path)
    }


def named(difference: Difference) -> dict[str, str]:
    return {path: change.what for path, change in files_of(difference).items()}


@pytest.mark.parametrize("seed", range(12))
def test_random_trees_against_dictionaries(tmp_path: Path, seed: int) -> None:
    store = Store(tmp_path / "store")
    old, new = random_tree(store, seed), random_tree(store, seed + 1)
    assert named(compare(side_of(old), side_of(new))) == naive(old, new)


NAMES = st.sampled_from(
    [b"a", b"a-b", b"a.c", b"a/x", b"a/x/y", b"a-b/x", b"a0", b"b\xff", b"b\\", b"a/x-/z", b"a/x0"]
)
INODES = st.sampled_from(
    [
        directory(),
        directory(0o700),
        symlink(b"x"),
        symlink(b"y"),
        DEVICE,
        Inode(FileType.FIFO, 0o600, uid=5),
        Inode(FileType.REGULAR, 0o600, mtime=1),
        Inode(FileType.REGULAR, 0o600, xattrs=((b"user.x", b"1"),)),
        Inode(FileType.REGULAR, 0o600, size=5000),
    ]
)
NAMED = st.dictionaries(NAMES, INODES, max_size=8)


def valid(names: dict[bytes, Inode]) -> Tree:
    """Names that have something below them are directories."""
    folders = {bytes(path[:i]) for path in names for i in range(len(path)) if path[i] == 0x2F}
    kept = {
        p: (i if p not in folders or i.type is FileType.DIRECTORY else directory()) for p, i in names.items()
    }
    return tree_of(kept)


@given(NAMED, NAMED)
def test_all_trees_against_dictionaries(old_names: dict[bytes, Inode], new_names: dict[bytes, Inode]) -> None:
    old, new = valid(old_names), valid(new_names)
    difference = compare(side_of(old), side_of(new))
    assert named(difference) == naive(old, new)
    assert difference.equal == (not naive(old, new))
    check_insides(difference)


def check_insides(difference: Difference) -> None:
    """What came or went along with a directory says so, and is counted there."""
    files = files_of(difference)
    for path, change in files.items():
        if change.inside is not None:
            top = files[change.inside]
            assert path.startswith(f"{top.subject}/")
            assert top.inside is None
            assert top.what in (change.what, "changed")
        parents = [files.get(path[:i]) for i in range(1, len(path)) if path[i] == "/"]
        above = [parent for parent in parents if parent and parent.what == change.what != "changed"]
        assert not above or change.inside is not None
        assert change.below == sum(other.inside == path for other in files.values())


def test_attributes(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    old = {
        b"content": store.regular(b"abc"),
        b"mode": store.regular(b"", 0o644),
        b"mtime": store.regular(b"", mtime=1),
        b"owner": Inode(FileType.FIFO, 0o600, uid=1, gid=2),
        b"target": symlink(b"one"),
        b"device": DEVICE,
        b"type": directory(),
        b"xattr": store.regular(b"", xattrs=((b"user.a", b"1"),)),
    }
    new = {
        b"content": store.regular(b"abcd"),
        b"mode": store.regular(b"", 0o4755),
        b"mtime": store.regular(b"", mtime=2),
        b"owner": Inode(FileType.FIFO, 0o600, uid=3, gid=4),
        b"target": symlink(b"t\xffo"),
        b"device": dataclasses.replace(DEVICE, device=(1, 5)),
        b"type": symlink(b"x"),
        b"xattr": store.regular(b"", xattrs=((b"security.capability", CAPABILITY),)),
    }
    files = files_of(difference_of(tmp_path, old, new))
    shown = {
        p: [(a.name, a.old, a.new) for a in c.attributes if a.name != "content"] for p, c in files.items()
    }
    assert shown == {
        "/content": [("size", "3", "4")],
        "/device": [("device", "1:3", "1:5")],
        "/mode": [("mode", "0644", "4755")],
        "/mtime": [("mtime", "1", "2")],
        "/owner": [("uid", "1", "3"), ("gid", "2", "4")],
        "/target": [("target", "one", r"t\xffo")],
        "/type": [("type", "directory", "symlink"), ("mode", "0755", "0777"), ("target", None, "x")],
        "/xattr": [("xattr user.a", "31", None), ("xattr security.capability", None, CAPABILITY.hex())],
    }
    (content,) = [each for each in files["/content"].attributes if each.name == "content"]
    digests = [content.old, content.new]
    assert digests == [
        d.hex for t in (old, new) for e, d in with_digests(tree_of(t)) if e.path == b"content" and d
    ]


def test_hard_links(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    inode = store.regular(b"x")
    old = tree_of({b"a": inode}, {b"b": b"a"})
    new = tree_of({b"a": inode, b"b": store.regular(b"x")})
    files = files_of(compare(side_of(old), side_of(new)))
    assert {p: c.attributes for p, c in files.items()} == {
        "/a": (Attribute("hard link group", "/a", None),),
        "/b": (Attribute("hard link group", "/a", None),),
    }


def test_inputs_that_annotations_name(tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    sides = [
        side_of(
            tree_of({b"a": store.regular(version.encode())}),
            annotations=annotated(2, epoch=int(version), version=version, base=(version.encode(),)),
        )
        for version in ("1", "2")
    ]
    found = [change for change in compared(sides).changes if change.kind == "annotation"]
    assert [(c.subject, [cause.name for cause in c.causes]) for c in found] == [
        ("olos version", []),
        ("source_date_epoch", ["source-date-epoch-differs"]),
        ("base layers", ["base-image-moved"]),
    ]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(b"{}", "cannot be used", id="wrong"),
        pytest.param(b"\xff", "cannot be used", id="no-json"),
        pytest.param(annotated(1).encode(), "tell of 1 entries", id="of-another-tree"),
        pytest.param(None, "", id="missing"),
    ],
)
def test_annotations_that_cannot_be_used_do_no_harm(tmp_path: Path, data: bytes | None, says: str) -> None:
    layout = measured_layout(tmp_path / "layout", tree_of({b"a": directory()}))
    (layout / ANNOTATIONS).unlink()
    if data is not None:
        (layout / ANNOTATIONS).write_bytes(data)
    side = open_side(layout)
    assert side.annotations is None
    assert says in "".join(side.notes)
    other = side_of(tree_of({}), annotations=annotated(1))
    assert compare(side, other).files.removed == 1


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(b"", "not a package", id="empty"),
        pytest.param(b"hello", "not a package", id="text"),
        pytest.param(b"{", "Expecting", id="cut-off-json"),
        pytest.param(b'{"schema":"x/1"}', "'x/1'", id="other-schema"),
        pytest.param(b'{"schema":["olos/1"]}', "has a measurement", id="schema-is-a-list"),
        pytest.param(b"{}", "has a measurement", id="no-schema"),
        pytest.param(b'{"schema":"olos/1"}', "missing", id="empty-manifest"),
        pytest.param(b'{"schema":"olos-reference/1"}', "missing", id="empty-reference"),
        pytest.param(b'{"a":' * 100_000, "nested too deeply", id="nested-deeply"),
        pytest.param(b"{" + b" " * (9 << 20), "too large", id="large"),
        pytest.param(b"\x7fELF" + bytes(100_000), "not a package", id="elf"),
    ],
)
def test_refuses_what_has_no_measurement(tmp_path: Path, data: bytes, says: str) -> None:
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(InputError, match=says):
        open_side(tmp_path / "x")


def test_a_layout_that_is_not_what_it_says(tmp_path: Path) -> None:
    layout = measured_layout(tmp_path / "layout", tree_of({b"a": directory()}))
    (layout / "crt" / "initramfs.cpio").write_bytes(bytes(1024))
    with pytest.raises(MismatchError, match=r"crt/initramfs\.cpio: sha256"):
        open_side(layout)


def test_a_saved_tree_that_lies_is_found_even_if_the_measurement_is_equal(
    forms: dict[str, Path], tmp_path: Path
) -> None:
    header, entries = forms["tree"].read_bytes().split(b"\n", 1)
    assert b'"mtime":0' in entries
    (tmp_path / "lie").write_bytes(header + b"\n" + entries.replace(b'"mtime":0', b'"mtime":1', 1))
    with pytest.raises(MismatchError, match="tree root"):
        compare(open_side(tmp_path / "lie"), open_side(forms["layout"]))


def endless_attributes(count: int, mtime: int) -> Iterator[tuple[Entry, None]]:
    yield Entry(b"", directory()), None
    for number in range(count):
        yield Entry(b"%08d" % number, Inode(FileType.FIFO, 0o600, mtime=mtime)), None


def big_side(count: int, mtime: int) -> Side:
    root = Digest.sha256(b"%d" % mtime)
    manifest = manifest_of()
    record = dataclasses.replace(manifest.rootfs, tree_root=root)
    return Side("big", dataclasses.replace(manifest, rootfs=record), lambda: endless_attributes(count, mtime))


def test_a_tree_in_which_everything_differs_in_bounded_memory() -> None:
    compare(big_side(10, 1), big_side(10, 2))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    difference = compare(big_side(10_000, 1), big_side(10_000, 2), keep=100)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert difference.files.changed == 10_000
    assert difference.causes[0].changes == 10_000
    assert difference.left_out == 10_000 - 120
    assert grown < 4 << 10  # KiB


def test_rare_kinds_of_change_are_kept_when_the_room_is_used_up(tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    old, new = (
        {
            **{b"%03d" % i: store.regular(b"", mtime=mtime) for i in range(200)},
            b"zz": store.regular(b"%d" % mtime),
        }
        for mtime in (1, 2)
    )
    sides = [side_of(tree_of(names)) for names in (old, new)]
    difference = compared(sides, keep=10)
    assert "/zz" in files_of(difference)
    assert difference.left_out == 201 - len(files_of(difference))
