"""Errors, one class per kind, each with its exit code.

Only the command line prints or exits; everything else raises one of these.
"""

from __future__ import annotations

from typing import ClassVar


class OlosError(Exception):
    """Root of all errors that olos raises on purpose.

    `hint` says what to do about it, in one sentence.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(OlosError):
    """The call itself is wrong: an option, or a combination of options."""

    exit_code = 2


class InputError(OlosError):
    """A file, image or configuration from outside is wrong, or cannot be read or written."""

    exit_code = 3


class BuildStepError(OlosError):
    """A step of the Dockerfile, or the builder itself, failed."""

    exit_code = 4


class MismatchError(OlosError):
    """Two values that must agree do not: measurement, digest, signature."""

    exit_code = 5

    @classmethod
    def of(cls, what: str, *, expected: object, actual: object, hint: str | None = None) -> MismatchError:
        """An error that names both values."""
        return cls(f"{what} does not match\n  expected {expected}\n  actual   {actual}", hint=hint)


class MissingToolError(OlosError):
    """A program that the work needs is not installed."""

    exit_code = 6
