"""Which line of the Dockerfile wrote which file, asked of the builders that made the image."""

import shutil
from pathlib import Path

import pytest

from olos.annotations import Annotations, load
from olos.erofs import Image
from olos.layout import ROOTFS, open_directory
from support.olos import olos

DOCKERFILE = """\
# Every instruction that there is, in the last stage.
ARG BASE=base
FROM scratch AS base
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
ENV X=1 Y="two words" \\
    Z=3
FROM base AS other
RUN echo other > /from-other
FROM base
MAINTAINER me
ARG WHO=me
ARG UNUSED
LABEL a="b" c=d
RUN echo $WHO > /who && \\
    # a comment inside
    echo   two   spaces
WORKDIR /w/x
COPY a rel/
USER 1000:1000
COPY --chown=1:2 ["a", "b c", "/dst/"]
copy --from=other /from-other /from-other
ADD ["a", "/added"]
RUN true
USER 0
RUN chmod 600 /from-other
VOLUME /vol /v2
EXPOSE 80 81/udp
STOPSIGNAL SIGINT
HEALTHCHECK --interval=3s CMD ["/bin/true"]
SHELL ["/bin/sh", "-c"]
ONBUILD RUN x
ENV A=$X B=${Y}
COPY a $A/
ENTRYPOINT ["/bin/sh"]
CMD ["-c", "true"]
"""
WRITTEN = {
    b"bin/busybox": 4,
    b"bin/sh": 5,
    b"who": 15,
    b"w/x/rel/a": 19,
    b"dst/a": 21,
    b"dst/b c": 21,
    b"from-other": 26,
    b"added": 23,
    b"w/x/1/a": 34,
}
LINES = [3, 4, 5, 6, 10, *range(11, 16), *range(18, 37)]
"""Of all steps; the ARG that olos puts behind FROM has the line of that FROM."""


@pytest.fixture(params=["buildah", "docker"])
def layout(request: pytest.FixtureRequest, engine: str, tmp_path: Path) -> Path:
    for name in ("a", "b c"):
        (tmp_path / name).write_text(name)
    shutil.copy("/bin/busybox", tmp_path / "busybox")
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    env = {"DOCKER_HOST": engine}
    olos("build", "Dockerfile", "--builder", request.param, "--build-arg", "WHO=you", cwd=tmp_path, env=env)
    return tmp_path / "olos-layout"


def lines_of_files(annotations: Annotations, layout: Path) -> dict[bytes, int | None]:
    record = open_directory(layout).manifest().rootfs
    with Image(open_directory(layout)[ROOTFS], record.image_size) as image:
        paths = [entry.path for entry in image.entries()]
    steps = map(annotations.step, annotations.origin_of_entries())
    return {path: step.line if step else None for path, step in zip(paths, steps, strict=True)}


def test_lines(layout: Path) -> None:
    annotations = load(open_directory(layout))
    assert annotations is not None
    assert [step.line for step in annotations.history] == LINES
    assert lines_of_files(annotations, layout).items() >= WRITTEN.items()
    assert annotations.base_layers == ()
