"""Explore your own: a step that the learner wrote, called in Python at each move of an input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import traitlets

from rnnlab.calls import call
from rnnlab.explorers.explorer import PosedExplorer
from rnnlab.params import Array


class OwnCellExplorer(PosedExplorer):
    """An explorer of one step that can show the learner's own step instead of the course's.

    cell: a function of the arguments of `arguments`, a batch of one, which returns what `returned`
    names, in that order or as a dict; None for the course's own, which the browser computes.
    `.answer` holds what the function said to the present values: {"given", "printed", and "step" or
    "error"}. An error in the function is shown in the widget and raises nothing here.
    """

    returned: ClassVar[tuple[str, ...]]
    given: ClassVar[tuple[str, ...]]  # those of `moved` that the function depends on

    own = traitlets.Unicode().tag(sync=True)
    answer = traitlets.Dict().tag(sync=True)

    def __init__(self, *args: Any, cell: Callable[..., Any] | None = None, **values: Any) -> None:
        if cell is not None and not callable(cell):
            raise ValueError(
                f"{type(self).__name__}: cell must be a function such as my_step, or None, "
                f"got {cell!r}"
            )
        super().__init__(*args, **values)
        self.cell = cell
        if cell is not None:
            self.own = getattr(cell, "__name__", type(cell).__name__)
            self.observe(self._ask, list(self.given))
            self._ask()

    def arguments(self) -> dict[str, Any]:
        """What the function is called with, at the present values."""
        raise NotImplementedError

    def kept(self) -> dict[str, Any] | None:
        return None if self.own else super().kept()

    def _ask(self, change: object = None) -> None:
        given = {name: getattr(self, name) for name in self.given}
        if self.answer.get("given") == given:  # several values moved at once
            return
        said = ask(self.cell, self.own, self.arguments(), self.returned)
        self.answer = {"given": given, **said}


def ask(
    function: object, name: str, arguments: dict[str, Any], returned: Sequence[str]
) -> dict[str, Any]:
    """Call the function once: {"step": ...} with a list of numbers for each name of `returned`, or
    {"error": ...} with what went wrong in words; "printed" holds what it printed."""
    outcome = call(function, arguments)
    said: dict[str, Any] = {"printed": outcome.printed}
    match outcome.kind:
        case "returned":
            units = arguments["h_prev"].shape
            try:
                said["step"] = _named(name, outcome.value, returned, units)
            except ValueError as error:
                said["error"] = str(error)
            if outcome.changed:
                said["error"] = f"{name} changed its input {', '.join(outcome.changed)} in place"
        case "arguments":
            wanted = ", ".join(arguments)
            said["error"] = f"{name} must take ({wanted}), but it takes {outcome.error}"
        case "stub":
            said["error"] = f"{name} is not written yet: it raised NotImplementedError"
        case _:
            at = f", at: {outcome.line}" if outcome.line else ""
            said["error"] = f"{name} raised {outcome.error}{at}"
    return said


def _named(
    name: str, value: Any, returned: Sequence[str], units: tuple[int, ...]
) -> dict[str, list[float]]:
    wanted = f"({', '.join(returned)})"
    if isinstance(value, dict):
        if missing := [each for each in returned if each not in value]:
            raise ValueError(f"{name} must return {wanted}, but {', '.join(missing)} is missing")
        parts = [value[each] for each in returned]
    elif isinstance(value, (tuple, list)) and len(value) == len(returned):
        parts = list(value)
    else:
        many = f"{len(value)} values" if isinstance(value, (tuple, list)) else "one value"
        raise ValueError(f"{name} must return {wanted}, {len(returned)} values, got {many}")
    return {
        each: _numbers(name, each, part, units) for each, part in zip(returned, parts, strict=True)
    }


def _numbers(name: str, each: str, part: Any, units: tuple[int, ...]) -> list[float]:
    if not isinstance(part, (np.ndarray, np.generic, float, int)):
        raise ValueError(f"{name}: {each} must be an array of shape {units}, got {_kind(part)}")
    array: Array = np.asarray(part)
    if array.shape != units:
        raise ValueError(f"{name}: {each} must have shape {units}, got {array.shape}")
    if array.dtype.kind not in "iuf" or not np.all(np.isfinite(array)):
        raise ValueError(f"{name}: {each} must hold finite numbers, got {array.tolist()}")
    numbers: list[float] = array.astype(float).ravel().tolist()
    return numbers


def _kind(part: Any) -> str:
    return str(getattr(part, "words", type(part).__name__))
