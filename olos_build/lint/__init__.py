"""`olos lint`: what in a Dockerfile makes the next build differ from this one, and what to write instead."""

from olos_build.lint.check import lint, look_around
from olos_build.lint.model import Facts, Finding, Rule, Severity
from olos_build.lint.table import RULES

__all__ = ["RULES", "Facts", "Finding", "Rule", "Severity", "lint", "look_around"]
