"""Every example does what its README says, and its package prints what stands in `expected`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.olos import EXAMPLES, execute, olos
from support.runtime import compile_static

PLAIN = ["hello", "busybox-shell", "multiprocess"]
PYTHON = ["python-app", "which-tee"]


def build(name: str, folder: Path, *args: str) -> Path:
    """Prepare, build and pack an example; returns the package."""
    shutil.copytree(EXAMPLES / name, folder, dirs_exist_ok=True)
    if name not in PYTHON:
        execute([folder / "prepare"], cwd=folder)
    value = olos("build", "Dockerfile", *args, cwd=folder).stdout
    assert olos("measure", cwd=folder).stdout == value
    olos("pack", "-o", "app.olos", cwd=folder)
    assert execute([folder / "app.olos", "--olos-measure"]).stdout == value
    return folder / "app.olos"


def prints_what_is_expected(package: Path) -> None:
    result = execute([package])
    assert result.stdout == (package.parent / "expected").read_text()


OF_THEIR_OWN = ["attested-peers", "attested-secret"]  # test_attested_peers.py, test_attested_secret.py


def test_none_is_forgotten() -> None:
    known = [*PLAIN, *PYTHON, *OF_THEIR_OWN, "base", "sealed-counter"]
    assert sorted(path.name for path in EXAMPLES.iterdir()) == sorted(known)


@pytest.mark.parametrize("name", PLAIN)
def test_example(name: str, tmp_path: Path) -> None:
    prints_what_is_expected(build(name, tmp_path / name))


@pytest.fixture(scope="module")
def base(registry: str) -> str:
    """The base image with Python, in the registry and nowhere else."""
    image = subprocess.run(
        [EXAMPLES / "base" / "make-base.sh", registry],
        check=True,
        capture_output=True,
        text=True,
        timeout=400,
    ).stdout.strip()
    assert image.startswith(f"{registry}/")
    subprocess.run(["buildah", "rmi", "--force", image], check=False, capture_output=True)
    return image


def test_python_app_on_a_base_that_is_pulled(registry: str, base: str, tmp_path: Path) -> None:
    package = build("python-app", tmp_path / "app", "--build-arg", f"REGISTRY={registry}")
    prints_what_is_expected(package)
    pulled = subprocess.run(["buildah", "images", base], check=False, capture_output=True, text=True)
    assert pulled.returncode == 0, "FROM has not pulled the base image"


@pytest.mark.usefixtures("base")
def test_which_tee(registry: str, tmp_path: Path) -> None:
    source = EXAMPLES / "which-tee"
    (tmp_path / "app").mkdir()
    compile_static((source / "which_tee.c").read_text(), tmp_path / "app/which_tee")
    package = build("which-tee", tmp_path / "app", "--build-arg", f"REGISTRY={registry}")
    prints_what_is_expected(package)
    outside = subprocess.run([sys.executable, source / "which_tee.py"], check=False, capture_output=True)
    assert (outside.returncode, outside.stderr) == (1, b"Python: no TEE\n")


def test_sealed_counter(tmp_path: Path) -> None:
    olos("sdk", tmp_path / "counter" / "sdk")
    package = build("sealed-counter", tmp_path / "counter")
    (tmp_path / "data").mkdir()
    call: list[str | Path] = [package, "--olos-mount", f"/data={tmp_path / 'data'}"]
    home = {"HOME": str(tmp_path)}
    assert execute(call, env=home).stdout == (package.parent / "expected").read_text()
    assert execute(call, env=home).stdout == "Start number 2\n"
    sealed = bytearray((tmp_path / "data/counter").read_bytes())
    sealed[70] ^= 1
    (tmp_path / "data/counter").write_bytes(sealed)
    result = execute(call, env=home, expect=1)
    assert (result.stdout, result.stderr) == ("", "/data/counter: Key was rejected by service\n")


@pytest.mark.parametrize("name", [*PLAIN, "sealed-counter", "which-tee"])
def test_readme_shows_the_lines_that_work(name: str) -> None:
    text = (EXAMPLES / name / "README.md").read_text()
    for line in ("olos build Dockerfile", "olos pack -o app.olos", "./app.olos"):
        assert f"    {line}" in text
    assert os.access(EXAMPLES / name / "prepare", os.X_OK)
