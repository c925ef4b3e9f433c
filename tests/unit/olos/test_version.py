import tomllib
from pathlib import Path

from olos import VERSION

ROOT = Path(__file__).parent.parent.parent.parent


def test_one_version_everywhere() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION
    assert f"version: '{VERSION}'" in (ROOT / "meson.build").read_text()
    assert f"## {VERSION}" in (ROOT / "CHANGELOG.md").read_text()
