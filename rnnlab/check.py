"""Judge an answer: what differs first, in data-flow order, and which wrong idea explains it.

`judge` returns a Verdict and never prints; `check` shows it in the notebook. The stages, each with
its own words: can it be called, is the shape right, are the inputs untouched, where do the values
differ first, does a known misconception compute the same on every probe. Never the solution.
"""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from rnnlab import calls
from rnnlab.calls import Other, Outcome
from rnnlab.params import Array
from rnnlab.questions import Probe, Question, question

LADDER = (
    "I do not recognise the mistake. Climb down: print the shapes; then one example, one step, "
    "one unit, a zero state; compare each term with the equation."
)

# NumPy's own words speak of gufunc signatures and of 0-dimensional arrays
_MATMUL = r"matmul: Input operand .*\(size (\d+) is different from (\d+)\)"
_SCALAR = "can be converted to Python scalars"


@dataclass(frozen=True)
class Verdict:
    """The result of one question.

    difference     "" when passed; else what is right and what differs first
    misconception  the name of the wrong idea that computes the same, or None
    hint           the sentence that leads on; None when passed
    """

    passed: bool
    difference: str = ""
    misconception: str | None = None
    hint: str | None = None


@runtime_checkable
class Remote(Protocol):
    """An answer in another process: it is called there, and reports an Outcome."""

    def outcome(self, inputs: Mapping[str, Any]) -> Outcome: ...


class NotYet(AssertionError):
    """The answer is not right yet. In a notebook it shows its words and no traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


def judge(question_id: str, answer: object, seed: int | None = None) -> Verdict:
    """Judge `answer`, a function (or a Remote that stands for one), on the question's probes.

    The same seed gives the same probes; without one they are new at every call. Raises
    ValueError for an unknown question.
    """
    return _Judgement(question(question_id), answer, seed).verdict()


def check(question_id: str, answer: object, hint: int | None = None) -> None:
    """Judge `answer` and show the verdict; AssertionError when it did not pass.

    hint=1, 2 or 3 shows that much more help: where to look, what the equation says, the line in
    words. Raises ValueError for an unknown question or hint.
    """
    asked = question(question_id)
    if hint not in (None, 1, 2, 3):
        raise ValueError(f"check: hint must be 1, 2 or 3, got {hint!r}")
    judgement = _Judgement(asked, answer, None)
    verdict = judgement.verdict()
    sys.stdout.write(judgement.printed)
    points = f"{asked.points} point{'s' if asked.points > 1 else ''}"
    if verdict.passed:
        _show(f"{asked.id}: passed, {points}.", [], good=True)
        return
    words = [verdict.difference, verdict.hint or ""]
    if hint is not None:
        words += [
            f"Hint {k + 1}: {asked.hints[k]}" for k in range(hint) if asked.hints[k] not in words
        ]
    words = [word for word in words if word]
    if _show(f"{asked.id}: not yet.", words, good=False):
        raise NotYet(f"{asked.id} is not right yet; the words above say what differs first.")
    raise NotYet("\n".join([f"{asked.id} is not right yet.", *words]))


class _Stop(Exception):
    """A stage failed; its words are the difference, and say all if they are `clear`."""

    def __init__(self, words: str, clear: bool = True) -> None:
        super().__init__(words)
        self.clear = clear


class _Judgement:
    """One answer on its way through the stages."""

    def __init__(self, asked: Question, answer: object, seed: int | None) -> None:
        self.question = asked
        self.answer = answer
        self.probes = list(asked.inputs(np.random.default_rng(seed)))
        self.printed = ""

    def verdict(self) -> Verdict:
        outcomes = []
        try:
            for probe in self.probes:
                outcomes.append(self._call(probe))
                self._callable(outcomes[-1])
            self.printed = outcomes[0].printed
            for probe, outcome in zip(self.probes, outcomes, strict=True):
                self._returned(probe, outcome)
            observed = [self._read(p, o) for p, o in zip(self.probes, outcomes, strict=True)]
            self._pure(outcomes, observed)
            self._values(observed)
        except _Stop as stop:
            name, hint = self._diagnosis(outcomes)
            if name is None and not hint and not stop.clear:
                hint = LADDER
            return Verdict(False, str(stop), name, hint)
        return Verdict(True)

    # stage 1: can it be called?

    def _call(self, probe: Probe) -> Outcome:
        inputs = self.question.given(probe)
        if isinstance(self.answer, Remote):
            return self.answer.outcome(inputs)
        return calls.call(self.answer, inputs)

    def _callable(self, outcome: Outcome) -> None:
        name = self.question.name
        arguments = list(self.question.given(self.probes[0]))
        asked = f"{name}({', '.join(arguments)})"
        match outcome.kind:
            case "missing":
                reason = f" {outcome.error}" if outcome.error else ""
                raise _Stop(f"There is no `{name}`: define the function {asked}.{reason}")
            case "uncallable":
                raise _Stop(f"`{name}` must be a function, {asked}; it is of type {outcome.error}.")
            case "arguments":
                raise _Stop(
                    f"`{name}` must take {_count(arguments)}, {asked}; yours takes {outcome.error}."
                )
            case "stub":
                raise _Stop(f"`{name}` is still the empty stub.")
            case "lost":
                raise _Stop(f"`{name}` gave no answer: {outcome.error}.")

    def _returned(self, probe: Probe, outcome: Outcome) -> None:
        name = self.question.name
        if outcome.kind == "raised":
            error = re.sub(
                _MATMUL, r"these shapes cannot be multiplied (\1 is not \2)", outcome.error
            )
            line = f" at your line `{outcome.line}`" if outcome.line else ""
            came = _came_in(self.question.given(probe))
            cure = (
                " (math's functions take one number; NumPy's take arrays)"
                if _SCALAR in error
                else ""
            )
            raise _Stop(f"`{name}` raised {error}{cure}{line}{came}.{self._other_sizes(probe)}")
        if outcome.value is None:
            how = "prints its result but returns None" if outcome.printed else "returns None"
            raise _Stop(f"`{name}` {how}: end it with a return statement.")

    def _other_sizes(self, probe: Probe) -> str:
        """Does it run where two sizes happen to be equal?"""
        runs = [p for p in self.probes if self._call(p).kind == "returned"]
        if not runs:
            return ""
        return f" It runs with other sizes{_came_in(self.question.given(runs[0]))}."

    # stage 2: type and shape

    def _read(self, probe: Probe, outcome: Outcome) -> Mapping[str, Array]:
        expected = self._expected_value(self.question.reference, probe)
        got = self._parts(outcome.value)
        for part, array in got.items():
            self._check_form(part, array, np.asarray(expected[part]), probe)
        if self.question.observe is None:
            return got
        return self.question.observe(tuple(got.values()), probe)

    def _expected_value(self, function: Callable[..., Any], probe: Probe) -> Mapping[str, Array]:
        value = function(*self.question.given(probe).values())
        values = (value,) if len(self.question.returns) == 1 else tuple(value)
        return dict(zip(self.question.returns, values, strict=True))

    def _parts(self, value: Any) -> dict[str, Array]:
        names, name = self.question.returns, self.question.name
        if len(names) == 1:
            values: tuple[Any, ...] = (value,)
        elif isinstance(value, Mapping):
            if set(value) != set(names):
                raise _Stop(f"`{name}` must return {', '.join(names)}, got keys {list(value)}.")
            values = tuple(value[n] for n in names)
        elif isinstance(value, (tuple, list)) and len(value) == len(names):
            values = tuple(value)
        else:
            got = f"{len(value)} values" if isinstance(value, (tuple, list)) else _kind(value)
            raise _Stop(f"`{name}` must return {', '.join(names)}, in this order; got {got}.")
        return {n: self._array(n, v) for n, v in zip(names, values, strict=True)}

    def _array(self, part: str, value: Any) -> Array:
        if isinstance(value, Other) and value.module.partition(".")[0] == "torch":
            raise _Stop(
                f"{part} is a torch tensor; asked for is a NumPy array: .numpy() makes one."
            )
        if value is None:
            raise _Stop(f"{part} is None.")
        try:
            array = np.array(value, subok=False)
        except ValueError:  # rows of unequal length
            raise _Stop(
                f"{part} must be one array of numbers; its rows differ in length."
            ) from None
        if array.dtype.kind not in "fiub":
            raise _Stop(f"{part} must be an array of real numbers, got {_kind(value)}.")
        return array

    def _check_form(self, part: str, got: Array, expected: Array, probe: Probe) -> None:
        axes = self.question.axes[part]
        if got.shape != expected.shape:
            named = ", ".join(f"{a} {n}" for a, n in zip(axes, expected.shape, strict=True))
            raise _Stop(
                f"{part} has shape {got.shape}, must be {expected.shape}: {named or 'one number'}"
                f"{_shape_cause(got, expected)}{_came_in(self.question.given(probe))}."
            )
        if got.dtype.kind in "iub" and self.question.observe is None:
            raise _Stop(f"{part} is of dtype {got.dtype}, which cuts off fractions; use floats.")
        bad = ~np.isfinite(got.astype(float)) & np.isfinite(expected.astype(float))
        if bad.any():
            raise _Stop(f"{part} holds {'NaN' if np.isnan(got[bad]).any() else 'inf'}.")

    # stage 3: purity

    def _pure(self, outcomes: list[Outcome], observed: list[Mapping[str, Array]]) -> None:
        changed = next((outcome.changed for outcome in outcomes if outcome.changed), ())
        if not changed:
            return
        right = next(self._wrong_parts(observed), None) is None
        fine = f"Your {self.question.returns[-1]} is right, but " if right else ""
        names = " and ".join(changed)
        was = "is" if len(changed) == 1 else "are"
        raise _Stop(
            f"{fine}{names} {was} not what came in: the function changes its input in place. "
            "Make a new array instead of writing into the caller's."
        )

    # stage 4: values, where do they differ first?

    def _values(self, observed: list[Mapping[str, Array]]) -> None:
        wrong = next(self._wrong_parts(observed), None)
        if wrong is None:
            return
        part, k = wrong
        if self.question.complaints:
            raise _Stop(self.question.complaints[part])
        before = self.question.returns[: self.question.returns.index(part)]
        right = f"{' and '.join(before)} {'is' if len(before) == 1 else 'are'} right. "
        words = (right if before else "") + self._where(part, k, observed[k][part])
        raise _Stop(words, clear=False)

    def _wrong_parts(self, observed: list[Mapping[str, Array]]) -> Iterator[tuple[str, int]]:
        """Each part that differs, in data-flow order, with the first probe that shows it."""
        expected = [self._observe_right(probe) for probe in self.probes]
        for part in expected[0]:
            for k, right in enumerate(expected):
                if not self._close(observed[k][part], right[part]):
                    yield part, k
                    break

    def _observe_right(self, probe: Probe) -> Mapping[str, Array]:
        return self._observe_function(self.question.reference, probe)

    def _observe_function(self, function: Callable[..., Any], probe: Probe) -> Mapping[str, Array]:
        parts = {k: np.asarray(v) for k, v in self._expected_value(function, probe).items()}
        observe = self.question.observe
        return parts if observe is None else observe(tuple(parts.values()), probe)

    def _close(self, a: Array, b: Array) -> bool:
        if a.shape != b.shape:
            return False
        finite = b[np.isfinite(b)]
        scale = max(1.0, float(np.abs(finite).max(initial=0.0)))
        # who computes in float32 has seven digits
        allowed = max(self.question.tolerance, 1e-5 if a.dtype == np.float32 else 0.0)
        return bool(np.allclose(a, b, rtol=0, atol=allowed * scale))

    def _where(self, part: str, k: int, got: Array) -> str:
        right = self._observe_right(self.probes[k])[part]
        axes = self.question.axes[part]
        wrong = np.array([not self._close(g, r) for g, r in zip(got, right, strict=True)] or [True])
        if axes[:1] == ("time",) and not wrong[0]:
            return f"{part} is right at t = 0 and wrong from t = {int(wrong.argmax())} on."
        if axes[:1] == ("time",):
            return f"{part} is wrong already at t = 0: what goes into the first step?"
        if axes[:1] == ("batch",) and len(wrong) > 1 and not wrong[0] and wrong[1:].all():
            return f"{part} is right for the first example of the batch only."
        return self._which_term(part) or f"{part} has the right shape, but not the right values."

    def _which_term(self, part: str) -> str:
        """Switch the terms off one at a time: which one makes the difference?"""
        terms = self.question.terms or {}
        for name, term in terms.items():
            if self._right_without([name], part):
                return (
                    f"{part} is right whenever {name} is zero, and wrong when it is not: look at "
                    f"the term {term}."
                )
        if terms and not self._right_without(list(terms), part):
            return (
                f"The shape of {part} is right. But with every term zero it differs already: look "
                "at what happens to the sum, not at the sum."
            )
        others = {name: [other for other in terms if other != name] for name in terms}
        alone = [name for name in terms if not self._right_without(others[name], part)]
        if alone and len(alone) == len(terms):
            return (
                f"The shape of {part} is right. But every term, alone, gives a wrong value: look "
                "at what all of them go through."
            )
        if alone:
            return (
                f"The shape of {part} is right. But with {' and '.join(others[alone[0]])} zero it "
                f"differs already: look at the term {terms[alone[0]]}."
            )
        return ""

    def _right_without(self, names: list[str], part: str) -> bool:
        for probe in self.probes:
            probe = {k: np.zeros_like(v) if k in names else v for k, v in probe.items()}
            outcome = self._call(probe)
            if outcome.kind != "returned":
                return False
            try:
                got = self._parts(outcome.value)
            except _Stop:
                return False
            if not self._close(got[part], self._observe_right(probe)[part]):
                return False
        return True

    # stage 5: diagnosis

    def _diagnosis(self, outcomes: list[Outcome]) -> tuple[str | None, str]:
        """The misconception that does the same on every probe, with its hint; else help."""
        last = outcomes[-1]
        if last.kind in ("stub", "missing", "uncallable", "arguments", "lost"):
            return None, self.question.hints[0] if last.kind == "stub" else ""
        for misconception in self.question.misconceptions:
            if all(
                self._same(misconception.wrong, probe, outcome)
                for probe, outcome in zip(self.probes, outcomes, strict=True)
            ):
                return misconception.name, misconception.hint
        return None, ""

    def _same(self, wrong: Callable[..., Any], probe: Probe, outcome: Outcome) -> bool:
        try:
            with np.errstate(all="ignore"):
                there = self._observe_function(wrong, probe)
        except ValueError:  # the shapes do not fit: then the answer must fail there too
            return outcome.kind == "raised"
        if outcome.kind != "returned":
            return False
        try:
            got: Mapping[str, Array] = self._parts(outcome.value)
            if self.question.observe is not None:
                got = self.question.observe(tuple(got.values()), probe)
        except (_Stop, ValueError):
            return False
        return all(self._close(got[part], there[part]) for part in there)


def _count(arguments: list[str]) -> str:
    return f"{len(arguments)} argument{'s' if len(arguments) != 1 else ''}"


def _kind(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype}"
    return value.words if isinstance(value, Other) else f"a {type(value).__name__}"


def _came_in(inputs: Mapping[str, Any]) -> str:
    shapes = [f"{name} {v.shape}" for name, v in inputs.items() if isinstance(v, np.ndarray)]
    return f"; in came {', '.join(shapes)}" if shapes else ""


def _shape_cause(got: Array, expected: Array) -> str:
    if got.ndim > 1 and got.T.shape == expected.shape:
        return "; it looks transposed"
    if got.squeeze().shape == expected.squeeze().shape:
        return "; an axis of length 1 too many or too few"
    if got.shape == expected.shape[1:]:
        return "; the first axis is missing"
    return ""


def _show(head: str, words: list[str], good: bool) -> bool:
    """Show a verdict in a notebook as a small block; elsewhere print a pass. True if displayed."""
    shell = sys.modules.get("IPython")
    if shell is None or shell.get_ipython() is None:
        if good:
            print(head)
        return False
    colour = "var(--jp-success-color1, #1a7f37)" if good else "var(--jp-warn-color1, #b35900)"
    mark = "✓" if good else "→"
    body = "".join(f"<p style='margin:.3em 0 0'>{html.escape(word)}</p>" for word in words)
    block = (
        f"<div role='status' style='border-left:4px solid {colour};padding:.4em .8em;"
        f"max-width:70ch'><strong>{mark} {html.escape(head)}</strong>{body}</div>"
    )
    plain = "\n".join([f"{mark} {head}", *words])
    shell.display.display({"text/html": block, "text/plain": plain}, raw=True)
    return True
