"""Scrubbing on a real Debian image: what apt-get leaves, and that the rest is the same whenever it runs."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from olos.progress import SILENT
from olos_build.builders.protocol import BuildRequest, Extras
from olos_build.builders.table import BUILDERS
from olos_build.canonical_tree import canonicalise
from olos_build.image import open_archive
from olos_build.merge import Merged, merge
from olos_build.scrub import RULES, scrub
from support.olos import olos
from support.trees import describe

DOCKERFILE = """\
FROM {base}
RUN apt-get update && apt-get install -y --no-install-recommends hello && ldconfig
RUN cat /proc/sys/kernel/random/uuid > /etc/machine-id && install -D /etc/machine-id /var/lib/dbus/machine-id
RUN mkdir -p /root/.cache /home/a/.cache/b && date +%N > /root/.cache/x && date +%N > /home/a/.cache/b/y && \\
    mktemp -d && mktemp -p /var/tmp && cp /etc/machine-id /home/a/kept
"""
TOML = f"[build]\nscrub = {json.dumps(list(RULES))}\n"

GONE = {
    "apt": ["var/cache/apt/pkgcache.bin", "var/cache/apt/srcpkgcache.bin", "var/lib/apt/lists/lock"],
    "dpkg-logs": ["var/log/dpkg.log", "var/log/apt/history.log", "var/lib/dpkg/status-old"],
    "ldconfig": ["var/cache/ldconfig/aux-cache"],
    "machine-id": ["var/lib/dbus/machine-id"],
    "caches": ["root/.cache/x", "home/a/.cache/b"],
    "pyc": [],
}
STAYS = [
    *("usr/bin/hello", "var/lib/dpkg/status", "var/lib/dpkg/info/hello.list", "etc/ld.so.cache"),
    *("var/lib/apt/extended_states", "var/lib/apt/lists", "var/cache/apt/archives/partial", "var/log/apt"),
    *("tmp", "var/tmp", "root/.cache", "home/a/.cache", "home/a/kept", "etc/machine-id"),
]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory, debian: str) -> list[Path]:
    """Two images of one Dockerfile, built one after the other without a cache."""
    folder = tmp_path_factory.mktemp("scrub")
    context = folder / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(DOCKERFILE.format(base=debian))
    request = BuildRequest(context / "Dockerfile", context, extras=Extras(no_cache=True))
    made = []
    for name in ("one", "two"):
        (folder / name).mkdir()
        made.append(BUILDERS["buildah"].build(request, folder / name, SILENT).path)
    return made


@pytest.fixture(scope="module")
def merged(images: list[Path], tmp_path_factory: pytest.TempPathFactory) -> list[Merged]:
    folder = tmp_path_factory.mktemp("layers")
    return [merge(open_archive(image, folder, SILENT, None).layers, SILENT) for image in images]


def tree(merged: Merged, names: Sequence[str]) -> dict[bytes, object]:
    canonical = canonicalise(scrub(merged, names, SILENT), 0, SILENT)
    return {entry.path: entry for entry in describe(canonical)}


def test_what_apt_leaves_differs_and_is_all_that_does(merged: list[Merged]) -> None:
    one, two = (tree(each, []) for each in merged)
    differ = {path for path in one.keys() | two.keys() if one.get(path) != two.get(path)}
    assert {b"var/log/dpkg.log", b"etc/machine-id"} <= differ
    one, two = (tree(each, list(RULES)) for each in merged)
    assert {path for path in one.keys() | two.keys() if one.get(path) != two.get(path)} == {b"home/a/kept"}


@pytest.mark.parametrize("rule", RULES)
def test_what_a_rule_takes_away(merged: list[Merged], rule: str) -> None:
    before = merged[0]
    after = scrub(before, [rule], SILENT)
    for path in GONE[rule]:
        assert path.encode() in before, path
        assert path.encode() not in after, path
    for path in STAYS:
        assert path.encode() in after, path
    others = [path for name, paths in GONE.items() if name != rule for path in paths]
    assert all(path.encode() in after for path in others)


def test_no_rule_finds_its_files_twice(merged: list[Merged]) -> None:
    once = scrub(merged[0], list(RULES), SILENT)
    assert scrub(once, list(RULES), SILENT) == once
    assert once[b"etc/machine-id"].size == 0


def test_layouts_are_the_same_and_name_the_rules(tmp_path: Path, images: list[Path]) -> None:
    toml = TOML.replace('"caches"', '"caches", "apt"')
    (tmp_path / "olos.toml").write_text(toml + '[app]\nargs = ["/usr/bin/hello"]\n')
    values = []
    for number, image in enumerate(images):
        layout = tmp_path / str(number)
        olos("build", "--image", f"docker-archive:{image}", "--config", tmp_path / "olos.toml", "-o", layout)
        olos("measure", layout, "--write", tmp_path / f"{number}.json")
        kept = olos("cat", layout, "/home/a/kept").stdout
        assert olos("cat", layout, "/etc/machine-id").stdout == "" != kept
        annotations = json.loads((layout / "annotations.json").read_text())
        assert annotations["scrub"] == sorted(RULES)
        assert "scrubbed: apt, caches" in olos("inspect", layout).stdout
        inputs = json.loads((tmp_path / f"{number}.json").read_text())["inputs"]
        assert {"name": "scrub", "value": ", ".join(sorted(RULES))} in inputs
        values.append(kept)
    assert values[0] != values[1]


@pytest.mark.long
def test_python_from_apt_gives_one_value(tmp_path: Path, debian: str) -> None:
    """Two builds without a cache, at different times, and the hostile double build."""
    (tmp_path / "Dockerfile").write_text(
        f"FROM {debian}\nRUN apt-get update && apt-get install -y --no-install-recommends python3\n"
        'CMD ["/usr/bin/python3", "--version"]\n'
    )
    (tmp_path / "olos.toml").write_text(TOML)
    values = {
        olos("build", "--no-cache", "-o", tmp_path / name, cwd=tmp_path).stdout for name in ("one", "two")
    }
    assert len(values) == 1
    checked = olos("build", "--check", "-o", tmp_path / "three", cwd=tmp_path)
    assert checked.stdout.split()[0] in values.pop()
