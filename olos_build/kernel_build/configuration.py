"""The pinned configuration: `olos.config` says all that is on, everything else is off."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from olos.errors import InputError
from olos_build.kernel_build.tools import MAKE, call

PINNED = Path(__file__).with_name("olos.config")

_SETTING = re.compile(r"^(CONFIG_\w+)=(.+)$", re.MULTILINE)


def settings(text: str) -> dict[str, str]:
    """What a configuration sets; what is off is not there."""
    return dict(_SETTING.findall(text))


def configure(tree: Path, output: Callable[[str], None]) -> str:
    """Make `.config` in a source tree and return it.

    Raises InputError if the source does not know a setting, or gives it another value.
    """
    call(MAKE, ["-C", tree, f"KCONFIG_ALLCONFIG={PINNED}", "allnoconfig"], output)
    made = (tree / ".config").read_text("utf-8")
    wanted, got = settings(PINNED.read_text("utf-8")), settings(made)
    for name, value in wanted.items():
        if got.get(name) != value:
            raise InputError(
                f"{name}: the source makes it {got.get(name, 'n')}, not {value}",
                hint="give another source with --source",
            )
    return made
