"""Services that the integration tests share."""

from collections.abc import Iterator

import pytest

from support.debian import apt_image
from support.engine import private_engine
from support.registry import private_registry


@pytest.fixture(scope="session")
def engine() -> Iterator[str]:
    """DOCKER_HOST of a Docker Engine."""
    with private_engine() as address:
        yield address


@pytest.fixture(scope="session")
def registry() -> Iterator[str]:
    """host:port of an image registry that speaks plain HTTP."""
    with private_registry() as address:
        yield address


@pytest.fixture(scope="session")
def debian(registry: str) -> str:
    """The name of a Debian image with apt, in that registry."""
    return apt_image(registry)
