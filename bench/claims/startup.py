"""A package starts more quickly than a container of the same image."""

from __future__ import annotations

from bench.claim import Claim
from bench.inputs import Inputs
from bench.timing import Contender


def claim(inputs: Inputs) -> Claim:
    """Whole processes, of an app that does nothing."""
    costs = inputs.costs
    return Claim(
        "startup",
        "start to end of an app that does nothing",
        Contender("hello.olos", (str(costs.built.package), "nothing")),
        (Contender("docker run --rm", (*inputs.container, "nothing")),),
        ratio=1.43,
    )
