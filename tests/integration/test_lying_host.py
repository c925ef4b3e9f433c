"""A host that does not ask its target: init, which is measured, applies the policy itself and refuses."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from olos.canonical import encode
from olos.manifest import Mount, Policy
from olos_build.cpio import Member, archive
from support.runtime import APP, POLICY, Spec, make_layout, shell, with_app

FRAME = 16
TIMEOUT = 60
QUIET = "initcall_blacklist=raid6_select_algo,calibrate_xor_blocks,register_xor_blocks"


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_layout(tmp_path_factory.mktemp("lying") / "layout", Spec())


@contextmanager
def started(
    layout: Path, folder: Path, *more: str, fds: Sequence[int] = (), **lies: Any
) -> Iterator[socket.socket]:
    """A kernel started by hand with what the host supplies. Yields init's line."""
    run = {
        "args": [],
        "columns": 0,
        "env": [],
        "measurement": "0" * 64,
        "rootfs_offset": 0,
        "rows": 0,
        "rootfs_size": (layout / "rootfs.img").stat().st_size,
        "tty": False,
        "tty_stderr": False,
        **lies,
    }
    members = [
        Member("olos/olos.json", 0o644, (layout / "olos.json").read_bytes()),
        Member("olos/run.json", 0o644, encode(run)),
    ]
    initrd = folder / "initrd"
    parts = [(layout / name).read_bytes() for name in ("kernel/modules.cpio", "crt/initramfs.cpio")]
    initrd.write_bytes(b"".join([*parts, archive(members)]))
    (folder / "slots").write_bytes(bytes(1 << 18))
    ours, kernels = socket.socketpair()
    ours.settimeout(TIMEOUT)
    with ours, kernels, (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                *("linux.uml", "mem=128M", f"initrd={initrd}", "rdinit=/init", "con=none", "con0=null,fd:1"),
                *(f"ubd0r={layout / 'rootfs.img'}", f"ubd1r={folder / 'slots'}", "ssl=none", QUIET),
                *(f"ssl0=fd:{kernels.fileno()}", "ssl1=null", "ssl2=null", "ssl4=null", "pty.legacy_count=0"),
                *(f"uml_dir={folder}", *more),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[kernels.fileno(), *fds],
            start_new_session=True,
            env={"HOME": str(folder), "PATH": os.environ["PATH"], "TMPDIR": str(folder)},
        )
        try:
            yield ours
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def answer(layout: Path, folder: Path, **lies: Any) -> tuple[int, str]:
    """Exit code and message of init's refusal, or 0."""
    with started(layout, folder, **lies) as line:
        return _verdict(line)


def _verdict(line: socket.socket) -> tuple[int, str]:
    """Until init is ready to start the app, or fails."""
    while True:
        frame = line.recv(FRAME, socket.MSG_WAITALL)
        if frame[:1] == b"R":
            return 0, ""
        if frame[:1] == b"F":
            return frame[1], line.recv(int.from_bytes(frame[4:8], "little"), socket.MSG_WAITALL).decode()
        assert frame[:1] in b"HDL", frame


def test_what_the_policy_lets_in(layout: Path, tmp_path: Path) -> None:
    policy = replace(POLICY, host_env=("TZ",), host_env_patterns=(("TZ", "[A-Z]+"),))
    changed = with_app(layout, tmp_path / "l", APP, policy)
    assert answer(changed, tmp_path, args=["-c", "true"], env=["TZ=UTC"]) == (0, "")


DENY = replace(POLICY, host_args="deny")
TZ = replace(DENY, host_env=("TZ",), host_env_patterns=(("TZ", "[A-Z]+"),))
DEBUG = {"trace": "", "trace_failed": False}


@pytest.mark.parametrize(
    ("policy", "lies", "message"),
    [
        (DENY, {"args": ["other"]}, "argument other: the measured policy takes no arguments"),
        (DENY, {"env": ["TZ=UTC"]}, "environment variable TZ: not let in by policy.host_env"),
        (TZ, {"env": ["TZ=UTC", "LD_PRELOAD=/x"]}, "environment variable LD_PRELOAD: not let in"),
        (TZ, {"env": ["TZ=UTC", "TZ=X"]}, "environment variable TZ: not let in"),
        (TZ, {"env": ["TZ=secret"]}, "environment variable TZ: its value does not match the measured policy"),
        (DENY, DEBUG, "--olos-trace: the measured policy is that of a production build"),
    ],
    ids=["args", "env", "another-name", "twice", "value", "trace"],
)
def test_what_it_does_not(
    layout: Path, tmp_path: Path, policy: Policy, lies: dict[str, Any], message: str
) -> None:
    code, text = answer(with_app(layout, tmp_path / "l", APP, policy), tmp_path, **lies)
    assert code == 2
    assert text.startswith(message) and "secret" not in text


MANY_HOST_MOUNTS = tuple(Mount(f"/{n:02}", "host", False, 0) for n in range(17))


@pytest.mark.parametrize(
    ("mounts", "message"),
    [
        (
            (Mount("/data", "sealed", False, 0),),
            "policy.mounts: /data: the linux target has no mounts of type sealed",
        ),
        (MANY_HOST_MOUNTS, "policy.mounts: more than 16 host mounts"),
        ((Mount("/proc/sys", "tmpfs", False, 0),), "policy.mounts: /proc/sys: cannot be covered by a mount"),
    ],
    ids=["sealed", "many", "over-proc"],
)
def test_what_cannot_be_done_is_refused(
    layout: Path, tmp_path: Path, mounts: tuple[Mount, ...], message: str
) -> None:
    """Not taken for something else: data that shall be sealed does not go to plain memory."""
    code, text = answer(with_app(layout, tmp_path / "l", APP, replace(DENY, mounts=mounts)), tmp_path)
    assert code == 2
    assert text.startswith(message)


@pytest.mark.parametrize("key", ["memory", "user", "log_level"])
def test_nothing_else_is_the_host_s_to_say(layout: Path, tmp_path: Path, key: str) -> None:
    code, text = answer(layout, tmp_path, **{key: 1})
    assert code != 0
    assert text.startswith("run.json: byte ")


@pytest.mark.parametrize(
    ("policy", "state"),
    [(POLICY, "down"), (replace(POLICY, ports=("80/tcp",)), "10.0.2.15")],
    ids=["none", "published"],
)
def test_a_network_that_nobody_asked_for_stays_down(
    layout: Path, tmp_path: Path, policy: Policy, state: str
) -> None:
    """Whatever the host has attached."""
    script = "ip -4 -o addr show vec0 | grep -o 10.0.2.15 || echo down"
    changed = with_app(layout, tmp_path / "l", shell(script), policy)
    frames, kernels = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    reader, writer = os.pipe()
    device = f"vec0:transport=fd,fd={kernels.fileno()},depth=64,gro=1,mtu=65500"
    fds = [kernels.fileno(), writer]
    stdout = f"ssl1=null,fd:{writer}"
    with (
        frames,
        kernels,
        os.fdopen(reader, "rb") as output,
        started(changed, tmp_path, device, stdout, fds=fds) as line,
    ):
        os.close(writer)
        assert _verdict(line) == (0, "")
        line.sendall(b"g".ljust(FRAME, b"\0"))
        assert output.readline().decode() == f"{state}\n"
