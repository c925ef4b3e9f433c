"""What an app pays for a kind of work: one static program in olos, on the host, in a container, in gVisor."""

from __future__ import annotations

from bench.claim import Claim
from bench.inputs import Inputs
from bench.timing import Contender


def claim(inputs: Inputs, name: str, text: str, *work: str) -> Claim:
    """One of the works of costs.c. `DATA` stands for the path of the file of 256 MiB. Nothing is claimed."""
    costs = inputs.costs

    def contender(label: str, command: tuple[str, ...], data: str) -> Contender:
        words = tuple(data if word == "DATA" else word for word in work)
        return Contender(label, (*command, *words), own_clock=True)

    program = str(costs.context / "costs")
    native = str(costs.context / "data")
    return Claim(
        name,
        text,
        contender("olos", (str(costs.built.package),), "/data"),
        (
            contender("native", (program,), native),
            contender("docker run", inputs.container, "/data"),
            contender("runsc do", (*GVISOR, program), native),
        ),
    )


GVISOR = ("runsc", "--rootless=false", "--network=none", "do")
