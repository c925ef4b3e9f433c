"""The containers-registries.conf(5) for a build: the machine's own, and plain HTTP for loopback."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

from olos.errors import InputError

VARIABLE = "CONTAINERS_REGISTRIES_CONF"
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_PLACES = (Path("~/.config/containers/registries.conf"), Path("/etc/containers/registries.conf"))


def configuration() -> str:
    """The text of the file in force, with an entry for each loopback host that it does not mention.

    Raises InputError if the file in force cannot be read.
    """
    path = _in_force()
    try:
        text = path.read_text() if path else ""
        document = tomllib.loads(text)
    except (OSError, ValueError) as exc:
        raise InputError(f"{path}: cannot be read: {exc}") from exc
    if "registries" in document:  # Version 1 of the format, which cannot be mixed with version 2.
        return text
    known = {entry.get(key) for entry in document.get("registry", []) for key in ("prefix", "location")}
    ours = (
        f'\n[[registry]]\nlocation = "{host}"\ninsecure = true\n' for host in LOOPBACK if host not in known
    )
    return text + "".join(ours)


def _in_force() -> Path | None:
    if given := os.environ.get(VARIABLE):
        return Path(given)
    return next((path.expanduser() for path in _PLACES if path.expanduser().exists()), None)
