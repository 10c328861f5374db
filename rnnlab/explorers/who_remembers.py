"""Who remembers what: how much each output depends on each input, in trained nets or yours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import traitlets

from rnnlab.cells import Reset
from rnnlab.explorers.esm import joined
from rnnlab.explorers.explorer import OneOf, PosedExplorer, fixed
from rnnlab.layers import (
    gru_backward,
    gru_forward,
    lstm_backward,
    lstm_forward,
    rnn_backward,
    rnn_forward,
)
from rnnlab.params import Array, GRUParams, LSTMParams, RNNParams
from rnnlab.plots import Picture, curves

CELLS = ("rnn", "lstm", "gru")
KINDS: dict[str, type[Any]] = {"rnn": RNNParams, "lstm": LSTMParams, "gru": GRUParams}
# the steps, counted from 1, at which a number is marked
MARKED = {"three marks": (1, 5, 9), "one mark": (1,), "a late mark": (1, 19)}
T, SEED = 24, 8  # of the sequences
LONGEST, WIDEST = 60, 32  # of your own nets: what a screen can still show

PRESETS: tuple[dict[str, Any], ...] = (
    {
        "name": "The same score",
        "question": "Three nets that hold the last marked number, all right at over 98 % of the "
        "steps. Do they remember equally well? Of a small change in the number marked at step 9, "
        "how much will show at step 24? Say it, then move the output, in each net.",
        "cell": "rnn",
        "sequence": "three marks",
        "t": 9,
    },
    {
        "name": "Out with the old",
        "question": "At step 8 the LSTM's output depends on the number marked at step 5. A new "
        "mark comes at step 9. What is then left of step 5: all, half or nothing? Say it, then "
        "move the output to step 9.",
        "cell": "lstm",
        "sequence": "three marks",
        "t": 8,
    },
    {
        "name": "Which unit?",
        "question": "A GRU that solves this task must open its update gate z at some steps only. "
        "At which? Say them, then switch to the GRU and look for a unit that does.",
        "cell": "rnn",
        "sequence": "three marks",
        "t": 24,
    },
    {
        "name": "A late mark",
        "question": "Now the last mark falls at step 19. At step 24, can you tell the RNN from "
        "the LSTM by what they remember? Say yes or no, then switch between them.",
        "cell": "rnn",
        "sequence": "a late mark",
        "t": 24,
    },
)
OWN: tuple[dict[str, Any], ...] = (
    {
        "name": "The end",
        "question": "Your net. On which inputs does the last output depend most: the late ones, "
        "the early ones, or one of them alone? Say it, then read the bars.",
        "t": -1,
    },
    {
        "name": "The middle",
        "question": "And the output in the middle: does it depend on the same inputs? Say it, then "
        "read the bars.",
        "t": -2,
    },
    {
        "name": "The first",
        "question": "On how many inputs can the first output depend? Say a number, then read the "
        "bars.",
        "t": 1,
    },
)


class WhoRemembers(PosedExplorer):
    """The gradient |dy_t / dx_s| of each output by each input, and the gates of each unit.

        WhoRemembers()                          three small nets, trained to hold a marked number
        WhoRemembers(p=my_params, x=x)          your own weights, on your sequence x (T, D)

    cell: "rnn", "lstm" or "gru", sequence: "three marks", "one mark" or "a late mark", of the
    stored nets; t: the output that is looked at, counted from 1.
    p: RNNParams, LSTMParams or GRUParams; reset: the form of a GRU. U (Y, H): a readout y = U h,
    without it y is h itself. labels: a word for each input. What does not fit is shown as an error
    in the widget, and `.error` holds it. From 2 to 60 steps, at most 32 units.
    |dy_t / dx_s|: the root of the sum of squares over all outputs and inputs of the two steps; for
    the stored nets over the number alone, without its mark.
    """

    _esm = joined("who_remembers.js")
    shared: tuple[str, ...] = ("views",)
    moved = ("cell", "sequence", "t")

    cell = OneOf("rnn", CELLS).tag(sync=True)
    sequence = OneOf("three marks", tuple(MARKED)).tag(sync=True)
    t = traitlets.Int(1).tag(sync=True)
    views = traitlets.Dict().tag(sync=True)
    yours = traitlets.Bool(False).tag(sync=True)
    error = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        cell: str = "rnn",
        *,
        sequence: str = "three marks",
        t: int | None = None,
        p: object = None,
        x: object = None,
        U: object = None,
        reset: Reset = "before",
        labels: Sequence[str] | None = None,
        question: str | None = None,
    ) -> None:
        if p is None and x is None:
            views, error = stored(), ""
            presets: Sequence[Mapping[str, Any]] = PRESETS
        else:
            views, error, presets = {}, "", OWN
            try:
                cell, sequence = _kind(p), "three marks"
                views = {cell: {sequence: view(p, x, U=U, reset=reset, labels=labels)}}
            except ValueError as wrong:
                error = str(wrong)
        steps = len(views[cell][sequence]["x"]) if cell in views else 1
        places = {-1: steps, -2: (steps + 1) // 2}
        presets = [
            {"cell": cell, "sequence": sequence, **each, "t": places.get(each["t"], each["t"])}
            for each in presets
        ]
        at = presets[0]["t"] if t is None else t
        super().__init__(
            presets, question, cell=cell, sequence=sequence, views=views, yours=p is not None
            or x is not None, error=error, t=at,
        )  # fmt: skip
        if self.yours:
            self.shared = ()

    @traitlets.validate("t")
    def _check_t(self, proposal: dict[str, Any]) -> int:
        t: int = proposal["value"]
        steps = 1 if self.error else len(self.view()["x"])
        if not 1 <= t <= steps:
            raise ValueError(f"WhoRemembers: t must be a whole number from 1 to {steps}, got {t!r}")
        return t

    def view(self) -> dict[str, Any]:
        """What is drawn: x, the labels of the inputs, gradient (T, T), gates, and y if stored."""
        chosen: dict[str, Any] = self.views[self.cell][self.sequence]
        return chosen

    def sentence(self) -> str:
        """What the picture says."""
        if self.error:
            return f"Your net cannot be shown: {self.error}"
        view = self.view()
        row = view["gradient"][self.t - 1][: self.t]
        most = max(range(len(row)), key=row.__getitem__)
        says = f"{'Your ' if self.yours else ''}{self.cell.upper()}, output {self.t}: "
        says += f"it depends most on input {most + 1}, with a gradient of {fixed(row[most])}"
        if self.yours:
            return f"{says}; the other inputs up to here have {fixed(sum(row) - row[most])} in all."
        y, target = view["y"][self.t - 1], view["target"][self.t - 1]
        return (
            f"{says}. It says {fixed(y)} where {fixed(target)} was marked. Within 0.1 it is right "
            f"at {fixed(100 * view['right'][0], 1)} % of all steps, at "
            f"{fixed(100 * view['right'][1], 1)} % where the mark is 8 or more steps back."
        )

    def picture(self) -> Picture | None:
        """What the output depends on, in each stored net or in yours, drawn by Matplotlib; None
        where your net failed."""
        if self.error:
            return None
        lines = {
            cell.upper(): np.array(views[self.sequence]["gradient"][self.t - 1])
            for cell, views in self.views.items()
        }
        drawn = curves(
            lines,
            title=f"How much output {self.t} depends on each input",
            xlabel="input s",
            ylabel=f"gradient |dy_{self.t} / dx_s|",
            x=range(1, len(self.view()["x"]) + 1),
        )
        return Picture(drawn.figure, self.sentence())

    def __repr__(self) -> str:
        if self.yours:
            return f"WhoRemembers(p={KINDS[self.cell].__name__}, t={self.t})"
        return super().__repr__()


def view(
    p: Any,
    x: object,
    *,
    U: object = None,
    reset: Reset = "before",
    labels: Sequence[str] | None = None,
    lines: Sequence[int] | None = None,
) -> dict[str, Any]:
    """What is drawn of these weights on this sequence. Raises ValueError for what does not fit.

    lines: the inputs of a step that count, by default all.
    """
    where = "WhoRemembers"
    array = np.asarray(x)
    if array.ndim == 3 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 2 or array.shape[1] != p.input_size or not 2 <= len(array) <= LONGEST:
        raise ValueError(
            f"{where}: x must have shape (T, {p.input_size}) with T from 2 to {LONGEST}, a single "
            f"sequence, got {array.shape}"
        )
    if p.hidden_size > WIDEST:
        raise ValueError(f"{where}: p must have at most {WIDEST} units, got {p.hidden_size}")
    H = p.hidden_size
    readout = np.eye(H) if U is None else np.asarray(U)
    if readout.ndim != 2 or readout.shape[1] != H:
        raise ValueError(f"{where}: U must have shape (Y, {H}), got {readout.shape}")
    if labels is not None and len(labels) != len(array):
        raise ValueError(
            f"{where}: labels must be {len(array)} words, one an input, got {len(labels)}"
        )
    jacobian, gates = _jacobian(p, array.astype(p.dtype), readout.astype(p.dtype), reset)
    if lines is not None:
        jacobian = jacobian[..., list(lines)]
    gradient = np.sqrt((jacobian**2).sum(axis=(1, 3)))
    if not np.all(np.isfinite(gradient)):
        raise ValueError(f"{where}: p and x must give finite gradients, got NaN or infinity")
    return {
        "x": [[float(number) for number in row] for row in array],
        "labels": list(labels) if labels is not None else [],
        "gradient": gradient.astype(float).round(6).tolist(),
        "gates": {name: gate.astype(float).round(4).tolist() for name, gate in gates.items()},
    }


def _jacobian(p: Any, x: Array, U: Array, reset: Reset) -> tuple[Array, dict[str, Array]]:
    """dy_t / dx_s for all steps, (T, Y, T, D), and the gates, each (T, H).

    One backward pass for all: each output of each step has a copy of the sequence in the batch.
    """
    (T, D), (Y, H) = x.shape, U.shape
    B = T * Y
    copies, zero = np.repeat(x[:, None], B, axis=1), np.zeros((B, H), x.dtype)
    asked = np.zeros((T, T, Y, H), x.dtype)
    asked[range(T), range(T)] = U
    dh: Array = asked.reshape(T, B, H)
    gates: dict[str, Array] = {}
    if isinstance(p, LSTMParams):
        lstm = lstm_forward(copies, zero, zero, p)
        dx = lstm_backward(lstm, dh).x
        gates = {"f": lstm.f[:, 0], "i": lstm.i[:, 0], "o": lstm.o[:, 0]}
    elif isinstance(p, GRUParams):
        gru = gru_forward(copies, zero, p, reset)
        dx = gru_backward(gru, dh).x
        gates = {"z": gru.z[:, 0], "r": gru.r[:, 0]}
    else:
        dx = rnn_backward(rnn_forward(copies, zero, p), dh).x
    return dx.reshape(T, T, Y, D).transpose(1, 2, 0, 3), gates


def _kind(p: object) -> str:
    for cell, kind in KINDS.items():
        if isinstance(p, kind):
            return cell
    raise ValueError(
        "WhoRemembers: p must be RNNParams, LSTMParams or GRUParams, got "
        f"{type(p).__name__}; to_params() of rnnlab.twins makes one of a torch model"
    )


@cache
def stored() -> dict[str, dict[str, Any]]:
    """The stored nets of each cell, on each of the sequences."""
    file = resources.files("rnnlab").joinpath("data/who_remembers.npz")
    with file.open("rb") as opened, np.load(opened) as read:
        arrays = {name: np.asarray(read[name], dtype=np.float64) for name in read.files}
    numbers = np.random.default_rng(SEED).uniform(-1, 1, T).round(2)
    views: dict[str, dict[str, Any]] = {}
    for cell, kind in KINDS.items():
        own = {
            name.removeprefix(f"{cell}_"): array
            for name, array in arrays.items()
            if name.startswith(f"{cell}_")
        }
        right, U, c = own.pop("right"), own.pop("U"), own.pop("c")
        p = kind(**own)
        views[cell] = {}
        for name, steps in MARKED.items():
            marks = np.isin(np.arange(1, T + 1), steps)
            x = np.stack([numbers, marks], axis=-1)
            last = np.maximum.accumulate(np.where(marks, np.arange(T), 0))
            views[cell][name] = {
                **view(p, x, U=U, lines=(0,)),
                "y": (_hidden(p, x) @ U.T + c)[:, 0].round(6).tolist(),
                "target": numbers[last].tolist(),
                "right": right.round(4).tolist(),
            }
    return views


def _hidden(p: Any, x: Array) -> Array:
    zero = np.zeros((1, p.hidden_size))
    if isinstance(p, LSTMParams):
        return lstm_forward(x[:, None], zero, zero, p).h[:, 0]
    if isinstance(p, GRUParams):
        return gru_forward(x[:, None], zero, p).h[:, 0]
    return rnn_forward(x[:, None], zero, p).h[:, 0]
