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

NOT_THE_VALUES = "not the right values"


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

    def difference(self, known: bool = False) -> str:
        """What is right, what differs first and where; some part differs.

        known: the mistake is known, and its hint says more than a search around the terms.
        """
        part = min(self.wrong, key=self._first_step)
        k = self.wrong[part]
        if self.question.complaints:
            return self.question.complaints[part]
        other = self.other_order()
        if other:
            return other
        still = [p for p in self.wrong if self._first_step(p) > self._first_step(part) == 0]
        if still:
            return f"At t = 0 {listed(still)} {are(still)} right, but {part} is not."
        return f"{self._what_is_right(part)}{self._where(part, k, known)}"

    def _first_step(self, part: str) -> int:
        """The step at which a part of a forward pass is wrong first; 0 where it has no steps."""
        if self.question.gradients or truth.axes(self.question, part)[:1] != ("time",):
            return 0
        k = self.wrong[part]
        return int(self._wrong_along_first(self.got[k][part], self.right[k][part]).argmax())

    def _close(self, a: Array, b: Array) -> bool:
        return truth.close(self.question, a, b)

    def _wrong_along_first(self, got: Array, right: Array) -> Array:
        """For each entry of the first axis, such as a step: does it differ?"""
        if right.ndim == 0:
            return np.array([True])
        pairs = zip(got, right, strict=True)
        return np.array([not self._close(g, r) for g, r in pairs] or [True])

    def _what_is_right(self, first: str) -> str:
        parts = list(self.right[0])
        if self.question.gradients:
            right = [part for part in parts if part not in self.wrong]
        else:
            right = [part for part in parts[: parts.index(first)] if part not in self.wrong]
        if not right:
            return ""
        names = listed(_grouped(right))
        if names.startswith("the "):
            names = f"T{names[1:]}"
        return f"{names} {'are' if len(right) > 1 else 'is'} right. "

    def other_order(self) -> str:
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
            f"Every value is right, but they come back as {', '.join(taken)}; please return "
            f"{', '.join(names)}, in this order."
        )

    def _where(self, part: str, k: int, known: bool) -> str:
        got, right = self.got[k][part], self.right[k][part]
        axes = truth.axes(self.question, part)
        wrong = self._wrong_along_first(got, right)
        if axes[:1] == ("time",) and len(wrong) > 1 and not wrong[1:].any():
            return f"{part} is wrong at t = 0 only: which state comes before the first step?"
        if axes[:1] == ("time",) and self.question.gradients and not wrong[-1]:
            last = int(np.flatnonzero(wrong)[-1])
            return (
                f"{part} is right at the last step, and wrong from t = {last} back to the first: "
                "what does a step send to the one before it?"
            )
        if axes[:1] == ("time",) and not wrong[0]:
            return f"{part} is right at t = 0 and wrong from t = {int(wrong.argmax())} on."
        if axes[:1] == ("batch",) and len(wrong) > 1 and not wrong[0] and wrong[1:].all():
            return f"{part} is right for the first example of the batch only."
        first = f"{part} is the first to differ" if len(self.right[0]) > 1 else ""
        if self.question.gradients:
            error = np.abs(got - right).max() / max(np.abs(right).max(), 1e-300)
            first = f"{part} differs (relative error {error:.2g} on this check's numbers)"
        cut = self._simpler(part, k)
        if cut:
            return f"{first}; it is {cut}" if first else f"{part} is {cut}"
        whole = self._whole(part)
        if whole:
            return f"{first}. {whole}".removeprefix(". ")
        term = self._switched_off(part) or self._no_say(part, k)
        if known and first and not term and not self.question.gradients:
            return f"{first}."
        term = term or self._alone(part)
        if term:
            return f"{first}. {term}" if first else term
        if axes[:1] == ("time",) and self.question.gradients:
            return (
                f"{first} already at the last step, where nothing has come back yet: look at what "
                "a step is given and what it does with it."
            )
        if axes[:1] == ("time",):
            return (
                f"{part} is wrong from t = 0 on: do the first step by hand. (An index t - 1 is -1 "
                "there, which is the last row.)"
            )
        return f"{first}. {self._pattern(part, k)}".removeprefix(". ")

    # what all values of a part have in common

    def _whole(self, part: str) -> str:
        """Words that describe every value of the part on every probe, or ""."""
        got, right = [g[part] for g in self.got], [r[part] for r in self.right]

        def all_close(others: Sequence[Array | None]) -> bool:
            return all(
                other is not None and self._close(g, other)
                for g, other in zip(got, others, strict=True)
            )

        for name in self.question.given(self.probes[0]):
            given = [probe[name] for probe in self.probes]
            if all(isinstance(a, np.ndarray) for a in given) and all_close(given):
                return f"What comes back as {part} is {self.answer.named(name)}, as it came in."
        for other in self.right[0]:
            if all_close([r[other] for r in self.right]):
                return f"What comes back as {part} is {other}."
        if not any(g.any() for g in got):
            return f"Every value of {part} is zero."
        if all(g.ndim > 1 and g.T.shape == r.shape for g, r in zip(got, right, strict=True)):
            if all_close([r.T for r in right]):
                return f"{part} is transposed: the right numbers, with rows and columns swapped."
        return self._times(part, got, right) or self._apart(part, got, right)

    def _times(self, part: str, got: Sequence[Array], right: Sequence[Array]) -> str:
        ratios = [_constant(g / r) for g, r in zip(got, right, strict=True) if np.all(r)]
        known = [ratio for ratio in ratios if ratio is not None]
        if len(known) < len(got) or not np.allclose(known, known[0], rtol=1e-6, atol=0):
            return ""
        if abs(known[0] + 1) < 1e-6:
            return f"Every value of {part} has the other sign."
        return f"Every value of {part} is {known[0]:.3g} times what it must be."

    def _apart(self, part: str, got: Sequence[Array], right: Sequence[Array]) -> str:
        gaps = [_constant(g - r) for g, r in zip(got, right, strict=True) if g.dtype.kind == "f"]
        known = [gap for gap in gaps if gap is not None]
        if len(known) == len(got) and np.allclose(known, known[0], rtol=1e-6, atol=0):
            return f"Every value of {part} is off by the same amount: what is added, or left out?"
        return ""

    def _pattern(self, part: str, k: int) -> str:
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
        return f"{part} has the right shape, but {self._tendency(part)}."

    def _tendency(self, part: str) -> str:
        pairs = [(g[part], r[part]) for g, r in zip(self.got, self.right, strict=True)]
        if pairs[0][1].dtype.kind == "f":
            for sign, word in ((1, "negative"), (-1, "positive")):
                if all(np.all(sign * r > 0) and np.all(sign * g < 0) for g, r in pairs):
                    return f"every value is {word}, where none should be"
            for g_above, word in ((False, "small"), (True, "large")):
                if all(
                    np.all(g * r >= 0)
                    and np.all(np.abs(g) > np.abs(r) if g_above else np.abs(g) < np.abs(r))
                    for g, r in pairs
                ):
                    return f"every value is too {word} in size (its sign aside)"
        return NOT_THE_VALUES

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
                if axis == "time" and self._wrong_at_once(part, k):
                    return (
                        f"right for {one}; of {length} steps the first is wrong already: which "
                        "step comes first, and what does each hand on?"
                    )
                return f"right for {one} and wrong for {length}: {more}"
        return ""

    def _wrong_at_once(self, part: str, k: int) -> bool:
        """Is a part of a forward pass wrong from its first step on?"""
        steps = truth.axes(self.question, part)[:1] == ("time",) and not self.question.gradients
        return steps and bool(self._wrong_along_first(self.got[k][part], self.right[k][part])[0])

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

    def _switched_off(self, part: str) -> str:
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
        for names, term in terms.items():
            if self.answer.try_on(zeroed(self.probes[0], set(names.split()))) is None:
                return (
                    f"With {mine[names]} zero, no finite {part} comes back: look at the term "
                    f"{term}."
                )
        return ""

    def _no_say(self, part: str, k: int) -> str:
        """Which inputs should have a say in the part, and have none?"""
        terms = self.question.terms.get(part, {})
        given = self.question.given(self.probes[k])
        groups = {names: term for names, term in terms.items() if names not in given}
        groups |= {name: terms.get(name, "") for name in given if _is_state(given[name])}
        silent = []
        for names in groups:
            tried = self.answer.try_on(zeroed(self.probes[k], set(names.split())))
            if (
                tried is not None
                and self._close(tried[0][part], self.got[k][part])
                and not self._close(tried[1][part], self.right[k][part])
            ):
                silent.append(names)
        if not silent:
            return ""
        mine = self.answer.named(" ".join(silent))
        one = len(silent[0].split()) == len(silent) == 1
        where = f": look at the term {groups[silent[0]]}" if len(silent) == 1 else ""
        if not groups[silent[0]]:
            where = f", though {'it' if one else 'they'} should"
        return f"{mine} {'changes' if one else 'change'} nothing in {part}{where}."

    def _alone(self, part: str) -> str:
        """With one term at a time, or with none: is it right?"""
        terms = self.question.terms.get(part, {})
        mine = {names: self.answer.named(names) for names in terms}
        if terms and not self._right_without(list(terms), part):
            for name in self._more_inputs(terms):
                if self._right_without([*terms, name], part):
                    mine_too = self.answer.named(name)
                    return (
                        f"The shape of {part} is right. But {mine_too} has a say in it even when "
                        f"{listed(list(mine.values()))} {'are' if len(mine) > 1 else 'is'} zero: "
                        f"look at how {mine_too} goes in."
                    )
            return (
                f"The shape of {part} is right. But with every term zero it differs already: look "
                "at what happens to the sum afterwards, at the function around it, and at any "
                "number that stands in it alone."
            )
        others = {names: [other for other in terms if other != names] for names in terms}
        alone = [names for names in terms if not self._right_without(others[names], part)]
        if alone and len(alone) == len(terms) > 1:
            return (
                f"The shape of {part} is right. But every term, alone, gives a wrong value: look "
                "at each of them, and at what all of them go through."
            )
        if alone and len(terms) > 1:
            zeros = listed([mine[names] for names in others[alone[0]]])
            return (
                f"The shape of {part} is right. But with {zeros} zero it differs already: look at "
                f"the term {terms[alone[0]]}, and at what it goes through."
            )
        return ""

    def _more_inputs(self, terms: Mapping[str, str]) -> list[str]:
        switched = {name for names in terms for name in names.split()}
        given = self.question.given(self.probes[0])
        return [name for name, value in given.items() if _is_state(value) and name not in switched]

    def _right_without(self, groups: Sequence[str], part: str) -> bool:
        names = {name for group in groups for name in group.split()}
        return self._right_on([zeroed(probe, names) for probe in self.probes], part)


def _is_state(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def zeroed(probe: Probe, names: set[str]) -> Probe:
    """The probe with these inputs, or these arrays of its weights, zero."""
    return {key: _zeroed(key, value, names) for key, value in probe.items()}


def _zeroed(key: str, value: Any, names: set[str]) -> Any:
    if isinstance(value, PARAMS):
        arrays: Mapping[str, Array] = dict(value.items())
        return type(value)(**{n: 0 * a if n in names else a for n, a in arrays.items()})
    return 0 * value if key in names else value


def _constant(values: Array) -> float | None:
    """The one number that all entries are, of two entries or more."""
    if values.dtype.kind != "f" or values.size < 2:
        return None
    middle = float(np.median(values))
    constant = np.allclose(values, middle, rtol=1e-6, atol=0) and abs(middle) > 1e-9
    return middle if constant else None


def _grouped(parts: list[str]) -> list[str]:
    """dW_o, dV_o, db_o as "the gradients by the weights of o"; those of several gates together."""
    stems = ("db", "dW", "dV")
    gates = {stem: [p[3:] for p in parts if p.startswith(f"{stem}_")] for stem in stems}
    whole = [gate for gate in gates["db"] if gate in gates["dW"] and gate in gates["dV"]]
    if not whole:
        return parts
    together = f"the gradients by the weights of {listed(whole)}"
    names: list[str] = []
    for part in parts:
        stem, _, gate = part.partition("_")
        name = together if stem in stems and gate in whole else part
        if name not in names:
            names.append(name)
    return names
