"""The command `rnnlab`: lab, html, doctor, grade, grades, misconceptions. Parse, print, exit."""

from __future__ import annotations

import argparse
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from fnmatch import fnmatchcase
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import rnnlab
from rnnlab import doctor, notebook

if TYPE_CHECKING:
    from rnnlab.grading.results import Grades
    from rnnlab.questions import Question


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 when it went through, 1 when it could not, 2 for wrong arguments."""
    parser = _parser()
    given, rest = parser.parse_known_args(argv)
    if rest and given.command != "lab":
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name may hold what this terminal cannot show
            stream.reconfigure(errors="backslashreplace")
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
            case "grades":
                return _grades(given)
            case _:
                return _grade(given)
    except KeyboardInterrupt:
        print(f"rnnlab {given.command}: stopped; what was graded is kept", file=sys.stderr)
        return 130
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
    _add_grade(commands.add_parser("grade", help="grade notebooks: one, a folder, or a class"))
    _add_grades(commands.add_parser("grades", help="show and export what was graded before"))
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


def _add_grade(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths",
        nargs="+",
        type=Path,
        metavar="SUBMISSIONS",
        help="a notebook; a folder a student, nbgrader's submitted/, a zip as Moodle or Canvas "
        "export it; any mix of them",
    )
    parser.add_argument(
        "--sandbox", action="store_true", help="lock each submission in: for the work of others"
    )
    parser.add_argument(
        "--jobs",
        type=int,
        default=1,
        metavar="N",
        help="how many at a time, at most one a core (1)",
    )
    parser.add_argument(
        "--dask", metavar="ADDRESS", help="grade on the workers of this dask.distributed scheduler"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="keep the record, grades.csv, a feedback page a student and class.html here; run it "
        "again and it goes on where it stopped",
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write a row a question to FILE")
    parser.add_argument("--student", action="append", metavar="NAME", help="only this student's")
    parser.add_argument("--question", action="append", metavar="ID", help="only this question")
    parser.add_argument(
        "--questions", type=Path, metavar="PATH", help="a question module of your own"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be graded, and grade nothing"
    )
    parser.add_argument(
        "--seed", type=int, help="of the test inputs; the same seed, the same grade"
    )
    parser.add_argument(
        "--time-limit", type=float, metavar="S", help="seconds a cell may take (60)"
    )


def _add_grades(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "out", type=Path, metavar="DIR", help="the folder that was given to grade --out"
    )
    parser.add_argument("--student", action="append", metavar="NAME", help="only this student's")
    parser.add_argument(
        "--notebook", metavar="NAME", help="the exercise to export, such as 04_forget_gate"
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write a row a question to FILE")
    parser.add_argument(
        "--moodle",
        nargs=2,
        type=Path,
        metavar=("WORKSHEET", "FILE"),
        help="fill the grading worksheet that Moodle exported, and write it to FILE",
    )
    parser.add_argument(
        "--canvas",
        nargs=2,
        type=Path,
        metavar=("GRADEBOOK", "FILE"),
        help="fill the grade book that Canvas exported, and write it to FILE",
    )
    parser.add_argument(
        "--assignment", metavar="NAME", help="the column of Canvas's grade book to fill"
    )
    parser.add_argument(
        "--nbgrader", type=Path, metavar="FILE", help="put the grades into nbgrader's gradebook.db"
    )
    parser.add_argument(
        "--pages", type=Path, metavar="DIR", help="write the feedback pages and the class page"
    )
    parser.add_argument(
        "--questions", type=Path, metavar="PATH", help="your own question module, for its hints"
    )


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
    _needs_grading()
    from rnnlab.grading import batch, grader, report
    from rnnlab.grading.record import Record

    if given.csv is not None and (given.csv.is_dir() or not given.csv.parent.is_dir()):
        raise ValueError(f"--csv must name a file in a folder that is there, got {given.csv}")
    chosen = {"seed": given.seed, "time_limit": given.time_limit}
    settings = grader.Settings(
        sandbox=given.sandbox,
        questions=given.questions,
        only=tuple(given.question or ()),
        **{name: value for name, value in chosen.items() if value is not None},
    )
    asked = settings.asked()
    if given.sandbox and given.dask is None and not given.dry_run:
        from rnnlab.grading import probe

        probe.must_hold()
    with ExitStack() as stack:
        record = None
        if given.out is not None:
            given.out.mkdir(parents=True, exist_ok=True)
            record = stack.enter_context(Record(given.out / batch.FILE))
        plan = batch.plan(given.paths, settings, record, given.student or ())
        for words in plan.others:
            print(f"not a submission: {words}", file=sys.stderr)
        if not given.sandbox and batch.of_strangers((*plan.waiting, *plan.done)):
            print(
                "Not locked in: each notebook runs as you, with your files and your network. For "
                "the work of others: --sandbox.",
                file=sys.stderr,
            )
        if given.dry_run:
            for one in plan.waiting:
                print(f"would grade {one.student}: {one.file}")
            print(f"{len(plan.waiting)} to grade, {len(plan.done)} graded before.")
            return 0
        whole = not (given.student or given.question)
        if record is not None:
            before = record.of_class()
            for one in plan.done:
                record.handed_in(settings.run, one)
            if whole:
                record.is_class(settings.run)
                if plan.waiting and before not in ("", settings.run):
                    print(
                        f"Other options than last time ({before}): the class is what is graded "
                        "with these."
                    )
        results = []
        with _Progress(len(plan.waiting)) as progress:
            for result in batch.grade(
                plan.waiting, settings, record, workers=given.jobs, dask=given.dask
            ):
                progress.tell(result.file)
                results.append(result)
        grades = grader.gathered(results if record is None else record.results(settings.run))
        apart = record is not None and record.of_class() != settings.run
    if given.csv is not None:
        report.write_csv(grades, given.csv)
    if given.out is None or apart:
        print(report.table(grades, shutil.get_terminal_size((100, 24)).columns))
        if apart:
            print(
                f"The class in {given.out} stays as it was: this run has other questions or "
                "options. Without --student and --question it becomes the class."
            )
        return 0
    report.write_csv(grades, given.out / "grades.csv")
    _pages(grades, asked, given.out)
    print(report.summary(grades, len(results), len(plan.done)))
    print(f"{given.out / 'class.html'}: the class; {given.out / 'feedback'}: a page a student")
    return 0


def _grades(given: argparse.Namespace) -> int:
    _needs_grading()
    from rnnlab.grading import batch, exports, grader, report
    from rnnlab.grading.record import Record

    if not (given.out / batch.FILE).is_file():
        raise ValueError(
            f"DIR must be a folder that `rnnlab grade --out DIR` filled, got {given.out}, which "
            f"holds no {batch.FILE}"
        )
    with Record(given.out / batch.FILE) as record:
        if not (run := record.of_class()):
            raise ValueError(f"nothing was graded yet in {given.out}")
        grades = grader.gathered(record.results(run))
    grades = _narrowed(grades, given)
    if ", only " in run:
        print(f"Not all questions were graded: {run}")
    if given.csv is not None:
        report.write_csv(grades, given.csv)
    for what in ("moodle", "canvas"):
        if (files := getattr(given, what)) is not None:
            own = {"assignment": given.assignment} if what == "canvas" else {}
            filled = getattr(exports, what)(grades, *files, notebook=given.notebook, **own)
            print("\n".join([f"{files[1]}: {what.title()}'s, filled", *filled]))
    if given.nbgrader is not None:
        from rnnlab.grading import gradebook

        gradebook.write(grades, given.nbgrader)
        print(f"{given.nbgrader}: nbgrader's gradebook, filled")
    if given.pages is not None:
        _pages(grades, grader.Settings(questions=given.questions).asked(), given.pages)
        print(f"{given.pages / 'class.html'}: the class")
    if not (given.moodle or given.canvas or given.nbgrader):
        print(report.table(grades, shutil.get_terminal_size((100, 24)).columns))
    print(run)
    return 0


def _narrowed(grades: Grades, given: argparse.Namespace) -> Grades:
    results = tuple(
        one
        for one in grades.results
        if (given.notebook is None or one.notebook == given.notebook)
        and (not given.student or any(fnmatchcase(one.student, name) for name in given.student))
    )
    if not results:
        raise ValueError("nothing that was graded fits --student and --notebook")
    return replace(grades, results=results)


def _pages(grades: Grades, asked: Sequence[Question], folder: Path) -> None:
    from rnnlab.grading import pages

    written = set(pages.feedback(grades, asked, folder / "feedback"))
    pages.overview(grades, asked, folder)
    others = sorted(set((folder / "feedback").glob("*.html")) - written)
    if others:
        names = ", ".join(path.name for path in others[:5]) + (", ..." if others[5:] else "")
        print(f"left from before, not of these grades: {len(others)} in feedback: {names}")


def _needs_grading() -> None:
    wanted = ("nbformat", "IPython", "psutil", "tqdm", "jinja2")
    if missing := [name for name in wanted if find_spec(name) is None]:
        raise ValueError(f'needs {", ".join(missing)}; pip install "rnnlab[grading]"')


class _Progress:
    """A bar with the time that is left, on a terminal; plain lines elsewhere."""

    def __init__(self, total: int) -> None:
        from tqdm import tqdm

        self._total = total
        self._number = 0
        terminal = sys.stderr.isatty() and total > 1
        self._bar = tqdm(total=total, unit="notebook", disable=not terminal, dynamic_ncols=True)

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()

    def tell(self, file: str) -> None:
        """One more is graded."""
        self._number += 1
        self._bar.update()
        if self._bar.disable and self._total > 1:
            print(f"{self._number} of {self._total}: {file}", file=sys.stderr, flush=True)


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
