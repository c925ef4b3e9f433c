"""A network that cannot be had is an error before the app starts, which says why."""

import socket
import subprocess
from pathlib import Path

import pytest

from support.network import SERVES, free_port
from support.runtime import Spec, command, make_layout, run, shell


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = Spec(app=shell(""), policy=SERVES)
    return make_layout(tmp_path_factory.mktemp("refuses") / "layout", spec)


@pytest.mark.parametrize(
    ("publish", "message"),
    [
        ("8080", "it needs two ports"),
        ("8080:80/sctp", "neither tcp nor udp"),
        ("0:80", "a port is a number from 1 to 65535"),
        ("8080:080", "a port is a number from 1 to 65535"),
        ("8080:65536", "a port is a number from 1 to 65535"),
        ("8080:80x", "a port is a number from 1 to 65535"),
        (":8080:80", "the address is no IPv4 address"),
        ("localhost:8080:80", "the address is no IPv4 address"),
        ("[::1]:8080:80", "the address is no IPv4 address"),
        ("x" * 90, "too long"),
        ("", "it needs two ports"),
        ("8080:22", "the measured policy does not publish port 22/tcp"),
        ("8080:80/udp", "the measured policy does not publish port 80/udp"),
    ],
)
def test_wrong_publications(layout: Path, publish: str, message: str) -> None:
    result = run(layout, "--olos-publish", publish, "-c", "echo started")
    assert (result.returncode, result.stdout) == (2, b"")
    assert message in result.stderr.decode()


def test_published_twice(layout: Path) -> None:
    result = run(
        layout, "--olos-publish", "8080:80", "--olos-publish", "127.0.0.2:8080:81", "-c", "echo started"
    )
    assert (result.returncode, result.stdout) == (2, b"")
    assert b"published twice" in result.stderr


def test_a_taken_port(layout: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        publish = f"{server.getsockname()[1]}:80"
        result = run(layout, "--olos-publish", publish, "-c", "echo started")
    assert (result.returncode, result.stdout) == (125, b"")
    assert result.stderr.decode().endswith("the host's port cannot be listened on: Address in use\n")


def test_host_loopback_needs_the_policy(layout: Path) -> None:
    result = run(layout, "--olos-host-loopback", "-c", "echo started")
    assert (result.returncode, result.stdout) == (2, b"")
    assert b"policy.outgoing" in result.stderr


def test_passt_is_missing(layout: Path) -> None:
    line = command(layout, "--olos-publish", f"{free_port()}:80", "-c", "echo started")
    result = subprocess.run(
        [
            "unshare",
            "-m",
            "sh",
            "-c",
            'mount --bind /dev/null /usr/bin/passt; PATH=/bin:/nowhere exec "$@"',
            "sh",
            *line,
        ],
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (result.returncode, result.stdout) == (125, b"")
    assert b"hint: apt-get install passt" in result.stderr


def test_what_passt_says(layout: Path, tmp_path: Path) -> None:
    """It ends at once: that is the end of the run, with its last words."""
    (tmp_path / "passt").write_text("#!/bin/sh\necho first >&2\necho 'no room for me' >&2\nexit 1\n")
    (tmp_path / "passt").chmod(0o755)
    result = run(
        layout, "--olos-publish", f"{free_port()}:80", "-c", "echo started", env={"PATH": f"{tmp_path}:/bin"}
    )
    assert (result.returncode, result.stdout) == (125, b"")
    assert result.stderr.decode() == f"olos: the network has failed: {tmp_path}/passt: no room for me\n"
