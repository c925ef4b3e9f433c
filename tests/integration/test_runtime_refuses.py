"""What is not as measured is refused before the app starts or is an I/O error inside; narrow hosts."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from measure.regions import measurement
from olos.manifest import Manifest
from support.layouts import noise
from support.runtime import (
    APP,
    BLOCK,
    POLICY,
    Spec,
    change_manifest,
    command,
    make_layout,
    run,
    shell,
    with_app,
)

NOBODY = 65534
SIZE = 300 * BLOCK
"""Size of /data, so that a block of hashes has hashes of its blocks only."""


COMPONENTS = (
    *("kernel/linux", "kernel/ld-linux-x86-64.so.2", "kernel/libc.so.6", "kernel/modules.cpio"),
    "crt/initramfs.cpio",
)


def fill(tree: Path) -> None:
    (tree / "data").write_bytes(noise(SIZE, "data"))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_layout(
        tmp_path_factory.mktemp("refuses") / "layout",
        Spec(app=shell("echo started; md5sum /data"), fill=fill),
    )


@pytest.fixture
def layout(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "layout"))


def manifest_of(layout: Path) -> Manifest:
    return Manifest.decode((layout / "olos.json").read_bytes())


def flip(path: Path, offset: int) -> None:
    with path.open("r+b") as stream:
        stream.seek(offset)
        (byte,) = stream.read(1)
        stream.seek(offset)
        stream.write(bytes([byte ^ 1]))


def test_unchanged(layout: Path) -> None:
    assert run(layout).stdout.startswith(b"started\n")


@pytest.mark.parametrize("name", COMPONENTS)
@pytest.mark.parametrize("where", ["first", "last"])
def test_changed_component(layout: Path, name: str, where: str) -> None:
    path = layout / name
    flip(path, 0 if where == "first" else path.stat().st_size - 1)
    result = run(layout)
    assert (result.returncode, result.stdout) == (5, b"")
    assert result.stderr.startswith(f"olos: {name}: sha256 does not match\n  expected ".encode())


@pytest.mark.parametrize("name", ["kernel/linux", "crt/initramfs.cpio", "rootfs.img"])
def test_component_of_another_size(layout: Path, name: str) -> None:
    os.truncate(layout / name, (layout / name).stat().st_size - BLOCK)
    result = run(layout)
    assert (result.returncode, result.stdout) == (5, b"")
    assert result.stderr.startswith(f"olos: {name}: size does not match\n".encode())


def leaf_hash_of(layout: Path, at: int) -> int:
    """Where the hash of the data block at an offset of the image lies: the leaves end the file."""
    image, size = layout / "rootfs.img", manifest_of(layout).rootfs.image_size
    leaves = -(-size // BLOCK * 32 // BLOCK)
    return image.stat().st_size - leaves * BLOCK + at // BLOCK * 32


@pytest.mark.parametrize("part", ["data", "hash"])
def test_changed_block_is_an_error_of_its_reader(layout: Path, part: str) -> None:
    image = layout / "rootfs.img"
    content = image.read_bytes()
    begin = content.index(noise(SIZE, "data"))
    at = -(-begin // (128 * BLOCK)) * 128 * BLOCK  # from here on 128 blocks of it share a block of hashes
    assert content[leaf_hash_of(layout, at) :].startswith(hashlib.sha256(content[at : at + BLOCK]).digest())
    flip(image, at + 7 if part == "data" else leaf_hash_of(layout, at))
    result = run(layout)
    assert result.returncode == 1
    assert result.stdout.startswith(b"started\n") and b"  /data" not in result.stdout
    assert b"/data': Input/output error" in result.stderr


@pytest.mark.parametrize(
    ("place", "what"),
    [
        (lambda m: 1024, b"the root file system cannot be opened"),
        (lambda m: m.rootfs.image_size, b"rootfs.img: verity superblock does not match"),
        (lambda m: m.rootfs.image_size + 4000, b"rootfs.img: verity superblock does not match"),
        (lambda m: m.rootfs.image_size + BLOCK, b"rootfs.img: verity root does not match"),
        (lambda m: m.rootfs.image_size + 2 * BLOCK, b"the root file system cannot be opened"),
    ],
    ids=["erofs-superblock", "verity-superblock", "its-padding", "top-hash-block", "first-leaf-block"],
)
def test_changed_image_is_refused(layout: Path, place: Callable[[Manifest], int], what: bytes) -> None:
    flip(layout / "rootfs.img", place(manifest_of(layout)))
    result = run(layout)
    assert (result.returncode, result.stdout) == (5, b"")
    assert what in result.stderr


def fill_otherwise(tree: Path) -> None:
    fill(tree)
    (tree / "data").write_bytes(b"other")


def test_another_image_with_its_own_tree(layout: Path, tmp_path: Path) -> None:
    other = make_layout(tmp_path / "other", Spec(fill=fill_otherwise))
    shutil.copy(other / "rootfs.img", layout / "rootfs.img")
    size = manifest_of(other).rootfs.image_size
    change_manifest(layout, lambda m: replace(m, rootfs=replace(m.rootfs, image_size=size)))
    result = run(layout)
    assert (result.returncode, result.stdout) == (5, b"")
    assert b"verity root does not match" in result.stderr


@pytest.mark.parametrize(
    "defect",
    [
        "manifest-missing",
        "manifest-not-canonical",
        "foreign-file",
        "link",
        "kernel-missing",
        "no-such-directory",
    ],
)
def test_no_layout(layout: Path, defect: str) -> None:
    if defect == "manifest-missing":
        (layout / "olos.json").unlink()
    elif defect == "manifest-not-canonical":
        (layout / "olos.json").write_bytes((layout / "olos.json").read_bytes() + b"\n")
    elif defect == "foreign-file":
        (layout / "bad name").write_bytes(b"")
    elif defect == "link":
        (layout / "kernel/linux").rename(layout.parent / "linux")
        (layout / "kernel/linux").symlink_to(layout.parent / "linux")
    elif defect == "kernel-missing":
        (layout / "kernel/linux").unlink()
    program = shutil.copy(layout / "target/linux", layout.parent / "target")
    where = layout.parent / "none" if defect == "no-such-directory" else layout
    result = subprocess.run([program, f"--olos-layout={where}"], capture_output=True, check=False, timeout=60)
    assert (result.returncode, result.stdout) == (3, b"")
    assert result.stderr.startswith(b"olos: ")


def test_expected_measurement(layout: Path) -> None:
    value = measurement(manifest_of(layout)).hex
    assert run(layout, "--olos-expect", value).stdout.startswith(b"started\n")
    other = "0" * 64
    result = run(layout, "--olos-expect", other)
    assert (result.returncode, result.stdout) == (5, b"")
    assert (
        result.stderr.decode()
        == f"olos: measurement does not match\n  expected {other}\n  actual   {value}\n"
    )


def test_measurement_inside(original: Path, tmp_path: Path) -> None:
    layout = with_app(original, tmp_path / "l", shell("cat /run/olos/tee.json"))
    assert measurement(manifest_of(layout)).hex.encode() in run(layout).stdout


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--olos-expect"], b"--olos-expect: needs a value"),
        (["--olos-expect", "12"], b"is not 64 lower-case hexadecimal digits"),
        (["--olos-unknown"], b"--olos-unknown: no such option"),
        (["--olos-measure", "--olos-help"], b"one such option at a time"),
        (["--olos-measure", "x"], b"takes no arguments"),
        *(
            ([option, *value, "--olos-measure"], f"olos: {option}: only together with running".encode())
            for option, *value in (
                ["--olos-expect", 64 * "0"],
                ["--olos-gdb"],
                ["--olos-host-loopback"],
                ["--olos-mount", "/a=/"],
                ["--olos-publish", "80:80"],
                ["--olos-stop-timeout", "3"],
                ["--olos-trace"],
                ["--olos-trace-failed"],
            )
        ),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_wrong_options(original: Path, args: list[str], message: bytes) -> None:
    result = run(original, *args)
    assert (result.returncode, result.stdout) == (2, b"")
    assert message in result.stderr


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"\x1b[31m", b"?[31m"),
        (b"a\nolos: all is well", b"a?olos: all is well"),
        (b"a\n  b", b"a\n  b"),
        (b"\x9b31m \xff", b"?31m ?"),
        (b"\xc2\x9b31m", b"??31m"),
        ("\u202egnp.\u2028\u200b\u2066".encode(), b"???gnp.?????????"),
        ("größe \u20ac \U0001f600".encode(), "größe \u20ac \U0001f600".encode()),
        ("ö".encode() * 100, "ö".encode() * 40),
        (b"x" + "ö".encode() * 100, b"x" + "ö".encode() * 39 + b"?"),
    ],
    ids=["escape", "message", "indented", "not-utf-8", "c1", "direction", "text", "cut", "cut-within"],
)
def test_names_in_messages_do_nothing_to_a_terminal(original: Path, name: bytes, shown: bytes) -> None:
    result = subprocess.run(
        [*command(original), b"--olos-stop-timeout", name], capture_output=True, check=False, timeout=60
    )
    assert result.stderr.startswith(b"olos: --olos-stop-timeout: " + shown + b" is neither a number")


def test_unpacking_below_a_file(original: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run(original, "--olos-unpack", str(tmp_path / "file/x"))
    assert result.stderr.decode() == f"olos: {tmp_path}/file/x cannot be written: Not a directory\n"


@pytest.mark.parametrize("args", [[], ["x"], ["--olos-package-fd=x"], ["--olos-layout="]], ids=str)
def test_started_without_a_package(original: Path, args: list[str]) -> None:
    result = subprocess.run([original / "target/linux", *args], capture_output=True, check=False, timeout=60)
    assert result.returncode == 2


# ---- narrow hosts ----


def as_nobody(original: Path) -> subprocess.CompletedProcess[bytes]:
    """Run as an unprivileged user, without any capability or environment."""
    for folder in (original, *original.parents[:-2]):  # all below /tmp
        folder.chmod(folder.stat().st_mode | 0o055)
    user = (f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    rights = ("--no-new-privs", "--bounding-set=-all", "--inh-caps=-all")
    return subprocess.run(
        ["setpriv", *user, *rights, *command(original)],
        env={},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
    )


def test_unprivileged(original: Path) -> None:
    result = as_nobody(original)
    assert result.stdout.startswith(b"started\n"), result


def unshared(original: Path, script: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    """Run in a mount namespace that a script has prepared."""
    target = " ".join(command(original))
    return subprocess.run(
        ["unshare", "-m", "sh", "-ec", f"mount --make-rprivate /; {script}; exec {target}"],
        env={"PATH": os.environ["PATH"], **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
    )


def test_read_only_host(original: Path) -> None:
    result = unshared(original, "mount -o bind / /; mount -o remount,bind,ro /")
    assert result.stdout.startswith(b"started\n"), result


def test_memory_in_another_directory(original: Path, tmp_path: Path) -> None:
    small = "mount -t tmpfs -o size=1m none /dev/shm; mount -t tmpfs -o size=1m none /mnt"
    result = unshared(original, small, TMPDIR=str(tmp_path))
    assert result.stdout.startswith(b"started\n"), result


def test_too_little_memory_for_the_app(original: Path, tmp_path: Path) -> None:
    """What needs more memory than the policy gives dies, and the rest goes on."""
    script = "head -c 100m /dev/zero | tail | wc -c; echo after"
    layout = with_app(original, tmp_path / "l", shell(script), replace(POLICY, memory=64 << 20))
    result = run(layout)
    assert result.returncode == 0
    assert result.stdout == b"0\nafter\n"


def test_app_that_is_not_there(original: Path, tmp_path: Path) -> None:
    result = run(with_app(original, tmp_path / "l", replace(APP, args=("/none",))))
    assert (result.returncode, result.stdout, result.stderr) == (
        127,
        b"",
        b"olos: /none: No such file or directory\n",
    )
