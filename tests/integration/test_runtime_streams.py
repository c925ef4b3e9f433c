"""Standard streams of an app: every byte, the end, who shares them, and what is closed."""

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from support.layouts import noise
from support.runtime import Spec, command, make_layout, run, sh


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_layout(tmp_path_factory.mktemp("streams") / "layout", Spec())


def test_all_bytes_both_ways(layout: Path) -> None:
    data = noise(1 << 20) + bytes(range(256))
    result = run(layout, "-c", "tee /dev/stderr", stdin=data)
    assert result.returncode == 0
    for stream in (result.stdout, result.stderr):
        assert hashlib.sha256(stream).hexdigest() == hashlib.sha256(data).hexdigest()


def test_much_output_ends_with_the_last_byte(layout: Path) -> None:
    lines = sh(layout, "seq 100000").splitlines()
    assert lines == [str(n) for n in range(1, 100001)]


@pytest.mark.parametrize("data", [b"", b"x", b"no newline\nat the end"], ids=["none", "byte", "lines"])
def test_end_of_input(layout: Path, data: bytes) -> None:
    assert sh(layout, "cat; echo .", stdin=data) == data.decode() + ".\n"


def test_input_is_read_as_it_comes(layout: Path) -> None:
    script = "while read line; do echo got $line; done"
    with subprocess.Popen(
        command(layout, "-c", script), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin and process.stdout
        for word in (b"one", b"two"):
            process.stdin.write(word + b"\n")
            process.stdin.flush()
            assert process.stdout.readline() == b"got " + word + b"\n"
        process.stdin.close()
        assert process.wait(30) == 0


def test_app_that_reads_no_input_ends(layout: Path) -> None:
    assert sh(layout, "exec <&-; echo done", stdin=noise(1 << 20)) == "done\n"


@pytest.mark.parametrize(
    ("script", "rest"),
    [("true", "1\n2\n3\n4\n"), ("read a", "2\n3\n4\n"), ("cat >/dev/null", ""), ("exec <&-", "1\n2\n3\n4\n")],
    ids=["nothing", "a-line", "all", "closed"],
)
def test_a_file_is_shared_with_who_comes_next(layout: Path, tmp_path: Path, script: str, rest: str) -> None:
    """As in `while read line; do APP; done < FILE`."""
    (tmp_path / "list").write_text("0\n1\n2\n3\n4\n")
    line = "read x; " + " ".join(command(layout, "-c", f"'{script}'")) + "; cat"
    with (tmp_path / "list").open("rb") as stream:
        result = subprocess.run(["sh", "-c", line], stdin=stream, capture_output=True, check=True, timeout=60)
    assert result.stdout.decode() == rest


def test_writer_learns_that_nobody_reads(layout: Path) -> None:
    script = "exec <&-; sleep 30"
    with subprocess.Popen(
        command(layout, "-c", script), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin
        with pytest.raises(BrokenPipeError):
            while True:
                process.stdin.write(bytes(65536))
        process.terminate()
        assert process.wait(30) == -15


def test_closed_output_ends_the_app_as_a_pipe_does(layout: Path) -> None:
    with subprocess.Popen(command(layout, "-c", "yes"), stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.read(4) == b"y\ny\n"
        process.stdout.close()
        assert process.wait(30) == -13


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1), (0, 1, 2)], ids=str)
def test_closed_standard_streams(layout: Path, tmp_path: Path, closed: tuple[int, ...]) -> None:
    """What the app writes to an open stream arrives there, and nowhere else."""
    redirect = "".join(f" {n}{'<' if n == 0 else '>'}&-" for n in closed)
    line = " ".join(command(layout, "-c", "'cat; echo out; echo err >&2; exit 4'"))
    result = subprocess.run(
        ["sh", "-c", line + redirect], stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60
    )
    assert result.returncode == 4
    assert result.stdout == (b"" if 1 in closed else b"out\n")
    assert result.stderr == (b"" if 2 in closed else b"err\n")


def test_foreign_descriptors_do_not_matter(layout: Path, tmp_path: Path) -> None:
    with (tmp_path / "other").open("w") as other:
        fd = os.dup(other.fileno())
        os.set_inheritable(fd, True)
        result = subprocess.run(
            command(layout, "-c", "ls /proc/self/fd"),
            capture_output=True,
            check=False,
            timeout=60,
            pass_fds=[fd],
        )
        os.close(fd)
    assert result.stdout.split() == [b"0", b"1", b"2", b"3"]
