"""The bench compares what it says it compares, and says when a claim does not hold. Nothing here is timed."""

import sys
from pathlib import Path

import pytest

from bench.__main__ import lines
from bench.claim import Claim, Outcome, measure
from bench.claims import CLAIMS
from bench.timing import Contender, Figure, compare

HERE = Path(__file__).parent


def prints(text: str) -> Contender:
    return Contender(f"prints {text}", (sys.executable, "-c", f"print({text!r})"), own_clock=True)


def outcome(ratio: float | None = None, seconds: float | None = None, peak: float | None = None) -> Outcome:
    claim = Claim("name", "text", prints("1"), (prints("2"),), ratio, seconds, peak)
    ours = Figure("ours" * 5, 1.0, 0.9, 100.0)
    return Outcome(claim, ours, (Figure("their program's name", 2.0, 1.9, 50.0),), {"theirs": 2.0})


def test_medians_are_those_of_the_programs_own_clock() -> None:
    figures = compare((prints("loading 3.5"), prints("0.25")), runs=1)
    assert [figure.seconds for figure in figures] == [3.5, 0.25]
    assert all(figure.peak > 1 for figure in figures)


def test_contenders_take_turns(tmp_path: Path) -> None:
    log = tmp_path / "log"
    turn = "import sys; open(sys.argv[1], 'a').write(sys.argv[2])"
    one, two = (Contender(n, (sys.executable, "-c", turn, str(log), n)) for n in "ab")
    compare((one, two), runs=2)
    assert log.read_text() == "ababab"


def test_standard_input_is_given_at_each_run(tmp_path: Path) -> None:
    (tmp_path / "number").write_text("7.5")
    reads = (sys.executable, "-c", "import sys; print(float(sys.stdin.read()))")
    (figure,) = compare((Contender("reads", reads, stdin=tmp_path / "number", own_clock=True),), runs=2)
    assert figure.seconds == 7.5


def test_a_ratio_is_the_peers_time_by_ours() -> None:
    result = measure(Claim("name", "text", prints("0.5"), (prints("2"),)), runs=1)
    assert result.ratios == {"prints 2": 4.0}


@pytest.mark.parametrize(
    ("given", "failures"),
    [
        (outcome(), []),
        (outcome(ratio=2.0, seconds=1.0, peak=100.0), []),
        (outcome(ratio=2.5), ["2.00x theirs, not 2.5x"]),
        (outcome(seconds=0.5), ["1.00 s, not 0.5 s"]),
        (outcome(peak=99), ["100 MiB, not 99 MiB"]),
    ],
    ids=["nothing-claimed", "all-hold", "slow", "late", "large"],
)
def test_a_claim_that_does_not_hold_is_named(given: Outcome, failures: list[str]) -> None:
    assert list(given.failures()) == failures


def test_the_table_fits_a_terminal() -> None:
    result = outcome(2.5, 0.5, 99)
    shown = lines(Outcome(result.claim, result.ours, result.peers, {result.peers[0].label: 12345.67}))
    assert len(shown) > 3
    assert max(map(len, shown)) <= 80


def test_every_claim_has_its_module() -> None:
    modules = {path.stem for path in (HERE.parents[2] / "bench" / "claims").glob("*.py")} - {"__init__"}
    assert modules == set(CLAIMS)
