"""A package starts more quickly than a container of the same image."""

from __future__ import annotations

from bench import startup
from bench.claim import Claim
from bench.inputs import Inputs


def claim(inputs: Inputs) -> Claim:
    """Whole processes, of an app that does nothing."""
    return startup.claim(inputs, "startup", "docker run --rm", inputs.container, ratio=1.43)
