"""One package in containers of Docker, with its own seccomp profile and its /dev/shm of 64 MiB."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from support.runtime import TIMEOUT, shell
from support.works import INPUT, assert_works, make_package


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("containers")


@pytest.fixture(scope="module")
def package(folder: Path) -> Path:
    return make_package(folder)


@pytest.fixture(scope="module")
def image(engine: str, package: Path) -> str:
    return image_of(engine, package)


def image_of(engine: str, package: Path) -> str:
    """An image with nothing but a package, for the Engine."""
    folder = package.parent
    archive = folder / "image.tar"
    for name in ("proc", "dev", "tmp"):
        (folder / "root" / name).mkdir(parents=True)
    subprocess.run(
        ["tar", "-cf", archive, "-C", folder / "root", ".", "-C", folder, package.name], check=True
    )
    name = f"olos-others-{folder.name}"
    docker(engine, "import", archive, name)
    return name


def docker(engine: str, *args: str | Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["docker", *args],
        input=INPUT,
        env={**os.environ, "DOCKER_HOST": engine},
        capture_output=True,
        check=False,
        timeout=TIMEOUT,
    )


NO_PRIVILEGES = (
    *("--user=65534:65534", "--cap-drop=ALL", "--security-opt=no-new-privileges"),
    *("--read-only", "--pids-limit=32", "--memory=256m"),
)


@pytest.mark.parametrize(
    "options", [(), ("--init",), NO_PRIVILEGES], ids=["default", "init", "no-privileges"]
)
def test_docker(engine: str, image: str, package: Path, options: tuple[str, ...]) -> None:
    assert_works(docker(engine, "run", "--rm", "-i", "--network=none", *options, image, f"/{package.name}"))


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--memory=16m", b"the memory of this container is limited to 16 MiB; 32 MiB are needed"),
        ("--pids-limit=4", b"more processes of this container are limited to 3; 7 are needed"),
    ],
    ids=["memory", "processes"],
)
def test_small_container(engine: str, image: str, package: Path, option: str, message: bytes) -> None:
    result = docker(engine, "run", "--rm", "--network=none", option, image, f"/{package.name}")
    assert (result.returncode, result.stdout) == (125, b"")
    assert message in result.stderr


def test_no_more_memory_than_the_policy_says(engine: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The container has what docs/hosts.md says; with less it would be ended by the host."""
    package = make_package(tmp_path_factory.mktemp("hog"), shell("for i in 1 2 3; do tail /dev/zero; done"))
    limits = ("--memory=160m", "--memory-swap=160m", "--network=none")
    result = docker(engine, "run", "--rm", *limits, image_of(engine, package), f"/{package.name}")
    message = b"olos: out of memory: 3 of the app's processes were ended (policy.memory = 128 MiB)\n"
    assert result.returncode == 128 + signal.SIGKILL
    assert result.stderr.endswith(message)


def profile_with(rule: dict[str, object], folder: Path) -> Path:
    """A seccomp profile that allows the rest."""
    path = folder / "profile.json"
    path.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}))
    return path


WRITE_EXECUTE = {"index": 2, "value": 6, "valueTwo": 6, "op": "SCMP_CMP_MASKED_EQ"}


@pytest.mark.parametrize(
    ("rule", "finding", "message"),
    [
        (
            {"names": ["ptrace"]},
            b"missing  ptrace: refused: Operation not permitted",
            b"hint: the option --olos-doctor",
        ),
        (
            {"names": ["seccomp"]},
            b"missing  filter: no system call filters",
            b"hint: the option --olos-doctor",
        ),
        (
            {"names": ["mmap"], "args": [WRITE_EXECUTE]},
            b"missing  code: refused where it can be written: Operation not permitted",
            b"olos: memory that can be written and executed is refused: Operation not permitted\n  hint: ",
        ),
    ],
    ids=["ptrace", "seccomp", "write-execute"],
)
def test_forbidden_in_a_container(
    engine: str,
    image: str,
    package: Path,
    tmp_path: Path,
    rule: dict[str, object],
    finding: bytes,
    message: bytes,
) -> None:
    profile = profile_with({**rule, "action": "SCMP_ACT_ERRNO"}, tmp_path)
    run = ("run", "--rm", "--network=none", f"--security-opt=seccomp={profile}", image, f"/{package.name}")
    doctor, start = docker(engine, *run, "--olos-doctor"), docker(engine, *run)
    assert (doctor.returncode, start.returncode) == (125, 125)
    assert finding in doctor.stdout
    assert message in start.stderr


def test_a_filter_that_kills(engine: str, image: str, package: Path, tmp_path: Path) -> None:
    rule: dict[str, object] = {"names": ["landlock_create_ruleset"], "action": "SCMP_ACT_KILL_PROCESS"}
    option = f"--security-opt=seccomp={profile_with(rule, tmp_path)}"
    result = docker(engine, "run", "--rm", "--network=none", option, image, f"/{package.name}")
    assert result.returncode == 125
    assert b"olos: the kernel has ended before the app\n" in result.stderr
    assert b"a system call filter of the host has ended the kernel" in result.stderr


def test_doctor_in_a_container(engine: str, image: str, package: Path) -> None:
    """The memory limit is seen, and what Docker forbids costs a wall."""
    run = ("run", "--rm", "--network=none", "--memory=100m", image, f"/{package.name}")
    result = docker(engine, *run, "--olos-doctor")
    assert result.returncode == 0, result
    lines = result.stdout.decode().splitlines()
    assert "limited  room: 100 MiB allowed to this container; the app may use 128 MiB" in lines
    assert "limited  namespaces: none for processes: Operation not permitted" in lines
    assert not [line for line in lines if line.startswith("missing") or len(line) > 80]
