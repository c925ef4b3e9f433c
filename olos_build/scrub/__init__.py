"""Scrubbing: what package managers and tools leave in an image and no app needs (docs/scrub.md).

Nothing is scrubbed unless `olos.toml` asks for it: the files go before the tree is measured.
"""

from olos_build.scrub.apply import scrub
from olos_build.scrub.table import RULES, check_names

__all__ = ["RULES", "check_names", "scrub"]
