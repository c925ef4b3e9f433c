"""The fs-verity digest of a file: against `fsverity digest`."""

from __future__ import annotations

from bench.claim import Claim
from bench.inputs import GIB, Inputs, in_python
from bench.timing import Contender

_DIGEST = """
import sys, time
from measure import fsverity
with open(sys.argv[1], "rb") as stream:
    start = time.perf_counter()
    fsverity.digest_file(stream.fileno(), 0, int(sys.argv[2]))
    print(time.perf_counter() - start)
"""


def claim(inputs: Inputs) -> Claim:
    """Both read the file from page cache."""
    return Claim(
        "fs-verity digest",
        "fs-verity digest of a file of 1 GiB",
        Contender("digest_file()", in_python(_DIGEST, inputs.noise, str(GIB)), own_clock=True),
        (Contender("fsverity digest", ("fsverity", "digest", str(inputs.noise))),),
        ratio=4.0,
    )
