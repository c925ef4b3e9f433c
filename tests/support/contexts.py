"""Build contexts with a bit of everything."""

import os
import shutil
import tarfile
from pathlib import Path

BUSYBOX = """\
FROM scratch AS base
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
"""
"""A stage that others begin with."""


def write_context(folder: Path, dockerfile: str) -> Path:
    """The directory, with a Dockerfile of this text."""
    (folder / "src/sub").mkdir(parents=True)
    (folder / "src/empty").mkdir()
    for name in ("a", "sub/b", "x.sh"):
        (folder / "src" / name).write_text(f"{name}\n")
    (folder / "src/x.sh").chmod(0o755)
    (folder / "src/link").symlink_to("a")
    (folder / "src/out").symlink_to("/etc/passwd")
    os.link(folder / "src/a", folder / "src/hard")
    with tarfile.open(folder / "add.tar", "w") as archive:
        member = tarfile.TarInfo("deep/in")
        member.uid, member.gid, member.mtime, member.mode = 5, 6, 1111111, 0o640
        archive.addfile(member)
    shutil.copy("/bin/busybox", folder / "busybox")
    (folder / "Dockerfile").write_text(dockerfile)
    return folder
