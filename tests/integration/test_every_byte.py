"""A flipped bit anywhere in a package is found, whatever the byte belongs to: tried at every one that can be.

In this process, for speed. What a package of some sizes looks like is planned once.
"""

import functools
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from olos.binaries import LAUNCHER, TARGET, binary
from olos.digest import Digest
from olos.errors import InputError, MismatchError
from olos.extent import Extent
from olos.layout import SIGSTRUCT, SIGSTRUCT_SIZE, Layout, open_directory, with_file
from olos.package import TABLE_OFFSET, TABLE_SIZE, open_package
from olos.progress import SILENT
from olos_cli import pipeline
from pack import verify as verifying
from pack.package import Plan, plan
from support.measured import measured_layout
from support.packages import LAUNCHER as SHORT_LAUNCHER
from support.packages import make_package, pack
from support.trees import Store, directory, noise, tree_of

FIRST_FILE = 27 * 2048
"""At least; where the ISO structures end."""


@functools.cache
def _planned(sizes: tuple[tuple[str, int], ...], launcher: bytes, unrecorded: Digest) -> Plan:
    return plan(dict(sizes), launcher, unrecorded)


def planned(sizes: Mapping[str, int], launcher: bytes, unrecorded: Digest) -> Plan:
    return _planned(tuple(sizes.items()), launcher, unrecorded)


@pytest.fixture(autouse=True)
def _plan_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "plan", planned)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package with next to nothing in its files."""
    return make_package(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package with all that may be in one, that is what it says; the signature is any bytes."""
    folder = tmp_path_factory.mktemp("signed")
    store = Store(folder / "store")
    tree = tree_of({b"": directory(), b"etc": directory(), b"etc/data": store.regular(noise(9000))})
    layout = open_directory(measured_layout(folder / "layout", tree))
    (folder / "signature").write_bytes(noise(SIGSTRUCT_SIZE))
    layout = with_file(layout, SIGSTRUCT, Extent(folder / "signature", 0, SIGSTRUCT_SIZE))
    return pack(layout, folder / "app.olos", binary(LAUNCHER).read_bytes())


def places(layout: Layout) -> list[tuple[str, int, int]]:
    return [(name, extent.offset, extent.size) for name, extent in layout.files]


def extents(package: Path) -> list[tuple[int, int]]:
    """First byte of each file and the byte behind it, in their order."""
    return sorted((extent.offset, extent.offset + extent.size) for _, extent in open_package(package).files)


def paddings(package: Path) -> Iterator[range]:
    """Between files and behind the last one."""
    files = extents(package)
    starts = [start for start, _ in files[1:]] + [package.stat().st_size]
    for (_, end), start in zip(files, starts, strict=True):
        yield range(end, start)


def flips(package: Path, offsets: Iterator[int]) -> Iterator[int]:
    """Flip a bit at each of these offsets; the others are as they were when it yields."""
    with package.open("r+b", buffering=0) as stream:
        for offset in offsets:
            [byte] = os.pread(stream.fileno(), 1, offset)
            os.pwrite(stream.fileno(), bytes([byte ^ 1]), offset)
            try:
                yield offset
            finally:
                os.pwrite(stream.fileno(), bytes([byte]), offset)


def structures(package: Path) -> dict[str, list[range]]:
    first = extents(package)[0][0]
    assert first >= FIRST_FILE
    return {
        "launcher": [range(TABLE_OFFSET)],
        "table": [range(TABLE_OFFSET, TABLE_OFFSET + TABLE_SIZE)],
        "ISO structures": [range(TABLE_OFFSET + TABLE_SIZE, first)],
        "padding": list(paddings(package)),
    }


def try_every_byte(package: Path, region: str) -> None:
    offsets = [offset for part in structures(package)[region] for offset in part]
    assert len(offsets) > 3000
    for offset in flips(package, iter(offsets)):
        with pytest.raises((MismatchError, InputError)) as caught:
            verifying.verify(package, SHORT_LAUNCHER, SILENT)
        assert region in caught.value.message or region in READ, (offset, caught.value.message)
    verifying.verify(package, SHORT_LAUNCHER, SILENT)


READ = ("table", "ISO structures")
"""What the reader of packages interprets. Of a change there it may say something else than where it is."""


@pytest.mark.parametrize("region", READ)
def test_every_single_byte_that_is_read(small: Path, region: str) -> None:
    try_every_byte(small, region)


@pytest.mark.parametrize("region", ["launcher", "padding"])
def test_every_single_byte_that_is_not_read(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, region: str
) -> None:
    """As the reader finds the same whatever stands there, it is asked once."""
    data = bytearray(small.read_bytes())
    for part in structures(small)[region]:
        data[part.start : part.stop] = b"\xff" * len(part)
    (tmp_path / small.name).write_bytes(data)
    layout = open_package(small)
    assert places(open_package(tmp_path / small.name)) == places(layout)
    monkeypatch.setattr(verifying, "open_package", {small: layout}.__getitem__)
    try_every_byte(small, region)


def test_the_regions_and_the_files_are_all_there_is(signed: Path) -> None:
    parts = [*(part for parts in structures(signed).values() for part in parts)]
    parts += [range(start, end) for start, end in extents(signed)]
    position = 0
    for part in sorted((part for part in parts if part), key=lambda part: part.start):
        assert part.start == position
        position = part.stop
    assert position == signed.stat().st_size


def test_a_sample_of_all_bytes_by_way_of_the_whole_check(signed: Path) -> None:
    """Also first, middle and last byte of each file, and every byte of annotations and signature."""
    pipeline.verify(signed, None, SILENT)
    size = signed.stat().st_size
    offsets = set(range(0, size, size // 2000))
    assert len(offsets) >= 2000
    for start, end in extents(signed):
        offsets |= {start, (start + end) // 2, end - 1}
    layout = open_package(signed)
    for name in ("annotations.json", SIGSTRUCT):
        extent = layout[name]
        offsets |= set(range(extent.offset, extent.offset + extent.size, 5))
    for offset in flips(signed, iter(sorted(offsets))):
        with pytest.raises((MismatchError, InputError)):
            pipeline.verify(signed, None, SILENT)
            pytest.fail(f"byte {offset} is not accounted for")
    pipeline.verify(signed, None, SILENT)


def unrecorded_place(package: Path, name: str) -> int:
    extent = open_package(package)[name]
    return extent.offset + extent.size // 2


@pytest.mark.parametrize(
    ("name", "with_value", "says"),
    [
        (
            "annotations.json",
            False,
            "annotations.json or olos.json or olos.sigstruct: digest in the file table",
        ),
        ("annotations.json", True, "annotations.json or olos.sigstruct: digest in the file table"),
        (SIGSTRUCT, True, "annotations.json or olos.sigstruct: digest in the file table"),
        ("target/linux", True, "target/linux: sha256"),
    ],
)
def test_says_what_can_have_changed(signed: Path, name: str, with_value: bool, says: str) -> None:
    value = pipeline.verify(signed, None, SILENT).measurement if with_value else None
    for _ in flips(signed, iter([unrecorded_place(signed, name)])):
        with pytest.raises(MismatchError) as caught:
            pipeline.verify(signed, value, SILENT)
        assert caught.value.message.startswith(f"{signed}: {says} does not match\n")


def test_names_the_annotations_when_there_is_nothing_else(signed: Path) -> None:
    launcher, target = binary(LAUNCHER).read_bytes(), binary(TARGET).read_bytes()
    for _ in flips(signed, iter([unrecorded_place(signed, "annotations.json")])):
        with pytest.raises(MismatchError, match=r"app\.olos: annotations\.json: digest in the file table"):
            verifying.verify(signed, launcher, SILENT, target=target, checked=("olos.json", SIGSTRUCT))
        with pytest.raises(MismatchError, match=r"app\.olos: unrecorded files: digest in the file table"):
            verifying.verify(
                signed,
                launcher,
                SILENT,
                target=target,
                checked=("olos.json", SIGSTRUCT, "annotations.json"),
            )


@pytest.mark.parametrize("size", [1, 2047, 2048, 4096, 1 << 20], ids=str)
@pytest.mark.parametrize("byte", [b"\0", b"x"], ids=["zero", "other"])
def test_bytes_behind_the_end(signed: Path, tmp_path: Path, size: int, byte: bytes) -> None:
    longer = tmp_path / "app.olos"
    longer.write_bytes(signed.read_bytes() + byte * size)
    with pytest.raises(MismatchError, match="trailing bytes: size"):
        pipeline.verify(longer, None, SILENT)


def test_cut_off_anywhere(signed: Path, tmp_path: Path) -> None:
    """At every boundary between two parts, and one byte before and behind it."""
    size = signed.stat().st_size
    boundaries = {0, 64, TABLE_OFFSET, TABLE_OFFSET + 32, TABLE_OFFSET + TABLE_SIZE - 32, size}
    boundaries |= set(range(TABLE_OFFSET + TABLE_SIZE, extents(signed)[0][0] + 1, 2048))
    boundaries |= {edge for extent in extents(signed) for edge in extent}
    short = tmp_path / "app.olos"
    short.write_bytes(signed.read_bytes())
    for cut in sorted({boundary + near for boundary in boundaries for near in (-1, 0, 1)}, reverse=True):
        if 0 <= cut < size:
            os.truncate(short, cut)
            with pytest.raises(InputError, match="truncated: |not a package"):
                pipeline.verify(short, None, SILENT)
