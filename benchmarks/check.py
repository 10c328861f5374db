"""How long does a check take? CPU time of `judge`, for right and for wrong answers.

    python benchmarks/check.py [ID ...]

For each question the median over right answers, the slowest misconception, and an answer that no
misconception explains: the dearest case, since every pair of them is tried. The goals are 150 ms
for a forward question and 500 ms for a backward one.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from statistics import median
from time import process_time
from typing import Any

import numpy as np

from rnnlab.check import judge
from rnnlab.questions import Question, all_questions, question

GOALS = {False: 150.0, True: 500.0}


def milliseconds(asked: Question, answer: object) -> float:
    """The median CPU time of three judgements."""
    times = []
    for seed in range(3):
        begin = process_time()
        judge(asked.id, answer, seed=seed)
        times.append(1e3 * (process_time() - begin))
    return median(times)


def unknown(asked: Question) -> Callable[..., Any]:
    """A wrong answer that resembles no misconception: right values, bent a little."""

    def bent(value: Any) -> Any:
        if hasattr(value, "items"):
            return {name: bent(array) for name, array in dict(value.items()).items()}
        if isinstance(value, (tuple, list)):
            return tuple(bent(part) for part in value)
        return value if isinstance(value, (str, int)) else np.sin(1.1 * np.asarray(value)) + 0.01

    return lambda *given: bent(asked.reference(*given))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ids", nargs="*", metavar="ID")
    ids = parser.parse_args().ids
    asked = [question(name) for name in ids] if ids else all_questions()
    row = "{:<32}{:>10}{:>10}{:>10}  {}"
    print(row.format("question, CPU ms", "right", "slowest", "unknown", ""))
    for one in asked:
        right = milliseconds(one, one.reference)
        slowest = max(milliseconds(one, m.wrong) for m in one.misconceptions)
        odd = milliseconds(one, unknown(one))
        goal = GOALS[one.gradients]
        verdict = "reached" if max(right, slowest, odd) <= goal else "missed"
        numbers = (f"{ms:.1f}" for ms in (right, slowest, odd))
        print(row.format(one.id, *numbers, f"goal {goal:.0f}: {verdict}"))


if __name__ == "__main__":
    main()
