"""Every misconception of a question, judged: which compute the same, and what a learner is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from rnnlab.check import truth
from rnnlab.check.judging import judge
from rnnlab.questions import Question

SEEDS = range(5)


def table(question: Question) -> Iterator[str]:
    """Lines of a table of all pairs: a row a misconception, numbered, with whatever is its equal.

    Equal are two that compute the same on every probe of five seeds: such twins must share one
    hint, and none may be equal to the truth. Where the check takes a row for another, the row says
    for which.
    """
    wrong = question.misconceptions
    width = max(len(m.name) for m in wrong)
    probes = [p for seed in SEEDS for p in question.inputs(np.random.default_rng(seed))]
    truth_there = [truth.run(question, question.reference, probe) for probe in probes]
    there = [[truth.run(question, m.wrong, probe) for probe in probes] for m in wrong]
    pairs = len(wrong) * (len(wrong) + 1) // 2
    yield f"{question.id}: {question.title}. {len(wrong)} misconceptions, {pairs} pairs."
    for k, one in enumerate(wrong):
        equal = [
            f"{n + 1} {'(one hint)' if other.hint == one.hint else '(TWO HINTS)'}"
            for n, other in enumerate(wrong)
            if n != k and _same(question, there[k], there[n])
        ]
        equal += ["THE TRUTH"] if _same(question, there[k], truth_there) else []
        found = {str(judge(question.id, one.wrong, seed=seed).misconception) for seed in SEEDS}
        words = f"  equals {', '.join(equal)}" if equal else ""
        if found != {one.name}:
            words += f"  taken for {', '.join(sorted(found))}"
        yield f"{k + 1:4} {one.name:<{width}}{words}".rstrip()


def examples(question: Question) -> Iterator[str]:
    """Lines that say, for each misconception, what the check says to a learner who has it."""
    yield f"{question.id}: {question.title}"
    for one in question.misconceptions:
        verdict = judge(question.id, one.wrong, seed=0)
        yield f"  {one.name}"
        yield f"    {verdict.difference}"
        yield f"    {verdict.hint}"


def _same(
    question: Question, one: Sequence[truth.Parts | None], other: Sequence[truth.Parts | None]
) -> bool:
    return all(_alike(question, a, b) for a, b in zip(one, other, strict=True))


def _alike(question: Question, a: truth.Parts | None, b: truth.Parts | None) -> bool:
    if a is None or b is None:
        return a is b
    return all(truth.close(question, a[part], b[part]) for part in b)
