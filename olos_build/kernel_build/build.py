"""From source to the kernel component: unpack, patch, configure, compile, strip.

The bytes depend on source, configuration, patches and compiler alone.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from olos.digest import Digest
from olos.errors import InputError
from olos.output import atomic_directory, check_free
from olos.progress import Progress
from olos_build import kernel
from olos_build.cpio import archive
from olos_build.kernel_build import configuration, patches, source
from olos_build.kernel_build.provenance import Provenance
from olos_build.kernel_build.tools import COMPILER, MAKE, STRIP, call, check_installed
from olos_build.tool import first_line

_COMPILED = re.compile(r"^ +(CC|AS|LD|AR|GEN|HOSTCC|LINK) ")


def build(given: Path | None, output: Path, jobs: int, progress: Progress) -> Provenance:
    """Build a kernel from `given` (default: Debian's source) into the new directory `output`.

    That is one that `olos_build.kernel.collect` takes, with its configuration and what it was made
    from beside it. Raises MissingToolError, InputError, and BuildStepError with the end of the log
    if it does not compile.
    """
    check_installed()
    origin = source.find(given)
    check_free(output)
    _check_scratch(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix="olos-kernel-") as scratch:
        tree = Path(scratch) / "linux"
        progress.step(f"unpacking {origin}")
        taken = source.unpack(origin, tree, progress)
        patches.apply(tree, progress.output)
        config = configuration.configure(tree, progress.output)
        progress.step(f"compiling Linux {taken.version}")
        program = _compile(tree, jobs, progress)
    made = Provenance(
        source=taken,
        config=Digest.sha256(config.encode()),
        patches=tuple((path.name, Digest.sha256(path.read_bytes())) for path in patches.series()),
        compiler=first_line(COMPILER, ["--version"]),
        kernel=Digest.sha256(program),
        size=len(program),
    )
    _write(output, program, config, made)
    return made


def _check_scratch(folder: Path) -> None:
    """Make takes such names for lists."""
    if re.search(r"[\s:]", str(folder.resolve())):
        raise InputError(
            f"{folder}: Linux cannot be compiled below a name with blanks or colons",
            hint="set TMPDIR to another directory",
        )


def _compile(tree: Path, jobs: int, progress: Progress) -> bytes:
    """The kernel, without symbols."""
    arguments: list[str | Path] = [
        *("-C", tree, f"-j{jobs}", "linux"),
        # The directory is another one each time.
        f"KCFLAGS=-ffile-prefix-map={tree}=.",
        f"KAFLAGS=-ffile-prefix-map={tree}=.",
    ]
    with progress.task("compiling", None, "files") as task:

        def output(line: str) -> None:
            progress.output(line)
            if _COMPILED.match(line):
                task.advance(1)

        call(MAKE, arguments, output)
    call(STRIP, ["--strip-all", "--remove-section=.note.gnu.build-id", tree / "linux"], progress.output)
    return (tree / "linux").read_bytes()


def _write(output: Path, program: bytes, config: str, made: Provenance) -> None:
    with atomic_directory(output.resolve()) as folder:
        for name, content, mode in (
            ("linux", program, 0o755),
            ("modules.cpio", archive(()), 0o644),
            (kernel.CONFIGURATION, config.encode(), 0o644),
            (kernel.PROVENANCE, made.encode(), 0o644),
        ):
            (folder / name).write_bytes(content)
            (folder / name).chmod(mode)
