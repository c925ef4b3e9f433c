"""`olos build --check`: build again under other circumstances and compare. Knows nothing of the terminal."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TypeAlias

from measure.diff.compare import compare
from measure.diff.model import Difference, Origin
from measure.diff.side import Side, of_layout
from measure.regions import measurement
from olos.annotations import Annotations, Step
from olos.digest import Digest
from olos.errors import BuildStepError
from olos.layout import ROOTFS, open_directory
from olos.progress import Progress, Task
from olos_build.builders.protocol import BuildRequest
from olos_build.check.circumstances import Circumstances, Turn, other_circumstances
from olos_build.check.dimensions import MOST_RISK
from olos_build.check.model import Change
from olos_build.dockerfile import load
from olos_cli.building import BuildOptions, Built, build


@dataclass(frozen=True)
class Again:
    """One more build: its measurement, what was another one for it, and what was not and why."""

    measurement: Digest
    varied: tuple[tuple[str, str], ...]
    kept: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Trace:
    """A file whose difference is what a circumstance would have written there."""

    path: str
    circumstance: str
    text: str
    cure: str


@dataclass(frozen=True)
class Checked:
    """What came of a check. `first` is the first step whose files differ, if files do and it is known.

    `text` is its instruction, `stage` the stage that it copies from, where the cause must be.
    """

    builder: str
    builds: tuple[Again, ...]
    difference: Difference | None = None
    traces: tuple[Trace, ...] = ()
    first: Origin | None = None
    text: str = ""
    stage: str | None = None

    @property
    def reproduced(self) -> bool:
        """Whether all builds gave the same measurement."""
        return self.difference is None


_Found: TypeAlias = tuple[Again, Difference | None, tuple[Trace, ...]]


def check(options: BuildOptions, built: Built, times: int, progress: Progress) -> Checked:
    """Build again, at most so many times, until a measurement is another one. `built` is the first build.

    Raises any OlosError that building raises.
    """
    first = of_layout(open_directory(built.layout), progress)
    assert first.annotations is not None, "a layout that was built here has annotations"
    builder = first.annotations.builder
    builds: list[Again] = []
    for number in range(1, times + 1):
        turn = Turn(builder, number, (built.layout / ROOTFS).stat().st_size)
        again, difference, traces = _again(options, first, turn, f"{number} of {times}", progress)
        builds.append(again)
        if difference is not None:
            origin = _first_origin(difference)
            text, stage = _step(options.dockerfile, origin)
            return Checked(builder, tuple(builds), difference, traces, origin, text, stage)
    return Checked(builder, tuple(builds))


def _again(options: BuildOptions, first: Side, turn: Turn, which: str, progress: Progress) -> _Found:
    """With less and less of what some programs cannot bear, until no step fails."""
    for risk in range(MOST_RISK, 0, -1):
        try:
            return _built_again(options, first, replace(turn, risk=risk), which, progress)
        except BuildStepError as exc:
            where, *_, last = [*exc.message.splitlines(), ""]
            without = "the other clock" if risk == MOST_RISK else "another kernel release"
            progress.warn(
                "check-step-failed",
                f"check {which}: a step failed; building without {without}\n{where}\n{last}".rstrip(),
            )
    return _built_again(options, first, replace(turn, risk=0), which, progress)


def _built_again(options: BuildOptions, first: Side, turn: Turn, which: str, progress: Progress) -> _Found:
    request = BuildRequest(options.dockerfile, options.context, build_args=options.build_args)
    with _folder() as folder, other_circumstances(turn, request, folder) as around:
        for name, what in around.varied:
            progress.step(f"check {which}: {name}: {what}")
        built = build(_others(options, around, folder / "layout"), _Quiet(progress))
        again = Again(built.measurement, around.varied, around.kept)
        if built.measurement == measurement(first.manifest):
            return again, None, ()
        second = _named_like(first, of_layout(open_directory(built.layout), progress), f"check {which}")
        difference = compare(first, second, progress)
        return again, difference, tuple(_traces(difference, around))


def _others(options: BuildOptions, around: Circumstances, output: Path) -> BuildOptions:
    """The options of the first build, but in other circumstances."""
    return replace(
        options,
        output=output,
        context=around.context,
        extras=replace(options.extras, no_cache=True, variables=around.variables),
    )


def _named_like(first: Side, second: Side, name: str) -> Side:
    """The second side with the steps and lines of the first: its own are shifted by what was put in."""
    known, own = first.annotations, second.annotations
    if isinstance(known, Annotations) and own is not None and len(known.layers) == len(own.layers):
        own = replace(own, history=known.history)
    return replace(second, name=name, annotations=own)


def _traces(difference: Difference, around: Circumstances) -> Iterator[Trace]:
    """The files without another cause whose first difference fits what is another one now."""
    for change in difference.changes:
        lines = [line for line in change.evidence if line.name.startswith("line ")]
        for (name, found), line in product(around.outcomes, lines):
            old, new = line.old or "", line.new or ""
            if isinstance(found, Change) and any(
                now in new and new.replace(now, before) == old for before, now in found.traces
            ):
                yield Trace(change.subject, name, found.text, found.cure)


def _first_origin(difference: Difference) -> Origin | None:
    """The lowest layer of the Dockerfile that wrote a file which differs."""
    origins = [
        origin
        for change in difference.changes
        if change.kind == "file"
        for origin in (change.old_origin, change.new_origin)
        if origin is not None and origin.layer and not origin.base
    ]
    return min(origins, key=lambda origin: origin.layer, default=None)


def _step(dockerfile: Path, origin: Origin | None) -> tuple[str, str | None]:
    """The instruction that a step was made by, and the stage that it copies from, if it does."""
    stages: list[str] = []
    for instruction in load(dockerfile).instructions:
        if instruction.keyword == "FROM":
            stages.append(instruction.arguments[-1].lower() if len(instruction.arguments) > 1 else "")
        elif origin is not None and instruction.line == origin.line:
            source = instruction.flag("from") or ""
            known = source.lower() in filter(None, stages)
            number = source.isdecimal() and int(source) < len(stages)
            return instruction.text, source if known or number else None
    return (Step(origin.instruction or "", empty_layer=False).instruction if origin else ""), None


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="olos-") as name:
        yield Path(name)


class _Quiet:
    """Reports without warnings: the first build has given them."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def step(self, text: str) -> None:
        self._progress.step(text)

    def warn(self, name: str, text: str) -> None:
        self._progress.output(f"{text} [{name}]")

    def output(self, line: str) -> None:
        self._progress.output(line)

    def task(self, text: str, total: int | None, unit: str) -> AbstractContextManager[Task]:
        return self._progress.task(text, total, unit)
