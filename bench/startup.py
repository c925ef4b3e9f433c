"""Whole processes of an app that does nothing: a package beside other ways to start the same program."""

from __future__ import annotations

from bench.claim import Claim
from bench.inputs import Inputs
from bench.timing import Contender


def claim(
    inputs: Inputs, name: str, label: str, command: tuple[str, ...], *, ratio: float | None = None
) -> Claim:
    """The start beside that of a peer, which starts the program costs.c by `command`."""
    return Claim(
        name,
        "start to end of an app that does nothing",
        Contender("hello.olos", (str(inputs.costs.built.package), "nothing")),
        (Contender(label, (*command, "nothing")),),
        ratio=ratio,
    )
