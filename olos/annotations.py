"""`annotations.json` (schema `olos-annotations/1`, docs/formats.md section 4.6): where a layout came from.

It lies beside the manifest and is not measured, so it proves nothing: it explains. It holds no clock and
no path or name of the machine, so that the same inputs give the same bytes.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise, repeat

from olos.canonical import JSON, MAX_INTEGER, decode, encode
from olos.digest import Digest
from olos.errors import InputError
from olos.fields import Fields, as_number
from olos.layout import ANNOTATIONS, ANNOTATIONS_LIMIT, Layout

SCHEMA = "olos-annotations/1"
MAX_LINE = 1 << 20
"""Most lines of a Dockerfile: it has at most so many bytes."""

_BUILDKIT = re.compile(r"\s*# buildkit\s*\Z")
_MARKED = re.compile(r"[^\"'&;|]*?#\(nop\)\s+(.*)", re.DOTALL)
_COMMAND = re.compile(r"(?:RUN )?(?:\|[0-9]+ .*?)?/bin/sh -c (.*)", re.DOTALL)


@dataclass(frozen=True)
class Step:
    """A step of the image's history, the words of its builder; `empty_layer` if it changed no file.

    `line`, from 1, is where the instruction stands in the Dockerfile; None for steps of the base image,
    and where that is not known for certain.
    """

    created_by: str
    empty_layer: bool
    line: int | None = None

    @property
    def instruction(self) -> str:
        """The step about as it stands in a Dockerfile, on one line, without what builders put around it."""
        text = _BUILDKIT.sub("", self.created_by)
        if match := _MARKED.fullmatch(text):
            text = match[1]
        elif match := _COMMAND.fullmatch(text):
            text = f"RUN {match[1]}"
        return " ".join(text.split())

    def json(self) -> JSON:
        known: Mapping[str, JSON] = {} if self.line is None else {"line": self.line}
        return {"created_by": self.created_by, "empty_layer": self.empty_layer, **known}


@dataclass(frozen=True, kw_only=True)
class Annotations:
    """What an image was made by and of, and which of its layers wrote which entry.

    `layers` are the digests of the uncompressed layers, the lowest first; layers are numbered from 1.
    `origins` are runs (count, layer) over the entries of the root file system in path order; layer 0
    stands for what olos itself made. `scrub` are the names of the rules that took files away, sorted.
    """

    builder: str
    builder_version: str
    olos_version: str
    source_date_epoch: int
    config_digest: Digest
    layers: tuple[Digest, ...]
    history: tuple[Step, ...]
    origins: tuple[tuple[int, int], ...]
    scrub: tuple[str, ...] = ()

    def encode(self) -> bytes:
        """The bytes of the file."""
        return encode(
            {
                "builder": {"name": self.builder, "version": self.builder_version},
                "history": [step.json() for step in self.history],
                "image": {
                    "config_digest": str(self.config_digest),
                    "layers": [str(layer) for layer in self.layers],
                },
                "olos_version": self.olos_version,
                "origins": self.origins,
                "schema": SCHEMA,
                "source_date_epoch": self.source_date_epoch,
                **({"scrub": self.scrub} if self.scrub else {}),
            }
        )

    @classmethod
    def decode(cls, data: bytes, where: str = ANNOTATIONS) -> Annotations:
        """Read the bytes of the file. Raises InputError, naming `where`, for what `encode` does not write."""
        fields = Fields(decode(data, where=where, limit=ANNOTATIONS_LIMIT), where)
        fields.choice("schema", (SCHEMA,))
        builder = Fields(fields.raw("builder"), fields.where("builder"))
        image = Fields(fields.raw("image"), fields.where("image"))
        layers_at = image.where("layers")
        result = cls(
            builder=builder.text("name"),
            builder_version=builder.text("version"),
            olos_version=fields.text("olos_version"),
            source_date_epoch=fields.number("source_date_epoch", 0, MAX_INTEGER),
            config_digest=Digest.parse(image.text("config_digest"), where=image.where("config_digest")),
            layers=tuple(Digest.parse(text, where=layers_at) for text in image.texts("layers")),
            history=tuple(_steps(fields)),
            origins=tuple(_runs(fields)),
            scrub=_rules(fields),
        )
        for each in (builder, image, fields):
            each.done()
        _check_runs(result, fields.where("origins"))
        return result

    @cached_property
    def _ends(self) -> list[int]:
        """The index behind each run."""
        return list(accumulate(count for count, _ in self.origins))

    @property
    def entries(self) -> int:
        """The number of entries that the origins speak of: that of the manifest, if they belong together."""
        return self._ends[-1] if self._ends else 0

    def origin(self, index: int) -> int:
        """The layer that wrote the entry with this index in path order; 0 is olos. Raises IndexError."""
        if not 0 <= index < self.entries:
            raise IndexError(f"{index} is not the index of one of {self.entries} entries")
        return self.origins[bisect_right(self._ends, index)][1]

    def origin_of_entries(self) -> Iterator[int]:
        """The layer of each entry in path order, one after the other."""
        for count, layer in self.origins:
            yield from repeat(layer, count)

    @cached_property
    def _steps_of_layers(self) -> tuple[Step, ...]:
        """The step of each layer; none at all when history and layers do not go together."""
        steps = tuple(step for step in self.history if not step.empty_layer)
        return steps if len(steps) == len(self.layers) else ()

    def step(self, layer: int) -> Step | None:
        """The step that made a layer; None for layer 0, and if the history does not fit the layers."""
        steps = self._steps_of_layers
        return steps[layer - 1] if 1 <= layer <= len(steps) else None

    @property
    def base_layers(self) -> tuple[Digest, ...]:
        """The layers below the first that a line of our Dockerfile wrote; all if it was not built here."""
        for number, step in enumerate(self._steps_of_layers):
            if step.line is not None:
                return self.layers[:number]
        return self.layers


def load(layout: Layout) -> Annotations | None:
    """The annotations of a layout; None if it has none. Raises InputError if they are not as they must be."""
    if ANNOTATIONS not in layout:
        return None
    return Annotations.decode(layout[ANNOTATIONS].read(ANNOTATIONS_LIMIT), f"{layout.origin}: {ANNOTATIONS}")


def _steps(fields: Fields) -> Iterator[Step]:
    for index, item in enumerate(fields.items("history")):
        step = Fields(item, f"{fields.where('history')}[{index}]")
        line = step.number("line", 1, MAX_LINE) if step.optional("line") else None
        yield Step(step.text("created_by"), step.flag("empty_layer"), line)
        step.done()


def _runs(fields: Fields) -> Iterator[tuple[int, int]]:
    where = fields.where("origins")
    for index, item in enumerate(fields.items("origins")):
        if not isinstance(item, list) or len(item) != 2:
            raise InputError(f"{where}[{index}]: expected a list of two numbers: count and layer")
        count = as_number(item[0], f"{where}[{index}][0]", 1, MAX_INTEGER)
        yield count, as_number(item[1], f"{where}[{index}][1]", 0, MAX_INTEGER)


def _rules(fields: Fields) -> tuple[str, ...]:
    """Sorted, without repetition; the key is there if there are some."""
    if not fields.optional("scrub"):
        return ()
    names = fields.texts("scrub")
    if not names or names != tuple(sorted(set(names))):
        raise InputError(f"{fields.where('scrub')}: expected names in order, each once, at least one")
    return names


def _check_runs(annotations: Annotations, where: str) -> None:
    """Each list of origins has one spelling, and names layers that there are."""
    known = len(annotations.layers)
    for index, (_, layer) in enumerate(annotations.origins):
        if layer > known:
            raise InputError(f"{where}[{index}][1]: there is no layer {layer}, only {known}")
    for index, ((_, layer), (_, following)) in enumerate(pairwise(annotations.origins), 1):
        if layer == following:
            raise InputError(f"{where}[{index}]: of the same layer as the run before it")
