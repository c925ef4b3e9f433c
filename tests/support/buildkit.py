"""Stand-ins for `buildctl`, BuildKit's client, which Debian 12 does not have.

One answers from a script and notes how it was called. The other hands the build to the BuildKit inside
Debian's Docker Engine, which speaks another protocol but runs the same steps and prints the same words.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

_START = f"""#!{sys.executable}
import csv, json, os, shutil, subprocess, sys
from pathlib import Path
here = Path(__file__).parent
with (here / "calls").open("a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
def values(name):
    return [value for option, value in zip(sys.argv, sys.argv[1:]) if option == name] + [
        part.removeprefix(name + "=") for part in sys.argv if part.startswith(name + "=")]
def destination():
    (fields,) = csv.reader(values("--output"))
    return dict(field.split("=", 1) for field in fields)["dest"]
told = json.loads((here / "told").read_text())
"""

_SCRIPTED = (
    _START
    + """
if "--version" in sys.argv:
    print("buildctl github.com/moby/buildkit v0.11.0 abc")
elif "debug" in sys.argv:
    found = told[sys.argv[-1]]
    print(found["says"])
    sys.exit(found["status"])
else:
    sys.stderr.write(told["says"])
    sys.stderr.flush()
    if told["signal"]:
        os.kill(os.getpid(), told["signal"])
    if told["image"]:
        shutil.copy(told["image"], destination())
    sys.exit(told["status"])
"""
)

_BRIDGE = (
    _START
    + """
if "debug" in sys.argv:
    print("BuildKit: github.com/moby/buildkit v0.8.3 abc")
    sys.exit()
places = dict(value.split("=", 1) for value in values("--local"))
options = dict(value.split("=", 1) for value in values("--opt"))
ours = {"target": "--target", "platform": "--platform"}
arguments = [f"{ours[name]}={value}" for name, value in options.items() if name in ours]
given = [(name[10:], value) for name, value in options.items() if name.startswith("build-arg:")]
arguments += [f"--build-arg={name}={value}" for name, value in given]
arguments += [f"{name}={value}" for name in ("--secret", "--ssh") for value in values(name)]
# The tests' Engine has no bridge, so what RUN steps see by default is the host's network.
arguments += ["--network=" + options.get("force-network-mode", "host")]
arguments += ["--no-cache"] if "--no-cache" in sys.argv else []
environment = {**os.environ, "DOCKER_BUILDKIT": "1", "DOCKER_HOST": told["engine"]}
command = ["/usr/bin/docker", "build", "--progress=plain", "--iidfile", here / "id", *arguments]
command += ["--file", places["dockerfile"] + "/" + options["filename"], places["context"]]
status = subprocess.run(command, env=environment).returncode
if status:
    sys.exit(status)
source = "docker-daemon:" + (here / "id").read_text()
copy = ["skopeo", "copy", "--quiet", "--src-daemon-host", told["engine"], source]
sys.exit(subprocess.run([*copy, "oci-archive:" + destination()]).returncode)
"""
)


def write_buildctl(folder: Path, script: str, told: Mapping[str, Any]) -> None:
    """Put a program `buildctl` into a directory that is on PATH."""
    (folder / "told").write_text(json.dumps(told))
    program = folder / "buildctl"
    program.write_text(script)
    program.chmod(0o755)


def scripted(
    folder: Path,
    *,
    says: str = "",
    image: Path | None = None,
    status: int = 0,
    signal: int = 0,
    workers: tuple[str, int] = ("ID PLATFORMS", 0),
    info: tuple[str, int] = ("BuildKit: github.com/moby/buildkit v0.12.5 bac3f2b", 0),
) -> None:
    """A `buildctl` that prints `says`, hands out `image`, and ends with a status or by a signal."""
    answers = {
        name: {"says": text, "status": code} for name, (text, code) in (("workers", workers), ("info", info))
    }
    image_name = str(image) if image else ""
    write_buildctl(
        folder,
        _SCRIPTED,
        {**answers, "says": says, "image": image_name, "status": status, "signal": signal},
    )


def bridge(folder: Path, engine: str) -> None:
    """A `buildctl` that builds with the BuildKit of a Docker Engine."""
    write_buildctl(folder, _BRIDGE, {"engine": engine})


def calls(folder: Path) -> list[list[str]]:
    """How it was called, in order."""
    path = folder / "calls"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def following(arguments: Sequence[str], option: str) -> list[str]:
    """The values of an option that may be given several times."""
    apart = [value for name, value in pairwise(arguments) if name == option]
    return apart + [a.removeprefix(f"{option}=") for a in arguments if a.startswith(f"{option}=")]


def first_on_path(folder: Path) -> str:
    """PATH with this directory before all others."""
    return f"{folder}:{os.environ['PATH']}"
