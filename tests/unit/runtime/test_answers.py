"""What a package and a layout say of themselves, against the Python side."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from measure.layout import measure
from olos.binaries import LAUNCHER, binary
from olos.errors import InputError, MismatchError
from olos.extent import Extent
from olos.layout import (
    MANIFEST,
    ROOTFS,
    SIGSTRUCT,
    SIGSTRUCT_SIZE,
    TARGET_PROGRAM,
    Layout,
    open_directory,
    with_file,
)
from olos.package import open_package
from olos.progress import SILENT
from pack.verify import verify
from support.measured import ask_layout, run
from support.packages import pack
from support.trees import noise

ZEROS = "0" * 64


def test_measure(layout: Path, package: Path, value: str) -> None:
    for result in (run(package, "--olos-measure"), ask_layout(layout, "--olos-measure")):
        assert (result.stdout, result.stderr) == (value + "\n", "")


def test_verify(layout: Path, package: Path, value: str) -> None:
    for result in (run(package, "--olos-verify", value), ask_layout(layout, "--olos-verify", value)):
        assert (result.stdout, result.stderr) == ("", "")


def test_verify_refuses_another_value(package: Path, value: str) -> None:
    result = run(package, "--olos-verify", ZEROS, expect=5)
    expected = f"olos: measurement does not match\n  expected {ZEROS}\n  actual   {value}\n"
    assert (result.stdout, result.stderr) == ("", expected)


@pytest.mark.parametrize("text", ["", "abc", "g" * 64, "A" * 64, "0" * 65, " " + "0" * 63])
def test_verify_refuses_what_is_no_value(package: Path, text: str) -> None:
    assert "64 lower-case hexadecimal digits" in run(package, "--olos-verify", text, expect=2).stderr


# ---- what is not measured ----


@pytest.fixture(scope="module")
def signed(layout: Path) -> Path:
    """The package with a signature in it, of any bytes."""
    file = layout.with_name("signature")
    file.write_bytes(noise(SIGSTRUCT_SIZE))
    whole = with_file(open_directory(layout), SIGSTRUCT, Extent(file, 0, SIGSTRUCT_SIZE))
    return pack(whole, layout.with_name("signed.olos"), binary(LAUNCHER).read_bytes())


def test_a_signature_is_carried_and_not_measured(signed: Path, tmp_path: Path, value: str) -> None:
    assert run(signed, "--olos-measure").stdout == value + "\n"
    run(signed, "--olos-verify", value)
    run(signed, "--olos-unpack", tmp_path / "out")
    assert (tmp_path / "out" / SIGSTRUCT).read_bytes() == noise(SIGSTRUCT_SIZE)
    assert ask_layout(tmp_path / "out", "--olos-verify", value).stdout == ""


def test_a_signature_has_its_size(layout: Path, tmp_path: Path) -> None:
    changed = shutil.copytree(layout, tmp_path / "layout")
    (changed / SIGSTRUCT).write_bytes(bytes(1807))
    says = "olos.sigstruct: 1807 bytes, but a signature has 1808"
    assert ask_layout(changed, "--olos-measure", expect=3).stderr == f"olos: {says}\n"
    with pytest.raises(InputError, match=says):
        open_directory(changed)


def flipped(package: Path, folder: Path, offset: int) -> Path:
    data = bytearray(package.read_bytes())
    data[offset] ^= 1
    copy = folder / "flipped.olos"
    copy.write_bytes(data)
    copy.chmod(0o755)
    return copy


def inside(name: str) -> Callable[[Layout], int]:
    return lambda layout: layout[name].offset + layout[name].size // 2


def behind(name: str) -> Callable[[Layout], int]:
    return lambda layout: layout[name].offset + layout[name].size


@pytest.mark.parametrize(
    "place",
    [
        inside("annotations.json"),
        inside(SIGSTRUCT),
        lambda _: 0x7FE0,
        lambda _: 0x7FFF,
        behind("annotations.json"),
        behind(MANIFEST),
        behind(SIGSTRUCT),
        behind(TARGET_PROGRAM),
        lambda layout: layout.origin.stat().st_size - 1,
    ],
    ids=[
        "annotations",
        "signature",
        "digest, first byte",
        "digest, last byte",
        "padding behind annotations",
        "padding behind manifest",
        "padding behind signature",
        "padding behind target",
        "last byte",
    ],
)
def test_verify_says_the_same_as_python_of_what_is_not_measured(
    signed: Path, tmp_path: Path, value: str, place: Callable[[Layout], int]
) -> None:
    changed = flipped(signed, tmp_path, place(open_package(signed)))
    with pytest.raises(MismatchError) as caught:
        verify(changed, binary(LAUNCHER).read_bytes(), SILENT, checked=(MANIFEST,))
    result = run(changed, "--olos-verify", value, expect=5)
    assert result.stderr == f"olos: {caught.value.message.removeprefix(f'{changed}: ')}\n"
    # Neither of these looks at it.
    assert run(changed, "--olos-measure").stdout == value + "\n"
    assert run(changed, "--olos-manifest").returncode == 0


def test_verify_names_a_changed_target_program(signed: Path, tmp_path: Path, value: str) -> None:
    """In its last bytes, which nothing executes."""
    changed = flipped(signed, tmp_path, behind(TARGET_PROGRAM)(open_package(signed)) - 1)
    says = (
        "olos: annotations.json or olos.sigstruct or target/linux: digest in the file table does not match\n"
    )
    assert run(changed, "--olos-verify", value, expect=5).stderr.startswith(says)


def test_verify_finds_trailing_bytes(signed: Path, tmp_path: Path, value: str) -> None:
    longer, size = tmp_path / "longer.olos", signed.stat().st_size
    shutil.copy(signed, longer)
    with longer.open("ab") as stream:
        stream.write(bytes(2048))
    says = f"olos: trailing bytes: size does not match\n  expected {size}\n  actual   {size + 2048}\n"
    assert run(longer, "--olos-verify", value, expect=5).stderr == says


def test_verify_finds_a_file_that_lies_elsewhere(signed: Path, tmp_path: Path, value: str) -> None:
    """The last file moved far behind: the hole in between is not read."""
    data = bytearray(signed.read_bytes())
    layout = open_package(signed)
    name, extent = max(layout.files, key=lambda file: file[1].offset)
    place = 1 << 40
    entry = data.index(name.encode() + b"\0", 0x7000)
    data[entry + 48 : entry + 56] = place.to_bytes(8, "little")
    moved = tmp_path / "moved.olos"
    moved.write_bytes(data)
    with moved.open("r+b") as stream:
        stream.seek(place)
        stream.write(extent.read(extent.size))
        stream.truncate(place + extent.size + -extent.size % 2048)
    moved.chmod(0o755)
    says = f"file table: place of {name} does not match\n  expected {extent.offset}\n  actual   {place}\n"
    assert says in run(moved, "--olos-verify", value, expect=5).stderr


def test_manifest(layout: Path, package: Path) -> None:
    assert run(package, "--olos-manifest").stdout == (layout / MANIFEST).read_text() + "\n"


def test_help_names_every_option(package: Path) -> None:
    text = run(package, "--olos-help").stdout
    for option in (
        "measure",
        "verify HEX",
        "expect HEX",
        "mount T=DIR",
        "manifest",
        "unpack DIR",
        "stop-timeout N",
        "trace[=LIST]",
        "trace-failed",
        "gdb",
        "help",
    ):
        assert f"--olos-{option}" in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("option", ["--olos-measure", "--olos-manifest", "--olos-help"])
def test_a_full_disk_is_noticed(package: Path, option: str) -> None:
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            [package, option], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert result.returncode == 125
    assert "standard output cannot be written: No space left" in result.stderr


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("kernel/linux", "sha256"),
        ("kernel/ld-linux-x86-64.so.2", "sha256"),
        ("crt/initramfs.cpio", "sha256"),
        (ROOTFS, "data block"),
    ],
)
def test_names_a_changed_component(layout: Path, tmp_path: Path, name: str, words: str) -> None:
    changed = shutil.copytree(layout, tmp_path / "layout")
    data = bytearray((changed / name).read_bytes())
    data[len(data) // 2] ^= 1
    (changed / name).write_bytes(data)
    result = ask_layout(changed, "--olos-measure", expect=5)
    assert result.stderr.startswith(f"olos: {name}: {words}")
    assert "\n  expected " in result.stderr
    assert "\n  actual   " in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("key", "words"),
    [("tree_root", "tree root"), ("verity_root", "verity root"), ("sha256", "sha256")],
)
def test_says_the_same_as_python_of_a_changed_manifest(
    layout: Path, tmp_path: Path, key: str, words: str
) -> None:
    changed = shutil.copytree(layout, tmp_path / "layout")
    before, after = (changed / MANIFEST).read_text().split(f'"{key}":"', 1)
    digit = "1" if after[0] == "0" else "0"
    (changed / MANIFEST).write_text(f'{before}"{key}":"{digit}{after[1:]}')
    result = ask_layout(changed, "--olos-measure", expect=5)
    with pytest.raises(MismatchError) as caught:
        measure(open_directory(changed), SILENT)
    assert result.stderr == f"olos: {caught.value.message.removeprefix(f'{changed}: ')}\n".replace(
        f"{changed}/", ""
    )
    assert words in result.stderr


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def add(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).touch()


def link(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).rename(folder.with_name("aside"))
        (folder / name).symlink_to(folder.with_name("aside"))

    return change


def fifo(name: str) -> Callable[[Path], None]:
    return lambda folder: os.mkfifo(folder / name)


def crowd(folder: Path) -> None:
    for number in range(64):
        (folder / f"f{number}").touch()


def nest(folder: Path) -> None:
    (folder / "a" / "b" / "c").mkdir(parents=True)
    (folder / "a" / "b" / "c" / "file").touch()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (remove(MANIFEST), "olos.json is missing"),
        (remove("kernel/linux"), "kernel/linux is missing"),
        (remove(ROOTFS), "rootfs.img is missing"),
        (add("kernel/extra"), "kernel/extra is not named by the manifest"),
        (add("with blank"), "with blank does not belong"),
        (add("n" * 60), "does not belong"),
        (link("kernel/linux"), "kernel/linux does not belong"),
        (link("kernel"), "kernel does not belong"),
        (fifo("pipe"), "pipe does not belong"),
        (crowd, "more than 63 files"),
        (nest, "a/b/c/file is not named by the manifest"),
    ],
    ids=[
        "manifest",
        "kernel",
        "rootfs",
        "extra",
        "blank",
        "long",
        "link",
        "folder-link",
        "fifo",
        "crowd",
        "nest",
    ],
)
def test_refuses_what_is_no_layout(
    layout: Path, tmp_path: Path, change: Callable[[Path], None], message: str
) -> None:
    changed = shutil.copytree(layout, tmp_path / "layout")
    change(changed)
    result = ask_layout(changed, "--olos-measure", expect=3)
    assert message in result.stderr
    assert result.stdout == ""
