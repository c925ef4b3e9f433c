"""Whatever comes from inside, the target ends with a clear message and leaves nothing behind."""

import subprocess
from pathlib import Path

import pytest

from support.hostile_init import SERIAL, with_init
from support.runtime import Spec, command, make_layout, processes_of

PRELUDE = r"""
static void start(void) {
    frame('R', 0, 0, 0);
    frame('S', 0, 0, 0);
}
int main(void) {
    line = serial("/dev/line", 0);
"""
POSTLUDE = r"""
    for (;;) pause();
}
"""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_layout(tmp_path_factory.mktemp("hostile") / "layout", Spec())


def hostile(layout: Path, body: str, folder: Path) -> Path:
    return with_init(layout, SERIAL + PRELUDE + body + POSTLUDE, folder)


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ("return 0;", 125, "the kernel has ended before the app"),
        ("frame('?', 0, 0, 0);", 125, "init has sent an unknown frame"),
        ('frame(\'F\', 9, 5, 0); (void)!write(line, "ab\\x1b[c", 5);', 9, "olos: ab?[c\n"),
        ("frame('F', 9, 0xffffffff, 0);", 125, "init has failed"),
        ("frame('F', 9, 100, 0);", 125, "init has failed"),
        ("start(); frame('T', 200, 0, 0); frame('X', 0, 7, 0);", 7, ""),
        ("start(); frame('U', 0, 0, ~0ull); frame('X', 0, 0x107, 0);", 7, ""),
        ("start(); frame('X', 1, 15, 0);", -15, ""),
        ("frame('S', 0, 0, 0);", 125, "init has started the app out of turn"),
        ("start(); frame('S', 0, 0, 0);", 125, "out of turn"),
        ("start(); frame('X', 0, 7, 0); frame('S', 0, 0, 0);", 7, ""),
        ("frame('X', 1, 200, 0);", 125, "init has sent a wrong exit status"),
        ("for (int i = 0; i < 9999; i++) frame('D', 0, 0, 0); frame('X', 0, 7, 0);", 7, ""),
    ],
    ids=[
        "exit", "unknown-frame", "failure", "long-message", "missing-message", "wrong-slot", "wrong-count",
        "death", "start-before-ready", "start-twice", "start-after-end", "no-such-signal",
        "answers-to-nothing",
    ],
)  # fmt: skip
def test_frames(original: Path, tmp_path: Path, body: str, code: int, message: str) -> None:
    layout = hostile(original, body, tmp_path)
    result = subprocess.run(
        command(layout), stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=30
    )
    assert result.returncode == code, result
    assert message in result.stderr.decode()
    assert bool(result.stderr) == bool(message)
    assert processes_of(layout) == set()


def test_output_without_end(original: Path, tmp_path: Path) -> None:
    """It goes on after the exit, which has said how much there is."""
    body = """
        char data[4096] = {0};
        mknod("/dev/output", S_IFCHR | 0600, makedev(4, 65));
        int output = open("/dev/output", O_WRONLY);
        start(); frame('X', 0, 7, 100000);
        for (;;) (void)!write(output, data, sizeof data);
    """
    layout = hostile(original, body, tmp_path)
    result = subprocess.run(
        command(layout), stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=30
    )
    assert (result.returncode, processes_of(layout)) == (7, set())
    assert 100000 <= len(result.stdout) < 10_000_000


def test_output_that_never_comes_can_be_ended(original: Path, tmp_path: Path) -> None:
    """The exit says more bytes than there are: the kernel's own end ends the wait."""
    body = "start(); frame('X', 0, 3, 1000); sleep(1); _exit(0);"
    layout = hostile(original, body, tmp_path)
    result = subprocess.run(
        command(layout), stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=30
    )
    assert (result.returncode, processes_of(layout)) == (3, set())
