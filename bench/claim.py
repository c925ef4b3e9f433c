"""A claim: what olos does, how fast it says it is, and who else does the same work."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.timing import Contender, Figure, compare


@dataclass(frozen=True)
class Claim:
    """Ours against its peers.

    `ratio` is how many times as fast as each peer ours must be, `seconds` and `peak` (MiB) are the most that
    ours may take; None: no such claim is made.
    """

    name: str
    text: str
    ours: Contender
    peers: tuple[Contender, ...] = ()
    ratio: float | None = None
    seconds: float | None = None
    peak: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What was measured of a claim; `ratios` are by the label of the peer."""

    claim: Claim
    ours: Figure
    peers: tuple[Figure, ...]
    ratios: dict[str, float] = field(default_factory=dict)

    def failures(self) -> Iterator[str]:
        """In words, where the claim does not hold."""
        claim = self.claim
        for label, ratio in self.ratios.items():
            if claim.ratio is not None and ratio < claim.ratio:
                yield f"{ratio:.2f}x {label}, not {claim.ratio}x"
        if claim.seconds is not None and self.ours.seconds > claim.seconds:
            yield f"{self.ours.seconds:.2f} s, not {claim.seconds} s"
        if claim.peak is not None and self.ours.peak > claim.peak:
            yield f"{self.ours.peak:.0f} MiB, not {claim.peak:.0f} MiB"


def measure(claim: Claim, runs: int) -> Outcome:
    """Run ours and all peers in turn. Raises CalledProcessError if one of them fails."""
    os.sync()  # inputs that were just made are not written to the disk while others are timed
    ours, *peers = compare((claim.ours, *claim.peers), runs)
    ratios = {peer.label: peer.seconds / ours.seconds for peer in peers}
    return Outcome(claim, ours, tuple(peers), ratios)
