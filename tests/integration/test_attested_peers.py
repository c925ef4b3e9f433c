"""The example `attested-peers`: two packages that verify each other, and what they say of others."""

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from olos.manifest import Policy
from support.network import free_port
from support.olos import EXAMPLES, execute, olos
from support.runtime import change_manifest

HEARD = "product 2, security version 1 says: hello\n"
WELCOME = "product 1, security version 1 says: welcome\n"

Change = Callable[[Policy], Policy]


@dataclass(frozen=True)
class Peers:
    """The example, prepared; its TEE keeps the root key below `state`."""

    folder: Path

    def environment(self, tee: str = "state", **more: str) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "XDG_STATE_HOME": str(self.folder / tee), **more}

    def package(self, role: str) -> Path:
        """The package of a role, by the way of the README."""
        olos("build", "Dockerfile", "--config", f"{role}.toml", "-o", role, cwd=self.folder)
        return self.signed(role)

    def other(self, name: str, role: str, change: Change, *, key: str = "signer.pem") -> Path:
        """The package of the same app, with another policy or key."""
        shutil.copytree(self.folder / role, self.folder / name)
        change_manifest(self.folder / name, lambda m: replace(m, policy=change(m.policy)))
        return self.signed(name, key)

    def signed(self, layout: str, key: str = "signer.pem") -> Path:
        """The package of a layout, signed."""
        olos("sign", layout, "--key", key, cwd=self.folder)
        olos("pack", layout, "-o", f"{layout}.olos", cwd=self.folder)
        return self.folder / f"{layout}.olos"

    def call(self, package: Path, port: int, tee: str = "state") -> subprocess.CompletedProcess[str]:
        environment = self.environment(tee, SERVER_PORT=str(port))
        return execute([package, "--olos-host-loopback"], env=environment, expect=None)


@dataclass(frozen=True)
class Served:
    """A package that serves; its two streams are one."""

    port: int
    process: subprocess.Popen[str]

    def said(self) -> str:
        """Its next line. Empty if there is none soon."""
        assert self.process.stdout
        watchdog = threading.Timer(30, self.process.kill)
        watchdog.start()
        line = self.process.stdout.readline()
        watchdog.cancel()
        return line


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
        try:
            served = Served(port, process)
            assert served.said() == "ready\n"
            yield served
        finally:
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
    return peers.package("call")


@pytest.fixture(scope="module")
def server(peers: Peers) -> Iterator[Served]:
    with serving(peers, peers.package("serve")) as served:
        yield served


def test_they_verify_each_other(peers: Peers, server: Served, call: Path) -> None:
    result = peers.call(call, server.port)
    assert (result.returncode, result.stdout) == (0, WELCOME), result
    assert server.said() == HEARD


OTHERS: dict[str, tuple[Change, str, str]] = {
    "product-id": (lambda policy: replace(policy, product_id=3), "signer.pem", "check 'product id'"),
    "rollback": (
        lambda policy: replace(policy, security_version=0),
        "signer.pem",
        "check 'security version'",
    ),
    "signer": (lambda policy: policy, "other.pem", "check 'signer'"),
    "debug": (
        lambda policy: replace(policy, debug=True),
        "signer.pem",
        "the certificate: Operation not permitted",
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_the_server_refuses(name: str, peers: Peers, server: Served, call: Path) -> None:
    change, key, reason = OTHERS[name]
    result = peers.call(peers.other(name, "call", change, key=key), server.port)
    assert (result.returncode, result.stdout) == (1, ""), result
    assert server.said() == f"peer: refused: {reason}\n"


def test_apps_in_two_tees_do_not_meet(peers: Peers, server: Served, call: Path) -> None:
    """The caller is the first to be shown a certificate."""
    result = peers.call(call, server.port, tee="another")
    assert (result.returncode, result.stdout) == (1, "")
    assert "peer: refused: the certificate: Key was rejected by service\n" in result.stderr


def test_the_caller_refuses_another_server(peers: Peers, server: Served, call: Path) -> None:
    package = peers.other("impostor", "serve", lambda policy: policy, key="other.pem")
    with serving(peers, package) as impostor:
        result = peers.call(call, impostor.port)
    assert (result.returncode, result.stdout) == (1, "")
    assert "peer: refused: check 'signer'\n" in result.stderr
