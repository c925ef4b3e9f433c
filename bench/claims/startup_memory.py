"""The host's memory that a package takes before its app takes any."""

from __future__ import annotations

from pathlib import Path

from bench.claim import Claim
from bench.inputs import Inputs, in_python
from bench.timing import Contender

_HELPERS = Path(__file__).parents[2] / "tests"

# Of memory that processes share, each counts for its part (PSS): the sum is what all of them take.
_RESIDENT = """
import subprocess, sys
sys.path.append(sys.argv.pop(1))
from support.processes import descendants, resident
with subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE) as process:
    process.stdout.readline()
    print(sum(map(resident, [process.pid, *descendants(process.pid)])) / 2**20)
    process.kill()
"""


def claim(inputs: Inputs) -> Claim:
    """All its processes, with an app of a few pages that waits. Stated, not claimed."""
    costs = inputs.costs
    command = in_python(_RESIDENT, _HELPERS, costs.built.package, "wait")
    return Claim(
        "startup_memory",
        "memory of all processes of an app that waits",
        Contender("hello.olos", command, own_memory=True),
    )
