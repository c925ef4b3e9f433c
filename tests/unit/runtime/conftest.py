"""What the tests of the C parts share."""

from pathlib import Path

import pytest

from support.probe import build


@pytest.fixture(scope="session")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The readers, built with the compiler's memory checkers."""
    return build(tmp_path_factory.mktemp("probe"))
