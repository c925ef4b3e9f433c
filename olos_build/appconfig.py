"""What is started and how: the image's configuration, as Docker honours it, and olos.toml's [app].

What cannot be honoured is an error or a named warning.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from olos.errors import InputError
from olos.fields import as_text
from olos.manifest import App, User, check_absolute, check_hostname
from olos.progress import SILENT, Progress
from olos.tree import FileType, Inode, Tree
from olos_build.images.model import ImageConfig
from olos_build.ports import exposed
from olos_build.signals import SIGTERM, signal_number
from olos_build.tree_files import TreeFiles, head
from olos_build.users import home_of, resolve_user

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEFAULT_HOSTNAME = "olos"
RESERVED_ENV = "OLOS_"

_ELF_MAGIC = b"\x7fELF"
_ELF_64_LITTLE = b"\2\1"
_EM_X86_64 = b"\x3e\0"
"""Fields EI_CLASS and EI_DATA, and e_machine (elf(5))."""


@dataclass(frozen=True, kw_only=True)
class AppOverrides:
    """The [app] table of olos.toml. None leaves what the image says.

    `args` takes the place of entry point and command together; `env` is added to the image's.
    """

    args: tuple[str, ...] | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str | None = None
    user: str | None = None
    hostname: str | None = None
    stop_signal: str | int | None = None
    expose: tuple[str, ...] | None = None


def resolve(config: ImageConfig, tree: Tree, overrides: AppOverrides, progress: Progress = SILENT) -> App:
    """The app of an image. Raises InputError for what has no meaning, warns of what is not honoured."""
    files = TreeFiles(tree)
    user = resolve_user(config.user if overrides.user is None else overrides.user, files)
    cwd = _directory(config.working_dir if overrides.cwd is None else overrides.cwd)
    env = _environment(config.env, overrides.env, user, files)
    app = App(
        args=_args(config, overrides),
        env=tuple(f"{name}={value}" for name, value in env.items()),
        cwd=cwd,
        user=user,
        hostname=check_hostname(overrides.hostname or DEFAULT_HOSTNAME, "hostname"),
        stop_signal=_stop_signal(config, overrides),
        expose=exposed(config.exposed_ports if overrides.expose is None else overrides.expose),
    )
    _check_program(app.args[0], cwd, env.get("PATH", ""), files, progress)
    _warn(config, progress)
    return app


def _args(config: ImageConfig, overrides: AppOverrides) -> tuple[str, ...]:
    args = overrides.args
    if args is None:
        args = (*(config.entrypoint or ()), *(config.cmd or ()))
    if not args or not args[0]:
        raise InputError(
            "the image has no entry point",
            hint="write ENTRYPOINT or CMD into the Dockerfile, or app.args in olos.toml",
        )
    return tuple(as_text(arg, f"argument {index}") for index, arg in enumerate(args))


def _environment(
    image: Iterable[str], overrides: Mapping[str, str], user: User, files: TreeFiles
) -> dict[str, str]:
    """Name → value in the order of first appearance, as Docker makes it: a name without `=` is unset."""
    env = {"PATH": DEFAULT_PATH}
    for name in overrides:
        if "=" in name:
            raise InputError(f"environment: {name[:80]!r} is no name")
    for item in (*image, *(f"{name}={value}" for name, value in overrides.items())):
        name, equals, value = as_text(item, "environment").partition("=")
        if not name:
            raise InputError(f"environment: {item[:80]!r} has no name")
        if name.startswith(RESERVED_ENV):
            raise InputError(
                f"environment: {name[:80]!r} must not be set",
                hint=f"names that begin with {RESERVED_ENV} belong to the runtime",
            )
        if equals:
            env[name] = value
        else:
            env.pop(name, None)
    if not env.get("HOME"):
        env["HOME"] = home_of(user.uid, files)
    return env


def _directory(path: str) -> str:
    """The working directory, absolute and in normal form."""
    if not path.startswith("/") and path:
        raise InputError(f"working directory {path[:150]!r} is not an absolute path")
    return check_absolute("/" + posixpath.normpath("/" + path).lstrip("/"), "working directory")


def _stop_signal(config: ImageConfig, overrides: AppOverrides) -> int:
    text = config.stop_signal if overrides.stop_signal is None else str(overrides.stop_signal)
    return signal_number(text) if text else SIGTERM


def _warn(config: ImageConfig, progress: Progress) -> None:
    for volume in config.volumes:
        progress.warn(
            "volume-ephemeral",
            f"VOLUME {volume} is a plain directory: what is written there is lost at the end",
        )
    if config.healthcheck:
        progress.warn("healthcheck-ignored", "HEALTHCHECK is not carried out")


def _check_program(name: str, cwd: str, search: str, files: TreeFiles, progress: Progress) -> None:
    """Warn if the program is not in the image. Raises InputError if it is for another machine."""
    folders = [""] if "/" in name else search.split(":")
    found = [files.find(posixpath.join(cwd, folder, name)) for folder in folders]
    program = next((inode for inode in found if inode and _is_program(inode)), None)
    if program is None:
        progress.warn("program-missing", f"the entry point {name} is no executable file of the image")
    else:
        _check_machine(head(program, 20), name)


def _is_program(inode: Inode) -> bool:
    return inode.type is FileType.REGULAR and bool(inode.mode & 0o111)


def _check_machine(start: bytes, name: str) -> None:
    if start.startswith(_ELF_MAGIC) and (start[4:6] != _ELF_64_LITTLE or start[18:20] != _EM_X86_64):
        raise InputError(
            f"the entry point {name} is an ELF program for another machine than x86-64",
            hint="build the image for linux/amd64",
        )
