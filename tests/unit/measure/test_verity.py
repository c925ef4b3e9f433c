"""The dm-verity tree, judged by veritysetup."""

import os
import re
import shutil
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from measure import verity
from olos.digest import Digest
from olos.errors import InputError, MismatchError
from olos.extent import Extent
from olos.progress import SILENT, Silent, Task
from olos.verity import level_offsets
from support.progress import Recorder
from support.trees import noise

BLOCK = 4096
FANOUT = 128
NIL = "00000000-0000-0000-0000-000000000000"
COUNTS = [2, 3, 127, 128, 129, 255, 256, 257, 4096, 4097, 5000]


def image(path: Path, blocks: int) -> Path:
    path.write_bytes(noise(blocks * BLOCK))
    return path


def append(path: Path, size: int | None = None) -> Digest:
    with path.open("r+b") as stream:
        size = os.fstat(stream.fileno()).st_size if size is None else size
        root = verity.append_hash_tree(stream, size, SILENT)
        assert stream.tell() == path.stat().st_size
    return root


def whole(path: Path) -> Extent:
    return Extent(path, 0, path.stat().st_size)


def judged(path: Path) -> str:
    """Append the tree with veritysetup; returns the root."""
    size = path.stat().st_size
    command: list[str | Path] = [
        "veritysetup",
        "format",
        "--salt=-",
        f"--uuid={NIL}",
        f"--hash-offset={size}",
        path,
        path,
    ]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"Root hash:\s*([0-9a-f]{64})", shown)
    assert found
    return found[1]


@pytest.mark.usefixtures("hashing")
@pytest.mark.parametrize("blocks", COUNTS, ids=str)
def test_agrees_with_veritysetup(blocks: int, tmp_path: Path) -> None:
    ours, theirs = image(tmp_path / "ours", blocks), image(tmp_path / "theirs", blocks)
    root = append(ours)
    assert root.hex == judged(theirs)
    assert ours.read_bytes() == theirs.read_bytes()
    offset = f"--hash-offset={blocks * BLOCK}"
    subprocess.run(["veritysetup", "verify", offset, ours, ours, root.hex], check=True)
    assert verity.check(whole(ours), blocks * BLOCK, SILENT) == root


@pytest.mark.usefixtures("hashing")
def test_agrees_with_veritysetup_where_a_third_level_begins(tmp_path: Path) -> None:
    for blocks in (FANOUT * FANOUT, FANOUT * FANOUT + 1):
        paths = tmp_path / "ours", tmp_path / "theirs"
        for path in paths:
            path.write_bytes(b"start")
            os.truncate(path, blocks * BLOCK)
        assert append(paths[0]).hex == judged(paths[1])
        assert paths[0].read_bytes() == paths[1].read_bytes()
        verity.check(whole(paths[0]), blocks * BLOCK, SILENT)


def test_what_lay_behind_the_image_is_gone(tmp_path: Path) -> None:
    path, other = image(tmp_path / "image", 300), image(tmp_path / "other", 3)
    root = append(path, 3 * BLOCK)
    assert append(other) == root
    assert path.stat().st_size == other.stat().st_size == level_offsets(3 * BLOCK)[-1]


def test_a_tree_inside_of_a_package(tmp_path: Path) -> None:
    path = image(tmp_path / "rootfs.img", 200)
    root = append(path)
    package = tmp_path / "app.olos"
    package.write_bytes(noise(5 * BLOCK, "before") + path.read_bytes() + noise(77, "behind"))
    extent = Extent(package, 5 * BLOCK, path.stat().st_size)
    assert verity.check(extent, 200 * BLOCK, SILENT) == root


BLOCKS = 20_000  # three levels: 157 blocks, 2, 1
SIZE = BLOCKS * BLOCK
SUPERBLOCK = SIZE
TOP = SIZE + BLOCK
MIDDLE = TOP + BLOCK
LEAVES = MIDDLE + 2 * BLOCK
CHANGES = {
    "first data block": (0, "data block 0 or its hash"),
    "a data block": (4097 * BLOCK + 5, "data block 4097 or its hash"),
    "last data block": (SIZE - 1, "data block 19999 or its hash"),
    "superblock": (SUPERBLOCK, "verity superblock"),
    "superblock padding": (SUPERBLOCK + 4095, "verity superblock"),
    "salt": (SUPERBLOCK + 90, "verity superblock"),
    "top": (TOP, f"hash block at byte {TOP} "),
    "top padding": (TOP + 4095, f"hash block at byte {TOP} "),
    "middle": (MIDDLE + 33, f"hash block at byte {MIDDLE} "),
    "second middle block": (MIDDLE + BLOCK + 33, f"hash block at byte {MIDDLE + BLOCK} "),
    "first leaf": (LEAVES, "data block 0 or its hash"),
    "a leaf": (LEAVES + 32 * 777 + 31, "data block 777 or its hash"),
    "leaf padding": (LEAVES + 157 * BLOCK - 1, f"hash block at byte {LEAVES + 156 * BLOCK} "),
}


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = image(tmp_path_factory.mktemp("verity") / "rootfs.img", BLOCKS)
    append(path)
    return path


@pytest.mark.usefixtures("hashing")
@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_byte_is_named(name: str, large: Path) -> None:
    position, message = CHANGES[name]
    with large.open("r+b", buffering=0) as stream:
        stream.seek(position)
        original = stream.read(1)
        os.pwrite(stream.fileno(), bytes([original[0] ^ 1]), position)
        try:
            with pytest.raises(MismatchError, match=message):
                verity.check(whole(large), SIZE, SILENT)
        finally:
            os.pwrite(stream.fileno(), original, position)
    verity.check(whole(large), SIZE, SILENT)


def test_the_first_wrong_block_is_named(large: Path) -> None:
    with large.open("r+b", buffering=0) as stream:
        for number in (19_000, 300, 301):
            os.pwrite(stream.fileno(), noise(BLOCK, "other"), number * BLOCK)
        try:
            with pytest.raises(MismatchError, match="data block 300 or its hash"):
                verity.check(whole(large), SIZE, SILENT)
        finally:
            original = noise(SIZE)
            for number in (19_000, 300, 301):
                os.pwrite(stream.fileno(), original[number * BLOCK :][:BLOCK], number * BLOCK)


@pytest.mark.parametrize("difference", [-BLOCK, -1, 1, BLOCK])
def test_another_length_is_a_mismatch(difference: int, tmp_path: Path) -> None:
    path = image(tmp_path / "image", 130)
    append(path)
    os.truncate(path, path.stat().st_size + difference)
    with pytest.raises(MismatchError, match="size does not match"):
        verity.check(whole(path), 130 * BLOCK, SILENT)


@pytest.mark.parametrize("size", [0, 1, BLOCK, 2 * BLOCK + 1])
def test_impossible_image_sizes(size: int, tmp_path: Path) -> None:
    path = image(tmp_path / "image", 3)
    append(path)
    with pytest.raises(InputError, match="cannot be an image"):
        verity.check(whole(path), size, SILENT)


def test_a_huge_image_size_is_a_mismatch_at_once(tmp_path: Path) -> None:
    path = image(tmp_path / "image", 3)
    with pytest.raises(MismatchError, match="size does not match"):
        verity.check(whole(path), 2**53 // BLOCK * BLOCK, SILENT)


def test_a_file_that_is_too_short_is_an_input_error(tmp_path: Path) -> None:
    path = image(tmp_path / "image", 3)
    append(path)
    extent = whole(path)
    os.truncate(path, 2 * BLOCK)
    with pytest.raises(InputError, match="shorter"):
        verity.check(extent, 3 * BLOCK, SILENT)


@pytest.mark.usefixtures("hashing")
@pytest.mark.parametrize("left", [0, BLOCK, SIZE - 1, SUPERBLOCK, LEAVES])
def test_a_file_that_is_cut_meanwhile_is_an_input_error(left: int, large: Path, tmp_path: Path) -> None:
    path = tmp_path / "image"
    shutil.copy(large, path)

    class Cutting(Silent):
        """Cuts the file when it is open and the work begins."""

        def task(self, text: str, total: int | None, unit: str) -> AbstractContextManager[Task]:
            os.truncate(path, left)
            return super().task(text, total, unit)

    with pytest.raises(InputError, match=r"cannot be read: (No data available|it became shorter)"):
        verity.check(whole(path), SIZE, Cutting())


def test_progress_adds_up(large: Path) -> None:
    recorder = Recorder()
    verity.check(whole(large), SIZE, recorder)
    (task,) = recorder.tasks
    assert sum(task.steps) == task.total == SIZE
