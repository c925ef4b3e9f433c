import os
import subprocess
import sys
from pathlib import Path

import pytest

from olos.errors import InputError
from olos.output import atomic_directory, atomic_file


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


class Interrupted(Exception):
    pass


def test_a_file_appears_whole(tmp_path: Path) -> None:
    with atomic_file(tmp_path / "out", 0o755) as stream:
        stream.write(b"new")
        assert "out" not in names(tmp_path)
    assert (tmp_path / "out").read_bytes() == b"new"
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o755
    assert names(tmp_path) == ["out"]


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"old")
    with pytest.raises(Interrupted), atomic_file(tmp_path / "out") as stream:
        stream.write(b"new")
        raise Interrupted
    assert (tmp_path / "out").read_bytes() == b"old"
    assert names(tmp_path) == ["out"]


def test_a_directory_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    for content in ("one", "two"):
        with atomic_directory(tmp_path / "d") as folder:
            (folder / content).write_text(content)
    assert names(tmp_path / "d") == ["two"]
    assert names(tmp_path) == ["d"]
    assert (tmp_path / "d").stat().st_mode & 0o777 == 0o755


def test_a_failure_leaves_the_old_directory(tmp_path: Path) -> None:
    with atomic_directory(tmp_path / "d") as folder:
        (folder / "old").touch()
    with pytest.raises(Interrupted), atomic_directory(tmp_path / "d") as folder:
        (folder / "new").touch()
        raise Interrupted
    assert names(tmp_path / "d") == ["old"]
    assert names(tmp_path) == ["d"]


def test_missing_folder(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match="cannot be written: No such file"),
        atomic_file(tmp_path / "no" / "out"),
    ):
        pass


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a directory"), atomic_file(tmp_path):
        pass


FULL = """
import sys
from pathlib import Path
from olos.errors import InputError
from olos.output import atomic_file
try:
    with atomic_file(Path(sys.argv[1]) / "out") as stream:
        for _ in range(64):
            stream.write(bytes(65536))
except InputError as error:
    print(error.message, error.hint)
"""


def test_a_full_disk_is_named_and_leaves_the_old_file(tmp_path: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", tmp_path], check=True)
    try:
        (tmp_path / "out").write_bytes(b"old")
        result = subprocess.run(
            [sys.executable, "-c", FULL, tmp_path], capture_output=True, text=True, check=True
        )
        assert "No space left on device free some space" in result.stdout
        assert (tmp_path / "out").read_bytes() == b"old"
        assert names(tmp_path) == ["out"]
    finally:
        subprocess.run(["umount", tmp_path], check=True)
