"""Find notebooks, and tell by their cells which exercise they are.

A file is never trusted: not its name, not its metadata. A notebook is known by the grade_ids of
its cells, the names of the questions; of nbgrader's metadata nothing else is read but which cells
are locked checks. Those are not run.
"""

from __future__ import annotations

import os
import pkgutil
import re
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnlab import notebook, questions
from rnnlab.questions import Question

MAX_FILE = 2**24
MAX_CELL = 2**20

_CHECK = re.compile(r"""^check\(\s*["']\w+\.(\w+)["']""", re.MULTILINE)


@dataclass(frozen=True)
class Found:
    """One file that was handed in: whose, and where."""

    student: str
    path: Path


@dataclass(frozen=True)
class Cell:
    """A code cell to run: its number among the code cells, its grade_id or "", its source."""

    number: int
    grade_id: str
    source: str


@dataclass(frozen=True)
class Submission:
    """One file, read.

    exercise   "04_forget_gate"; "" when no exercise has such cells
    questions  the questions of the exercise, in its order
    cells      the code cells to run, in order
    problem    why it cannot be graded, or ""
    """

    exercise: str = ""
    questions: tuple[Question, ...] = ()
    cells: tuple[Cell, ...] = ()
    problem: str = ""


def find(root: Path) -> Iterator[Found]:
    """Every *.ipynb of a folder, or the one file; hidden ones and links to folders are left out.

    The student is the first folder under `submitted`, else under `root`; for a file that lies in
    no folder, its stem. Raises ValueError when there is nothing at `root`.
    """
    if root.is_file() and root.suffix == ".ipynb":
        yield Found(_student(root.parent, root), root)
    elif root.is_dir():
        for folder, folders, files in os.walk(root):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            named = [name for name in folders if name.endswith(".ipynb")]
            folders[:] = [name for name in folders if name not in named]
            for name in sorted([*files, *named]):
                if name.endswith(".ipynb") and not name.startswith("."):
                    path = Path(folder, name)
                    yield Found(_student(root, path), path)
    else:
        raise ValueError(
            f"grade: PATH must be a notebook (.ipynb) or a folder of notebooks, got {root}, "
            f"which is {'neither' if root.exists() else 'not there; check the spelling'}"
        )


def _student(root: Path, path: Path) -> str:
    below = path.relative_to(root).parent.parts
    # nbgrader's layout is submitted/STUDENT/ASSIGNMENT/FILE, and root may lie inside it
    whole = (*root.absolute().parts[-3:], *below)
    if "submitted" in whole:
        below = whole[whole.index("submitted") + 1 :]
    return below[0] if below else path.stem


def read(path: Path) -> Submission:
    """Read a file that was handed in; what is wrong with it is its `problem`, never raised."""
    try:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            return Submission(problem=f"{path.name} is a link: hand in the file itself.")
        if not stat.S_ISREG(mode):
            return Submission(problem=f"{path.name} is a folder or device, not a notebook.")
        size = path.stat().st_size
        if size > MAX_FILE:
            return Submission(
                problem=f"{path.name} has {size / 2**20:.0f} MiB, at most {MAX_FILE // 2**20} are "
                "read: clear its outputs and hand it in again."
            )
        if size == 0:
            return Submission(problem=f"{path.name} is empty.")
        return _recognise(notebook.read(path), path.name)
    except (ValueError, RecursionError):
        return Submission(
            problem=f"{path.name} is damaged or not a notebook of format 4: open it in Jupyter, "
            "save it, and hand it in again."
        )
    except OSError as error:
        return Submission(problem=f"{path.name} cannot be read: {error.strerror}.")


def _recognise(content: dict[str, Any], name: str) -> Submission:
    cells = content.get("cells")
    if not isinstance(cells, list):
        raise ValueError(f"read: {name} must have cells")
    asked = _exercise(
        {_grading(cell).get("grade_id") for cell in cells} - {None} or _checked(cells)
    )
    if not asked:
        return Submission(problem=f"{name} matched no exercise: no cell is known by its grade_id.")
    exercise = _exercise_name(asked[0].notebook)
    language = _language(content)
    if language not in ("", "python"):
        return Submission(
            exercise, asked, problem=f"{name} is a notebook in {language}; it must be in Python."
        )
    code = [cell for cell in cells if isinstance(cell, dict) and cell.get("cell_type") == "code"]
    run = tuple(
        Cell(number, str(_grading(cell).get("grade_id", "")), _source(cell))
        for number, cell in enumerate(code, 1)
        if not _is_check(cell)
    )
    if any(len(cell.source) > MAX_CELL for cell in run):
        return Submission(exercise, asked, problem=f"{name} has a cell of over a million letters.")
    return Submission(exercise, asked, run)


def _checked(cells: list[Any]) -> set[Any]:
    """The names that a notebook checks, for one that lost its metadata on the way."""
    code = [cell for cell in cells if isinstance(cell, dict) and cell.get("cell_type") == "code"]
    return {name for cell in code for name in _CHECK.findall(_source(cell))}


def _exercise(ids: set[Any]) -> tuple[Question, ...]:
    """The questions of the notebook that shares most names with these grade_ids; () for none."""
    by_notebook: dict[str, list[Question]] = {}
    for question in questions.all_questions():
        by_notebook.setdefault(question.notebook, []).append(question)
    shared = Counter(
        {
            number: sum(bool(ids & {q.name, f"check-{q.name}"}) for q in asked)
            for number, asked in sorted(by_notebook.items())
        }
    )
    [(number, count)] = shared.most_common(1) or [("", 0)]
    return tuple(by_notebook[number]) if count else ()


def _exercise_name(number: str) -> str:
    """ "04_forget_gate", as the question module is named; the number where there is none."""
    names = [module.name for module in pkgutil.iter_modules(questions.__path__)]
    return next((name[1:] for name in names if name.startswith(f"q{number}_")), number)


def _grading(cell: Any) -> dict[str, Any]:
    match cell:
        case {"metadata": {"nbgrader": {"grade_id": str()} as grading}}:
            return dict(grading)
    return {}


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
