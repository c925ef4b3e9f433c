"""Run all benchmarks; prints a table on stdout and writes `bench/results.json`."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.timing import Command, compare

SIZE = 1 << 30
OLOS = (sys.executable, "-m", "olos_cli")
APPEND = """
import sys
from measure.verity import append_hash_tree
from olos.progress import SILENT
with open(sys.argv[1], "r+b") as stream:
    append_hash_tree(stream, int(sys.argv[2]), SILENT)
"""


@dataclass(frozen=True)
class Claim:
    """What is compared: our command and the peer's, which do the same work."""

    name: str
    ours: Command
    theirs: Command


def claims(folder: Path) -> Iterator[Claim]:
    """All claims, their inputs made in `folder`."""
    image = folder / "image"
    with image.open("wb") as stream:
        for _ in range(SIZE >> 20):
            stream.write(os.urandom(1 << 20))
    verity = ("veritysetup", "--salt=-", "--uuid=00000000-0000-0000-0000-000000000000")
    yield Claim(
        "verity tree of 1 GiB, against veritysetup format",
        (sys.executable, "-c", APPEND, str(image), str(SIZE)),
        (*verity, "format", str(image), str(folder / "tree")),
    )
    yield from package_claims(folder)


def package_claims(folder: Path) -> Iterator[Claim]:
    """Measuring and starting a package with a file of 1 GiB."""
    context = folder / "context"
    context.mkdir()
    (folder / "image").rename(context / "data")
    os.truncate(context / "data", SIZE)
    shutil.copy("/bin/busybox", context / "busybox")
    (context / "Dockerfile").write_text(
        'FROM scratch\nCOPY busybox /bin/\nCOPY data /\nENTRYPOINT ["/bin/busybox", "true"]\n'
    )
    package = folder / "app.olos"
    layout = folder / "layout"
    subprocess.run([*OLOS, "build", str(context / "Dockerfile"), "-o", str(layout)], check=True)
    subprocess.run([*OLOS, "pack", str(layout), "-o", str(package)], check=True)
    rootfs = json.loads((layout / "olos.json").read_text())["rootfs"]
    image = str(layout / "rootfs.img")
    check = ("veritysetup", "verify", image, image, rootfs["verity_root"])
    yield Claim(
        "olos measure PACKAGE with 1 GiB, against veritysetup verify",
        (*OLOS, "measure", str(package)),
        (*check, f"--hash-offset={rootfs['image_size']}"),
    )
    yield Claim(
        "./app.olos --olos-measure, against veritysetup verify",
        (str(package), "--olos-measure"),
        (*check, f"--hash-offset={rootfs['image_size']}"),
    )
    yield Claim(
        "start of a package with 1 GiB, against olos measure of it",
        (str(package),),
        (*OLOS, "measure", str(package)),
    )


def main() -> None:
    """Measure, print, write."""
    results = []
    with tempfile.TemporaryDirectory(prefix="olos-bench-") as name:
        for claim in claims(Path(name)):
            ours, theirs = compare(claim.ours, claim.theirs)
            ratio = theirs.seconds / ours.seconds
            times = f"{ours.seconds:7.3f} s {theirs.seconds:7.3f} s {ratio:5.1f}x"
            print(f"{claim.name:62} {times} {ours.peak:5.0f} MiB")
            results.append(
                {"claim": claim.name, "ratio": ratio, "ours": asdict(ours), "theirs": asdict(theirs)}
            )
    machine = {"cpus": os.cpu_count(), "machine": platform.machine(), "kernel": platform.release()}
    path = Path(__file__).parent / "results.json"
    path.write_text(json.dumps({"machine": machine, "results": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
