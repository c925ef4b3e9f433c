"""Signals, terminals, and that nothing is left when a run ends, in whatever way."""

import os
import pty
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fcntl import ioctl
from pathlib import Path

import pytest

import support.terminal
from support.runtime import (
    POLICY,
    Spec,
    children,
    command,
    make_layout,
    processes_of,
    running,
    shell,
    with_app,
)
from support.terminal import Session

TRAPS = """
for s in HUP INT QUIT USR1 USR2 TERM WINCH; do trap "echo $s" $s; done
echo ready
while :; do sleep 1 & wait; done
"""
WAIT = 20.0


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_layout(tmp_path_factory.mktemp("signals") / "layout", Spec())


def await_none(layout: Path) -> None:
    end = time.monotonic() + WAIT
    while left := processes_of(layout):
        assert time.monotonic() < end, left
        time.sleep(0.02)


@pytest.mark.parametrize("name", ["HUP", "INT", "QUIT", "USR1", "USR2", "TERM"])
def test_signals_reach_the_app(layout: Path, name: str) -> None:
    with running(layout, ["-c", TRAPS]) as process:
        assert process.stdout
        for _ in range(2):
            process.send_signal(signal.Signals[f"SIG{name}"])
            assert process.stdout.readline() == name.encode() + b"\n"


@pytest.mark.parametrize("name", ["HUP", "INT", "TERM", "USR1"])
def test_app_dies_by_a_signal_that_it_does_not_catch(layout: Path, name: str) -> None:
    number = signal.Signals[f"SIG{name}"]
    with running(layout, ["-c", "echo ready; exec sleep 100"]) as process:
        process.send_signal(number)
        assert process.wait(WAIT) == -number
    await_none(layout)


def test_stop_signal(layout: Path, tmp_path: Path) -> None:
    app = replace(shell(TRAPS), stop_signal=int(signal.SIGUSR2))
    with running(with_app(layout, tmp_path / "l", app), []) as process:
        assert process.stdout
        process.terminate()
        assert process.stdout.readline() == b"USR2\n"


def test_many_signals(layout: Path) -> None:
    with running(
        layout, ["-c", 'trap "echo TERM" TERM; trap "" USR1 USR2; echo ready; sleep 1; cat']
    ) as process:
        for _ in range(2000):
            process.send_signal(signal.SIGUSR1)
            process.send_signal(signal.SIGUSR2)
        process.terminate()
        assert process.stdout
        assert process.stdout.read() == b"TERM\n"
        assert process.wait(WAIT) == 0


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.06, 0.12], ids=str)
def test_a_start_can_be_interrupted(layout: Path, delay: float) -> None:
    with subprocess.Popen(
        command(layout, "-c", "exec sleep 100"), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        assert process.wait(WAIT) == -signal.SIGINT
        assert process.stderr and process.stderr.read() == b""
    await_none(layout)


@pytest.mark.parametrize("delay", [0.01, 0.05, 0.1, 0.3], ids=str)
def test_nothing_survives_the_death_of_the_target(layout: Path, delay: float) -> None:
    with subprocess.Popen(
        command(layout, "-c", "sleep 100 & sleep 100"), stdin=subprocess.DEVNULL
    ) as process:
        time.sleep(delay)
        process.kill()
        process.wait(WAIT)
    await_none(layout)


@pytest.mark.parametrize("depth", [1, 2], ids=["guard", "kernel"])
def test_death_of_another_process_is_an_error(layout: Path, depth: int) -> None:
    with subprocess.Popen(
        command(layout, "-c", "echo ready; exec sleep 100"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout and process.stderr
        process.stdout.readline()
        pid = process.pid
        for _ in range(depth):
            (pid,) = children(pid)
        os.kill(pid, signal.SIGKILL)
        assert process.wait(WAIT) == 125
        assert process.stderr.read().endswith(b"olos: the kernel has ended before the app\n")
    await_none(layout)


def test_output_is_complete_when_the_app_dies(layout: Path) -> None:
    with subprocess.Popen(
        command(layout, "-c", "seq 30000; kill -9 $$"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        time.sleep(0.5)  # a slow reader: most of it waits in pipes
        assert process.stdout.read().endswith(b"\n29999\n30000\n")
        assert process.wait(WAIT) == -9


# ---- terminals ----


@contextmanager
def on_terminal(layout: Path, script: str) -> Iterator[Session]:
    """Run a script with a terminal of its own."""
    with support.terminal.on_terminal(command(layout, "-c", script)) as session:
        yield session


def test_app_has_a_terminal(layout: Path) -> None:
    script = "test -t 0 && test -t 1 && test -t 2 && tty; stty size; echo $TERM; : < /dev/tty && echo end"
    with on_terminal(layout, script) as session:
        text = session.read_until(b"end")
        assert text.split() == [b"/dev/pts/0", b"30", b"100", b"xterm", b"end"]
        assert session.wait() == 0


def test_keys_of_the_terminal(layout: Path) -> None:
    with on_terminal(layout, 'echo ready; read a; echo "got $a"; cat; echo end; sleep 100') as session:
        session.read_until(b"ready")
        os.write(session.master, b"typed\r")
        assert b"got typed\r\n" in session.read_until(b"got typed\r\n")
        os.write(session.master, b"\x04")  # Ctrl-D
        session.read_until(b"end")
        os.write(session.master, b"\x03")  # Ctrl-C
        assert session.wait() == -signal.SIGINT


def test_window_size_changes(layout: Path) -> None:
    with on_terminal(layout, 'trap "stty size" WINCH; echo ready; while :; do sleep 0.05; done') as session:
        session.read_until(b"ready")
        ioctl(session.master, termios.TIOCSWINSZ, struct.pack("4H", 41, 132, 0, 0))
        session.read_until(b"41 132")
        os.write(session.master, b"\x03")
        assert session.wait() == -signal.SIGINT


@pytest.mark.parametrize("way", ["exit", "TERM", "KILL"])
def test_terminal_is_restored(layout: Path, way: str) -> None:
    with on_terminal(layout, "echo ready; read a") as session:
        before = termios.tcgetattr(session.master)
        session.read_until(b"ready")
        time.sleep(0.05)
        assert termios.tcgetattr(session.master) != before
        if way == "exit":
            os.write(session.master, b"\r")
        else:
            os.kill(session.pid, signal.Signals[f"SIG{way}"])
        session.wait()
        end = time.monotonic() + WAIT
        while termios.tcgetattr(session.master) != before:
            assert time.monotonic() < end
            time.sleep(0.02)


def test_standard_error_elsewhere_than_the_terminal(layout: Path, tmp_path: Path) -> None:
    args = command(layout, "-c", "echo out; echo err >&2; test -t 2 || echo none")
    pid, master = pty.fork()
    if pid == 0:
        os.dup2(os.open(tmp_path / "err", os.O_WRONLY | os.O_CREAT), 2)
        os.execv(args[0], args)
    text = Session(master, pid).read_until(b"none\r\n")
    os.waitpid(pid, 0)
    os.close(master)
    assert (text, (tmp_path / "err").read_bytes()) == (b"out\r\nnone\r\n", b"err\n")


def test_no_terminal_when_only_output_is_one(layout: Path) -> None:
    args = command(layout, "-c", "test -t 1 || echo none; cat")
    pid, master = pty.fork()
    if pid == 0:
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        os.execv(args[0], args)
    assert Session(master, pid).read_until(b"none\r\n") == b"none\r\n"
    os.waitpid(pid, 0)
    os.close(master)


def test_debug_shows_the_log_of_the_kernel(layout: Path, tmp_path: Path) -> None:
    debug = with_app(layout, tmp_path / "l", shell("echo out"), replace(POLICY, debug=True))
    result = subprocess.run(command(debug), stdin=subprocess.DEVNULL, capture_output=True, check=True)
    assert result.stdout == b"out\n"
    assert b"Linux version 6" in result.stderr
