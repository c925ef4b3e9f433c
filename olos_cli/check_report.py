"""What `olos build` made and `--check` found, for people and for programs (`olos-build-report/1`)."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from olos_cli import diff_report
from olos_cli.building import Built
from olos_cli.checking import Again, Checked
from olos_cli.diff_json import as_object, origin_object
from olos_cli.text import visible

SCHEMA = "olos-build-report/1"
_WIDTH = 80
_LABEL = 21
_TRACES_SHOWN = 10


def lines(built: Built, checked: Checked | None, output_format: str) -> Iterable[str]:
    """The result of `olos build`: the measurement, and what a check found."""
    if output_format == "json":
        return [as_json(built, checked)]
    return [built.measurement.hex] if checked is None else as_text(built, checked)


def as_json(built: Built, checked: Checked | None) -> str:
    """The report for programs."""
    report = {
        "check": None if checked is None else _check(checked),
        "layout": str(built.layout),
        "measurement": built.measurement.hex,
        "schema": SCHEMA,
    }
    return json.dumps(report, indent=2, sort_keys=True)


def _check(checked: Checked) -> dict[str, Any]:
    return {
        "builder": checked.builder,
        "builds": [_again(again) for again in checked.builds],
        "difference": None if checked.difference is None else as_object(checked.difference),
        "first": origin_object(checked.first),
        "reproduced": checked.reproduced,
        "stage": checked.stage,
        "step": checked.text,
        "traces": [asdict(trace) for trace in checked.traces],
    }


def _again(again: Again) -> dict[str, Any]:
    return {"kept": dict(again.kept), "measurement": again.measurement.hex, "varied": dict(again.varied)}


def as_text(built: Built, checked: Checked) -> Iterator[str]:
    """The report for people; its first line is the measurement."""
    yield built.measurement.hex
    yield ""
    times = len(checked.builds)
    if checked.difference is None:
        builds = "one more build" if times == 1 else f"{times} more builds"
        yield f"reproduced by {builds} with {checked.builder}, under another"
        yield from _varied(checked.builds)
        return
    yield f"not reproduced: check {times} gave"
    yield checked.builds[-1].measurement.hex
    yield from _first_step(checked)
    yield ""
    yield from diff_report.as_text(checked.difference)
    yield from _traces(checked)
    yield ""
    yield f"check {times} was a build with {checked.builder}, under another"
    yield from _varied(checked.builds[-1:])


def _first_step(checked: Checked) -> Iterator[str]:
    if checked.first is None:
        return
    where = f"line {checked.first.line}" if checked.first.line else f"layer {checked.first.layer}"
    instruction = textwrap.shorten(visible(checked.text), _WIDTH - 30, placeholder=" …")
    yield f"first step that differs: {where}: {instruction}"
    if checked.stage:
        stage = visible(checked.stage)
        yield f"  it copies from the stage {stage}; to find the step there:"
        yield f"  olos build --target {stage} --check"


def _traces(checked: Checked) -> Iterator[str]:
    if checked.traces:
        yield ""
        yield "what these files hold looks like"
    for trace in checked.traces[:_TRACES_SHOWN]:
        text = f"{trace.path}: {trace.circumstance}: {trace.text}; {trace.cure}"
        yield from textwrap.wrap(visible(text), _WIDTH, initial_indent="  ", subsequent_indent=" " * 6)


def _varied(builds: Sequence[Again]) -> Iterator[str]:
    """What was another one; where builds differ, what it was in each."""
    texts: dict[str, list[str]] = {}
    for again in builds:
        for name, text in again.varied:
            texts.setdefault(name, []).append(text)
    for name, found in texts.items():
        yield from _row(name, "; ".join(dict.fromkeys(found)))
    reasons = {name: reason for again in builds for name, reason in again.kept}
    if reasons:
        yield "and the same"
        for name, reason in reasons.items():
            yield from _row(name, reason)


def _row(name: str, text: str) -> Iterator[str]:
    yield from textwrap.wrap(
        visible(text),
        _WIDTH,
        initial_indent=f"  {name:<{_LABEL}}",
        subsequent_indent=" " * (_LABEL + 2),
        break_long_words=False,
        break_on_hyphens=False,
    )
