"""What the claims work on, made when first asked for: noise, since zeros and holes would flatter us."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from measure import rootfs, verity
from olos.extent import Extent
from olos.manifest import Manifest, RootfsRecord
from olos.progress import SILENT
from olos.tree import FileType, Inode, Segment
from olos_build import erofs
from olos_build.canonical_tree import canonicalise
from support.engine import private_engine

GIB = 1 << 30
SMALL_FILES = 20_000
SMALL_SIZE = 8192
MANY_FILES = 100_000

_SCRIPT = Path(sys.executable).with_name("olos")
OLOS = (str(_SCRIPT),) if _SCRIPT.exists() else (sys.executable, "-m", "olos_cli")
_ROOT = Path(__file__).parent.parent
_MAKE_BASE = _ROOT / "examples" / "base" / "make-base.sh"
_KERNEL = ("--kernel", os.environ["OLOS_BENCH_KERNEL"]) if "OLOS_BENCH_KERNEL" in os.environ else ()
_COSTS = Path(__file__).parent / "costs.c"
_ATTESTATION = Path(__file__).parent / "attestation.c"
COSTS_PORT = 18472
_COSTS_PORTS = f'ports = ["{COSTS_PORT}/tcp"]\n'
_COSTS_DOCKERFILE = 'FROM scratch\nCOPY costs data /\nENTRYPOINT ["/costs"]\n'
_DOCKERFILE = 'FROM scratch\nCOPY busybox /bin/\nCOPY data /data\nENTRYPOINT ["/bin/busybox", "true"]\n'


def in_python(code: str, *arguments: str | Path) -> tuple[str, ...]:
    """The command that runs a few lines of Python."""
    return (sys.executable, "-c", code, *map(str, arguments))


@dataclass(frozen=True)
class Built:
    """A layout, its package and its root file system."""

    layout: Path
    package: Path

    @property
    def image(self) -> Path:
        """The image with the hash tree behind it."""
        return self.layout / "rootfs.img"

    @property
    def rootfs(self) -> dict[str, Any]:
        """What the manifest says of the image."""
        record: dict[str, Any] = json.loads((self.layout / "olos.json").read_text())["rootfs"]
        return record


@dataclass(frozen=True)
class Costs:
    """The program costs.c and a file of 256 MiB: as files, as a package."""

    context: Path
    built: Built


@dataclass(frozen=True)
class Inputs:
    """Files below a scratch folder; `services` run until it is left."""

    folder: Path
    services: ExitStack

    @cached_property
    def noise(self) -> Path:
        """A file of 1 GiB."""
        path = self.folder / "noise"
        with path.open("wb") as stream:
            for _ in range(GIB >> 20):
                stream.write(os.urandom(1 << 20))
        return path

    @cached_property
    def small_files(self) -> Path:
        """A directory of 20,000 files of 8 KiB."""
        top = self.folder / "small"
        for number in range(SMALL_FILES):
            path = top / f"{number // 200:03}" / f"{number % 200:03}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(os.urandom(SMALL_SIZE))
        return top

    @cached_property
    def small_list(self) -> Path:
        """The paths of all small files, a line each."""
        path = self.folder / "small-list"
        path.write_text("".join(f"{file}\n" for file in sorted(self.small_files.glob("*/*"))))
        return path

    @cached_property
    def large(self) -> Built:
        """An app with one file of 1 GiB."""
        return self._build("large", self.noise)

    @cached_property
    def small(self) -> Built:
        """An app with 20,000 small files."""
        return self._build("many", self.small_files)

    @cached_property
    def sparse(self) -> Built:
        """An app with a file of 8 GiB that is a hole, which no builder would keep as one."""
        built = self.tiny
        top = self.folder / "sparse"
        shutil.copytree(built.layout, top / "layout")
        layout = top / "layout"
        busybox = Path("/bin/busybox")
        size = busybox.stat().st_size
        names = {
            b"bin": Inode(FileType.DIRECTORY, 0o755),
            b"bin/busybox": Inode(
                FileType.REGULAR, 0o755, size=size, content=(Segment(0, Extent(busybox, 0, size)),)
            ),
            b"hole": Inode(FileType.REGULAR, 0o644, size=8 * GIB),
        }
        with (layout / "rootfs.img").open("w+b") as stream:
            image_size = erofs.write(canonicalise(names, 0, SILENT), stream, SILENT)
            verity.append_hash_tree(stream, image_size, SILENT)
        image = layout / "rootfs.img"
        roots = rootfs.measure(Extent(image, 0, image.stat().st_size), image_size, SILENT)
        record = RootfsRecord("rootfs.img", image_size, roots.verity_root, roots.tree_root, roots.entries)
        manifest = Manifest.decode((layout / "olos.json").read_bytes())
        (layout / "olos.json").write_bytes(replace(manifest, rootfs=record).encode())
        return _packed(Built(layout, top / "app.olos"))

    @cached_property
    def debian_image(self) -> Path:
        """An image with Debian's essential packages and Python, as an OCI layout with compressed layers."""
        made = subprocess.run(("sh", str(_MAKE_BASE)), check=True, stdout=subprocess.PIPE, text=True)
        path = self.folder / "debian-image"
        _run(
            "skopeo",
            "copy",
            "-q",
            "--src-tls-verify=false",
            f"docker://{made.stdout.strip()}",
            f"oci:{path}:x",
        )
        return path

    @cached_property
    def large_image(self) -> Path:
        """An image with two files of 1 GiB, in the same form."""
        context = self._context("large-image")
        for name in ("one", "two"):
            os.link(self.noise, context / "data" / name)
        return self._image(context)

    @cached_property
    def many_image(self) -> Path:
        """An image with 100,000 files of 0 to 4 KiB, in the same form."""
        context = self._context("many-image")
        for number in range(MANY_FILES):
            path = context / "data" / f"{number // 100:03}" / f"{number % 100:02}"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(os.urandom(number % 4096))
        return self._image(context)

    @cached_property
    def own_kernel(self) -> Path:
        """What `olos kernel build` makes: from OLOS_BENCH_KERNEL, or made once, below build/."""
        path = Path(os.environ.get("OLOS_BENCH_KERNEL") or _ROOT / "build" / "kernel")
        if not path.exists():
            _run(*OLOS, "kernel", "build", "-o", str(path))
        return path

    @cached_property
    def on_own_kernel(self) -> Built:
        """The probe and a file of 256 MiB, with our kernel."""
        return self._probe("own", "--kernel", str(self.own_kernel))

    @cached_property
    def on_debian_kernel(self) -> Built:
        """The same with Debian's kernel."""
        return self._probe("debian")

    def _probe(self, name: str, *options: str) -> Built:
        top = self.folder / f"probe-{name}"
        top.mkdir()
        source = Path(__file__).with_name("probe.c")
        _run("musl-gcc", "-static", "-O2", "-s", "-o", str(top / "probe"), str(source))
        with (top / "data").open("wb") as stream:
            for _ in range(256):
                stream.write(os.urandom(1 << 20))
        (top / "Dockerfile").write_text('FROM scratch\nCOPY probe data /\nENTRYPOINT ["/probe"]\n')
        (top / "olos.toml").write_text('[policy]\nhost_args = "append"\nmemory = "640M"\n')
        built = Built(top / "layout", top / "app.olos")
        _run(*OLOS, "build", str(top / "Dockerfile"), "-o", str(built.layout), *options)
        return _packed(built)

    def _context(self, name: str) -> Path:
        context = self.folder / name
        (context / "data").mkdir(parents=True)
        shutil.copy("/bin/busybox", context / "busybox")
        (context / "Dockerfile").write_text(_DOCKERFILE)
        return context

    def _image(self, context: Path) -> Path:
        """What buildah makes of a context, which is removed."""
        path, made = context.with_suffix(".oci"), context.with_suffix(".id")
        _run("buildah", "build", "--quiet", "--layers=false", "--iidfile", str(made), str(context))
        _run("buildah", "push", "--quiet", made.read_text(), f"oci:{path}:x")
        _run("buildah", "rmi", made.read_text())
        shutil.rmtree(context)
        return path

    @cached_property
    def tiny(self) -> Built:
        """An app with hardly anything."""
        path = self.folder / "data"
        path.write_bytes(b"data")
        return self._build("tiny", path)

    @cached_property
    def costs(self) -> Costs:
        """An app that does what it is told."""
        top = self.folder / "costs"
        context = top / "context"
        context.mkdir(parents=True)
        _run("musl-gcc", "-static", "-O2", "-s", str(_COSTS), "-o", str(context / "costs"))
        with (context / "data").open("wb") as stream:
            for _ in range(256):
                stream.write(os.urandom(1 << 20))
        (context / "Dockerfile").write_text(_COSTS_DOCKERFILE)
        (context / "olos.toml").write_text('[policy]\nhost_args = "append"\nmemory = "1G"\n' + _COSTS_PORTS)
        built = Built(top / "layout", top / "hello.olos")
        _run(*OLOS, "build", *_KERNEL, str(context / "Dockerfile"), "-o", str(built.layout))
        return Costs(context, _packed(built))

    @cached_property
    def attesting(self) -> Built:
        """An app that asks its TEE for what it is told."""
        top = self.folder / "attesting"
        sdk, program = top / "sdk", top / "attestation"
        top.mkdir()
        _run(*OLOS, "sdk", str(sdk))
        linked = ("-I", str(sdk / "include"), str(_ATTESTATION), str(sdk / "lib/libolos.a"))
        _run("musl-gcc", "-static", "-O2", "-s", *linked, "-o", str(program))
        (top / "Dockerfile").write_text('FROM scratch\nCOPY attestation /\nENTRYPOINT ["/attestation"]\n')
        (top / "olos.toml").write_text('[policy]\nhost_args = "append"\nmemory = "512M"\n')
        built = Built(top / "layout", top / "app.olos")
        _run(*OLOS, "build", *_KERNEL, str(top / "Dockerfile"), "-o", str(built.layout))
        return _packed(built)

    @cached_property
    def container(self) -> tuple[str, ...]:
        """The command that runs the same image in a container, without a network as the package is."""
        docker = ("docker", "-H", self.services.enter_context(private_engine()))
        _run(*docker, "build", "-q", "-t", "costs", str(self.costs.context))
        return (*docker, "run", "--rm", "--network", "none", "costs")

    def _build(self, name: str, data: Path) -> Built:
        top = self.folder / name
        context = top / "context"
        context.mkdir(parents=True)
        shutil.copy("/bin/busybox", context / "busybox")
        _run("cp", "-a", "--reflink=auto", str(data), str(context / "data"))
        (context / "Dockerfile").write_text(_DOCKERFILE)
        built = Built(top / "layout", top / "app.olos")
        _run(*OLOS, "build", *_KERNEL, str(context / "Dockerfile"), "-o", str(built.layout))
        shutil.rmtree(context)
        return _packed(built)


def _packed(built: Built) -> Built:
    _run(*OLOS, "pack", str(built.layout), "-o", str(built.package))
    return built


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
