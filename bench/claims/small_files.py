"""Many small files, each with a digest of its own: against git and fsverity."""

from __future__ import annotations

from bench.claim import Claim
from bench.inputs import OLOS, Inputs
from bench.timing import Contender


def claim(inputs: Inputs) -> Claim:
    """Whole processes. The peers read the files from a directory, ours from the image in a layout."""
    return Claim(
        "small files",
        "both roots of 20,000 files of 8 KiB",
        Contender("olos measure", (*OLOS, "measure", str(inputs.small.layout))),
        (
            Contender("git hash-object", ("git", "hash-object", "--stdin-paths"), stdin=inputs.small_list),
            Contender("fsverity digest", ("xargs", "fsverity", "digest"), stdin=inputs.small_list),
        ),
        ratio=1 / 1.5,
        seconds=1.0,
    )
