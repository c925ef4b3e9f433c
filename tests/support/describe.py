"""What a builder makes of a Dockerfile, in lines that can be compared.

As a program: `python -m support.describe BUILDER DOCKERFILE CONTEXT`.
"""

import hashlib
import sys
import tempfile
from pathlib import Path

from olos.content import open_content
from olos.progress import SILENT, Progress
from olos.tree import FileType, Tree
from olos_build.builders.protocol import Builder, BuildRequest
from olos_build.builders.table import BUILDERS
from olos_build.canonical_tree import canonicalise
from olos_build.image import open_archive
from olos_build.images.model import ImageConfig
from olos_build.merge import merge

EPOCH = 1_000_000_000


def described_build(
    builder: Builder, dockerfile: Path, context: Path, progress: Progress = SILENT, epoch: int = EPOCH
) -> list[str]:
    """As `described_request` for a request of nothing else."""
    return described_request(builder, BuildRequest(dockerfile, context, epoch=epoch), progress)


def described_request(builder: Builder, request: BuildRequest, progress: Progress = SILENT) -> list[str]:
    """One line for each entry of the canonical tree, then those of the configuration."""
    with tempfile.TemporaryDirectory() as spool:
        built = builder.build(request, Path(spool), progress)
        image = open_archive(built.path, Path(spool), progress, built.tag)
        tree = canonicalise(merge(image.layers, progress), request.epoch, progress)
        return [*described_tree(tree), *_config(image.config)]


def described_tree(tree: Tree) -> list[str]:
    """One line for each entry, with the digest of a file's content."""
    lines = []
    for entry in tree:
        inode = entry.inode
        owner = f"{inode.uid}:{inode.gid}"
        line = f"/{entry.path.decode()} {inode.type.value} {inode.mode:04o} {owner} {inode.mtime}"
        if inode.type is FileType.REGULAR:
            with open_content(inode) as stream:
                line += f" {inode.size} {hashlib.sha256(stream.read()).hexdigest()[:12]}"
        if inode.type is FileType.SYMLINK:
            line += f" -> {inode.target.decode()}"
        if inode.type in (FileType.BLOCK, FileType.CHARACTER):
            line += f" {inode.device}"
        line += "".join(f" {name.decode()}={value.hex()}" for name, value in inode.xattrs)
        lines.append(line + (f" link {entry.link.decode()}" if entry.link else ""))
    return lines


def _config(config: ImageConfig) -> list[str]:
    """An empty command is none, and the working directory is the root if there is no other."""
    names = ("env", "user", "exposed_ports", "stop_signal", "volumes", "healthcheck")
    values = {name: getattr(config, name) for name in names}
    values |= {"entrypoint": config.entrypoint or (), "cmd": config.cmd or ()}
    values |= {"working_dir": config.working_dir or "/"}
    return [f"{name}={value!r}" for name, value in values.items()]


if __name__ == "__main__":
    name, dockerfile, context = sys.argv[1:]
    sys.stdout.write("\n".join(described_build(BUILDERS[name], Path(dockerfile), Path(context))) + "\n")
