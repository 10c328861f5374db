"""The stages of a judgement, in order; the first that fails gives the words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnlab.calls import Outcome
from rnnlab.check.answer import Answer, StopError
from rnnlab.check.diagnose import Diagnosis, diagnose, first_part
from rnnlab.check.locate import NOT_THE_VALUES, Comparison
from rnnlab.questions import Question, question

LADDER = (
    "I do not recognise the mistake. Climb down: print the shapes; then one example, one step, "
    "one unit, a zero state; compare each term with the equation."
)
GRADIENTS = (
    "I do not recognise the mistake. Climb down: one step, one example, one unit; then compare "
    "each product of the chain, from the loss backwards, with a central difference."
)
# where there is no term to compare: a number, a trace, weights set by hand or trained
SMALL_CASE = (
    "I do not recognise the mistake. Take the smallest case that you can do on paper, say what "
    "should come out, and compare."
)
FROM_THERE = (
    "Start from there. If it is not enough, take one example, one step and one unit, and work it "
    "out by hand beside your code."
)
SHAPES = "Print the shapes of what meets there, and write them under the equation."


@dataclass(frozen=True)
class Verdict:
    """The result of one question.

    difference     "" when passed; else what is right and what differs first
    misconception  the name of the wrong idea that computes the same ("a + b" for two at once,
                   "a or b" where either fits), or None
    hint           the sentence that leads on; None when passed
    """

    passed: bool
    difference: str = ""
    misconception: str | None = None
    hint: str | None = None


def judge(question_id: str, answer: object, seed: int | None = None) -> Verdict:
    """Judge `answer`, a function (or a Remote that stands for one), on the question's probes.

    The same seed gives the same probes; without one they are new at every call. Raises
    ValueError for an unknown question.
    """
    return Judgement(question(question_id), answer, seed).verdict()


class Judgement:
    """One answer on its way through the stages; `printed` is what it wrote at its first call."""

    def __init__(self, asked: Question, function: object, seed: int | None) -> None:
        self.question = asked
        self.answer = Answer(asked, function)
        self.probes = list(asked.inputs(np.random.default_rng(seed)))
        self.printed = ""

    def verdict(self) -> Verdict:
        """Call the answer on every probe, then compare; what is right is computed only then."""
        outcomes: list[Outcome] = []
        try:
            for probe in self.probes:
                outcomes.append(self.answer.call(probe))
                self.answer.check_called(probe, outcomes[-1])
            self.printed = outcomes[0].printed
            comparison = self._compared(outcomes)
            self.answer.check_pure(outcomes, not comparison.wrong)
            if not comparison.wrong:
                return Verdict(True)
            return self._differs(comparison, outcomes)
        except StopError as stop:
            return self._stopped(stop, outcomes)

    def _compared(self, outcomes: list[Outcome]) -> Comparison:
        ran = [
            p
            for p, o in zip(self.probes, outcomes, strict=True)
            if o.kind == "returned" and o.value is not None
        ]
        for probe, outcome in zip(self.probes, outcomes, strict=True):
            self.answer.check_returned(probe, outcome, ran[0] if ran else None)
        got: list[Any] = []
        right: list[Any] = []
        for probe, outcome in zip(self.probes, outcomes, strict=True):
            parts, truth = self.answer.read(outcome, probe)
            got.append(parts)
            right.append(truth)
        return Comparison(self.answer, self.probes, got, right)

    def _differs(self, comparison: Comparison, outcomes: list[Outcome]) -> Verdict:
        found = diagnose(self.answer, self.probes, outcomes)
        order = comparison.other_order()
        if found is None and len(comparison.wrong) > 1 and not order:
            part = next(iter(comparison.wrong))
            found = first_part(self.question, self.probes, comparison.got, part)
        words = comparison.difference(known=found is not None)
        return _verdict(words, found, "" if order else self._ladder(words))

    def _ladder(self, words: str) -> str:
        if self.question.gradients:
            return GRADIENTS
        if self.question.kind not in ("function", "line", "repair"):
            return SMALL_CASE
        return LADDER if NOT_THE_VALUES in words else FROM_THERE

    def _stopped(self, stop: StopError, outcomes: list[Outcome]) -> Verdict:
        kind = outcomes[-1].kind
        if kind == "stub":
            return Verdict(False, str(stop), None, self.question.hints[0])
        if kind in ("missing", "uncallable", "arguments", "lost"):
            return Verdict(False, str(stop), None, "")
        about_shapes = "shape" in str(stop)
        found = diagnose(self.answer, self.probes, outcomes)
        return _verdict(str(stop), found, SHAPES if about_shapes else "")


def _verdict(words: str, found: Diagnosis | None, otherwise: str) -> Verdict:
    if found is None:
        return Verdict(False, words, None, otherwise)
    return Verdict(False, words, found.name, found.hint)
