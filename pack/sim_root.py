"""The root certificate of this user's simulated TEE: the target program of this installation prints it
(docs/formats.md section 13)."""

from __future__ import annotations

import os
import subprocess

from olos.binaries import TARGET, binary
from olos.errors import InputError

_OPTION = "--olos-sim-root"
_SECONDS = 60
_PREFIX = "olos: "
_HINT = "\n  hint: "


def certificate() -> str:
    """The certificate, PEM. Its key is made if there is none yet.

    Raises InputError if there is a key that cannot be used, or none can be made, or MissingToolError.
    """
    program = str(binary(TARGET))
    try:
        result = subprocess.run(
            [program, _OPTION], check=False, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else f"no answer in {_SECONDS} s"
        raise InputError(f"{program}: {reason}") from exc
    if result.returncode:
        message, _, hint = os.fsdecode(result.stderr).strip().removeprefix(_PREFIX).partition(_HINT)
        raise InputError(message or f"{program}: says nothing", hint=hint or None)
    return result.stdout.decode("ascii")
