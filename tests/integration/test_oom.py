"""An app that asks for more than the policy gives: it is told so, or ended; nobody else is."""

import signal
from dataclasses import replace
from pathlib import Path

import pytest

from support.runtime import POLICY, Spec, make_layout, run

MIB = 1 << 20
MEMORY = 64
MESSAGE = b"out of memory (policy.memory = 64 MiB)\n"

HOG = r"""
#include <stdlib.h>
#include <string.h>
int main(void) { for (;;) memset(malloc(1 << 20), 1, 1 << 20); }
"""

FORK_BOMB = r"""
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
int main(void)
{
    int count = 0;
    pid_t child;
    while ((child = fork()) > 0)
        count++;
    if (child == 0)
        pause();
    printf("%s\n", count > 100 ? "refused" : "too early");
    return 0;
}
"""


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    programs = {"bin/hog": HOG, "bin/bomb": FORK_BOMB}
    policy = replace(POLICY, memory=MEMORY * MIB)
    return make_layout(tmp_path_factory.mktemp("oom") / "layout", Spec(policy=policy, programs=programs))


def finish(layout: Path, script: str) -> tuple[int, bytes, bytes]:
    result = run(layout, "-c", script)
    return result.returncode, result.stdout, result.stderr


def test_the_app_is_ended(layout: Path) -> None:
    """It cannot protect itself from that."""
    score = "/proc/self/oom_score_adj"
    script = f"{{ echo -1000 > {score}; }} 2> /dev/null; cat {score}; echo err >&2; exec hog"
    assert finish(layout, script) == (
        -signal.SIGKILL,
        b"0\n",
        b"err\nolos: the app was ended: " + MESSAGE,
    )


def test_a_process_of_the_app_is_ended(layout: Path) -> None:
    status, output, errors = finish(layout, "hog; echo $?; exit 4")
    assert (status, output) == (4, b"137\n")
    assert errors.endswith(
        b"olos: out of memory: 1 of the app's processes was ended (policy.memory = 64 MiB)\n"
    )


def test_nothing_is_said_of_another_end_by_the_same_signal(layout: Path) -> None:
    assert finish(layout, "kill -9 $$") == (-signal.SIGKILL, b"", b"")


@pytest.mark.parametrize("place", ["/tmp", "/dev/shm"], ids=["root", "shm"])
def test_files_take_half_of_the_memory(layout: Path, place: str) -> None:
    script = f"dd if=/dev/zero of={place}/a bs=1M; echo $?; rm {place}/a; echo > {place}/b && echo fine"
    status, output, errors = finish(layout, script)
    assert (status, output) == (0, b"1\nfine\n")
    assert b"No space left on device" in errors


def test_files_in_all_places(layout: Path) -> None:
    """More than there is: the kernel has nothing to end but the app, and init still reports it."""
    script = "for i in /dev/shm /tmp; do dd if=/dev/zero of=$i/a bs=1M; done 2> /dev/null; exec hog"
    status, output, errors = finish(layout, script)
    assert (status, output) == (-signal.SIGKILL, b"")
    assert errors.endswith(MESSAGE)


def test_a_fork_bomb(layout: Path) -> None:
    """The kernel allows as many processes as an eighth of the memory can hold; all are ended with the app."""
    assert finish(layout, "bomb; echo $?; echo fine") == (0, b"refused\n0\nfine\n", b"")
