"""What the tests of the C parts share."""

from pathlib import Path

import pytest

from measure.layout import measure
from olos.layout import open_directory
from olos.progress import SILENT
from support.measured import measured_layout, package_of
from support.probe import build
from support.tee import build as build_tee
from support.trees import Store, rich_tree


@pytest.fixture(scope="session")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The readers, built with the compiler's memory checkers."""
    return build(tmp_path_factory.mktemp("probe"))


@pytest.fixture(scope="session")
def tee(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The simulated TEE and the verifier of init, built in the same way."""
    return build_tee(tmp_path_factory.mktemp("tee"))


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A layout that is measured and not run."""
    folder = tmp_path_factory.mktemp("answers")
    return measured_layout(folder / "layout", rich_tree(Store(folder / "store")))


@pytest.fixture(scope="module")
def package(layout: Path) -> Path:
    """The same as a package."""
    return package_of(layout, layout.with_name("app.olos"))


@pytest.fixture(scope="module")
def value(layout: Path) -> str:
    """The measurement of both, as Python says it."""
    return measure(open_directory(layout), SILENT).measurement.hex
