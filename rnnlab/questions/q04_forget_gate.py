"""Exercise 04: the forget gate, how long a memory lasts, and a gate that obeys a token."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from rnnlab.params import Array
from rnnlab.questions import Misconception, Probe, Question
from rnnlab.questions.derivation import made_in
from rnnlab.questions.gates import (
    INPUT_AXES,
    explicit,
    gate,
    gate_inputs,
    gate_terms,
    sigmoid_mistakes,
    split_mistakes,
    sum_mistakes,
)

_GATE = gate("f", "f_t")

FORGET_GATE = Question(
    id="04.forget_gate",
    kind="function",
    title="the forget gate",
    points=3,
    inputs=gate_inputs("f"),
    reference=_GATE,
    returns=("f_t",),
    axes={"f_t": ("batch", "unit")},
    input_axes=INPUT_AXES,
    terms={"f_t": gate_terms("f")},
    hints=(
        "A gate is made in two stages: a weighted sum, then a squashing function. Print the sum "
        "for one example before you squash it.",
        "The sum has three terms: one for the input, one for the previous hidden state, and the "
        "bias. Features lie on the last axis, so W x becomes x @ W.T in code.",
        "Multiply x_t by the transpose of W_f, add h_prev times the transpose of V_f, add b_f, "
        "and put the sum through the sigmoid.",
    ),
    parallel="""A volume control v for a radio of H channels listens to D microphones m, and to
nothing else: v = sigmoid(K m + c), K (H, D), c (H,). For a batch m (B, D):

    def volume(m, K, c):
        loudness = m @ K.T + c  # (B, D) times (D, H) gives (B, H); c (H,) is added to each row
        return 1 / (1 + np.exp(-loudness))

Yours has one more term of the same form.""",
    misconceptions=made_in(
        _GATE,
        (
            *sum_mistakes("f", explicit("f")),
            *sigmoid_mistakes("f", "f_t"),
            *split_mistakes("f", "f_t", explicit("f")),
        ),
    ),
)


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
    parallel="""Savings grow by the factor g = 1.03 a year. When have they doubled?

    g ** t = 2        take the logarithm of both sides
    t ln g = ln 2     and divide
    t = ln 2 / ln g   = 23.4 years for g = 1.03

Yours shrinks instead of growing, and asks for a half.""",
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
            "half-life of 1 - f",
            "f is the share that is kept; 1 - f is the share that goes. Which gate remembers "
            "longer, 0.1 or 0.9?",
            lambda f: np.log(0.5) / np.log(1 - f),
        ),
        Misconception(
            "sign lost",
            "A half-life is a positive number of steps. The logarithm of 1/2 is negative, and so "
            "is that of f.",
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
        Misconception(
            "log of the quotient",
            "You take the logarithm of a quotient, which is a difference of logarithms. Take it of "
            "both sides of f**t = 1/2: what stands in front of t, and how do you get rid of it?",
            lambda f: np.log(0.5 / f),
        ),
        Misconception(
            "no log below",
            "You divide by f itself. Take the logarithm of both sides of f**t = 1/2: the left one "
            "is t times the logarithm of f.",
            lambda f: np.log(0.5) / f,
        ),
        Misconception(
            "the gate for a half-life",
            "That is the way from a half-life to its gate. Here the gate is given: solve "
            "f**t = 1/2 for t, not for f.",
            lambda f: 0.5 ** (1 / f),
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


_NOT_TIME = (
    "You multiply along another axis than time, so examples or units mix. Which of the three axes "
    "of f is time?"
)

BELT = Question(
    id="04.belt",
    kind="repair",
    title="a belt that forgets too little",
    points=2,
    inputs=_belt_inputs,
    reference=_belt,
    returns=("C",),
    axes={"C": ("time", "batch", "unit")},
    input_axes={"f": ("time", "batch", "unit"), "C_0": ("batch", "unit")},
    hints=(
        "Take one unit and T = 2, and follow C through the loop by hand.",
        "C_t = f_t * C_{t-1}: at every step the gate meets what the step before has left.",
        "Inside the loop, multiply f[t] by the C of the step before, not by C_0.",
    ),
    parallel="""A debt s_0 grows by the factor g_t in month t. After each month:

    s = s_0
    debts = []
    for g_t in g:        # one factor a month
        s = g_t * s      # each month starts with what the month before has left
        debts.append(s)

With g = (1.1, 1.2) and s_0 = 100 the debts are 110 and 132, not 110 and 120.""",
    misconceptions=(
        Misconception(
            "state not carried",
            "Right at t = 0, wrong from t = 1 on: what goes into step 1 as C_{t-1}?",
            lambda f, C_0: f * C_0,
        ),
        Misconception(
            "starts empty",
            "All of your C is 0: the first gate has met an empty cell. What is C_{t-1} at t = 0? "
            "(In NumPy, row t - 1 is then the last row.)",
            lambda f, C_0: np.zeros_like(f),
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
            "f to the power t",
            "f to the power t holds for a gate that stays the same. Here each step has its own "
            "gate: what has the step before left?",
            lambda f, C_0: f ** np.arange(1, len(f) + 1)[:, None, None] * C_0,
        ),
        Misconception(
            "multiplied along the batch",
            _NOT_TIME,
            lambda f, C_0: np.cumprod(f, axis=1) * C_0,
        ),
        Misconception(
            "multiplied along the units",
            _NOT_TIME,
            lambda f, C_0: np.cumprod(f, axis=2) * C_0,
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
# a gate goes one way with each number of h_prev, so its extremes lie at these
_CORNERS = np.array([[h_1, h_2] for h_1 in (-1.0, 1.0) for h_2 in (-1.0, 1.0)])


def _forget_on_reset() -> tuple[Array, Array, Array]:
    W_f = np.array([[0.0, 0.0, -20.0], [0.0, 0.0, -20.0]])
    return W_f, np.zeros((2, 2)), np.full(2, 10.0)


def _gate_per_token(weights: Any, probe: Probe) -> Mapping[str, Any]:
    """How the gate with these weights meets the tokens A, B and reset.

    After the first part that is wrong the others stay unknown, -1: wrong ideas are told apart by
    what they get wrong first.
    """
    W_f, V_f, b_f = weights

    def gates(h_prev: Array) -> Array:
        B = len(h_prev)
        return np.stack([_GATE(np.tile(x_t, (B, 1)), h_prev, W_f, V_f, b_f) for x_t in _TOKENS])

    at_rest, anywhere = gates(np.zeros((1, 2))), gates(_CORNERS)  # (token, state, unit)
    stands = np.sign(np.round(at_rest[:, 0] - 0.5, 6))  # 1 open, 0 half open, -1 closed
    seen = {
        "direction": (stands, np.array_equal(stands, [[1, 1], [1, 1], [-1, -1]])),
        "keeps": _truth(np.all(at_rest[:2] > 0.99)),
        "forgets": _truth(np.all(at_rest[2] < 0.01)),
        "whatever the state": _truth(np.all(anywhere[:2] > 0.99) and np.all(anywhere[2] < 0.01)),
    }
    known, result = True, {}
    for part, (value, right) in seen.items():
        result[part] = value if known else np.full_like(value, -1)
        known = known and right
    return result


def _truth(right: Any) -> tuple[Array, bool]:
    return np.array(float(right)), bool(right)


def _columns(on_A: Any, on_B: Any, on_reset: Any, b_f: float = 0.0) -> Callable[[], Any]:
    """Weights with these columns of W_f, each a number or one a unit, and no say of h_prev."""
    W_f = np.stack([np.broadcast_to(column, 2) for column in (on_A, on_B, on_reset)], axis=1)
    return lambda: (W_f.astype(float), np.zeros((2, 2)), np.full(2, b_f))


FORGET_ON_RESET = Question(
    id="04.forget_on_reset",
    kind="weights",
    title="a gate that obeys a token",
    points=3,
    inputs=lambda rng: [{}],
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
    parallel="""A lamp must be on (above 0.99) for the token "night" and off (below 0.01) for
"day", whatever else is going on. One unit, x one-hot, lamp = sigmoid(K x + c):

    night: K[0] + c must be above  4.6      say  6
    day:   K[1] + c must be below -4.6      say -6
    take c = 0, K = [6, -6]; or c = 6, K = [0, -12]: both do it.""",
    misconceptions=(
        Misconception(
            "mirrored",
            "It clears on A and B and keeps on reset: just the other way round. f_t near 1 keeps.",
            _columns(-10, -10, 10),
        ),
        Misconception(
            "always open",
            "It keeps whatever comes. The reset token must be able to outweigh the bias: is its "
            "column negative, and larger than the bias?",
            _columns(0, 0, 0, 10),
        ),
        Misconception(
            "always closed",
            "It clears whatever comes. What must bias plus column be on A and on B, where the gate "
            "is to keep?",
            _columns(0, 0, 0, -10),
        ),
        Misconception(
            "half open",
            "It clears on reset, but on A and B the sum is 0, and sigmoid(0) is only 0.5. What "
            "must bias plus column be there?",
            _columns(0, 0, -20),
        ),
        Misconception(
            "unit 2 always open",
            "Unit 1 does as it should. Unit 2 is open on reset too: look at the second row of W_f "
            "and at its bias.",
            _columns(0, 0, (-20, 0), 10),
        ),
        Misconception(
            "unit 1 always open",
            "Unit 2 does as it should. Unit 1 is open on reset too: look at the first row of W_f "
            "and at its bias.",
            _columns(0, 0, (0, -20), 10),
        ),
        *(
            Misconception(
                f"one unit for each letter, {other}",
                "Unit 1 opens on A alone and unit 2 on B alone. A unit does not stand for a token: "
                "each of the two must keep on A and on B.",
                _columns((10, column), (column, 10), -10),
            )
            for other, column in (("the other half open", 0), ("the other closed", -10))
        ),
        Misconception(
            "sum on A and B a little too small",
            "The gate does open on A and on B, but not far enough: sigmoid(4.6) is about 0.99. How "
            "large must bias plus column be?",
            _columns(4, 4, -4),
        ),
        Misconception(
            "column a little too small",
            "On reset the gate does close, but not far enough: sigmoid(-4.6) is about 0.01. How "
            "negative must bias plus column be?",
            _columns(0, 0, -12, 10),
        ),
        Misconception(
            "half open on reset",
            "On reset bias and column add up to 0, and sigmoid(0) is only 0.5. Which way must the "
            "sum go, and how far?",
            _columns(0, 0, -10, 10),
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
