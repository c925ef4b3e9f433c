"""The image reader in C: the same roots as the Python side, and the same images refused."""

import random
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from measure import rootfs
from measure.leaf import encode
from olos.crc32c import crc32c
from olos.digest import Digest
from olos.erofs import Image
from olos.errors import InputError
from olos.extent import Extent
from olos.progress import SILENT
from olos.tree import FileType, Inode, Tree
from support.probe import ask, fuzz
from support.trees import (
    ACL,
    CAPABILITY,
    Store,
    WrittenImage,
    directory,
    noise,
    random_tree,
    rich_tree,
    symlink,
    tree_of,
    write_image,
)


def item(image: bytes, size: int) -> bytes:
    """What the probe reads: a whole rootfs.img and the size of the EROFS image in it."""
    return image + struct.pack("<Q", size)


def item_of(image: WrittenImage) -> bytes:
    return item(image.path.read_bytes(), image.size)


def edge_trees(store: Store) -> Iterator[tuple[str, Tree]]:
    yield "empty", tree_of({})
    yield "large-root", tree_of({b"n%03d" % i + b"x" * 20: directory() for i in range(100)})
    yield "many-in-root", tree_of({b"%05d" % i: store.regular(b"") for i in range(3000)})
    for leaves in (1, 127, 128, 129, 128 * 128 + 1):
        yield f"{leaves}-blocks", tree_of({b"f": store.regular(noise(leaves * 4096 - 1, leaves))})
    yield (
        "order",
        tree_of({name: store.regular(name) for name in (b"a/x", b"a-b/c-d/e", b"a-b!", b"a.c", b"a-")}),
    )
    yield (
        "links",
        tree_of({b"d/e/f": store.regular(b"x")}, {b"a": b"d/e/f", b"d/e/g": b"d/e/f", b"z/z": b"d/e/f"}),
    )
    yield "long-path", tree_of({b"/".join([b"d" * 255] * 15): symlink(b"t" * 4095)})


def edge_params() -> list[str]:
    blocks = [f"{leaves}-blocks" for leaves in (1, 127, 128, 129, 128 * 128 + 1)]
    return ["empty", "large-root", "many-in-root", *blocks, "order", "links", "long-path"]


def expected_roots(image: WrittenImage) -> str:
    roots = rootfs.measure(image.extent, image.size, SILENT)
    return f"0 {roots.entries} {roots.verity_root.hex} {roots.tree_root.hex}"


@pytest.mark.parametrize("name", edge_params())
def test_same_roots_of_edges(probe: Path, tmp_path: Path, name: str) -> None:
    tree = dict(edge_trees(Store(tmp_path / "store")))[name]
    image = write_image(tree, tmp_path / "image")
    assert ask(probe, "rootfs", [item_of(image)]) == [expected_roots(image)]


def test_same_roots_of_something_of_everything(probe: Path, tmp_path: Path) -> None:
    image = write_image(rich_tree(Store(tmp_path / "store")), tmp_path / "image")
    assert ask(probe, "rootfs", [item_of(image)]) == [expected_roots(image)]


def test_same_roots_of_random_trees(probe: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    images = [write_image(random_tree(store, seed), tmp_path / f"image{seed}") for seed in range(60)]
    assert ask(probe, "rootfs", map(item_of, images)) == [expected_roots(image) for image in images]


def test_veritysetup_accepts_the_root(probe: Path, tmp_path: Path) -> None:
    image = write_image(rich_tree(Store(tmp_path / "store")), tmp_path / "image")
    _, _, root, _ = ask(probe, "rootfs", [item_of(image)])[0].split()
    where = f"--hash-offset={image.size}"
    subprocess.run(["veritysetup", "verify", image.path, image.path, root, where], check=True)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> WrittenImage:
    """A small image with something of everything that the reader parses."""
    folder = tmp_path_factory.mktemp("small")
    store = Store(folder / "store")
    names: dict[bytes, Inode] = {b"many/%d-%s" % (i, b"x" * 30): store.regular(b"%d" % i) for i in range(150)}
    names |= {
        b"caps": store.regular(b"caps", xattrs=((b"security.capability", CAPABILITY), (b"user.a", b"1"))),
        b"acl": directory(0o750, ((b"system.posix_acl_access", ACL), (b"system.posix_acl_default", ACL))),
        b"d/e/f": store.regular(noise(9000)),
        b"d-/e": symlink(b"target"),
        b"null": Inode(FileType.CHARACTER, 0o666, device=(1, 3)),
    }
    return write_image(tree_of(names, {b"d/link": b"d/e/f", b"zlink": b"d/e/f"}), folder / "image")


def changed_images(small: WrittenImage, count: int) -> Iterator[bytes]:
    """Images with a few bytes changed and, as anyone can compute it, the right checksum."""
    dice = random.Random(5)
    original = small.path.read_bytes()
    every_byte = range(1024, 1400)  # of the superblock, the first inode and its directory
    for first in (*every_byte, *(dice.randrange(1400, small.size) for _ in range(count))):
        data = bytearray(original)
        for at in (first, dice.randrange(1400, small.size))[: dice.choice((1, 1, 1, 2))]:
            data[at] = dice.choice((0, 1, 0x7F, 0xFF, data[at] ^ 1 << dice.randrange(8), data[at] + 1 & 0xFF))
        data[1028:1032] = bytes(4)
        data[1028:1032] = struct.pack("<I", crc32c(bytes(data[1024:4096])))
        yield bytes(data)


def accepts(path: Path, size: int) -> bool:
    extent = Extent(path, 0, path.stat().st_size)
    try:
        with Image(extent, size) as image:
            for entry in image.entries():
                encode(entry, Digest.sha256(b"") if entry.inode.type is FileType.REGULAR else None)
    except InputError:
        return False
    return True


def test_refuses_the_same_images_as_the_reader_in_python(
    probe: Path, small: WrittenImage, tmp_path: Path
) -> None:
    images = [small.path.read_bytes(), *changed_images(small, 500)]
    expected = []
    for image in images:
        (tmp_path / "image").write_bytes(image)
        expected.append(accepts(tmp_path / "image", small.size))
    answers = ask(probe, "walk", [item(image, small.size) for image in images])
    assert 1 < sum(expected) < len(expected)
    for number, (wanted, answer) in enumerate(zip(expected, answers, strict=True)):
        assert answer.startswith("0 " if wanted else "3 rootfs.img: "), (number, answer)


@pytest.mark.parametrize("size", [0, 1, 4096, 4097, 2**32, 2**53 - 4096, 2**64 - 4096])
def test_refuses_impossible_sizes(probe: Path, small: WrittenImage, size: int) -> None:
    data = small.path.read_bytes()
    for verb in ("walk", "rootfs"):
        [answer] = ask(probe, verb, [item(data, size)])
        assert answer.startswith(("3 ", "5 rootfs.img: size does not match"))


def verity_cases(small: WrittenImage) -> dict[str, tuple[int, str]]:
    tree = small.size + 4096
    return {
        "data": (
            small.size - 5,
            f"5 rootfs.img: data block {small.size // 4096 - 1} or its hash does not match",
        ),
        "first-block": (1500, "5 rootfs.img: data block 0 or its hash does not match"),
        "superblock": (small.size + 72, "5 rootfs.img: verity superblock does not match"),
        "superblock-padding": (small.size + 4095, "5 rootfs.img: verity superblock does not match"),
        "stored-hash": (tree + 33, "5 rootfs.img: data block 1 or its hash does not match"),
        "tree-padding": (tree + 4095, "5 rootfs.img: padding of level 0 of the hash tree does not match"),
    }


@pytest.mark.parametrize("case", verity_cases(WrittenImage(Path(), 0, Digest.sha256(b""))))
def test_names_the_first_wrong_block(probe: Path, small: WrittenImage, case: str) -> None:
    position, message = verity_cases(small)[case]
    data = bytearray(small.path.read_bytes())
    data[position] ^= 1
    assert ask(probe, "rootfs", [item(bytes(data), small.size)]) == [message]


def test_names_the_first_wrong_block_of_many(probe: Path, tmp_path: Path) -> None:
    """With several levels, and wrong blocks in pieces that different threads work on."""
    tree = tree_of({b"f": Store(tmp_path / "store").regular(noise(600 * 4096))})
    image = write_image(tree, tmp_path / "image")
    data = bytearray(image.path.read_bytes())
    for block in (150, 320, 599):
        data[block * 4096] ^= 1
    [answer] = ask(probe, "rootfs", [item(bytes(data), image.size)])
    assert answer.startswith("5 rootfs.img: data block 150 or its hash")
    data = bytearray(image.path.read_bytes())
    data[image.size + 4096 + 32] ^= 1  # the top block, which holds the hashes of level 0
    [answer] = ask(probe, "rootfs", [item(bytes(data), image.size)])
    assert answer.startswith("5 rootfs.img: block 1 of level 0 of the hash tree")


def test_refuses_a_wrong_length(probe: Path, small: WrittenImage) -> None:
    data = small.path.read_bytes()
    for other in (data + bytes(4096), data[:-1]):
        assert ask(probe, "rootfs", [item(other, small.size)]) == ["5 rootfs.img: size does not match"]


def test_nothing_crashes(probe: Path, small: WrittenImage) -> None:
    assert fuzz(probe, "walk", item_of(small), seed=7, count=4000) < 4000
