"""Both roots of an image; the tree root against leaves that the test puts together itself."""

import hashlib
import json
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from measure import rootfs
from olos import hashcore
from olos.errors import InputError, MismatchError
from olos.extent import Extent
from olos.progress import SILENT, Silent, Task
from olos.tree import FileType, Inode, Tree
from support.merkle import mth
from support.progress import Recorder
from support.trees import (
    ACL,
    CAPABILITY,
    Description,
    Store,
    describe,
    directory,
    noise,
    random_tree,
    rich_tree,
    symlink,
    tree_of,
    write_image,
)

BLOCK = 4096
GOLDEN = Path(__file__).parents[2] / "golden" / "rootfs.json"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def roots_of(tree: Tree, folder: Path) -> rootfs.RootfsRoots:
    image = write_image(tree, folder / "rootfs.img")
    roots = rootfs.measure(image.extent, image.size, SILENT)
    assert roots.verity_root == image.root
    return roots


def counted(data: bytes) -> bytes:
    return len(data).to_bytes(4, "little") + data


def leaf(entry: Description, content_digest: str) -> bytes:
    """docs/formats.md section 2.3."""
    data = b"olos-entry-1\n" + counted(entry.path) + entry.type.encode()
    data += entry.mode.to_bytes(2, "little")
    data += entry.uid.to_bytes(4, "little") + entry.gid.to_bytes(4, "little")
    data += entry.mtime.to_bytes(8, "little")
    data += counted(entry.link)
    data += len(entry.content).to_bytes(8, "little")
    if entry.type == "f":
        data += bytes.fromhex(content_digest)
    if entry.type == "l":
        data += counted(entry.content)
    if entry.type in ("c", "b"):
        data += b"".join(number.to_bytes(4, "little") for number in entry.device)
    data += len(entry.xattrs).to_bytes(4, "little")
    for name, value in entry.xattrs:
        data += counted(name) + counted(value)
    return data


def content_digests(entries: list[Description], folder: Path) -> list[str]:
    """What `fsverity digest` says of each file, empty for what is none."""
    folder.mkdir()
    files = [i for i, entry in enumerate(entries) if entry.type == "f"]
    for i in files:
        (folder / str(i)).write_bytes(entries[i].content)
    command: list[str | Path] = ["fsverity", "digest", "--compact", *(folder / str(i) for i in files)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    found = dict(zip(files, shown, strict=True))
    return [found.get(i, "") for i in range(len(entries))]


@pytest.mark.usefixtures("hashing")
def test_the_tree_root_is_what_the_format_says(store: Store, tmp_path: Path) -> None:
    tree = rich_tree(store)
    roots = roots_of(tree, tmp_path)
    entries = describe(tree)
    leaves = list(map(leaf, entries, content_digests(entries, tmp_path / "files")))
    assert roots.tree_root.value == mth(leaves)
    assert roots.entries == len(tree)


@pytest.mark.usefixtures("hashing")
@pytest.mark.parametrize("seed", range(5))
def test_the_tree_root_of_random_trees(seed: int, store: Store, tmp_path: Path) -> None:
    tree = random_tree(store, seed)
    entries = describe(tree)
    leaves = list(map(leaf, entries, content_digests(entries, tmp_path / "files")))
    assert roots_of(tree, tmp_path).tree_root.value == mth(leaves)


@pytest.mark.usefixtures("hashing")
def test_a_file_of_many_blocks(store: Store, tmp_path: Path) -> None:
    """More leaf hashes than are read at a time, and a third level."""
    content = noise(1 << 20) * 140 + b"tail"
    entries = describe(tree := tree_of({b"big": store.regular(content)}))
    leaves = list(map(leaf, entries, content_digests(entries, tmp_path / "files")))
    assert roots_of(tree, tmp_path).tree_root.value == mth(leaves)


def golden_trees(store: Store) -> dict[str, Tree]:
    """Trees by the words that describe them in the golden file."""
    xattrs = ((b"security.capability", CAPABILITY), (b"user.a", b"1"))
    return {
        "the root directory alone": tree_of({}),
        "/a (0644, 'hello\\n')": tree_of({b"a": store.regular(b"hello\n")}),
        "one of each type": tree_of(
            {
                b"block": Inode(FileType.BLOCK, 0o660, gid=6, device=(8, 300)),
                b"character": Inode(FileType.CHARACTER, 0o666, device=(1, 3)),
                b"directory": directory(0o1777, ((b"system.posix_acl_access", ACL),)),
                b"fifo": Inode(FileType.FIFO, 0o600, uid=1, gid=2, mtime=3),
                b"regular": store.regular(bytes(range(256)) * 40, 0o6755, 1_700_000_000, xattrs),
                b"symlink": symlink(b"regular"),
            },
            {b"name": b"regular"},
        ),
        "/d holds 1000 files '%d' of content '%d'": tree_of(
            {b"d/%d" % i: store.regular(b"%d" % i) for i in range(1000)}
        ),
    }


@pytest.mark.usefixtures("hashing")
def test_golden(store: Store, tmp_path: Path) -> None:
    """The bytes of the format do not change: another value here is another format."""
    golden = json.loads(GOLDEN.read_text())
    assert golden["format"] == "olos-rootfs-1"
    found = {}
    for name, tree in golden_trees(store).items():
        roots = roots_of(tree, tmp_path)
        found[name] = {
            "entries": roots.entries,
            "image_size": roots.image_size,
            "sha256": hashlib.sha256((tmp_path / "rootfs.img").read_bytes()).hexdigest(),
            "tree_root": roots.tree_root.hex,
            "verity_root": roots.verity_root.hex,
        }
    assert found == golden["trees"]


@pytest.mark.usefixtures("hashing")
def test_a_changed_image_with_its_own_hash_tree_has_another_tree_root(store: Store, tmp_path: Path) -> None:
    first = roots_of(tree_of({b"a": store.regular(b"1" * 9000)}), tmp_path)
    second = roots_of(tree_of({b"a": store.regular(b"1" * 8999 + b"2")}), tmp_path)
    assert first.tree_root != second.tree_root
    assert first.verity_root != second.verity_root


@pytest.mark.usefixtures("hashing")
def test_a_changed_block_is_a_mismatch(store: Store, tmp_path: Path) -> None:
    image = write_image(tree_of({b"a": store.regular(noise(9000))}), tmp_path / "rootfs.img")
    with image.path.open("r+b") as stream:
        stream.seek(BLOCK + 7)
        stream.write(b"changed")
    with pytest.raises(MismatchError, match=r"rootfs\.img: data block 1 or its hash"):
        rootfs.measure(image.extent, image.size, SILENT)


@pytest.mark.usefixtures("hashing")
def test_a_wrong_image_with_a_right_hash_tree_is_an_input_error(store: Store, tmp_path: Path) -> None:
    image = write_image(tree_of({b"a": store.regular(noise(9000))}), tmp_path / "rootfs.img")
    data = bytearray(image.path.read_bytes()[: image.size])
    data[1024:1028] = struct.pack("<I", 0)
    image.path.write_bytes(data)
    command = ["veritysetup", "format", "--salt=-", "--uuid=00000000-0000-0000-0000-000000000000"]
    subprocess.run(
        [*command, f"--hash-offset={image.size}", image.path, image.path], check=True, capture_output=True
    )
    with pytest.raises(InputError, match=r"rootfs\.img: superblock: no EROFS superblock"):
        rootfs.measure(image.extent, image.size, SILENT)


@pytest.mark.usefixtures("hashing")
def test_inside_of_a_package(store: Store, tmp_path: Path) -> None:
    image = write_image(rich_tree(store), tmp_path / "rootfs.img")
    package = tmp_path / "app.olos"
    package.write_bytes(noise(3 * BLOCK) + image.path.read_bytes() + b"more")
    inside = Extent(package, 3 * BLOCK, image.path.stat().st_size)
    assert rootfs.measure(inside, image.size, SILENT) == rootfs.measure(image.extent, image.size, SILENT)


@pytest.mark.usefixtures("hashing")
def test_progress_is_reported(store: Store, tmp_path: Path) -> None:
    image = write_image(rich_tree(store), tmp_path / "rootfs.img")
    recorder = Recorder()
    roots = rootfs.measure(image.extent, image.size, recorder)
    bytes_task, entries_task = recorder.tasks
    assert sum(bytes_task.steps) == image.size
    assert sum(entries_task.steps) == roots.entries


@pytest.mark.usefixtures("hashing")
@pytest.mark.parametrize("left", [0, 5000, -1], ids=["all", "most", "one byte"])
def test_an_image_that_is_cut_while_its_tree_is_hashed(left: int, store: Store, tmp_path: Path) -> None:
    image = write_image(rich_tree(store), tmp_path / "rootfs.img")

    class Cutting(Silent):
        """Cuts the file when its hash tree has been checked."""

        def task(self, text: str, total: int | None, unit: str) -> AbstractContextManager[Task]:
            if unit == "entries":
                os.truncate(image.path, left % image.extent.size)
            return super().task(text, total, unit)

    with pytest.raises(InputError, match=r"rootfs\.img: .*(shorter|No data)"):
        rootfs.measure(image.extent, image.size, Cutting())


def test_what_only_the_compiled_reader_refuses_is_not_passed_over(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = write_image(rich_tree(store), tmp_path / "rootfs.img")

    def refuse(*_: object) -> None:
        raise ValueError("a reason")

    monkeypatch.setattr(rootfs, "tree_root", refuse)
    with pytest.raises(RuntimeError, match=r"only one of two readers refuses .*rootfs\.img: a reason"):
        rootfs.measure(image.extent, image.size, SILENT)


def test_the_compiled_reader_can_be_interrupted(store: Store, tmp_path: Path) -> None:
    """In the middle of a file as well as between entries: by a signal, by who listens, by an end too soon."""
    image = write_image(tree_of({b"big": store.regular(noise(9 << 20))}), tmp_path / "rootfs.img")
    arguments = (0, image.extent.size, image.size)

    def interrupt(_: int) -> None:
        signal.raise_signal(signal.SIGINT)

    def fail(_: int) -> None:
        raise LookupError("heard enough")

    def cut(_: int) -> None:
        os.truncate(image.path, 0)

    with image.path.open("rb") as stream, interrupts():
        with pytest.raises(KeyboardInterrupt):
            hashcore.tree_root(stream.fileno(), *arguments, interrupt)
        with pytest.raises(LookupError, match="heard enough"):
            hashcore.tree_root(stream.fileno(), *arguments, fail)
        with pytest.raises(ValueError, match=r"rootfs\.img: truncated while it was read"):
            hashcore.tree_root(stream.fileno(), *arguments, cut)


@contextmanager
def interrupts() -> Iterator[None]:
    """SIGINT raises KeyboardInterrupt, also where the tests run with it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("pure", ["", "1"], ids=["compiled", "pure"])
def test_neither_memory_nor_reading_grows_with_holes(pure: str, store: Store, tmp_path: Path) -> None:
    """A file of 8 GiB that is a hole; what is read is its hash tree of 65 MiB, twice."""
    size = 8 << 30
    tree = tree_of({b"big": Inode(FileType.REGULAR, 0o644, size=size)})
    image = write_image(tree, tmp_path / "rootfs.img")
    script = (
        "import re, sys; from pathlib import Path; from measure import rootfs;"
        "from olos.extent import Extent; from olos.progress import SILENT;"
        "path = Path(sys.argv[1]);"
        "rootfs.measure(Extent(path, 0, path.stat().st_size), int(sys.argv[2]), SILENT);"
        "print(re.search(r'VmHWM:\\s*(\\d+) kB', Path('/proc/self/status').read_text())[1],"
        "re.search(r'rchar:\\s*(\\d+)', Path('/proc/self/io').read_text())[1])"
    )
    command = [sys.executable, "-c", script, str(image.path), str(image.size)]
    environment = {**os.environ, "OLOS_PURE": pure}
    shown = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3], env=environment
    )
    peak, read = map(int, shown.stdout.split())
    assert peak < 120 << 10  # KiB
    assert read < 160 << 20
