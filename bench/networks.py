"""What an app pays for bytes that cross its network."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.claim import Claim
from bench.inputs import COSTS_PORT, Inputs
from bench.timing import Contender

_TRANSFER = (sys.executable, str(Path(__file__).parent / "transfer.py"))
_HOST_PORT = 18473  # the two servers never run at the same time


def claim(inputs: Inputs, name: str, text: str, work: str) -> Claim:
    """256 MiB between a client of the host and `costs give` or `costs take`, in olos and beside it."""
    costs = inputs.costs
    published = ("--olos-publish", f"{_HOST_PORT}:{COSTS_PORT}")
    package = (str(costs.built.package), *published, work, str(COSTS_PORT))
    native = (str(costs.context / "costs"), work, str(COSTS_PORT))
    return Claim(
        name,
        text,
        Contender("olos", (*_TRANSFER, work, str(_HOST_PORT), *package), own_clock=True),
        (Contender("native", (*_TRANSFER, work, str(COSTS_PORT), *native), own_clock=True),),
    )
