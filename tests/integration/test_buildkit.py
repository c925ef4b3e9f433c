"""`buildkit` with a real BuildKit: that of Debian's Docker Engine, behind a stand-in `buildctl`."""

import secrets
from pathlib import Path

import pytest

from olos.errors import BuildStepError
from olos.progress import SILENT
from olos_build.builders.protocol import BuildRequest, Extras, Network
from olos_build.builders.secrets import Secret, parse_ssh
from olos_build.builders.table import BUILDERS
from support.buildkit import bridge, calls, first_on_path
from support.contexts import BUSYBOX, write_context
from support.describe import described_request
from support.progress import Recorder
from support.ssh import agent


@pytest.fixture(autouse=True)
def client(tmp_path: Path, engine: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `buildctl` before all others."""
    folder = tmp_path / "client"
    folder.mkdir()
    bridge(folder, engine)
    monkeypatch.setenv("PATH", first_on_path(folder))
    return folder


EVERYTHING = (
    BUSYBOX
    + """\
FROM --platform=$BUILDPLATFORM base AS build
ARG FLAVOUR
COPY src /src
RUN --mount=type=bind,source=src,target=/context cp /context/a /from-bind
RUN --mount=type=bind,from=base,source=/bin,target=/other test -x /other/busybox
RUN --mount=type=cache,target=/cache,id=olos-test echo x > /cache/file && cp /cache/file /from-cache
RUN --mount=type=tmpfs,target=/memory echo gone > /memory/file && echo $FLAVOUR > /flavour
RUN --mount=type=secret,id=s,target=/token wc -c < /token > /size && sha256sum /token | cut -c 1-3 > /dev/null
FROM base
COPY --from=build --chown=5:6 /from-bind /from-cache /size /flavour /copied/
RUN rm -rf /cache /memory /context /other
USER 5:6
ENTRYPOINT ["/bin/busybox"]
"""
)


def request(folder: Path, extras: Extras) -> BuildRequest:
    arguments = (("FLAVOUR", "sweet"),)
    return BuildRequest(folder / "Dockerfile", folder, build_args=arguments, epoch=10**9, extras=extras)


def test_buildkit_and_buildah_make_the_same(tmp_path: Path, client: Path) -> None:
    folder = write_context(tmp_path / "context", EVERYTHING)
    (tmp_path / "token").write_text("x" * 17)
    asked = request(folder, Extras(secrets=(Secret("s", file=tmp_path / "token"),)))
    lines = described_request(BUILDERS["buildkit"], asked)
    assert lines == described_request(BUILDERS["buildah"], asked)
    assert any(line.startswith("/copied/flavour f 0644 5:6") for line in lines)
    assert any("build" in call for call in calls(client))


@pytest.mark.parametrize(
    ("dockerfile", "says"),
    [
        (
            "RUN echo out of [cheese] && \\\n  exit 3\n",
            ["line 4: RUN echo", "out of [cheese]", "exit code: 3"],
        ),
        ("COPY nothing /\n", ["nothing"]),
        ("FROM localhost:1/no/such:image\nCOPY busybox /\n", ["localhost:1"]),
    ],
    ids=["run", "copy", "base"],
)
def test_errors_name_the_step(tmp_path: Path, dockerfile: str, says: list[str]) -> None:
    folder = write_context(tmp_path / "context", BUSYBOX + dockerfile)
    with pytest.raises(BuildStepError) as caught:
        BUILDERS["buildkit"].build(request(folder, Extras()), tmp_path, SILENT)
    assert all(text in caught.value.message for text in says)


NETWORK = BUSYBOX + "RUN cut -d: -f1 /proc/net/dev | tail -n +3 | tr -d ' ' | sort > /devices\n"


@pytest.mark.parametrize("builder", ["buildah", "buildkit"])
def test_no_network(tmp_path: Path, builder: str) -> None:
    folder = write_context(tmp_path / "context", NETWORK)
    network: Network = "none"
    lines = described_request(BUILDERS[builder], request(folder, Extras(network=network)))
    (found,) = [line for line in lines if line.startswith("/devices ")]
    assert found.split()[5] == "3", "a file with just the line 'lo'"


@pytest.mark.parametrize("builder", ["buildah", "buildkit"])
def test_ssh_agent(tmp_path: Path, builder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_context(
        tmp_path / "context",
        BUSYBOX + 'RUN --mount=type=ssh test -S "$SSH_AUTH_SOCK" && echo yes > /asked\n'
        'RUN test ! -e "$SSH_AUTH_SOCK"\n',
    )
    with agent() as socket:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        asked = request(folder, Extras(ssh=parse_ssh(["default"]), no_cache=True))
        lines = described_request(BUILDERS[builder], asked)
    assert any(line.startswith("/asked f ") for line in lines)


@pytest.mark.parametrize("builder", ["buildah", "buildkit"])
def test_cache_mounts_are_kept_and_not_in_the_image(
    tmp_path: Path, builder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    name, sizes = secrets.token_hex(8), []
    for number in range(2):
        run = f"RUN --mount=type=cache,id={name},target=/kept/{name} : {number};"
        run += f" echo x >> /kept/{name}/file && cp /kept/{name}/file /copy\n"
        folder = write_context(tmp_path / str(number), BUSYBOX + run)
        lines = described_request(BUILDERS[builder], BuildRequest(folder / "Dockerfile", folder))
        sizes += [line.split()[5] for line in lines if line.startswith("/copy ")]
        assert not [line for line in lines if line.startswith(f"/kept/{name}/file")]
    assert sizes == ["2", "4"]


def test_the_engines_own_builder_refuses_before_it_builds(
    tmp_path: Path, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", engine)
    folder = write_context(tmp_path / "context", EVERYTHING)
    progress = Recorder()
    with pytest.raises(BuildStepError, match=r"line 7: RUN --mount=type=bind") as caught:
        BUILDERS["docker"].build(request(folder, Extras()), tmp_path, progress)
    assert "buildah" in (caught.value.hint or "")
