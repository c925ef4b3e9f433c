"""Image to layout: ours, and the chain of programs that gets to a root file system with a hash tree."""

from __future__ import annotations

from pathlib import Path

from bench.claim import Claim
from bench.inputs import OLOS, Inputs
from bench.timing import Contender

_CHAIN = """
set -e
rm -rf "$2"
mkdir "$2"
skopeo copy -q "oci:$1:x" "oci:$2/oci:x"
umoci unpack --image "$2/oci:x" "$2/bundle"
mkfs.erofs -T0 -U 00000000-0000-0000-0000-000000000000 "$2/image" "$2/bundle/rootfs"
veritysetup format --salt=- "$2/image" "$2/tree"
"""
_WITHOUT_CACHE = 'export XDG_CACHE_HOME="$1"; shift; rm -rf "$XDG_CACHE_HOME"; exec "$@"'


def claim(inputs: Inputs, name: str, text: str, image: Path) -> Claim:
    """Whole processes, from page cache. Ours also fills its cache, empty each time."""
    folder = inputs.folder
    ours = (*OLOS, "build", "-q", "--image", f"oci:{image}", "-o", str(folder / "built"))
    return Claim(
        name,
        text,
        Contender("olos build", ("sh", "-c", _WITHOUT_CACHE, "sh", str(folder / "cache"), *ours)),
        (Contender("skopeo, umoci, ...", ("sh", "-c", _CHAIN, "sh", str(image), str(folder / "chain"))),),
        ratio=3.0,
        peak=300,
    )
