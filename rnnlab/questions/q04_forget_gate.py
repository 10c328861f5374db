"""Exercise 04: the forget gate, how long a memory lasts, and a gate that obeys a token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rnnlab.cells import sigmoid
from rnnlab.params import Array
from rnnlab.questions import Misconception, Probe, Question


def _gate_inputs(rng: np.random.Generator) -> list[Probe]:
    return [_gate_probe(rng, B, D, H) for B, D, H in ((2, 3, 4), (3, 4, 4), (1, 5, 2))]


def _gate_probe(rng: np.random.Generator, B: int, D: int, H: int) -> Probe:
    return {
        "x_t": rng.standard_normal((B, D)),
        "h_prev": rng.uniform(-1, 1, (B, H)),
        "W_f": rng.normal(0, 0.5, (H, D)),
        "V_f": rng.normal(0, 0.5, (H, H)),
        "b_f": rng.normal(0, 0.5, H),
    }


def _forget_gate(x_t: Array, h_prev: Array, W_f: Array, V_f: Array, b_f: Array) -> Array:
    return sigmoid(x_t @ W_f.T + h_prev @ V_f.T + b_f)


FORGET_GATE = Question(
    id="04.forget_gate",
    kind="function",
    title="the forget gate",
    points=3,
    inputs=_gate_inputs,
    reference=_forget_gate,
    returns=("f_t",),
    axes={"f_t": ("batch", "unit")},
    terms={"x_t": "W_f x_t", "h_prev": "V_f h_{t-1}", "b_f": "b_f"},
    hints=(
        "A gate is made in two stages: a weighted sum, then a squashing function. Print the sum "
        "for one example before you squash it.",
        "The sum has three terms: one for the input, one for the previous hidden state, and the "
        "bias. Features lie on the last axis, so W x becomes x @ W.T in code.",
        "Multiply x_t by the transpose of W_f, add h_prev times the transpose of V_f, add b_f, "
        "and put the sum through the sigmoid.",
    ),
    misconceptions=(
        Misconception(
            "W and V swapped",
            "Which matrix belongs to the input? W acts on x_t, V on h_prev; when D == H nothing "
            "but the values tells you.",
            lambda x, h, W, V, b: sigmoid(x @ V.T + h @ W.T + b),
        ),
        Misconception(
            "bias missing",
            "The sum has three terms. Which one is there even when x_t and h_prev are zero?",
            lambda x, h, W, V, b: sigmoid(x @ W.T + h @ V.T),
        ),
        Misconception(
            "bias twice",
            "Count how often b_f enters your sum. (torch keeps two biases that add up; the "
            "equation here has one.)",
            lambda x, h, W, V, b: sigmoid(x @ W.T + h @ V.T + 2 * b),
        ),
        Misconception(
            "recurrent term missing",
            "Your gate looks at the input alone. What else does the equation let it see?",
            lambda x, h, W, V, b: sigmoid(x @ W.T + b),
        ),
        Misconception(
            "input term missing",
            "Your gate looks at the past alone. What else does the equation let it see?",
            lambda x, h, W, V, b: sigmoid(h @ V.T + b),
        ),
        Misconception(
            "tanh for sigmoid",
            "Some of your values are negative. A gate says how much to let through: which "
            "function stays between 0 and 1?",
            lambda x, h, W, V, b: np.tanh(x @ W.T + h @ V.T + b),
        ),
        Misconception(
            "no squashing",
            "Some of your values lie outside 0 to 1: this is the pre-activation. What turns it "
            "into a gate?",
            lambda x, h, W, V, b: x @ W.T + h @ V.T + b,
        ),
        Misconception(
            "1 - f",
            "Your gate is the mirror image: it is open where it should be closed. f_t near 1 "
            "keeps. Which sign stands in the exponent?",
            lambda x, h, W, V, b: sigmoid(-(x @ W.T + h @ V.T + b)),
        ),
        Misconception(
            "bias outside the sigmoid",
            "The bias joins the sum before it is squashed; added afterwards it can push a gate "
            "out of 0 to 1.",
            lambda x, h, W, V, b: sigmoid(x @ W.T + h @ V.T) + b,
        ),
        Misconception(
            "two sigmoids",
            "The terms are added first and squashed once, together.",
            lambda x, h, W, V, b: sigmoid(x @ W.T) + sigmoid(h @ V.T + b),
        ),
        Misconception(
            "softmax over the units",
            "Your values add up to 1 over the units, as if they had to share. Each unit's gate "
            "opens and closes by itself.",
            lambda x, h, W, V, b: _softmax(x @ W.T + h @ V.T + b),
        ),
        Misconception(
            "h @ V without the transpose",
            "V_f is square, so h_prev @ V_f runs; but row j of V_f belongs to unit j. In code "
            "V h is h @ V.T.",
            lambda x, h, W, V, b: sigmoid(x @ W.T + h @ V + b),
        ),
        Misconception(
            "x @ W without the transpose",
            "W_f has shape (H, D): one row a unit. In code W x is x @ W.T; without the "
            "transpose it runs only when D == H.",
            lambda x, h, W, V, b: sigmoid(x @ W + h @ V.T + b),
        ),
        Misconception(
            "x @ W and h @ V without the transpose",
            "Neither product is transposed. W_f and V_f have one row a unit: in code W x is "
            "x @ W.T and V h is h @ V.T.",
            lambda x, h, W, V, b: sigmoid(x @ W + h @ V + b),
        ),
    ),
)


def _softmax(a: Array) -> Array:
    e = np.exp(a - a.max(-1, keepdims=True))
    result: Array = e / e.sum(-1, keepdims=True)
    return result


def _half_life_inputs(rng: np.random.Generator) -> list[Probe]:
    return [{"f": rng.uniform(0.05, 0.95, 12)}, {"f": 1 - 10 ** rng.uniform(-4, -2, 8)}]


def _half_life(f: Array) -> Array:
    result: Array = np.log(0.5) / np.log(f)
    return result


HALF_LIFE = Question(
    id="04.half_life",
    kind="function",
    title="the half-life of a memory",
    points=2,
    inputs=_half_life_inputs,
    reference=_half_life,
    returns=("half-life",),
    axes={"half-life": ("unit",)},
    hints=(
        "After t steps of a constant gate, C is f**t of what it was. When is that one half?",
        "Solve f**t = 1/2 for t: take the logarithm of both sides.",
        "Divide the logarithm of one half by the logarithm of f; do not round.",
    ),
    misconceptions=(
        Misconception(
            "subtracted, not multiplied",
            "You let the gate take the same amount away at every step. It takes the same share: "
            "90 % of 90 % of 90 % ...",
            lambda f: 0.5 / (1 - f),
        ),
        Misconception(
            "time constant",
            "1 / (1 - f) is when about a third (1/e) is left, and only for f near 1. Half is "
            "gone earlier.",
            lambda f: 1 / (1 - f),
        ),
        Misconception(
            "fraction upside down",
            "Your value falls when f rises towards 1, but a gate near 1 remembers longer. Turn "
            "the fraction round?",
            lambda f: np.log(f) / np.log(0.5),
        ),
        Misconception(
            "sign lost",
            "A half-life is a positive number of steps. Both logarithms are negative.",
            lambda f: np.log(2) / np.log(f),
        ),
        Misconception(
            "until 1/e is left",
            "That is when 1/e, about a third, is left. Half is gone earlier: put 1/2 where you "
            "have 1/e.",
            lambda f: -1 / np.log(f),
        ),
        Misconception(
            "rounded",
            "The equation f**t = 1/2 has a solution between whole steps. Leave it unrounded.",
            lambda f: np.round(np.log(0.5) / np.log(f)),
        ),
        Misconception(
            "rounded up",
            "The equation f**t = 1/2 has a solution between whole steps. Leave it unrounded.",
            lambda f: np.ceil(np.log(0.5) / np.log(f)),
        ),
        Misconception(
            "rounded down",
            "The equation f**t = 1/2 has a solution between whole steps. Leave it unrounded.",
            lambda f: np.floor(np.log(0.5) / np.log(f)),
        ),
        Misconception(
            "half of the gate",
            "You asked when f**t is f/2. Half of the memory is gone when f**t is 1/2.",
            lambda f: np.log(0.5 * f) / np.log(f),
        ),
    ),
)


def _belt_inputs(rng: np.random.Generator) -> list[Probe]:
    sizes = ((5, 2, 3), (4, 3, 2), (6, 1, 4))
    return [
        {"f": rng.uniform(0.2, 0.95, (T, B, H)), "C_0": rng.normal(0, 1, (B, H))}
        for T, B, H in sizes
    ]


def _belt(f: Array, C_0: Array) -> Array:
    return np.cumprod(f, axis=0) * C_0


BELT = Question(
    id="04.belt",
    kind="repair",
    title="a belt that forgets too little",
    points=2,
    inputs=_belt_inputs,
    reference=_belt,
    returns=("C",),
    axes={"C": ("time", "batch", "unit")},
    terms={},
    hints=(
        "Take one unit and T = 2, and follow C through the loop by hand.",
        "C_t = f_t * C_{t-1}: at every step the gate meets what the step before has left.",
        "Inside the loop, multiply f[t] by the C of the step before, not by C_0.",
    ),
    misconceptions=(
        Misconception(
            "state not carried",
            "Right at t = 0, wrong from t = 1 on: what goes into step 1 as C_{t-1}?",
            lambda f, C_0: f * C_0,
        ),
        Misconception(
            "only the last state",
            "This is the last state alone; asked for is the belt at every step, shape (T, B, H).",
            lambda f, C_0: np.prod(f, axis=0) * C_0,
        ),
        Misconception(
            "starts with C_0",
            "Your first row is C_0 itself. C[0] is the state after the first gate.",
            lambda f, C_0: np.concatenate([C_0[None], (np.cumprod(f, axis=0) * C_0)[:-1]]),
        ),
        Misconception(
            "first gate skipped",
            "Your first row is C_0 itself: the first gate has not been at work. What is C_{t-1} "
            "at t = 0?",
            lambda f, C_0: np.cumprod(np.concatenate([np.ones_like(f[:1]), f[1:]]), axis=0) * C_0,
        ),
        Misconception(
            "T + 1 rows",
            "C_0 is what went in, not a step: T gates leave T states.",
            lambda f, C_0: np.concatenate([C_0[None], np.cumprod(f, axis=0) * C_0]),
        ),
        Misconception(
            "gate applied twice",
            "The gate of each step is at work twice: once when C is stored and once when it is "
            "carried.",
            lambda f, C_0: np.cumprod(f, axis=0) * f * C_0,
        ),
        Misconception(
            "the same gate at every step",
            "Each step has its own gate, f[t]; yours uses the first one all the time.",
            lambda f, C_0: np.cumprod(np.broadcast_to(f[0], f.shape), axis=0) * C_0,
        ),
        Misconception(
            "1 - f",
            "f is the share that is kept; 1 - f is the share that goes.",
            lambda f, C_0: np.cumprod(1 - f, axis=0) * C_0,
        ),
        Misconception(
            "f + C",
            "A gate multiplies; yours adds.",
            lambda f, C_0: np.cumsum(f, axis=0) + C_0,
        ),
    ),
)


# the three tokens of the exercise, one-hot rows
_TOKENS = np.eye(3)


def _reset_inputs(rng: np.random.Generator) -> list[Probe]:
    return [{"h_prev": rng.uniform(-1, 1, (8, 2))}, {"h_prev": np.ones((1, 2))}]


def _forget_on_reset() -> tuple[Array, Array, Array]:
    W_f = np.array([[0.0, 0.0, -20.0], [0.0, 0.0, -20.0]])
    return W_f, np.zeros((2, 2)), np.full(2, 10.0)


def _gate_per_token(weights: Any, probe: Probe) -> Mapping[str, Any]:
    """How the gate with these weights meets the tokens A, B and reset: truth values."""
    W_f, V_f, b_f = weights

    def gates(h_prev: Array) -> list[Array]:
        B = len(h_prev)
        return [_forget_gate(np.tile(x_t, (B, 1)), h_prev, W_f, V_f, b_f) for x_t in _TOKENS]

    at_rest = gates(np.zeros((1, 2)))
    any_state = gates(probe["h_prev"])
    return {
        "direction": np.array([np.all(f > 0.5) for f in at_rest[:2]] + [np.all(at_rest[2] < 0.5)]),
        "keeps": np.array([np.all(f > 0.99) for f in at_rest[:2]]),
        "forgets": np.array(np.all(at_rest[2] < 0.01)),
        "whatever the state": np.array(
            [np.all(f > 0.99) for f in any_state[:2]] + [np.all(any_state[2] < 0.01)]
        ),
    }


FORGET_ON_RESET = Question(
    id="04.forget_on_reset",
    kind="weights",
    title="a gate that obeys a token",
    points=3,
    inputs=_reset_inputs,
    reference=_forget_on_reset,
    returns=("W_f", "V_f", "b_f"),
    axes={"W_f": ("unit", "token"), "V_f": ("unit", "unit"), "b_f": ("unit",)},
    arguments=(),
    observe=_gate_per_token,
    complaints={
        "direction": "With h_prev zero, every unit's gate should be open (above 0.5) on A and B "
        "and closed (below 0.5) on reset. Yours is not: work out bias plus column for each token.",
        "keeps": "It opens on A and B and closes on reset, but it does not keep well enough: on A "
        "and B every unit's gate must be above 0.99.",
        "forgets": "It keeps on A and B, but it does not clear well enough: on reset every unit's "
        "gate must be below 0.01.",
        "whatever the state": "All is right while h_prev is zero, and wrong for some h_prev "
        "between -1 and 1: the hidden state has a say in your gate.",
    },
    hints=(
        "For a one-hot x_t, W_f x_t picks one column of W_f. So each token has its own column: "
        "a number a unit that is added to the bias.",
        "sigmoid(4.6) is about 0.99 and sigmoid(-4.6) about 0.01. What must bias plus column be "
        "for A, for B, for reset? And what must V_f be, if h_prev is to have no say?",
        "Take V_f zero, a bias well above 4.6, zero columns for A and B, and for reset a column "
        "negative enough to bring the sum well below -4.6.",
    ),
    misconceptions=(
        Misconception(
            "mirrored",
            "It clears on A and B and keeps on reset: just the other way round. f_t near 1 keeps.",
            lambda: (np.full((2, 1), 20.0) * _TOKENS[2], np.zeros((2, 2)), np.full(2, -10.0)),
        ),
        Misconception(
            "always open",
            "It keeps whatever comes. The reset token must be able to outweigh the bias: is its "
            "column negative, and larger than the bias?",
            lambda: (np.zeros((2, 3)), np.zeros((2, 2)), np.full(2, 10.0)),
        ),
        Misconception(
            "never open",
            "It clears on reset, but it never keeps. With zero columns for A and B the bias alone "
            "decides, and sigmoid(0) is only 0.5.",
            lambda: (np.full((2, 1), -20.0) * _TOKENS[2], np.zeros((2, 2)), np.zeros(2)),
        ),
        Misconception(
            "column a little too small",
            "On reset the gate does close, but not far enough: sigmoid(-4.6) is about 0.01. How "
            "negative must bias plus column be?",
            lambda: (np.full((2, 1), -12.0) * _TOKENS[2], np.zeros((2, 2)), np.full(2, 10.0)),
        ),
        Misconception(
            "V_f has a say",
            "h_prev may be anything between -1 and 1, and V_f lets it move the gate. Which V_f "
            "gives it no say at all?",
            lambda: (np.full((2, 1), -20.0) * _TOKENS[2], np.full((2, 2), 8.0), np.full(2, 10.0)),
        ),
    ),
)


QUESTIONS = (FORGET_GATE, HALF_LIFE, BELT, FORGET_ON_RESET)
