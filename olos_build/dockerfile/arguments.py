"""From the text of one instruction to its flags and arguments, as BuildKit's line parsers read them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

SPACE = "\t\v\f\r "
_SPACES = re.compile(r"[\t\v\f\r ]+")
_FIRST = re.compile(r"(\S*)\s*")
_FLAG_PARTS = re.compile(r"\\(?P<escaped>.?)|(?P<quote>['\"])|(?P<plain>[^\\'\"\s]+)", re.DOTALL)
_FLAG_QUOTED = {
    quote: re.compile(rf"\\(?P<escaped>.?)|(?P<quote>{quote})|(?P<plain>[^\\{quote}]+)", re.DOTALL)
    for quote in "'\""
}


class ArgumentsError(ValueError):
    """What is wrong with one instruction, without where it stands."""


@dataclass(frozen=True)
class Arguments:
    """What stands behind keyword and flags, in one of the forms that instructions take."""

    words: tuple[str, ...] = ()
    json: bool = False
    pairs: tuple[tuple[str, str | None], ...] = ()


def split_keyword(text: str) -> tuple[str, str]:
    """The keyword and what follows it, of a stripped text."""
    parts = _SPACES.split(text, maxsplit=1)
    return parts[0], parts[1] if len(parts) > 1 else ""


def split_flags(text: str) -> tuple[tuple[str, ...], str]:
    """The leading words that begin with `--`, without quotes, and the rest, stripped. `--` ends them."""
    flags: list[str] = []
    position = 0
    while True:
        while position < len(text) and text[position].isspace():
            position += 1
        if not text.startswith("--", position):
            return tuple(flags), text[position:].strip()
        flag, position = _flag(text, position)
        if flag == "--":
            return tuple(flags), text[position:].strip()
        flags.append(flag)


def _flag(text: str, position: int) -> tuple[str, int]:
    parts: list[str] = []
    quote = ""
    pattern = _FLAG_PARTS
    while match := pattern.match(text, position):
        position = match.end()
        if match["quote"]:
            quote = "" if quote else match["quote"]
            pattern = _FLAG_QUOTED[quote] if quote else _FLAG_PARTS
        else:
            parts.append(match["plain"] or match["escaped"] or "")
    return "".join(parts), position


def parse(keyword: str, rest: str, escape: str) -> Arguments:
    """The arguments of an instruction. Raises ArgumentsError. Those of unknown keywords are not looked at."""
    form = _FORMS.get(keyword)
    return form(rest, escape) if form else Arguments()


def _whole(rest: str, _: str) -> Arguments:
    return Arguments((rest,) if rest else ())


def _blank_separated(rest: str, _: str) -> Arguments:
    return Arguments(tuple(_SPACES.split(rest)) if rest else ())


def _json_or_whole(rest: str, escape: str) -> Arguments:
    return _json(rest) or _whole(rest, escape)


def _json_or_words(rest: str, escape: str) -> Arguments:
    return _json(rest) or _blank_separated(rest, escape)


def _json(rest: str) -> Arguments | None:
    """The elements of a JSON array; None if the text is none, for it is a command then."""
    if not rest.startswith("["):
        return None
    try:
        value = json.loads(rest, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    if not all(isinstance(item, str) for item in value):
        raise ArgumentsError("a JSON array of arguments may hold strings only")
    return Arguments(tuple(map(_without_surrogates, value)), json=True)


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


def _without_surrogates(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _health(rest: str, escape: str) -> Arguments:
    match = _FIRST.match(rest)
    if not rest or not match:
        return Arguments()
    command = _json_or_whole(rest[match.end() :], escape)
    return Arguments((match[1], *command.words), command.json)


def _names_and_values(rest: str, escape: str) -> Arguments:
    words = quoted_words(rest, escape)
    if not words:
        return Arguments()
    if "=" not in words[0]:
        parts = _SPACES.split(rest, maxsplit=1)
        if len(parts) < 2:
            raise ArgumentsError("expected NAME=VALUE")
        return Arguments(tuple(parts), pairs=((parts[0], parts[1]),))
    for word in words:
        if "=" not in word:
            raise ArgumentsError(f"expected NAME=VALUE, found {word[:80]!r}")
    return Arguments(tuple(words), pairs=tuple(map(_pair, words)))


def _names_with_defaults(rest: str, escape: str) -> Arguments:
    words = quoted_words(rest, escape)
    return Arguments(tuple(words), pairs=tuple(map(_pair, words)))


def _pair(word: str) -> tuple[str, str | None]:
    name, equals, value = word.partition("=")
    return name, value if equals else None


def quoted_words(text: str, escape: str) -> list[str]:
    """Words separated by blanks outside of quotes. Quotes and escapes stay."""
    words: list[str] = []
    current: list[str] = []
    for match in _word_parts(escape).finditer(text):
        part = match[0]
        if not part.isspace():
            # An escape at the very end escapes nothing and goes away, but for single quotes.
            lone = match["lone"] or match["open"]
            current.append(part.removesuffix(escape) if lone else part)
        elif current:
            words.append("".join(current))
            current.clear()
    last = "".join(current)
    return [*words, last] if last else words


def _word_parts(escape: str) -> re.Pattern[str]:
    e = re.escape(escape)
    return re.compile(
        rf"\s+|{e}.|(?P<lone>{e}\Z)|\"(?:{e}.|[^\"{e}])*+(?:\"|(?P<open>{e}?\Z))|'[^']*(?:'|\Z)|[^\s\"'{e}]+",
        re.DOTALL,
    )


_FORMS: dict[str, Callable[[str, str], Arguments]] = {
    "ADD": _json_or_words,
    "ARG": _names_with_defaults,
    "CMD": _json_or_whole,
    "COPY": _json_or_words,
    "ENTRYPOINT": _json_or_whole,
    "ENV": _names_and_values,
    "EXPOSE": _blank_separated,
    "FROM": _blank_separated,
    "HEALTHCHECK": _health,
    "LABEL": _names_and_values,
    "MAINTAINER": _whole,
    "ONBUILD": _whole,
    "RUN": _json_or_whole,
    "SHELL": _json_or_whole,
    "STOPSIGNAL": _whole,
    "USER": _whole,
    "VOLUME": _json_or_words,
    "WORKDIR": _whole,
}
KEYWORDS = frozenset(_FORMS)
