import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
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
from collections.abc import Callable
from contextlib import AbstractContextManager
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


BAD_NAMES = {"long": "n" * 300, "long-folder": f"{'n' * 300}/out", "below-a-file": "file/out"}


@pytest.mark.parametrize("name", BAD_NAMES.values(), ids=BAD_NAMES)
@pytest.mark.parametrize("make", [atomic_file, atomic_directory], ids=["file", "directory"])
def test_names_that_nothing_can_have(
    tmp_path: Path, name: str, make: Callable[[Path], AbstractContextManager[object]]
) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(InputError, match="cannot be written: (File name too long|Not a directory)"),
        make(tmp_path / name),
    ):
        pass
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("kind", ["pipe", "link-to-device"])
def test_what_is_no_file_is_not_replaced(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "out"  # never a device of the machine itself: a failing test would replace it
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/null")
    before = path.lstat()
    with pytest.raises(InputError, match="is not a regular file"), atomic_file(path):
        pass
    assert os.path.samestat(path.lstat(), before)


def test_a_failure_leaves_no_parents(tmp_path: Path) -> None:
    with pytest.raises(Interrupted), atomic_directory(tmp_path / "a/b/d") as folder:
        (folder / "new").touch()
        raise Interrupted
    assert names(tmp_path) == []
    with pytest.raises(Interrupted), atomic_directory(tmp_path / "a/b/d"):
        (tmp_path / "a/mine").touch()
        raise Interrupted
    assert names(tmp_path / "a") == ["mine"]
