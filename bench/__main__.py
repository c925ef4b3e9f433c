"""`python -m bench [--runs N] [--folder DIR] [CLAIM …]`: a table on stdout, and `bench/results.json`."""

from __future__ import annotations

import argparse
import importlib
import json
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from bench.claim import Claim, Outcome, measure
from bench.claims import CLAIMS
from bench.inputs import Inputs
from bench.machine import facts

SCHEMA = "olos-bench/1"
RESULTS = Path(__file__).parent / "results.json"


def main() -> None:
    """Measure, print, write. Exit code 1 if a claim does not hold."""
    parser = _parser()
    call = parser.parse_args()
    if unknown := sorted(set(call.claims) - set(CLAIMS)):
        parser.error(f"there is no claim {unknown[0]!r}; known are {', '.join(CLAIMS)}")
    outcomes = []
    with (
        tempfile.TemporaryDirectory(prefix="olos-bench-", dir=call.folder) as name,
        ExitStack() as services,
    ):
        inputs, machine = Inputs(Path(name), services), facts(Path(name))
        for claim in call.claims or CLAIMS:
            outcomes.append(measure(_load(claim, inputs), call.runs))
            print("\n".join(lines(outcomes[-1])), flush=True)
    document = {
        "machine": machine,
        "results": [_json(o) for o in outcomes],
        "runs": call.runs,
        "schema": SCHEMA,
    }
    RESULTS.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n")
    if any(list(outcome.failures()) for outcome in outcomes):
        raise SystemExit(1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Compare olos with its peers.")
    parser.add_argument("claims", nargs="*", metavar="CLAIM", help=f"of {', '.join(CLAIMS)}; default: all")
    parser.add_argument("--runs", type=int, default=7, help="interleaved runs, of which the median counts")
    parser.add_argument("--folder", type=Path, help="where the inputs are made; 30 GiB, mostly holes")
    return parser


def _load(name: str, inputs: Inputs) -> Claim:
    claim: Claim = importlib.import_module(f"bench.claims.{name}").claim(inputs)
    return claim


def lines(outcome: Outcome) -> list[str]:
    """A claim as lines of a table of at most 80 columns."""
    ours, claim = outcome.ours, outcome.claim
    lines = [claim.text, f"  {ours.label:22}{ours.seconds:9.3f} s {ours.peak:7.0f} MiB"]
    for peer in outcome.peers:
        times = f"{peer.seconds:9.3f} s {peer.peak:7.0f} MiB"
        lines.append(f"  {peer.label:22}{times}  olos: {_ratio(outcome.ratios[peer.label])}x as fast")
    return lines + [f"  does not hold: {failure}" for failure in outcome.failures()]


def _ratio(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio >= 0.1 else f"{ratio:.2g}"


def _json(outcome: Outcome) -> dict[str, object]:
    claim = outcome.claim
    return {
        "claim": claim.name,
        "claimed": {"peak_mib": claim.peak, "ratio": claim.ratio, "seconds": claim.seconds},
        "holds": not list(outcome.failures()),
        "ours": asdict(outcome.ours),
        "peers": [asdict(peer) for peer in outcome.peers],
        "ratios": outcome.ratios,
        "text": claim.text,
    }


if __name__ == "__main__":
    main()
