"""What the tests of the C parts share."""

from pathlib import Path

import pytest

from support.probe import build
from support.tee import build as build_tee


@pytest.fixture(scope="session")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The readers, built with the compiler's memory checkers."""
    return build(tmp_path_factory.mktemp("probe"))


@pytest.fixture(scope="session")
def tee(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The simulated TEE and the verifier of init, built in the same way."""
    return build_tee(tmp_path_factory.mktemp("tee"))
