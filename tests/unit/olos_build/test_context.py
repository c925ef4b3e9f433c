import io
import os
import shutil
import socket
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from olos.errors import InputError
from olos.progress import SILENT
from olos_build import context
from olos_build.builders.protocol import OLDEST_TIME, BuildRequest
from support.progress import Recorder


def request(folder: Path, dockerfile: str = "Dockerfile", epoch: int = 0) -> BuildRequest:
    return BuildRequest(folder / dockerfile, folder, epoch=epoch)


def tar_of(folder: Path, dockerfile: str = "Dockerfile") -> bytes:
    out = io.BytesIO()
    context.tar(request(folder, dockerfile), out, SILENT)
    return out.getvalue()


def names_of(folder: Path, dockerfile: str = "Dockerfile") -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(tar_of(folder, dockerfile))) as archive:
        return archive.getnames()


def write(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {name}\n")
    return folder


def set_times(folder: Path) -> None:
    for path in folder.rglob("*"):
        os.utime(path, (5, 7), follow_symlinks=False)


def set_modes(folder: Path) -> None:
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & 0o700)


def set_owners(folder: Path) -> None:
    for path in folder.rglob("*"):
        os.chown(path, 1234, 2345, follow_symlinks=False)


def reorder(folder: Path) -> None:
    for path in sorted(folder.iterdir(), reverse=True):
        path.rename(path.with_name("moved"))
        path.with_name("moved").rename(path)


@pytest.mark.parametrize("change", [set_times, set_modes, set_owners, reorder])
def test_the_same_bytes_whatever_the_checkout(tmp_path: Path, change: Callable[[Path], None]) -> None:
    one = write(tmp_path / "one", "b", "a/x", "a-b", "A", "empty/", "run.sh")
    (one / "run.sh").chmod(0o755)
    (one / "link").symlink_to("a//x")
    other = tmp_path / "elsewhere" / "other"
    shutil.copytree(one, other, symlinks=True)
    change(other)
    assert tar_of(one) == tar_of(other)


def test_what_stands_in_the_tar(tmp_path: Path) -> None:
    write(tmp_path, "b/c", "b-", "x" * 200 + "/" + "y" * 200)
    (tmp_path / "b/c").chmod(0o4711)
    (tmp_path / "l").symlink_to("../..//out/")
    os.link(tmp_path / "b-", tmp_path / "hard")
    with tarfile.open(fileobj=io.BytesIO(tar_of(tmp_path))) as archive:
        members = archive.getmembers()
        content = archive.extractfile("hard")
        assert content is not None
        assert content.read() == b"content of b-\n"
    assert [m.name for m in members] == [
        "b",
        "b/c",
        "b-",
        "hard",
        "l",
        "x" * 200,
        "x" * 200 + "/" + "y" * 200,
    ]
    assert {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m in members} == {(0, 0, "", "", OLDEST_TIME)}
    assert {m.name[:4]: m.mode for m in members if not m.issym()} == {
        "b": 0o755,
        "b/c": 0o755,
        "b-": 0o644,
        "hard": 0o644,
        "xxxx": 0o644,
    }
    assert next(m.linkname for m in members if m.issym()) == "../..//out/"


@pytest.mark.parametrize(("epoch", "time"), [(0, OLDEST_TIME), (1, 1), (10**9, 10**9)])
def test_times_are_those_of_the_epoch(tmp_path: Path, epoch: int, time: int) -> None:
    write(tmp_path / "context", "a/b")
    out = io.BytesIO()
    context.tar(request(tmp_path / "context", epoch=epoch), out, SILENT)
    with tarfile.open(fileobj=io.BytesIO(out.getvalue())) as archive:
        assert {member.mtime for member in archive} == {time}
    context.unpack(request(tmp_path / "context", epoch=epoch), tmp_path / "out", SILENT)
    assert {int(path.stat().st_mtime) for path in (tmp_path / "out").rglob("*")} == {time}


def test_names_that_are_no_text(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe")).write_text("x")
    with tarfile.open(fileobj=io.BytesIO(tar_of(tmp_path)), errors="surrogateescape") as archive:
        assert [os.fsencode(name) for name in archive.getnames()] == [b"\xff\xfe"]


@pytest.mark.parametrize(
    ("patterns", "kept"),
    [
        ("", ["Dockerfile", "a.txt", "d", "d/a.txt", "d/b.md", "d/e", "d/e/a.txt"]),
        ("*.txt\n", ["Dockerfile", "d", "d/a.txt", "d/b.md", "d/e", "d/e/a.txt"]),
        ("**/*.txt", ["Dockerfile", "d", "d/b.md", "d/e"]),
        ("d\n", ["Dockerfile", "a.txt"]),
        ("/d/\n", ["Dockerfile", "a.txt"]),
        ("d/*\n!d/b.md", ["Dockerfile", "a.txt", "d", "d/b.md"]),
        ("d\n!d/e/a.txt", ["Dockerfile", "a.txt", "d", "d/e", "d/e/a.txt"]),
        ("# d\n \nDockerfile\n", ["a.txt", "d", "d/a.txt", "d/b.md", "d/e", "d/e/a.txt"]),
        ("*\n!d\nd/e", ["d", "d/a.txt", "d/b.md"]),
        ("?.txt\nd/[a-b].*", ["Dockerfile", "d", "d/e", "d/e/a.txt"]),
        ("d/[^a]*", ["Dockerfile", "a.txt", "d", "d/a.txt"]),
        ("d/**", ["Dockerfile", "a.txt", "d"]),
        ("**/e", ["Dockerfile", "a.txt", "d", "d/a.txt", "d/b.md"]),
        ("x/../d", ["Dockerfile", "a.txt"]),
        ("a\\.txt\nd", ["Dockerfile"]),
        ("**\n", []),
        ("  d  \r\n", ["Dockerfile", "a.txt"]),
    ],
)
def test_dockerignore(tmp_path: Path, patterns: str, kept: list[str]) -> None:
    write(tmp_path, "Dockerfile", "a.txt", "d/a.txt", "d/b.md", "d/e/a.txt")
    (tmp_path / ".dockerignore").write_text(patterns)
    assert names_of(tmp_path) == kept


def test_dockerignore_of_one_dockerfile_goes_first(tmp_path: Path) -> None:
    write(tmp_path, "a", "b", "my.Dockerfile")
    (tmp_path / ".dockerignore").write_text("a")
    (tmp_path / "my.Dockerfile.dockerignore").write_text("b\n*ignore\n")
    assert names_of(tmp_path, "my.Dockerfile") == ["a", "my.Dockerfile"]


def test_own_outputs_are_left_out_unless_taken_in(tmp_path: Path) -> None:
    write(tmp_path, "olos-layout/rootfs.img", "app.olos", "d/x.olos", "d/olos-layout/y")
    assert names_of(tmp_path) == ["d", "d/olos-layout", "d/olos-layout/y"]
    (tmp_path / ".dockerignore").write_text("!olos-layout\n!app.olos\n")
    kept = ["app.olos", "d", "d/olos-layout", "d/olos-layout/y", "olos-layout", "olos-layout/rootfs.img"]
    assert names_of(tmp_path) == kept


@pytest.mark.parametrize("pattern", ["[a-", "[z-a]", "!", "a[" + "\\" * 3])
def test_dockerignore_with_a_wrong_pattern(tmp_path: Path, pattern: str) -> None:
    (tmp_path / ".dockerignore").write_text(f"fine\n{pattern}\n")
    with pytest.raises(InputError, match="line 2"):
        tar_of(tmp_path)


def test_special_files_are_left_out_with_a_warning(tmp_path: Path) -> None:
    write(tmp_path, "file")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
    progress = Recorder()
    assert [item.path for item in context.items(request(tmp_path), progress)] == ["file"]
    assert [name for name, _ in progress.warnings] == ["context-special"]
    assert "pipe, socket" in progress.warnings[0][1]


@pytest.mark.parametrize(
    ("modes", "warned"),
    [
        ((0o644, 0o755, 0o755), ""),
        ((0o600, 0o700, 0o700), ""),
        ((0o664, 0o775, 0o775), ""),
        ((0o664, 0o755, 0o755), ""),
        ((0o640, 0o750, 0o750), ""),
        ((0o600, 0o755, 0o755), "file (0600)"),
        ((0o444, 0o755, 0o755), "file (0444)"),
        ((0o644, 0o4755, 0o755), "run.sh (4755)"),
        ((0o655, 0o755, 0o755), "file (0655)"),
        ((0o644, 0o755, 0o1777), "d (1777)"),
    ],
    ids=lambda value: "-".join(map(oct, value)) if isinstance(value, tuple) else None,
)
def test_modes_that_no_umask_explains_are_a_warning(
    tmp_path: Path, modes: tuple[int, int, int], warned: str
) -> None:
    write(tmp_path, "file", "run.sh", "d/")
    for name, mode in zip(("file", "run.sh", "d"), modes, strict=True):
        (tmp_path / name).chmod(mode)
    progress = Recorder()
    list(context.items(request(tmp_path), progress))
    assert [name for name, _ in progress.warnings] == (["context-modes"] if warned else [])
    assert warned in "".join(text for _, text in progress.warnings)


def test_context_around_its_own_copy(tmp_path: Path) -> None:
    write(tmp_path, "d/file")
    (tmp_path / "link").symlink_to("d")
    for place in ("d/copy", "link/copy", "copy"):
        with pytest.raises(InputError, match="temporary files"):
            context.unpack(request(tmp_path), tmp_path / place, SILENT)
    context.unpack(request(tmp_path / "d"), tmp_path / "copy", SILENT)
    assert (tmp_path / "copy/file").exists()


def test_unpacked_it_is_what_the_tar_holds(tmp_path: Path) -> None:
    folder = write(tmp_path / "context", "b/c", "run.sh", "d/e/f")
    (folder / "run.sh").chmod(0o700)
    (folder / "l").symlink_to("/nowhere")
    context.unpack(request(folder), tmp_path / "unpacked", SILENT)
    with tarfile.open(fileobj=io.BytesIO(tar_of(folder))) as archive:
        for member in archive:
            path = tmp_path / "unpacked" / member.name
            status = path.lstat()
            assert int(status.st_mtime) == member.mtime
            if not member.issym():
                assert status.st_mode & 0o7777 == member.mode
    assert len(list((tmp_path / "unpacked").rglob("*"))) == 7
    assert (tmp_path / "unpacked/l").readlink() == Path("/nowhere")
    assert (tmp_path / "unpacked/d/e/f").read_text() == "content of d/e/f\n"


@pytest.mark.parametrize("name", ["absent", "file"])
def test_context_that_is_no_directory(tmp_path: Path, name: str) -> None:
    write(tmp_path, "file")
    with pytest.raises(InputError, match=name):
        list(context.items(BuildRequest(tmp_path / "Dockerfile", tmp_path / name), SILENT))


def test_directories_without_end(tmp_path: Path) -> None:
    folder = tmp_path
    for _ in range(context.MAX_DEPTH + 2):
        folder /= "d"
    folder.mkdir(parents=True)
    with pytest.raises(InputError, match="deep"):
        tar_of(tmp_path)


def test_links_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path, "context/a", "secret/key")
    (tmp_path / "context" / "out").symlink_to("../secret")
    (tmp_path / "context" / "loop").symlink_to("loop")
    assert names_of(tmp_path / "context") == ["a", "loop", "out"]


def test_file_that_changes_meanwhile(tmp_path: Path) -> None:
    write(tmp_path, "file")
    (item,) = context.items(request(tmp_path), SILENT)
    (tmp_path / "file").write_text("shorter")
    with pytest.raises(InputError, match="changed"):
        item.open()
    (tmp_path / "file").unlink()
    os.mkfifo(tmp_path / "file")
    with pytest.raises(InputError, match="changed"):
        item.open()


def test_memory_does_not_grow_with_the_files(tmp_path: Path) -> None:
    with (tmp_path / "big").open("wb") as stream:
        stream.truncate(64 << 20)
    tracemalloc.start()
    try:
        with Path("/dev/null").open("wb") as out:
            context.tar(request(tmp_path), out, SILENT)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
