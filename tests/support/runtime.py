"""Layouts that really run, made by the tools of others: mkfs.erofs, veritysetup, musl-gcc, busybox."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from olos.binaries import TARGET, binary
from olos.digest import Digest
from olos.manifest import App, Manifest, Policy, RootfsRecord, User
from olos_build import crt, kernel
from olos_build.component import Component

BUSYBOX = Path("/bin/busybox")
PATH = "PATH=/bin"
TIMEOUT = 60
KERNEL_VARIABLE = "OLOS_TEST_KERNEL"
BLOCK = 4096
HEADERS = Path(__file__).parent.parent.parent / "runtime/include"

APP = App(args=("/bin/sh",), env=(PATH,), cwd="/", user=User(0, 0), hostname="box", stop_signal=15)
POLICY = Policy(host_args="replace", memory=128 << 20)

Fill = Callable[[Path], None]


@dataclass(frozen=True)
class Spec:
    """What a layout is made of; `programs` are C sources by the path of the program."""

    app: App = APP
    policy: Policy = POLICY
    programs: Mapping[str, str] = field(default_factory=dict)
    fill: Fill | None = None


def shell(script: str, *args: str) -> App:
    """An app that runs a script of busybox's shell."""
    return replace(APP, args=("/bin/sh", "-c", script, "sh", *args))


def make_layout(folder: Path, spec: Spec) -> Path:
    """Build a layout in `folder`. Returns it."""
    tree = folder.with_name(folder.name + ".tree")
    _make_tree(tree, spec)
    (folder / "target").mkdir(parents=True)
    rootfs = _make_rootfs(tree, folder / "rootfs.img")
    shutil.rmtree(tree)
    components = [*_kernel(spec.policy), *crt.collect()]
    for component in components:
        component.write(folder)
    shutil.copy(binary(TARGET), folder / "target/linux")
    records = [component.record() for component in components]
    manifest = Manifest(
        kernel=tuple(sorted(r for r in records if r.path.startswith("kernel/"))),
        crt=tuple(sorted(r for r in records if r.path.startswith("crt/"))),
        rootfs=rootfs,
        app=spec.app,
        policy=spec.policy,
    )
    (folder / "olos.json").write_bytes(manifest.encode())
    return folder


def _kernel(policy: Policy) -> Sequence[Component]:
    """Debian's, or the one to be tested."""
    given = os.environ.get(KERNEL_VARIABLE)
    return kernel.collect(Path(given) if given else None, host_mounts=bool(policy.host_mounts))


def change_manifest(layout: Path, change: Callable[[Manifest], Manifest]) -> Path:
    """Write another manifest into a layout. Returns the layout."""
    path = layout / "olos.json"
    path.write_bytes(change(Manifest.decode(path.read_bytes())).encode())
    return layout


def with_app(layout: Path, target: Path, app: App, policy: Policy = POLICY) -> Path:
    """A copy of a layout with another app and policy; the large files are hard links. Returns `target`."""
    shutil.copytree(layout, target, copy_function=_link, dirs_exist_ok=True)
    manifest = (target / "olos.json").read_bytes()
    (target / "olos.json").unlink()
    (target / "olos.json").write_bytes(manifest)
    return change_manifest(target, lambda m: replace(m, app=app, policy=policy))


def command(layout: Path, *args: str) -> list[str]:
    """The command line that starts the target program on a layout."""
    return [str(layout / "target/linux"), f"--olos-layout={layout}", *args]


def run(
    layout: Path, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run a layout to its end."""
    return subprocess.run(
        command(layout, *args), input=stdin, env=env, capture_output=True, timeout=TIMEOUT, check=False
    )


def sh(layout: Path, script: str, *, code: int = 0, stdin: bytes = b"") -> str:
    """Run a script in a layout. Returns its output; it must end with `code` and make no complaint."""
    result = run(layout, "-c", script, stdin=stdin)
    assert result.returncode == code, result
    assert result.stderr == b""
    return result.stdout.decode()


@contextmanager
def running(
    layout: Path, options: Sequence[str], *, before: Sequence[str] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """An app that has printed its first line, `ready`; ended when the block is left."""
    with subprocess.Popen(
        [*before, *command(layout, *options)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == b"ready\n", process.communicate(timeout=20)
            yield process
        finally:
            process.kill()


def children(pid: int) -> list[int]:
    """The processes that a process has started, oldest first."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def processes_of(layout: Path) -> set[int]:
    """Process ids whose open files or program lie in a layout, besides our own."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid() and _uses(entry, str(layout)):
            found.add(int(entry.name))
    return found


def _uses(process: Path, prefix: str) -> bool:
    try:
        links = [process / "exe", *(process / "fd").iterdir()]
        return any(os.readlink(link).startswith(prefix) for link in links)
    except OSError:
        return False


def compile_static(source: str, target: Path) -> None:
    """Compile one C source into a static program."""
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["musl-gcc", "-static", "-O1", "-s", f"-I{HEADERS}", "-x", "c", "-o", target, "-"],
        input=source.encode(),
        check=True,
    )


def _make_tree(tree: Path, spec: Spec) -> None:
    for name in ("bin", "dev", "etc", "proc", "run", "sys", "tmp"):
        (tree / name).mkdir(parents=True)
    (tree / "tmp").chmod(0o1777)
    tree.chmod(0o755)
    shutil.copy(BUSYBOX, tree / "bin/busybox")
    for applet in _applets():
        (tree / "bin" / applet).symlink_to("busybox")
    for path, source in spec.programs.items():
        compile_static(source, tree / path.lstrip("/"))
    if spec.fill:
        spec.fill(tree)


@cache
def _applets() -> Sequence[str]:
    listing = subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True)
    return [name for name in listing.stdout.split() if name != "busybox"]


def _make_rootfs(tree: Path, image: Path) -> RootfsRecord:
    subprocess.run(["mkfs.erofs", "-T0", "--all-root", image, tree], check=True, capture_output=True)
    size = -(-image.stat().st_size // BLOCK) * BLOCK
    os.truncate(image, size)
    listing = subprocess.run(
        [
            *("veritysetup", "format", "--salt=-", "--uuid=00000000-0000-0000-0000-000000000000"),
            *(f"--hash-offset={size}", f"--data-blocks={size // BLOCK}", image, image),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    match = re.search(r"Root hash:\s+([0-9a-f]{64})", listing)
    assert match, listing
    # The tree root takes no part in a start.
    return RootfsRecord("rootfs.img", size, Digest("sha256", bytes.fromhex(match[1])), Digest.sha256(b""), 1)


def _link(source: str, target: str) -> str:
    os.link(source, target)
    return target
