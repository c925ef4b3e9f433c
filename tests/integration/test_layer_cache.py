"""`olos build` with layers kept between builds: the layout is the same, whatever the cache holds."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from support.cli import Call, caller
from support.images import config_of, directory, file, oci_layout, tar

LAYERS = [
    tar(directory("etc"), file("etc/base", os.urandom(300_000)), file("etc/small", b"small")),
    tar(file("etc/top", b"top")),
]


@pytest.fixture
def olos(capfdbinary: pytest.CaptureFixture[bytes]) -> Call:
    return caller(capfdbinary)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where entries lie; made by the first build that uses it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("OLOS_CACHE_SIZE")
    return tmp_path / "cache/olos/layers"


def files(layout: Path) -> dict[str, bytes]:
    return {str(path.relative_to(layout)): path.read_bytes() for path in layout.rglob("*") if path.is_file()}


def flip(cache: Path) -> None:
    for entry in cache.iterdir():
        data = bytearray(entry.read_bytes())
        data[len(data) // 2] ^= 0x10
        entry.write_bytes(data)


def truncate(cache: Path) -> None:
    for entry in cache.iterdir():
        os.truncate(entry, 100)


def exchange(cache: Path) -> None:
    """Each entry gets the content of the other."""
    first, second = cache.iterdir()
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    second.write_bytes(one)


@pytest.mark.parametrize(
    "damage",
    [lambda cache: None, flip, truncate, exchange],
    ids=["whole", "flipped-bits", "truncated", "exchanged"],
)
def test_layout_is_the_same_with_any_cache(
    olos: Call, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[Path], None]
) -> None:
    image = oci_layout(tmp_path / "image", LAYERS, config_of(LAYERS, {"Cmd": ["/x"]}))

    def build(name: str) -> dict[str, bytes]:
        olos("build", "-q", "--image", f"oci:{image}", "-o", tmp_path / name)
        return files(tmp_path / name)

    first = build("first")
    assert len(list(cache.iterdir())) == len(LAYERS)
    damage(cache)
    assert build("second") == first
    monkeypatch.setenv("OLOS_CACHE_SIZE", "0")
    assert build("third") == first


def test_no_cache_reads_and_writes_none(olos: Call, cache: Path, tmp_path: Path) -> None:
    image = oci_layout(tmp_path / "image", LAYERS, config_of(LAYERS, {"Cmd": ["/x"]}))
    olos("build", "-q", "--image", f"oci:{image}", "-o", tmp_path / "first")
    flip(cache)
    before = files(cache)
    (tmp_path / "Dockerfile").write_text('FROM scratch\nCOPY Dockerfile /\nCMD ["/x"]\n')
    olos("build", "-q", "--no-cache", tmp_path / "Dockerfile", "-o", tmp_path / "second")
    assert files(cache) == before
