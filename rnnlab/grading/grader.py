"""Run and judge one submission after the other.

A student's process computes, this one judges: it holds the references, the inputs and the points,
and what it gets is plain data. What a cell or an answer does to its process costs that cell or
that question; a fresh process goes on with the rest.
"""

from __future__ import annotations

import functools
import hashlib
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, get_args

import numpy as np

import rnnlab
from rnnlab import calls
from rnnlab.calls import Outcome
from rnnlab.check.judging import Judgement, Verdict
from rnnlab.grading import intake, submissions
from rnnlab.grading.results import Grades, Ran, Result, Row, text
from rnnlab.grading.separate import Separate
from rnnlab.grading.student import LostError, StartError, Student
from rnnlab.grading.submissions import Cell, Submission
from rnnlab.questions import Question, all_questions, load

SEED = 2018
TIME_LIMIT = 60.0
MEMORY = 2**31

# a notebook may take as long as this many of its cells, and once more when it must be run again;
# and it may lose its process this often
_CELLS_IN_TIME = 5
_RESTARTS = 5
_TOO_LONG = "was not run: those before it took too long together"
# of what all cells of a notebook print, this much is kept
_PRINTED = 100_000
# of what a verdict says, which may quote the names that an answer gives its values
_DIFFERENCE = 5_000

Start = Callable[[frozenset[str], int, float, frozenset[str]], Student]


class HandedIn(Protocol):
    """A notebook to grade: whose, where it was, when, and its bytes (ValueError with the words for
    the student when they cannot be had)."""

    @property
    def student(self) -> str: ...
    @property
    def account(self) -> str: ...
    @property
    def file(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def modified(self) -> float: ...
    def content(self) -> bytes: ...


@dataclass(frozen=True)
class Settings:
    """How a run grades; the same settings give the same submission the same grade.

    seed        of the test inputs
    time_limit  seconds a cell may take; the notebook may take five times that, and the calls of a
                question their own limit, or this one where it is shorter
    memory      bytes that one submission may use
    sandbox     lock submissions in; else a process of its own for each, for one's own work
    questions   a teacher's own question module, or None for the course's
    only        ids of questions; the others are not judged. () for all

    Raises ValueError for a limit that is not positive.
    """

    seed: int = SEED
    time_limit: float = TIME_LIMIT
    memory: int = MEMORY
    sandbox: bool = False
    questions: Path | None = None
    only: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not (self.time_limit > 0 and self.memory > 0):
            raise ValueError(
                f"grade: limits must be positive, got {self.time_limit:g} s and {self.memory} "
                f"bytes; a cell usually gets {TIME_LIMIT:g} s"
            )

    def asked(self) -> tuple[Question, ...]:
        """The questions; ValueError for one in `only` that is not among them."""
        asked = all_questions() if self.questions is None else load(self.questions)
        ids = [question.id for question in asked]
        for one in self.only:
            if one not in ids:
                raise ValueError(f"grade: --question must be one of {', '.join(ids)}, got {one!r}")
        return asked

    @property
    def run(self) -> str:
        """In words, all that a grade depends on beside the submission."""
        words = [
            f"rnnlab {rnnlab.__version__}",
            f"questions {_version(self.questions)}",
            f"seed {self.seed}",
            f"{self.time_limit:g} s a cell",
            f"{self.memory / 2**20:.0f} MiB",
            *(f"only {one}" for one in sorted(self.only)),
        ]
        return ", ".join(words)


@functools.cache
def _version(own: Path | None) -> str:
    """The beginning of a hash over all that judges: the questions, and the check."""
    package = Path(rnnlab.__file__).parent
    files = [*sorted(package.glob("questions/*.py")), *sorted(package.glob("check/*.py"))]
    if own is not None:
        files.append(own)
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


def grade(
    paths: Iterable[Path],
    settings: Settings | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> Grades:
    """Grade notebooks, or folders and zips of them, here and now, one after the other.

    progress  called before each notebook with its number, how many there are, and where it is

    Raises ValueError for a path where there is nothing, OSError when no process can be started.
    """
    found = intake.find_all(paths).found
    results: list[Result] = []
    with Grader(settings or Settings()) as grader:
        for number, one in enumerate(found, 1):
            if progress is not None:
                progress(number, len(found), one.file)
            results.append(grader.grade(one))
    return gathered(results)


def gathered(results: Iterable[Result]) -> Grades:
    """The results in order, and a note on each notebook that was handed in more than once.

    Students of the same name who hand in the same notebook are told apart by their accounts: "Ada
    Lovelace (12345)". One name with another account in each notebook is one student: Moodle numbers
    students anew in each assignment.
    """
    ordered = sorted(_told_apart(list(results)), key=lambda r: (r.student, r.notebook, r.file))
    grades = Grades(tuple(ordered))
    files: dict[tuple[str, str], list[str]] = {}
    for result in ordered:
        if result.notebook:
            files.setdefault((result.student, result.notebook), []).append(result.file)
    counting = grades.counting()
    notes = [
        f"{student} handed in {notebook} more than once, and each is graded: "
        f"{', '.join(sorted(names))}. The last one counts: {counting[student, notebook].file}."
        for (student, notebook), names in files.items()
        if len(names) > 1
    ]
    notes += _of_several_accounts(ordered)
    notes += [
        f"{result.student}, {result.file}: {remark}"
        for result in ordered
        for remark in result.remarks
    ]
    return Grades(grades.results, tuple(sorted(notes)))


def _of_several_accounts(results: Iterable[Result]) -> Iterator[str]:
    accounts: dict[str, dict[str, None]] = {}
    for one in results:
        accounts.setdefault(one.student, {})[one.account] = None
    several = {name: [*own] for name, own in accounts.items() if len(own) > 1}
    if several:
        [(name, own), *_] = several.items()
        yield (
            f"{len(several)} with another id in each notebook are taken for one each, as Moodle "
            f"numbers students anew in each assignment: {name} ({', '.join(own)})"
            f"{', ...' if len(several) > 1 else ''}."
        )


def _told_apart(results: list[Result]) -> list[Result]:
    """Again until it is so: somebody may be called "Ada Lovelace (12345)"."""
    accounts: dict[tuple[str, str], set[str]] = {}
    for one in results:
        if one.notebook:
            accounts.setdefault((one.student, one.notebook), set()).add(one.account)
    shared = {name for (name, _), owners in accounts.items() if len(owners) > 1}
    if not shared:
        return results
    return _told_apart([_with_account(one) if one.student in shared else one for one in results])


def _with_account(result: Result) -> Result:
    if not result.account:
        return result
    name = f"{result.student} ({result.account})"
    rows = tuple(replace(row, student=name) for row in result.rows)
    return replace(result, student=name, rows=rows)


class Grader:
    """Grades notebooks one after the other; what it keeps ready for that ends with it.

    worker  its number among those that grade at the same time
    """

    def __init__(self, settings: Settings, worker: int = 0) -> None:
        self.settings = settings
        self.questions = settings.asked()
        self._stack = ExitStack()
        self._start: Start = _separate
        if settings.sandbox:
            from rnnlab.grading.sandbox import Sandbox

            self._start = self._stack.enter_context(Sandbox(worker, settings.memory)).student

    def __enter__(self) -> Grader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def grade(self, found: HandedIn) -> Result:
        """Run and judge one notebook. Only StartError is raised: no submission can."""
        begin = time.monotonic()
        student, file = text(found.student), text(found.file)
        no_cells: tuple[Ran, ...] = ()
        try:
            content = found.content()
            digest = hashlib.sha256(content).hexdigest()
            submission = submissions.read(content, found.name, self.questions)
        except ValueError as error:
            digest, submission = "", Submission(problem=str(error))
        if submission.problem:
            rows, cells = self._refused(student, submission), no_cells
        else:
            rows, cells = self._run(student, submission)
        return Result(
            student,
            submission.exercise,
            file,
            digest,
            found.modified,
            rows,
            cells,
            time.monotonic() - begin,
            account=text(found.account),
            remarks=tuple(map(text, submission.remarks)),
            problem=text(submission.problem),
        )

    def _run(self, student: str, submission: Submission) -> tuple[tuple[Row, ...], tuple[Ran, ...]]:
        with _Sitting(submission, self.settings, self._start) as sitting:
            rows = tuple(
                _row(student, submission.exercise, question, self._judge(question, sitting))
                for question in self._asked(submission)
            )
        return rows, sitting.cells()

    def _refused(self, student: str, submission: Submission) -> tuple[Row, ...]:
        problem = text(submission.problem)
        if not submission.questions:
            return (Row(student, submission.exercise, "", 0, 0, False, problem),)
        return tuple(
            Row(student, submission.exercise, q.id, 0, q.points, False, problem, title=q.title)
            for q in self._asked(submission)
        )

    def _asked(self, submission: Submission) -> list[Question]:
        only = self.settings.only
        return [q for q in submission.questions if not only or q.id in only]

    def _judge(self, question: Question, sitting: _Sitting) -> Verdict:
        answer = _Answer(question, sitting)
        try:
            # an answer may hold inf and NaN; no warning about them belongs on a teacher's screen
            with np.errstate(all="ignore"):
                return Judgement(question, answer, self.settings.seed).verdict()
        except StartError:
            raise
        except Exception as error:
            # fail closed: one answer that the judge cannot read must not end the batch
            return Verdict(False, f"The answer could not be judged: {type(error).__name__}.")


def _row(student: str, notebook: str, question: Question, verdict: Verdict) -> Row:
    return Row(
        student,
        notebook,
        question.id,
        question.points if verdict.passed else 0,
        question.points,
        verdict.passed,
        text(verdict.difference[:_DIFFERENCE]),
        text(verdict.hint or ""),
        verdict.misconception or "",
        question.title,
    )


def _separate(
    forbidden: frozenset[str], memory: int, seconds: float, mentioned: frozenset[str]
) -> Student:
    return Separate(forbidden, memory, seconds)


def _mentioned(cells: Iterable[Cell]) -> frozenset[str]:
    """What the cells seem to import: a guess that only saves time."""
    words = {word for cell in cells for word in re.findall(r"[a-z]{5,}", cell.source)}
    drawing = {"plots", "diagrams", "matplotlib"} & words
    return frozenset(words | {"matplotlib"} if drawing else words)


class _Sitting:
    """A notebook that has been run, ready to be asked; started again when its process is lost."""

    def __init__(self, submission: Submission, settings: Settings, start: Start) -> None:
        self.time_limit = settings.time_limit
        self._memory = settings.memory
        self._start = start
        self._left = self._again = _CELLS_IN_TIME * settings.time_limit
        self._took: dict[Cell, float] = {}
        self._printed: dict[Cell, str] = {}
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
            if self._left < sum(self._took.get(cell, 0.0) for cell in self._cells):
                self._left, self._again = self._left + self._again, 0.0
            cpu_seconds = 2 * _CELLS_IN_TIME * self.time_limit
            self._student = self._start(
                self._forbidden, self._memory, cpu_seconds, _mentioned(self._cells)
            )
            begin = time.monotonic()
            alive = self._run(self._student, begin + self._left)
            self._left -= time.monotonic() - begin
            if not alive:
                self._student = None
        return self._student

    def _run(self, student: Student, end: float) -> bool:
        """Run the cells; when one ends the process, strike it, and say False."""
        for place, cell in enumerate(self._cells):
            begin = time.monotonic()
            left = end - begin
            if left <= 0:
                self._leave_out(place, _TOO_LONG)
                break
            try:
                limit = min(self.time_limit, left)
                told = student.ask("run", limit, source=cell.source)
            except LostError as lost:
                self._lost += 1
                self._failed[cell] = f"was stopped: {lost}"
                del self._cells[place]
                if self._lost == _RESTARTS:
                    self._leave_out(place, "was not run: too many before it had to be stopped")
                elif end <= time.monotonic():
                    self._leave_out(place, _TOO_LONG)
                return False
            self._took[cell] = time.monotonic() - begin
            self._note(cell, told)
        return True

    def _note(self, cell: Cell, told: Mapping[str, Any]) -> None:
        match told:
            case {"error": str(error), "printed": str(printed)}:
                if error:
                    self._failed[cell] = f"raised {error[: calls.MAX_WORDS]}"
                kept = sum(len(words) for other, words in self._printed.items() if other != cell)
                self._printed[cell] = printed[: min(calls.MAX_PRINTED, _PRINTED - kept)]

    def cells(self) -> tuple[Ran, ...]:
        """How the cells ran, those of which there is something to say."""
        told = sorted({*self._failed, *self._printed}, key=lambda cell: cell.number)
        return tuple(
            Ran(cell.number, text(cell.grade_id), text(printed), text(error))
            for cell in told
            for printed, error in [(self._printed.get(cell, ""), self._failed.get(cell, ""))]
            if printed or error
        )

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
        } if (
            kind in get_args(calls.Kind)
            and kind != "lost"
            # of anything else the words may be long in the making
            and all(isinstance(name, str) for name in (*changed, *names))
        ):
            return Outcome(
                kind,  # type: ignore[arg-type]
                value,
                printed[: calls.MAX_PRINTED],
                tuple(name for name in inputs if name in changed),
                error[: calls.MAX_WORDS],
                line[: calls.MAX_WORDS],
                tuple(name[: calls.MAX_WORDS] for name in names[: len(inputs)]),
            )
    return Outcome("lost", error="what came back was no answer")
