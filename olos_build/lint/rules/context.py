"""What COPY takes from the build context, and the users that files belong to."""

from __future__ import annotations

from collections.abc import Iterator

from olos_build.lint.model import Hit, Rule, Severity, Site

_WHOLE = (".", "./", "*", "./*", "/")


def context_without_ignore(site: Site) -> Iterator[Hit]:
    """`COPY . …` where no .dockerignore says what belongs to it."""
    instruction = site.instruction
    if instruction.keyword not in ("COPY", "ADD") or site.facts.has_ignore_file:
        return
    if instruction.flag("from") is None and any(s.strip("\"'") in _WHOLE for s in instruction.arguments[:-1]):
        yield Hit(
            instruction.line,
            f"{instruction.keyword} takes all of the build context, and there is no .dockerignore",
            "write a .dockerignore with at least: .git  **/__pycache__  **/node_modules  *.log",
        )


def user_without_id(site: Site) -> Iterator[Hit]:
    """useradd, adduser, groupadd and addgroup without a number."""
    for call in site.programs("useradd", "adduser", "groupadd", "addgroup"):
        group = call.program in ("groupadd", "addgroup")
        options = ("-g", "--gid") if group else ("-u", "--uid")
        if call.program == "adduser" and len(call.operands("hgsGuk", _ADDUSER_LONG)) > 1:
            continue  # adds a user to a group
        if not call.has(*options):
            yield Hit(
                call.line,
                f"{call.program} takes the next free {'group' if group else 'user'} id",
                f"write: {call.program} {options[1] if call.program != 'addgroup' else options[0]} 10001 …",
            )


_ADDUSER_LONG = ("--home", "--shell", "--gecos", "--ingroup", "--gid", "--uid", "--firstuid", "--comment")
RULES = (
    Rule(
        "context-without-ignore",
        Severity.WARNING,
        "what lies about in the directory gets into the image",
        context_without_ignore,
    ),
    Rule(
        "user-without-id",
        Severity.NOTE,
        "which id is free depends on the packages installed before",
        user_without_id,
    ),
)
