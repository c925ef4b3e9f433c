"""The target's side of the TEE: what a layout's signature must say, and what a hostile kernel may ask."""

import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from measure.regions import measurement
from measure.sigstruct import Statement, assemble, mrsigner, statement_of
from olos.digest import Digest
from olos.manifest import Manifest
from support.hostile_init import SERIAL, with_init
from support.keys import KEY, modulus_of, signature
from support.runtime import POLICY, Spec, command, make_layout, processes_of, run, shell, with_app

MODULUS = modulus_of(KEY)
SIGNED_POLICY = replace(POLICY, product_id=7, security_version=3)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = Spec(app=shell("cat /run/olos/tee.json; echo; env"), policy=SIGNED_POLICY)
    return make_layout(tmp_path_factory.mktemp("tee") / "layout", spec)


def manifest_of(layout: Path) -> Manifest:
    return Manifest.decode((layout / "olos.json").read_bytes())


def sign(layout: Path, change: Callable[[Statement], Statement] = lambda statement: statement) -> bytearray:
    """The signature of a layout, by a key that everybody knows."""
    manifest = manifest_of(layout)
    statement = change(statement_of(manifest, measurement(manifest), "2024-02-29"))
    return bytearray(assemble(statement, MODULUS, signature(KEY, statement.encode())).encode())


@pytest.fixture
def layout(original: Path, tmp_path: Path) -> Path:
    manifest = manifest_of(original)
    return with_app(original, tmp_path / "layout", manifest.app, manifest.policy)


def test_a_signed_layout_starts(layout: Path, tmp_path: Path) -> None:
    (layout / "olos.sigstruct").write_bytes(sign(layout))
    result = run(layout, env={"HOME": str(tmp_path), "OLOS_SIM_ROOT": "/nowhere"})
    assert (result.returncode, result.stderr) == (0, b"")
    assert mrsigner(MODULUS).hex in result.stdout.decode()
    assert b"OLOS_SIM_ROOT" not in result.stdout
    assert not (tmp_path / ".local").exists(), "who asks nothing makes nothing"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"measurement": Digest.sha256(b"another")}, "ENCLAVEHASH"),
        ({"product_id": 8}, "ISVPRODID"),
        ({"security_version": 4}, "ISVSVN"),
        ({"attributes": 6}, "ATTRIBUTES"),
        ({"attribute_mask": 0}, "ATTRIBUTEMASK"),
        ({"vendor": 0x8086}, "VENDOR"),
        ({"misc_select": 1}, "MISCSELECT"),
        ({"family_id": bytes(15) + b"\1"}, "ISVFAMILYID"),
    ],
    ids=["measurement", "product", "svn", "debug", "mask", "vendor", "misc", "family"],
)
def test_a_genuine_signature_of_something_else(layout: Path, change: Mapping[str, Any], message: str) -> None:
    (layout / "olos.sigstruct").write_bytes(sign(layout, lambda one: replace(one, **change)))
    result = run(layout)
    assert (result.returncode, result.stdout) == (5, b"")
    assert f"olos: olos.sigstruct: {message}" in result.stderr.decode()


@pytest.mark.parametrize(
    ("at", "message"),
    [
        (20, "DATE is no date"), (44, "a reserved byte is not zero"), (128, "SIGNATURE is not one"),
        (511, "MODULUS is that of no RSA key"), (512, "EXPONENT"), (516, "SIGNATURE is not one"),
        (1028, "a reserved byte is not zero"), (1040, "Q1 or Q2"), (1807, "Q1 or Q2"),
    ],
    ids=str,
)  # fmt: skip
def test_a_signature_that_is_not_genuine(layout: Path, at: int, message: str) -> None:
    data = sign(layout)
    data[at] ^= 0xF0 if at == 20 else 0x82
    (layout / "olos.sigstruct").write_bytes(data)
    result = run(layout)
    assert (result.returncode, result.stdout) == (5, b"")
    assert message in result.stderr.decode()


# --- a kernel that somebody has taken over ------------------------------------------------------------------

PRELUDE = r"""
static int tee;
struct head { uint32_t kind, size; uint64_t tag; };
static void request(uint32_t kind, uint32_t size, const void *body) {
    struct head head = {kind, size, 42};
    (void)!write(tee, &head, sizeof head);
    (void)!write(tee, body, size);
}
static uint32_t answer(uint32_t *size) {
    struct head head;
    char *at = (char *)&head;
    while (at < (char *)(&head + 1)) {
        ssize_t count = read(tee, at, (size_t)((char *)(&head + 1) - at));
        if (count <= 0) exit(1);
        at += count;
    }
    *size = head.size;
    return head.tag == 42 ? head.kind : 999;
}
static uint8_t zeros[128];
int main(void) {
    uint32_t size = 0;
    line = serial("/dev/line", 0);
    tee = serial("/dev/tee", 4);
    frame('R', 0, 0, 0);
    frame('S', 0, 0, 0);
"""
POSTLUDE = "for (;;) pause(); }"
END = "frame('X', 0, {}, 0);"


def hostile(layout: Path, body: str, folder: Path) -> Path:
    return with_init(layout, SERIAL + PRELUDE + body + POSTLUDE, folder)


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ("request(3, 0, zeros); frame('X', 0, answer(&size) == 0 && size > 400 ? 7 : 8, 0);", 7, ""),
        ("request(1, 64, zeros); frame('X', 0, answer(&size) == 0 && size > 1000 ? 7 : 8, 0);", 7, ""),
        ("request(9, 0, zeros); frame('X', 0, answer(&size) == 22 && !size ? 7 : 8, 0);", 7, ""),
        ("request(1, 63, zeros); frame('X', 0, answer(&size) == 22 && !size ? 7 : 8, 0);", 7, ""),
        ("for (int i = 0; i < 20; i++) { request(9, 64, zeros); if (answer(&size) != 22) _exit(1); }"
         "frame('X', 0, 7, 0);", 7, ""),
        ("(void)!write(tee, zeros, 15); usleep(300000); frame('X', 0, 7, 0);", 7, ""),
        ("request(1, 65, zeros);", 125, "init has sent a wrong request of the TEE"),
        ("request(1, 0xffffffff, zeros);", 125, "init has sent a wrong request of the TEE"),
    ],
    ids=["root", "report", "kind", "size", "one-by-one", "partial", "large", "huge"],
)  # fmt: skip
def test_requests(layout: Path, tmp_path: Path, body: str, code: int, message: str) -> None:
    result = start(hostile(layout, body, tmp_path), tmp_path)
    assert (result.returncode, message in result.stderr.decode()) == (code, True), result
    assert processes_of(layout) == set()


def test_a_flood_ends_with_the_kernel(layout: Path, tmp_path: Path) -> None:
    """Nobody reads the answers: the target neither waits nor keeps them."""
    body = "for (int i = 0; i < 20000; i++) request(9, 0, zeros); frame('X', 0, 7, 0);"
    result = start(hostile(layout, body, tmp_path), tmp_path)
    assert result.returncode in (7, 125)
    assert processes_of(layout) == set()


def test_a_key_that_cannot_be_had_fails_the_request_alone(layout: Path, tmp_path: Path) -> None:
    body = "request(1, 64, zeros); frame('X', 0, answer(&size) == 126 && !size ? 7 : 8, 0);"
    result = start(hostile(layout, body, tmp_path), tmp_path, OLOS_SIM_ROOT=str(tmp_path / "none"))
    assert result.returncode == 7
    assert f"{tmp_path}/none: No such file or directory" in result.stderr.decode()


def start(layout: Path, home: Path, **env: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command(layout),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
        env={"PATH": os.environ["PATH"], "HOME": str(home), **env},
    )
