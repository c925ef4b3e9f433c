"""Layers that are small and ask for much: entries, memory, time."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from olos.errors import InputError
from olos.progress import SILENT
from olos_build import merge as merging
from olos_build.merge import merge
from support.images import (
    Item,
    directory,
    fifo,
    file,
    opaque,
    symlink,
    whiteout,
    write_layers,
)

# Limits -----------------------------------------------------------------------------------------------


def test_too_many_entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "MAX_ENTRIES", 100)
    layers = write_layers(
        tmp_path, [file(f"a{n}") for n in range(60)], [whiteout(f"a{n}") for n in range(41)]
    )
    with pytest.raises(InputError, match="layer 2 .* more than 100$"):
        merge(layers, SILENT)
    assert len(merge(layers[:1], SILENT)) == 61


@pytest.mark.parametrize(
    "entry",
    [
        file("a", xattrs={"user.a": "v" * 60000}),
        symlink("s", "t" * 4000),
        file("/".join(["d" * 200] * 20)),
    ],
    ids=["attributes", "targets", "names"],
)
def test_too_much_metadata(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: Item) -> None:
    monkeypatch.setattr(merging, "MAX_METADATA", 100_000)
    with pytest.raises(InputError, match="may have 100000 bytes"):
        merge(write_layers(tmp_path, [entry] * 30), SILENT)


# Time -------------------------------------------------------------------------------------------------


def _opaque_again_and_again() -> list[list[Item]]:
    files = [file(f"d/{n % 50}/{n}") for n in range(5000)]
    return [files, [opaque("d/1"), *files, *[opaque("d")] * 3000, *[whiteout("d")] * 3000]]


def _deep_directories_each_opaque() -> list[list[Item]]:
    paths = ["/".join(["d"] * depth) for depth in range(1, 700)]
    lower = [directory(path) for path in paths]
    return [lower, [*lower, *[opaque(path) for path in reversed(paths)]]]


def _chains_of_symlinks() -> list[list[Item]]:
    chain = [symlink(f"l{n}", f"l{n + 1}") for n in range(250)] + [directory("l250")]
    return [chain, [file(f"l0/{n}") for n in range(1000)]]


def _directory_and_file_in_turn() -> list[list[Item]]:
    inside = [directory("d"), *[file(f"d/{n}") for n in range(200)], file("d")]
    return [inside * 10] * 3


@pytest.mark.parametrize(
    "make",
    [
        _opaque_again_and_again,
        _deep_directories_each_opaque,
        _chains_of_symlinks,
        _directory_and_file_in_turn,
    ],
)
def test_work_grows_with_the_layer_and_no_faster(
    tmp_path: Path, make: Callable[[], list[list[Item]]]
) -> None:
    layers = write_layers(tmp_path, *make())
    start = time.process_time()
    merge(layers, SILENT)
    assert time.process_time() - start < 8


def test_directories_taken_for_granted_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One entry of 4000 bytes stands for 2000 directories, whose paths have 4 MB."""
    monkeypatch.setattr(merging, "MAX_METADATA", 10_000_000)
    entries = [file(f"{n}/" + "d/" * 1990 + "f") for n in range(4)]
    assert len(merge(write_layers(tmp_path, entries[:2]), SILENT)) > 3900
    with pytest.raises(InputError, match="may have 10000000 bytes"):
        merge(write_layers(tmp_path, entries), SILENT)


def test_paths_that_grow_through_symlinks(tmp_path: Path) -> None:
    deep = "d/" * 1500
    layer = [symlink("s0", "."), *[symlink(f"s{n + 1}", f"s{n}/{deep}") for n in range(5)], file("s4/f")]
    with pytest.raises(InputError, match="more than 4095"):
        merge(write_layers(tmp_path, layer), SILENT)


def test_walks_that_are_long_without_a_cycle(tmp_path: Path) -> None:
    """Each link leads a long way round to the next one."""
    around = "d/" * 700 + "../" * 700
    links = [symlink(f"l{n}", f"{around}l{n + 1}") for n in range(200)]
    layers = write_layers(tmp_path, [file("d/" * 1000 + "x"), *links], [file("l0/f")])
    start = time.process_time()
    with pytest.raises(InputError, match="too many"):
        merge(layers, SILENT)
    assert time.process_time() - start < 5


@pytest.mark.parametrize("target", ["l", "l/" * 2000 + "l", "/l/../l/x", "x/../l"])
def test_cycles(tmp_path: Path, target: str) -> None:
    start = time.process_time()
    with pytest.raises(InputError, match="cycle of symlinks"):
        merge(write_layers(tmp_path, [symlink("l", target)], [file("l/f")]), SILENT)
    assert time.process_time() - start < 5


def test_links_that_double(tmp_path: Path) -> None:
    """Each link leads through the next one twice."""
    links = [symlink(f"l{n}", f"l{n + 1}/../l{n + 1}") for n in range(60)] + [directory("l60")]
    with pytest.raises(InputError, match="cycle of symlinks"):
        merge(write_layers(tmp_path, links, [file("l0/f")]), SILENT)


def test_nothing_is_written_and_nothing_read_outside(tmp_path: Path) -> None:
    """Links that lead out of the root lead to places in the tree."""
    layers = write_layers(
        tmp_path,
        [symlink("out", "../../../../tmp"), symlink("abs", str(tmp_path)), fifo("p")],
        [file("out/evil", b"x"), file("abs/evil", b"y")],
    )
    before = sorted(tmp_path.iterdir())
    tree = merge(layers, SILENT)
    inside = str(tmp_path / "evil").encode()[1:]
    assert {b"tmp/evil", inside} <= tree.keys()
    assert sorted(tmp_path.iterdir()) == before
    assert not Path("/tmp/evil").exists()
