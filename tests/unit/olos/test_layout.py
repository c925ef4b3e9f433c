"""Layouts: which names they may have, and what is known of their files before any is read."""

from pathlib import Path

import pytest

from olos.errors import InputError
from olos.extent import Extent
from olos.layout import SIGSTRUCT, SIGSTRUCT_SIZE, UNRECORDED, open_directory, with_file
from olos.package import open_package
from support.layouts import contents, make_layout, noise
from support.packages import pack


@pytest.fixture
def signature(tmp_path: Path) -> Extent:
    """A signature in the middle of another file."""
    (tmp_path / "file").write_bytes(b"before" + noise(SIGSTRUCT_SIZE) + b"behind")
    return Extent(tmp_path / "file", 6, SIGSTRUCT_SIZE)


def test_one_more_file(tmp_path: Path, signature: Extent) -> None:
    layout = make_layout(tmp_path / "layout")
    signed = with_file(layout, SIGSTRUCT, signature)
    assert contents(signed) == contents(layout) | {SIGSTRUCT: noise(SIGSTRUCT_SIZE)}
    assert [name for name, _ in signed.files] == sorted(name for name, _ in signed.files)
    assert (signed.origin, signed.packed) == (layout.origin, layout.packed)
    assert contents(open_package(pack(signed, tmp_path / "app.olos"))) == contents(signed)


def test_other_bytes_for_a_file(tmp_path: Path, signature: Extent) -> None:
    layout = make_layout(tmp_path / "layout", extra={SIGSTRUCT: bytes(SIGSTRUCT_SIZE)})
    assert contents(with_file(layout, SIGSTRUCT, signature)) == contents(layout) | {
        SIGSTRUCT: noise(SIGSTRUCT_SIZE)
    }


def test_no_other_names(tmp_path: Path, signature: Extent) -> None:
    with pytest.raises(InputError, match="no name of a file in a layout"):
        with_file(make_layout(tmp_path / "layout"), "../olos.sigstruct", signature)


@pytest.mark.parametrize("size", [0, 1807, 1809, 1 << 20], ids=str)
def test_a_signature_has_its_size(tmp_path: Path, size: int) -> None:
    folder = tmp_path / "layout"
    layout = make_layout(folder)
    says = f"{folder}: olos.sigstruct: {size} bytes, but a signature has 1808"
    (folder / SIGSTRUCT).write_bytes(bytes(size))
    with pytest.raises(InputError) as caught:
        open_directory(folder)
    assert caught.value.message == says
    with pytest.raises(InputError) as caught:
        with_file(layout, SIGSTRUCT, Extent(folder / SIGSTRUCT, 0, size))
    assert caught.value.message == says


def test_a_signature_in_a_package_has_its_size(tmp_path: Path) -> None:
    layout = make_layout(tmp_path / "layout", extra={"olos.sigstrucu": bytes(1000)})
    package = pack(layout, tmp_path / "app.olos")
    package.write_bytes(package.read_bytes().replace(b"olos.sigstrucu", b"olos.sigstruct"))
    with pytest.raises(InputError, match=r"olos\.sigstruct: 1000 bytes, but a signature has 1808"):
        open_package(package)


def test_unrecorded_files_are_in_order() -> None:
    """The digest over them depends on it."""
    assert sorted(UNRECORDED) == list(UNRECORDED)
