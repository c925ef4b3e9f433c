"""Mastering: where the files lie, and what the structures say about them."""

import random
import re
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pycdlib.dates
import pycdlib.headervd
import pycdlib.pycdlib
import pycdlib.utils
import pytest

from olos.errors import InputError
from olos.iso import SECTOR, SYSTEM_AREA
from pack.iso import MAX_SIZE, Mastered, master

SMALL = {"olos.json": 100, "rootfs.img": 8192, "kernel/linux": 3000, "target/linux": 1}
GIB = 1 << 30


def write(mastered: Mastered, path: Path) -> Path:
    """The image with zeros as the data of all files."""
    with path.open("wb") as stream:
        stream.seek(SYSTEM_AREA)
        stream.write(mastered.structures)
        stream.truncate(mastered.size)
    return path


def isoinfo(path: Path, *options: str) -> str:
    return subprocess.run(
        ["isoinfo", "-i", path, *options], check=True, capture_output=True, text=True, env={"TZ": "UTC"}
    ).stdout


@pytest.mark.parametrize("before", [100, 2048, 2049, 4096, 4097])
def test_rootfs_is_aligned_whatever_lies_before_it(before: int) -> None:
    mastered = master({**SMALL, "annotations.json": before})
    starts = {entry.path: entry.offset for entry in mastered.entries}
    assert starts["rootfs.img"] % 4096 == 0
    assert starts["annotations.json"] == SYSTEM_AREA + len(mastered.structures)


def test_any_files_lie_sector_by_sector() -> None:
    """Each begins with the next sector; at most four empty sectors follow the last one."""
    dice = random.Random(1)
    behind = set()
    for _ in range(100):
        names = [f"k{dice.randrange(9)}/f{i}{'x' * dice.randrange(30)}" for i in range(dice.randrange(40))]
        sizes = {name: dice.randrange(9000) for name in ("olos.json", "rootfs.img", *names)}
        mastered = master({**sizes, "target/linux": 1})
        end = SYSTEM_AREA + len(mastered.structures)
        for entry in sorted((entry for entry in mastered.entries if entry.size), key=lambda e: e.offset):
            assert entry.offset == end + -end % SECTOR
            end = entry.offset + entry.size
        behind.add((mastered.size - (end + -end % SECTOR)) / SECTOR)
    assert behind == {0, 4}


def test_both_parities_occur() -> None:
    """Else the test above says nothing of the second descriptor."""
    structures = [master({**SMALL, "annotations.json": size}).structures for size in (2048, 4096)]
    assert sorted(data[2048:4096] == data[:2048] for data in structures) == [False, True]


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param(SMALL, id="small"),
        pytest.param({"olos.json": 1}, id="one file"),
        pytest.param({"olos.json": 0}, id="one empty file"),
        pytest.param({**SMALL, "kernel/empty": 0, "a": 0}, id="empty files"),
        pytest.param({**SMALL, "rootfs.img": 5 * GIB}, id="5 GiB"),
        pytest.param({**SMALL, "rootfs.img": 4 * GIB, "kernel/linux": 4 * GIB - 1}, id="around 4 GiB"),
        pytest.param({**SMALL, "rootfs.img": 1 << 42}, id="4 TiB"),
        pytest.param({f"{number:02}": 5000 for number in range(63)}, id="63 files"),
        pytest.param({f"{n}/b/c/d/e/f/g/h": 1 for n in range(63)}, id="441 directories"),
    ],
)
def test_files_lie_one_behind_the_other(sizes: Mapping[str, int]) -> None:
    mastered = master(sizes)
    assert {entry.path: entry.size for entry in mastered.entries} == sizes
    position = SYSTEM_AREA + len(mastered.structures)
    for entry in sorted((e for e in mastered.entries if e.size), key=lambda e: e.offset):
        assert entry.offset == position
        position += -(-entry.size // 2048) * 2048
    assert mastered.size == position


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        pytest.param({"rootfs.img": MAX_SIZE}, "more than an ISO 9660 image can hold", id="8 TiB"),
        pytest.param({"a/b/c/d/e/f/g/h/i": 1}, "nested too deeply", id="nine levels"),
    ],
)
def test_what_does_not_fit_is_refused(sizes: Mapping[str, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        master(sizes)


def test_modes_owners_and_dates(tmp_path: Path) -> None:
    sizes = {**SMALL, "kernel/ld-linux-x86-64.so.2": 1, "kernel/libc.so.6": 1}
    listing = isoinfo(write(master(sizes), tmp_path / "image"), "-R", "-l")
    modes: dict[str, set[str]] = {}
    for line in listing.splitlines():
        if match := re.match(r"([-d]\S+) +\d+ +0 +0 .* Jan  1 1970 \[.*\]  (\S+)", line):
            modes.setdefault(match[1], set()).add(match[2])
    assert modes == {
        "dr-xr-xr-x": {".", "..", "kernel", "target"},
        "-r-xr-xr-x": {"linux", "ld-linux-x86-64.so.2"},
        "-r--r--r--": {"libc.so.6", "olos.json", "rootfs.img"},
    }


def test_names_without_rock_ridge_are_8_3_and_unique(tmp_path: Path) -> None:
    """Numbered in the order of the names, directories and files alike."""
    sizes = {"kernel/libstdc++.so.6": 1, "kernel/libstdc++.so.7": 1, ".hidden": 1, "a.b/noext": 1, "x-": 1}
    found = isoinfo(write(master(sizes), tmp_path / "image"), "-f").split()
    assert sorted(found) == [
        "/000HIDDE.;1",
        "/001A",
        "/001A/002NOEXT.;1",
        "/003KERNE",
        "/003KERNE/004LIBST.6;1",
        "/003KERNE/005LIBST.7;1",
        "/006X_.;1",
    ]


def test_nothing_tells_of_the_place_or_the_time(tmp_path: Path) -> None:
    descriptor = isoinfo(write(master(SMALL), tmp_path / "image"), "-d")
    fields = dict(line.split(": ", 1) for line in descriptor.splitlines() if ": " in line)
    named = {key: value.strip() for key, value in fields.items() if value.strip() and key.endswith("id")}
    assert named == {"Volume id": "OLOS", "Application id": "OLOS-PACKAGE-1"}
    dates = master(SMALL).structures[813:881]
    assert dates == b"1970010100000000\0" * 2 + b"0" * 16 + b"\0" + b"1970010100000000\0"


def test_the_clock_of_pycdlib_is_put_back() -> None:
    master(SMALL)
    with pytest.raises(InputError):
        master({"a/b/c/d/e/f/g/h/i": 1})
    for module in (pycdlib.pycdlib, pycdlib.dates, pycdlib.headervd, pycdlib.utils):
        assert vars(module)["time"] is time
