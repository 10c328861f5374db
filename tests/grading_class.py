"""A class whose grades are real verdicts: right answers, and what follows from misconceptions."""

from __future__ import annotations

import functools
import random

from rnnlab.check.judging import Judgement, Verdict
from rnnlab.grading.results import Grades, Ran, Result, Row
from rnnlab.questions import Question, all_questions

NOTEBOOKS = {"04": "04_forget_gate", "06": "06_cell_update"}
FIRST = ("Ada", "Ben", "Cleo", "Dženana", "Émile", "Fatima", "Grace", "Håkon", "İpek", "Juan")
LAST = ("Lovelace", "Nguyen", "Okafor", "Petrov", "Quispe", "Rossi", "Sato", "Tan", "Ueda", "Wu")


def asked(notebook: str) -> list[Question]:
    """The questions of a notebook, by its number."""
    return [question for question in all_questions() if question.notebook == notebook]


@functools.cache
def verdicts(notebook: str) -> dict[str, list[Verdict]]:
    """For each question what the judge says to the reference, the stub, and some wrong answers."""

    def stub(*inputs: object) -> None:
        raise NotImplementedError

    found = {}
    for question in asked(notebook):
        answers = [question.reference, stub, *(m.wrong for m in question.misconceptions[:9])]
        found[question.id] = [Judgement(question, one, seed=2018).verdict() for one in answers]
    return found


def result(student: str, notebook: str, chance: random.Random, **more: float) -> Result:
    """One notebook of a student: most answers right, some wrong ideas more common than others."""
    rows, cells = [], []
    skill = chance.choice([0.35, 0.6, 0.8, 0.95])
    for number, question in enumerate(asked(notebook), 3):
        known = verdicts(notebook)[question.id]
        wrong = chance.choices(known[1:], [1 / (k + 1) for k in range(len(known) - 1)])[0]
        told = known[0] if chance.random() < skill else wrong
        rows.append(
            Row(
                student,
                NOTEBOOKS[notebook],
                question.id,
                question.points if told.passed else 0,
                question.points,
                told.passed,
                told.difference,
                told.hint or "",
                told.misconception or "",
                question.title,
            )
        )
        if chance.random() < 0.4:
            cells.append(
                Ran(number, question.name, printed="shape (2, 4)\n[[0.5 0.7]\n [0.1 0.9]]")
            )
    if chance.random() < 0.1:
        cells.append(Ran(9, "", error="raised NameError: name 'x_t' is not defined"))
    file = f"{student}/{NOTEBOOKS[notebook]}.ipynb"
    about = {"modified": 1.76e9, "seconds": round(chance.lognormvariate(-1, 1), 3), **more}
    return Result(
        student, NOTEBOOKS[notebook], file, f"{len(file):064x}", about["modified"], tuple(rows),
        tuple(cells), about["seconds"],
    )  # fmt: skip


def refused(student: str, why: str) -> Result:
    """A file that could not be graded."""
    row = Row(student, "", "", 0, 0, False, why)
    return Result(student, "", f"{student}/work.ipynb", "", 1.76e9, (row,), (), 0.01, problem=why)


def a_class(size: int, notebooks: tuple[str, ...] = ("04", "06"), seed: int = 1) -> Grades:
    """So many students; some hand in one notebook only, twice, or what is none."""
    chance = random.Random(seed)
    results = []
    for k in range(size):
        student = f"{FIRST[k % 10]} {LAST[k // 10 % 10]}" + (f" {k // 100}" if k >= 100 else "")
        for notebook in notebooks:
            if chance.random() < 0.93:
                results.append(result(student, notebook, chance))
            if chance.random() < 0.04:
                late = result(student, notebook, chance, modified=1.7601e9)
                results.append(late)
        if chance.random() < 0.03:
            results.append(refused(student, "work.ipynb is empty."))
    results.sort(key=lambda one: (one.student, one.notebook, one.file))
    return Grades(tuple(results), ("Ben Okafor handed in 04_forget_gate more than once.",))
