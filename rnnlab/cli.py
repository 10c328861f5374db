"""The command `rnnlab`: lab, html, doctor, grade, misconceptions. Parse, print, exit code."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import rnnlab
from rnnlab import doctor, notebook


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 when it went through, 1 when it could not, 2 for wrong arguments."""
    parser = _parser()
    given, rest = parser.parse_known_args(argv)
    if rest and given.command != "lab":
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        match given.command:
            case "lab":
                return _lab(given.port, rest)
            case "html":
                return _html(given.paths, given.out)
            case "doctor":
                return _doctor()
            case "misconceptions":
                return _misconceptions(given)
            case _:
                return _grade(given)
    except (ValueError, OSError) as error:
        words = str(error).removeprefix(f"{given.command}: ")
        print(f"rnnlab {given.command}: {words}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rnnlab", description="RNN Lab: a course on LSTM and GRU networks, and its grader."
    )
    parser.add_argument("--version", action="version", version=f"rnnlab {rnnlab.__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    lab = commands.add_parser(
        "lab", help="open the course in JupyterLab; other options go to jupyter lab"
    )
    lab.add_argument("--port", type=int, help="the port to serve on; else the first free from 8888")
    html = commands.add_parser(
        "html", help="write notebooks as web pages whose explorers move without Python or a network"
    )
    html.add_argument("paths", nargs="+", type=Path, metavar="NOTEBOOK")
    html.add_argument("--out", type=Path, metavar="DIR", help="where to; else beside the notebook")
    commands.add_parser("doctor", help="is this machine ready? OK or the cure, a line each")
    grade = commands.add_parser("grade", help="grade exercise notebooks, or folders of them")
    grade.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="a notebook, or a folder of notebooks"
    )
    grade.add_argument("--csv", type=Path, metavar="FILE", help="write a row a question to FILE")
    grade.add_argument("--seed", type=int, help="of the test inputs; the same seed, the same grade")
    grade.add_argument("--time-limit", type=float, metavar="S", help="seconds a cell may take (60)")
    wrong = commands.add_parser(
        "misconceptions", help="the mistakes that the checks know, and what they say to each"
    )
    what = wrong.add_mutually_exclusive_group()
    what.add_argument(
        "--table", action="store_true", help="which of them compute the same (the default)"
    )
    what.add_argument("--examples", action="store_true", help="what a learner is told")
    wrong.add_argument("--question", metavar="ID", help="one question only, such as 04.forget_gate")
    return parser


def _lab(port: int | None, rest: Sequence[str]) -> int:
    if find_spec("jupyterlab") is None:
        raise ValueError('JupyterLab is not installed; pip install "rnnlab[lab]"')
    root = notebook.course()
    work = (root if (root / "pyproject.toml").exists() else Path.cwd()) / "work"
    for sentence in notebook.copy_to_work(root, work):
        print(sentence)
    options = [
        f"--ServerApp.root_dir={work}",
        "--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb",
    ]
    if port is not None:
        options += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.append("--allow-root")
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        options.append("--no-browser")
    # JupyterLab would ask about news before the first lecture, and look for updates on the network
    quiet = str(Path(__file__).parent / "data" / "jupyter")
    paths = os.pathsep.join(filter(None, [quiet, os.environ.get("JUPYTER_CONFIG_PATH")]))
    command = [sys.executable, "-m", "jupyterlab", *options, *rest]
    try:
        return subprocess.run(
            command, check=False, env={**os.environ, "JUPYTER_CONFIG_PATH": paths}
        ).returncode
    except KeyboardInterrupt:
        return 0


def _html(paths: Sequence[Path], out: Path | None) -> int:
    wanted = ("anywidget", "nbconvert", "latex2mathml")
    missing = [name for name in wanted if find_spec(name) is None]
    if missing:
        raise ValueError(f'needs {", ".join(missing)}; pip install "rnnlab[lab]"')
    from rnnlab.explorers.page import Page

    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    for path in paths:
        notebook.read(path)  # says what is wrong with a file that is none
        html, about = Page().from_filename(str(path))
        file = (path.parent if out is None else out) / f"{path.stem}.html"
        file.write_text(html, encoding="utf-8")
        print(f"{file}: explorers that move: {about['explorers']}")
    return 0


def _doctor() -> int:
    found = list(doctor.findings())
    for finding in found:
        print(finding)
    ready = all(finding.ok for finding in found if finding.needed)
    print("Ready." if ready else "Not ready yet: mend the lines marked MISSING.")
    return 0 if ready else 1


def _grade(given: argparse.Namespace) -> int:
    missing = [name for name in ("nbformat", "IPython", "psutil") if find_spec(name) is None]
    if missing:
        raise ValueError(f'needs {", ".join(missing)}; pip install "rnnlab[grading]"')
    from rnnlab.grading import grader, report

    if given.csv is not None and (given.csv.is_dir() or not given.csv.parent.is_dir()):
        raise ValueError(f"--csv must name a file in a folder that is there, got {given.csv}")

    limits = {"seed": given.seed, "time_limit": given.time_limit}
    grades = grader.grade(
        given.paths,
        progress=_progress,
        **{k: v for k, v in limits.items() if v is not None},
    )
    print(report.table(grades, shutil.get_terminal_size((100, 24)).columns))
    if given.csv is not None:
        report.write_csv(grades, given.csv)
    return 0


def _misconceptions(given: argparse.Namespace) -> int:
    from rnnlab.check import survey
    from rnnlab.questions import all_questions, question

    asked = all_questions() if given.question is None else (question(given.question),)
    show = survey.examples if given.examples else survey.table
    for one in asked:
        print("\n".join(show(one)), end="\n\n")
    count = sum(len(one.misconceptions) for one in asked)
    print(f"{len(asked)} questions, {count} misconceptions.")
    return 0


def _progress(number: int, of: int, path: Path) -> None:
    if of > 1:
        print(f"{number} of {of}: {path}", file=sys.stderr, flush=True)
