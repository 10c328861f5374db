"""Put the grades into nbgrader's gradebook, so that its formgrader shows them.

The points of a question are those of its check cell, "check-forget_gate". What is there already
stays: other assignments and students, and a score or a comment that a person gave; a manual score
goes before ours, as nbgrader has it. Written twice, nothing stands there twice.

formgrader opens a submission, and calls it graded, when a copy lies in the course's `autograded`
folder. Where the graded notebook lies in `submitted`, that copy is made.
"""

from __future__ import annotations

import hashlib
import os
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rnnlab.grading.intake import Found
from rnnlab.grading.results import Grades, Result

# the student's folder, the assignment's, the file: below them nothing is the teacher's
_SUBMITTED = 3
_LONGEST_TIME = 100


def write(grades: Grades, path: Path) -> None:
    """Fill the SQLite file `gradebook.db` of an nbgrader course; it is made where there is none.

    A notebook that the gradebook knows stays in its assignment, and its cells keep their kind;
    else an assignment of the notebook's name is made. Of each student the notebook that was handed
    in last counts.

    Raises ValueError when nbgrader is not installed, and when it cannot read the file.
    """
    try:
        from nbgrader.api import Gradebook
        from sqlalchemy.engine import URL
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError as error:
        raise ValueError(
            f'grades: --nbgrader needs nbgrader ({error}); pip install "rnnlab[nbgrader]"'
        ) from error
    by_notebook: dict[str, list[Result]] = {}
    for (_, name), result in sorted(grades.counting().items()):
        if not result.problem:
            by_notebook.setdefault(name, []).append(result)
    try:
        with _alembic_found(), Gradebook(URL.create("sqlite", database=str(path))) as book:
            for name, results in by_notebook.items():
                _write(book, name, results, path.absolute().parent)
    except (SQLAlchemyError, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"grades: --nbgrader must name a gradebook that this nbgrader can read and write, but "
            f"{path}: {reason}. If an older nbgrader made it: nbgrader db upgrade"
        ) from error


@contextmanager
def _alembic_found() -> Iterator[None]:
    """nbgrader starts `alembic` by its name, which lies beside this Python, not always in PATH."""
    before = os.environ.get("PATH")
    os.environ["PATH"] = os.pathsep.join(filter(None, (sysconfig.get_path("scripts"), before)))
    try:
        yield
    finally:
        if before is None:
            del os.environ["PATH"]
        else:
            os.environ["PATH"] = before


def _write(book: Any, name: str, results: Sequence[Result], course: Path) -> None:
    from nbgrader.api import Comment, Grade, Student, SubmittedAssignment, SubmittedNotebook
    from sqlalchemy.orm import selectinload

    assignment = _assignment(book, name)
    notebook = book.update_or_create_notebook(name, assignment.name)
    points = {row.question: row.max_points for result in results for row in result.rows}
    for question, most in points.items():
        book.update_or_create_grade_cell(
            _cell(question), name, assignment.name, max_score=most, cell_type="code"
        )
        # where a person comments
        book.update_or_create_solution_cell(question.partition(".")[2], name, assignment.name)
    cells = {cell.name: cell for cell in notebook.grade_cells}
    students = {student.id: student for student in book.students}
    submissions = {one.student_id: one for one in assignment.submissions}
    handed_in = {
        one.assignment_id: one
        for one in book.db.query(SubmittedNotebook)
        .filter(SubmittedNotebook.notebook == notebook)
        .options(selectinload(SubmittedNotebook.grades), selectinload(SubmittedNotebook.comments))
    }
    with book.db.no_autoflush:  # all of a notebook at once
        for result in results:
            student = students.get(result.student)
            if student is None:
                student = Student(id=result.student, lms_user_id=result.account or None)
                book.db.add(student)
            submission = submissions.get(result.student)
            if submission is None:
                submission = SubmittedAssignment(assignment=assignment, student=student)
                book.db.add(submission)
            if _copied(course, assignment.name, result):
                # nbgrader calls the copy stale when its own time is another
                submission.timestamp = _collected(course, assignment.name, result.student)
            else:
                submission.timestamp = _later(submission.timestamp, result.modified)
            own = handed_in.get(submission.id) if submission.id else None
            if own is None:
                own = SubmittedNotebook(notebook=notebook, assignment=submission)
                book.db.add(own)
            scores = {grade.cell_id: grade for grade in own.grades}
            earned = {_cell(row.question): row.points for row in result.rows}
            for cell_name, cell in cells.items():
                grade = scores.get(cell.id) or Grade(cell=cell, notebook=own)
                book.db.add(grade)
                if cell_name in earned:
                    grade.auto_score = float(earned[cell_name])
                    grade.needs_manual_grade = False
            commented = {comment.cell_id for comment in own.comments}
            for cell in notebook.solution_cells:
                if cell.id not in commented:
                    book.db.add(Comment(cell=cell, notebook=own))
    book.db.commit()


def _assignment(book: Any, name: str) -> Any:
    """The assignment that holds a notebook of this name; a new one where none does."""
    from nbgrader.api import Notebook

    known = [one.assignment for one in book.db.query(Notebook).filter(Notebook.name == name)]
    return known[0] if known else book.update_or_create_assignment(name)


def _cell(question: str) -> str:
    return f"check-{question.partition('.')[2]}"


def _copied(course: Path, assignment: str, result: Result) -> bool:
    """Copy the notebook that was graded from `submitted` to `autograded`, if it lies there."""
    if result.student in ("", ".", "..") or Path(result.student).name != result.student:
        return False
    own = Path(result.student, assignment, f"{result.notebook}.ipynb")
    try:
        path = course / "submitted" / own
        content = Found("", "", own.name, 0.0, path, depth=_SUBMITTED).content()
    except ValueError:
        return False
    if hashlib.sha256(content).hexdigest() != result.digest:
        return False
    target = course / "autograded" / own
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return True


def _collected(course: Path, assignment: str, student: str) -> datetime | None:
    """When nbgrader collected it, as nbgrader reads it; None where it did not say."""
    from nbgrader.utils import parse_utc

    path = course / "submitted" / student / assignment / "timestamp.txt"
    try:
        said = Found("", "", path.name, 0.0, path, depth=_SUBMITTED).content().decode().strip()
        # of a million digits it would be told after an hour
        when = parse_utc(said) if len(said) <= _LONGEST_TIME else None
    except (ValueError, OverflowError):
        return None
    return when if isinstance(when, datetime) else None


def _later(before: datetime | None, modified: float) -> datetime | None:
    """The later time, as nbgrader keeps it: in UTC, and not saying so."""
    if not modified:
        return before
    try:
        now = datetime.fromtimestamp(modified, UTC).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):  # a file may bear any date
        return before
    return now if before is None else max(before, now)
