"""The table of rules, by the names that `olos.toml` knows them by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from olos.errors import InputError
from olos_build.scrub.rule import Rule
from olos_build.scrub.rules.apt import APT
from olos_build.scrub.rules.caches import CACHES
from olos_build.scrub.rules.dpkg_logs import DPKG_LOGS
from olos_build.scrub.rules.ldconfig import LDCONFIG
from olos_build.scrub.rules.machine_id import MACHINE_ID
from olos_build.scrub.rules.pyc import PYC

RULES: Mapping[str, Rule] = {rule.name: rule for rule in (APT, DPKG_LOGS, LDCONFIG, PYC, MACHINE_ID, CACHES)}


def check_names(names: Iterable[str], where: str) -> tuple[str, ...]:
    """Names of rules, sorted, without repetition. Raises InputError for one that there is not."""
    found = sorted(set(names))
    for name in found:
        if name not in RULES:
            raise InputError(f"{where}: there is no rule {name[:80]!r}", hint=f"known are {', '.join(RULES)}")
    return tuple(found)
