"""What can go wrong in the plain RNN, h_t = tanh(W x_t + V h_{t-1} + b), forward and backward.

One step, the sequence of such steps, the step's backward pass and backpropagation through time: a
mistake in a step is the same change of the same line in its sequence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from rnnlab.cells import sigmoid
from rnnlab.params import Array, RNNParams
from rnnlab.questions.derivation import Derivation, Line, Mistake, Recurrence
from rnnlab.questions.gates import sum_mistakes


def weights(D: int, H: int, rng: np.random.Generator) -> RNNParams:
    """Weights large enough that tanh bends: all normal, of standard deviation 0.5."""
    return RNNParams(rng.normal(0, 0.5, (H, D)), rng.normal(0, 0.5, (H, H)), rng.normal(0, 0.5, H))


def _given(s: Any) -> tuple[Array, Array, Array, Array, Array]:
    return s.x_t, s.h_prev, s.p.W, s.p.V, s.p.b


def _sum(s: Any) -> Any:
    x, h, W, V, b = _given(s)
    return x @ W.T + h @ V.T + b


_STEP: dict[str, Line] = {"a": _sum, "h_t": lambda s: np.tanh(s.a)}

STEP = Derivation(("x_t", "h_prev", "p"), _STEP, returns=("h_t",))

FORWARD = Recurrence(
    ("x", "h0", "p"),
    first={"h_prev": lambda s: s.h0},
    step={"x_t": lambda s: s.x[s.t], **_STEP},
    carry={"h_prev": lambda s: s.h_t},
    collect={"h": lambda s: s.stack("h_t")},
    returns=("h",),
)

_ALL_OF_IT = (
    "Look at what goes through the tanh: the three terms are added first, and the sum is squashed "
    "once, all of it."
)

STEP_MISTAKES = (
    *sum_mistakes("", _given, "new state"),
    Mistake(
        "no tanh",
        "Some of your values lie outside -1 to 1: this is the pre-activation. What keeps a state "
        "from growing step after step?",
        {"h_t": lambda s: s.a},
    ),
    Mistake(
        "sigmoid for tanh",
        "None of your values is negative. The state of this network may have both signs: which "
        "function goes from -1 to 1?",
        {"h_t": lambda s: sigmoid(s.a)},
    ),
    Mistake(
        "ReLU for tanh",
        "Your state is never negative and has no upper bound. Which function goes from -1 to 1?",
        {"h_t": lambda s: np.maximum(s.a, 0.0)},
    ),
    Mistake(
        "old state added",
        "You add the new state to the old one. This network replaces it: the old state has a say "
        "only through V, inside the tanh.",
        {"h_t": lambda s: s.h_prev + np.tanh(s.a)},
    ),
    Mistake(
        "recurrent term outside the tanh",
        _ALL_OF_IT,
        {"h_t": lambda s: np.tanh(s.x_t @ s.p.W.T + s.p.b) + s.h_prev @ s.p.V.T},
    ),
    Mistake(
        "bias outside the tanh",
        _ALL_OF_IT,
        {"h_t": lambda s: np.tanh(s.x_t @ s.p.W.T + s.h_prev @ s.p.V.T) + s.p.b},
    ),
    Mistake(
        "two tanhs",
        _ALL_OF_IT,
        {"h_t": lambda s: np.tanh(s.x_t @ s.p.W.T) + np.tanh(s.h_prev @ s.p.V.T + s.p.b)},
    ),
    Mistake(
        "tanh twice",
        "Your values are all a little too small: the sum is squashed twice. How often does tanh "
        "stand in the equation?",
        {"h_t": lambda s: np.tanh(np.tanh(s.a))},
    ),
)

_NO_H0 = "Step 0 has a state before it too: h0. What do you use as h_{t-1} when t is 0?"

FORWARD_MISTAKES = (
    Mistake(
        "state not carried",
        "Every step starts from h0, as if nothing had been read before. What goes into step 1 as "
        "h_{t-1}?",
        {"next_h_prev": lambda s: s.h0},
    ),
    Mistake(
        "one array for all steps",
        "All rows hold the last state. A list that gets the same array T times holds one array T "
        "times: writing into it changes every row.",
        {"h": lambda s: np.stack([s.h_t] * len(s.x))},
    ),
    Mistake("h0 left out", _NO_H0, {"h_prev": lambda s: np.zeros_like(s.h0)}),
    Mistake(
        "pre-activation carried",
        "What is stored is right for one step; what is carried on has not been through the tanh.",
        {"next_h_prev": lambda s: s.a},
    ),
    Mistake(
        "states before the steps",
        "Your first row is h0 itself. h[t] is the state after step t: is it stored before the "
        "step is done?",
        {"h": lambda s: np.stack([s.h0, *s.all("h_t")[:-1]])},
    ),
    Mistake(
        "T + 1 rows",
        "h0 is what went in, not a step: T inputs leave T states.",
        {"h": lambda s: np.stack([s.h0, *s.all("h_t")])},
    ),
    Mistake(
        "only the last state",
        "This is the last state alone; asked for is the state after every step, (T, B, H).",
        {"h": lambda s: s.h_t},
    ),
    Mistake(
        "the first input at every step",
        "Each step reads its own input, x[t]; yours reads the first one again and again.",
        {"x_t": lambda s: s.x[0]},
    ),
    Mistake(
        "read from the end",
        "Your network reads the sequence from its end. Which input comes first?",
        {"x_t": lambda s: s.x[len(s.x) - 1 - s.t]},
    ),
    Mistake(
        "states in reverse order",
        "The states are right, but the first row is the last step's.",
        {"h": lambda s: s.stack("h_t")[::-1]},
    ),
    Mistake(
        "states added up",
        "Each of your rows holds the sum of all states so far. What is carried, and what is "
        "stored?",
        {"h": lambda s: np.cumsum(s.stack("h_t"), axis=0)},
    ),
)


def _dp(s: Any) -> Mapping[str, Array]:
    return {"W": s.dW, "V": s.dV, "b": s.db}


# with dh_t, x_t, h_prev and h_t at hand
_BACK: dict[str, Line] = {
    "slope": lambda s: 1 - s.h_t**2,
    "da": lambda s: s.dh_t * s.slope,
    "dx_t": lambda s: s.da @ s.p.W,
    "dh_prev": lambda s: s.da @ s.p.V,
    "dW_t": lambda s: s.da.T @ s.x_t,
    "dV_t": lambda s: s.da.T @ s.h_prev,
    "db_t": lambda s: s.da.sum(axis=0),
}

STEP_BACKWARD = Derivation(
    ("dh_t", "x_t", "h_prev", "p"),
    {
        **_STEP,
        **_BACK,
        "dp": lambda s: {"W": s.dW_t, "V": s.dV_t, "b": s.db_t},
    },
    returns=("dx_t", "dh_prev", "dp"),
)


def _states_before(s: Any) -> Array:
    """h_{t-1} at every step; the forward pass itself is no part of these questions."""
    return np.concatenate([s.h0[None], FORWARD(s.x, s.h0, s.p)])[:-1]


def _backward(*, backward: bool = True) -> Recurrence:
    return Recurrence(
        ("dh", "x", "h0", "p"),
        first={
            "before": _states_before,
            "dh_next": lambda s: np.zeros_like(s.h0),
        },
        step={
            "x_t": lambda s: s.x[s.t],
            "h_prev": lambda s: s.before[s.t],
            "dh_t": lambda s: s.dh[s.t] + s.dh_next,
            **_STEP,
            **_BACK,
        },
        carry={"dh_next": lambda s: s.dh_prev},
        collect={
            "dx": lambda s: s.stack("dx_t"),
            "dh0": lambda s: s.dh_next,
            "dW": lambda s: s.sum("dW_t"),
            "dV": lambda s: s.sum("dV_t"),
            "db": lambda s: s.sum("db_t"),
            "dp": _dp,
        },
        returns=("dx", "dh0", "dp"),
        backward=backward,
    )


BACKWARD = _backward()
# the loop that forgets `reversed`
FORWARDS_IN_TIME = _backward(backward=False)


def _weights(f: Callable[..., Any]) -> dict[str, Line]:
    """The same change of the gradients of W, V and b; `f` takes the scope and a step's `name`."""
    return {f"d{letter}": partial(f, name=f"d{letter}_t") for letter in "WVb"}


STEP_BACKWARD_MISTAKES = (
    Mistake(
        "tanh' missing",
        "Between h_t and the sum stands a tanh, and the gradient has to go back through it. What "
        "is its slope there?",
        {"slope": lambda s: np.ones_like(s.h_t)},
    ),
    Mistake(
        "1 - a^2",
        "The slope of tanh at a is one minus the square of tanh(a), not of a. Which of the two "
        "has a name already?",
        {"slope": lambda s: 1 - s.a**2},
    ),
    Mistake(
        "tanh of h_t in the slope",
        "h_t has been through the tanh already; in your slope it goes through once more.",
        {"slope": lambda s: 1 - np.tanh(s.h_t) ** 2},
    ),
    Mistake(
        "the sigmoid's slope",
        "h (1 - h) is the slope of a sigmoid. What is the slope of tanh, written with h_t?",
        {"slope": lambda s: s.h_t * (1 - s.h_t)},
    ),
    Mistake(
        "1 - h_t",
        "Close: the slope of tanh is one minus the square of h_t. At h_t = 0 it is 1, and it "
        "falls on both sides.",
        {"slope": lambda s: 1 - s.h_t},
    ),
    Mistake(
        "slope at the old state",
        "The slope belongs to this step's tanh, which gave h_t. Which state is in yours?",
        {"slope": lambda s: 1 - s.h_prev**2},
    ),
    Mistake(
        "divided by the slope",
        "Backwards, too, the chain rule multiplies. What happens to your gradient where tanh is "
        "flat?",
        {"da": lambda s: s.dh_t / s.slope},
    ),
    Mistake(
        "V for V^T",
        "Going back, V acts transposed. Forwards it was h_prev @ V.T; which of the two is it "
        "now? V is square, so both run.",
        {"dh_prev": lambda s: s.da @ s.p.V.T},
    ),
    Mistake(
        "V missing",
        "h_{t-1} went into the sum through V. Your gradient goes back to it without V.",
        {"dh_prev": lambda s: s.da},
    ),
    Mistake(
        "V from dh_t",
        "What goes back through V is the gradient of the sum, after the slope of tanh; yours "
        "takes dh_t itself there.",
        {"dh_prev": lambda s: s.dh_t @ s.p.V},
    ),
    Mistake(
        "slope of the step before",
        "Your gradient of h_{t-1} has a slope of its own on top. That slope belongs to the step "
        "before, which will put it there.",
        {"dh_prev": lambda s: (s.da @ s.p.V) * (1 - s.h_prev**2)},
    ),
    Mistake(
        "dx from dh_t",
        "The way back to x_t, too, leads through the tanh; yours takes dh_t itself to W.",
        {"dx_t": lambda s: s.dh_t @ s.p.W},
    ),
    Mistake(
        "dx through V",
        "x_t went into the sum through W; your gradient comes back through V.",
        {"dx_t": lambda s: s.da @ s.p.V},
    ),
    Mistake(
        "W for W^T",
        "Going back, W acts transposed: da has H numbers an example, dx_t must have D. With D == H "
        "only the values tell.",
        {"dx_t": lambda s: s.da @ s.p.W.T},
    ),
    Mistake(
        "dV with h_t",
        "V met the state before the step, h_{t-1}; your dV takes the one after it.",
        {"dV_t": lambda s: s.da.T @ s.h_t},
    ),
    Mistake(
        "dV transposed",
        "Row j of V belongs to unit j of the sum, and so does row j of dV. V is square, so nothing "
        "but the values tells.",
        {"dV_t": lambda s: s.h_prev.T @ s.da},
    ),
    Mistake(
        "dW transposed",
        "dW has the shape of W, (H, D): one row a unit of the sum. Which of the two factors gives "
        "the rows?",
        {"dW_t": lambda s: s.x_t.T @ s.da},
    ),
    Mistake(
        "weights from dh_t",
        "W, V and b act on the sum inside the tanh; your gradients of all three leave its slope "
        "out.",
        {
            "dW_t": lambda s: s.dh_t.T @ s.x_t,
            "dV_t": lambda s: s.dh_t.T @ s.h_prev,
            "db_t": lambda s: s.dh_t.sum(axis=0),
        },
    ),
    Mistake(
        "db from dh_t",
        "b is added inside the tanh; your db leaves its slope out.",
        {"db_t": lambda s: s.dh_t.sum(axis=0)},
    ),
    Mistake(
        "db without the batch sum",
        "One b serves every example, so its gradient adds up over the batch.",
        {"db_t": lambda s: s.da},
    ),
    Mistake(
        "db averaged over the batch",
        "Your db is the mean over the batch. The weights serve every example, and their "
        "gradients add up; a mean belongs into the loss, if at all.",
        {"db_t": lambda s: s.da.mean(axis=0)},
    ),
    Mistake(
        "all averaged over the batch",
        "Your gradients of the weights are means over the batch. The examples' gradients add up; "
        "a mean belongs into the loss, if at all, and has then come in with dh.",
        {
            "dW_t": lambda s: s.da.T @ s.x_t / len(s.da),
            "dV_t": lambda s: s.da.T @ s.h_prev / len(s.da),
            "db_t": lambda s: s.da.mean(axis=0),
        },
    ),
)

BACKWARD_MISTAKES = (
    Mistake(
        "dh from the next step dropped",
        "h_t does two things: it enters the loss at its own step, and it goes into step t + 1. "
        "Your dh_t hears of the first only.",
        {"dh_t": lambda s: s.dh[s.t]},
    ),
    Mistake(
        "only the last step's loss",
        "Your gradient starts at the last step and hears nothing of the loss at the others. At "
        "each step dh[t] comes on top.",
        {"dh_t": lambda s: s.dh[s.t] if s.t == len(s.dh) - 1 else s.dh_next},
    ),
    Mistake(
        "carry never emptied",
        "What step t sends back is meant for step t - 1 alone. Yours keeps adding to what it has "
        "already handed on.",
        {"next_dh_next": lambda s: s.dh_next + s.dh_prev},
    ),
    Mistake(
        "dh carried without the step",
        "You hand dh_t on as it is. On its way to h_{t-1} it goes through the tanh and through V.",
        {"next_dh_next": lambda s: s.dh_t},
    ),
    Mistake(
        "overwritten, not added",
        "The same W, V and b work at every step, so each step has a share in their gradients. "
        "Yours keep the share of step 0 only: is it = where it should add?",
        _weights(lambda s, name: s.all(name)[0]),
    ),
    Mistake(
        "averaged over time",
        "Your gradients of the weights are divided by T. The steps' shares add up.",
        _weights(lambda s, name: s.sum(name) / len(s.dh)),
    ),
    Mistake(
        "dx in reverse order",
        "The loop meets the last step first, so a list filled by append has it in front. dx[0] "
        "belongs to x[0].",
        {"dx": lambda s: s.stack("dx_t")[::-1]},
    ),
    Mistake(
        "dh0 before the first step",
        "Your dh0 is the gradient of the state after step 0. h0 is the state before it: one more "
        "way back through tanh and V.",
        {"dh0": lambda s: s.all("dh_t")[0]},
    ),
    Mistake(
        "dh0 zero",
        "The loss does depend on h0: it went into step 0. What does step 0 send back?",
        {"dh0": lambda s: np.zeros_like(s.h0)},
    ),
    Mistake(
        "h[-1] for h0",
        "At t = 0, h[t - 1] is the last state of all: Python counts from the end. Which state was "
        "there before step 0?",
        {"dV_t": lambda s: s.da.T @ (s.before[s.t] if s.t else _last_state(s))},
    ),
    Mistake(
        "first step left out of dV",
        "V was at work in step 0 too, on h0. Your dV has no share from there.",
        {"dV_t": lambda s: s.da.T @ (s.before[s.t] if s.t else np.zeros_like(s.h0))},
    ),
)


def _last_state(s: Any) -> Array:
    x, h, W, V, b = s.x[-1], s.before[-1], s.p.W, s.p.V, s.p.b
    last: Array = np.tanh(x @ W.T + h @ V.T + b)
    return last


def _state_after(s: Any) -> Array:
    after: Array = s.before[s.t + 1] if s.t + 1 < len(s.before) else _last_state(s)
    return after


# each step gets h[t + 1] of `states`, the state that it made itself, as its h_prev
STATE_AFTER = BACKWARD.but(h_prev=_state_after)
