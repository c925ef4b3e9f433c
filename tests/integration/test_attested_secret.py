"""The example `attested-secret`: who gets the secret, who does not, and what the log says of them."""

import hashlib
import json
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from measure.evidence.demands import Demands
from measure.evidence.model import File
from measure.evidence.tls.peer import Credentials, Peer
from support.attested import (
    Pems,
    Server,
    ask,
    await_line,
    catching,
    forged_key,
    private_pem,
    serving,
    with_own_key,
)
from support.certificates import DAY, TIME, Terms
from support.evidence_simulated import (
    SIMULATED_MEASUREMENT,
    SIMULATED_SIGNER,
    SimulatedWorld,
    simulated_world,
)
from support.olos import EXAMPLES, execute, olos

SECRET = b"correct horse"
TOLD = f"the secret has the SHA-256 {hashlib.sha256(SECRET).hexdigest()}\n"


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared copy of it."""
    folder = tmp_path_factory.mktemp("secret") / "example"
    shutil.copytree(EXAMPLES / "attested-secret", folder)
    execute([folder / "prepare"], cwd=folder)
    (folder / "secret").write_bytes(SECRET)
    return folder


@contextmanager
def server_for(
    folder: Path, measurement: bytes, signer: bytes, root: bytes, clock: str = ""
) -> Iterator[Server]:
    """The server, which demands these."""
    (folder / "root.pem").write_bytes(root)
    demands = ("--measurement", measurement.hex(), "--signer", signer.hex(), "--root", folder / "root.pem")
    args = (*demands, "--secret", folder / "secret", "--port", "0")
    log = Path(tempfile.mkdtemp(dir=folder)) / "log"
    with serving(folder / "server.py", args, log, clock=clock) as server:
        yield server


def is_refused(server: Server, credentials: Pems | None, folder: Path, reason: str) -> None:
    server.log.write_text("")
    with pytest.raises(OSError):
        ask(server, credentials, folder)
    await_line(server.log, f"127.0.0.1:[0-9]+: refused: .*{reason}")
    assert "given to" not in server.log.read_text()


# --- programs outside, with evidence of a simulated TEE that is made here ----------------------------------

WORLD = simulated_world()
KEY = ec.generate_private_key(ec.SECP256R1())


def credentials(world: SimulatedWorld = WORLD, terms: Terms | None = None, **claims: object) -> Pems:
    labels = {"debug": 263, "measurement": -70002, "signer": -70003}
    changes = {labels[name]: value for name, value in claims.items()}
    return world.attested(KEY, changes, terms).pem, private_pem(KEY)


def of_yesterday() -> Pems:
    return credentials(
        terms=Terms(start=TIME - 3 * DAY, end=TIME - timedelta(hours=1), ca=False, key_usage=False)
    )


def without_its_key() -> Pems:
    certificate, _ = credentials()
    return certificate, forged_key(certificate)


LIARS: dict[str, tuple[Callable[[], Pems | None], str]] = {
    "no-certificate": (lambda: None, "the handshake has failed: .*peer did not return a certificate"),
    "another-measurement": (lambda: credentials(measurement=bytes(32)), "check 'measurement'"),
    "debug": (lambda: credentials(debug=0), "check 'debug'"),
    "another-signer": (lambda: credentials(signer=bytes(32)), "check 'signer'"),
    "no-signer": (lambda: credentials(signer=None), "check 'signer'"),
    "another-tee": (lambda: credentials(simulated_world("another")), "check 'root'"),
    "of-yesterday": (of_yesterday, "check 'validity'"),
    "evidence-in-an-own-certificate": (lambda: with_own_key(credentials()[0]), "check 'key'"),
    "certificate-without-its-key": (without_its_key, "the handshake has failed: .*bad signature"),
}


@pytest.fixture(scope="module")
def outside(example: Path) -> Iterator[Server]:
    clock = TIME.strftime("%Y-%m-%d %H:%M:%S")
    with server_for(example, SIMULATED_MEASUREMENT, SIMULATED_SIGNER, WORLD.root.pem, clock) as server:
        yield server


@pytest.mark.parametrize("liar", LIARS)
def test_liars_get_nothing(liar: str, outside: Server, tmp_path: Path) -> None:
    make, reason = LIARS[liar]
    is_refused(outside, make(), tmp_path, reason)


def test_who_proves_it_gets_the_secret(outside: Server, tmp_path: Path) -> None:
    assert ask(outside, credentials(), tmp_path) == SECRET
    await_line(outside.log, f"given to {SIMULATED_MEASUREMENT.hex()}")


# --- packages ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Packages:
    """The example, built and signed; its TEE keeps its root key below `state`."""

    folder: Path
    measurement: str
    signer: str

    @property
    def package(self) -> Path:
        return self.folder / "app.olos"

    @property
    def environment(self) -> dict[str, str]:
        return {"XDG_STATE_HOME": str(self.folder / "state")}

    def run(self, package: Path, port: int) -> subprocess.CompletedProcess[str]:
        environment = {**self.environment, "SERVER_PORT": str(port)}
        return execute([package, "--olos-host-loopback"], env=environment, expect=None)

    def root(self) -> bytes:
        return execute([self.package, "--olos-sim-root"], env=self.environment).stdout.encode()

    @contextmanager
    def server(self) -> Iterator[Server]:
        """The server, which demands this app."""
        measurement, signer = bytes.fromhex(self.measurement), bytes.fromhex(self.signer)
        with server_for(self.folder, measurement, signer, self.root()) as server:
            yield server

    def signed(self, layout: str, key: str = "signer.pem") -> Path:
        """The package of a layout, signed again."""
        olos("sign", layout, "--key", key, cwd=self.folder)
        olos("pack", layout, "-o", f"{layout}.olos", cwd=self.folder)
        return self.folder / f"{layout}.olos"


@pytest.fixture(scope="module")
def packages(example: Path) -> Packages:
    """The way of the README."""
    olos("build", "Dockerfile", cwd=example)
    signer = olos("keygen", "-o", "signer.pem", cwd=example).stdout.strip()
    olos("keygen", "-o", "other.pem", cwd=example)
    olos("sign", "olos-layout", "--key", "signer.pem", cwd=example)
    olos("pack", "-o", "app.olos", cwd=example)
    return Packages(example, olos("measure", cwd=example).stdout.strip(), signer)


def changed(packages: Packages) -> Path:
    script = packages.folder / "app.sh"
    text = script.read_text()
    script.write_text(text.replace("the secret has", "The secret has"))
    olos("build", "Dockerfile", "-o", "changed", cwd=packages.folder)
    script.write_text(text)
    return packages.signed("changed")


def debug(packages: Packages) -> Path:
    olos("build", "Dockerfile", "-o", "debug", "--debug", cwd=packages.folder)
    return packages.signed("debug")


def of_another(packages: Packages) -> Path:
    shutil.copytree(packages.folder / "olos-layout", packages.folder / "other")
    return packages.signed("other", "other.pem")


VARIANTS: dict[str, tuple[Callable[[Packages], Path], str]] = {
    "one-byte-changed": (changed, "check 'measurement'"),
    "debug": (debug, "check 'debug'"),
    "another-signer": (of_another, "check 'signer'"),
}


def test_the_right_app_gets_it(packages: Packages) -> None:
    with packages.server() as server:
        result = packages.run(packages.package, server.port)
        assert (result.returncode, result.stdout) == (0, TOLD), result
        await_line(server.log, f"given to {packages.measurement}\n")


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_other_app_gets_it(variant: str, packages: Packages) -> None:
    make, reason = VARIANTS[variant]
    package = make(packages)
    with packages.server() as server:
        result = packages.run(package, server.port)
        assert result.returncode != 0, result
        assert "has the SHA-256" not in result.stdout
        await_line(server.log, f"refused: {reason}")
        assert "given to" not in server.log.read_text()


@pytest.fixture(scope="module")
def certificate(packages: Packages) -> bytes:
    """What the right app has shown to another server (PEM)."""
    own = Credentials(packages.folder / "server/cert.pem", packages.folder / "server/key.pem")
    demands = Demands(measurement=bytes.fromhex(packages.measurement), allow_simulated=True)
    peer = Peer(demands=demands, roots=(File("root", packages.root()),))
    with catching(peer, own, b"another secret") as (port, caught):
        assert packages.run(packages.package, port).returncode == 0
    assert len(caught) == 1
    return caught[0]


def test_it_is_of_no_use_to_others(certificate: bytes, packages: Packages, tmp_path: Path) -> None:
    """Its evidence in a certificate of one's own, and itself without its key."""
    with packages.server() as server:
        is_refused(server, with_own_key(certificate), tmp_path, "check 'key'")
        relayed = (certificate, forged_key(certificate))
        is_refused(server, relayed, tmp_path, "the handshake has failed: .*bad signature")


@pytest.mark.parametrize("form", ["pem", "der"])
def test_the_command_verifies_it(form: str, certificate: bytes, packages: Packages, tmp_path: Path) -> None:
    path, root = tmp_path / f"cert.{form}", tmp_path / "root.pem"
    path.write_bytes(certificate if form == "pem" else ssl.PEM_cert_to_DER_cert(certificate.decode()))
    root.write_bytes(packages.root())
    verify = ("attest", "verify", path, "--root", root, "--product-id", "1", "--min-svn", "1")
    demanded = (*verify, "--measurement", packages.measurement, "--signer", packages.signer)
    report = json.loads(olos(*demanded, "--allow-simulated", "--format", "json").stdout)
    assert report["measurement"]["value"] == packages.measurement
    assert report["signer"]["value"] == packages.signer
    assert (report["tee"], report["simulated"], report["debug"]) == ("simulated", True, False)
    assert "check 'simulated'" in olos(*demanded, expect=5).stderr
    another = (*verify, "--measurement", bytes(32).hex(), "--allow-simulated")
    assert "check 'measurement'" in olos(*another, expect=5).stderr
    tomorrow = (datetime.now(UTC) + 2 * DAY).isoformat()
    assert "check 'validity'" in olos(*demanded, "--allow-simulated", "--time", tomorrow, expect=5).stderr
