"""Copying extents: in the kernel, without it, and with holes."""

import errno
import os
from pathlib import Path

import pytest

from olos.errors import InputError
from olos.extent import Extent
from pack.copying import copy_extent
from support.layouts import noise


class Count:
    """A task that counts."""

    done = 0

    def advance(self, amount: int) -> None:
        assert amount >= 0
        self.done += amount


def unsupported(number: int) -> object:
    def call(*args: object) -> int:
        raise OSError(number, os.strerror(number))

    return call


@pytest.mark.parametrize(
    ("name", "number"),
    [
        pytest.param(None, 0, id="everything works"),
        pytest.param("copy_file_range", errno.EXDEV, id="other file system"),
        pytest.param("copy_file_range", errno.ENOSYS, id="old kernel"),
        pytest.param("lseek", errno.EINVAL, id="holes unknown"),
    ],
)
@pytest.mark.parametrize(("start", "size"), [(0, 3 << 20), (4097, 2 << 20), (5, 0), (1, 1)])
def test_every_way_copies_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str | None, number: int, start: int, size: int
) -> None:
    data = noise(1 << 20) + bytes(1 << 20) + noise(1 << 20)
    source = tmp_path / "source"
    with source.open("wb") as stream:
        stream.truncate(len(data))
        stream.write(data[: 1 << 20])
        stream.seek(2 << 20)
        stream.write(data[2 << 20 :])
    if name:
        monkeypatch.setattr(os, name, unsupported(number))
    count = Count()
    with (tmp_path / "target").open("w+b") as stream:
        copy_extent(Extent(source, start, size), stream.fileno(), 100, count)
        os.ftruncate(stream.fileno(), 100 + size)
    assert (tmp_path / "target").read_bytes() == bytes(100) + data[start : start + size]
    assert count.done == size


@pytest.mark.parametrize("size", [101, 1 << 62])
def test_a_source_that_is_too_short(tmp_path: Path, size: int) -> None:
    (tmp_path / "source").write_bytes(bytes(100))
    with (tmp_path / "target").open("w+b") as stream, pytest.raises(InputError, match="source: shorter than"):
        copy_extent(Extent(tmp_path / "source", 0, size), stream.fileno(), 0, Count())
    assert (tmp_path / "target").read_bytes() == b""


def test_other_errors_are_not_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "source").write_bytes(b"data")
    monkeypatch.setattr(os, "copy_file_range", unsupported(errno.ENOSPC))
    with (tmp_path / "target").open("w+b") as stream, pytest.raises(OSError, match="No space left"):
        copy_extent(Extent(tmp_path / "source", 0, 4), stream.fileno(), 0, Count())
