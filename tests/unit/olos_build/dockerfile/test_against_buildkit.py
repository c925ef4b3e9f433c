"""olos reads Dockerfiles as BuildKit's own parser does."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.buildkit_parser import DIFFERENCES, ours, theirs

CASES = {
    "continuations": (
        "FROM a\nRUN echo one\\\n  two\\\n three  \\\n\tfour\\\nfive\n"
        "RUN x \\\n \\\n y \\\n\\\n z\\\n\\\nend\n"
    ),
    "blank-after-escape": "FROM a\nRUN one \\  \ntwo \\\t\nthree\n",
    "comments-inside": "FROM a\nRUN one \\\n# c\n\n  # c \\\n\ntwo\n# c\nUSER b\n",
    "ends-continued": "FROM a\n\nENV a=b \\\n    c=d \\",
    "doubled-escape": "FROM a\nRUN a \\\\\nUSER b\n",
    "escape-directive": "#escape=`\n\nFROM a\nENV P `\n\\x\nRUN a \\\nUSER b\n",
    "escape-indented": "  # ESCAPE = `\nFROM a\nENV a `\nb\n",
    "escape-late": "# words\n# escape=`\nFROM a\nENV P \\\n`x",
    "escape-after-blank": "\n# escape=`\nFROM a\nENV P \\\n`x",
    "escape-behind-unknown": "# who = me\n# escape=`\nFROM a\nENV P \\\n`x",
    "escape-twice": "# escape=`\n# escape=`\nFROM a",
    "escape-other": "# escape=x\nFROM a",
    "syntax-and-check": "# syntax=a/b:1\n# escape=`\nFROM a\nENV P `\nx",
    "json": 'CMD []\nCMD [""]\nCMD [ "a",\t"b" ]\nCMD\t["é ☃", "\\" \\\\ \\/ \\b \\u00e9"]\nSHELL ["x"]\n',
    "json-not-quite": 'CMD [\'a\']\nCMD ["a"\nCMD ["a\n',
    "json-in-quotes": 'CMD \'["a"]\'\nCMD "[\\"a\\"]"\n',
    "json-numbers": 'CMD ["a", 1]',
    "json-nested": 'CMD ["a", ["b"]]',
    "json-copy": (
        'COPY [ "a b", "/c" ]\nADD\t["a", "b"]\nCOPY --from=x ["a", "b"]\nVOLUME ["/a", "/b"]\nVOLUME /a /b\n'
    ),
    "flags": 'COPY --a=b c /d/\nCOPY --a --b=c -- d /e\nCOPY -- a /b\nCMD --x [ "a" ]\nCMD --x=y -- [ ]\n',
    "flags-quoted": "RUN --mount=type=bind,source=\"a b\" make\nRUN --a='b c' --d=e\\ f g\n",
    "env": (
        'ENV a b c\nENV a=b c=d\nENV a="b c" d=\'e "f\'\nENV a=b\\ c d=e\nENV a="b\\"c"\nENV a=\'b\\\'\n'
    ),
    "env-odd": "ENV a='b\\'c''\nENV a=\"''\"\nENV a b=c d\nLABEL a \"b  c\"\n",
    "env-alone": "FROM a\nENV PATH",
    "env-half": "FROM a\nENV a=b c",
    "arg": 'ARG a\nARG a=b c d="e f"\nARG a=\n',
    "onbuild": (
        'ONBUILD RUN ["a", "b"]\nONBUILD RUN a b\nONBUILD COPY --from=x . /\nonbuild env a=b\nONBUILD\n'
    ),
    "health": (
        "HEALTHCHECK\nHEALTHCHECK --interval=5s --retries=3 \\\n  CMD /a --quiet\nHEALTHCHECK CMD\n"
        'HEALTHCHECK   CMD   a b\nHEALTHCHECK --timeout=3s CMD ["a"]\nHEALTHCHECK NONE\n'
    ),
    "cases": "from a\nRun b\neNtRyPoInT c\n",
    "tabs": "FROM\ta\nCOPY\t.\t/x\nEXPOSE 1  2\t3\nMAINTAINER a  b <c>\n",
    "unknown": "FROM a\nRUN b\nfoo bar\n",
    "lines": (
        "# ESCAPE=\\\n\n\n\nFROM a\n\n\n# c\n\n"
        "ENV A \\\n/b\n\n# c\nRUN a \\\n\t&& b \\\n\n\n    && c \\\n\n\td\n\n\n"
    ),
    "windows": "FROM a\r\nRUN b \\\r\n  c\r\nRUN <<E\r\nx\r\nE\r\nUSER d\r\n",
    "heredoc-empty": "RUN <<E\nE\nRUN 3<<E\nE\n",
    "heredoc-tabs": "RUN <<-E\n\ta\n\tE\nRUN <<-E\n\ta\nE\nRUN <<E\n\ta\n\tE\nE\n",
    "heredoc-quotes": (
        "RUN <<'E'\na\nE\nRUN <<\"E\"\na\nE\nRUN <<e'o'f\na\neof\nRUN <<e\\'f\na\ne'f\nRUN <<'e f'\na\ne f\n"
    ),
    "heredoc-several": "COPY <<a.txt <<b /c\n1\na.txt\n2\nb\nCOPY <<X <<Y /d\nY\nX\nX\nY\n",
    "heredoc-fed": "RUN cat 5<<A > f 6<<B\na\nA\nb\nB\nRUN <<E python3\nprint()\nE\n",
    "heredoc-dollar": "RUN <<$E\n$E\nRUN <<E$X\na\nE$X\n",
    "heredoc-comment": "RUN <<E\n# a\n\nb \\\nE\nUSER c\n",
    "heredoc-flags": "RUN --mount=type=cache,target=/x <<E\na\nE\n",
    "heredoc-none": "RUN \"<<E\"\nRUN '<<E'\nRUN a<<E\nRUN <<<E\nRUN echo $((1<<X))\nCMD <<E\nUSER <<E\n",
    "heredoc-json": 'RUN ["<<E"]\nCOPY ["<<E", "/a"]\n',
    "heredoc-endless": "FROM a\nRUN <<E\nb\n",
    "heredoc-half-quoted": "FROM a\nRUN <<'E\nb\nE\n",
    "heredoc-onbuild": "ONBUILD RUN <<E\na\nE\nUSER b\n",
    "nothing": "\n# c\n",
    "only-escape": "FROM a\n\\\n",
}
"""Own texts on what the parser cases that BuildKit publishes are about."""

TOKENS = (
    *("FROM a", "RUN", "ENV", "LABEL", "COPY", "ADD", "CMD", "ARG", "HEALTHCHECK", "USER", "EXPOSE", "run"),
    *(
        " ",
        "\t",
        "\n",
        "\n",
        "\n",
        "\\",
        "\\\n",
        '"',
        "'",
        "a",
        "b",
        "=",
        "x=y",
        "<<",
        "<<E",
        "<<-E",
        "\nE\n",
    ),
    *(
        "E\n",
        "#",
        "# c\n",
        "# escape=`\n",
        "`",
        "`\n",
        "--",
        "--x",
        "--x=y",
        '["a"]',
        "[",
        "]",
        "$",
        "${",
        "}",
    ),
    *("$X", "é", "\r\n", "3", "-", '\\"', "\\ ", "<<'E'", "\x0b", "\x0c"),
)


@pytest.mark.parametrize("text", CASES.values(), ids=CASES)
def test_cases(text: str) -> None:
    assert ours(text) == theirs(text)


@pytest.mark.parametrize("start", ["", "RUN ", "COPY ", "ENV ", "ARG ", "ONBUILD RUN ", "CMD "])
@settings(max_examples=400, deadline=None)
@given(tokens=st.lists(st.sampled_from(TOKENS), max_size=14))
def test_any_text(start: str, tokens: list[str]) -> None:
    text = start + "".join(tokens)
    if not DIFFERENCES.search(text):
        assert ours(text) == theirs(text)
