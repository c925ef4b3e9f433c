"""What a user does wrong: a clear error, its own exit code, nothing half-written, the old output intact."""

import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import pytest

from support.olos import execute, hello_context, olos, start_in_session

HELLO = 'FROM scratch\nCOPY hello /bin/hello\nENTRYPOINT ["/bin/hello"]\n'


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a Dockerfile, its layout and its package."""
    folder = tmp_path_factory.mktemp("good")
    hello_context(folder)
    olos("build", "Dockerfile", cwd=folder)
    olos("pack", "-o", "app.olos", cwd=folder)
    return folder


@pytest.fixture
def context(good: Path, tmp_path: Path) -> Path:
    """A directory with a program and an old layout; the test writes the Dockerfile."""
    (tmp_path / "hello").write_bytes((good / "hello").read_bytes())
    olos("unpack", good / "app.olos", tmp_path / "olos-layout")
    return tmp_path


def fails(*args: str | Path, cwd: Path, code: int, env: dict[str, str] | None = None) -> str:
    """Run olos, which must fail with `code` and leave everything as it was. Returns stderr."""
    before = sorted(cwd.rglob("*"))
    manifest = cwd / "olos-layout" / "olos.json"
    old = manifest.read_bytes() if manifest.exists() else None
    result = olos(*args, cwd=cwd, expect=code, env=env)
    assert result.stdout == ""
    assert result.stderr.count("error: ") == 1
    assert "Traceback" not in result.stderr
    assert sorted(cwd.rglob("*")) == before
    assert (manifest.read_bytes() if manifest.exists() else None) == old
    return " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("dockerfile", "code", "says"),
    [
        (None, 3, "Dockerfile"),
        ("FORM scratch\n", 4, "FORM"),
        ("", 4, "Dockerfile"),
        ("FROM localhost:1/no/such:image\nCOPY hello /\n", 4, "localhost:1/no/such"),
        ("FROM scratch\nCOPY nothing /\n", 4, "nothing"),
        ("FROM scratch\nCOPY hello /bin/hello\n", 3, "entry point"),
        (HELLO + "USER nobody\n", 3, "nobody"),
        (HELLO + "ENV OLOS_TARGET=sgx\n", 3, "OLOS_TARGET"),
        (HELLO + "STOPSIGNAL SIGNOTHING\n", None, "SIGNOTHING"),
    ],
    ids=["missing", "syntax", "empty", "base", "copy", "no-entry-point", "user", "olos-target", "signal"],
)
def test_dockerfile(context: Path, dockerfile: str | None, code: int | None, says: str) -> None:
    if dockerfile is not None:
        (context / "Dockerfile").write_text(dockerfile)
    if code is None:  # builders differ in whether they refuse it themselves
        result = olos("build", cwd=context, expect=None)
        assert result.returncode in {3, 4}
        assert says in result.stderr
        return
    assert says in fails("build", "Dockerfile", cwd=context, code=code)


def test_the_failing_step_is_shown_with_its_output(context: Path) -> None:
    (context / "hello.c").write_text(
        '#include <stdio.h>\nint main(void) { puts("out of [red]cheese[/red]"); return 3; }\n'
    )
    execute(["musl-gcc", "-static", "-o", context / "fail", context / "hello.c"])
    (context / "Dockerfile").write_text('FROM scratch\nCOPY fail /fail\n\nRUN ["/fail"]\n')
    text = fails("build", cwd=context, code=4)
    assert "out of [red]cheese[/red]" in text
    assert 'RUN ["/fail"]' in text
    assert "line 4" in text


def test_no_builder(context: Path) -> None:
    (context / "Dockerfile").write_text(HELLO)
    env = {"PATH": "/nowhere", "DOCKER_HOST": "unix:///nowhere.sock"}
    text = fails("build", cwd=context, code=6, env=env)
    assert "buildah" in text
    assert "docker" in text.lower()
    assert "apt-get install buildah" in text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[policy]\nmemroy = '1G'\n", "did you mean 'memory'"),
        ("[police]\n", "police"),
        ("[policy]\ndebug = 1\n", "true or false"),
        ("[app]\nenv = { OLOS_TARGET = 'sgx' }\n", "OLOS_TARGET"),
        ("[policy\n", "olos.toml"),
    ],
    ids=["unknown-key", "unknown-table", "flag", "olos-target", "syntax"],
)
def test_configuration(context: Path, text: str, says: str) -> None:
    (context / "Dockerfile").write_text(HELLO)
    (context / "olos.toml").write_text(text)
    assert says in fails("build", cwd=context, code=3)


def test_a_directory_that_is_no_layout_is_not_replaced(context: Path) -> None:
    (context / "Dockerfile").write_text(HELLO)
    (context / "precious").mkdir()
    (context / "precious" / "file").touch()
    assert "precious" in fails("build", "-o", "precious", cwd=context, code=3)


def test_a_layout_with_something_of_the_users_in_it_is_not_replaced(context: Path) -> None:
    (context / "Dockerfile").write_text(HELLO)
    (context / "olos-layout" / "notes.txt").touch()
    assert "notes.txt" in fails("build", cwd=context, code=3)


def test_a_file_or_link_is_not_replaced(context: Path) -> None:
    (context / "Dockerfile").write_text(HELLO)
    (context / "file").touch()
    (context / "nowhere").symlink_to("absent")
    for name in ("file", "nowhere"):
        assert name in fails("build", "-o", name, cwd=context, code=3)


def test_unwritable_output(good: Path, context: Path) -> None:
    (context / "Dockerfile").write_text(HELLO)
    assert "/proc/layout" in fails("build", "-o", "/proc/layout", cwd=context, code=3)
    assert "/proc/app" in fails("pack", good / "olos-layout", "-o", "/proc/app", cwd=context, code=3)
    assert "is a directory" in fails("pack", good / "olos-layout", "-o", "/tmp", cwd=context, code=3)


@pytest.mark.parametrize("command", ["measure", "verify", "inspect", "ls", "run"])
def test_neither_layout_nor_package(tmp_path: Path, command: str) -> None:
    (tmp_path / "text").write_text("hello")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "fifo")
    for name in ("text", "folder", "loop", "absent", "fifo", "/dev/zero"):
        assert name in fails(command, name, cwd=tmp_path, code=3)


def test_truncated_package(good: Path, tmp_path: Path) -> None:
    data = (good / "app.olos").read_bytes()
    for size in (0, 100, 0x7000, 0x8000, 0x9000, len(data) // 2, len(data) - 1):
        short = tmp_path / "short.olos"
        short.write_bytes(data[:size])
        short.chmod(0o755)
        fails("measure", short, cwd=tmp_path, code=3)
        if 0x9000 <= size < len(data) - 1:  # the last bytes are padding, which a run has no use for
            result = execute([short], expect=3)
            assert result.stderr.startswith("olos: ")


def test_no_layout_here(tmp_path: Path) -> None:
    text = fails("measure", cwd=tmp_path, code=3)
    assert "olos-layout" in text
    assert "olos build" in text


def test_disk_full(good: Path, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    execute(["mount", "-t", "tmpfs", "-o", "size=2m", "none", small])
    try:
        for args in (("pack", good / "olos-layout", "-o", "app"), ("unpack", good / "app.olos", "layout")):
            text = fails(*args, cwd=small, code=3)
            assert "No space left on device" in text
    finally:
        execute(["umount", small])


def test_disk_full_while_building(context: Path) -> None:
    (context / "Dockerfile").write_text(HELLO)
    (context / "hello").write_bytes((context / "hello").read_bytes() + os.urandom(4 << 20))
    small = Path(tempfile.mkdtemp())
    execute(["mount", "-t", "tmpfs", "-o", "size=2m", "none", small])
    try:
        text = fails("build", cwd=context, code=3, env={"TMPDIR": str(small)})
        assert f"{small}: cannot be written: No space left on device" in text
        assert "TMPDIR" in text
        assert not list(small.iterdir())
    finally:
        execute(["umount", small])
        small.rmdir()


SLOW = 'FROM scratch\nCOPY slow context-of-this-run /\nRUN ["/slow"]\nENTRYPOINT ["/slow"]\n'


def test_ctrl_c_in_a_step(context: Path) -> None:
    (context / "slow.c").write_text(
        "#include <stdio.h>\n#include <unistd.h>\n"
        'int main(void) { puts("sleeping"); fflush(stdout); sleep(60); }\n'
    )
    execute(["musl-gcc", "-static", "-o", context / "slow", context / "slow.c"])
    (context / "Dockerfile").write_text(SLOW)
    (context / "context-of-this-run").write_bytes(os.urandom(16))  # so that no cache has the step
    before = sorted(context.rglob("*"))
    process = start_in_session([sys.executable, "-m", "olos_cli", "-v", "build"], context)
    assert process.stderr is not None
    for line in process.stderr:
        if "sleeping" in line:
            break
    os.killpg(process.pid, signal.SIGINT)
    _, rest = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in rest
    assert sorted(context.rglob("*")) == before
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and "/slow" in execute(["ps", "-eo", "args"]).stdout.split("\n"):
        time.sleep(0.1)
    assert "/slow" not in execute(["ps", "-eo", "args"]).stdout.split("\n")
