"""Run and judge every submission.

A student's process computes, this one judges: it holds the references, the inputs and the points,
and what it gets is plain data. What a cell or an answer does to its process costs that cell or
that question; a fresh process goes on with the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np

from rnnlab import calls
from rnnlab.calls import Outcome
from rnnlab.check import Verdict, judge
from rnnlab.grading import submissions
from rnnlab.grading.student import LostError, StartError, Student
from rnnlab.grading.submissions import Cell, Found, Submission
from rnnlab.questions import Question

SEED = 2018
TIME_LIMIT = 60.0
MEMORY = 2**31

# a notebook may take as long as this many of its cells, and lose its process this often
_CELLS_IN_TIME = 5
_RESTARTS = 5


@dataclass(frozen=True)
class Row:
    """One question of one submission; question "" when the file could not be graded at all.

    difference  what differs first, or why there is no answer; "" when passed
    hint        the sentence that leads on, or ""
    """

    student: str
    notebook: str
    question: str
    points: int
    max_points: int
    passed: bool
    difference: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Grades:
    """The rows, by student, notebook and question, and what else a teacher should know."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


def grade(
    paths: Iterable[Path],
    *,
    seed: int = SEED,
    time_limit: float = TIME_LIMIT,
    memory: int = MEMORY,
    progress: Callable[[int, int, Path], None] | None = None,
) -> Grades:
    """Grade notebooks, or folders of them, each in processes of its own.

    seed        of the test inputs; the same seed gives the same grades
    time_limit  seconds a cell may take; the notebook may take five times that, and the calls of a
                question their own limit, or this one where it is shorter
    memory      bytes that one submission may use
    progress    called before each notebook with its number, how many there are, and its path

    Raises ValueError for a path where there is nothing and for a limit that is not positive,
    OSError when no process can be started.
    """
    if not (time_limit > 0 and memory > 0):
        raise ValueError(
            f"grade: limits must be positive, got {time_limit:g} s and {memory} bytes; a cell "
            f"usually gets {TIME_LIMIT:g} s"
        )
    found: dict[Path, Found] = {}
    for path in paths:
        for one in submissions.find(path):
            found.setdefault(one.path.absolute(), one)
    rows: list[tuple[Found, int, Row]] = []
    notes: list[str] = []
    for number, one in enumerate(found.values(), 1):
        if progress is not None:
            progress(number, len(found), one.path)
        submission = submissions.read(one.path)
        graded = _grade_one(one.student, submission, seed, time_limit, memory)
        rows += [(one, place, row) for place, row in enumerate(graded)]
    rows.sort(key=lambda r: (r[2].student, r[2].notebook, str(r[0].path), r[1]))
    notes += _twice([(one, row) for one, _, row in rows])
    return Grades(tuple(row for _, _, row in rows), tuple(sorted(notes)))


def _twice(rows: list[tuple[Found, Row]]) -> list[str]:
    files: dict[tuple[str, str], set[str]] = {}
    for one, row in rows:
        if row.notebook:
            files.setdefault((row.student, row.notebook), set()).add(str(one.path))
    return [
        f"{student} handed in {notebook} more than once, and each is graded: "
        f"{', '.join(sorted(paths))}."
        for (student, notebook), paths in files.items()
        if len(paths) > 1
    ]


def _grade_one(
    student: str, submission: Submission, seed: int, time_limit: float, memory: int
) -> list[Row]:
    if submission.problem:
        return [
            Row(student, submission.exercise, q.id, 0, q.points, False, submission.problem)
            for q in submission.questions
        ] or [Row(student, submission.exercise, "", 0, 0, False, submission.problem)]
    with _Sitting(submission, time_limit, memory) as sitting:
        verdicts = [_judge(question, sitting, seed) for question in submission.questions]
    return [
        Row(
            student,
            submission.exercise,
            question.id,
            question.points if verdict.passed else 0,
            question.points,
            verdict.passed,
            verdict.difference,
            verdict.hint or "",
        )
        for question, verdict in zip(submission.questions, verdicts, strict=True)
    ]


def _judge(question: Question, sitting: _Sitting, seed: int) -> Verdict:
    answer = _Answer(question, sitting)
    try:
        # an answer may hold inf and NaN, and no warning about them belongs on a teacher's screen
        with np.errstate(all="ignore"):
            return judge(question.id, answer, seed)
    except StartError:
        raise
    except Exception as error:
        # fail closed: one answer that the judge cannot read must not end the batch
        return Verdict(False, f"The answer could not be judged: {type(error).__name__}.")


class _Sitting:
    """A notebook that has been run, ready to be asked; started again when its process is lost."""

    def __init__(self, submission: Submission, time_limit: float, memory: int) -> None:
        self.time_limit = time_limit
        self._memory = memory
        self._cells = list(submission.cells)
        self._ids = {cell.grade_id for cell in submission.cells}
        self._forbidden = frozenset(m for q in submission.questions for m in q.forbidden)
        self._failed: dict[Cell, str] = {}
        self._lost = 0
        self._student: Student | None = None

    def __enter__(self) -> _Sitting:
        return self

    def __exit__(self, *error: object) -> None:
        if self._student is not None:
            self._student.end()

    def student(self) -> Student:
        """The process, with all cells run that let it live."""
        while self._student is None:
            cpu_seconds = 2 * _CELLS_IN_TIME * self.time_limit
            self._student = Student(self._forbidden, self._memory, cpu_seconds)
            if not self._run(self._student):
                self._student = None
        return self._student

    def _run(self, student: Student) -> bool:
        """Run the cells; when one ends the process, strike it, and say False."""
        end = time.monotonic() + _CELLS_IN_TIME * self.time_limit
        for place, cell in enumerate(self._cells):
            left = end - time.monotonic()
            if left <= 0:
                self._leave_out(place, "was not run: those before it took too long together")
                break
            try:
                limit = min(self.time_limit, left)
                error = student.ask("run", limit, source=cell.source).get("error")
            except LostError as lost:
                self._lost += 1
                self._failed[cell] = f"was stopped: {lost}"
                del self._cells[place]
                if self._lost == _RESTARTS:
                    self._leave_out(place, "was not run: too many before it had to be stopped")
                return False
            if isinstance(error, str) and error:
                self._failed[cell] = f"raised {error[: calls.MAX_WORDS]}"
        return True

    def _leave_out(self, place: int, why: str) -> None:
        self._failed |= dict.fromkeys(self._cells[place:], why)
        del self._cells[place:]

    def leave(self) -> None:
        """The process is gone; the next question gets a fresh one."""
        self._student = None

    def why_missing(self, name: str) -> str:
        """Why a name may not be defined: its cell failed, or another, or there is no such cell."""
        for own in (True, False):
            for cell, what in sorted(self._failed.items(), key=lambda item: item[0].number):
                if own == (cell.grade_id == name):
                    return f"{'Its' if own else 'Another'} cell (code cell {cell.number}) {what}."
        return "" if name in self._ids else f"The notebook has no cell marked {name}."


class _Answer:
    """A Remote: the answer to one question, called in the student's process."""

    def __init__(self, question: Question, sitting: _Sitting) -> None:
        self._question = question
        self._sitting = sitting
        self._left = min(question.time_limit, sitting.time_limit)
        self._lost: Outcome | None = None

    def outcome(self, inputs: Mapping[str, Any]) -> Outcome:
        """Call the answer there; once it is lost, it stays lost."""
        if self._lost is not None:
            return self._lost
        try:
            student = self._sitting.student()
            begin = time.monotonic()
            reply = student.ask("call", self._left, name=self._question.name, inputs=dict(inputs))
            self._left -= time.monotonic() - begin
        except LostError as lost:
            self._sitting.leave()
            self._lost = Outcome("lost", error=str(lost))
            return self._lost
        outcome = _outcome(reply.get("outcome"), inputs)
        if outcome.kind == "missing":
            return Outcome("missing", error=self._sitting.why_missing(self._question.name))
        return outcome


def _outcome(told: object, inputs: Mapping[str, Any]) -> Outcome:
    """What the student's process says that happened, if it is a thing that can happen."""
    match told:
        case {
            "kind": str(kind),
            "value": value,
            "printed": str(printed),
            "changed": tuple(changed),
            "error": str(error),
            "line": str(line),
            "names": tuple(names),
        } if kind in get_args(calls.Kind) and kind != "lost":
            return Outcome(
                kind,  # type: ignore[arg-type]
                value,
                printed[: calls.MAX_PRINTED],
                tuple(name for name in inputs if name in changed),
                error[: calls.MAX_WORDS],
                line[: calls.MAX_WORDS],
                tuple(str(name)[: calls.MAX_WORDS] for name in names[: len(inputs)]),
            )
    return Outcome("lost", error="what came back was no answer")
