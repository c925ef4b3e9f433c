from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import olos_build.kernel
from olos import hashcore
from olos.errors import MissingToolError
from olos.finding import Finding
from olos_build.builders.table import BUILDERS
from olos_build.doctor import examine


class Builder:
    """A builder that has a version, or is not there."""

    def __init__(self, version: str | None) -> None:
        self._version = version

    def version(self) -> str:
        if self._version is None:
            raise MissingToolError("it is not\n  here", hint="install it")
        return self._version


Have = Callable[..., dict[str, Finding]]


@pytest.fixture
def have(monkeypatch: pytest.MonkeyPatch) -> Have:
    """What is found with these versions of builders."""

    def find(**versions: str | None) -> dict[str, Finding]:
        builders: Any = {name: Builder(version) for name, version in versions.items()}
        monkeypatch.setattr("olos_build.doctor.BUILDERS", builders)
        return {finding.name: finding for finding in examine()}

    return find


def test_one_builder_is_enough(have: Have) -> None:
    found = have(buildah="1.28.2", docker=None)
    assert found["buildah"] == Finding("buildah", "ok", "1.28.2")
    cost = "olos build cannot use --builder docker"
    assert found["docker"] == Finding("docker", "limited", "it is not here", cost, "install it")
    assert "builder" not in found


def test_no_builder(have: Have) -> None:
    found = have(buildah=None, docker=None)
    assert (found["builder"].state, found["builder"].cure) == ("missing", "apt-get install buildah")


def test_parts_of_a_layout(have: Have) -> None:
    found = have(buildah="1")
    assert (found["kernel"].state, found["C-runtime"].state) == ("ok", "ok")


def test_no_kernel(have: Have, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(olos_build.kernel, "DEFAULT_KERNEL", Path("/none/linux"))
    kernel = have(buildah="1")["kernel"]
    assert kernel.state == "missing"
    assert "--kernel" in kernel.cost and kernel.cure


@pytest.mark.parametrize(
    ("compiled", "state"), [(True, "ok"), (False, "limited")], ids=["compiled", "python"]
)
def test_hash_core(have: Have, monkeypatch: pytest.MonkeyPatch, compiled: bool, state: str) -> None:
    monkeypatch.setattr(hashcore, "COMPILED", compiled)
    assert have(buildah="1")["hash core"].state == state


def test_the_builders_of_this_host() -> None:
    names = {finding.name for finding in examine()}
    assert set(BUILDERS) < names
