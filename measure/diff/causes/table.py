"""The table of rules for files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from measure.diff import first
from measure.diff.causes.masks import Masks
from measure.diff.causes.packages import BASE_MOVED, BaseImage, Packages, base_layers
from measure.diff.causes.places import Places
from measure.diff.causes.python import Distributions, OneSide
from measure.diff.causes.rule import Finding, Pair, Rule
from measure.diff.causes.text import LineOrder
from measure.diff.causes.times import EPOCH_DIFFERS, NOT_CLAMPED, Times
from measure.diff.model import Attribute
from measure.diff.side import Side


class Rules:
    """All rules for the files of two sides."""

    def __init__(self, sides: tuple[Side, Side]) -> None:
        """Read the databases of package managers. Raises InputError if a content cannot be read."""
        self._sides = sides
        self._packages = Packages(sides)
        # The first rule that knows a file explains it; what it costs grows downwards.
        self._rules: tuple[Rule, ...] = (
            BaseImage(sides),
            Places(),
            self._packages,
            OneSide(),
            Distributions(),
            LineOrder(),
            Masks(),
        )
        self._times = Times()

    def judge(self, pair: Pair) -> tuple[Finding, ...]:
        """All that is known of a file that differs. Raises InputError if a content cannot be read."""
        findings: Sequence[Finding] = ()
        if pair.changed != {"mtime"}:
            findings = next(filter(None, (rule.judge(pair) for rule in self._rules)), ())
        return (*findings, *self._times.judge(pair))

    def unexplained(self, pair: Pair, findings: Sequence[Finding]) -> tuple[Attribute, ...]:
        """What the first difference of the contents is, when no rule explains them."""
        explained = any(finding.cause not in (EPOCH_DIFFERS, NOT_CLAMPED) for finding in findings)
        return () if explained else first.difference(pair)

    @property
    def evidence(self) -> Mapping[str, tuple[Attribute, ...]]:
        """What causes come down to, by their names."""
        epochs = [
            None if s.annotations is None else str(s.annotations.source_date_epoch) for s in self._sides
        ]
        return {
            BASE_MOVED.name: base_layers(self._sides),
            EPOCH_DIFFERS.name: (Attribute("source_date_epoch", *epochs),),
            **{cause.name: moved.packages for cause, _, moved in self._packages.moved if moved.packages},
        }
