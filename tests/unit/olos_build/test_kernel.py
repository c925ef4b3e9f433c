import subprocess
from pathlib import Path

import pytest

from olos.errors import InputError, MissingToolError
from olos_build import kernel


def test_holds_what_the_loader_would_map() -> None:
    files = {component.path: component for component in kernel.collect(None)}
    listed = subprocess.run(["ldd", "/usr/bin/linux.uml"], capture_output=True, text=True, check=True).stdout
    needed = {Path(word).name for word in listed.split() if word.startswith("/")}
    assert {f"kernel/{name}" for name in needed} | {"kernel/linux", "kernel/modules.cpio"} == set(files)
    assert list(files) == sorted(files)
    assert files["kernel/linux"].content == Path("/usr/bin/linux.uml").read_bytes()
    assert files["kernel/linux"].mode == 0o755


def test_modules_come_after_what_they_need(tmp_path: Path) -> None:
    (archive,) = (c.content for c in kernel.collect(None) if c.path == "kernel/modules.cpio")
    listed = subprocess.run(
        ["cpio", "-t", "--quiet"], input=archive, capture_output=True, check=True
    ).stdout.split()
    names = [line.decode() for line in listed if line.endswith(b".ko")]
    assert names == sorted(names)
    order = [name.partition("-")[2].removesuffix(".ko") for name in names]
    assert order.index("dm-mod") < order.index("dm-bufio") < order.index("dm-verity")
    assert {"erofs", "overlay"} <= set(order)


def test_a_component_can_be_taken_over(tmp_path: Path) -> None:
    first = kernel.collect(None)
    for component in first:
        component.write(tmp_path)
    assert kernel.collect(tmp_path / "kernel") == first


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda p: p.write_bytes(b"hello"), "is not a Linux kernel"),
        (lambda p: p.write_bytes(b"Linux version 1.2.3 (x)"), "modules of this kernel are missing"),
        (lambda p: p.mkdir(), "linux is missing"),
        (lambda p: None, "cannot be read: No such file"),
        (lambda p: p.symlink_to("/dev/zero"), "is not a regular file"),
    ],
    ids=["text", "no-modules", "empty-directory", "absent", "device"],
)
def test_refuses(tmp_path: Path, make: object, reason: str) -> None:
    assert callable(make)
    make(tmp_path / "k")
    with pytest.raises(InputError, match=reason):
        kernel.collect(tmp_path / "k")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("linux", b"hello", "linux: is not a Linux kernel"),
        ("\udcff", b"", "\udcff: is no name of a kernel's file"),
        ("\x1b[31m", b"", "is no name of a kernel's file"),
        ("a b", b"", "is no name of a kernel's file"),
    ],
    ids=["text", "not-utf-8", "control", "blank"],
)
def test_refuses_directories(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / "linux").write_bytes(b"Linux version 6.1.0 (x)")
    (tmp_path / "modules.cpio").touch()
    assert len(kernel.collect(tmp_path)) == 2
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=reason):
        kernel.collect(tmp_path)


def test_no_kernel_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "DEFAULT_KERNEL", tmp_path / "linux.uml")
    with pytest.raises(MissingToolError) as caught:
        kernel.collect(None)
    assert caught.value.hint is not None
    assert "apt-get install user-mode-linux" in caught.value.hint


def test_host_mounts_add_one_file() -> None:
    plain, with_fuse = kernel.collect(None), kernel.collect(None, host_mounts=True)
    (added,) = set(with_fuse) - set(plain)
    assert (added.path, list(with_fuse)) == ("kernel/fuse.cpio", sorted(with_fuse, key=lambda c: c.path))
    listing = subprocess.run(["cpio", "-t", "--quiet"], input=added.content, capture_output=True, check=True)
    assert listing.stdout.split() == [b"modules", b"modules/fuse.ko"]


def test_host_mounts_need_fuse(tmp_path: Path) -> None:
    for component in kernel.collect(None):
        component.write(tmp_path)
    with pytest.raises(InputError, match="has no FUSE"):
        kernel.collect(tmp_path / "kernel", host_mounts=True)
    with (tmp_path / "kernel/linux").open("ab") as program:
        program.write(b"\x006fuse: init (API version %i.%i)\n")
    assert kernel.collect(tmp_path / "kernel", host_mounts=True)
    for component in kernel.collect(None, host_mounts=True):
        component.write(tmp_path / "fuse")
    assert kernel.collect(tmp_path / "fuse/kernel", host_mounts=True) == kernel.collect(
        None, host_mounts=True
    )
