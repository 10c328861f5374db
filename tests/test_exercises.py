"""Exercises are built from solutions, hold every question once, and carry nbgrader's metadata."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rnnlab import notebook
from rnnlab.questions import all_questions

ROOT = Path(__file__).parent.parent
SOLUTIONS = sorted((ROOT / "solutions").glob("*.ipynb"))


def test_exercises_are_what_the_solutions_build() -> None:
    assert SOLUTIONS
    built = {p.name: notebook.dumps(notebook.build_exercise(notebook.read(p))) for p in SOLUTIONS}
    there = {p.name: p.read_text(encoding="utf-8") for p in (ROOT / "exercises").glob("*.ipynb")}
    assert there == built, "make exercises"


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda p: p.stem)
def test_each_question_has_its_answer_cell_and_its_locked_check(path: Path) -> None:
    solution = notebook.read(path)
    questions = [q for q in all_questions() if q.notebook == path.name[:2]]
    assert [grade_id for grade_id, _ in notebook.answers(solution)] == [q.name for q in questions]
    checks = [
        (cell["metadata"]["nbgrader"], notebook.source(cell))
        for cell in solution["cells"]
        if cell["metadata"].get("nbgrader", {}).get("grade")
    ]
    assert len(checks) == len(questions)
    for q, (grading, text) in zip(questions, checks, strict=True):
        assert text == f'check("{q.id}", {q.name})'
        assert grading == {
            "grade": True, "grade_id": f"check-{q.name}", "locked": True, "points": q.points,
            "schema_version": 3, "solution": False, "task": False,
        }  # fmt: skip


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda p: p.stem)
def test_every_question_of_the_notebook_is_used(path: Path) -> None:
    numbers = {p.name[:2] for p in SOLUTIONS}
    assert path.name[:2] in {q.notebook for q in all_questions()}
    assert all(q.notebook in numbers for q in all_questions())


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda p: p.stem)
def test_an_exercise_has_its_lectures_name_and_a_review_has_no_lecture(path: Path) -> None:
    lecture = ROOT / "notebooks" / path.name
    assert lecture.exists() != bool(re.fullmatch(r"R\d_review", path.stem))
