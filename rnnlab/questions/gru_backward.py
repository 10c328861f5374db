"""The GRU's backward step and sequence as derivations, and what can go wrong in them.

    STEP_BACKWARD       gru_step_backward(dh_t, x_t, h_prev, p)     one step, reset "before"
    SEQUENCE_BACKWARD   gru_backward(dh, x, h0, p)                  the same lines, last step first

A mistake of the step changes the same lines of both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from rnnlab.params import Array
from rnnlab.questions import Probe
from rnnlab.questions.derivation import Derivation, Line, Mistake, Recurrence
from rnnlab.questions.gru import SEQUENCE, STEP, sequence_inputs, step_inputs

_LETTERS = "zhr"  # in the order in which their gradients are computed
WEIGHTS = tuple(f"{k}_{letter}" for letter in _LETTERS for k in "WVb")


def _outer(da: Array, seen: Array) -> Array:
    """sum over the batch of da seen^T"""
    return da.T @ seen


def _gradients(letter: str, seen: Callable[[Any], Array]) -> dict[str, Line]:
    """dW, dV and db of one gate; `seen` is what its V acts on."""

    def da(s: Any) -> Array:
        result: Array = getattr(s, f"da_{letter}")
        return result

    return {
        f"dW_{letter}": lambda s: _outer(da(s), s.x_t),
        f"dV_{letter}": lambda s: _outer(da(s), seen(s)),
        f"db_{letter}": lambda s: da(s).sum(0),
    }


_BACKWARD: dict[str, Line] = {
    "dz": lambda s: s.dh_t * (s.h_tilde - s.h_prev),
    "da_z": lambda s: s.dz * s.z_t * (1 - s.z_t),
    "dh_tilde": lambda s: s.dh_t * s.z_t,
    "da_h": lambda s: s.dh_tilde * (1 - s.h_tilde**2),
    "dq": lambda s: s.da_h @ s.p.V_h,
    "dr": lambda s: s.dq * s.h_prev,
    "da_r": lambda s: s.dr * s.r_t * (1 - s.r_t),
    **_gradients("z", lambda s: s.h_prev),
    **_gradients("h", lambda s: s.r_t * s.h_prev),
    **_gradients("r", lambda s: s.h_prev),
    "dx_t": lambda s: s.da_z @ s.p.W_z + s.da_r @ s.p.W_r + s.da_h @ s.p.W_h,
    "dh_kept": lambda s: s.dh_t * (1 - s.z_t),
    "dh_gates": lambda s: s.da_z @ s.p.V_z + s.da_r @ s.p.V_r,
    "dh_reset": lambda s: s.dq * s.r_t,
    "dh_prev": lambda s: s.dh_kept + s.dh_gates + s.dh_reset,
}

# the forward values of a step, computed anew from the state before it
_FORWARD: dict[str, Line] = {
    "forward": lambda s: STEP(s.x_t, s.h_prev, s.p),
    "z_t": lambda s: s.forward[1],
    "r_t": lambda s: s.forward[2],
    "h_tilde": lambda s: s.forward[3],
}

STEP_BACKWARD = Derivation(
    ("dh_t", "x_t", "h_prev", "p"),
    {
        **_FORWARD,
        **_BACKWARD,
        "dp": lambda s: {name: getattr(s, f"d{name}") for name in WEIGHTS},
    },
    returns=("dx_t", "dh_prev", "dp"),
)

SEQUENCE_BACKWARD = Recurrence(
    ("dh", "x", "h0", "p"),
    first={
        "h": lambda s: SEQUENCE(s.x, s.h0, s.p)[0],
        "dh_next": lambda s: np.zeros_like(s.h0),
    },
    step={
        "at": lambda s: s.t,
        "x_t": lambda s: s.x[s.at],
        "h_prev": lambda s: s.h[s.at - 1] if s.at else s.h0,
        **_FORWARD,
        "dh_t": lambda s: s.dh[s.at] + s.dh_next,
        **_BACKWARD,
    },
    carry={"dh_next": lambda s: s.dh_prev},
    collect={
        "dx": lambda s: s.stack("dx_t"),
        "dh0": lambda s: s.all("dh_prev")[0],
        "dp": lambda s: {name: s.sum(f"d{name}") for name in WEIGHTS},
    },
    returns=("dx", "dh0", "dp"),
    backward=True,
)


def step_backward_inputs(rng: np.random.Generator) -> Sequence[Probe]:
    """Probes of one step, with the gradient by its h_t."""
    return [
        {"dh_t": rng.standard_normal(probe["h_prev"].shape), **probe} for probe in step_inputs(rng)
    ]


def backward_inputs(rng: np.random.Generator) -> Sequence[Probe]:
    """Probes of a sequence, with a loss at every step."""
    return [
        {"dh": rng.standard_normal((*probe["x"].shape[:2], probe["h0"].shape[1])), **probe}
        for probe in sequence_inputs(rng)
    ]


STEP_BACKWARD_TERMS = {
    "dx_t": {"W_z": "W_z^T da_z", "W_r": "W_r^T da_r", "W_h": "W_h^T da_h"},
    "dh_prev": {
        "V_z": "V_z^T da_z",
        "V_r": "V_r^T da_r",
        "V_h": "r_t * (V_h^T da_h)",
    },
}


# what can go wrong


def _each(change: Callable[[str, Line], Line], names: Sequence[str]) -> dict[str, Line]:
    return {name: change(name, _BACKWARD[name]) for name in names}


def _scaled(factor: Callable[[Any], Any], *names: str) -> dict[str, Line]:
    """These lines times a factor of the scope."""
    return _each(lambda _, line: lambda s: line(s) * factor(s), names)


_ALL = tuple(f"d{name}" for name in WEIGHTS)
_SIGMOID = (
    "A gradient passes a sigmoid by being multiplied with its slope, and the slope can be written "
    "with the gate's own value. Is it there, for both gates?"
)
_SLOPE_OF_VALUE = (
    "The slope of the sigmoid is g * (1 - g) with g the gate itself, not with the sum before it, "
    "and not with another sigmoid over it."
)
_TANH = (
    "The candidate went through a tanh. What is the slope of tanh, written with the value that "
    "came out of it?"
)
_V_FORWARD = (
    "A gradient goes back through the transpose of what went forward: forward was V h, in code "
    "h @ V.T. So which of V and V.T is it on the way back?"
)
_DV_STATE = (
    "dV is the outer product of da and what V acted on in the forward pass. Which state went in, "
    "the one before the step or the one after it?"
)
_MIRRORED = (
    "Your gradients belong to the mirrored blend. In this course h_t = (1 - z_t) * h_prev + "
    "z_t * h_tilde: what does h_t get when z_t grows a little?"
)

BLEND_BACKWARD = (
    Mistake(
        "blend mirrored, all three",
        _MIRRORED,
        {
            "dz": lambda s: s.dh_t * (s.h_prev - s.h_tilde),
            "dh_tilde": lambda s: s.dh_t * (1 - s.z_t),
            "dh_kept": lambda s: s.dh_t * s.z_t,
        },
    ),
    Mistake(
        "dz with the other sign",
        _MIRRORED,
        {"dz": lambda s: s.dh_t * (s.h_prev - s.h_tilde)},
    ),
    Mistake(
        "dz without the old state",
        "z_t stands twice in the blend: it takes from the candidate, and it takes away from the "
        "old state. Your dz knows one of the two.",
        {"dz": lambda s: s.dh_t * s.h_tilde},
    ),
    Mistake(
        "dz without the candidate",
        "z_t stands twice in the blend: it takes away from the old state, and it takes from the "
        "candidate. Your dz knows one of the two.",
        {"dz": lambda s: -s.dh_t * s.h_prev},
    ),
    Mistake(
        "dz by a sum",
        "z_t takes from the candidate and takes away from the old state: which sign has each?",
        {"dz": lambda s: s.dh_t * (s.h_tilde + s.h_prev)},
    ),
    Mistake(
        "z missing in the candidate's gradient",
        "Only a share of the candidate enters h_t. Which share? The same share of dh_t reaches it.",
        {"dh_tilde": lambda s: s.dh_t},
    ),
    Mistake(
        "1 - z in the candidate's gradient",
        "Which share of the candidate enters h_t? The same share of dh_t reaches it.",
        {"dh_tilde": lambda s: s.dh_t * (1 - s.z_t)},
    ),
    Mistake(
        "z taken as constant",
        "z_t depends on x_t and h_prev, so a gradient reaches its weights too. Is da_z zero in "
        "yours?",
        {"dz": lambda s: 0 * s.dh_t},
    ),
    Mistake(
        "r taken as constant",
        "r_t depends on x_t and h_prev, so a gradient reaches its weights too. Is da_r zero in "
        "yours?",
        {"dr": lambda s: 0 * s.dh_t},
    ),
)


def _with_slope(letter: str, slope: Callable[[Any, str], Array]) -> Line:
    """da of a gate by another slope."""

    def line(s: Any) -> Array:
        result: Array = getattr(s, f"d{letter}") * slope(s, letter)
        return result

    return line


def _dx_of(letters: str) -> Line:
    """dx from some of the three sums."""
    return lambda s: sum(getattr(s, f"da_{k}") @ getattr(s.p, f"W_{k}") for k in letters)


SLOPES = (
    Mistake("sigmoid's slope missing (z)", _SIGMOID, {"da_z": lambda s: s.dz}),
    Mistake("sigmoid's slope missing (r)", _SIGMOID, {"da_r": lambda s: s.dr}),
    Mistake(
        "sigmoid's slope missing (z and r)",
        _SIGMOID,
        {"da_z": lambda s: s.dz, "da_r": lambda s: s.dr},
    ),
    *(
        Mistake(
            f"{title} ({letter})",
            _SLOPE_OF_VALUE,
            {f"da_{letter}": _with_slope(letter, f)},
        )
        for letter in "zr"
        for title, f in (
            ("slope with the sum", lambda s, k: _sum_of(s, k) * (1 - _sum_of(s, k))),
            ("slope with a second sigmoid", lambda s, k: _slope(_sigmoid(getattr(s, f"{k}_t")))),
            ("slope 1 - g", lambda s, k: 1 - getattr(s, f"{k}_t")),
            ("slope g", lambda s, k: getattr(s, f"{k}_t")),
            ("slope of tanh", lambda s, k: 1 - getattr(s, f"{k}_t") ** 2),
        )
    ),
    Mistake("tanh's slope missing", _TANH, {"da_h": lambda s: s.dh_tilde}),
    Mistake(
        "tanh's slope with the sum",
        "The slope of tanh is written with the value that came out of it; yours has the sum that "
        "went in.",
        {"da_h": lambda s: s.dh_tilde * (1 - np.arctanh(s.h_tilde) ** 2)},
    ),
    Mistake(
        "tanh's slope with a second tanh",
        "The candidate is a tanh already: its slope needs no further one.",
        {"da_h": lambda s: s.dh_tilde * (1 - np.tanh(s.h_tilde) ** 2)},
    ),
    Mistake(
        "tanh's slope with h_t",
        "The tanh made the candidate, not h_t. Whose value belongs in its slope?",
        {"da_h": lambda s: s.dh_tilde * (1 - _state_of(s) ** 2)},
    ),
    Mistake(
        "1 - h_tilde without the square",
        "Look up the slope of tanh once more: which power of its value stands there?",
        {"da_h": lambda s: s.dh_tilde * (1 - s.h_tilde)},
    ),
    Mistake(
        "sigmoid's slope at the candidate",
        "The candidate went through a tanh, not through a sigmoid. What is the slope of tanh?",
        {"da_h": lambda s: s.dh_tilde * s.h_tilde * (1 - s.h_tilde)},
    ),
)


def _sigmoid(a: Array) -> Array:
    result: Array = 1 / (1 + np.exp(-a))
    return result


def _slope(g: Array) -> Array:
    result: Array = g * (1 - g)
    return result


def _sum_of(s: Any, letter: str) -> Array:
    g = getattr(s, f"{letter}_t")
    result: Array = np.log(g / (1 - g))
    return result


def _state_of(s: Any) -> Array:
    result: Array = (1 - s.z_t) * s.h_prev + s.z_t * s.h_tilde
    return result


def _after(s: Any) -> Array:
    result: Array = s.h_prev @ s.p.V_h.T
    return result


RESET_BACKWARD = (
    Mistake(
        "dr with r * h",
        "q = r_t * h_prev: by which factor does q grow when r_t does? Not by q itself.",
        {"dr": lambda s: s.dq * s.r_t * s.h_prev},
    ),
    Mistake(
        "dr with the candidate",
        "r_t multiplies h_prev, not the candidate. Which of the two belongs in dr?",
        {"dr": lambda s: s.dq * s.h_tilde},
    ),
    Mistake(
        "dr without V_h",
        "Between the candidate's sum and r_t * h_prev lies V_h. Does your gradient pass it?",
        {"dr": lambda s: s.da_h * s.h_prev},
    ),
    Mistake(
        "dr without h_prev",
        "r_t multiplies h_prev. By which factor does r_t * h_prev grow when r_t does?",
        {"dr": lambda s: s.dq},
    ),
    Mistake(
        "dr of the after form",
        "This is the gradient of torch's form, in which r_t multiplies V_h h_prev. Here r_t "
        "multiplies h_prev, and V_h comes after it.",
        {"dr": lambda s: s.da_h * _after(s)},
    ),
    Mistake(
        "all of the after form",
        "These are the gradients of torch's form, reset after the product. Here r_t multiplies "
        "h_prev before V_h sees it.",
        {
            "dr": lambda s: s.da_h * _after(s),
            "dV_h": lambda s: _outer(s.da_h * s.r_t, s.h_prev),
            "dh_reset": lambda s: (s.da_h * s.r_t) @ s.p.V_h,
        },
    ),
    Mistake(
        "dV_h with h_prev",
        "dV_h is the outer product of da_h and what V_h acted on in the forward pass. Was it the "
        "whole of h_prev?",
        {"dV_h": lambda s: _outer(s.da_h, s.h_prev)},
    ),
    Mistake(
        "candidate's path without r",
        "On its way to h_prev the candidate's gradient passes the reset gate once more. Is r_t "
        "there?",
        {"dh_reset": lambda s: s.dq},
    ),
    Mistake(
        "candidate's path with r before V",
        "Forward, the reset came first and V_h after it. On the way back, what comes first?",
        {"dh_reset": lambda s: (s.da_h * s.r_t) @ s.p.V_h},
    ),
    Mistake(
        "candidate's path with 1 - r",
        "r_t * h_prev grows by r_t when h_prev grows by 1. Which factor is in yours?",
        {"dh_reset": lambda s: s.dq * (1 - s.r_t)},
    ),
)

PATHS = (
    Mistake(
        "kept path missing",
        "h_prev enters h_t in four ways. One of them passes no weight at all: look at the blend.",
        {"dh_kept": lambda s: 0 * s.dh_t},
    ),
    Mistake(
        "kept path with z",
        "Which share of h_prev is kept? The same share of dh_t goes straight back to it.",
        {"dh_kept": lambda s: s.dh_t * s.z_t},
    ),
    Mistake(
        "kept path without 1 - z",
        "Not all of h_prev is kept. Which share goes straight back to it?",
        {"dh_kept": lambda s: s.dh_t},
    ),
    Mistake(
        "only the kept path",
        "h_prev enters h_t in four ways: the blend keeps a share of it, and the two gates and the "
        "candidate look at it. Yours has the first.",
        {"dh_gates": lambda s: 0 * s.dh_t, "dh_reset": lambda s: 0 * s.dh_t},
    ),
    Mistake(
        "paths through the gates missing",
        "Both gates looked at h_prev. Do their gradients come back to it?",
        {"dh_gates": lambda s: 0 * s.dh_t},
    ),
    Mistake(
        "update gate's path missing",
        "h_prev enters h_t in four ways. In your dh_prev, which of the two gates is missing?",
        {"dh_gates": lambda s: s.da_r @ s.p.V_r},
    ),
    Mistake(
        "reset gate's path missing",
        "h_prev enters h_t in four ways. In your dh_prev, which of the two gates is missing?",
        {"dh_gates": lambda s: s.da_z @ s.p.V_z},
    ),
    Mistake(
        "candidate's path missing",
        "The candidate looked at r_t * h_prev. Does its gradient come back to h_prev?",
        {"dh_reset": lambda s: 0 * s.dh_t},
    ),
    Mistake(
        "dh_prev overwritten",
        "The paths to h_prev add up. Is one of your lines an = where it should be a +=?",
        {"dh_kept": lambda s: 0 * s.dh_t, "dh_gates": lambda s: 0 * s.dh_t},
    ),
    *(
        Mistake(
            f"dx without {words}",
            "x_t enters all three sums: z_t's, r_t's and the candidate's. How many terms has your "
            "dx?",
            {"dx_t": _dx_of(used)},
        )
        for words, used in (
            ("z", "rh"),
            ("r", "zh"),
            ("the candidate", "zr"),
            ("z and r", "h"),
            ("z and the candidate", "r"),
            ("r and the candidate", "z"),
        )
    ),
)


def _turned(letter: str) -> Mapping[str, Line]:
    """V forward instead of back, for one of the three."""
    if letter == "h":
        return {"dq": lambda s: s.da_h @ s.p.V_h.T}
    other = "r" if letter == "z" else "z"
    return {
        "dh_gates": lambda s: (
            getattr(s, f"da_{letter}") @ getattr(s.p, f"V_{letter}").T
            + getattr(s, f"da_{other}") @ getattr(s.p, f"V_{other}")
        )
    }


WEIGHTS_BACKWARD = (
    *(Mistake(f"V_{k} forward instead of back", _V_FORWARD, _turned(k)) for k in "zrh"),
    Mistake(
        "every V forward instead of back",
        _V_FORWARD,
        {
            "dq": lambda s: s.da_h @ s.p.V_h.T,
            "dh_gates": lambda s: s.da_z @ s.p.V_z.T + s.da_r @ s.p.V_r.T,
        },
    ),
    Mistake(
        "dV with h_t",
        _DV_STATE,
        {
            "dV_z": lambda s: _outer(s.da_z, _state_of(s)),
            "dV_r": lambda s: _outer(s.da_r, _state_of(s)),
            "dV_h": lambda s: _outer(s.da_h, s.r_t * _state_of(s)),
        },
    ),
    Mistake(
        "dV of the gates with r * h",
        "The gates looked at h_prev itself; only the candidate looked at r_t * h_prev.",
        {
            "dV_z": lambda s: _outer(s.da_z, s.r_t * s.h_prev),
            "dV_r": lambda s: _outer(s.da_r, s.r_t * s.h_prev),
        },
    ),
    Mistake(
        "dV transposed",
        "dV[j, k] says how the loss changes with V[j, k]: row j belongs to unit j's sum. Which of "
        "da and h stands on the left in the outer product?",
        _each(lambda _, line: lambda s: line(s).T, ("dV_z", "dV_r", "dV_h")),
    ),
    Mistake(
        "dW transposed",
        "dW must have the shape of W, (H, D). Which of da and x_t stands on the left in the outer "
        "product?",
        _each(lambda _, line: lambda s: line(s).T, ("dW_z", "dW_r", "dW_h")),
    ),
    Mistake(
        "mean over the batch",
        "The loss is a sum over the batch, so every example adds its gradient. Do you take a mean?",
        _scaled(lambda s: 1 / len(s.x_t), *_ALL),
    ),
    Mistake(
        "mean over the batch in db",
        "The loss is a sum over the batch, so every example adds its gradient. Do you take a mean?",
        _scaled(lambda s: 1 / len(s.x_t), "db_z", "db_r", "db_h"),
    ),
    Mistake(
        "db without the batch sum",
        "One bias serves every example of the batch. What happens to their gradients?",
        {
            "db_z": lambda s: s.da_z,
            "db_r": lambda s: s.da_r,
            "db_h": lambda s: s.da_h,
        },
    ),
    Mistake(
        "db over the units",
        "Your db sums over the units. One bias a unit serves every example: over which axis?",
        {
            "db_z": lambda s: s.da_z.sum(1),
            "db_r": lambda s: s.da_r.sum(1),
            "db_h": lambda s: s.da_h.sum(1),
        },
    ),
    Mistake(
        "z and r exchanged in dp",
        "The gradients of the update gate and those of the reset gate have changed places.",
        {
            **{f"d{k}_z": _BACKWARD[f"d{k}_r"] for k in "WVb"},
            **{f"d{k}_r": _BACKWARD[f"d{k}_z"] for k in "WVb"},
        },
    ),
    Mistake(
        "every sign turned",
        "Every gradient of a weight has the other sign. A gradient points uphill; the minus "
        "belongs to the step of the optimiser.",
        _scaled(lambda s: -1, *_ALL),
    ),
)

STEP_BACKWARD_MISTAKES = (
    *BLEND_BACKWARD,
    *SLOPES,
    *RESET_BACKWARD,
    *PATHS,
    *WEIGHTS_BACKWARD,
)


def _total(f: Callable[[list[Array]], Any]) -> dict[str, Line]:
    return {"dp": lambda s: {name: f(s.all(f"d{name}")) for name in WEIGHTS}}


SEQUENCE_BACKWARD_MISTAKES = (
    Mistake(
        "next step's gradient dropped",
        "h_t is used twice: by the loss at step t, and by step t + 1. Your dh_t holds the first "
        "only.",
        {"dh_t": lambda s: s.dh[s.at]},
    ),
    Mistake(
        "only the last step's loss",
        "There is a loss at every step. Does dh[t] come in at each of them, or at the last alone?",
        {"dh_t": lambda s: s.dh_next + (s.dh[s.at] if s.t == len(s.dh) - 1 else 0)},
    ),
    Mistake(
        "losses before the last added without their own step",
        "Each step's loss comes in at its own step: which dh[t] meets which h[t]?",
        {"dh_t": lambda s: s.dh[len(s.dh) - 1 - s.t] + s.dh_next},
    ),
    Mistake(
        "loop from the first step to the last",
        "Which step's gradient can be known first: the first one's, or the last one's? In which "
        "direction must the loop run?",
        {
            "at": lambda s: len(s.dh) - 1 - s.t,
            "dx": lambda s: s.stack("dx_t")[::-1],
        },
    ),
    Mistake(
        "carried without the own loss",
        "What goes back to step t - 1 is the gradient by h_prev, made from the whole of dh_t.",
        {"next_dh_next": lambda s: s.dh_prev - s.dh[s.at] * (1 - s.z_t)},
    ),
    Mistake(
        "dh_t carried, not dh_prev",
        "What step t sends back is the gradient by the state before it, not by its own state.",
        {"next_dh_next": lambda s: s.dh_t},
    ),
    Mistake(
        "only the kept path carried",
        "Backwards through time, h_{t-1} is reached by the kept share and through both gates and "
        "the candidate. You carry the first only.",
        {"next_dh_next": lambda s: s.dh_kept},
    ),
    Mistake(
        "carried gradients piled up",
        "dh_prev of step t holds all that came from later. Do you add it to what you had, or put "
        "it in its place?",
        {"next_dh_next": lambda s: s.dh_next + s.dh_prev},
    ),
    Mistake(
        "loss of step 0 added to dh0",
        "dh[0] belongs to the state after step 0, and went in there. Does any loss see h0 itself?",
        {"dh0": lambda s: s.all("dh_prev")[0] + s.dh[0]},
    ),
    Mistake(
        "h0 before every step",
        "Each step's V acted on the state just before it. Is that h0 for all of yours?",
        {"h_prev": lambda s: s.h0},
    ),
    Mistake(
        "h[t] for h[t - 1]",
        _DV_STATE,
        {"h_prev": lambda s: s.h[s.at]},
    ),
    Mistake(
        "zeros before the first step",
        "Before step 0 comes h0, and it is not zero.",
        {"h_prev": lambda s: s.h[s.at - 1] if s.at else np.zeros_like(s.h0)},
    ),
    Mistake(
        "the last state before the first step",
        "h[t - 1] at t = 0 is h[-1], and Python reads that as the last state. Which state comes "
        "before step 0?",
        {"h_prev": lambda s: s.h[s.at - 1]},
    ),
    Mistake(
        "weights' gradients overwritten",
        "The weights are the same at every step, so every step adds to their gradients. Is one of "
        "your lines an = where it should be a +=?",
        _total(lambda steps: steps[0]),
    ),
    Mistake(
        "weights' gradients of the last step",
        "The weights are the same at every step, so every step adds to their gradients. Yours are "
        "the last step's alone.",
        _total(lambda steps: steps[-1]),
    ),
    Mistake(
        "mean over time",
        "The loss is a sum over the steps, so every step adds its gradient. Do you take a mean?",
        _total(lambda steps: sum(steps) / len(steps)),
    ),
    Mistake(
        "dh0 is dh_t of step 0",
        "dh0 is the gradient by the state before step 0; yours is that by the state after it.",
        {"dh0": lambda s: s.all("dh_t")[0]},
    ),
    Mistake(
        "dx in the order of the loop",
        "The loop runs from the last step to the first. In which order do you collect dx?",
        {"dx": lambda s: s.stack("dx_t")[::-1]},
    ),
)
