"""The GitHub action: the scripts of its steps, run in order with the real olos, and a stand-in for gh."""

import json
import os
import stat
import sys
from pathlib import Path

import pytest

from measure import reference
from support.actions import Runner
from support.olos import ROOT, execute, hello_context, olos

STEPS = ("Build and compare", "Summarise", "Comment", "Judge")
FILE = "olos.reference.json"

GH = r"""#!/bin/bash
# Records its arguments and lets jq, as gh does, read what the service would have answered.
set -eu
printf '%s\n' "$GH_TOKEN" > HERE/token
printf '%s\0' "$@" >> HERE/calls
printf '\0' >> HERE/calls
[ ! -e HERE/refuse ] || { echo 'gh: Resource not accessible by integration (HTTP 403)' >&2; exit 1; }
while [ $# -gt 0 ]; do
  case $1 in
    --jq) exec jq -r "$2" HERE/comments.json ;;
    body=@*) cp "${1#body=@}" HERE/body.md ;;
  esac
  shift
done
"""


def program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture(scope="module")
def dockerfile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hello_context(tmp_path_factory.mktemp("action") / "work space")


@pytest.fixture
def runner(dockerfile: Path, tmp_path: Path) -> Runner:
    """A job of pull request 7, in a workspace that has no reference."""
    (dockerfile.parent / FILE).unlink(missing_ok=True)
    result = Runner(tmp_path / "runner", dockerfile.parent, pull_request="7")
    program(result.folder / "bin" / "olos", f'#!/bin/sh\nexec "{sys.executable}" -m olos_cli "$@"\n')
    program(result.folder / "bin" / "gh", GH.replace("HERE", str(tmp_path)))
    (tmp_path / "comments.json").write_text("[]")
    return result


def calls(tmp_path: Path) -> list[list[str]]:
    """The calls of gh."""
    if not (tmp_path / "calls").exists():
        return []
    text = (tmp_path / "calls").read_text("utf-8")
    return [call.split("\0") for call in text.removesuffix("\0\0").split("\0\0")]


def accept(runner: Runner) -> None:
    """Take what was built as the reference."""
    new = Path(runner.output("new-reference"))
    (runner.workspace / FILE).write_bytes(new.read_bytes())


def test_from_the_first_run_to_a_change(runner: Runner, tmp_path: Path) -> None:
    assert runner.run(*STEPS) == 5
    assert runner.output("changed") == "true"
    built = reference.load(Path(runner.output("new-reference")))
    assert runner.output("measurement") == built.measurement.hex
    assert "There is no reference yet." in runner.summary
    assert (tmp_path / "token").read_text() == "secret\n"
    (_, post) = calls(tmp_path)
    assert post[:5] == ["api", "--silent", "--method", "POST", "repos/owner/app/issues/7/comments"]

    accept(runner)
    assert runner.run(*STEPS) == 0
    assert runner.output("changed") == "false"
    assert "### The measurement is that of" in runner.summary
    assert len(calls(tmp_path)) == 3, "nobody is told that nothing moved"

    old = json.loads((runner.workspace / FILE).read_text())
    assert runner.run(*STEPS[:1]) == 0
    runner.given["args"] = "--debug\n\n--source-date-epoch\n5"
    assert runner.run(*STEPS) == 5
    assert runner.output("measurement") != old["measurement"]
    report = Path(runner.output("report")).read_text()
    compared = olos("diff", FILE, runner.output("layout"), cwd=runner.workspace, expect=5).stdout
    assert "policy.debug" in report
    assert report.splitlines()[0] == compared.splitlines()[0]
    assert "source-date-epoch-differs" in (tmp_path / "body.md").read_text("utf-8")


def test_with_a_tree_the_files_are_named(runner: Runner) -> None:
    """Unless it is the tree of something else than the reference."""
    assert runner.run(*STEPS[:1]) == 0
    accept(runner)
    tree = runner.workspace / "olos.tree"
    tree.write_bytes(Path(runner.output("new-tree")).read_bytes())
    changed = (runner.workspace / "Dockerfile").read_text() + "COPY hello /other/place\n"
    (runner.workspace / "Dockerfile.more").write_text(changed)
    runner.given = {"tree": "olos.tree", "dockerfile": "Dockerfile.more"}
    assert runner.run(*STEPS) == 5
    assert "/other" in runner.summary
    assert "keep a file of 'olos tree'" not in runner.summary

    tree.write_bytes(Path(runner.output("new-tree")).read_bytes())
    assert runner.run(*STEPS) == 5
    assert "keep a file of 'olos tree'" in runner.summary.rpartition("###")[2]


def test_a_comment_is_kept_up_to_date(runner: Runner, tmp_path: Path) -> None:
    assert runner.run(*STEPS[:3]) == 0
    body = (tmp_path / "body.md").read_text("utf-8")
    bot, person = {"type": "Bot"}, {"type": "User"}
    comments = [
        {"id": 1, "user": person, "body": body},
        {"id": 2, "user": bot, "body": "of another action"},
        {"id": 3, "user": bot, "body": body},
        {"id": 4, "user": bot, "body": body},
    ]
    (tmp_path / "comments.json").write_text(json.dumps(comments))
    accept(runner)
    assert runner.run(*STEPS) == 0
    assert calls(tmp_path)[-1][:5] == [
        "api",
        "--silent",
        "--method",
        "PATCH",
        "repos/owner/app/issues/comments/3",
    ]
    assert "### The measurement is that of" in (tmp_path / "body.md").read_text("utf-8")


def test_a_token_that_may_not_write_fails_nothing(runner: Runner, tmp_path: Path) -> None:
    (tmp_path / "refuse").touch()
    assert runner.run(*STEPS[:3]) == 0
    assert "::warning::olos: the pull request could not be commented on" in runner.log
    assert len(calls(tmp_path)) == 1


@pytest.mark.parametrize(
    ("given", "pull_request"),
    [({"comment": "false"}, "7"), ({}, "")],
    ids=["not-asked-for", "no-pull-request"],
)
def test_no_comment(runner: Runner, tmp_path: Path, given: dict[str, str], pull_request: str) -> None:
    runner.given, runner.pull_request = {**given, "fail-on-change": "false"}, pull_request
    assert runner.run(*STEPS) == 0
    assert runner.output("changed") == "true"
    assert calls(tmp_path) == []


def test_inputs_are_no_commands(runner: Runner, tmp_path: Path) -> None:
    trap = f"$(touch {tmp_path}/trap) `touch {tmp_path}/trap`; touch {tmp_path}/trap #'\" </pre>"
    context = runner.workspace / "context"
    runner.given = {
        "reference": trap.replace("/", ""),
        "context": str(context),
        "args": f"--build-arg\nX={trap}\n",
    }
    context.mkdir(exist_ok=True)
    (context / "hello").write_bytes((runner.workspace / "hello").read_bytes())
    assert runner.run(*STEPS) == 5, runner.log
    runner.given["dockerfile"] = trap
    assert runner.run(*STEPS) == 3
    assert not (tmp_path / "trap").exists()
    assert "</pre> #" not in runner.summary


def test_what_an_image_says_cannot_leave_its_frame(runner: Runner, tmp_path: Path) -> None:
    hostile = "</pre><img src=x> @somebody\\n```\\n::error::x\\n::stop-commands::y"
    (runner.workspace / "Dockerfile.bad").write_text(
        (runner.workspace / "Dockerfile").read_text() + f'ENV X="{hostile}"\nLABEL y="{hostile}"\n'
    )
    assert runner.run(*STEPS) == 5
    accept(runner)
    runner.given["dockerfile"] = "Dockerfile.bad"
    assert runner.run(*STEPS) == 5
    body = (tmp_path / "body.md").read_text("utf-8")
    inside = body.partition("<pre>")[2].partition("</pre>")[0]
    assert "&lt;/pre&gt;&lt;img src=x&gt; @somebody" in inside
    assert body.count("</pre>") == 1
    assert "<img" not in body
    stops = [line for line in runner.log.splitlines() if line.startswith("::stop-commands::olos-")]
    assert stops
    assert all(f"::{line.removeprefix('::stop-commands::')}::" in runner.log.splitlines() for line in stops)


def test_a_long_report_is_cut(runner: Runner) -> None:
    assert runner.run(*STEPS[:1]) == 0
    report = Path(runner.output("report"))
    report.write_text("<é>" * 20_000, "utf-8")
    assert runner.run("Summarise") == 0
    assert len(runner.summary.encode()) < 65_536
    assert "… and more: the log shows all of it." in runner.summary
    runner.summary.encode("utf-8")


def test_a_failed_build_is_no_change(runner: Runner) -> None:
    (runner.workspace / "Dockerfile.none").write_text("FROM scratch\nCOPY nothing /\n")
    runner.given["dockerfile"] = "Dockerfile.none"
    assert runner.run(*STEPS) not in (0, 5)
    assert runner.outputs["measure"] == {}


def test_a_broken_reference_is_an_error(runner: Runner) -> None:
    (runner.workspace / FILE).write_text("<<<<<<< HEAD\n")
    assert runner.run(*STEPS) == 3
    assert f"error: {FILE}: Expecting value" in runner.log


def test_the_script_of_the_guide(dockerfile: Path, tmp_path: Path) -> None:
    (work := tmp_path / "work").mkdir()
    for name in ("Dockerfile", "hello"):
        (work / name).write_bytes((dockerfile.parent / name).read_bytes())
    (work / "hello").chmod(0o755)
    script = (ROOT / "docs" / "ci.md").read_text("utf-8").rpartition("```sh\n")[2].partition("```")[0]
    program(work / "check", script)
    (tmp_path / "bin").mkdir()
    program(tmp_path / "bin" / "olos", f'#!/bin/sh\nexec "{sys.executable}" -m olos_cli "$@"\n')
    env = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    execute([work / "check"], cwd=work, env=env, expect=3)
    value = olos("measure", "--write", FILE, cwd=work).stdout
    assert execute([work / "check"], cwd=work, env=env).stdout.endswith(value)
    (work / "olos.toml").write_text("[policy]\ndebug = true\n")
    changed = execute([work / "check"], cwd=work, env=env, expect=5)
    assert "nothing but policy.debug differs" in changed.stdout


def test_installation(runner: Runner, tmp_path: Path) -> None:
    """From the checkout of the action itself, into a place of its own."""
    scripts = runner.folder / "action" / "scripts"
    scripts.mkdir(parents=True)
    record = f'#!/bin/sh\necho "${{0##*/}}" "$@" >> {tmp_path}/record\n'
    program(scripts / "install-packages", record)
    pip = f"#!/bin/sh\\necho pip $* >> {tmp_path}/record\\n"
    make = f"mkdir -p $3/bin; printf '{pip}' > $3/bin/pip; chmod +x $3/bin/pip\n"
    program(runner.folder / "bin" / "python3", record + make)
    assert runner.run("Install olos") == 0
    venv = runner.folder / "temp" / "olos-venv"
    assert (tmp_path / "record").read_text().splitlines() == [
        "install-packages build",
        f"python3 -m venv {venv}",
        f"pip install --quiet --disable-pip-version-check {runner.folder / 'action'}",
    ]
    assert (runner.folder / "path").read_text() == f"{venv}/bin\n"
    assert os.environ["PATH"] not in (runner.folder / "path").read_text()
