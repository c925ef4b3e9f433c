"""A Debian base image with apt, from the package source of this machine. What is made once is kept."""

import hashlib
import os
import subprocess
from pathlib import Path

from support.olos import execute

EPOCH = 1_600_000_000
_SOURCES = [
    "apt-get",
    "indextargets",
    "--format",
    "$(ORIGIN) deb $(REPO_URI) $(RELEASE) $(COMPONENT)",
    "Created-By: Packages",
]


def apt_image(registry: str) -> str:
    """Push the image to a registry on loopback, and return its name."""
    archive, name = _archive(), f"{registry}/debian:apt"
    container = execute(["buildah", "from", "scratch"]).stdout.strip()
    try:
        execute(["buildah", "add", "--quiet", container, archive, "/"])
        path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"
        execute(["buildah", "config", "--cmd", "/bin/sh", "--env", path, container])
        commit = ["buildah", "commit", "--quiet", f"--timestamp={EPOCH}", "--format=docker", container]
        image = execute([*commit]).stdout.strip()
    finally:
        execute(["buildah", "rm", container])
    execute(["buildah", "push", "--quiet", "--tls-verify=false", image, f"docker://{name}"])
    execute(["buildah", "rmi", image])
    return name


def _archive() -> Path:
    """The root file system as a tar, made by mmdebstrap if it is not there already."""
    sources = _sources()
    release = _release()
    key = hashlib.sha256("\n".join([release, *sources]).encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "olos"
    archive = cache / f"apt-{key}.tar"
    if not archive.exists():
        cache.mkdir(parents=True, exist_ok=True)
        made = cache / f"apt-{key}.{os.getpid()}.tar"
        options = ["--quiet", "--variant=apt"]
        options += [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("man", "locale", "doc")]
        subprocess.run(
            ["mmdebstrap", *options, release, made, "-"],
            input="".join(f"{line}\n" for line in sources),
            env={**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH)},
            text=True,
            check=True,
        )
        made.rename(archive)
    return archive


def _sources() -> list[str]:
    """The sources of Debian itself, as apt has them."""
    lines = set(execute([*_SOURCES]).stdout.splitlines())
    found = sorted(line.removeprefix("Debian ") for line in lines if line.startswith("Debian "))
    assert found, "apt has no sources of Debian: run apt-get update"
    return found


def _release() -> str:
    with Path("/etc/os-release").open() as stream:
        values = dict(line.rstrip().split("=", 1) for line in stream if "=" in line)
    return values["VERSION_CODENAME"]
