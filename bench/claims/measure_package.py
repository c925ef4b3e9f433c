"""Measuring a package: against `veritysetup verify`, which does a part of it."""

from __future__ import annotations

from bench.claim import Claim
from bench.inputs import OLOS, Built, Inputs
from bench.timing import Contender


def veritysetup_verify(built: Built) -> Contender:
    """The check of the hash tree over the image in a layout."""
    image, record = str(built.image), built.rootfs
    return Contender(
        "veritysetup verify",
        (
            "veritysetup",
            "verify",
            image,
            image,
            record["verity_root"],
            f"--hash-offset={record['image_size']}",
        ),
    )


def claim(inputs: Inputs) -> Claim:
    """Whole processes. Ours also measures kernel, C-runtime and file tree."""
    return Claim(
        "measure package",
        "olos measure of a package with 1 GiB",
        Contender("olos measure", (*OLOS, "measure", str(inputs.large.package))),
        (veritysetup_verify(inputs.large),),
        ratio=3.0,
        peak=120,
    )
