"""Operations on a real directory, told as layers, merge into what the directory has become."""

import contextlib
import random
import shutil
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from olos.progress import SILENT
from olos_build.canonical_tree import canonicalise
from olos_build.merge import merge
from support.images import (
    Item,
    directory,
    file,
    hardlink,
    opaque,
    symlink,
    tar,
    whiteout,
    write_layer,
)
from support.trees import Description, describe, scan

PATHS = ("a", "b", "c", "a/a", "a/b", "b/a", "b/b", "a/a/a", "a/b/c", "b/a/a")
Snapshot = dict[bytes, Description]


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


OPERATIONS: dict[str, Callable[[Path, Path], object]] = {
    "write": lambda path, other: path.write_text(str(other.name) * 3),
    "make": lambda path, _: path.mkdir(parents=True),
    "remove": lambda path, _: _remove(path),
    "symlink": lambda path, other: path.symlink_to(other.name),
    "link": lambda path, other: path.hardlink_to(other),
    "private": lambda path, _: path.chmod(0o700),
    "rename": lambda path, other: other.rename(path),
}
FULL = [("make", path, path) for path in ("a/a", "a/b", "b/a")] + [("write", path, path) for path in PATHS]


def _snapshot(root: Path) -> Snapshot:
    return {entry.path: entry._replace(mtime=0) for entry in scan(root) if entry.path}


def _item(entry: Description) -> Item:
    path = entry.path.decode()
    if entry.link not in (b"", entry.path):
        return hardlink(path, entry.link.decode(), mode=entry.mode, uid=entry.uid, gid=entry.gid)
    fields = {"mode": entry.mode, "uid": entry.uid, "gid": entry.gid}
    if entry.type == "d":
        return directory(path, **fields)
    if entry.type == "l":
        return symlink(path, entry.content.decode(), **fields)
    return file(path, entry.content, **fields)


def _difference(old: Snapshot, new: Snapshot, dice: random.Random) -> list[Item]:
    """A layer as a builder makes it, siblings in any order, some directories told as made anew."""
    changed = {path for path, entry in new.items() if old.get(path) != entry}
    kept = [path for path in old if path in new and old[path].type == "d" == new[path].type]
    anew = [path for path in kept if dice.random() < 0.2]
    for folder in anew:
        changed |= {path for path in new if path == folder or path.startswith(folder + b"/")}
    groups = {new[path].link for path in changed} - {b""}
    changed |= {path for path, entry in new.items() if entry.link in groups}
    items = [_item(new[path]) for path in changed]
    items += [dice.choice((opaque, whiteout))(folder.decode()) for folder in anew]
    for folder in [b"", *kept]:
        gone = [path for path in old if path.rpartition(b"/")[0] == folder and path not in new]
        items += [whiteout(path.decode()) for path in gone]
    dice.shuffle(items)
    return sorted(items, key=lambda item: (item[0].type == tarfile.LNKTYPE, item[0].name.count("/")))


@settings(max_examples=150, deadline=None)
@given(
    batches=st.lists(
        st.lists(
            st.tuples(st.sampled_from(sorted(OPERATIONS)), st.sampled_from(PATHS), st.sampled_from(PATHS))
        ),
        min_size=1,
        max_size=4,
    ),
    seed=st.integers(0, 1000),
)
def test_layers_of_a_real_directory_merge_into_it(
    batches: list[list[tuple[str, str, str]]], seed: int
) -> None:
    dice = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        root, layers = Path(name) / "root", []
        root.mkdir()
        before: Snapshot = {}
        for number, batch in enumerate([FULL, *batches]):
            for operation, path, other in batch:
                with contextlib.suppress(OSError, shutil.Error):
                    OPERATIONS[operation](root / path, root / other)
            after = _snapshot(root)
            layers.append(write_layer(Path(name) / f"{number}.tar", tar(*_difference(before, after, dice))))
            before = after
        ours = describe(canonicalise(merge(layers, SILENT), 0, SILENT))
        added = {b"", b"dev", b"etc", b"proc", b"run", b"sys"}
        assert [entry for entry in ours if entry.path not in added] == list(before.values())
