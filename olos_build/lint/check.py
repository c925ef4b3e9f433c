"""Asking every rule about every instruction of a Dockerfile."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from olos.errors import InputError
from olos_build.dockerfile import Dockerfile, Stage, Walk
from olos_build.lint import suppression
from olos_build.lint.model import Facts, Finding, Site
from olos_build.lint.table import RULES

LOCK = "olos.lock"
_IGNORE_FILE = ".dockerignore"
_SNAPSHOT = re.compile(
    r"snapshot(?:-cloudflare)?\.(?:debian|ubuntu)\.(?:org|com)|APT::Snapshot|--snapshot\b", re.I
)


def look_around(dockerfile: Path, context: Path) -> Facts:
    """What is beside a Dockerfile and in the build context that rules want to know. Raises InputError."""
    if not context.is_dir():
        raise InputError(f"{context}: is not a directory", hint="--context names the directory of the build")
    own = dockerfile.parent / f"{dockerfile.name}{_IGNORE_FILE}"
    return Facts(
        has_ignore_file=(context / _IGNORE_FILE).is_file() or own.is_file(),
        locked=(dockerfile.parent / LOCK).is_file(),
    )


def lint(dockerfile: Dockerfile, facts: Facts, ignored: Collection[str] = ()) -> tuple[Finding, ...]:
    """What the rules find, by line, the worst first, each once per line. `ignored` are names of rules."""
    suppressions = suppression.read(dockerfile)
    found = {
        (f.line, f.rule.name, f.message): f
        for f in (*_findings(dockerfile, facts), *suppressions.findings)
        if f.rule.name not in ignored and not suppressions.hides(f)
    }
    return tuple(sorted(found.values(), key=lambda f: (f.line, -f.rule.severity, f.rule.name, f.message)))


def _findings(dockerfile: Dockerfile, facts: Facts) -> Iterator[Finding]:
    for site in _sites(dockerfile, facts):
        for rule in RULES:
            for hit in rule.check(site):
                yield Finding(rule, hit.line, hit.message, hit.cure)


def _sites(dockerfile: Dockerfile, facts: Facts) -> Iterator[Site]:
    walk = Walk(dockerfile)
    snapshots: set[int] = set()
    first = True
    for step in walk.steps():
        stage, instruction = step.stage, step.instruction
        text = "".join([instruction.text, *(heredoc.content for heredoc in instruction.heredocs)])
        if stage and (_SNAPSHOT.search(text) or _inherits(stage, snapshots)):
            snapshots.add(stage.index)
        fixed = stage is not None and stage.index in snapshots
        images = tuple(walk.images(step))
        yield Site(dockerfile, instruction, stage, images, facts, snapshot=fixed, first=first)
        first = False


def _inherits(stage: Stage, snapshots: set[int]) -> bool:
    return stage.parent is not None and stage.parent.index in snapshots
