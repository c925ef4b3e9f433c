"""The image reader: what the writer wrote, and nothing else."""

import io
import itertools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from olos.erofs import Image
from olos.errors import InputError
from olos.tree import FileType, Inode, Tree
from support.erofs_images import place, read, write
from support.trees import Store, describe, directory, noise, rich_tree, tree_of


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_a_rich_tree_comes_back(store: Store, tmp_path: Path) -> None:
    tree = rich_tree(store)
    entries = read(write(tree, tmp_path), tmp_path)
    assert describe(entries) == describe(tree)


def test_names_of_one_group_share_their_inode(store: Store, tmp_path: Path) -> None:
    entries = {entry.path: entry for entry in read(write(rich_tree(store), tmp_path), tmp_path)}
    group = [entries[path] for path in (b"also", b"hard/one", b"hard/two")]
    assert {entry.link for entry in group} == {b"also"}
    assert len({id(entry.inode) for entry in group}) == 1


def test_find_gives_what_the_walk_gives(store: Store, tmp_path: Path) -> None:
    data = write(rich_tree(store), tmp_path)
    with Image(place(data, tmp_path), len(data)) as image:
        for entry in itertools.islice(image.entries(), 0, None, 7):
            assert image.find(entry.path) == entry
        assert image.find(b"hard/two").link == b"also"


@pytest.mark.parametrize(
    "path",
    [b"nothing", b"/a", b"a/", b"a//x", b".", b"a/..", b"link/x", b"a/x/y", b"a/x/", b"\0", b"n" * 5000],
)
def test_find_without_result(path: bytes, store: Store, tmp_path: Path) -> None:
    data = write(rich_tree(store), tmp_path)
    with Image(place(data, tmp_path), len(data)) as image, pytest.raises(InputError, match="there is no"):
        image.find(path)


def test_contents_can_be_read_anywhere(store: Store, tmp_path: Path) -> None:
    content = noise(9000)
    data = write(tree_of({b"x": store.regular(content), b"d": directory()}), tmp_path)
    with Image(place(data, tmp_path), len(data)) as image:
        assert len(image.find(b"x").inode.content) == 2
        with image.open(b"x") as stream:
            for position in (0, 8191, 8192, 8999, 9000, 10_000, 1):
                stream.seek(position)
                assert stream.read() == content[position:]
            assert stream.seek(-10, io.SEEK_END) == 8990
            assert stream.read(5) == content[8990:8995]
        for path in (b"d", b""):
            with pytest.raises(InputError, match="not a regular file"):
                image.open(path)


NAMES = st.binary(min_size=1, max_size=6).map(lambda name: name.replace(b"/", b"-").replace(b"\0", b"!"))
PATHS = st.lists(NAMES | st.sampled_from([b"a", b"a-", b"a0", b"b"]), min_size=1, max_size=4).map(b"/".join)
XATTRS = st.dictionaries(
    st.sampled_from([b"user.a", b"user.bb", b"user." + b"c" * 200]), st.binary(max_size=80), max_size=3
).map(lambda values: tuple(sorted(values.items())))
SIZES = st.integers(0, 200) | st.integers(3900, 4200) | st.integers(8000, 8300)
IDS = st.integers(0, 2**32 - 1)


@st.composite
def inodes(draw: st.DrawFn) -> tuple[Inode, bytes]:
    """An inode without content, and the content it is to get."""
    type_ = draw(st.sampled_from(FileType))
    target = (
        draw(st.binary(min_size=1, max_size=300)).replace(b"\0", b"t") if type_ is FileType.SYMLINK else b""
    )
    is_device = type_ in (FileType.CHARACTER, FileType.BLOCK)
    inode = Inode(
        type_,
        draw(st.integers(0, 0o7777)),
        uid=draw(IDS),
        gid=draw(IDS),
        mtime=draw(st.integers(0, 2**63 - 1)),
        size=len(target),
        target=target,
        device=draw(st.tuples(st.integers(0, 4095), st.integers(0, 2**20 - 1))) if is_device else (0, 0),
        xattrs=draw(XATTRS),
    )
    return inode, noise(draw(SIZES)) if type_ is FileType.REGULAR else b""


def fits(names: Mapping[bytes, Inode], path: bytes, inode: Inode) -> bool:
    """Whether a tree may have this name as well: only directories above, nothing below a file."""
    parts = path.split(b"/")
    above = [names.get(b"/".join(parts[:i])) for i in range(1, len(parts))]
    below = any(name.startswith(path + b"/") for name in names)
    return (
        path not in names
        and not {b".", b".."} & set(parts)
        and all(folder is None or folder.type is FileType.DIRECTORY for folder in above)
        and (inode.type is FileType.DIRECTORY or not below)
    )


@st.composite
def trees(draw: st.DrawFn, store: Store) -> Tree:
    names: dict[bytes, Inode] = {}
    for path, (inode, content) in draw(st.dictionaries(PATHS, inodes(), max_size=12)).items():
        if fits(names, path, inode):
            held = store.regular(content)
            names[path] = replace(inode, size=held.size, content=held.content) if content else inode
    links: dict[bytes, bytes] = {}
    linkable = [path for path, inode in names.items() if inode.type is not FileType.DIRECTORY]
    for path in draw(st.lists(st.sampled_from(linkable), max_size=3)) if linkable else ():
        link = path + b"+%d" % len(links)
        if fits(names, link, names[path]):
            links[link] = path
    return tree_of(names, links)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_tree_comes_back(data: st.DataObject, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.path.write_bytes(b"")
    tree = data.draw(trees(store))
    assert describe(read(write(tree, tmp_path), tmp_path)) == describe(tree)
