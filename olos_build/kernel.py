"""The kernel component of the `linux` target: User-Mode Linux and all that it needs to start.

That is the kernel program, the ELF interpreter and libraries it is linked with, and the modules
for the root file system, so that nothing of the host's takes part at run time.
"""

from __future__ import annotations

import io
import re
import stat
from collections import deque
from collections.abc import Iterable
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile
from elftools.elf.segments import InterpSegment

from olos.errors import InputError, MissingToolError
from olos_build.component import Component
from olos_build.cpio import Member, archive

DEFAULT_KERNEL = Path("/usr/bin/linux.uml")
MODULES = Path("/usr/lib/uml/modules")
LIBRARY_FOLDERS = tuple(
    map(
        Path,
        ("/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"),
    )
)
NEEDED_MODULES = ("dm-verity", "erofs", "overlay")
FUSE_ARCHIVE = "fuse.cpio"

_FUSE_MODULE = "kernel/fs/fuse/fuse.ko"
_FUSE_MARK = b"fuse: init (API version"
"""What fs/fuse/inode.c says at start-up, so that a kernel with FUSE built in has it."""

CONFIGURATION = "config"
PROVENANCE = "build.json"
"""What `olos kernel build` puts beside a kernel; no part of the component."""

_FOLDER = "kernel"
_LIMIT = 256 << 20
_BANNER = re.compile(rb"Linux version (\d+\.\d+\.\d+\S*) \(")
_COMPONENT_NAME = re.compile(r"[A-Za-z0-9._+-]+")
_PROGRAM_MODE = 0o755


def collect(path: Path | None, *, host_mounts: bool = False) -> tuple[Component, ...]:
    """The files of the component, sorted by name.

    `path` is a User-Mode Linux program (default: Debian's), or a directory that holds the files of
    such a component already, for instance `kernel/` of a layout. With `host_mounts` it must have FUSE: as
    a module, which is a file that no other app has, or built in. Raises InputError or MissingToolError.
    """
    if path is not None and path.is_dir():
        components = _from_directory(path)
    else:
        components = _from_program(path or DEFAULT_KERNEL, host_mounts=host_mounts)
    if host_mounts and not _has_fuse(components):
        raise InputError(
            f"{path or DEFAULT_KERNEL}: this kernel has no FUSE, which the policy's host mounts need",
            hint="give a kernel with CONFIG_FUSE_FS, or the kernel/ directory of a layout with host mounts",
        )
    return components


def _has_fuse(components: Iterable[Component]) -> bool:
    return any(
        component.path == f"{_FOLDER}/{FUSE_ARCHIVE}"
        or (component.path == f"{_FOLDER}/linux" and _FUSE_MARK in component.content)
        for component in components
    )


def _from_directory(folder: Path) -> tuple[Component, ...]:
    hint = "give the kernel/ directory of a layout, or what 'olos kernel build' made"
    try:
        files = sorted(file for file in folder.iterdir() if file.name not in (CONFIGURATION, PROVENANCE))
    except OSError as exc:
        raise InputError(f"{folder}: cannot be read: {exc.strerror}", hint=hint) from exc
    names = {file.name for file in files}
    for name in ("linux", "modules.cpio"):
        if name not in names:
            raise InputError(f"{folder}: no kernel component: {name} is missing", hint=hint)
    for file in files:
        if not _COMPONENT_NAME.fullmatch(file.name):
            raise InputError(f"{file}: is no name of a kernel's file", hint=hint)
    _version(_read(folder / "linux"), folder / "linux")
    return tuple(Component(f"{_FOLDER}/{file.name}", _read(file), _mode(file.name), file) for file in files)


def _from_program(program: Path, *, host_mounts: bool) -> tuple[Component, ...]:
    if program == DEFAULT_KERNEL and not program.exists():
        raise MissingToolError(
            f"{program}: there is no kernel",
            hint="apt-get install user-mode-linux, or give one with --kernel",
        )
    content = _read(program)
    modules = MODULES / _version(content, program)
    files = {"linux": (content, program), "modules.cpio": (_modules(modules), modules)}
    if host_mounts and _FUSE_MARK not in content:
        files[FUSE_ARCHIVE] = (_fuse_module(modules), modules)
    files |= _linked(content, program)
    return tuple(
        Component(f"{_FOLDER}/{name}", content, _mode(name), source)
        for name, (content, source) in sorted(files.items())
    )


def _mode(name: str) -> int:
    return _PROGRAM_MODE if name == "linux" or name.startswith("ld-") else 0o644


def _read(path: Path) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{path}: is not a regular file")
        if status.st_size > _LIMIT:
            raise InputError(f"{path}: {status.st_size} bytes, more than a kernel's file may have ({_LIMIT})")
        return path.read_bytes()
    except OSError as exc:
        raise InputError(f"{path}: cannot be read: {exc.strerror}") from exc


def _version(content: bytes, path: Path) -> str:
    match = _BANNER.search(content)
    if not match:
        raise InputError(
            f"{path}: is not a Linux kernel", hint="give a User-Mode Linux program, as /usr/bin/linux.uml"
        )
    return match[1].decode()


def _linked(program: bytes, path: Path) -> dict[str, tuple[bytes, Path]]:
    """The interpreter and the shared libraries of an ELF program, by file name, and where they lie."""
    result: dict[str, tuple[bytes, Path]] = {}
    pending = deque([(program, path)])
    while pending:
        content, origin = pending.popleft()
        for name in _needed(content, origin):
            if name not in result:
                found = _find_library(name, origin)
                result[name] = _read(found), found
                pending.append((result[name][0], Path(name)))
    return result


def _needed(content: bytes, path: Path) -> list[str]:
    try:
        elf = ELFFile(io.BytesIO(content))
        if elf["e_machine"] != "EM_X86_64":
            raise InputError(f"{path}: is a program for {elf['e_machine']}, not for x86-64")
        names: list[str] = []
        for segment in elf.iter_segments():
            if isinstance(segment, InterpSegment):
                names.append(Path(segment.get_interp_name()).name)
            elif isinstance(segment, DynamicSegment):
                # pyelftools sets `needed` at run time only, so its stubs do not know it
                names += [str(vars(tag)["needed"]) for tag in segment.iter_tags("DT_NEEDED")]
    except (ELFError, UnicodeDecodeError) as exc:
        raise InputError(f"{path}: is not an ELF program: {exc}") from exc
    return names


def _find_library(name: str, needed_by: Path) -> Path:
    for folder in LIBRARY_FOLDERS:
        if "/" not in name and (folder / name).is_file():
            return folder / name
    raise InputError(f"{needed_by}: needs {name}, which is not in {', '.join(map(str, LIBRARY_FOLDERS))}")


def _modules(folder: Path) -> bytes:
    """An archive of the modules that the crt loads, dependencies first."""
    if not folder.is_dir():
        raise InputError(
            f"{folder}: the modules of this kernel are missing", hint="apt-get install user-mode-linux"
        )
    paths = _load_order(folder)
    return archive(
        Member(f"modules/{index:02}-{path.name}", 0o644, _read(path)) for index, path in enumerate(paths)
    )


def _fuse_module(folder: Path) -> bytes:
    """An archive that continues the other one: its module is loaded last."""
    path = folder / _FUSE_MODULE
    if not path.is_file():
        raise InputError(
            f"{path}: is missing; the kernel needs FUSE for the policy's host mounts",
            hint="apt-get install user-mode-linux, or give a kernel with CONFIG_FUSE_FS",
        )
    return archive([Member("modules/fuse.ko", 0o644, _read(path))])


def _load_order(folder: Path) -> list[Path]:
    """NEEDED_MODULES and what they depend on, by `modules.dep` (modules.dep(5)); built-in ones left out."""
    dependencies: dict[str, list[str]] = {}
    for line in _read(folder / "modules.dep").decode().splitlines():
        module, _, rest = line.partition(":")
        dependencies[module] = rest.split()
    by_name = {Path(module).stem: module for module in dependencies}
    builtin = {Path(line).stem for line in _read(folder / "modules.builtin").decode().splitlines()}
    order: list[str] = []
    for name in NEEDED_MODULES:
        if name in by_name:
            # modules.dep lists all dependencies, the last to be loaded first
            order += [m for m in (*reversed(dependencies[by_name[name]]), by_name[name]) if m not in order]
        elif name not in builtin:
            raise InputError(
                f"{folder}: module {name} is missing; the kernel cannot open the root file system"
            )
    return [folder / module for module in order]
