"""Which layer wrote which entry, and the annotations that say so."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from olos.annotations import Annotations
from olos.digest import Digest
from olos.progress import SILENT
from olos_build.annotations import Provenance, annotate
from olos_build.canonical_tree import canonicalise, ensure_directories, origins
from olos_build.dockerfile import load
from olos_build.image import History, Image, ImageConfig
from olos_build.merge import merge
from support.images import Item, directory, file, hardlink, opaque, symlink, whiteout, write_layers

Layers = Sequence[Sequence[Item]]
CONFIG = ImageConfig(architecture="amd64", os="linux")


def written(folder: Path, layers: Layers, *ensured: str) -> dict[str, int]:
    """The layers by path."""
    merged = merge(write_layers(folder, *layers), SILENT)
    tree = ensure_directories(canonicalise(merged, 0, SILENT), ensured)
    found = origins(tree, merged.layers)
    return {entry.path.decode(): layer for entry, layer in zip(tree, found, strict=True)}


CASES: dict[str, tuple[Layers, dict[str, int]]] = {
    "each its own": (([file("a")], [file("b")]), {"a": 1, "b": 2}),
    "written over": (([file("a", b"1")], [file("a", b"2")]), {"a": 2}),
    "written over with the same": (([file("a", b"1")], [file("a", b"1")]), {"a": 2}),
    "attributes alone": (([file("a", b"1")], [file("a", b"1", mode=0o600)]), {"a": 2}),
    "a directory that is passed": (
        ([directory("d")], [directory("d", mtime=5), file("d/x")]),
        {"d": 1, "d/x": 2},
    ),
    "a directory that is changed": (
        ([directory("d"), file("d/x")], [directory("d", uid=1)]),
        {"d": 2, "d/x": 1},
    ),
    "a directory that is changed and passed": (
        ([directory("d")], [directory("d", mode=0o700)], [directory("d", mode=0o700)], [file("d/x")]),
        {"d": 2, "d/x": 4},
    ),
    "a directory that is taken for granted": (([file("a")], [file("d/x")]), {"a": 1, "d": 2, "d/x": 2}),
    "removed and made again": (([directory("d")], [whiteout("d")], [directory("d")]), {"d": 3}),
    "hidden and made again": (([file("d/x"), file("d/y")], [opaque("d"), file("d/x")]), {"d": 1, "d/x": 2}),
    "another type": (([file("a")], [symlink("a", "b")]), {"a": 2}),
    "hard links of one layer": (([file("a"), hardlink("b", "a")],), {"a": 1, "b": 1}),
    "a further name": (([file("a"), file("c")], [hardlink("b", "a")]), {"a": 1, "b": 2, "c": 1}),
    "a further name with other attributes": (
        ([file("a")], [hardlink("b", "a", mode=0o600)]),
        {"a": 2, "b": 2},
    ),
    "what olos sets": (
        ([directory("./", mode=0o700), directory("dev"), file("dev/x"), file("proc"), directory("etc")],),
        {"": 0, "dev": 0, "proc": 0, "etc": 0, "run": 0},
    ),
    "etc that is used": (([file("run/x")], [directory("etc"), file("etc/x")]), {"etc": 2, "run": 1}),
    "etc that is a symlink": (([directory("e"), symlink("etc", "e")],), {"etc": 1}),
}


@pytest.mark.parametrize(("layers", "expected"), CASES.values(), ids=CASES)
def test_who_wrote_it(tmp_path: Path, layers: Layers, expected: dict[str, int]) -> None:
    assert written(tmp_path, layers).items() >= expected.items()


def test_directories_that_are_ensured(tmp_path: Path) -> None:
    found = written(tmp_path, ([file("w/x")],), "/w", "/v/y")
    assert (found["w"], found["w/x"], found["v"], found["v/y"]) == (1, 1, 0, 0)


def image_of(folder: Path, layers: Layers, history: Sequence[History]) -> Image:
    config = replace(CONFIG, history=tuple(history))
    return Image(config, Digest.sha256(b"c"), None, tuple(write_layers(folder, *layers)))


@pytest.fixture
def image(tmp_path: Path) -> Image:
    history = [
        History("base", False),
        History("/bin/sh -c make", False),
        History("/bin/sh -c #(nop) USER x", True),
    ]
    return image_of(tmp_path, ([file("a")], [file("b")]), history)


def test_an_image_that_was_built(image: Image, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM x AS y\nRUN make\nUSER x\nFROM z\nRUN other\n")
    provenance = Provenance("buildah", "1", 9, load(tmp_path / "Dockerfile"), "y")
    made = annotate(image, provenance, iter([0, 1, 1, 2, 0, 0]))
    assert made.origins == ((1, 0), (2, 1), (1, 2), (2, 0))
    assert [step.line for step in made.history] == [None, 2, 3]
    assert made.base_layers == made.layers[:1] == (image.layers[0].diff_id,)
    assert (made.builder, made.builder_version, made.source_date_epoch) == ("buildah", "1", 9)
    assert Annotations.decode(made.encode(), "") == made


def test_an_image_that_was_taken(image: Image) -> None:
    made = annotate(image, Provenance("oci", "", 0), [])
    assert [step.line for step in made.history] == [None] * 3
    assert made.base_layers == made.layers


def test_nothing_of_the_machine(image: Image, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM x\nRUN make\nUSER x\n")
    made = annotate(image, Provenance("buildah", "1", 0, load(tmp_path / "Dockerfile")), [1]).encode()
    assert b"tmp" not in made
    assert b"Dockerfile" not in made
