"""What the commands that look at a Dockerfile's build take alike: build arguments and the configuration."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from olos.errors import InputError, UsageError
from olos.progress import Progress
from olos_build.settings import FILE_NAME, Settings, check_epoch, load

_EPOCH_VARIABLE = "SOURCE_DATE_EPOCH"


def check_file(dockerfile: Path, command: str) -> None:
    """Raise InputError for a directory in place of a Dockerfile: a common slip."""
    if dockerfile.is_dir():
        raise InputError(
            f"{dockerfile}: is a directory, not a Dockerfile",
            hint=f"name the file: olos {command} {dockerfile / 'Dockerfile'}",
        )


def build_args(items: tuple[str, ...], progress: Progress) -> tuple[tuple[str, str], ...]:
    """Names and values; a name alone takes its value from the environment, as docker does."""
    result: dict[str, str] = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not name:
            raise UsageError(f"--build-arg {item}: has no form K=V or K")
        if equals:
            result[name] = value
        elif name in os.environ:
            result[name] = os.environ[name]
        else:
            progress.warn("build-arg-unset", f"--build-arg {name}: not in the environment, so it is not set")
    return tuple(result.items())


def settings(config: Path | None, folder: Path, epoch: int | None, progress: Progress) -> Settings:
    """What a configuration says (default: olos.toml in `folder`, if it is there), changed by the option."""
    beside = folder / FILE_NAME
    there = config is not None or os.path.lexists(beside)
    found = load(config or beside) if there else Settings()
    if epoch is not None:
        found = replace(found, source_date_epoch=check_epoch(epoch, "--source-date-epoch"))
    # The environment of whoever builds must not change the measurement behind their back.
    outside = os.environ.get(_EPOCH_VARIABLE)
    if outside not in (None, "", str(found.source_date_epoch)):
        progress.warn(
            "source-date-epoch-ignored",
            f"{_EPOCH_VARIABLE}={outside} in the environment is not used: file times end at "
            f"{found.source_date_epoch}; set it in {FILE_NAME} or with --source-date-epoch",
        )
    return found
