"""The example `attested-peers`: two packages that verify each other, and what they say of others."""

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.network import free_port
from support.olos import EXAMPLES, execute, olos

HEARD = "product 2, security version 1 says: hello\n"
WELCOME = "product 1, security version 1 says: welcome\n"


@dataclass(frozen=True)
class Peers:
    """The example, prepared; its TEE keeps the root key below `state`."""

    folder: Path

    def environment(self, tee: str = "state", **more: str) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "XDG_STATE_HOME": str(self.folder / tee), **more}

    def package(self, name: str, role: str, old: str = "", new: str = "", *, key: str = "signer.pem") -> Path:
        """The package of a role, with a change in its olos.toml."""
        text = (self.folder / f"{role}.toml").read_text()
        assert old in text
        (self.folder / f"{name}.toml").write_text(text.replace(old, new, 1))
        olos("build", "Dockerfile", "--config", f"{name}.toml", "-o", name, cwd=self.folder)
        olos("sign", name, "--key", key, cwd=self.folder)
        olos("pack", name, "-o", f"{name}.olos", cwd=self.folder)
        return self.folder / f"{name}.olos"

    def call(self, package: Path, port: int, tee: str = "state") -> subprocess.CompletedProcess[str]:
        environment = self.environment(tee, SERVER_PORT=str(port))
        return execute([package, "--olos-host-loopback"], env=environment, expect=None)


@dataclass(frozen=True)
class Served:
    """A package that serves; its two streams are one."""

    port: int
    process: subprocess.Popen[str]

    def said(self) -> str:
        """Its next line."""
        assert self.process.stdout
        return self.process.stdout.readline()


@contextmanager
def serving(peers: Peers, package: Path) -> Iterator[Served]:
    port = free_port()
    with subprocess.Popen(
        [package, "--olos-publish", f"{port}:4433"],
        env=peers.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        watchdog = threading.Timer(60, process.kill)
        watchdog.start()
        try:
            served = Served(port, process)
            assert served.said() == "ready\n"
            yield served
        finally:
            watchdog.cancel()
            process.terminate()


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Peers:
    """What ./prepare makes with the `olos` of the tests."""
    folder = tmp_path_factory.mktemp("peers") / "example"
    shutil.copytree(EXAMPLES / "attested-peers", folder)
    (folder / "root/etc").mkdir(parents=True)
    signer = olos("keygen", "-o", "signer.pem", cwd=folder).stdout
    (folder / "root/etc/signer").write_text(signer)
    olos("keygen", "-o", "other.pem", cwd=folder)
    olos("sdk", "sdk", cwd=folder)
    execute([folder / "prepare"], cwd=folder)
    return Peers(folder)


@pytest.fixture(scope="module")
def call(peers: Peers) -> Path:
    return peers.package("call", "call")


@pytest.fixture(scope="module")
def server(peers: Peers) -> Iterator[Served]:
    with serving(peers, peers.package("serve", "serve")) as served:
        yield served


def test_they_verify_each_other(peers: Peers, server: Served, call: Path) -> None:
    result = peers.call(call, server.port)
    assert (result.returncode, result.stdout) == (0, WELCOME), result
    assert server.said() == HEARD


@pytest.mark.parametrize(
    ("old", "new", "key", "reason"),
    [
        pytest.param("product_id = 2", "product_id = 3", "signer.pem", "check 'product id'", id="product-id"),
        pytest.param(
            "security_version = 1",
            "security_version = 0",
            "signer.pem",
            "check 'security version'",
            id="rollback",
        ),
        pytest.param("", "", "other.pem", "check 'signer'", id="signer"),
        pytest.param(
            "[policy]",
            "[policy]\ndebug = true",
            "signer.pem",
            "the certificate: Operation not permitted",
            id="debug",
        ),
    ],
)
def test_the_server_refuses(
    old: str, new: str, key: str, reason: str, peers: Peers, server: Served, tmp_path: Path
) -> None:
    result = peers.call(peers.package(tmp_path.name, "call", old, new, key=key), server.port)
    assert (result.returncode, result.stdout) == (1, ""), result
    assert server.said() == f"peer: refused: {reason}\n"


def test_the_server_refuses_who_is_in_another_tee(peers: Peers, server: Served, call: Path) -> None:
    assert peers.call(call, server.port, tee="another").returncode == 1
    assert server.said() == "peer: refused: the certificate: Key was rejected by service\n"


def test_the_caller_refuses_another_server(peers: Peers, call: Path) -> None:
    with serving(peers, peers.package("impostor", "serve", key="other.pem")) as impostor:
        result = peers.call(call, impostor.port)
    assert (result.returncode, result.stdout) == (1, "")
    assert "peer: refused: check 'signer'\n" in result.stderr
