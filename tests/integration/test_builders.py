"""Builders: root and a normal user make the same tree, errors name the step, images come from everywhere.

That the builders agree with one another is what `conformance` tests.
"""

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest

from olos.errors import BuildStepError
from olos.progress import SILENT
from olos_build.acquire import acquire
from olos_build.builders.protocol import BuildRequest
from olos_build.builders.table import BUILDERS
from olos_build.image import open_archive, open_oci_directory
from support.contexts import BUSYBOX, write_context
from support.describe import described_build
from support.olos import EXAMPLES, execute
from support.progress import Recorder
from support.user import normal_user, run_as

CASES = {
    "copy": BUSYBOX
    + """\
RUN mkdir -p /etc && echo 'app:x:1000:100::/:/bin/sh' > /etc/passwd && echo 'users:x:100:' > /etc/group
RUN mkdir -p -m 0700 /closed
COPY --chown=1000:100 src /src
COPY --chown=app:users src/a /named/dir/
COPY src/a src/link /several/
COPY src /closed
ADD add.tar /added/
COPY . /all
""",
    "layers": BUSYBOX
    + """\
FROM base
RUN mkdir -p /data/keep/deep /data/gone/deep && echo 1 > /data/gone/deep/old && echo gone > /gone
RUN mkfifo /data/pipe && touch -d '2000-01-01 00:00:00' /data/old && touch -d '2020-01-01 00:00:00' /data/new
RUN rm -rf /data/gone /gone && mkdir /data/gone && echo new > /data/gone/new
RUN rm -r /data/keep && echo now a file > /data/keep
RUN mkdir /links && echo x > /links/b && ln /links/b /links/a && ln -s ../links/a /data/link
RUN echo x > /suid && chown 3:4 /suid && chmod 6755 /suid && mkdir -m 1777 /tmp && mkdir -m 2755 /sgid
RUN dd if=/dev/zero of=/sparse bs=1 count=1 seek=1000000
RUN (touch /etc/hosts || true) && echo kept > /etc/kept && mkdir -p /run/lock && touch /run/lock/file
RUN mkdir -p /mnt /var/run && ls -d /dev/null /proc/self /sys > /dev/null
RUN umask > /umask; env | grep -v HOSTNAME | sort > /env
""",
    "config": BUSYBOX
    + """\
FROM base AS tools
RUN echo tool > /tool
FROM base
COPY --from=tools /tool /usr/bin/tool
RUN mkdir -p /etc /home/app /v && echo 'app:x:1000:100::/home/app:/bin/sh' > /etc/passwd && echo old > /v/file
ENV A="b c" D=e
VOLUME /v /w
WORKDIR /home/app
WORKDIR deep/er
RUN touch here
USER app
RUN id -u > /tmp.txt || true
EXPOSE 8080 53/udp
STOPSIGNAL SIGINT
HEALTHCHECK CMD ["x"]
LABEL l=m
CMD echo hello
""",
}


def built(builder: str, folder: Path) -> list[str]:
    return described_build(BUILDERS[builder], folder / "Dockerfile", folder)


@cache
def by_root(case: str) -> list[str]:
    """What buildah makes of it as root."""
    with tempfile.TemporaryDirectory() as folder:
        return built("buildah", write_context(Path(folder) / "context", CASES[case]))


@pytest.fixture(scope="module")
def user() -> Iterator[pwd.struct_passwd]:
    with normal_user() as made:
        yield made


@pytest.fixture
def use_engine(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", engine)


@pytest.mark.parametrize("case", CASES)
def test_users_make_the_same_as_root(tmp_path: Path, user: pwd.struct_passwd, case: str) -> None:
    folder = write_context(tmp_path / "context", CASES[case])
    copy = Path(user.pw_dir) / case
    shutil.copytree(folder, copy, symlinks=True)
    for path in (copy, *copy.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
    result = run_as(user, "support.describe", ["buildah", copy / "Dockerfile", copy])
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == by_root(case)


@pytest.fixture(scope="session")
def base(registry: str) -> str:
    """The name of the base image, in the registry."""
    result = execute([EXAMPLES / "base" / "make-base.sh", registry])
    return result.stdout.strip()


PYTHON = """\
FROM {base}
RUN rm -rf /usr/share/doc && useradd --uid 1000 --create-home app && rm -f /etc/*- /var/log/*log
RUN mkdir /cap && cp /bin/true /cap && python3 -c 'import os; \\
os.setxattr("/cap/true", "security.capability", bytes.fromhex("0100000200040000000000000000000000000000"))'
USER app
"""


@pytest.mark.usefixtures("use_engine")
def test_from_pulls_and_capabilities_are_kept(tmp_path: Path, base: str) -> None:
    folder = write_context(tmp_path / "context", PYTHON.format(base=base))
    lines = built("buildah", folder)
    assert lines == built("docker", folder)
    (line,) = [line for line in lines if line.startswith("/cap/true ")]
    assert line.endswith("security.capability=0100000200040000000000000000000000000000")


@pytest.mark.usefixtures("use_engine")
@pytest.mark.parametrize("builder", ["buildah", "docker"])
@pytest.mark.parametrize(
    ("dockerfile", "says"),
    [
        (
            "FROM scratch\nCOPY busybox /bin/sh\n\nRUN echo out of [cheese] && \\\n  exit 3\n",
            "line 4: RUN echo",
        ),
        ("FROM scratch\nCOPY nothing /\n", "nothing"),
        ("FROM localhost:1/no/such:image\nCOPY busybox /\n", "localhost:1"),
        ("FROM scratch\nCOPY busybox /\nLABEL\n", "LABEL"),
    ],
    ids=["run", "copy", "base", "syntax"],
)
def test_errors_name_the_step(tmp_path: Path, builder: str, dockerfile: str, says: str) -> None:
    folder = write_context(tmp_path / "context", dockerfile)
    progress = Recorder()
    with pytest.raises(BuildStepError) as caught:
        described_build(BUILDERS[builder], folder / "Dockerfile", folder, progress)
    assert says in caught.value.message
    if "cheese" in dockerfile:
        assert "\n  out of [cheese]" in caught.value.message
    assert str(folder) in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.usefixtures("use_engine")
@pytest.mark.parametrize("builder", ["buildah", "docker"])
def test_unknown_stage(tmp_path: Path, builder: str) -> None:
    folder = write_context(tmp_path / "context", "FROM scratch AS one\nCOPY busybox /\n")
    request = BuildRequest(folder / "Dockerfile", folder, stage="other")
    with pytest.raises(BuildStepError, match="other"):
        BUILDERS[builder].build(request, tmp_path, SILENT)


@pytest.mark.usefixtures("use_engine")
@pytest.mark.parametrize("builder", ["buildah", "docker"])
def test_dockerfile_outside_of_the_context_stage_and_arguments(tmp_path: Path, builder: str) -> None:
    folder = write_context(tmp_path / "context", "FROM nothing\n")
    (folder / ".dockerignore").write_text("add.tar\n")
    dockerfile = tmp_path / "other.Dockerfile"
    dockerfile.write_text(
        "ARG NAME=x\nFROM scratch AS one\nARG NAME\nCOPY . /all\nENV NAME=$NAME\n"
        "FROM scratch\nCOPY busybox /\n"
    )
    request = BuildRequest(dockerfile, folder, stage="one", build_args=(("NAME", "given"),))
    made = BUILDERS[builder].build(request, tmp_path, SILENT)
    image = open_archive(made.path, tmp_path, SILENT)
    assert "NAME=given" in image.config.env
    with tarfile.open(fileobj=image.layers[-1].extent.open()) as layer:
        names = {Path(name).name for name in layer.getnames()}
    assert "Dockerfile" in names
    assert not names & {".dockerignore", ".olos-dockerfile", "add.tar", "other.Dockerfile"}


@pytest.mark.usefixtures("use_engine")
def test_engine_warns_of_directories_it_gives_to_root(tmp_path: Path) -> None:
    folder = write_context(tmp_path / "context", "FROM scratch\nUSER 5\nWORKDIR /x\n")
    progress = Recorder()
    BUILDERS["docker"].build(BuildRequest(folder / "Dockerfile", folder), tmp_path, progress)
    assert [name for name, _ in progress.warnings] == ["workdir-owner"]


def test_acquired_from_everywhere(tmp_path: Path, registry: str, engine: str, use_engine: None) -> None:
    folder = write_context(tmp_path / "context", 'FROM scratch\nCOPY src/a /\nHEALTHCHECK CMD ["x"]\n')
    made = BUILDERS["buildah"].build(BuildRequest(folder / "Dockerfile", folder), tmp_path, SILENT)
    source = f"docker-archive:{made.path}"
    name = f"{registry}/acquired:v1"
    execute(["skopeo", "copy", "--dest-tls-verify=false", source, f"docker://{name}"])
    for target in (f"oci:{tmp_path}/oci:v1", f"oci-archive:{tmp_path}/oci.tar", f"docker-daemon:{name}"):
        daemon = ["--dest-daemon-host", engine] if target.startswith("docker-daemon") else []
        execute(["skopeo", "copy", *daemon, source, target])
    layers = set()
    references = (source, name, f"docker://{name}", f"docker-daemon:{name}")
    for number, reference in enumerate(
        (*references, f"oci:{tmp_path}/oci:v1", f"oci-archive:{tmp_path}/oci.tar")
    ):
        spool = tmp_path / str(number)
        spool.mkdir()
        got = acquire(reference, spool, SILENT)
        if got.kind == "archive":
            image = open_archive(got.path, spool, SILENT, got.tag)
        else:
            image = open_oci_directory(got.path, got.tag, spool, SILENT)
        layers.add(tuple(layer.diff_id for layer in image.layers))
        assert image.config.healthcheck == (not reference.startswith("oci"))
    assert len(layers) == 1


INTERRUPTED = """
import signal, sys, tempfile
from pathlib import Path
from olos_build.builders.protocol import BuildRequest
from olos_build.builders.table import BUILDERS
from olos.progress import SILENT
signal.signal(signal.SIGINT, signal.default_int_handler)
with tempfile.TemporaryDirectory() as spool:
    folder = Path(sys.argv[1])
    BUILDERS["buildah"].build(BuildRequest(folder / "Dockerfile", folder), Path(spool), SILENT)
"""


@pytest.mark.parametrize("moment", ["container", "command", "killed"])
def test_interrupted_build_leaves_nothing(tmp_path: Path, moment: str) -> None:
    """Ctrl-C while a step is set up, and while it runs; and buildah killed, so that it tidies nothing up."""
    sleep = f"/bin/busybox sleep 71{os.getpid()}"
    run = json.dumps(sleep.split())
    folder = write_context(tmp_path / "context", f"FROM scratch\nCOPY busybox /bin/busybox\nRUN {run}\n")
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path), "TMPDIR": str(tmp_path)}
    command: list[str | Path] = [sys.executable, "-c", INTERRUPTED, folder]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment, text=True) as process:
        if moment == "container":
            wait_until(lambda: bool(working_containers(tmp_path)))
        else:
            wait_until(lambda: sleep in execute(["ps", "-eo", "args"]).stdout.splitlines())
            assert working_containers(tmp_path)
        if moment == "killed":
            (buildah,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            os.kill(int(buildah), signal.SIGKILL)
        else:
            process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert ("buildah failed with signal 9" if moment == "killed" else "KeyboardInterrupt") in errors
    assert [path.name for path in tmp_path.iterdir()] == ["context"]
    assert sleep not in execute(["ps", "-eo", "args"]).stdout.splitlines()
    assert working_containers(tmp_path) == []


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if happened():
            return
        time.sleep(0.02)
    raise AssertionError("it does not happen")


def working_containers(folder: Path) -> list[str]:
    """Those that buildah made with something of this directory."""
    store = Path(execute(["buildah", "info", "--format", "{{.store.GraphRoot}}"]).stdout.strip())
    found = []
    for state in store.glob("*-containers/*/userdata/buildah.json"):
        with suppress(OSError):
            found += [state.parent.parent.name] if str(folder) in state.read_text() else []
    return found
