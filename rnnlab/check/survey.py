"""Every misconception of a question, judged: which compute the same, and what a learner is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from rnnlab.check import truth
from rnnlab.check.judging import judge
from rnnlab.questions import Question

SEEDS = range(5)


def table(question: Question) -> Iterator[str]:
    """Lines of a table: a row a misconception, a column for the truth and for each row.

    "=" where both compute the same on every probe of five seeds, "." where they do not. At the
    end of a row stands what the check takes it for, if not for itself.
    """
    wrong = question.misconceptions
    width = max(len(m.name) for m in wrong)
    yield f"{question.id}: {question.title}. Columns: the truth, then rows 1 to {len(wrong)}."
    for k, one in enumerate(wrong, 1):
        others = [question.reference, *(m.wrong for m in wrong)]
        marks = "".join("=" if same(question, one.wrong, other) else "." for other in others)
        found = {str(judge(question.id, one.wrong, seed=seed).misconception) for seed in SEEDS}
        taken = "" if found == {one.name} else f"  taken for: {', '.join(sorted(found))}"
        yield f"{k:4} {one.name:<{width}}  {marks[0]} {marks[1:]}{taken}"


def examples(question: Question) -> Iterator[str]:
    """Lines that say, for each misconception, what the check says to a learner who has it."""
    yield f"{question.id}: {question.title}"
    for one in question.misconceptions:
        verdict = judge(question.id, one.wrong, seed=0)
        yield f"  {one.name}"
        yield f"    {verdict.difference}"
        yield f"    {verdict.hint}"


def same(question: Question, one: Callable[..., Any], other: Callable[..., Any]) -> bool:
    """Do two functions give the same on every probe of five seeds?"""
    return all(
        _alike(question, truth.run(question, one, probe), truth.run(question, other, probe))
        for seed in SEEDS
        for probe in question.inputs(np.random.default_rng(seed))
    )


def _alike(question: Question, a: truth.Parts | None, b: truth.Parts | None) -> bool:
    if a is None or b is None:
        return a is b
    return all(truth.close(question, a[part], b[part]) for part in b)
