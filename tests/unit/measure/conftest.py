"""What the tests of measuring share."""

import pytest

from measure import rootfs
from olos import hashcore


@pytest.fixture(params=["compiled", "pure"])
def hashing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test runs twice: with the compiled module, and as with OLOS_PURE=1."""
    if request.param == "pure":
        monkeypatch.setattr(hashcore, "_module", None)
        monkeypatch.setattr(rootfs, "COMPILED", False)
