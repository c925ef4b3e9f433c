"""What this host offers to packages: the target program of this installation finds out (docs/hosts.md)."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator

from olos.binaries import TARGET, binary
from olos.errors import InputError
from olos.finding import STATES, Finding
from olos.layout import Layout

_OPTION = "--olos-doctor"
_FAILED = 125
_SECONDS = 60
_HEAD = re.compile(rf"({'|'.join(STATES)}) +([^:]+): (.*)")
_MORE = re.compile(r" +(cost|cure): (.*)")


def examine(layout: Layout | None = None) -> tuple[Finding, ...]:
    """What is found for a layout or package, or without one for all. Nothing of the layout is executed.

    Raises InputError if the target program cannot be started or does not answer, or MissingToolError.
    """
    program = str(binary(TARGET))
    if layout is None:
        return _ask([program, _OPTION])
    if not layout.packed:
        return _ask([program, f"--olos-layout={layout.origin.absolute()}", _OPTION])
    try:
        package = os.open(layout.origin, os.O_RDONLY)
    except OSError as exc:
        raise InputError(f"{layout.origin}: {exc.strerror}") from exc
    try:
        return _ask([program, f"--olos-package-fd={package}", _OPTION], package)
    finally:
        os.close(package)


def _ask(command: list[str], *inherited: int) -> tuple[Finding, ...]:
    try:
        result = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            pass_fds=inherited,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else f"no answer in {_SECONDS} s"
        raise InputError(f"{command[0]}: {reason}") from exc
    findings = tuple(read(os.fsdecode(result.stdout)))
    if result.returncode not in (0, _FAILED) or not findings:
        raise InputError(os.fsdecode(result.stderr).strip() or f"{command[0]}: says nothing")
    return findings


def read(text: str) -> Iterator[Finding]:
    """The findings in what a package prints. Raises InputError for anything else."""
    current: dict[str, str] = {}
    for line in text.splitlines():
        head, more = _HEAD.fullmatch(line), _MORE.fullmatch(line)
        if head:
            if current:
                yield _finding(current)
            current = {"state": head[1], "name": head[2], "what": head[3]}
        elif more and current:
            current[more[1]] = more[2]
        else:
            raise InputError(f"the target program says {line!r}, which is no finding")
    if current:
        yield _finding(current)


def _finding(fields: dict[str, str]) -> Finding:
    state = next(state for state in STATES if state == fields["state"])
    return Finding(fields["name"], state, fields["what"], fields.get("cost", ""), fields.get("cure", ""))
