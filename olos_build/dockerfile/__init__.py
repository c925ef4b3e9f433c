"""Dockerfiles: the grammar of BuildKit's parser, and where each instruction stands.

The builders interpret them; olos reads them to say where an error is, what drifts and what can be pinned.
"""

from olos_build.dockerfile.arguments import KEYWORDS
from olos_build.dockerfile.files import MAX_SIZE, read_text_file
from olos_build.dockerfile.loading import decode, load
from olos_build.dockerfile.model import Comment, Dockerfile, Heredoc, Instruction
from olos_build.dockerfile.stages import ImageUse, Stage, StageStep, Walk

__all__ = [
    "KEYWORDS",
    "MAX_SIZE",
    "Comment",
    "Dockerfile",
    "Heredoc",
    "ImageUse",
    "Instruction",
    "Stage",
    "StageStep",
    "Walk",
    "decode",
    "load",
    "read_text_file",
]
