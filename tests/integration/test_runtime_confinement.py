"""Code that has taken over the kernel's own process reaches nothing of the host's."""

import errno
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.runtime import Spec, children, command, compile_static, make_layout

INJECT = Path(__file__).parent.parent / "support/inject.c"
READ_ANY_FILE = 1 << 2  # CAP_DAC_READ_SEARCH, which helps only while it boots


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The process id of a kernel whose app runs."""
    layout = make_layout(tmp_path_factory.mktemp("confined") / "layout", Spec())
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    with subprocess.Popen(
        command(layout, "-c", "echo ready; sleep 100"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        pass_fds=[writer],
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        time.sleep(0.2)  # until nothing happens inside
        (guard,) = children(process.pid)
        yield children(guard)[0]
        process.kill()
    os.close(reader)
    os.close(writer)


def status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def test_no_rights(kernel: int) -> None:
    fields = status(kernel)
    assert (fields["NoNewPrivs"], fields["Seccomp"]) == ("1", "2")
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(fields[kind], 16) & ~READ_ANY_FILE == 0, kind
    assert len(fields["NSpid"].split()) == 2


def test_own_descriptors_only(kernel: int) -> None:
    links = [os.readlink(link) for link in Path(f"/proc/{kernel}/fd").iterdir()]
    foreign = [
        link
        for link in links
        if not link.startswith(("/memfd:", "/dev/null", "pipe:", "socket:", "anon_inode:", "/dev/shm/"))
        and not link.endswith(("/rootfs.img", "/dev/random"))
    ]
    assert foreign == []


def test_host_is_out_of_reach(kernel: int, tmp_path: Path) -> None:
    compile_static(INJECT.read_text(), tmp_path / "inject")
    output = subprocess.run(
        [tmp_path / "inject", str(kernel)], capture_output=True, text=True, check=True, timeout=30
    ).stdout
    results = {name: int(value) for name, value in (line.split() for line in output.splitlines())}
    assert results.pop("getpid") > 0
    assert len(results) > 20
    assert {name for name, value in results.items() if value != -errno.EPERM} == set()
