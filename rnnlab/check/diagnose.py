"""Which misconception, or which two at once, compute the same as the answer on every probe?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, product
from typing import Any

from rnnlab.calls import Outcome
from rnnlab.check import truth
from rnnlab.check.answer import Answer, StopError
from rnnlab.check.truth import Parts
from rnnlab.questions import Misconception, Probe, Question
from rnnlab.questions.derivation import Derivation

# more misconceptions of one part than this are not tried two at a time: it would take too long
MOST_TOGETHER = 64


@dataclass(frozen=True)
class Diagnosis:
    """The wrong idea's name, or both names, and the words that lead away from it."""

    name: str
    hint: str


def diagnose(
    answer: Answer, probes: Sequence[Probe], outcomes: Sequence[Outcome]
) -> Diagnosis | None:
    """The one misconception that does the same everywhere, else the two; None for no match.

    With a seed of the learner's own, several may happen to give one number: then all of them.
    """
    question = answer.question
    seen = [_Seen(answer, probe, outcome) for probe, outcome in zip(probes, outcomes, strict=True)]
    fitting = (m for m in question.misconceptions if all(s.same(m.wrong) for s in seen))
    if one := next(fitting, None):
        also = [m for m in fitting if m.hint != one.hint] if question.own else []
        hints = " Or: ".join(dict.fromkeys(m.hint for m in (one, *also)))
        either = "It fits more than one mistake. Either: " if also else ""
        return Diagnosis(" or ".join(m.name for m in (one, *also)), f"{either}{hints}")
    if all(s.got is None for s in seen):  # nothing to compare: any two that raise would match
        return None
    for one, two, both in _pairs(question, seen[0]):
        if all(s.same(both) for s in seen):
            names = f"{one.name} + {two.name}"
            if one.hint == two.hint:
                return Diagnosis(names, one.hint)
            return Diagnosis(names, f"Two things at once. First: {one.hint} Then: {two.hint}")
    return None


def first_part(
    question: Question, probes: Sequence[Probe], got: Sequence[Parts], part: str
) -> Diagnosis | None:
    """The misconception that explains the first part that differs; the rest has more wrong."""
    for one in question.misconceptions:
        if all(
            (value := truth.run(question, one.wrong, probe, g)) is not None
            and truth.close(question, g[part], value[part])
            for probe, g in zip(probes, got, strict=True)
        ):
            return Diagnosis(one.name, f"{one.hint} Then run the check again: there is more.")
    return None


class _Seen:
    """What the answer did on one probe: its parts, or that its shapes did not fit."""

    def __init__(self, answer: Answer, probe: Probe, outcome: Outcome) -> None:
        self.question, self.probe = answer.question, probe
        # NumPy's word for shapes that do not fit; a slip of the pen raises something else
        self.raised = outcome.kind == "raised" and outcome.error.startswith("ValueError")
        self._known: dict[Callable[..., Any], Parts | None] = {}
        self.raw: Parts = {}
        self.got: Parts | None = None
        if outcome.kind == "returned":
            try:
                self.raw = answer.parts(outcome.value, probe)
                self.got = answer.observed(self.raw, probe)
            except (StopError, ValueError, IndexError, TypeError):  # a word, for one
                self.got = None

    def same(self, wrong: Callable[..., Any]) -> bool:
        there = self.run(wrong)
        if there is None:  # then the answer must fail there too
            return self.raised
        got = self.got
        return got is not None and all(
            truth.close(self.question, got[part], there[part]) for part in there
        )

    def run(self, wrong: Callable[..., Any]) -> Parts | None:
        if wrong not in self._known:
            self._known[wrong] = truth.run(self.question, wrong, self.probe, self.raw)
        return self._known[wrong]


def _pairs(
    question: Question, seen: _Seen
) -> Iterator[tuple[Misconception, Misconception, Derivation]]:
    """Two at once that can explain the first part that differs, where there are parts.

    Either one of them alone does, and the other shows only later; or both have a hand in it.
    """
    able = [m for m in question.misconceptions if isinstance(m.wrong, Derivation)]
    first = [m for m in able if _explains_first(question, seen, m)]
    together = [m for m in able if _reaches_first(question, seen, m)]
    if len(together) > MOST_TOGETHER:
        together = []
    done = set()
    for one, two in chain(product(first, able), combinations(together, 2)):
        if one is two or (one.name, two.name) in done:
            continue
        done |= {(one.name, two.name), (two.name, one.name)}
        both = one.wrong.and_also(two.wrong)  # type: ignore[attr-defined]
        if both is not None:
            yield one, two, both


def _explains_first(question: Question, seen: _Seen, one: Misconception) -> bool:
    """Is the answer's first wrong part what this misconception alone makes of it?"""
    if seen.got is None:  # nothing to compare; but if it raised, one of the two must raise alone
        return seen.raised and seen.run(one.wrong) is None
    if len(seen.got) == 1:
        return True
    right, there = seen.run(question.reference), seen.run(one.wrong)
    if right is None or there is None:
        return True
    for part in right:
        if not truth.close(question, seen.got[part], right[part]):
            return truth.close(question, seen.got[part], there[part])
    return True


def _reaches_first(question: Question, seen: _Seen, one: Misconception) -> bool:
    """Is the answer's first wrong part also the first that this misconception makes wrong?"""
    if seen.got is None or len(seen.got) == 1:
        return False
    right, there = seen.run(question.reference), seen.run(one.wrong)
    if right is None or there is None:
        return False
    for part in right:
        if not truth.close(question, there[part], right[part]):
            return not truth.close(question, seen.got[part], right[part])
        if not truth.close(question, seen.got[part], right[part]):
            return False
    return False
