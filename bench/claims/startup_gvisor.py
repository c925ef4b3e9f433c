"""The start of a package beside that of gVisor, another kernel in user space."""

from __future__ import annotations

from bench import startup
from bench.claim import Claim
from bench.costs import GVISOR
from bench.inputs import Inputs


def claim(inputs: Inputs) -> Claim:
    """Whole processes, of an app that does nothing. Stated, not claimed: runsc mounts the host's own root."""
    program = str(inputs.costs.context / "costs")
    return startup.claim(inputs, "startup_gvisor", "runsc do", (*GVISOR, program))
