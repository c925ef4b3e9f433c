"""The ISO 9660 reader, against images of other writers."""

import io
import subprocess
from pathlib import Path

import pytest

from olos.errors import InputError
from olos.iso import Volume, read_volume
from support.layouts import contents, make_layout

GENISOIMAGE = ("genisoimage", "-quiet", "-iso-level", "3")
XORRISO = ("xorriso", "-as", "mkisofs", "-quiet", "-iso-level", "3")


def image(tool: tuple[str, ...], options: tuple[str, ...], folder: Path) -> bytes:
    path = folder.parent / "image.iso"
    subprocess.run([*tool, *options, "-o", path, folder], check=True, capture_output=True)
    return path.read_bytes()


def read(data: bytes) -> Volume:
    return read_volume(io.BytesIO(data), "image")


@pytest.mark.parametrize("tool", [GENISOIMAGE, XORRISO], ids=["genisoimage", "xorriso"])
def test_finds_the_files_of_other_writers(tmp_path: Path, tool: tuple[str, ...]) -> None:
    layout = make_layout(tmp_path / "layout")
    data = image(tool, ("-R",), tmp_path / "layout")
    volume = read(data)
    assert volume.size == len(data)
    assert {e.path: data[e.offset : e.offset + e.size] for e in volume.entries} == contents(layout)
    assert [e.path for e in volume.entries] == sorted(contents(layout))


def add_symlink(folder: Path) -> None:
    (folder / "link").symlink_to("olos.json")


def add_fifo(folder: Path) -> None:
    subprocess.run(["mkfifo", folder / "fifo"], check=True)


def add_long_name(folder: Path) -> None:
    (folder / ("n" * 200)).write_bytes(b"continued in another sector")


def add_deep_folder(folder: Path) -> None:
    (folder / "1/2/3/4/5/6/7/8/9").mkdir(parents=True)


def add_many_files(folder: Path) -> None:
    for number in range(700):
        (folder / f"file{number}").write_bytes(b"x")


def nothing(folder: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        pytest.param(nothing, ("-R", "-J"), "volume descriptor 1 .type 2.", id="Joliet"),
        pytest.param(nothing, (), "no Rock Ridge name", id="without Rock Ridge"),
        pytest.param(add_symlink, ("-R",), "Rock Ridge entry b'SL'", id="symlink"),
        pytest.param(add_fifo, ("-R",), "neither a file nor a directory", id="fifo"),
        pytest.param(add_long_name, ("-R",), "Rock Ridge entry b'(NM|CE)'", id="continuation area"),
        pytest.param(add_deep_folder, ("-R",), "Rock Ridge entry b'(CL|RE)'", id="relocated directory"),
        pytest.param(add_deep_folder, ("-R", "-D"), "more than 8 levels", id="too deep"),
        pytest.param(add_many_files, ("-R",), "too many names", id="too many files"),
    ],
)
def test_refuses_what_no_package_has(
    tmp_path: Path, change: object, options: tuple[str, ...], message: str
) -> None:
    make_layout(tmp_path / "layout")
    assert callable(change)
    change(tmp_path / "layout")
    data = image(GENISOIMAGE, options, tmp_path / "layout")
    with pytest.raises(InputError, match=message):
        read(data)
