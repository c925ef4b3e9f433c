"""A layout of 2 GiB: against skopeo, umoci, mkfs.erofs and veritysetup."""

from __future__ import annotations

from bench import building
from bench.claim import Claim
from bench.inputs import Inputs


def claim(inputs: Inputs) -> Claim:
    """As `bench.building` has it."""
    return building.claim(inputs, "build large", "layout from an image of 2 GiB", inputs.large_image)
