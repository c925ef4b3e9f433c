"""The dm-verity hash tree of a file, written: against `veritysetup format`."""

from __future__ import annotations

from bench.claim import Claim
from bench.inputs import GIB, Inputs, in_python
from bench.timing import Contender

_APPEND = """
import sys, time
from measure.verity import append_hash_tree
from olos.progress import SILENT
with open(sys.argv[1], "r+b") as stream:
    start = time.perf_counter()
    append_hash_tree(stream, int(sys.argv[2]), SILENT)
    print(time.perf_counter() - start)
"""


def claim(inputs: Inputs) -> Claim:
    """Both read the data from page cache and write the tree to a file."""
    tree = inputs.folder / "tree"
    return Claim(
        "verity tree",
        "dm-verity hash tree of 1 GiB",
        Contender("append_hash_tree()", in_python(_APPEND, inputs.noise, str(GIB)), own_clock=True),
        (
            Contender(
                "veritysetup format",
                (
                    "veritysetup",
                    "format",
                    "--salt=-",
                    "--uuid=00000000-0000-0000-0000-000000000000",
                    f"--data-blocks={GIB // 4096}",
                    str(inputs.noise),
                    str(tree),
                ),
            ),
        ),
        ratio=4.5,
    )
