"""How an app is started: what Docker makes of an image's configuration, and what olos.toml changes."""

import signal
from pathlib import Path
from typing import Any

import pytest

from olos.errors import InputError
from olos.manifest import App, User
from olos.tree import Inode, Tree
from olos_build.appconfig import AppOverrides, resolve
from olos_build.image import ImageConfig
from olos_build.ports import exposed, publishable
from olos_build.signals import signal_number
from support.images import Recorder
from support.trees import Store, symlink, tree_of

ELF = b"\x7fELF\2\1\1" + bytes(11) + b"\x3e\0" + bytes(44)
ARM = ELF.replace(b"\x3e\0", b"\xb7\0", 1)
I386 = b"\x7fELF\1\1\1" + bytes(11) + b"\x03\0" + bytes(32)
BIG_ENDIAN = b"\x7fELF\2\2\1" + bytes(11) + b"\0\x16" + bytes(44)
NOTHING = AppOverrides()
DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    store = Store(tmp_path / "store")

    def program(content: bytes, mode: int = 0o755) -> Inode:
        return store.regular(content, mode)

    return tree_of(
        {
            b"app": program(ELF),
            b"bin/tool": program(ELF),
            b"bin/script": program(b"#!/bin/sh\n"),
            b"bin/short": program(b"\x7fELF"),
            b"bin/arm": program(ARM),
            b"bin/i386": program(I386),
            b"bin/big": program(BIG_ENDIAN),
            b"bin/data": program(ELF, 0o644),
            b"usr/bin/arm": program(ELF, 0o644),
            b"opt/bin/arm": program(ELF),
            b"sbin": symlink(b"/bin"),
            b"loop": symlink(b"loop"),
            b"work/run": program(ELF),
            b"etc/passwd": store.regular(b"root:x:0:0::/root:\nme:x:7:8::/home/me:\n"),
            b"etc/group": store.regular(b"extra:x:9:me\n"),
        }
    )


def config(**fields: Any) -> ImageConfig:
    return ImageConfig(**{"architecture": "amd64", "os": "linux", "cmd": ("/app",), **fields})


def app(tree: Tree, overrides: AppOverrides = NOTHING, **fields: Any) -> App:
    return resolve(config(**fields), tree, overrides)


def test_defaults(tree: Tree) -> None:
    assert app(tree) == App(
        args=("/app",),
        env=(DEFAULT_PATH, "HOME=/root"),
        cwd="/",
        user=User(0, 0),
        hostname="olos",
        stop_signal=15,
        expose=(),
    )


@pytest.mark.parametrize(
    ("entrypoint", "cmd", "args"),
    [
        (None, ("/app", "x"), ("/app", "x")),
        (("/app",), None, ("/app",)),
        (("/app", "a"), ("b", "c"), ("/app", "a", "b", "c")),
        ((), ("/app",), ("/app",)),
        (("/app",), (), ("/app",)),
        (("/bin/script", "-c", "exec x"), None, ("/bin/script", "-c", "exec x")),
        (("/app", ""), None, ("/app", "")),
    ],
)
def test_entry_point_and_command(
    tree: Tree, entrypoint: tuple[str, ...] | None, cmd: tuple[str, ...] | None, args: tuple[str, ...]
) -> None:
    assert app(tree, entrypoint=entrypoint, cmd=cmd).args == args


@pytest.mark.parametrize("fields", [{"cmd": None}, {"cmd": ()}, {"cmd": ("",)}, {"entrypoint": ("", "x")}])
def test_no_entry_point(tree: Tree, fields: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="no entry point") as caught:
        app(tree, **fields)
    assert "ENTRYPOINT or CMD" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        (("A=1", "B=", "C=x=y"), (DEFAULT_PATH, "A=1", "B=", "C=x=y", "HOME=/root")),
        (("A=1", "B=2", "A=3"), (DEFAULT_PATH, "A=3", "B=2", "HOME=/root")),
        (("PATH=/x",), ("PATH=/x", "HOME=/root")),
        (("A=1", "PATH=/x"), ("PATH=/x", "A=1", "HOME=/root")),
        (("HOME=/h",), (DEFAULT_PATH, "HOME=/h")),
        (("HOME=",), (DEFAULT_PATH, "HOME=/root")),
        (("A=1", "A"), (DEFAULT_PATH, "HOME=/root")),
        (
            ("OLOS=1", "olos_x=2", "NAME=OLOS_"),
            (DEFAULT_PATH, "OLOS=1", "olos_x=2", "NAME=OLOS_", "HOME=/root"),
        ),
        (("ümläut=名",), (DEFAULT_PATH, "ümläut=名", "HOME=/root")),
    ],
)
def test_environment(tree: Tree, env: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert app(tree, env=env).env == expected


@pytest.mark.parametrize("name", ["OLOS_TARGET", "OLOS_", "OLOS_X"])
def test_names_of_the_runtime_are_refused(tree: Tree, name: str) -> None:
    with pytest.raises(InputError, match=f"'{name}' must not be set"):
        app(tree, env=(f"{name}=x",))
    with pytest.raises(InputError, match=f"'{name}' must not be set"):
        app(tree, AppOverrides(env={name: "x"}))


@pytest.mark.parametrize("env", [("=x",), ("",), ("A=\0",), ("A=\udc80",)])
def test_environment_refused(tree: Tree, env: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="environment"):
        app(tree, env=env)


@pytest.mark.parametrize(
    ("text", "cwd"),
    [("", "/"), ("/", "/"), ("/work", "/work"), ("/a//b/./c/../d/", "/a/b/d"), ("//x", "/x"), ("/..", "/")],
)
def test_working_directory(tree: Tree, text: str, cwd: str) -> None:
    assert app(tree, working_dir=text).cwd == cwd


@pytest.mark.parametrize("text", ["work", "./x", "/" + "x" * 5000, "C:\\x"])
def test_working_directory_refused(tree: Tree, text: str) -> None:
    with pytest.raises(InputError, match="working directory"):
        app(tree, working_dir=text)


def test_user(tree: Tree) -> None:
    found = app(tree, user="me")
    assert found.user == User(7, 8, (9,))
    assert "HOME=/home/me" in found.env


def test_overrides(tree: Tree) -> None:
    overrides = AppOverrides(
        args=("/bin/tool", "x"),
        env={"A": "new", "N": "1"},
        cwd="/work",
        user="7:7",
        hostname="box",
        stop_signal=10,
        expose=("90-91",),
    )
    found = app(tree, overrides, entrypoint=("/app",), env=("A=old",), user="me", exposed_ports=("80",))
    assert found == App(
        args=("/bin/tool", "x"),
        env=(DEFAULT_PATH, "A=new", "N=1", "HOME=/home/me"),
        cwd="/work",
        user=User(7, 7),
        hostname="box",
        stop_signal=10,
        expose=("90/tcp", "91/tcp"),
    )


def test_overrides_of_nothing(tree: Tree) -> None:
    found = app(
        tree, AppOverrides(expose=(), user="", cwd=""), exposed_ports=("80",), user="me", working_dir="/w"
    )
    assert (found.expose, found.user, found.cwd) == ((), User(0, 0), "/")


@pytest.mark.parametrize(
    "overrides",
    [
        AppOverrides(args=()),
        AppOverrides(env={"A=B": "c"}),
        AppOverrides(hostname="-"),
        AppOverrides(stop_signal=0),
    ],
    ids=["no arguments", "name with =", "host name", "signal"],
)
def test_overrides_refused(tree: Tree, overrides: AppOverrides) -> None:
    with pytest.raises(InputError):
        app(tree, overrides)


# Signals and ports -------------------------------------------------------------------------------------

SPECIAL = {"RTMIN": 34, "SIGRTMIN+3": 37, "rtmin+30": 64, "SIGRTMAX": 64, "RTMAX-14": 50, "RTMAX-30": 34}
PLAIN = {"SIGTERM": 15, "term": 15, "Kill": 9, "SIGPOLL": 29, "CLD": 17, "IOT": 6, "9": 9, "64": 64, "37": 37}


@pytest.mark.parametrize(("text", "number"), [*SPECIAL.items(), *PLAIN.items()])
def test_signals(text: str, number: int) -> None:
    assert signal_number(text) == number


def test_signals_as_this_machine_has_them() -> None:
    """The tests run on x86-64 Linux, so the interpreter's own table is a judge."""
    for known in signal.Signals:
        assert signal_number(known.name) == known.value


@pytest.mark.parametrize(
    "text",
    ["", "SIG", "0", "65", "-9", "TERMINATE", "RTMIN-1", "RTMIN+31", "RTMAX+1", "SIG15", "9 ", "RTMIN+"],
)
def test_signals_refused(text: str) -> None:
    with pytest.raises(InputError, match="stop signal"):
        signal_number(text)


def test_stop_signal_of_the_image(tree: Tree) -> None:
    assert app(tree, stop_signal="SIGRTMIN+3").stop_signal == 37


@pytest.mark.parametrize(
    ("texts", "ports"),
    [
        (("80",), "80/tcp"),
        (("80/tcp", "80", "80/TCP"), "80/tcp"),
        (("53/udp", "53"), "53/tcp 53/udp"),
        (("9", "80", "1000/sctp"), "1000/sctp 80/tcp 9/tcp"),
        (("8000-8002/udp",), "8000/udp 8001/udp 8002/udp"),
        (("7-7",), "7/tcp"),
        (("65535",), "65535/tcp"),
    ],
)
def test_ports(texts: tuple[str, ...], ports: str) -> None:
    assert exposed(texts) == tuple(ports.split())


@pytest.mark.parametrize(
    "text", ["", "0", "65536", "8-7", "80/", "80/icmp", "http", "-80", "1-99999", "80/tcp/udp", "８０", "80 "]
)
def test_ports_refused(text: str) -> None:
    with pytest.raises(InputError, match="exposed port"):
        exposed((text,))


# Warnings and the program ------------------------------------------------------------------------------


def test_warnings(tree: Tree) -> None:
    progress = Recorder()
    resolve(config(volumes=("/a", "/b"), healthcheck=True), tree, AppOverrides(), progress)
    assert progress.names == ["volume-ephemeral", "volume-ephemeral", "healthcheck-ignored"]
    assert "/a" in progress.warnings[0][1]


PATH = "PATH=/usr/bin:/bin:/opt/bin"


@pytest.mark.parametrize(
    ("args", "fields"),
    [
        (("/app",), {}),
        (("tool",), {}),
        (("script",), {}),
        (("/sbin/tool",), {}),
        (("run",), {"env": ("PATH=",), "working_dir": "/work"}),
        (("./run",), {"working_dir": "/work"}),
        (("bin/../bin/tool",), {}),
        (("arm",), {"env": ("PATH=/usr/bin:/opt/bin",)}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_programs_that_are_there(tree: Tree, args: tuple[str, ...], fields: dict[str, Any]) -> None:
    progress = Recorder()
    resolve(config(cmd=args, **fields), tree, AppOverrides(), progress)
    assert progress.warnings == []


@pytest.mark.parametrize("name", ["/missing", "missing", "/bin/data", "data", "/bin", "/app/x", "run"])
def test_programs_that_are_missing(tree: Tree, name: str) -> None:
    progress = Recorder()
    assert resolve(config(cmd=(name,)), tree, AppOverrides(), progress).args == (name,)
    assert progress.names == ["program-missing"]


@pytest.mark.parametrize("name", ["/bin/arm", "/bin/i386", "/bin/big", "/bin/short", "arm"])
def test_programs_for_other_machines(tree: Tree, name: str) -> None:
    with pytest.raises(InputError, match=f"entry point {name} is an ELF program for another machine"):
        app(tree, cmd=(name,), env=(PATH,))


def test_a_cycle_of_symlinks(tree: Tree) -> None:
    with pytest.raises(InputError, match="cycle of symlinks"):
        app(tree, cmd=("/loop",))


def test_publishable() -> None:
    recorder = Recorder()
    assert publishable(("443/udp", "80/tcp", "9/sctp"), recorder) == ("443/udp", "80/tcp")
    assert [kind for kind, _ in recorder.warnings] == ["port-not-published"]
    assert publishable(()) == ()
