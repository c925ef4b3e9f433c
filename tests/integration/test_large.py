"""Many files and large ones: memory does not grow with the bytes (the many in `make test-long`)."""

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from support.images import config_of, file, oci_layout, tar
from support.olos import execute, olos

PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
"""


def peak_of(command: list[str | Path], folder: Path) -> int:
    """Run a command; returns the peak memory of its largest process in MiB."""
    result = execute([sys.executable, "-c", PEAK, *command], cwd=folder)
    return int(result.stdout.split()[-1])


def image(folder: Path, layer: bytes) -> Path:
    return oci_layout(folder / "image", [layer], config_of([layer], {"Entrypoint": ["/f"]}))


@pytest.mark.long
def test_100_000_files(tmp_path: Path) -> None:
    items = [file(f"d{i % 1000:03}/file-{i:06}", b"%d" % i * (i % 700)) for i in range(100_000)]
    image(tmp_path, tar(file("f", b"", mode=0o755), *items))
    command: list[str | Path] = [sys.executable, "-m", "olos_cli"]
    assert peak_of([*command, "build", "--image", "oci:image", "-o", "layout"], tmp_path) < 600
    assert peak_of([*command, "pack", "layout", "-o", "app.olos"], tmp_path) < 300
    value = olos("measure", "app.olos", cwd=tmp_path).stdout
    assert execute([tmp_path / "app.olos", "--olos-measure"]).stdout == value


def test_a_file_of_5_gib(tmp_path: Path) -> None:
    """Sparse on disk, so that the test is about sizes above 32 bits and not about the disk."""
    size = (5 << 30) + 1234
    content = tmp_path / "content"
    with content.open("wb") as stream:
        stream.truncate(size)
        stream.seek(size - 5)
        stream.write(b"end.\n")
    layer = tmp_path / "layer"
    subprocess.run(["tar", "-C", tmp_path, "--sparse", "--format=pax", "-cf", layer, "content"], check=True)
    with tarfile.open(layer, "a", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(_program())
    image(tmp_path, layer.read_bytes())
    command: list[str | Path] = [sys.executable, "-m", "olos_cli"]
    assert peak_of([*command, "build", "--image", "oci:image", "-o", "layout"], tmp_path) < 200
    assert peak_of([*command, "pack", "layout", "-o", "app.olos"], tmp_path) < 200
    value = olos("measure", "app.olos", cwd=tmp_path).stdout
    assert execute([tmp_path / "app.olos", "--olos-measure"]).stdout == value
    assert olos("ls", "-l", "app.olos", "content", cwd=tmp_path).stdout.count(f"{size}") == 1
    assert os.stat(tmp_path / "app.olos").st_blocks * 512 < 1 << 30


def _program() -> tarfile.TarInfo:
    info = tarfile.TarInfo("f")
    info.mode = 0o755
    return info
