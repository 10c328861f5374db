"""One step of an LSTM of one number, stage by stage: forget, write, update, read."""

from __future__ import annotations

from collections.abc import Callable
from math import tanh
from typing import Any, NamedTuple

import numpy as np
import traitlets

from rnnlab.cells import LSTMStep, lstm_step
from rnnlab.diagrams import LSTM_PARTS, lstm
from rnnlab.explorers.esm import joined
from rnnlab.explorers.explorer import Number, Whole, fixed, openness
from rnnlab.explorers.own import OwnCellExplorer
from rnnlab.params import LSTMParams
from rnnlab.plots import Picture

STAGES = ("Start", "Forget", "Write", "Update", "Read")
BLOCKS = ("f", "i", "g", "o")

# an input of 1 lets the cell forget and write
WEIGHTS = LSTMParams(
    W_f=np.array([[-1.0]]), V_f=np.array([[0.5]]), b_f=np.array([1.5]),
    W_i=np.array([[2.0]]), V_i=np.array([[-0.5]]), b_i=np.array([-0.5]),
    W_g=np.array([[1.5]]), V_g=np.array([[1.0]]), b_g=np.array([-0.2]),
    W_o=np.array([[0.5]]), V_o=np.array([[1.0]]), b_o=np.array([0.4]),
)  # fmt: skip

# each poses a question whose answer the stages uncover: the states, and the pre-activations
PRESETS: tuple[tuple[str, str, dict[str, float]], ...] = (
    (
        "One step",
        "Will the cell hold more after this step than before, or less? Say it, then step through.",
        {"x": 0.5, "h_prev": 0.2, "C_prev": 1.0, "f": 1.1, "i": 0.4, "g": 0.75, "o": 0.85},
    ),
    (
        "Forget gate at 1",
        "The forget gate will read 1.00 and the input gate 0.00. Is the old C forgotten or kept? "
        "Say it, then step through.",
        {"x": -1.0, "h_prev": 0.4, "C_prev": 1.5, "f": 6.0, "i": -6.0, "g": 1.2, "o": 1.0},
    ),
    (
        "Half open",
        "Forget and input gate will both stand at 0.50. Is the old C kept, replaced or mixed? "
        "Say a number for the new C, then step through.",
        {"x": 0.8, "h_prev": -0.3, "C_prev": -1.6, "f": 0.0, "i": 0.0, "g": 1.5, "o": 2.0},
    ),
    (
        "Output gate shut",
        "The output gate will be shut. What will the cell hold, and what will h be? "
        "Say two numbers, then step through.",
        {"x": 0.3, "h_prev": 0.6, "C_prev": 1.2, "f": 3.0, "i": -0.5, "g": 0.8, "o": -6.0},
    ),
)


class StepValues(NamedTuple):
    """The value on each wire of the cell."""

    a_f: float
    a_i: float
    a_g: float
    a_o: float
    f: float
    i: float
    C_tilde: float
    o: float
    kept: float  # f * C_{t-1}
    written: float  # i * C~_t
    C: float
    tanh_C: float
    h: float


class LSTMStepExplorer(OwnCellExplorer):
    """One step of an LSTM cell of one number, with the value on each wire.

        f_t = sigmoid(a_f)   i_t = sigmoid(a_i)   C~_t = tanh(a_g)   o_t = sigmoid(a_o)
        C_t = f_t * C_{t-1} + i_t * C~_t          h_t = o_t * tanh(C_t)
        a_f = W_f x_t + V_f h_{t-1} + b_f, and so on

    cell: your own step, `cell(x_t, h_prev, C_prev, p)` with x_t, h_prev, C_prev (1, 1) and p an
    LSTMParams, that returns (h, C, f, i, C_tilde, o); the widget then shows what it returns, or its
    error. p: the weights, of input size 1 and hidden size 1. x, h_prev, C_prev: from -2 to 2,
    h_prev from -1 to 1. stage: 0, nothing is computed yet, to 4, all is. question: what is asked at
    first. `.x`, `.h_prev`, `.C_prev`, `.b_f`, `.b_i`, `.b_g`, `.b_o` and `.stage` follow the
    inputs; an input that moves a pre-activation moves its bias. Raises ValueError for a value
    outside these.
    """

    _esm = joined("lstm_step.js")
    given = ("x", "h_prev", "C_prev", "b_f", "b_i", "b_g", "b_o")
    moved = (*given, "stage")
    returned = LSTMStep._fields

    x = Number(0.5, -2, 2).tag(sync=True)
    h_prev = Number(0.2, -1, 1).tag(sync=True)
    C_prev = Number(1.0, -2, 2).tag(sync=True)
    b_f = Number(0, -100, 100).tag(sync=True)
    b_i = Number(0, -100, 100).tag(sync=True)
    b_g = Number(0, -100, 100).tag(sync=True)
    b_o = Number(0, -100, 100).tag(sync=True)
    stage = Whole(0, 0, len(STAGES) - 1).tag(sync=True)
    weights = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        cell: Callable[..., Any] | None = None,
        *,
        p: LSTMParams | None = None,
        x: float = 0.5,
        h_prev: float = 0.2,
        C_prev: float = 1.0,
        stage: int = 0,
        question: str | None = None,
    ) -> None:
        p = WEIGHTS if p is None else p
        if not isinstance(p, LSTMParams) or (p.input_size, p.hidden_size) != (1, 1):
            raise ValueError(
                "LSTMStepExplorer: p must be an LSTMParams of input size 1 and hidden size 1, for "
                f"the picture shows a cell of one number, got {_sizes(p)}"
            )
        numbers = {name: float(array.ravel()[0]) for name, array in p.items()}
        weights = {name: number for name, number in numbers.items() if name[0] != "b"}
        biases = {name: number for name, number in numbers.items() if name[0] == "b"}
        presets = [
            {"name": name, "question": asks, "stage": 0, **_biased(values, weights)}
            for name, asks, values in PRESETS
        ]
        super().__init__(
            presets, question, cell=cell, weights=weights, **biases,
            x=x, h_prev=h_prev, C_prev=C_prev, stage=stage,
        )  # fmt: skip

    def arguments(self) -> dict[str, Any]:
        """What a cell is called with: x_t, h_prev, C_prev, each (1, 1), and the weights p."""
        numbers = {name: np.array([[number]]) for name, number in self.weights.items()}
        biases = {f"b_{k}": np.array([getattr(self, f"b_{k}")]) for k in BLOCKS}
        states = {"x_t": self.x, "h_prev": self.h_prev, "C_prev": self.C_prev}
        arrays = {name: np.array([[number]]) for name, number in states.items()}
        return {**arrays, "p": LSTMParams(**numbers, **biases)}

    def values(self) -> StepValues:
        """The value on each wire, by the course's own cell or by yours.

        Raises ValueError with the error of your cell, if it has one.
        """
        if self.own:
            if "error" in self.answer:
                raise ValueError(f"LSTMStepExplorer: {self.answer['error']}")
            step = {name: numbers[0] for name, numbers in self.answer["step"].items()}
        else:
            course = lstm_step(**self.arguments())._asdict()
            step = {name: float(array[0, 0]) for name, array in course.items()}
        W = self.weights
        a = {
            f"a_{k}": W[f"W_{k}"] * self.x + W[f"V_{k}"] * self.h_prev + getattr(self, f"b_{k}")
            for k in BLOCKS
        }
        kept, written = step["f"] * self.C_prev, step["i"] * step["C_tilde"]
        return StepValues(**a, **step, kept=kept, written=written, tanh_C=tanh(step["C"]))

    def sentence(self, stage: int | None = None) -> str:
        """What the picture says at this stage, by default the present one."""
        stage = self.stage if stage is None else stage
        if stage == 0:
            return (
                f"Before the step: x = {fixed(self.x)} comes in, the last output was "
                f"h = {fixed(self.h_prev)}, and the cell holds C = {fixed(self.C_prev)}."
            )
        if self.own and "error" in self.answer:
            return f"There are no values to show: {self.answer['error']}"
        v = self.values()
        if stage == 1:
            return (
                f"Forget: f = {fixed(v.f)}, the valve is {openness(v.f)}, so {fixed(v.kept)} of "
                f"the old C = {fixed(self.C_prev)} stays."
            )
        if stage == 2:
            return (
                f"Write: i = {fixed(v.i)}, the valve is {openness(v.i)}, so {fixed(v.written)} of "
                f"the candidate {fixed(v.C_tilde)} comes in."
            )
        if stage == 3:
            added = f"{fixed(v.kept)} + {bracketed(v.written)}"
            if _off(v.C, v.kept + v.written):
                return (
                    f"Update: {added} gives {fixed(v.kept + v.written)}, but your {self.own} says "
                    f"C = {fixed(v.C)}."
                )
            return (
                f"Update: what stayed and what came in add up, {added} = {fixed(v.C)}: the new C."
            )
        if _off(v.h, v.o * v.tanh_C):
            return (
                f"Read: o * tanh(C) = {fixed(v.o)} * {bracketed(v.tanh_C)} gives "
                f"{fixed(v.o * v.tanh_C)}, but your {self.own} says h = {fixed(v.h)}."
            )
        return (
            f"Read: o = {fixed(v.o)}, the valve is {openness(v.o)}, so h = {fixed(v.h)} goes out. "
            f"C stays {fixed(v.C)}."
        )

    def whole(self) -> str:
        """What the whole step does, in words."""
        if self.own and "error" in self.answer:
            return f"{self.sentence(0)} {self.sentence(1)}"
        return " ".join(self.sentence(stage) for stage in range(len(STAGES)))

    def text(self) -> str:
        """The question, and what the whole step does."""
        return f"{self.question}\n{self.whole()}"

    def picture(self) -> Picture | None:
        """The cell with the values of the whole step, drawn by Matplotlib; None where your cell
        fails."""
        if self.own and "error" in self.answer:
            return None
        v = self.values()._asdict()
        shown = {name: v[name] for name in LSTM_PARTS}
        before = {"x": self.x, "h_prev": self.h_prev, "C_prev": self.C_prev}
        drawn = lstm(*LSTM_PARTS, values={**shown, **before}, title="One LSTM step")
        return Picture(drawn.figure, self.whole())


def bracketed(value: float) -> str:
    """The number, in brackets where a minus would follow a plus."""
    written = fixed(value)
    return f"({written})" if written.startswith("\N{MINUS SIGN}") else written


def _off(value: float, expected: float) -> bool:
    """Whether a value that the learner's function returned is not what its equation gives."""
    return abs(value - expected) > 1e-6


def _biased(values: dict[str, float], weights: dict[str, float]) -> dict[str, float]:
    """The states of a preset, and the biases that give its pre-activations."""
    states = {name: values[name] for name in ("x", "h_prev", "C_prev")}
    biases = {
        f"b_{k}": values[k] - weights[f"W_{k}"] * values["x"] - weights[f"V_{k}"] * values["h_prev"]
        for k in BLOCKS
    }
    return {**states, **{name: round(bias, 9) for name, bias in biases.items()}}


def _sizes(p: object) -> str:
    if isinstance(p, LSTMParams):
        return f"sizes {p.input_size} and {p.hidden_size}"
    return repr(p)
