"""What the `linux` target can do today (docs/limits.md): the runtime refuses the rest; so does a build."""

from __future__ import annotations

from olos.errors import InputError
from olos.manifest import Mount, Policy
from olos_build.ports import PUBLISHED_PROTOCOLS

MAX_HOST_MOUNTS = 16

_LIMITS = "see docs/limits.md for what the linux target cannot do yet"
_OWN = ("/dev", "/proc", "/run/olos", "/sys")


def check_supported(policy: Policy) -> None:
    """Refuse what the target named in the policy cannot do. Raises InputError naming the key."""
    for mount in policy.mounts:
        _check_mount(mount)
    if len(policy.host_mounts) > MAX_HOST_MOUNTS:
        raise InputError(f"policy.mounts: more than {MAX_HOST_MOUNTS} host mounts", hint=_LIMITS)
    for port in policy.ports:
        if port.partition("/")[2] not in PUBLISHED_PROTOCOLS:
            raise InputError(f"policy.ports: {port}: only tcp and udp can be published", hint=_LIMITS)


def _check_mount(mount: Mount) -> None:
    where = f"policy.mounts: {mount.target[:150]!r}"
    if mount.type == "sealed":
        raise InputError(f"{where}: the linux target has no mounts of type sealed yet", hint=_LIMITS)
    if mount.type == "host" and mount.size:
        raise InputError(
            f"{where}: a host mount has no size", hint="its room is that of the host's directory"
        )
    if mount.type == "host" and "=" in mount.target:
        raise InputError(
            f"{where}: the target of a host mount has no '='", hint="--olos-mount TARGET=DIRECTORY names it"
        )
    if mount.target == "/" or any(f"{mount.target}/".startswith(f"{own}/") for own in _OWN):
        raise InputError(
            f"{where}: cannot be covered by a mount", hint=f"/ and {', '.join(_OWN)} are the runtime's"
        )
