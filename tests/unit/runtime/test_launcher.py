"""The launcher: what it is as an ELF file, and how it starts the target wherever a package lies."""

import json
import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from olos.binaries import LAUNCHER, binary
from olos.layout import TARGET_PROGRAM
from olos.package import TABLE_OFFSET, open_package
from support.layouts import make_layout
from support.measured import run
from support.packages import pack

TARGET = r"""
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Prints what it was started with, as JSON, and the first bytes of the package. */
int main(int argc, char **argv)
{
    char start[4] = "";
    int fd = argc > 1 ? atoi(argv[1] + sizeof "--olos-package-fd=" - 1) : -1;
    long count = pread(fd, start, 4, 0);
    printf("[[");
    for (int i = 0; i < argc; i++)
        printf("%s\"%s\"", i ? "," : "", argv[i]);
    printf("],\"%s\",%d,\"%s\"]", count == 4 ? start + 1 : "", fd > 2, getenv("MARK") ? getenv("MARK") : "");
    return 42;
}
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package whose target program says what it was started with."""
    folder = tmp_path_factory.mktemp("launcher")
    (folder / "target.c").write_text(TARGET)
    target = folder / "target"
    subprocess.run(["musl-gcc", "-static", "-Os", "-s", "-o", target, folder / "target.c"], check=True)
    layout = make_layout(folder / "layout", extra={TARGET_PROGRAM: target.read_bytes()})
    return pack(layout, folder / "app.olos", binary(LAUNCHER).read_bytes())


def answer(*command: str | Path, env: dict[str, str] | None = None) -> tuple[list[str], str, int, str]:
    arguments, magic, not_standard, mark = json.loads(run(*command, expect=42, env=env).stdout)
    assert magic == "ELF"
    assert not_standard == 1
    return arguments, magic, not_standard, mark


def test_fits_and_loads_nothing_behind_its_place() -> None:
    path = binary(LAUNCHER)
    assert path.stat().st_size < TABLE_OFFSET
    with path.open("rb") as stream:
        elf = ELFFile(stream)
        assert elf.elfclass == 64
        assert elf["e_machine"] == "EM_X86_64"
        assert elf["e_type"] == "ET_EXEC"
        segments = {segment["p_type"]: segment for segment in elf.iter_segments()}
        assert set(segments) == {"PT_LOAD", "PT_GNU_STACK"}
        load, stack = segments["PT_LOAD"], segments["PT_GNU_STACK"]
        assert load["p_offset"] + load["p_filesz"] <= TABLE_OFFSET
        assert load["p_memsz"] == load["p_filesz"]
        assert (load["p_flags"], stack["p_flags"]) == (5, 6)  # R+X, and no executable stack


def test_passes_name_arguments_and_environment(package: Path) -> None:
    arguments, _, _, mark = answer(package, "", "a b", "--olos-x", env={"MARK": "kept"})
    assert arguments[0] == str(package)
    assert arguments[1].startswith("--olos-package-fd=")
    assert arguments[2:] == ["", "a b", "--olos-x"]
    assert mark == "kept"


def test_runs_through_a_symlink(package: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(package)
    assert answer(tmp_path / "link")[0][0] == str(tmp_path / "link")


def test_runs_with_blanks_in_its_name(package: Path, tmp_path: Path) -> None:
    shutil.copy(package, tmp_path / "my [first] app")
    answer(tmp_path / "my [first] app")


def test_runs_from_the_search_path(package: Path, tmp_path: Path) -> None:
    shutil.copy(package, tmp_path / "my-app")
    assert answer("env", "my-app", env={"PATH": f"{tmp_path}:/usr/bin:/bin"})[0][0] == "my-app"


def test_runs_without_an_environment(package: Path) -> None:
    answer("env", "-i", package)


def test_runs_as_another_user(package: Path) -> None:
    shared = Path(f"/var/tmp/olos-launcher-{os.getpid()}")
    shutil.copy(package, shared)
    shared.chmod(0o755)
    try:
        answer("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs", shared)
    finally:
        shared.unlink()


def test_runs_without_proc(package: Path) -> None:
    answer("unshare", "--mount", "sh", "-c", 'umount -l /proc && exec "$0"', package)


@pytest.mark.parametrize("closed", ["0<&-", "0<&- 2>&-", "2>&-"])
def test_the_package_takes_no_place_of_a_closed_stream(package: Path, closed: str) -> None:
    answer("sh", "-c", f'exec "$0" {closed}', package)


def table_entry(data: bytearray, name: str) -> int:
    return data.index(name.encode() + b"\0", TABLE_OFFSET)


def damaged(package: Path, how: str) -> bytes:
    data = bytearray(package.read_bytes())
    target = open_package(package)[TARGET_PROGRAM]
    entry = table_entry(data, TARGET_PROGRAM)
    if how == "cut inside of the target":
        return bytes(data[: target.offset + target.size // 2])
    if how == "cut before the table":
        return bytes(data[:TABLE_OFFSET])
    if how == "cut inside of the table":
        return bytes(data[: TABLE_OFFSET + 4095])
    if how == "no table":
        data[TABLE_OFFSET : TABLE_OFFSET + 16] = bytes(16)
    elif how == "too many files":
        data[TABLE_OFFSET + 16] = 64
    elif how == "no target":
        data[entry] = ord("x")
    elif how == "target inside of the launcher":
        data[entry + 48 : entry + 56] = struct.pack("<Q", 0)
    elif how == "target too large":
        data[entry + 56 : entry + 64] = struct.pack("<Q", 2**64 - 1)
    elif how == "empty target":
        data[entry + 56 : entry + 64] = struct.pack("<Q", 0)
    return bytes(data)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("cut inside of the target", "truncated: it is shorter than its file table says"),
        ("cut before the table", "truncated: it ends before its file table"),
        ("cut inside of the table", "truncated: it ends before its file table"),
        ("no table", "not a package"),
        ("too many files", "not a package"),
        ("no target", "the package has no target/linux"),
        ("target inside of the launcher", "no valid place"),
        ("target too large", "truncated"),
        ("empty target", "no valid place"),
    ],
)
def test_refuses_a_damaged_package(package: Path, tmp_path: Path, how: str, message: str) -> None:
    path = tmp_path / "app"
    path.write_bytes(damaged(package, how))
    path.chmod(0o755)
    result = run(path, expect=3)
    assert result.stderr.startswith("olos: ")
    assert message in result.stderr
    assert result.stdout == ""


def test_says_so_when_the_target_is_no_program(package: Path, tmp_path: Path) -> None:
    target = open_package(package)[TARGET_PROGRAM]
    data = bytearray(package.read_bytes())
    data[target.offset : target.offset + 4] = b"none"
    path = tmp_path / "app"
    path.write_bytes(data)
    path.chmod(0o755)
    assert "olos: target/linux cannot be executed: error 8" in run(path, expect=125).stderr


def test_says_so_when_it_may_not_be_read(package: Path) -> None:
    shared = Path(f"/var/tmp/olos-unreadable-{os.getpid()}")
    shutil.copy(package, shared)
    shared.chmod(0o711)
    try:
        user = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
        assert "cannot be opened for reading" in run(*user, shared, expect=125).stderr
    finally:
        shared.unlink()
