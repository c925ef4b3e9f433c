"""What a relying party demands of evidence that is genuine.

All values that are compared are public, so nothing is gained by comparing them in constant time.
"""

from __future__ import annotations

from dataclasses import dataclass

from measure.evidence.model import Identity, Value
from olos.errors import MismatchError, UsageError

TCB_STATUSES = frozenset({"UpToDate"})
"""The statuses of a platform's TCB that are accepted unless others are named."""


@dataclass(frozen=True, kw_only=True)
class Demands:
    """What must hold. None, or an empty tuple, demands nothing of the kind."""

    measurement: bytes | None = None
    signer: bytes | None = None
    product_id: int | None = None
    min_svn: int | None = None
    report_data: bytes | None = None
    """What the environment must have put in: a nonce, or a digest of a key."""
    registers: tuple[Value, ...] = ()
    """Values that must be there under these names."""
    min_tcb: tuple[tuple[str, int], ...] = ()
    tcb_statuses: frozenset[str] = TCB_STATUSES
    allow_debug: bool = False
    allow_migration: bool = False
    allow_simulated: bool = False

    def __post_init__(self) -> None:
        # Anybody can sign a program as one's own, with any product id and security version.
        if (self.product_id, self.min_svn) != (None, None) and (self.measurement, self.signer) == (
            None,
            None,
        ):
            raise UsageError(
                "a product id and a security version are what a signer says",
                hint="say which signer, or which measurement, is demanded as well",
            )


def check_demands(identity: Identity, demands: Demands) -> None:
    """Raises MismatchError for the first demand that is not met, naming what was expected and found."""
    _check_kind(identity, demands)
    _check_value("measurement", identity.measurement, demands.measurement)
    _check_value("signer", identity.signer, demands.signer)
    _check_report_data(identity, demands.report_data)
    _check_numbers(identity, demands)
    _check_registers(identity, demands.registers)
    _check_tcb(identity, demands)


def check_simulation(simulated: bool, demands: Demands) -> None:
    """Raises MismatchError for evidence of a simulation, unless that is allowed."""
    if simulated and not demands.allow_simulated:
        raise MismatchError.of(
            "check 'simulated'",
            expected="evidence of hardware",
            actual="evidence of a simulation, which protects nothing",
            hint="for development: --allow-simulated",
        )


def _check_kind(identity: Identity, demands: Demands) -> None:
    check_simulation(identity.simulated, demands)
    if identity.debug and not demands.allow_debug:
        raise MismatchError.of(
            "check 'debug'",
            expected="an environment that nobody can look into",
            actual="an environment in debug mode",
            hint="for development: --allow-debug",
        )
    if identity.migratable and not demands.allow_migration:
        raise MismatchError.of(
            "check 'migration'",
            expected="an environment that stays on its machine",
            actual="one that a migration agent may move, and that is worth as much as the agent",
            hint="if the agent is trusted: --allow-migration",
        )


def _check_value(what: str, actual: Value | None, expected: bytes | None) -> None:
    if expected is None:
        return
    if actual is None:
        raise MismatchError.of(f"check '{what}'", expected=expected.hex(), actual="none")
    if actual.data != expected:
        raise MismatchError.of(
            f"check '{what}' ({actual.name})", expected=expected.hex(), actual=actual.data.hex()
        )


def _check_report_data(identity: Identity, expected: bytes | None) -> None:
    if expected is None:
        return
    actual = identity.report_data
    padded = expected.ljust(len(actual.data), b"\0") if identity.report_data_padded else expected
    if actual.data != padded:
        raise MismatchError.of(
            f"check 'nonce' ({actual.name})",
            expected=padded.hex() or "nothing",
            actual=actual.data.hex() or "nothing",
            hint="the evidence was made for somebody else, or is a replay",
        )


def _check_numbers(identity: Identity, demands: Demands) -> None:
    if demands.product_id is not None and identity.product_id != demands.product_id:
        raise MismatchError.of(
            "check 'product id'", expected=demands.product_id, actual=_or_none(identity.product_id)
        )
    found = identity.security_version
    if demands.min_svn is not None and (found is None or found < demands.min_svn):
        raise MismatchError.of(
            "check 'security version'", expected=f"at least {demands.min_svn}", actual=_or_none(found)
        )


def _check_registers(identity: Identity, demanded: tuple[Value, ...]) -> None:
    found = {value.name: value for value in (identity.measurement, *identity.registers)}
    for register in demanded:
        if register.name not in found:
            raise MismatchError.of(
                f"check '{register.name}'",
                expected=register.data.hex(),
                actual="none",
                hint=f"this evidence has {', '.join(found)}",
            )
        _check_value(register.name, found[register.name], register.data)


def _check_tcb(identity: Identity, demands: Demands) -> None:
    found = dict(identity.tcb)
    for name, least in demands.min_tcb:
        if name not in found or found[name] < least:
            raise MismatchError.of(
                f"check 'TCB' ({name})", expected=f"at least {least}", actual=_or_none(found.get(name))
            )
    if identity.tcb_status is not None and identity.tcb_status not in demands.tcb_statuses:
        advisories = f" ({', '.join(identity.advisories)})" if identity.advisories else ""
        raise MismatchError.of(
            "check 'TCB status'",
            expected=" or ".join(sorted(demands.tcb_statuses)),
            actual=identity.tcb_status + advisories,
            hint="if these advisories do not matter here: --accept-tcb STATUS",
        )


def _or_none(number: int | None) -> object:
    return "none" if number is None else number
