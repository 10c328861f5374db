"""Tell by its cells which exercise a notebook is.

Its metadata is never trusted. A notebook is known by the grade_ids of its cells, the names of the
questions; of nbgrader's metadata nothing else is read but which cells are locked checks. Those are
not run.
"""

from __future__ import annotations

import functools
import json
import pkgutil
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rnnlab import questions as course
from rnnlab.questions import Question

MAX_CELL = 2**20
MAX_CELLS = 2000

_CHECK = re.compile(r"""^check\(\s*["']\w+\.(\w+)["']""", re.MULTILINE)
# names of questions are shorter; of a longer grade_id, this much is kept
_GRADE_ID = 80


@dataclass(frozen=True)
class Cell:
    """A code cell to run: its number among the code cells, its grade_id or "", its source."""

    number: int
    grade_id: str
    source: str


@dataclass(frozen=True)
class Submission:
    """One notebook, read.

    exercise   "04_forget_gate"; "" when no exercise has such cells
    questions  the questions of the exercise, in its order
    cells      the code cells to run, in order
    problem    why it cannot be graded, or ""
    remarks    what a teacher should know of its cells: "belt stands twice; the last one counts"
    """

    exercise: str = ""
    questions: tuple[Question, ...] = ()
    cells: tuple[Cell, ...] = ()
    problem: str = ""
    remarks: tuple[str, ...] = ()


def read(content: bytes, name: str, questions: Sequence[Question]) -> Submission:
    """Read a notebook that was handed in as `name`, to be graded with `questions`.

    What is wrong with it is its `problem`, never raised.
    """
    if not content:
        return Submission(problem=f"{name} is empty.")
    try:
        # utf-8-sig: some editors on Windows put a mark before the text
        notebook = json.loads(content.decode("utf-8-sig"))
        if not isinstance(notebook, dict) or notebook.get("nbformat") != 4:
            raise ValueError(f"read: {name} must be a notebook of format 4")
        return _recognise(notebook, name, questions)
    except (ValueError, RecursionError):
        return Submission(
            problem=f"{name} is damaged or not a notebook of format 4: open it in Jupyter, "
            "save it, and hand it in again."
        )


def _recognise(content: dict[str, Any], name: str, questions: Sequence[Question]) -> Submission:
    cells = content.get("cells")
    if not isinstance(cells, list):
        raise ValueError(f"read: {name} must have cells")
    code = [cell for cell in cells if isinstance(cell, dict) and cell.get("cell_type") == "code"]
    marked = {_grade_id(cell) for cell in cells} - {""}
    asked = _exercise(marked or _checked(code), questions)
    if not asked:
        return Submission(problem=f"{name} matched no exercise: no cell is known by its grade_id.")
    exercise = _exercise_name(asked[0])
    language = _language(content)
    if language not in ("", "python"):
        return Submission(
            exercise, asked, problem=f"{name} is a notebook in {language}; it must be in Python."
        )
    if len(code) > MAX_CELLS:
        return Submission(
            exercise, asked, problem=f"{name} has {len(code)} code cells, at most {MAX_CELLS} run."
        )
    run = tuple(
        Cell(number, _grade_id(cell)[:_GRADE_ID], _source(cell))
        for number, cell in enumerate(code, 1)
        if not _is_check(cell)
    )
    if any(len(cell.source) > MAX_CELL for cell in run):
        return Submission(exercise, asked, problem=f"{name} has a cell of over a million letters.")
    remarks = _remarks(run, asked) if marked else (_LOST,)
    return Submission(exercise, asked, run, remarks=remarks)


_LOST = "its cells have lost their grade_ids; it was known by its checks"


def _remarks(cells: Sequence[Cell], asked: Sequence[Question]) -> tuple[str, ...]:
    """Which questions have no cell of their own, or several."""
    counts = Counter(cell.grade_id for cell in cells)
    words = {0: "has no cell that is marked with its name", 2: "stands twice; the last one counts"}
    return tuple(
        f"{q.name} {words.get(count, f'stands {count} times; the last one counts')}"
        for q in asked
        if (count := counts[q.name]) != 1
    )


def _checked(code: Sequence[dict[str, Any]]) -> set[str]:
    """The names that a notebook checks, for one that lost its metadata on the way."""
    return {name for cell in code for name in _CHECK.findall(_source(cell))}


def _exercise(ids: set[str], questions: Sequence[Question]) -> tuple[Question, ...]:
    """The questions of the notebook that shares most names with these grade_ids; () for none."""
    names = {one.removeprefix("check-") for one in ids} | ids
    shared = Counter(q.notebook for q in questions if q.name in names)
    most = max(shared.values(), default=0)
    number = min((number for number, count in shared.items() if count == most), default="")
    return tuple(q for q in questions if q.notebook == number)


def _exercise_name(question: Question) -> str:
    """ "04_forget_gate", as the course's module of this question is named; else its "04"."""
    if any(question.id == one.id for one in course.all_questions()):
        return _modules().get(question.notebook, question.notebook)
    return question.notebook


@functools.cache
def _modules() -> dict[str, str]:
    names = [module.name for module in pkgutil.iter_modules(course.__path__)]
    return {name[1:].partition("_")[0]: name[1:] for name in names if name.startswith("q")}


def _grading(cell: Any) -> dict[str, Any]:
    match cell:
        case {"metadata": {"nbgrader": {"grade_id": str()} as grading}}:
            return dict(grading)
    return {}


def _grade_id(cell: Any) -> str:
    return str(_grading(cell).get("grade_id", ""))


def _is_check(cell: Any) -> bool:
    grading = _grading(cell)
    return (
        grading.get("schema_version") == 3
        and grading.get("locked") is True
        and grading.get("grade") is True
    )


def _source(cell: dict[str, Any]) -> str:
    match cell.get("source"):
        case str(text):
            return text
        case list(lines) if all(isinstance(line, str) for line in lines):
            return "".join(lines)
    raise ValueError("read: a cell's source must be text")


def _language(content: dict[str, Any]) -> str:
    match content.get("metadata"):
        case {"language_info": {"name": str(name)}} | {"kernelspec": {"language": str(name)}}:
            return name.lower()[:40]
    return ""
