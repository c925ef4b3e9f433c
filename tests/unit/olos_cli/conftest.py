"""What the tests of the command line share."""

from pathlib import Path

import pytest

from support.cli import Call, caller
from support.measured import measured_layout, package_of
from support.trees import Store, rich_tree


@pytest.fixture
def call(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Call `olos` in this process."""
    monkeypatch.setenv("COLUMNS", "80")
    return caller(capfdbinary)


@pytest.fixture(scope="session")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A layout whose root file system has something of everything."""
    folder = tmp_path_factory.mktemp("rich")
    return measured_layout(folder / "olos-layout", rich_tree(Store(folder / "store")))


@pytest.fixture(scope="session")
def package(layout: Path) -> Path:
    """The package of the layout."""
    return package_of(layout, layout.parent / "app.olos")
