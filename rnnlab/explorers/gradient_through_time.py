"""Gradient through time: how much of a loss's gradient arrives how many steps earlier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import traitlets

from rnnlab.explorers.esm import joined
from rnnlab.explorers.explorer import Number, PosedExplorer, Whole, share
from rnnlab.layers import gru_forward, lstm_forward, rnn_forward
from rnnlab.params import Array, GRUParams, LSTMParams, RNNParams
from rnnlab.plots import Picture, gradient_against_lag

CELLS = ("rnn", "lstm", "gru")
LONGEST = 100
DRAWS = 3
INPUTS, UNITS = 4, 16
NOISE = 0.1  # standard deviation of the inputs: small, so that tanh does not flatten at once
LEAST = 1e-300  # a logarithm needs more than 0

THREE: tuple[dict[str, Any], ...] = (
    {
        "name": "The cure?",
        "question": "Untrained nets, forget gate at its start of 0.5. Over 60 steps, does the "
        "LSTM's gradient arrive where the RNN's vanishes? Say it, then set the length to 60.",
        "forget_bias": 0.0,
        "scale": 0.6,
        "length": 10,
    },
    {
        "name": "Open the gate",
        "question": "Set the forget bias to 3, which makes f about 0.95: does the LSTM's gradient "
        "over 60 steps vanish, hold or explode? Say it, then move b_f.",
        "forget_bias": 0.0,
        "scale": 0.9,
        "length": 60,
    },
    {
        "name": "Only f?",
        "question": "With V = 0 the product of f is all that arrives. Give the gates their V "
        "back, at scale 1: does the total rise above the product of f, or fall below it? Say "
        "it, then move the scale.",
        "forget_bias": 1.0,
        "scale": 0.0,
        "length": 60,
    },
    {
        "name": "Can it explode?",
        "question": "The forget gate stands at 0.99, nearly open, and V is 0. Can the LSTM's "
        "gradient grow past 1? And the GRU's? Say it, then raise the scale of V to 1.",
        "forget_bias": 5.0,
        "scale": 0.0,
        "length": 60,
    },
)
ALONE: tuple[dict[str, Any], ...] = (
    {
        "name": "Which V holds?",
        "question": "V halves every vector here, and nothing arrives after 60 steps. At which "
        "scale of V does about all of the gradient arrive? Say a number, then move the scale.",
        "scale": 0.5,
        "length": 60,
    },
    {
        "name": "Twice as far",
        "question": "Over 30 steps about 3 % of the gradient arrives. Over twice as many: half of "
        "that, or its square? Say it, then set the length to 60.",
        "scale": 0.9,
        "length": 30,
    },
    {
        "name": "Three times V",
        "question": "At scale 3, V alone multiplies by 3 at each step: by 10 to the 28th in all. "
        "Does the gradient follow, or does it stay behind? Say it, then set the scale to 3.",
        "scale": 1.0,
        "length": 60,
    },
)


class Flow(NamedTuple):
    """Norms of a gradient over the lags 0 to K, relative to lag 0, each (K + 1,).

    total: through all paths, of the memory: dL/dC for the LSTM, dL/dh for the others. direct: by
    the product of f for the LSTM, of 1 - z for the GRU, by V alone, without tanh', for the RNN.
    """

    total: Array
    direct: Array


class _Cells(traitlets.TraitType[list[str], Sequence[str]]):
    """("rnn",), or all three."""

    def validate(self, obj: Any, value: Any) -> list[str]:
        if not isinstance(value, (list, tuple)) or tuple(value) not in (("rnn",), CELLS):
            raise ValueError(
                f"GradientThroughTime: cells must be ('rnn',) or {CELLS}, got {value!r}"
            )
        return list(value)


class GradientThroughTime(PosedExplorer):
    """Small untrained nets, and how much of dL/dh_T or dL/dC_T arrives k steps earlier.

        RNN    total dL/dh_{T-k}    direct (V^T)^k dL/dh_T          V alone, without tanh'
        LSTM   total dL/dC_{T-k}    direct f_T * ... * f_{T-k+1} * dL/dC_T
        GRU    total dL/dh_{T-k}    direct (1 - z_T) * ... * (1 - z_{T-k+1}) * dL/dh_T

    Nets of 16 units with random W, orthogonal V times `scale` and zero biases but for b_f =
    `forget_bias`, b_z = -`forget_bias`; random inputs; a loss that depends on h_T alone.
    cells: ("rnn",) or ("rnn", "lstm", "gru"). forget_bias: -3 to 5. scale: 0 to 3. length: 5 to 100
    steps. draw: 1 to 3, which random numbers. All but `cells` can be set later. Raises ValueError
    for a value outside these.
    """

    _esm = joined("gradient_through_time.js")
    shared: tuple[str, ...] = ("nets",)
    moved = ("forget_bias", "scale", "length", "draw")

    cells = _Cells(list(CELLS)).tag(sync=True)
    forget_bias = Number(0.0, -3, 5).tag(sync=True)
    scale = Number(1.0, 0, 3).tag(sync=True)
    length = Whole(60, 5, LONGEST).tag(sync=True)
    draw = Whole(1, 1, DRAWS).tag(sync=True)
    nets = traitlets.List(traitlets.Dict()).tag(sync=True)

    def __init__(
        self,
        cells: Sequence[str] = CELLS,
        *,
        forget_bias: float | None = None,
        scale: float | None = None,
        length: int | None = None,
        draw: int = 1,
        question: str | None = None,
    ) -> None:
        presets = ALONE if tuple(cells) == ("rnn",) else THREE
        presets = tuple({"forget_bias": 0.0, "draw": 1, **preset} for preset in presets)
        given = {"forget_bias": forget_bias, "scale": scale, "length": length}
        values = {
            name: presets[0][name] if value is None else value for name, value in given.items()
        }
        nets = [{name: _lists(part) for name, part in net(n).items()} for n in range(1, DRAWS + 1)]
        super().__init__(presets, question, cells=cells, draw=draw, nets=nets, **values)

    def flows(self) -> dict[str, Flow]:
        """The curves of each cell, with the present values."""
        drawn = net(self.draw)
        x, dh_T = drawn["x"][: self.length], drawn["dh_T"]
        return {
            cell: _FLOWS[cell](x, dh_T, changed(drawn[cell], self.scale, self.forget_bias))
            for cell in self.cells
        }

    def sentence(self) -> str:
        """What the picture says."""
        bias = "" if self.cells == ["rnn"] else f", forget bias {self.forget_bias:.1f}"
        parts = [f"{self.length} steps back, V scaled by {self.scale:.2f}{bias}."]
        for cell, flow in self.flows().items():
            parts.append(
                f"{cell.upper()}: {share(flow.total[-1])} of the gradient arrives, "
                f"by {_PATHS[cell]} alone {share(flow.direct[-1])}."
            )
        return " ".join(parts)

    def picture(self) -> Picture:
        """The curves as they stand, drawn by Matplotlib."""
        flows = self.flows()
        bias = "" if self.cells == ["rnn"] else f", forget bias {self.forget_bias:.1f}"
        drawn = gradient_against_lag(
            {cell.upper(): np.maximum(flow.total, LEAST) for cell, flow in flows.items()},
            direct={cell.upper(): np.maximum(flow.direct, LEAST) for cell, flow in flows.items()},
            title=f"Gradient through time: V scaled by {self.scale:.2f}{bias}",
        )
        return Picture(drawn.figure, self.sentence())


_PATHS = {"rnn": "V", "lstm": "the product of f", "gru": "the product of 1 − z"}


@cache
def net(draw: int) -> Mapping[str, Any]:
    """The draw's weights of each cell, its inputs x (100, D) and the loss's gradient dh_T (H,)."""
    rng = np.random.default_rng(draw)
    kinds: dict[str, Any] = {"rnn": RNNParams, "lstm": LSTMParams, "gru": GRUParams}
    drawn = {cell: kind.init(INPUTS, UNITS, rng, weights="glorot") for cell, kind in kinds.items()}
    dh_T = rng.standard_normal(UNITS)
    drawn["x"] = NOISE * rng.standard_normal((LONGEST, INPUTS))
    drawn["dh_T"] = dh_T / np.linalg.norm(dh_T)
    return drawn


def changed(p: Any, scale: float, forget_bias: float) -> Any:
    """The same weights with each V scaled, and the bias that keeps set."""
    V = {name: scale * array for name, array in p.items() if name.startswith("V")}
    keeps = {LSTMParams: ("b_f", forget_bias), GRUParams: ("b_z", -forget_bias)}
    if type(p) not in keeps:
        return replace(p, **V)
    name, bias = keeps[type(p)]
    return replace(p, **V, **{name: np.full(UNITS, float(bias))})


def _rnn_flow(x: Array, dh_T: Array, p: RNNParams) -> Flow:
    (h,) = (states[:, 0] for states in rnn_forward(x[:, None], _zero(), p)[:1])
    dh, alone = [dh_T], [dh_T]
    for h_t in h[::-1]:
        dh.append(p.V.T @ (dh[-1] * (1 - h_t**2)))
        alone.append(p.V.T @ alone[-1])
    return Flow(_norms(dh), _norms(alone))


def _lstm_flow(x: Array, dh_T: Array, p: LSTMParams) -> Flow:
    trace = lstm_forward(x[:, None], _zero(), _zero(), p)
    _, C, f, i, C_tilde, o, tanh_C = (states[:, 0] for states in trace[:7])
    C_prev = np.concatenate([np.zeros((1, UNITS)), C[:-1]])
    slope = o * (1 - tanh_C**2)
    dh, dC = [dh_T], [dh_T * slope[-1]]
    direct = [dC[0]]
    for t in reversed(range(len(x))):
        da_f = dC[-1] * C_prev[t] * f[t] * (1 - f[t])
        da_i = dC[-1] * C_tilde[t] * i[t] * (1 - i[t])
        da_g = dC[-1] * i[t] * (1 - C_tilde[t] ** 2)
        da_o = dh[-1] * tanh_C[t] * o[t] * (1 - o[t])
        dh.append(p.V_f.T @ da_f + p.V_i.T @ da_i + p.V_g.T @ da_g + p.V_o.T @ da_o)
        # C_0 has no h of its own that would lead to it
        dC.append(dC[-1] * f[t] + (dh[-1] * slope[t - 1] if t else 0))
        direct.append(direct[-1] * f[t])
    return Flow(_norms(dC), _norms(direct))


def _gru_flow(x: Array, dh_T: Array, p: GRUParams) -> Flow:
    h, z, r, h_tilde = (states[:, 0] for states in gru_forward(x[:, None], _zero(), p)[:4])
    h_prev = np.concatenate([np.zeros((1, UNITS)), h[:-1]])
    dh, direct = [dh_T], [dh_T]
    for t in reversed(range(len(x))):
        da_z = dh[-1] * (h_tilde[t] - h_prev[t]) * z[t] * (1 - z[t])
        dq = p.V_h.T @ (dh[-1] * z[t] * (1 - h_tilde[t] ** 2))
        da_r = dq * h_prev[t] * r[t] * (1 - r[t])
        dh.append(dh[-1] * (1 - z[t]) + p.V_z.T @ da_z + p.V_r.T @ da_r + dq * r[t])
        direct.append(direct[-1] * (1 - z[t]))
    return Flow(_norms(dh), _norms(direct))


_FLOWS: dict[str, Any] = {"rnn": _rnn_flow, "lstm": _lstm_flow, "gru": _gru_flow}


def _zero() -> Array:
    return np.zeros((1, UNITS))


def _norms(gradients: list[Array]) -> Array:
    norms = np.linalg.norm(gradients, axis=1)
    relative: Array = norms / norms[0]
    return relative


def _lists(part: Any) -> Any:
    if isinstance(part, np.ndarray):
        return part.tolist()
    return {name: array.tolist() for name, array in part.items()}
