"""Where do the values differ first, and from which term, step or example on?

The answer is called again on probes that are simpler in one way: a term switched off by zeros, one
step for five, one example for two. What makes the difference go away is what to look at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rnnlab.calls import PARAMS
from rnnlab.check import truth
from rnnlab.check.answer import Answer
from rnnlab.check.truth import Parts
from rnnlab.check.words import are, came_in, listed
from rnnlab.params import Array
from rnnlab.questions import Probe


class Comparison:
    """What came back and what is right, on every probe of a question."""

    def __init__(
        self, answer: Answer, probes: Sequence[Probe], got: Sequence[Parts], right: Sequence[Parts]
    ) -> None:
        self.answer = answer
        self.question = answer.question
        self.probes, self.got, self.right = probes, got, right
        # each part that differs, in data-flow order, with the first probe that shows it
        self.wrong: dict[str, int] = {}
        for part in right[0]:
            for k in range(len(probes)):
                if not self._close(got[k][part], right[k][part]):
                    self.wrong[part] = k
                    break

    def difference(self) -> str:
        """What is right, what differs first and where; some part differs."""
        part, k = next(iter(self.wrong.items()))
        if self.question.complaints:
            return self.question.complaints[part]
        other = self._other_order()
        if other:
            return other
        return f"{self._what_is_right(part)}{self._where(part, k)}"

    def _close(self, a: Array, b: Array) -> bool:
        return truth.close(self.question, a, b)

    def _what_is_right(self, first: str) -> str:
        parts = list(self.right[0])
        if self.question.gradients:
            right = [part for part in parts if part not in self.wrong]
        else:
            right = parts[: parts.index(first)]
        if not right:
            return ""
        names = _grouped(right)
        return f"{listed(names)} {'are' if len(right) > 1 else 'is'} right. "

    def _other_order(self) -> str:
        """Words for right values that are returned in another order, else ""."""
        names = self.question.returns
        if self.question.observe is not None or not 1 < len(names) <= 8:
            return ""
        if any(name not in self.right[0] for name in names):
            return ""
        both = list(zip(self.got, self.right, strict=True))
        taken: list[str] = []
        for name in names:
            taken += [n for n in names if all(self._close(g[name], r[n]) for g, r in both)][:1]
        if sorted(taken) != sorted(names):
            return ""
        return (
            f"Every value is right, but they come back as {', '.join(taken)}; asked for is "
            f"{', '.join(names)}, in this order."
        )

    def _where(self, part: str, k: int) -> str:
        got, right = self.got[k][part], self.right[k][part]
        axes = truth.axes(self.question, part)
        wrong = _wrong_along_first(got, right, self._close)
        if axes[:1] == ("time",) and not wrong[0]:
            return f"{part} is right at t = 0 and wrong from t = {int(wrong.argmax())} on."
        if axes[:1] == ("batch",) and len(wrong) > 1 and not wrong[0] and wrong[1:].all():
            return f"{part} is right for the first example of the batch only."
        first = f"{part} is the first to differ" if len(self.right[0]) > 1 else ""
        if self.question.gradients:
            error = np.abs(got - right).max() / max(np.abs(right).max(), 1e-300)
            first = f"{part} differs (relative error {error:.2g})"
        cut = self._simpler(part, k)
        if cut:
            return f"{first}; it is {cut}" if first else f"{part} is {cut}"
        if axes[:1] == ("time",) and not self._term(part):
            return f"{part} is wrong already at t = 0: what goes into the first step?"
        term = self._term(part)
        if term:
            return f"{first}. {term}" if first else term
        return f"{first}. {self._pattern(part, k)}".removeprefix(". ")

    def _pattern(self, part: str, k: int) -> str:
        got, right = self.got[k][part], self.right[k][part]
        ratio = _constant_ratio(got, right)
        if ratio is not None and abs(ratio + 1) < 1e-6:
            return f"Every value of {part} has the other sign."
        if ratio is not None:
            return f"Every value of {part} is {ratio:.3g} times what it must be."
        if got.T.shape == right.shape and got.ndim > 1 and self._close(got.T, right):
            return f"{part} is transposed: the right numbers, with rows and columns swapped."
        fine = [
            self.question.given(probe)
            for probe, g, r in zip(self.probes, self.got, self.right, strict=True)
            if self._close(g[part], r[part])
        ]
        if fine and not self.question.own:
            here = came_in(self.question.given(self.probes[k]))
            return (
                f"{part} is right with other sizes{came_in(fine[0])}. It is wrong with these{here}."
            )
        return f"{part} has the right shape, but not the right values."

    # simpler in one way

    def _simpler(self, part: str, k: int) -> str:
        """Is it right for one step of the sequence, or for one example of the batch?"""
        probe = self.probes[k]
        for axis, one, more in (
            ("time", "a sequence of one step", "look at what goes from one step to the next."),
            ("batch", "a batch of one", "look at what happens over the batch."),
        ):
            length = self._length(probe, axis)
            if length > 1 and self._right_on([self._first_of(probe, axis)], part):
                return f"right for {one} and wrong for {length}: {more}"
        return ""

    def _length(self, probe: Probe, axis: str) -> int:
        lengths = [
            np.shape(probe[name])[axes.index(axis)]
            for name, axes in self.question.input_axes.items()
            if axis in axes
        ]
        return int(lengths[0]) if lengths else 1

    def _first_of(self, probe: Probe, axis: str) -> Probe:
        cut = dict(probe)
        for name, axes in self.question.input_axes.items():
            if axis in axes:
                cut[name] = np.take(probe[name], [0], axis=axes.index(axis))
        return cut

    def _right_on(self, probes: Sequence[Probe], part: str) -> bool:
        for probe in probes:
            tried = self.answer.try_on(probe)
            if tried is None or not self._close(tried[0][part], tried[1][part]):
                return False
        return True

    # terms switched off

    def _term(self, part: str) -> str:
        """Switch the terms off one at a time: which one makes the difference?"""
        terms = self.question.terms.get(part, {})
        mine = {names: self.answer.named(names) for names in terms}
        for names, term in terms.items():
            if self._right_without([names], part):
                return (
                    f"{part} is right whenever {mine[names]} {are(names.split())} zero, and wrong "
                    f"when {'it is' if len(names.split()) == 1 else 'they are'} not: look at the "
                    f"term {term}."
                )
        if terms and not self._right_without(list(terms), part):
            return (
                f"The shape of {part} is right. But with every term zero it differs already: look "
                "at what happens to the sum, not at the sum."
            )
        others = {names: [other for other in terms if other != names] for names in terms}
        alone = [names for names in terms if not self._right_without(others[names], part)]
        if alone and len(alone) == len(terms) > 1:
            return (
                f"The shape of {part} is right. But every term, alone, gives a wrong value: look "
                "at what all of them go through."
            )
        if alone and len(terms) > 1:
            zeros = listed([mine[names] for names in others[alone[0]]])
            return (
                f"The shape of {part} is right. But with {zeros} zero it differs already: look at "
                f"the term {terms[alone[0]]}."
            )
        return ""

    def _right_without(self, groups: Sequence[str], part: str) -> bool:
        names = {name for group in groups for name in group.split()}
        return self._right_on([zeroed(probe, names) for probe in self.probes], part)


def zeroed(probe: Probe, names: set[str]) -> Probe:
    """The probe with these inputs, or these arrays of its weights, zero."""
    return {key: _zeroed(key, value, names) for key, value in probe.items()}


def _zeroed(key: str, value: Any, names: set[str]) -> Any:
    if isinstance(value, PARAMS):
        arrays: Mapping[str, Array] = dict(value.items())
        return type(value)(**{n: 0 * a if n in names else a for n, a in arrays.items()})
    return 0 * value if key in names else value


def _wrong_along_first(got: Array, right: Array, close: Any) -> Array:
    if right.ndim == 0:
        return np.array([True])
    return np.array([not close(g, r) for g, r in zip(got, right, strict=True)] or [True])


def _constant_ratio(got: Array, right: Array) -> float | None:
    """got / right, where it is one number other than 1 for every entry."""
    if got.dtype.kind != "f" or right.size < 2 or np.any(np.abs(right) < 1e-9):
        return None
    ratios = got / right
    ratio = float(np.median(ratios))
    constant = np.allclose(ratios, ratio, rtol=1e-6, atol=0) and abs(ratio) > 1e-9
    return ratio if constant else None


def _grouped(parts: list[str]) -> list[str]:
    """dW_o, dV_o, db_o as "all of gate o", when the three are there."""
    names: list[str] = []
    for part in parts:
        stem, _, gate = part.partition("_")
        three = [f"{letter}_{gate}" for letter in ("db", "dW", "dV")]
        if stem in ("db", "dW", "dV") and gate and all(name in parts for name in three):
            name = f"the gradients of gate {gate}"
        else:
            name = part
        if name not in names:
            names.append(name)
    return names
