import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from olos.digest import Digest
from olos.errors import InputError, UsageError
from olos.extent import Extent
from olos.progress import SILENT
from olos_build.cache import LayerCache, limit_from_environment, user_folder
from olos_build.image import Image, open_archive, open_oci_directory
from olos_build.merge import merge
from support.images import Options, Recorder, archive_of, directory, file, oci_layout, tar

BASE = tar(directory("etc"), file("etc/base", os.urandom(9000)))
TOP = tar(file("etc/top", b"top"), file("etc/base2", b"base" * 5000))
OTHER_TOP = tar(file("etc/top", b"changed"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "olos" / "layers"


@pytest.fixture
def cache(folder: Path) -> Iterator[LayerCache]:
    with LayerCache(folder, 1 << 20, SILENT) as opened:
        yield opened


def layer(path: Path, data: bytes) -> tuple[Digest, Extent]:
    path.write_bytes(data)
    return Digest.sha256(data), Extent(path, 0, len(data))


def keep(cache: LayerCache, path: Path, data: bytes, *, own: bool = False) -> Digest:
    digest, extent = layer(path, data)
    cache.keep(digest, extent, own=own)
    return digest


def read(extent: Extent | None) -> bytes | None:
    return extent.read(1 << 20) if extent else None


@pytest.mark.parametrize("own", [False, True], ids=["copied", "linked"])
def test_what_is_kept_is_found(cache: LayerCache, folder: Path, tmp_path: Path, own: bool) -> None:
    digest = keep(cache, tmp_path / "layer", b"x" * 5000, own=own)
    (tmp_path / "layer").unlink()
    assert read(cache.find(digest)) == b"x" * 5000
    assert [path.name.split(".")[0] for path in folder.iterdir()] == [digest.hex]
    with LayerCache(folder, 1, SILENT) as later:
        assert read(later.find(digest)) == b"x" * 5000
        assert later.find(Digest.sha256(b"other")) is None


def test_part_of_a_file_is_kept(cache: LayerCache, tmp_path: Path) -> None:
    (tmp_path / "archive").write_bytes(b"--layer--")
    cache.keep(Digest.sha256(b"layer"), Extent(tmp_path / "archive", 2, 5), own=False)
    assert read(cache.find(Digest.sha256(b"layer"))) == b"layer"


@pytest.mark.parametrize("position", [0, 4095, 4096, 8999])
def test_flipped_bit_is_found_and_the_entry_removed(
    cache: LayerCache, folder: Path, tmp_path: Path, position: int
) -> None:
    digest = keep(cache, tmp_path / "layer", os.urandom(9000))
    [entry] = folder.iterdir()
    data = bytearray(entry.read_bytes())
    data[position] ^= 1
    entry.write_bytes(data)
    assert cache.find(digest) is None
    assert not list(folder.iterdir())


@pytest.mark.parametrize("size", [0, 4096, 8999])
def test_truncated_entry_is_removed(cache: LayerCache, folder: Path, tmp_path: Path, size: int) -> None:
    digest = keep(cache, tmp_path / "layer", os.urandom(9000))
    os.truncate(next(folder.iterdir()), size)
    assert cache.find(digest) is None
    assert not list(folder.iterdir())


def test_symlink_is_no_entry(cache: LayerCache, folder: Path, tmp_path: Path) -> None:
    digest = keep(cache, tmp_path / "layer", b"data")
    [entry] = folder.iterdir()
    entry.unlink()
    entry.symlink_to(tmp_path / "layer")
    assert cache.find(digest) is None


def test_least_recently_used_goes_first(folder: Path, tmp_path: Path) -> None:
    with LayerCache(folder, 10_000, SILENT) as first:
        digests = [keep(first, tmp_path / "layer", bytes([number]) * 4000) for number in range(2)]
        for age, digest in enumerate(digests):
            os.utime(next(folder.glob(f"{digest.hex}.*")), (age, age))
        assert first.find(digests[0])
        new = keep(first, tmp_path / "layer", b"new" * 1000)
        assert first.find(new) and first.find(digests[0])
        assert not first.find(digests[1])
        assert sum(path.stat().st_size for path in folder.iterdir()) <= 10_000


def test_removed_entry_stays_readable(cache: LayerCache, folder: Path, tmp_path: Path) -> None:
    found = cache.find(keep(cache, tmp_path / "layer", b"data"))
    shutil.rmtree(folder)
    assert read(found) == b"data"


def test_too_large_a_layer_is_not_kept(cache: LayerCache, folder: Path, tmp_path: Path) -> None:
    keep(cache, tmp_path / "layer", bytes(2 << 20))
    assert not list(folder.iterdir())


def test_unfinished_entries_go_after_a_day(cache: LayerCache, folder: Path, tmp_path: Path) -> None:
    old, young = folder / "unfinished-1-a", folder / "unfinished-2-b"
    old.touch()
    young.touch()
    os.utime(old, (time.time() - 100_000,) * 2)
    keep(cache, tmp_path / "layer", b"data")
    assert not old.exists()
    assert young.exists()


def test_two_builds_at_once(folder: Path, tmp_path: Path) -> None:
    data = [os.urandom(20_000) for _ in range(8)]
    wrong: list[int] = []

    def build(name: str) -> None:
        with LayerCache(folder, 50_000, SILENT) as cache:
            for number, content in enumerate(data * 5):
                found = read(cache.find(Digest.sha256(content)))
                if found not in (None, content):
                    wrong.append(number)
                keep(cache, tmp_path / name, content)

    threads = [Thread(target=build, args=(f"layer-{name}",)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    for path in folder.iterdir():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name.split(".")[0]


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o777])
def test_folder_of_others_is_not_used(folder: Path, tmp_path: Path, mode: int) -> None:
    folder.mkdir(parents=True)
    folder.chmod(mode)
    progress = Recorder()
    with LayerCache(folder, 1 << 20, progress) as cache:
        assert cache.find(keep(cache, tmp_path / "layer", b"data")) is None
    assert progress.names == ["cache-unusable"]
    assert not list(folder.iterdir())


def test_folder_of_another_user_is_not_used(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.mkdir(parents=True, mode=0o700)
    monkeypatch.setattr("os.geteuid", lambda: 4711)
    progress = Recorder()
    with LayerCache(folder, 1 << 20, progress) as cache:
        assert cache.find(keep(cache, tmp_path / "layer", b"data")) is None
    assert progress.names == ["cache-unusable"]


def test_switched_off_it_makes_nothing(folder: Path, tmp_path: Path) -> None:
    with LayerCache(folder, 0, SILENT) as cache:
        assert cache.find(keep(cache, tmp_path / "layer", b"data")) is None
    assert not folder.exists()


@pytest.mark.parametrize(
    ("text", "size"), [("", 8 << 30), ("0", 0), ("500M", 500 << 20), ("2G", 2 << 30), ("7", 7)]
)
def test_limit(monkeypatch: pytest.MonkeyPatch, text: str, size: int) -> None:
    monkeypatch.setenv("OLOS_CACHE_SIZE", text)
    assert limit_from_environment() == size


@pytest.mark.parametrize("text", ["-1", "1.5G", "many", "1 G", "01", "9" * 50, "1G\n"])
def test_wrong_limit_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("OLOS_CACHE_SIZE", text)
    with pytest.raises(UsageError, match="OLOS_CACHE_SIZE"):
        limit_from_environment()


@pytest.mark.parametrize(
    ("value", "expected"),
    [("/x", "/x/olos/layers"), ("", "/h/.cache/olos/layers"), ("rel", "/h/.cache/olos/layers")],
)
def test_folder(monkeypatch: pytest.MonkeyPatch, value: str, expected: str) -> None:
    monkeypatch.setenv("HOME", "/h")
    monkeypatch.setenv("XDG_CACHE_HOME", value)
    assert user_folder() == Path(expected)


def contents(image: Image) -> dict[bytes, object]:
    return {
        path: (inode.mode, inode.size, [segment.extent.read(1 << 20) for segment in inode.content])
        for path, inode in merge(image.layers, SILENT).items()
    }


@pytest.mark.parametrize("form", ["oci", "archive"])
@pytest.mark.parametrize("compression", ["", "gzip", "zstd"])
def test_layers_that_are_kept_are_not_read_again(
    cache: LayerCache, tmp_path: Path, compression: str, form: str
) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()

    def opened(folder: Path, with_cache: LayerCache | None) -> Image:
        if form == "oci":
            return open_oci_directory(folder, None, spool, SILENT, with_cache)
        return open_archive(archive_of(folder, tmp_path / "x.tar"), spool, SILENT, cache=with_cache)

    first, second = (
        oci_layout(tmp_path / name, layers, options=Options(compression=compression))
        for name, layers in (("first", [BASE, TOP]), ("second", [BASE, OTHER_TOP]))
    )
    opened(first, cache)
    expected = contents(opened(second, None))
    shared = {path.name for path in (first / "blobs/sha256").iterdir()}
    [base] = [path for path in (second / "blobs/sha256").iterdir() if path.name in shared]
    base.write_bytes(bytes(base.stat().st_size))
    assert contents(opened(second, cache)) == expected
    with pytest.raises(InputError, match="does not match"):
        opened(second, None)
