"""SOURCE_DATE_EPOCH in RUN steps: every builder has it there, and nothing of it is in the image."""

import shutil
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from olos.progress import SILENT
from olos_build.builders.protocol import OLDEST_TIME, BuildRequest, Extras
from olos_build.builders.table import BUILDERS
from olos_build.canonical_tree import canonicalise
from olos_build.image import Image, open_archive
from olos_build.merge import merge
from support.olos import EXAMPLES, execute
from support.trees import Description, describe

CHECKED_HASH = (0b11).to_bytes(4, "little")

DOCKERFILE = """\
FROM {base} AS made
# The source is as new as the build, so bytecode that holds its time is another each time.
RUN mkdir /app && echo 'x = {{"a", "b", "c"}}' > /app/module.py && python3 -m compileall -q /app
RUN useradd app && grep ^app: /etc/shadow > /app/shadow
RUN cd /app && \\
    python3 -c 'import os, zipfile as z; f = z.ZipFile("/zip", "w"); \\
i = z.ZipInfo("a", __import__("time").gmtime(int(os.environ["SOURCE_DATE_EPOCH"]))[:6]); f.writestr(i, "a")'
FROM scratch
COPY --from=made /app /app
COPY --from=made /zip /
"""
BUSYBOX = "FROM scratch\nCOPY busybox /bin/busybox\nCOPY busybox /bin/sh\n"


@pytest.fixture(scope="session")
def base(registry: str) -> str:
    return execute([EXAMPLES / "base" / "make-base.sh", registry]).stdout.strip()


def write(folder: Path, dockerfile: str) -> Path:
    """A context with a static program in it. Returns the Dockerfile."""
    context = folder / "context"
    context.mkdir()
    shutil.copy("/bin/busybox", context / "busybox")
    (context / "Dockerfile").write_text(dockerfile)
    return context / "Dockerfile"


def built(builder: str, request: BuildRequest, spool: Path) -> tuple[Image, dict[str, Description]]:
    """The image, and the tree of its layers."""
    spool.mkdir()
    made = BUILDERS[builder].build(request, spool, SILENT)
    image = open_archive(made.path, spool, SILENT, made.tag)
    tree = canonicalise(merge(image.layers, SILENT), request.epoch, SILENT)
    return image, {entry.path.decode(): entry for entry in describe(tree)}


@pytest.mark.parametrize("builder", ["buildah", "docker"])
@pytest.mark.parametrize("epoch", [0, 1_700_000_000])
def test_run_steps_see_it_and_the_app_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str, builder: str, epoch: int
) -> None:
    monkeypatch.setenv("DOCKER_HOST", engine)
    dockerfile = write(tmp_path, f"{BUSYBOX}RUN echo $SOURCE_DATE_EPOCH > /epoch\n")
    request = BuildRequest(dockerfile, dockerfile.parent, epoch=epoch)
    image, tree = built(builder, request, tmp_path / "spool")
    assert tree["epoch"].content == b"%d\n" % (epoch or OLDEST_TIME)
    assert not [variable for variable in image.config.env if "EPOCH" in variable]
    assert {entry.mtime for entry in tree.values()} <= {0, epoch}


def test_tools_take_it_in_place_of_the_clock(tmp_path: Path, base: str) -> None:
    dockerfile = write(tmp_path, DOCKERFILE.format(base=base))
    request = BuildRequest(dockerfile, dockerfile.parent, extras=Extras(no_cache=True))
    _, tree = built("buildah", request, tmp_path / "one")
    assert tree["app/shadow"].content.split(b":")[2] == b"%d" % (OLDEST_TIME // 86_400)
    (compiled,) = (entry for path, entry in tree.items() if path.endswith(".pyc"))
    assert compiled.content[4:8] == CHECKED_HASH
    assert zipfile.ZipFile(BytesIO(tree["zip"].content)).infolist()[0].date_time[:3] == (1980, 1, 2)
    assert built("buildah", request, tmp_path / "two")[1] == tree


def test_another_value_is_another_step(tmp_path: Path) -> None:
    """The builder's cache knows the difference."""
    dockerfile = write(tmp_path, f'{BUSYBOX}RUN ["/bin/sh", "-c", "echo $SOURCE_DATE_EPOCH > /epoch"]\n')
    for number, given in enumerate(("1", "2", "1")):
        arguments = (("SOURCE_DATE_EPOCH", given),)
        request = BuildRequest(dockerfile, dockerfile.parent, build_args=arguments)
        _, tree = built("buildah", request, tmp_path / str(number))
        assert tree["epoch"].content.decode() == f"{given}\n"


def test_later_steps_of_buildah_see_no_clock_in_the_files(tmp_path: Path) -> None:
    dockerfile = write(tmp_path, f"{BUSYBOX}RUN echo new > /new\nRUN /bin/busybox stat -c %Y /new > /time\n")
    request = BuildRequest(dockerfile, dockerfile.parent, extras=Extras(no_cache=True))
    _, tree = built("buildah", request, tmp_path / "spool")
    assert tree["time"].content == b"%d\n" % OLDEST_TIME
