"""All rules of `olos lint`."""

from __future__ import annotations

from collections.abc import Iterator

from olos_build.lint.model import Hit, Rule, Severity, Site
from olos_build.lint.rules import context, downloads, images, languages, packages, python, secrets, values


def _never(_: Site) -> Iterator[Hit]:
    """What `unknown-rule` finds is found where suppressions are read."""
    return iter(())


UNKNOWN_RULE = Rule(
    "unknown-rule",
    Severity.WARNING,
    "a suppression that names no rule suppresses nothing",
    _never,
)

RULES: tuple[Rule, ...] = (
    *images.RULES,
    *packages.RULES,
    *python.RULES,
    *languages.RULES,
    *downloads.RULES,
    *values.RULES,
    *secrets.RULES,
    *context.RULES,
    UNKNOWN_RULE,
)
NAMES = {rule.name: rule for rule in RULES}
