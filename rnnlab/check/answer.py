"""An answer: call it on a probe, and read what comes back as the question's named parts."""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np

from rnnlab import calls
from rnnlab.calls import PARAMS, Other, Outcome, as_mapping
from rnnlab.check import truth
from rnnlab.check.truth import Parts
from rnnlab.check.words import are, came_in, counted, kind, listed, shapes
from rnnlab.params import Array
from rnnlab.questions import Probe, Question

# NumPy's own words speak of gufunc signatures and of 0-dimensional arrays
_MATMUL = r"matmul: Input operand .*\(size (\d+) is different from (\d+)\)"
_SCALAR = "can be converted to Python scalars"


@runtime_checkable
class Remote(Protocol):
    """An answer in another process: it is called there, and reports an Outcome."""

    def outcome(self, inputs: Mapping[str, Any]) -> Outcome: ...


class StopError(Exception):
    """A stage failed; its words are the difference, and say all if they are `clear`."""

    def __init__(self, words: str, clear: bool = True) -> None:
        super().__init__(words)
        self.clear = clear


class Answer:
    """A learner's answer to a question, with the time that its calls have left."""

    def __init__(self, question: Question, function: object) -> None:
        self.question = question
        self._function = function
        self._left = question.time_limit
        self._own_names: dict[str, str] = {}

    def call(self, probe: Probe) -> Outcome:
        """Call it with the probe's inputs; lost when the question's time is up."""
        inputs = self.question.given(probe)
        if isinstance(self._function, Remote):
            outcome = self._function.outcome(inputs)
        elif self._left <= 0:
            outcome = Outcome("lost", error=f"it took longer than {self.question.time_limit:.3g} s")
        else:
            begin = time.monotonic()
            outcome = calls.call(self._function, inputs, self._left)
            self._left -= time.monotonic() - begin
        if outcome.names:
            self._own_names = dict(zip(inputs, outcome.names, strict=False))
        return outcome

    def named(self, names: str) -> str:
        """Our names for inputs, space between, as the learner's own, listed."""
        return listed([self._own_names.get(name, name) for name in names.split()])

    # stage 1: can it be called?

    def check_called(self, probe: Probe, outcome: Outcome) -> None:
        """StopError when no call took place."""
        name = self.question.name
        arguments = list(self.question.given(probe))
        asked = f"{name}({', '.join(arguments)})"
        match outcome.kind:
            case "missing":
                reason = f" {outcome.error}" if outcome.error else ""
                raise StopError(f"There is no `{name}`: define the function {asked}.{reason}")
            case "uncallable":
                raise StopError(
                    f"`{name}` must be a function, {asked}; it is of type {outcome.error}."
                )
            case "arguments":
                count = counted(len(arguments), "argument")
                raise StopError(
                    f"`{name}` must take {count}, {asked}; yours takes {outcome.error}."
                )
            case "stub":
                raise StopError(f"`{name}` is still the empty stub.")
            case "lost":
                raise StopError(f"`{name}` gave no answer: {outcome.error}.")

    def check_returned(self, probe: Probe, outcome: Outcome, runs: Probe | None) -> None:
        """StopError when the call raised or returned None; on the probe `runs` it did not."""
        name = self.question.name
        if outcome.kind == "raised":
            error = re.sub(
                _MATMUL, r"these shapes cannot be multiplied: \2 meets \1", outcome.error
            )
            line = f" at your line `{outcome.line}`" if outcome.line else ""
            cure = ""
            if _SCALAR in error:
                cure = " (math's functions take one number; NumPy's take arrays)"
            came = came_in(self._on_line(outcome.line, probe))
            luck = self._luck(outcome.line, probe, runs)
            raise StopError(f"`{name}` raised {error}{cure}{line}{came}.{luck}")
        if outcome.value is None:
            if runs is not None:
                raise StopError(
                    f"`{name}` returns a value for one input and None for another: which way "
                    "through it ends without a return statement?"
                )
            how = "prints its result but returns None" if outcome.printed else "returns None"
            raise StopError(f"`{name}` {how}: end it with a return statement.")

    def _luck(self, line: str, probe: Probe, runs: Probe | None) -> str:
        """Words for an answer that raises at this line on one probe and runs on another."""
        if runs is None:
            return ""
        here, there = _sizes(self._inputs(probe)), _sizes(self._inputs(runs))
        if len(there) < len(here):
            ran = shapes(self._on_line(line, runs)) or shapes(self._inputs(runs))
            return (
                f" It runs with {ran}: equal sizes hide an axis in "
                "the wrong place. Look for a .T that is missing or too many, for two arrays "
                "exchanged, or for one size written where another belongs."
            )
        return f" It runs with other sizes{came_in(self._inputs(runs))}." if here != there else ""

    def _on_line(self, line: str, probe: Probe) -> dict[str, Any]:
        """The inputs that the learner's line names; all of them where it names none."""
        inputs = self._inputs(probe)
        named = {n: v for n, v in inputs.items() if re.search(rf"\b{re.escape(n)}\b", line)}
        return named or inputs

    def _inputs(self, probe: Probe) -> dict[str, Any]:
        given = self.question.given(probe)
        return {self._own_names.get(name, name): value for name, value in given.items()}

    # stage 2: type and shape

    def read(self, outcome: Outcome, probe: Probe) -> tuple[Parts, Parts]:
        """What is compared: what came back, and what is right. StopError for another form."""
        named = self.parts(outcome.value, probe)
        right = self._right(named, probe)
        for part, array in named.items():
            self._check_form(part, array, right[part], probe)
        return (
            truth.observed(self.question, named, probe),
            truth.observed(self.question, right, probe),
        )

    def observed(self, named: Parts, probe: Probe) -> Parts:
        """What is compared of these parts. StopError where one has more axes, or much longer ones,
        than all that are right: what NumPy makes of two such together may be gigabytes."""
        if self.question.observe is not None:
            right = self._right(named, probe).values()
            axes = max(array.ndim for array in right)
            length = 2 * max(n for array in right for n in (1, *array.shape))
            for part, array in named.items():
                if array.ndim > axes or any(n > length for n in array.shape):
                    raise StopError(
                        f"{part} has shape {array.shape}, of which nothing can be seen."
                    )
        return truth.observed(self.question, named, probe)

    def _right(self, named: Parts, probe: Probe) -> Parts:
        """The reference's parts; StopError when it cannot take what the learner chose."""
        try:
            return truth.parts(self.question, self.question.reference, probe, named)
        except (ValueError, TypeError, OverflowError) as error:
            if not self.question.own:
                raise
            for name in self.question.own:
                chosen = named[name]
                if chosen.dtype.kind not in "iu" or chosen.size > 1:
                    raise StopError(
                        f"Your {name} cannot be used: it must be a whole number, and is "
                        f"{_seen(chosen)}. What is asked for is {listed(self.question.returns)}, "
                        "in this order."
                    ) from None
            raise StopError(f"Your {listed(self.question.own)} cannot be used: {error}.") from None

    def try_on(self, probe: Probe) -> tuple[Parts, Parts] | None:
        """Its parts and the right ones on another probe; None where it gives none."""
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            outcome = self.call(probe)
            if outcome.kind != "returned" or outcome.value is None:
                return None
            try:
                return self.read(outcome, probe)
            except StopError:
                return None

    def parts(self, value: Any, probe: Probe) -> dict[str, Array]:
        """What came back, as named arrays; StopError where it is none."""
        named: dict[str, Array] = {}
        for name, part in zip(self.question.returns, self._values(value), strict=True):
            if name in self.question.axes:
                named[name] = self._array(name, part, probe)
            else:
                named |= self._weights(name, part, probe)
        return named

    def _values(self, value: Any) -> tuple[Any, ...]:
        names, name = self.question.returns, self.question.name
        short, wanted = {}, [n.removesuffix("_t") for n in names]
        if isinstance(value, Mapping):
            short = {str(key).removesuffix("_t"): v for key, v in value.items()}
            if set(short) == set(wanted):
                return tuple(short[n] for n in wanted)
        if len(names) == 1:
            return (value,)
        order = f"{listed(names)}, in this order"
        if isinstance(value, Mapping):
            yours = listed([str(key) for key in value])
            raise StopError(f"`{name}` must return {order}; yours names {yours}.")
        if not isinstance(value, (tuple, list)):
            raise StopError(f"`{name}` must return {order}; got {kind(value)}.")
        if len(value) > len(names):
            more = counted(len(value) - len(names), "value")
            raise StopError(
                f"`{name}` returns {len(value)} values, {more} more than asked for. Return only "
                f"{order}."
            )
        if len(value) < len(names):
            raise StopError(f"`{name}` must return {order}; got {counted(len(value), 'value')}.")
        return tuple(value)

    def _weights(self, name: str, value: Any, probe: Probe) -> dict[str, Array]:
        """A set of weights: one of `rnnlab.params`, or a dict with the names of its arrays."""
        right = truth.parts(self.question, self.question.reference, probe)
        wanted = truth.members(name, right)
        value = as_mapping(value)
        if not isinstance(value, Mapping):
            raise StopError(f"{name} must be a dict of {listed(wanted)}; got {kind(value)}.")
        given = {}
        for key, array in value.items():  # "W_f" or "dW_f"
            part = truth.part_name(name, str(key))
            given[part if part in wanted else str(key)] = array
        missing = [part for part in wanted if part not in given]
        if missing:
            keys = [f'"{key}"' for key in given]
            gradients = all(part.startswith("d") for part in missing)
            raise StopError(
                f"{name} lacks {listed(missing)}"
                f"{': a gradient has the key of its weight' if gradients else ''}. Yours has "
                f"{listed(keys) if keys else 'no keys'}."
            )
        more = [key for key in given if key not in wanted and given[key] is not None]
        if more:
            raise StopError(f"{name} must hold {listed(wanted)}; leave out {listed(more)}.")
        return {part: self._array(part, given[part], probe) for part in wanted}

    def _array(self, part: str, value: Any, probe: Probe) -> Array:
        if isinstance(value, Other) and value.module.partition(".")[0] == "torch":
            raise StopError(
                f"{part} is a torch tensor; asked for is a NumPy array: .numpy() makes one."
            )
        if value is None:
            raise StopError(f"{part} is None.")
        try:
            array = np.array(value if _fits_together(value) else None, subok=False)
        except ValueError:  # rows of unequal length
            raise StopError(
                f"{part} must be one array of numbers; its rows differ in length."
            ) from None
        if array.dtype.kind not in "fiub" and not isinstance(value, str):
            swapped = ""
            if isinstance(as_mapping(value), Mapping) and len(self.question.returns) > 1:
                swapped = " Did two of your results change places?"
            wanted = "one word" if self._is_word(part, probe) else "an array of real numbers"
            raise StopError(f"{part} must be {wanted}, got {kind(value)}.{swapped}")
        return array

    def _is_word(self, part: str, probe: Probe) -> bool:
        if self.question.own:  # these choose numbers, and the reference needs them
            return False
        right = truth.parts(self.question, self.question.reference, probe)
        return right[part].dtype.kind == "U"

    def _check_form(self, part: str, got: Array, right: Array, probe: Probe) -> None:
        if right.dtype.kind == "U":
            if got.dtype.kind != "U":
                raise StopError(f"{part} must be one word, got a number.")
            return
        if got.dtype.kind == "U":
            raise StopError(f"{part} must be an array of real numbers, got a str.")
        if got.shape != right.shape:
            axes = truth.axes(self.question, part)
            named = ", ".join(f"{a} {n}" for a, n in zip(axes, right.shape, strict=False))
            if not right.shape:
                named = "one number"
            raise StopError(
                f"{part} has shape {got.shape}, must be {right.shape}{named and f': {named}'}"
                f"{_shape_cause(got, right, axes)}{self._shape_of(got, probe)}"
                f"{came_in(self._inputs(probe))}."
            )
        if right.dtype.kind == "f" and got.dtype.kind in "iub" and self.question.observe is None:
            raise StopError(
                f"{part} is of dtype {got.dtype}, which cuts off fractions; use floats."
            )
        bad = ~np.isfinite(got.astype(float)) & np.isfinite(right.astype(float))
        if bad.any():
            raise StopError(f"{part} holds {'NaN' if np.isnan(got[bad]).any() else 'inf'}.")

    def _shape_of(self, got: Array, probe: Probe) -> str:
        """Which input has this shape, if one alone has it."""
        arrays: dict[str, Any] = {}
        for name, value in self._inputs(probe).items():
            arrays |= dict(value.items()) if isinstance(value, PARAMS) else {name: value}
        same = [n for n, a in arrays.items() if isinstance(a, np.ndarray) and a.shape == got.shape]
        return f"; {got.shape} is the shape of {same[0]}" if len(same) == 1 else ""

    # stage 3: purity

    def check_pure(self, outcomes: list[Outcome], right: bool) -> None:
        """StopError when a call changed its inputs."""
        changed = next((outcome.changed for outcome in outcomes if outcome.changed), ())
        if not changed:
            return
        own = [self._own_names.get(name, name) for name in changed]
        what = self.question.returns[0] if len(self.question.returns) == 1 else "result"
        fine = f"Your {what} is right, but " if right else ""
        raise StopError(
            f"{fine}{listed(own)} {are(own)} not what came in: the function changes its input in "
            "place. Make a new array instead of writing into the caller's."
        )


def _fits_together(value: Any) -> bool:
    """Whether a list is as bounded when NumPy makes one array of it, where all is as wide as the
    widest: of one text among numbers, or one complex number among bytes, it may be gigabytes."""
    if not isinstance(value, (list, tuple)):
        return True
    count = 0
    for leaf in _leaves(value):
        count += getattr(leaf, "size", 1)
        if isinstance(leaf, str) or count * np.dtype(complex).itemsize > calls.MAX_BYTES:
            return False
    return True


def _leaves(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from _leaves(value)
        else:
            yield value


def _sizes(inputs: Mapping[str, Any]) -> set[int]:
    """The lengths of all axes that come in."""
    arrays = [a for v in inputs.values() for a in _arrays(v)]
    return {n for a in arrays for n in a.shape}


def _arrays(value: Any) -> list[Array]:
    if isinstance(value, PARAMS):
        return [array for _, array in value.items()]
    return [value] if isinstance(value, np.ndarray) else []


def _shape_cause(got: Array, right: Array, axes: tuple[str, ...]) -> str:
    if got.ndim > 1 and got.T.shape == right.shape:
        return "; it looks transposed"
    if got.squeeze().shape == right.squeeze().shape:
        return "; an axis of length 1 too many or too few"
    if got.ndim == right.ndim == 3 and (got.shape[1], got.shape[0], got.shape[2]) == right.shape:
        return "; the first two axes look swapped"
    if got.ndim == right.ndim + 1 and got.shape[1:] == right.shape and axes == ("unit",):
        return "; one bias serves every example of the batch"
    if got.shape == right.shape[1:]:
        return "; the first axis is missing"
    for k, axis in enumerate(axes):
        if got.shape == right.shape[:k] + right.shape[k + 1 :]:
            return f"; the {axis} axis is missing"
    for k, length in enumerate(got.shape):
        if got.shape[:k] + got.shape[k + 1 :] == right.shape:
            return f"; an axis of length {length} too many"
    return ""


def _seen(array: Array) -> str:
    """A single value as one reads it, of more values their shape."""
    if array.size != 1:
        return f"of shape {array.shape}"
    value = array.item()
    return f"{value:.4g}" if isinstance(value, float) else repr(value)
