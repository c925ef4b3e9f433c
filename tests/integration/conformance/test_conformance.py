"""Dockerfiles through buildah, a Docker Engine, and the BuildKit inside of it (the table in `cases/`).

For each case, entry by entry: what olos merges is what the engine itself has, and the engines agree with
buildah, olos's first choice, but for the differences that the table tells, with the reason.
"""

import re
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from functools import cache
from pathlib import Path

import pytest

from olos.errors import BuildStepError
from olos.progress import SILENT
from olos_build.builders.protocol import BuildRequest
from olos_build.builders.table import BUILDERS
from support.conformance import ENGINES, IMAGES, Case, cases, dockerfile, layer_scripts
from support.conformance_context import write_context
from support.facts import EPOCH, Facts
from support.judged import Engine, Judged, engines, judged

Lines = dict[str, str]
Build = Callable[[str, tuple[Case, ...]], Judged]

TREES = ("copy", "add", "layers", "stages", "large")
"""Groups whose cases are built together: each has a directory of its own."""

DIRECTORY = Facts("", "d", 0o755, "0:0", 0)
MOUNTED = ("/dev", "/proc", "/sys")
STANDARD = ("/", "/etc", "/run", *MOUNTED)
LEFT_OVER = (
    "/.dockerenv",
    "/run/.containerenv",
    "/etc/hosts",
    "/etc/hostname",
    "/etc/resolv.conf",
    "/etc/mtab",
)

SECONDS = 0
"""SOURCE_DATE_EPOCH of the cases about configuration: with it nothing speaks against the builders' caches."""


def rows(*groups: str) -> list[object]:
    """The cases of groups as parameters of a test."""
    return [
        pytest.param(case, id=f"{group}-{case.name}", marks=[pytest.mark.long] if case.long else [])
        for group in groups
        for case in cases(group)
    ]


@pytest.fixture(scope="module")
def started(registry: str) -> Iterator[dict[str, Engine]]:
    """The engines, and in the registry the images that cases are made from."""
    with engines() as found:
        for name, text in IMAGES.items():
            with tempfile.TemporaryDirectory() as folder:
                request = _request(Path(folder), [], text)
                built = BUILDERS["buildah"].build(request, Path(folder), SILENT)
                target = f"docker://{registry}/{name}:v1"
                copy = ["skopeo", "copy", "--quiet", "--dest-tls-verify=false"]
                subprocess.run([*copy, f"docker-archive:{built.path}", target], check=True)
        yield found


@pytest.fixture(scope="module")
def build(started: dict[str, Engine], registry: str) -> Build:
    """What an engine makes of cases, made once."""

    @cache
    def built(engine: str, together: tuple[Case, ...]) -> Judged:
        with tempfile.TemporaryDirectory() as folder:
            request = _request(Path(folder), together, dockerfile(together, registry))
            return judged(started[engine], request)

    return built


def _request(folder: Path, together: Iterable[Case], text: str) -> BuildRequest:
    together = list(together)
    context = write_context(folder / "context", layer_scripts(together))
    file = folder / "Dockerfile"
    file.write_text(text, newline="")
    configured = bool(together and together[0].dockerfile)
    return BuildRequest(
        file,
        context,
        stage=together[0].target if together else None,
        build_args=(("GIVEN", "given"),),
        epoch=SECONDS if configured else EPOCH,
    )


def _beside(case: Case, engine: str) -> tuple[Case, ...]:
    """The cases that are built together with this one."""
    if case.group == "large":
        return (case,)
    return tuple(other for other in cases(case.group) if engine in other.engines and other.long == case.long)


@pytest.mark.parametrize("case", rows(*TREES))
def test_trees(case: Case, build: Build) -> None:
    results = _results(build, {engine: _beside(case, engine) for engine in case.engines})
    merged = {engine: _part(result.merged, case.here) for engine, result in results.items()}
    for engine, result in results.items():
        assert merged[engine] == _part(result.own, case.here), engine
        assert case.here in merged[engine]
    _check(case, merged)


@pytest.mark.parametrize("case", rows("config"))
def test_configurations(case: Case, build: Build) -> None:
    results = _results(build, dict.fromkeys(case.engines, (case,)))
    said = {engine: _configuration(result) for engine, result in results.items()}
    for engine, result in results.items():
        if case.whole:
            said[engine] |= _lines(result.merged)
            assert _lines(result.merged) == _canonical(result.own), engine
    _check(case, said)


def _results(build: Build, wanted: Mapping[str, tuple[Case, ...]]) -> dict[str, Judged]:
    """What the engines make: buildah at the same time as the others, which share a daemon."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(build, "buildah", wanted["buildah"]) if "buildah" in wanted else None
        results = {engine: build(engine, rows) for engine, rows in wanted.items() if engine != "buildah"}
        return ({"buildah": future.result()} if future else {}) | results


def _check(case: Case, said: Mapping[str, Lines]) -> None:
    """The engines differ as the case tells, and not otherwise."""
    first, *others = case.engines
    assert {engine: _difference(said[first], said[engine]) for engine in others} == {
        engine: case.differs.get(engine, []) for engine in others
    }
    assert bool(case.differs) == bool(case.why)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", rows("refused"))
def test_refusals(case: Case, engine: str, started: dict[str, Engine], registry: str, tmp_path: Path) -> None:
    request = _request(tmp_path, [case], dockerfile([case], registry))
    if engine not in case.refused:
        judged(started[engine], request)
        return
    with pytest.raises(BuildStepError) as caught:
        judged(started[engine], request)
    assert re.search(case.refused[engine], caught.value.message)


def _part(entries: Mapping[str, Facts], folder: str) -> Lines:
    return {
        path: str(facts) for path, facts in entries.items() if path == folder or path.startswith(folder + "/")
    }


def _lines(entries: Mapping[str, Facts]) -> Lines:
    return {path: str(facts) for path, facts in entries.items()}


def _canonical(entries: Mapping[str, Facts]) -> Lines:
    """An engine's view by the rules of docs/formats.md section 2.4, as far as a case needs them."""
    result = {}
    for path, facts in {**dict.fromkeys(STANDARD, DIRECTORY), **entries}.items():
        top = "/" + path.split("/")[1]
        if path in LEFT_OVER or (top in MOUNTED and path != top):
            continue
        plain = path in ("/", *MOUNTED) or not any(other.startswith(path + "/") for other in entries)
        ours = DIRECTORY if plain and path in STANDARD else facts
        result[path] = str(ours._replace(path=path, mtime=0))
    return dict(sorted(result.items(), key=lambda item: item[0].encode()))


def _configuration(result: Judged) -> Lines:
    """An empty command is none, and the working directory is the root if there is no other."""
    config, lines = result.config, {}
    config = replace(
        config,
        entrypoint=config.entrypoint or (),
        cmd=config.cmd or (),
        working_dir=config.working_dir or "/",
    )
    for what, record in (("image", config), ("app", result.app)):
        for field in fields(record):
            name = f"{what}.{field.name}"
            lines[name] = f"{name} = {getattr(record, field.name)!r}"
    del lines["image.history"]  # Each builder has other words for it.
    return lines


def _difference(one: Lines, other: Lines) -> list[str]:
    gone = [f"- {line}" for name, line in sorted(one.items()) if other.get(name) != line]
    return gone + [f"+ {line}" for name, line in sorted(other.items()) if one.get(name) != line]
