"""Images that are damaged, or made to do harm: each is refused, and what is wrong is named."""

import gzip
import json
import os
import resource
import shutil
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from olos.digest import Digest
from olos.errors import InputError
from olos.progress import SILENT
from olos_build.image import Image, open_archive, open_oci_directory
from olos_build.images.spool import Blob, Spool
from support.images import (
    COMPRESSIONS,
    OCI,
    Options,
    archive_of,
    blob_of,
    config_of,
    docker_archive,
    file,
    manifest_of,
    oci_layout,
    put_blob,
    symlink,
    tar,
    with_manifest,
    write_layer,
)

LAYER = tar(file("a", b"content" * 1000))
PLAIN = Options(compression="")


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    (tmp_path / "spool").mkdir()
    return tmp_path / "spool"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "image"


def open_it(folder: Path, spool: Path) -> Image:
    return open_oci_directory(folder, None, spool, SILENT)


# Blobs ------------------------------------------------------------------------------------------------


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def _changed(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _longer(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def _emptied(path: Path) -> None:
    path.write_bytes(b"")


def _replaced(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def replace(path: Path) -> None:
        path.unlink()
        make(path)

    return replace


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing": (Path.unlink, "is missing"),
    "cut": (_cut, "size does not match"),
    "longer": (_longer, "size does not match"),
    "changed": (_changed, "digest does not match"),
    "empty": (_emptied, "size does not match"),
    "a directory": (_replaced(Path.mkdir), "is missing"),
    "a pipe": (_replaced(os.mkfifo), "is missing"),
    "a device": (_replaced(lambda path: path.symlink_to("/dev/zero")), "is missing"),
}


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("which", ["layers", "config", "manifest"])
@pytest.mark.parametrize(("damage", "message"), DAMAGE.values(), ids=DAMAGE)
def test_damaged_blobs(
    folder: Path, spool: Path, damage: Callable[[Path], None], message: str, which: str, compression: str
) -> None:
    oci_layout(folder, [LAYER], options=Options(compression=compression))
    descriptor = json.loads((folder / "index.json").read_text())["manifests"][0]
    if which != "manifest":
        descriptor = manifest_of(folder)[which]
    descriptor = descriptor[0] if which == "layers" else descriptor
    damage(blob_of(folder, descriptor))
    with pytest.raises(InputError, match=message) as caught:
        open_it(folder, spool)
    assert descriptor["digest"].partition(":")[2] in caught.value.message
    if "match" in message:
        assert "\n  expected " in caught.value.message
        assert "\n  actual   " in caught.value.message


def test_a_layer_that_is_not_the_one_of_the_configuration(folder: Path, spool: Path) -> None:
    other = tar(file("b"))
    for compression in COMPRESSIONS:
        oci_layout(folder, [LAYER], config_of([other]), Options(compression=compression))
        with pytest.raises(InputError, match="digest of the unpacked layer does not match") as caught:
            open_it(folder, spool)
        assert str(Digest.sha256(other)) in caught.value.message
        assert str(Digest.sha256(LAYER)) in caught.value.message
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (gzip.compress(LAYER)[:-30], "cannot be decompressed"),
        (gzip.compress(LAYER)[:100], "cannot be decompressed"),
        (b"\x1f\x8b" + bytes(50), "cannot be decompressed"),
        (gzip.compress(LAYER) + b"garbage", "cannot be decompressed"),
        (zstandard.compress(LAYER)[:-10], "unpacked layer does not match"),
        (b"\x28\xb5\x2f\xfd" + b"\xff" * 50, "cannot be decompressed"),
        (b"BZh91AY&SY" + bytes(50), "bzip2, not with gzip or zstd"),
        (b"\xfd7zXZ\0" + bytes(50), "xz, not with gzip or zstd"),
        (b"", "unpacked layer does not match"),
    ],
    ids=["gzip cut", "gzip cut early", "no gzip", "garbage", "zstd cut", "no zstd", "bzip2", "xz", "empty"],
)
def test_layers_that_cannot_be_unpacked(folder: Path, spool: Path, data: bytes, message: str) -> None:
    oci_layout(folder, [LAYER])
    manifest = manifest_of(folder)
    manifest["layers"] = [put_blob(folder, data, f"{OCI}layer.v1.tar+gzip")]
    with_manifest(folder, manifest)
    with pytest.raises(InputError, match=message) as caught:
        open_it(folder, spool)
    assert str(Digest.sha256(data)) in caught.value.message


# Bombs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_decompression_bombs(tmp_path: Path, spool: Path, compression: str) -> None:
    data = COMPRESSIONS[compression](bytes(64 << 20))
    assert len(data) < 100_000
    layer = write_layer(tmp_path / "blob", data)
    blob = Blob("the bomb", layer.extent, layer.diff_id)
    tracemalloc.start()
    with pytest.raises(InputError, match="the bomb: unpacks to more than there is room for"):
        Spool(spool, SILENT, limit=10 << 20).layer(blob, Digest.sha256(b""))
    assert tracemalloc.get_traced_memory()[1] < 16 << 20
    tracemalloc.stop()
    assert sum(path.stat().st_size for path in spool.iterdir()) <= 10 << 20


def test_the_limit_holds_for_all_layers_together(tmp_path: Path, spool: Path) -> None:
    unpacker = Spool(spool, SILENT, limit=25_000)
    for number in range(3):
        data = tar(file(f"{number}"))
        extent = write_layer(tmp_path / f"{number}", gzip.compress(data)).extent
        blob = Blob(f"layer {number}", extent, None)
        if number < 2:
            unpacker.layer(blob, Digest.sha256(data))
        else:
            with pytest.raises(InputError, match="layer 2: unpacks to more"):
                unpacker.layer(blob, Digest.sha256(data))


def test_zstd_that_asks_for_much_memory(tmp_path: Path, spool: Path) -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(1, window_log=30)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    data = compressor.compress(os.urandom(1 << 20)) + compressor.flush()
    layer = write_layer(tmp_path / "blob", data)
    with pytest.raises(InputError, match="cannot be decompressed"):
        Spool(spool, SILENT).layer(Blob("x", layer.extent, layer.diff_id), Digest.sha256(b""))


def test_large_documents(folder: Path, spool: Path) -> None:
    oci_layout(folder, [LAYER])
    with (folder / "index.json").open("ab") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(InputError, match="more than the 4194304 of a document"):
        open_it(folder, spool)


def test_large_configuration(folder: Path, spool: Path) -> None:
    oci_layout(folder, [LAYER], config_of([LAYER], comment="x" * (5 << 20)))
    with pytest.raises(InputError, match="more than the 4194304 of a document"):
        open_it(folder, spool)


def test_too_many_layers(folder: Path, spool: Path) -> None:
    oci_layout(folder, [LAYER] * 513, options=PLAIN)
    with pytest.raises(InputError, match="513 layers, more than 512"):
        open_it(folder, spool)


# Things that are no image -----------------------------------------------------------------------------


def test_directories_that_are_no_layout(tmp_path: Path, spool: Path) -> None:
    (tmp_path / "file").touch()
    cases = (("missing", "not a directory"), ("file", "not a directory"), ("spool", "no OCI layout"))
    for name, message in cases:
        with pytest.raises(InputError, match=f"{name}: .*{message}"):
            open_it(tmp_path / name, spool)


FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, "cannot be read: No such file"),
    "directory": (Path.mkdir, "is not a regular file"),
    "pipe": (os.mkfifo, "is not a regular file"),
    "empty": (Path.touch, "is no image"),
    "text": (lambda path: path.write_text("text\n" * 500), "checksum"),
    "other archive": (lambda path: path.write_bytes(LAYER), "is no image"),
    "layer with a manifest": (
        lambda path: path.write_bytes(tar(file("manifest.json", b"[]"))),
        "holds no image",
    ),
    "cut": (lambda path: path.write_bytes(docker_archive(path, [LAYER]).read_bytes()[:3000]), "truncated"),
    "gzip cut": (lambda path: path.write_bytes(gzip.compress(LAYER)[:50]), "cannot be decompressed"),
}


@pytest.mark.parametrize(("make", "message"), FILES.values(), ids=FILES)
def test_files_that_are_no_archive(
    tmp_path: Path, spool: Path, make: Callable[[Path], object], message: str
) -> None:
    make(tmp_path / "x.tar")
    with pytest.raises(InputError, match=message) as caught:
        open_archive(tmp_path / "x.tar", spool, SILENT)
    assert str(tmp_path / "x.tar") in caught.value.message


def test_names_in_a_docker_archive_lead_nowhere_outside(tmp_path: Path, spool: Path) -> None:
    (tmp_path / "secret").write_text("{}")
    for name in ("../secret", str(tmp_path / "secret"), "link"):
        manifest = json.dumps([{"Config": name, "Layers": []}]).encode()
        items = [file("manifest.json", manifest), symlink("link", str(tmp_path / "secret"))]
        (tmp_path / "x.tar").write_bytes(tar(*items))
        with pytest.raises(InputError, match="is missing"):
            open_archive(tmp_path / "x.tar", spool, SILENT)


def test_a_docker_configuration_that_is_not_what_its_name_says(tmp_path: Path, spool: Path) -> None:
    path = docker_archive(tmp_path / "x.tar", [LAYER])
    data = path.read_bytes().replace(b'"step 0"', b'"step 1"')
    path.write_bytes(data)
    with pytest.raises(InputError, match="digest of the configuration does not match"):
        open_archive(path, spool, SILENT)


def test_a_docker_layer_that_is_changed(tmp_path: Path, spool: Path) -> None:
    path = docker_archive(tmp_path / "x.tar", [LAYER])
    path.write_bytes(path.read_bytes().replace(b"contentcontent", b"contentCONTENT", 1))
    with pytest.raises(InputError, match="layer 0/layer.tar: digest of the unpacked layer does not match"):
        open_archive(path, spool, SILENT)


def test_a_spool_that_is_full(tmp_path: Path, spool: Path) -> None:
    data = tar(file("a", os.urandom(1 << 20)))
    layer = write_layer(tmp_path / "blob", gzip.compress(data, 1))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(InputError, match=f"{spool}: cannot be written: File too large"):
            Spool(spool, SILENT).layer(Blob("x", layer.extent), Digest.sha256(data))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


# Fuzzing ----------------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(position=st.integers(0, 20_000), byte=st.integers(0, 255))
def test_any_damaged_archive_is_refused_or_unharmed(
    tmp_path_factory: pytest.TempPathFactory, position: int, byte: int
) -> None:
    """Every byte that matters stands under a digest, but for the headers of the archive and the index."""
    base = tmp_path_factory.getbasetemp()
    sound = base / "sound.tar"
    if not sound.exists():
        archive_of(oci_layout(base / "sound", [LAYER], options=PLAIN), sound)
    data = bytearray(sound.read_bytes())
    data[position % len(data)] = byte
    (base / "damaged.tar").write_bytes(data)
    try:
        image = open_archive(base / "damaged.tar", base, SILENT)
    except InputError:
        return
    assert [layer.diff_id for layer in image.layers] == [Digest.sha256(LAYER)]
    assert image.layers[0].extent.read(1 << 20) == LAYER
