"""The start of a package beside that of gVisor, another kernel in user space."""

from __future__ import annotations

from bench.claim import Claim
from bench.costs import GVISOR
from bench.inputs import Inputs
from bench.timing import Contender


def claim(inputs: Inputs) -> Claim:
    """Whole processes, of an app that does nothing. Stated, not claimed: runsc mounts the host's own root."""
    costs = inputs.costs
    return Claim(
        "startup_gvisor",
        "start to end of an app that does nothing",
        Contender("hello.olos", (str(costs.built.package), "nothing")),
        (Contender("runsc do", (*GVISOR, str(costs.context / "costs"), "nothing")),),
    )
