"""The builder `buildkit` against a stand-in `buildctl`: what it is asked, and what is made of its answers."""

import signal
from pathlib import Path

import pytest

from olos.errors import BuildStepError, InputError, MissingToolError, UsageError
from olos.progress import SILENT
from olos_build import dockerfile
from olos_build.builders.buildkit import BuildKit
from olos_build.builders.buildkit_address import Address, parse_address
from olos_build.builders.buildkit_clients import Buildx, Work, choose_client
from olos_build.builders.buildkit_steps import BuildKitSteps
from olos_build.builders.protocol import BuildRequest, BuiltImage, Extras
from olos_build.builders.secrets import Secret, SshSource
from olos_build.builders.table import choose
from olos_build.image import open_archive
from support.buildkit import calls, first_on_path, following, scripted
from support.images import archive_of, config_of, file, oci_layout, tar
from support.progress import Recorder

TEXT = """\
FROM scratch AS build
COPY a /a
RUN --mount=type=secret,id=s \\
  make all
FROM scratch
COPY --from=build /a /a
"""


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory at the head of PATH, for the stand-in."""
    folder = tmp_path / "client"
    folder.mkdir()
    monkeypatch.setenv("PATH", first_on_path(folder))
    monkeypatch.delenv("BUILDKIT_HOST", raising=False)
    return folder


def image(folder: Path, architecture: str = "amd64") -> Path:
    layers = [tar(file("a", b"content"))]
    layout = oci_layout(folder / "layout", layers, config_of(layers, architecture=architecture))
    return archive_of(layout, folder / "image.tar")


def request(folder: Path, extras: Extras | None = None, epoch: int = 0) -> BuildRequest:
    context = folder / "context"
    context.mkdir()
    (context / "a").write_text("a")
    (context / "Dockerfile").write_text(TEXT)
    secrets = (Secret("s", file=Path("/dev/null")),)
    given = extras or Extras(secrets=secrets)
    return BuildRequest(context / "Dockerfile", context, "build", (("K", "V=1,2"),), epoch, extras=given)


def built(folder: Path, asked: BuildRequest, builder: BuildKit | None = None) -> BuiltImage:
    spool = folder / "spool"
    spool.mkdir()
    return (builder or BuildKit()).build(asked, spool, SILENT)


def test_what_buildctl_is_asked_for(tmp_path: Path, client: Path) -> None:
    scripted(client, image=image(tmp_path))
    extras = Extras(
        secrets=(Secret("s", file=Path("/x")), Secret("e", variable="E")),
        ssh=(SshSource("default"), SshSource("k", (Path("/k"), Path("/l")))),
        network="none",
        cache_from=("type=registry,ref=r/c", "type=local,src=/c"),
        cache_to=("type=registry,ref=r/c,mode=max",),
        no_cache=True,
    )
    address = Address("kube-pod://builder?namespace=ci")
    made = built(tmp_path, request(tmp_path, extras), BuildKit(address))
    assert (made.builder, made.version) == ("buildkit", "0.12.5")
    asked = calls(client)[-1]
    assert asked[:4] == ["--addr", "kube-pod://builder?namespace=ci", "build", "--frontend=dockerfile.v0"]
    assert set(following(asked, "--opt")) == {
        "filename=Dockerfile",
        "platform=linux/amd64",
        "target=build",
        "force-network-mode=none",
        "build-arg:K=V=1,2",
        "build-arg:SOURCE_DATE_EPOCH=315619200",
    }
    work = tmp_path / "spool" / "buildkit"
    assert following(asked, "--local") == [f"context={work}/context", f"dockerfile={work}/dockerfile"]
    assert following(asked, "--output") == [f"type=oci,dest={work}/image.tar"]
    assert following(asked, "--secret") == ["id=s,src=/x", "id=e,env=E"]
    assert following(asked, "--ssh") == ["default", "k=/k,/l"]
    assert following(asked, "--import-cache") == ["type=registry,ref=r/c", "type=local,src=/c"]
    assert following(asked, "--export-cache") == ["type=registry,ref=r/c,mode=max"]
    assert {"--no-cache", "--progress=plain"} <= set(asked)
    assert not [part for part in asked if "attest" in part]
    assert (work / "context/a").stat().st_mtime == 315_619_200
    assert (work / "dockerfile/Dockerfile").read_text().endswith(TEXT.partition("\n")[2])
    assert (work / "dockerfile/Dockerfile.dockerignore").read_bytes() == b""


def test_the_image_is_what_comes_back(tmp_path: Path, client: Path) -> None:
    scripted(client, image=image(tmp_path))
    made = built(tmp_path, request(tmp_path))
    opened = open_archive(made.path, tmp_path, SILENT)
    assert [layer.extent.size for layer in opened.layers] == [10240]


def test_a_directory_name_with_a_comma(tmp_path: Path, client: Path) -> None:
    scripted(client, image=image(tmp_path))
    folder = tmp_path / 'a,"b'
    folder.mkdir()
    assert built(folder, request(tmp_path)).path.is_file()


def test_host_network_is_an_entitlement(tmp_path: Path, client: Path) -> None:
    scripted(client, image=image(tmp_path))
    built(tmp_path, request(tmp_path, Extras(network="host")))
    asked = calls(client)[-1]
    assert "--allow=network.host" in asked
    assert "force-network-mode=host" in following(asked, "--opt")


def test_tls_and_the_environment(tmp_path: Path, client: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(client, image=image(tmp_path))
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (tmp_path / name).touch()
    built(tmp_path, request(tmp_path), BuildKit(parse_address("tcp://far:1", tmp_path)))
    names = [f"{tmp_path}/{name}" for name in ("ca.pem", "cert.pem", "key.pem")]
    tls = ["--tlscacert", names[0], "--tlscert", names[1], "--tlskey", names[2]]
    assert calls(client)[-1][:8] == ["--addr", "tcp://far:1", *tls]
    monkeypatch.setenv("BUILDKIT_HOST", "unix:///x")
    assert BuildKit().version() == "0.12.5"
    assert calls(client)[-1] == ["--addr", "unix:///x", "debug", "info"]
    monkeypatch.setenv("BUILDKIT_HOST", "/x")
    with pytest.raises(UsageError, match="BUILDKIT_HOST"):
        BuildKit().version()


@pytest.mark.parametrize(
    ("extras", "epoch", "address", "names"),
    [
        (Extras(), 0, "tcp://far:1", ["buildkit-plain"]),
        (Extras(), 0, "tcp://127.0.0.1:1", []),
        (Extras(cache_from=("x",)), 7, "unix:///x", ["cache-unused"]),
        (Extras(cache_from=("x",)), 0, "unix:///x", []),
    ],
    ids=["plain", "loopback", "cache-of-other-times", "cache"],
)
def test_warnings(
    tmp_path: Path, client: Path, extras: Extras, epoch: int, address: str, names: list[str]
) -> None:
    scripted(client, image=image(tmp_path))
    progress = Recorder()
    asked = request(tmp_path, extras, epoch)
    BuildKit(Address(address)).build(asked, tmp_path, progress)
    assert [name for name, _ in progress.warnings if name != "secret-missing"] == names


FAILED = """\
#1 [internal] load build definition from Dockerfile
#1 transferring dockerfile: 120B done
#1 DONE 0.0s

#4 [build 1/2] COPY a /a
#4 DONE 0.0s

#5 [build 2/2] RUN --mount=type=secret,id=s   make all
#5 0.213 cc -c a.c
#5 ...

#6 [other 1/9] RUN something else
#6 0.100 not this one
#6 CANCELED

#5 [build 2/2] RUN --mount=type=secret,id=s   make all
#5 0.300 a.c:1: [error] no cheese
#5 ERROR: process "/bin/sh -c make all" did not complete successfully: exit code: 2
"""
TRAILER = """\
------
 > [build 2/2] RUN --mount=type=secret,id=s   make all:
0.213 cc -c a.c
0.300 a.c:1: [error] no cheese
------
Dockerfile:4
--------------------
   4 | >>> RUN --mount=type=secret,id=s \\
   5 | >>>   make all
--------------------
error: failed to solve: process "/bin/sh -c make all" did not complete successfully: exit code: 2
"""
NO_IMAGE = """\
#2 [internal] load metadata for localhost:1/no:such
#2 ERROR: localhost:1/no:such: not found
------
 > [internal] load metadata for localhost:1/no:such:
------
Dockerfile:6
--------------------
   6 | >>> FROM scratch
--------------------
error: failed to solve: localhost:1/no:such: failed to resolve source metadata: not found
"""
LOST = (
    "error: failed to receive status: rpc error: code = Unavailable desc = error reading from server: EOF\n"
)


@pytest.mark.parametrize(
    ("says", "where", "tells"),
    [
        (FAILED + TRAILER, "line 3: RUN --mount", ["a.c:1: [error] no cheese", "exit code: 2"]),
        (FAILED, "line 3: RUN --mount", ["cc -c a.c", "exit code: 2"]),
        (NO_IMAGE, "line 5: FROM scratch", ["localhost:1/no:such: not found"]),
        (LOST, "Dockerfile\n", ["Unavailable", "EOF"]),
        ("", "Dockerfile\n", []),
        ("#99999999999999999999 x\n#5\n# 5 x\nDockerfile:0\n\x1b[31m#1 [1/1] x", "Dockerfile\n", []),
    ],
    ids=["step", "without-trailer", "base", "daemon-died", "silent", "nonsense"],
)
def test_failures_name_the_step(
    tmp_path: Path, client: Path, says: str, where: str, tells: list[str]
) -> None:
    scripted(client, says=says, status=1)
    with pytest.raises(BuildStepError) as caught:
        built(tmp_path, request(tmp_path))
    message = caught.value.message
    assert where in message
    assert "buildctl failed with status 1:" in message
    assert all(text in message for text in tells)
    assert "not this one" not in message
    assert "V=1,2" not in f"{message} {caught.value.hint}"


def test_one_that_is_killed(tmp_path: Path, client: Path) -> None:
    scripted(client, says=FAILED, signal=signal.SIGKILL)
    with pytest.raises(BuildStepError, match="signal 9"):
        built(tmp_path, request(tmp_path))


def test_one_that_gives_nothing(tmp_path: Path, client: Path) -> None:
    scripted(client)
    with pytest.raises(BuildStepError, match="without an image"):
        built(tmp_path, request(tmp_path))


def test_an_image_that_is_cut_off_or_for_another_machine(tmp_path: Path, client: Path) -> None:
    whole = image(tmp_path)
    cut = tmp_path / "cut.tar"
    cut.write_bytes(whole.read_bytes()[:1024])
    scripted(client, image=cut)
    made = built(tmp_path, request(tmp_path))
    with pytest.raises(InputError):
        open_archive(made.path, tmp_path, SILENT)
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(InputError, match="arm64"):
        open_archive(image(other, "arm64"), tmp_path, SILENT)


def test_no_daemon(client: Path) -> None:
    scripted(client, workers=("error: failed to list workers: connection refused", 1))
    with pytest.raises(MissingToolError, match=r"unix:///x: error: .*refused") as caught:
        choose("buildkit", Address("unix:///x"))
    assert "buildkitd" in (caught.value.hint or "")
    assert not BuildKit().available()


def test_a_daemon_that_does_not_say_its_version(client: Path) -> None:
    scripted(client, info=("No help topic for 'info'", 3))
    assert BuildKit().version() == "0.11.0"
    assert BuildKit().available()


def test_an_address_chooses_the_builder(client: Path) -> None:
    scripted(client)
    assert choose("auto", Address("unix:///x")) == BuildKit(Address("unix:///x"))
    with pytest.raises(UsageError, match="--builder buildah"):
        choose("buildah", Address("unix:///x"))


def test_without_any_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MissingToolError, match="buildctl"):
        choose_client(Address())


@pytest.mark.parametrize(
    "text",
    [
        "unix:///run/buildkit/buildkitd.sock",
        "tcp://10.0.0.1:1234",
        "docker-container://b",
        "kube-pod://pod?namespace=x",
        "ssh://user@host",
    ],
)
def test_addresses(text: str) -> None:
    assert parse_address(text) == Address(text)


@pytest.mark.parametrize("text", ["", "host:1", "http://x", "unix://", "unix:// x", "tcp://a\nb", "TCP://a"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError, match="--buildkit-address"):
        parse_address(text)


def test_tls_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"ca\.pem"):
        parse_address("tcp://x:1", tmp_path)
    with pytest.raises(UsageError, match="tcp://"):
        parse_address("unix:///x", tmp_path)


BUILDX = """#!/bin/sh
[ "$2" != version ] || {{ echo github.com/docker/buildx v0.30.1 abc; exit 0; }}
echo "$BUILDX_CONFIG" "$@" >> {folder}/calls
"""


def test_buildx_gets_a_configuration_of_its_own(tmp_path: Path, client: Path) -> None:
    (client / "docker").write_text(BUILDX.format(folder=client))
    (client / "docker").chmod(0o755)
    asked = request(tmp_path)
    work = Work(asked, dockerfile.load(asked.dockerfile), tmp_path / "work")
    program = Buildx(Address("tcp://far:1", Path("/tls")))
    assert program.version() == "buildx 0.30.1"
    program.build(work, SILENT.output)
    create, build = (client / "calls").read_text().splitlines()
    own = f"{tmp_path}/work/buildx"
    assert create == (
        f"{own} buildx create --name=olos --driver=remote"
        " --driver-opt cacert=/tls/ca.pem,cert=/tls/cert.pem,key=/tls/key.pem tcp://far:1"
    )
    assert build.startswith(f"{own} buildx build --progress=plain --provenance=false --sbom=false")
    assert build.endswith(f"--output type=oci,dest={tmp_path}/work/image.tar --builder=olos {work.context}")
    Buildx(Address()).build(work, SILENT.output)
    chosen = (client / "calls").read_text().splitlines()[-1]
    assert chosen.startswith(" buildx build")
    assert "--builder" not in chosen


def test_memory_is_bounded(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(TEXT)
    steps = BuildKitSteps(dockerfile.load(tmp_path / "Dockerfile"), SILENT)
    for number in range(20_000):
        steps.line(f"#{number} [{number}/20000] RUN x")
    for number in range(20_000):
        steps.line(f"#5 0.1 line {number}")
    assert steps.failed("it failed", "").message.count("\n") < 100
