"""All processes of the network end with the run, and the run with each of them."""

import os
import signal
import socket
import time
from pathlib import Path

import pytest

from support.network import SERVES, WEB, free_port
from support.runtime import Spec, children, make_layout, running, shell


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = Spec(app=shell(WEB), policy=SERVES)
    return make_layout(tmp_path_factory.mktemp("ends") / "layout", spec)


def processes_with(word: str) -> list[int]:
    """The processes that have a word in their command line."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and word.encode() in (process / "cmdline").read_bytes():
                found.append(int(process.name))
        except (FileNotFoundError, ProcessLookupError):
            pass  # it has ended meanwhile
    return found


def await_none(word: str) -> list[int]:
    """What is left of the processes with that word after a while."""
    for _ in range(100):
        if not (left := processes_with(word)):
            break
        time.sleep(0.05)
    return left


@pytest.mark.parametrize("victim", ["target", "guard", "kernel", "relay", "passt"])
def test_nothing_is_left(layout: Path, victim: str) -> None:
    port = free_port()
    with running(layout, ["--olos-publish", f"{port}:80"]) as process:
        (guard,) = children(process.pid)
        kernel, relay, passt = children(guard)[:3]
        names = [Path(f"/proc/{pid}/comm").read_text().strip() for pid in (relay, passt)]
        assert (names[0], names[1][:5]) == ("olos-network", "passt")
        pids = {"target": process.pid, "guard": guard, "kernel": kernel, "relay": relay, "passt": passt}
        os.kill(pids[victim], signal.SIGKILL)
        assert process.wait(timeout=20) != 0
        assert await_none(f"127.0.0.1/{port}:80") == []
        assert await_none(f"{port}:80") == []
        assert [name for name, pid in pids.items() if name != "target" and not ends(pid)] == []
    assert free(port)


def ends(pid: int) -> bool:
    """Whether a process is gone after a while."""
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists():
            return True
        time.sleep(0.05)
    return False


def free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        return True
