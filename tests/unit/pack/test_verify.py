"""Every byte of a package that is not a file's is accounted for, and a change is named."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from olos.errors import InputError, MismatchError
from olos.layout import SIGSTRUCT, UNRECORDED, Layout, open_directory
from olos.package import open_package
from olos.progress import SILENT
from pack.verify import compare_target, verify
from support.layouts import TARGET, contents, make_layout, noise
from support.packages import LAUNCHER, changed, make_package, pack

SECTOR = 2048
TABLE = 0x7000


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_package(tmp_path_factory.mktemp("package"))


def damaged(package: Path, folder: Path, offset: int) -> Path:
    """A copy of a package with one bit changed."""
    data = package.read_bytes()
    target = folder / "changed.olos"
    target.write_bytes(changed(data, (offset, bytes([data[offset] ^ 1]))))
    return target


def test_a_package_as_written_passes(package: Path) -> None:
    verify(package, LAUNCHER, SILENT)


def test_another_launcher_is_named(package: Path) -> None:
    with pytest.raises(MismatchError, match="launcher: byte 3 does not match\n  expected 47\n  actual   46"):
        verify(package, b"\x7fELG", SILENT)


def test_another_target_program_is_named(package: Path, tmp_path: Path) -> None:
    verify(package, LAUNCHER, SILENT, target=TARGET)
    path = damaged(package, tmp_path, open_package(package)["target/linux"].offset + 5)
    with pytest.raises(MismatchError, match="target/linux: sha256 does not match"):
        verify(path, LAUNCHER, SILENT, target=TARGET)


def test_the_digest_of_unrecorded_files_is_that_of_the_format(package: Path, tmp_path: Path) -> None:
    def stated(path: Path) -> bytes:
        return path.read_bytes()[TABLE + 4064 : TABLE + 4096]

    def expected(*files: bytes) -> bytes:
        return sha256(b"".join(sha256(data).digest() for data in files)).digest()

    files = contents(open_package(package))
    three = [files["annotations.json"], files["olos.json"], files["target/linux"]]
    assert stated(package) == expected(*three)
    signed = pack(make_layout(tmp_path / "layout", extra={SIGSTRUCT: noise(1808)}), tmp_path / "signed.olos")
    assert stated(signed) == expected(*three[:2], noise(1808), three[2])
    (tmp_path / "layout/annotations.json").unlink()
    (tmp_path / "layout" / SIGSTRUCT).unlink()
    bare = pack(open_directory(tmp_path / "layout"), tmp_path / "bare.olos")
    assert stated(bare) == expected(*three[1:])
    for path in (signed, bare):
        verify(path, LAUNCHER, SILENT, target=TARGET)


def test_the_target_program_of_a_layout(tmp_path: Path) -> None:
    layout = make_layout(tmp_path / "layout")
    compare_target(layout, TARGET)
    with pytest.raises(MismatchError, match="layout: target/linux: sha256 does not match"):
        compare_target(layout, TARGET + b"#")
    (tmp_path / "layout/target/linux").unlink()
    with pytest.raises(InputError, match="target/linux is missing"):
        compare_target(open_directory(tmp_path / "layout"), TARGET)


def at(offset: int) -> Callable[[bytes, Layout], int]:
    return lambda _data, _layout: offset


def in_record(field: int) -> Callable[[bytes, Layout], int]:
    """A byte of the directory record of olos.json, counted from the start of the record."""
    name = b"NM\x0e\1\0olos.json"
    record = 33 + len("007OLOS.JSO;1")
    return lambda data, _layout: data.index(name) - 5 - record - (record % 2) + field


def in_entry(signature: bytes, skip: int) -> Callable[[bytes, Layout], int]:
    """A byte of the first Rock Ridge entry with this signature."""
    return lambda data, _layout: data.index(signature, 0x8000) + skip


def behind(name: str) -> Callable[[bytes, Layout], int]:
    return lambda _data, layout: layout[name].offset + layout[name].size


def inside(name: str) -> Callable[[bytes, Layout], int]:
    return lambda _data, layout: layout[name].offset + layout[name].size // 2


REGIONS = {
    "launcher, first byte": (at(0), "launcher: byte 0"),
    "launcher, behind its end": (at(len(LAUNCHER)), "launcher"),
    "launcher, last byte": (at(TABLE - 1), f"launcher: byte {TABLE - 1}"),
    "table, magic": (at(TABLE), "no file table"),
    "table, count": (at(TABLE + 16), "file table"),
    "table, zeros of the header": (at(TABLE + 20), "file table"),
    "table, name": (at(TABLE + 33), "file table and ISO directory disagree"),
    "table, offset": (at(TABLE + 32 + 48), "file table"),
    "table, size": (at(TABLE + 32 + 56), "file table and ISO directory disagree"),
    "table, behind the last file": (at(TABLE + 4063), "file table"),
    "table, digest": (at(TABLE + 4064), "digest in the file table"),
    "table, last byte": (at(TABLE + 4095), "digest in the file table"),
    "annotations": (inside("annotations.json"), r"annotations\.json or .*: digest in the file table"),
    "manifest": (inside("olos.json"), r"or olos\.json or .*: digest in the file table"),
    "target program": (inside("target/linux"), "or target/linux: digest in the file table"),
    "PVD, type": (at(16 * SECTOR), "ISO structures"),
    "PVD, volume name": (at(16 * SECTOR + 40), "ISO structures"),
    "PVD, space size": (at(16 * SECTOR + 80), "ISO structures"),
    "PVD, root record": (at(16 * SECTOR + 158), "ISO structures"),
    "PVD, creation date": (at(16 * SECTOR + 813), "ISO structures"),
    "PVD, last byte": (at(17 * SECTOR - 1), "ISO structures"),
    "terminator": (at(17 * SECTOR + 1), "ISO structures"),
    "terminator, rest": (at(17 * SECTOR + 1000), f"ISO structures: byte {17 * SECTOR + 1000}"),
    "behind the descriptors": (at(18 * SECTOR), f"ISO structures: byte {18 * SECTOR}"),
    "path table, little-endian": (at(19 * SECTOR + 2), "ISO structures"),
    "path table, rest": (at(20 * SECTOR + 9), "ISO structures"),
    "path table, big-endian": (at(21 * SECTOR + 5), "ISO structures"),
    "root directory, own record": (at(23 * SECTOR + 20), "ISO structures"),
    "root directory, rest": (at(24 * SECTOR - 1), "ISO structures"),
    "record, length": (in_record(0), "ISO directory"),
    "record, extent": (in_record(2), "ISO structures"),
    "record, extent big-endian": (in_record(9), "ISO structures"),
    "record, size": (in_record(10), "ISO structures"),
    "record, date": (in_record(18), "ISO structures"),
    "record, flags": (in_record(25), "ISO structures"),
    "record, identifier": (in_record(34), "ISO structures"),
    "Rock Ridge, name": (in_entry(b"olos.json", 2), "file table and ISO directory disagree"),
    "Rock Ridge, name length": (in_entry(b"NM\x0e\1", 2), "ISO structures"),
    "Rock Ridge, mode": (in_entry(b"PX", 4), "ISO structures"),
    "Rock Ridge, owner": (in_entry(b"PX", 20), "ISO structures"),
    "Rock Ridge, time": (in_entry(b"TF", 7), "ISO structures"),
    "Rock Ridge, extension record": (in_entry(b"ER", 9), "ISO structures"),
    "padding before a file": (behind("annotations.json"), r"padding before olos\.json"),
    "padding at the end": (behind("target/linux"), "padding at the end"),
    "last byte": (lambda data, _: len(data) - 1, "padding at the end"),
}


@pytest.mark.parametrize(("place", "region"), REGIONS.values(), ids=REGIONS.keys())
def test_one_changed_bit_is_named(
    package: Path, tmp_path: Path, place: Callable[[bytes, Layout], int], region: str
) -> None:
    offset = place(package.read_bytes(), open_package(package))
    with pytest.raises((MismatchError, InputError), match=region):
        verify(damaged(package, tmp_path, offset), LAUNCHER, SILENT)


def test_the_table_above_means_the_places_it_names(package: Path) -> None:
    data, layout = package.read_bytes(), open_package(package)
    extent = layout["olos.json"].offset // SECTOR
    assert data[in_record(2)(data, layout)] == extent
    assert data[17 * SECTOR : 17 * SECTOR + 6] == b"\xffCD001"
    assert data[19 * SECTOR : 19 * SECTOR + 6] == b"\1\0" + (23).to_bytes(4, "little")
    assert data[21 * SECTOR : 21 * SECTOR + 6] == b"\1\0" + (23).to_bytes(4, "big")


def test_a_change_in_the_copy_of_the_volume_descriptor_is_named(tmp_path: Path) -> None:
    layout = make_layout(tmp_path / "layout", extra={"annotations.json": bytes(2049)})
    package = pack(layout, tmp_path / "app.olos")
    data = package.read_bytes()
    assert data[16 * SECTOR : 17 * SECTOR] == data[17 * SECTOR : 18 * SECTOR]
    verify(package, LAUNCHER, SILENT)
    with pytest.raises(InputError, match="ISO structures: volume descriptor 1 .type 1. is neither a copy"):
        verify(damaged(package, tmp_path, 17 * SECTOR + 40), LAUNCHER, SILENT)


def test_every_byte_outside_of_the_files_counts(package: Path, tmp_path: Path) -> None:
    """A sample of all bytes; those of recorded files are for `measure` to check."""
    layout = open_package(package)
    recorded = [
        range(extent.offset, extent.offset + extent.size)
        for name, extent in layout.files
        if name not in UNRECORDED
    ]
    path = damaged(package, tmp_path, 0)
    data = package.read_bytes()
    for offset in range(0, len(data), 293):
        path.write_bytes(changed(data, (offset, bytes([data[offset] ^ 0x80]))))
        if any(offset in extent for extent in recorded):
            verify(path, LAUNCHER, SILENT)
        else:
            with pytest.raises((MismatchError, InputError)):
                verify(path, LAUNCHER, SILENT)


def test_trailing_bytes_are_named(package: Path, tmp_path: Path) -> None:
    longer = tmp_path / "longer.olos"
    longer.write_bytes(package.read_bytes() + b"\0")
    size = package.stat().st_size
    with pytest.raises(
        MismatchError, match=f"trailing bytes: size.*\n  expected {size}\n  actual   {size + 1}"
    ):
        verify(longer, LAUNCHER, SILENT)


def test_files_moved_within_a_package_are_named(package: Path, tmp_path: Path) -> None:
    """Table and directory agree, but no package of olos has two files the other way round."""
    layout, data = open_package(package), package.read_bytes()
    first, second = layout["kernel/ld-linux-x86-64.so.2"], layout["annotations.json"]
    sectors = {
        first.offset // SECTOR: second.offset // SECTOR,
        second.offset // SECTOR: first.offset // SECTOR,
    }
    patches: list[tuple[int, bytes]] = []
    for old, new in sectors.items():
        record = old.to_bytes(4, "little") + old.to_bytes(4, "big")
        patches.append((data.index(record, 23 * SECTOR), new.to_bytes(4, "little") + new.to_bytes(4, "big")))
        table = (old * SECTOR).to_bytes(8, "little")
        patches.append((data.index(table, TABLE), (new * SECTOR).to_bytes(8, "little")))
    moved = tmp_path / "moved.olos"
    moved.write_bytes(changed(data, *patches))
    assert contents(open_package(moved)) != contents(layout)
    with pytest.raises(MismatchError, match="file table: byte"):
        verify(moved, LAUNCHER, SILENT)
