import subprocess
from pathlib import Path

from olos_build.cpio import Member, archive

MEMBERS = [
    Member("init", 0o755, b"\x7fELF" + bytes(1001)),
    Member("a/b/empty", 0o644, b""),
    Member("a/b/text", 0o600, b"text"),
]


def test_other_readers_agree(tmp_path: Path) -> None:
    (tmp_path / "x.cpio").write_bytes(archive(MEMBERS))
    for number, command in enumerate((["cpio", "-idm", "--quiet"], ["bsdtar", "-xpf", "-"])):
        folder = tmp_path / str(number)
        folder.mkdir()
        with (tmp_path / "x.cpio").open("rb") as stream:
            subprocess.run(command, cwd=folder, stdin=stream, check=True)
        for member in MEMBERS:
            path = folder / member.name
            assert path.read_bytes() == member.content
            assert path.stat().st_mode & 0o7777 == member.mode
            assert path.stat().st_mtime == 0


def test_archives_can_be_joined() -> None:
    data = archive(MEMBERS)
    assert len(data) % 512 == 0
    assert data.endswith(bytes(4))
    assert data.count(b"TRAILER!!!") == 1


def test_parents_are_written_once() -> None:
    assert archive(MEMBERS).count(b"a/b\0") == 1
