"""The whole check of layouts and packages, where nothing is signed: target program and annotations."""

import dataclasses
import shutil
from pathlib import Path

import pytest

from olos.annotations import Annotations
from olos.errors import InputError, MismatchError
from olos.layout import ANNOTATIONS, TARGET_PROGRAM
from olos.progress import SILENT
from olos_cli import pipeline
from support.measured import ANNOTATED, package_of


@pytest.fixture
def copy(layout: Path, tmp_path: Path) -> Path:
    """A layout to change."""
    return shutil.copytree(layout, tmp_path / "layout")


def entries(layout: Path) -> int:
    return pipeline.measure(layout, SILENT).manifest.rootfs.entries


def of_entries(count: int) -> Annotations:
    return dataclasses.replace(ANNOTATED, origins=((count, 0),))


def test_annotations_may_be_missing(copy: Path) -> None:
    (copy / ANNOTATIONS).unlink()
    assert pipeline.verify(copy, None, SILENT).measurement == pipeline.measure(copy, SILENT).measurement


def test_annotations_of_as_many_entries(copy: Path) -> None:
    (copy / ANNOTATIONS).write_bytes(of_entries(entries(copy)).encode())
    pipeline.verify(copy, None, SILENT)


def test_annotations_of_another_number_of_entries(copy: Path) -> None:
    (copy / ANNOTATIONS).write_bytes(of_entries(entries(copy) + 1).encode())
    for path in (copy, package_of(copy, copy.with_name("app.olos"))):
        with pytest.raises(MismatchError, match=r"annotations\.json: number of entries does not match"):
            pipeline.verify(path, None, SILENT)


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"{", ANNOTATED.encode() + b"\n", ANNOTATED.encode().replace(b'"history"', b'"histery"')],
    ids=["empty", "no keys", "cut off", "not canonical", "unknown key"],
)
def test_annotations_must_be_well_formed(copy: Path, data: bytes) -> None:
    (copy / ANNOTATIONS).write_bytes(data)
    for path in (copy, package_of(copy, copy.with_name("app.olos"))):
        pipeline.measure(path, SILENT)
        with pytest.raises(InputError, match=r"annotations\.json") as caught:
            pipeline.verify(path, None, SILENT)
        assert str(path) in caught.value.message


def test_the_target_program_is_that_of_this_olos(copy: Path) -> None:
    with (copy / TARGET_PROGRAM).open("ab") as stream:
        stream.write(b"\0")
    for path in (copy, package_of(copy, copy.with_name("app.olos"))):
        pipeline.measure(path, SILENT)
        with pytest.raises(MismatchError, match="target/linux: sha256 does not match") as caught:
            pipeline.verify(path, None, SILENT)
        assert str(path) in caught.value.message


def test_a_target_program_must_be_there(copy: Path) -> None:
    (copy / TARGET_PROGRAM).unlink()
    with pytest.raises(InputError, match="target/linux is missing"):
        pipeline.verify(copy, None, SILENT)


def test_another_measurement_comes_before_everything_else(copy: Path) -> None:
    """Who asks for a value wants to know first that it is another one."""
    other = pipeline.measure(copy, SILENT).manifest.rootfs.tree_root
    (copy / ANNOTATIONS).write_bytes(b"{}")
    with pytest.raises(MismatchError, match="layout: measurement does not match"):
        pipeline.verify(copy, other, SILENT)
