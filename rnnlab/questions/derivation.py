"""A function as its lines, so that a wrong idea is a line put in another's place.

The reference of a question and every mistake made in it are then one derivation and its variants:

    GATE = Derivation(
        ("x_t", "h_prev", "W_f", "V_f", "b_f"),
        {
            "a_f": lambda s: s.x_t @ s.W_f.T + s.h_prev @ s.V_f.T + s.b_f,
            "f_t": lambda s: sigmoid(s.a_f),
        },
        returns=("f_t",),
    )
    no_bias = GATE.but(a_f=lambda s: s.x_t @ s.W_f.T + s.h_prev @ s.V_f.T)
    both = no_bias.and_also(GATE.but(f_t=lambda s: np.tanh(s.a_f)))

A `Mistake` is such a change that does not know its function yet; `made_in` makes it in one.
`Recurrence` puts the lines of one step to work at every step of a sequence, forwards or backwards
in time; a mistake in the step is the same change of the same line there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from rnnlab.questions import Misconception

Line = Callable[[Any], Any]


@dataclass(frozen=True)
class Mistake:
    """A wrong idea as the lines that it puts in the place of the right ones of these names."""

    name: str
    hint: str
    lines: Mapping[str, Line]


def made_in(derivation: Derivation, mistakes: Iterable[Mistake]) -> tuple[Misconception, ...]:
    """The misconceptions that follow: each mistake made in a function that has all its lines."""
    return tuple(
        Misconception(mistake.name, mistake.hint, derivation.but(**mistake.lines))
        for mistake in mistakes
        if set(mistake.lines) <= set(derivation.lines)
    )


class Scope:
    """What the lines have computed so far, by name."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)

    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__[name] = value

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"no line has computed {name} yet")


class Derivation:
    """A function of `arguments`: runs its lines in order, then returns the named results.

    Each line is a function of the scope, which holds the arguments and what earlier lines gave.
    One name in `returns` gives the bare value, several give a tuple.
    """

    def __init__(
        self, arguments: tuple[str, ...], lines: Mapping[str, Line], *, returns: tuple[str, ...]
    ) -> None:
        self.arguments = arguments
        self.lines = dict(lines)
        self.returns = returns
        self.changed: frozenset[str] = frozenset()

    def __call__(self, *values: Any) -> Any:
        s = self._scope(values)
        for name, line in self.lines.items():
            setattr(s, name, line(s))
        return self._returned(s)

    def but(self, **lines: Line) -> Self:
        """The same with other lines in the place of those of these names; KeyError if none is."""
        unknown = set(lines) - set(self.lines)
        if unknown:
            raise KeyError(f"no line is called {', '.join(sorted(unknown))}")
        variant = self._copy()
        variant.lines = {**self.lines, **lines}
        variant.changed = self.changed | set(lines)
        return variant

    def and_also(self, other: Derivation) -> Self | None:
        """Both variants' changes at once; None when they change the same line."""
        if self.changed & other.changed:
            return None
        return self.but(**{name: other.lines[name] for name in other.changed})

    def _copy(self) -> Self:
        variant = object.__new__(type(self))
        variant.__dict__.update(self.__dict__)
        return variant

    def _scope(self, values: tuple[Any, ...]) -> Scope:
        return Scope(**dict(zip(self.arguments, values, strict=True)))

    def _returned(self, s: Scope) -> Any:
        values = tuple(getattr(s, name) for name in self.returns)
        return values[0] if len(values) == 1 else values


class Recurrence(Derivation):
    """The lines of one step, at every step of a sequence.

    first     lines that run once, before the first step; what they name is there for every step
    step      the lines of a step; s.t is the step's number
    carry     after each step: the line gives the value that its name has in the next step
    collect   after the last step: a line takes the scope, in which s.all("f_t") is the list of a
              step line's values in the order of time, and s.sum("dW_t") their sum
    backward  the steps run from the last to the first

    The number of steps is the length of the first argument. `but` replaces lines of any of the
    four kinds by their names, which must all differ (a carry line bears the name of a first line:
    there the name is "next_" + name).
    """

    def __init__(
        self,
        arguments: tuple[str, ...],
        *,
        first: Mapping[str, Line],
        step: Mapping[str, Line],
        carry: Mapping[str, Line],
        collect: Mapping[str, Line],
        returns: tuple[str, ...],
        backward: bool = False,
    ) -> None:
        nexts = {f"next_{name}": line for name, line in carry.items()}
        kinds = (dict(first), dict(step), nexts, dict(collect))
        super().__init__(
            arguments, {k: v for kind in kinds for k, v in kind.items()}, returns=returns
        )
        if sum(map(len, kinds)) != len(self.lines):
            raise ValueError("Recurrence: every line needs a name of its own")
        self._names = tuple(tuple(kind) for kind in kinds)
        self._backward = backward

    def __call__(self, *values: Any) -> Any:
        s = self._scope(values)
        first, step, nexts, collect = self._names
        for name in first:
            setattr(s, name, self.lines[name](s))
        T = len(values[0])
        history: dict[str, list[Any]] = {name: [None] * T for name in step}
        known = s.__dict__
        lines = [(name, self.lines[name], history[name]) for name in step]
        carries = [(name.removeprefix("next_"), self.lines[name]) for name in nexts]
        for t in reversed(range(T)) if self._backward else range(T):
            s.t = t
            for name, line, values_in_time in lines:
                known[name] = values_in_time[t] = line(s)
            known.update({name: line(s) for name, line in carries})
        s.all = history.__getitem__
        s.stack = lambda name: np.stack(history[name])
        s.sum = lambda name: sum(history[name])
        for name in collect:
            setattr(s, name, self.lines[name](s))
        return self._returned(s)
