"""Every question is whole: its reference passes, each misconception is told apart by its hint."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from rnnlab import notebook
from rnnlab.check import judge
from rnnlab.questions import Question, all_questions, question

QUESTIONS = all_questions()
SOLUTIONS = Path(__file__).parent.parent / "solutions"


def solution_lines(q: Question) -> list[str]:
    """The lines of code of the published solution that say something."""
    [path] = SOLUTIONS.glob(f"{q.notebook}_*.ipynb")
    text = next(
        notebook.source(cell)
        for name, cell in notebook.answers(notebook.read(path))
        if name == q.name
    )
    solved = text.partition(notebook.BEGIN)[2].partition(notebook.END)[0]
    return [line.strip() for line in solved.splitlines() if len(line.strip()) > 14]


def test_ids_are_unique_and_points_add_up_to_ten_a_notebook() -> None:
    assert len({q.id for q in QUESTIONS}) == len(QUESTIONS)
    points: Counter[str] = Counter()
    for q in QUESTIONS:
        points[q.notebook] += q.points
    assert set(points.values()) == {10}


@pytest.mark.parametrize("q", QUESTIONS, ids=lambda q: q.id)
def test_reference_passes_on_many_seeds(q: Question) -> None:
    for seed in range(20):
        assert judge(q.id, q.reference, seed=seed).passed


@pytest.mark.parametrize(
    ("q", "k"),
    [(q, k) for q in QUESTIONS for k in range(len(q.misconceptions))],
    ids=lambda v: v.id if isinstance(v, Question) else str(v),
)
def test_each_misconception_gets_its_own_hint_on_every_seed(q: Question, k: int) -> None:
    one = q.misconceptions[k]
    twins = {m.name for m in q.misconceptions if m.hint == one.hint}
    for seed in range(5):
        verdict = judge(q.id, one.wrong, seed=seed)
        assert not verdict.passed
        assert verdict.misconception in twins
        assert verdict.hint == one.hint
        assert verdict.difference


@pytest.mark.parametrize("q", QUESTIONS, ids=lambda q: q.id)
def test_words_are_there_and_never_the_solution(q: Question) -> None:
    assert len(q.hints) == 3 and all(q.hints)
    assert len({m.name for m in q.misconceptions}) == len(q.misconceptions) >= 3
    lines = solution_lines(q)
    assert lines
    for words in (*q.hints, *(m.hint for m in q.misconceptions)):
        assert not [line for line in lines if line in words]


@pytest.mark.parametrize("q", QUESTIONS, ids=lambda q: q.id)
def test_probes_differ_in_size_and_hold_no_zeros(q: Question) -> None:
    probes = q.inputs(np.random.default_rng(5))
    shapes = [tuple(np.shape(v) for v in probe.values()) for probe in probes]
    assert len(set(shapes)) == len(shapes)
    assert all(np.all(v != 0) for probe in probes for v in probe.values())


def test_unknown_question_names_those_that_there_are() -> None:
    with pytest.raises(ValueError, match=r"id must be one of .*04.forget_gate.*, got '99.nothing'"):
        question("99.nothing")
