"""Whoever ends a run, and whenever: its caller learns of it, and nothing stays on the host."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from olos.binaries import LAUNCHER, binary
from olos.layout import open_directory
from support.packages import pack
from support.processes import descendants, nothing_left
from support.runtime import Spec, command, make_layout

ASKED = Path(__file__).parent.parent / "support/asked.c"
WAIT = 30.0
BUSY = "echo ready; while :; do cat /bin/busybox > /tmp/copy; done"
FAILED = 125

# In a mount namespace of its own, where nobody else mounts or makes files: start a program so many times, so
# many at once; then say what was not there before.
REPEAT = """
set -e
mount -t tmpfs none /dev/shm
mount -t tmpfs none "$TMPDIR"
cut -d" " -f1 /proc/self/mountinfo > /dev/shm/before
total=$1 together=$2
shift 2
while [ "$total" -gt 0 ]; do
    i=0; pids=
    while [ "$i" -lt "$together" ]; do "$@" & pids="$pids $!"; i=$((i + 1)); done
    for pid in $pids; do wait "$pid"; done
    total=$((total - together))
done
cut -d" " -f1 /proc/self/mountinfo | grep -vxFf /dev/shm/before || true
rm /dev/shm/before
ls -A /dev/shm "$TMPDIR"
"""


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_layout(tmp_path_factory.mktemp("leftovers") / "layout", Spec())


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs a program whose kernel must take a file in a directory for the app's memory."""
    program = tmp_path_factory.mktemp("asked") / "asked"
    subprocess.run(["gcc", "-O1", "-o", program, ASKED], check=True)
    return program


@pytest.fixture(params=["layout", "package", "memory-in-a-directory"])
def program(request: pytest.FixtureRequest, layout: Path, asked: Path) -> list[str]:
    """The command line of a start: of a layout, of a package, of one that uses /dev/shm."""
    if request.param == "layout":
        return command(layout)
    package = layout.with_name("app.olos")
    if not package.exists():
        pack(open_directory(layout), package, binary(LAUNCHER).read_bytes())
    return [str(package)] if request.param == "package" else [str(asked), str(package)]


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Files without a name (memfd_create(2), the kernel's memory) live as long as a process has them open."""
    with nothing_left():
        yield


def repeat(program: list[str], folder: Path, total: int, together: int) -> None:
    script = ["unshare", "--mount", "sh", "-c", REPEAT, "sh", str(total), str(together)]
    result = subprocess.run(
        [*script, *program, "-c", "cat; echo end"],
        env={"PATH": os.environ["PATH"], "TMPDIR": str(folder), "HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "end\n" * total + f"/dev/shm:\n\n{folder}:\n"


def test_twenty_starts_at_once(program: list[str], tmp_path: Path) -> None:
    repeat(program, tmp_path, total=20, together=20)


@pytest.mark.long
def test_two_hundred_starts_in_a_row(program: list[str], tmp_path: Path) -> None:
    repeat(program, tmp_path, total=200, together=1)


# ---- killed from outside ----


def running(layout: Path, script: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
    return started(command(layout, "-c", script))


@contextmanager
def started(program: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        program,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:  # it has ended meanwhile
        return


@pytest.mark.parametrize("which", range(5), ids=["guard", "kernel", "helper", "other-helper", "init"])
def test_each_process_may_die(layout: Path, which: int) -> None:
    with running(layout, BUSY) as process:
        assert process.stdout and process.stderr
        assert process.stdout.readline() == b"ready\n"
        kill(descendants(process.pid)[which])
        assert process.wait(WAIT) == FAILED
        assert process.stderr.read().endswith(b"olos: the kernel has ended before the app\n")


def test_a_process_of_the_app_may_die(layout: Path) -> None:
    with running(layout, "sleep 100 & echo ready; wait $!; echo $?; exit 3") as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        time.sleep(0.1)
        kill(descendants(process.pid)[-1])
        # The kernel finds out if it would go on with it; else all is ended.
        assert process.wait(WAIT) in (3, FAILED)


def moments(count: int) -> list[tuple[float, int]]:
    """When, in seconds after the start, and which of the processes that there are then."""
    numbers = random.Random(7)
    return [(round(numbers.uniform(0, 0.5), 3), numbers.randrange(100)) for _ in range(count)]


def kill_at(program: list[str], delay: float, which: int) -> None:
    with nothing_left(), started([*program, "-c", BUSY]) as process:
        time.sleep(delay)
        tree = tree_of(process.pid, program)
        victim = tree[which % len(tree)]
        kill(victim)
        time.sleep(0.05)
        essential = victim in tree[:3]
        if not essential:
            kill(tree[0])  # the app may survive one of its own, the kernel one of those that check the host
        status = process.wait(WAIT)
        assert status in (-signal.SIGKILL, 128 + signal.SIGKILL, FAILED) if essential else status != 0


def tree_of(pid: int, program: list[str]) -> list[int]:
    """Launcher or target and what is below; not the program that stands before it (`asked`)."""
    if Path(program[0]).name != ASKED.stem:
        return [pid, *descendants(pid)]
    end = time.monotonic() + WAIT
    while not (tree := descendants(pid)):
        assert time.monotonic() < end
        time.sleep(0.001)
    return tree


@pytest.mark.parametrize(("delay", "which"), moments(12), ids=str)
def test_death_at_any_moment(layout: Path, delay: float, which: int) -> None:
    kill_at(command(layout), delay, which)


@pytest.mark.parametrize(("delay", "which"), moments(4), ids=str)
def test_no_file_is_left_in_a_directory(
    layout: Path, asked: Path, tmp_path: Path, delay: float, which: int
) -> None:
    """Where the memory has to be a file, it has no name at any moment."""
    private = f"mount --bind '{tmp_path}' /dev/shm; exec \"$@\""
    program = ["/usr/bin/unshare", "--mount", "sh", "-ec", private, "sh", *command(layout)]
    kill_at([str(asked), *program], delay, which)
    assert not any(tmp_path.iterdir())


@pytest.mark.long
def test_death_at_very_many_moments(program: list[str]) -> None:
    for delay, which in moments(200):
        kill_at(program, delay, which)
