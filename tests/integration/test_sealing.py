"""Sealed data in packages that run: what one seals another opens, or not."""

import os
import shutil
import subprocess
from dataclasses import dataclass, replace
from errno import EDOM, EKEYREJECTED, ENOKEY, EPERM
from pathlib import Path

import pytest

from measure.regions import measurement
from measure.sigstruct import assemble, statement_of
from olos.binaries import sdk
from olos.manifest import App, Manifest, Policy
from olos_cli import keyfile
from support.dynamic_root import loaded
from support.runtime import APP, POLICY, Spec, make_layout, run, with_app

DRIVER = Path(__file__).parent.parent / "unit" / "runtime" / "libolos_driver.c"
DRIVEN = replace(APP, args=("/bin/driver",))
SEALING = replace(POLICY, host_args="append", product_id=7, security_version=3)


@dataclass(frozen=True)
class World:
    """A layout, and a machine with a root key."""

    layout: Path
    folder: Path
    keys: tuple[keyfile.PrivateKey, keyfile.PrivateKey]

    def package(self, policy: Policy = SEALING, *, app: App = DRIVEN, signer: int | None = 0) -> Path:
        """A layout like the first one, with another policy or app, signed with one of the keys."""
        number = len(list(self.folder.iterdir()))
        made = with_app(self.layout, self.folder / str(number), app, policy)
        return made if signer is None else self.signed(made, signer)

    def signed(self, layout: Path, signer: int) -> Path:
        manifest = Manifest.decode((layout / "olos.json").read_bytes())
        statement = statement_of(manifest, measurement(manifest), "2026-01-31")
        key = self.keys[signer]
        made = assemble(statement, key.modulus, key.sign(statement.encode()))
        (layout / "olos.sigstruct").write_bytes(made.encode())
        return layout

    def call(self, layout: Path, *args: str, stdin: bytes = b"", code: int = 0, home: str = "home") -> bytes:
        """Run the driver in a package; what it prints. A debug build shows its kernel's messages as well."""
        folder = self.folder.parent / home
        folder.mkdir(exist_ok=True)
        env = {"PATH": os.environ["PATH"], "HOME": str(folder)}
        result = run(layout, *args, stdin=stdin, env=env)
        assert result.returncode == code, result.stderr
        return result.stdout


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("sealing")
    (folder / "layouts").mkdir()
    layout = make_layout(folder / "first", Spec(app=DRIVEN, policy=SEALING, fill=add_driver))
    return World(layout, folder / "layouts", (keyfile.generate(), keyfile.generate()))


def add_driver(tree: Path) -> None:
    """The driver, static with musl, and linked with glibc and the shared library."""
    flags: list[str | Path] = ["-std=c17", "-D_GNU_SOURCE", "-O1", f"-I{sdk()}/include", DRIVER]
    library = sdk() / "lib"
    subprocess.run(
        ["musl-gcc", "-static", *flags, library / "libolos.a", "-o", tree / "bin/driver"], check=True
    )
    shared: list[str | Path] = [library / "libolos.so.1", f"-Wl,-rpath,{library}"]
    subprocess.run(["gcc", *flags, *shared, "-o", tree / "bin/dynamic"], check=True)
    for source, target in loaded(tree / "bin/dynamic", tree):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        target.chmod(0o755)


@pytest.fixture(scope="module")
def sealer(world: World) -> Path:
    return world.package()


@pytest.fixture(scope="module")
def sealed(world: World, sealer: Path) -> dict[str, bytes]:
    """A secret, sealed with each policy."""
    return {policy: world.call(sealer, "seal", policy, "aad", stdin=b"secret") for policy in "12"}


@pytest.mark.parametrize("policy", "12", ids=["measurement", "signer"])
def test_the_same_package_opens_it_at_its_next_start(
    world: World, sealer: Path, sealed: dict[str, bytes], policy: str
) -> None:
    assert world.call(sealer, "unseal", "aad", stdin=sealed[policy]) == b"secret"


def test_another_machine_does_not(world: World, sealer: Path, sealed: dict[str, bytes]) -> None:
    world.call(sealer, "unseal", "aad", stdin=sealed["1"], code=EKEYREJECTED, home="other")


OTHER_APP = replace(DRIVEN, hostname="other")
CASES: dict[str, tuple[str, App, Policy, int | None, int]] = {
    "another measurement": ("1", OTHER_APP, SEALING, 0, EKEYREJECTED),
    "another signer": ("2", DRIVEN, SEALING, 1, EKEYREJECTED),
    "another product": ("2", DRIVEN, replace(SEALING, product_id=8), 0, EKEYREJECTED),
    "an older version": ("2", DRIVEN, replace(SEALING, security_version=2), 0, EPERM),
    "unsigned": ("2", DRIVEN, SEALING, None, ENOKEY),
    "a debug build": ("2", DRIVEN, replace(SEALING, debug=True), 0, EKEYREJECTED),
    "another app, newer": ("2", OTHER_APP, replace(SEALING, security_version=4), 0, 0),
}


@pytest.mark.parametrize("name", CASES)
def test_another_package(world: World, sealed: dict[str, bytes], name: str) -> None:
    policy, app, rules, signer, code = CASES[name]
    other = world.package(rules, app=app, signer=signer)
    printed = world.call(other, "unseal", "aad", stdin=sealed[policy], code=code)
    assert printed == (b"" if code else b"secret")


def test_a_program_linked_with_glibc_and_the_shared_library(world: World, sealed: dict[str, bytes]) -> None:
    other = world.package(app=replace(DRIVEN, args=("/bin/dynamic",)))
    assert world.call(other, "unseal", "aad", stdin=sealed["2"]) == b"secret"
    again = world.call(other, "seal", "1", "", stdin=b"mine")
    assert world.call(other, "unseal", "", stdin=again) == b"mine"


def test_identity_and_certificates(world: World, sealer: Path) -> None:
    assert world.call(sealer, "kind") == b"1\n"
    value = measurement(Manifest.decode((sealer / "olos.json").read_bytes())).value
    identity = world.call(sealer, "identity")
    assert identity[16:48] == value
    certificate = world.call(sealer, "generate", "1", "384").split(b"-----BEGIN PRIVATE KEY-----")[0]
    world.call(sealer, "verify-cert", "1", "00", stdin=certificate, code=EDOM)
    world.call(sealer, "verify-cert", "0", "00", stdin=certificate, code=EPERM)
