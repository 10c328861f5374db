"""Exercise 01: one step, the loop, the readout, counting, and an echo from three steps ago."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

import numpy as np

from rnnlab.cells import sigmoid
from rnnlab.params import Array, RNNParams
from rnnlab.questions import Misconception, Probe, Question
from rnnlab.questions.derivation import Derivation, Mistake, made_in
from rnnlab.questions.rnn import (
    FORWARD,
    FORWARD_MISTAKES,
    STEP,
    STEP_MISTAKES,
    weights,
)


def _step_inputs(rng: np.random.Generator) -> list[Probe]:
    return [
        {
            "x_t": rng.standard_normal((B, D)),
            "h_prev": rng.uniform(-1, 1, (B, H)),
            "p": weights(D, H, rng),
        }
        for B, D, H in ((2, 3, 4), (3, 4, 4), (1, 5, 2))
    ]


RNN_STEP = Question(
    id="01.rnn_step",
    kind="function",
    title="one step",
    points=2,
    inputs=_step_inputs,
    reference=STEP,
    returns=("h_t",),
    axes={"h_t": ("batch", "unit")},
    input_axes={"x_t": ("batch", "input"), "h_prev": ("batch", "unit")},
    terms={"h_t": {"x_t": "W x_t", "h_prev": "V h_{t-1}", "b": "b"}},
    hints=(
        "A step is made in two stages: a weighted sum, then the tanh. Print the shape of each of "
        "the three terms of the sum before you add them.",
        "The new state is the tanh of W x_t plus V h_{t-1} plus b. Features lie on the last axis, "
        "so W x becomes x @ W.T in code.",
        "Multiply x_t by the transpose of p.W, add h_prev times the transpose of p.V, add p.b, and "
        "put all of it through np.tanh.",
    ),
    parallel="""A mood m has H sides. It listens to the weather w (D numbers) and to nothing else:
m = tanh(K w + c), K (H, D), c (H,). For a batch w (B, D):

    def mood(w, K, c):
        return np.tanh(w @ K.T + c)  # (B, D) times (D, H) gives (B, H); c (H,) joins each row

Yours has a memory: one more term of the same form, with the state before the step.""",
    misconceptions=made_in(STEP, STEP_MISTAKES),
)


def _sequence_inputs(rng: np.random.Generator) -> list[Probe]:
    return [
        {
            "x": rng.standard_normal((T, B, D)),
            "h0": rng.uniform(-1, 1, (B, H)),
            "p": weights(D, H, rng),
        }
        for T, B, D, H in ((5, 2, 3, 4), (4, 3, 2, 2), (3, 1, 2, 5))
    ]


_H0_FIRST = Mistake(
    "h0 for the first step",
    "Your first row is h0 itself, and x[0] is never read. h[0] is the state after step 0: what "
    "goes into that step?",
    {"h": lambda s: np.concatenate([s.h0[None], FORWARD(s.x[1:], s.h0, s.p)])},
)

RNN_FORWARD = Question(
    id="01.rnn_forward",
    kind="repair",
    title="a network that is always at the end",
    points=2,
    inputs=_sequence_inputs,
    reference=FORWARD,
    returns=("h",),
    axes={"h": ("time", "batch", "unit")},
    input_axes={"x": ("time", "batch", "input"), "h0": ("batch", "unit")},
    terms={"h": {"x": "W x_t", "V": "V h_{t-1}", "b": "b"}},
    hints=(
        "Print the first row of h after each turn of the loop. It should be settled after the "
        "first turn.",
        "h[t] is the state after step t, and no later step may change it. Is a new array made in "
        "each turn, or is one array written over?",
        "In each turn, let the name h_t stand for the new array that np.tanh gives, instead of "
        "writing the new numbers into the old array; then store it.",
    ),
    parallel="""A diary of a balance, one entry a day:

    def diary(payments, start):
        balance = start
        days = []
        for payment in payments:
            balance = balance + payment  # a new array, and the name moves on to it
            days.append(balance)
        return np.stack(days)

With balance += payment in its place, every entry would be the same array, which shows the last
day everywhere; and so would the caller's `start`.""",
    misconceptions=made_in(FORWARD, (*FORWARD_MISTAKES, _H0_FIRST, *STEP_MISTAKES)),
)


def _readout_inputs(rng: np.random.Generator) -> list[Probe]:
    return [
        {
            "h": rng.uniform(-1, 1, (T, B, H)),
            "U": rng.normal(0, 1, (K, H)),
            "c": rng.normal(0, 1, K),
        }
        for T, B, H, K in ((5, 2, 4, 3), (3, 4, 2, 2), (4, 1, 3, 5))
    ]


_READOUT = Derivation(
    ("h", "U", "c"),
    {"a": lambda s: s.h @ s.U.T + s.c, "y": lambda s: s.a},
    returns=("y",),
)

_ONLY_LAST = (
    "This is the reading of the last state alone, many-to-one. Asked for is one at every step: "
    "what happens to the time axis?"
)

READOUT = Question(
    id="01.readout",
    kind="line",
    title="the readout",
    points=1,
    inputs=_readout_inputs,
    reference=_READOUT,
    returns=("y",),
    axes={"y": ("time", "batch", "output")},
    input_axes={"h": ("time", "batch", "unit")},
    terms={"y": {"h": "U h_t", "c": "c"}},
    hints=(
        "The readout looks at one state at a time, and at each in the same way. Does it need a "
        "loop over time?",
        "y_t is U h_t plus c. Features lie on the last axis of h, whatever axes stand before it.",
        "Multiply h, all of it, by the transpose of U, and add c.",
    ),
    parallel="""Prices p (days, shops, goods) and a basket n (baskets, goods): what does each
basket cost, on each day and in each shop, with a fee a basket?

    cost = p @ n.T + fee  # (days, shops, goods) times (goods, baskets): (days, shops, baskets)

The product takes the last axis and leaves the others alone.""",
    misconceptions=made_in(
        _READOUT,
        (
            Mistake(
                "U without the transpose",
                "U has one row an output, (K, H). In code U h is h @ U.T; without the transpose "
                "it runs only when K == H.",
                {"a": lambda s: s.h @ s.U + s.c},
            ),
            Mistake(
                "c missing",
                "What does your readout say when the state is zero? It should say c.",
                {"a": lambda s: s.h @ s.U.T},
            ),
            Mistake(
                "c subtracted",
                "Both terms are added. Which sign does c have in yours?",
                {"a": lambda s: s.h @ s.U.T - s.c},
            ),
            Mistake(
                "tanh on the readout",
                "Your readout never leaves -1 to 1. The tanh belongs to the state; a readout may "
                "be any number, such as a temperature.",
                {"y": lambda s: np.tanh(s.a)},
            ),
            Mistake(
                "sigmoid on the readout",
                "Your readout never leaves 0 to 1. In this equation nothing is squashed.",
                {"y": lambda s: sigmoid(s.a)},
            ),
            Mistake(
                "softmax on the readout",
                "Your outputs add up to 1. Softmax makes probabilities of a readout, when the "
                "task asks for a class; it is no part of the readout itself.",
                {"y": lambda s: np.exp(s.a) / np.exp(s.a).sum(axis=-1, keepdims=True)},
            ),
            Mistake("only the last step", _ONLY_LAST, {"y": lambda s: s.a[-1]}),
            Mistake(
                "summed over time",
                "You add the readings up over time. Asked for is one at every step.",
                {"y": lambda s: s.a.sum(axis=0)},
            ),
            Mistake(
                "tanh of the state once more",
                "h has been through the tanh in the step already; you squash it once more.",
                {"a": lambda s: np.tanh(s.h) @ s.U.T + s.c},
            ),
            Mistake(
                "first step skipped",
                "One reading is missing: T states give T of them, the first state's too.",
                {"y": lambda s: s.a[1:]},
            ),
        ),
    ),
)


def _parameters(count: Callable[[int, int, int, int], int]) -> Callable[..., Any]:
    """The answer for sizes of the learner's own, and `count`'s number for them."""

    def answer(T: int = 7, D: int = 3, H: int = 5, K: int = 4) -> tuple[int, int, int, int, int]:
        sizes = (T, D, H, K)
        if any(n != int(n) or not 2 <= n <= 1000 for n in sizes) or len(set(sizes)) < 4:
            raise ValueError("they must be four different whole numbers from 2 to 1000")
        return T, D, H, K, count(T, D, H, K)

    return answer


_right_number = _parameters(lambda T, D, H, K: H * (D + H + 1) + K * (H + 1))


def _against_the_right_one(answer: Any, probe: Probe) -> Mapping[str, Any]:
    *sizes, number = (part.item() for part in answer)
    right = _right_number(*sizes)[-1]
    return {"too many": max(number - right, 0), "too few": max(right - number, 0)}


def _own_numbers(rng: np.random.Generator) -> list[Probe]:
    return [{}]


_OVER_TIME = (
    "Your number grows with T. Do the weights change from step to step, or are the same ones used "
    "again?"
)
_ONE_BIAS = (
    "Each unit of the state has one number of its own besides its rows of W and V, and so has each "
    "output besides its row of U. Are all of them counted?"
)

PARAMETERS = Question(
    id="01.parameters",
    kind="number",
    title="parameters of a network of your own",
    points=2,
    inputs=_own_numbers,
    reference=_right_number,
    returns=("T", "D", "H", "K", "parameters"),
    axes=dict.fromkeys(("T", "D", "H", "K", "parameters"), ()),
    arguments=(),
    own=("T", "D", "H", "K"),
    observe=_against_the_right_one,
    complaints={
        "too many": "A network of your sizes has fewer parameters than that.",
        "too few": "A network of your sizes has more parameters than that.",
    },
    hints=(
        "Write down the five arrays and the shape of each: W, V, b, U, c. Then count.",
        "W is (H, D), V is (H, H), b is (H,), U is (K, H), c is (K,). The sequence may be as long "
        "as it likes.",
        "Add H times D, H times H, H, K times H, and K.",
    ),
    parallel="""A translator of one word at a time, without memory: hidden = tanh(A w + a),
out = B hidden + b, with D = 10, H = 6, K = 4.

    A (6, 10): 60     a (6,): 6     B (4, 6): 24     b (4,): 4     together 94

It may translate a book or a line: 94 numbers. Yours has one matrix more.""",
    misconceptions=tuple(
        Misconception(name, hint, _parameters(count))
        for name, hint, count in (
            (
                "times T",
                _OVER_TIME,
                lambda T, D, H, K: T * (H * (D + H + 1) + K * (H + 1)),
            ),
            ("step times T", _OVER_TIME, lambda T, D, H, K: T * H * (D + H + 1) + K * (H + 1)),
            ("readout times T", _OVER_TIME, lambda T, D, H, K: H * (D + H + 1) + T * K * (H + 1)),
            (
                "V between the steps",
                _OVER_TIME,
                lambda T, D, H, K: H * (D + 1) + (T - 1) * H * H + K * (H + 1),
            ),
            ("no biases", _ONE_BIAS, lambda T, D, H, K: H * (D + H) + K * H),
            ("b missing", _ONE_BIAS, lambda T, D, H, K: H * (D + H) + K * (H + 1)),
            ("c missing", _ONE_BIAS, lambda T, D, H, K: H * (D + H + 1) + K * H),
            (
                "one bias for all units",
                _ONE_BIAS,
                lambda T, D, H, K: H * (D + H) + 1 + K * H + 1,
            ),
            (
                "two biases, or h0 counted",
                "You count one number a unit too many. A second bias, as torch keeps one? (The two "
                "only ever act as their sum.) Or h0, which you hand in and training leaves alone?",
                lambda T, D, H, K: H * (D + H + 2) + K * (H + 1),
            ),
            (
                "V missing",
                "This is a network without memory. Which matrix leads from one state to the next, "
                "and what is its shape?",
                lambda T, D, H, K: H * (D + 1) + K * (H + 1),
            ),
            (
                "V a vector",
                "V is a matrix: each unit of the new state listens to all H units of the old one, "
                "not to itself alone.",
                lambda T, D, H, K: H * (D + 2) + K * (H + 1),
            ),
            (
                "V with the shape of W",
                "V acts on the state, not on the input: how many columns must it have?",
                lambda T, D, H, K: H * (2 * D + 1) + K * (H + 1),
            ),
            (
                "readout missing",
                "The step is counted right, and something is missing: the network also has to say "
                "something. What belongs to the readout?",
                lambda T, D, H, K: H * (D + H + 1),
            ),
            (
                "readout from the input",
                "The readout looks at the state, not at the input: how many columns has U?",
                lambda T, D, H, K: H * (D + H + 1) + K * (D + 1),
            ),
        )
    ),
)


# the network, the lag and the bar of the exercise's text
_LAG = 3
_BAR = 0.05


@cache
def echo_network() -> RNNParams:
    """The network of the last question, which its learner may only read out."""
    return RNNParams.init(1, 20, np.random.default_rng(1), weights="glorot")


def _heard(x: Array) -> Array:
    p = echo_network()
    h: Array = FORWARD(x, np.zeros((x.shape[1], p.hidden_size)), p)
    return h


def _echo_inputs(rng: np.random.Generator) -> list[Probe]:
    return [{"x": rng.uniform(-1, 1, (150, 4, 1))}]


@cache
def _exam(x: bytes) -> tuple[Array, Array]:
    """Sequences that nobody has trained on, and the states that they leave."""
    sequences = np.frombuffer(x).reshape(150, 4, 1)
    return sequences, _heard(sequences)


def _echo(answer: Any, probe: Probe) -> Mapping[str, Any]:
    """How these weights echo: truth values, and the lag that they echo most."""
    U, c = answer
    x, h = _exam(probe["x"].tobytes())
    y = h @ U.T + c
    y, first = y[6:], 6  # from here on there is an input of every lag up to 6

    def likeness(lag: int) -> float:
        past = x[first - lag : len(x) - lag]
        return float(np.mean((y - y.mean()) * past))

    moves, calm = bool(y.std() > 0.15), bool(y.std() < 0.8)
    return {
        "moves": np.array(moves),
        "calm": np.array(calm),
        # what hardly moves, or swings wildly, is like any lag by chance
        "lag": np.array(max(range(7), key=likeness) if moves and calm else _LAG),
        "close": np.array(np.mean((y - x[first - _LAG : len(x) - _LAG]) ** 2) < _BAR),
    }


def _trained(
    lag: int = _LAG,
    sequence: tuple[int, int] = (200, 8),
    steps: int | None = None,
    shuffled: bool = False,
) -> tuple[Array, Array]:
    """The readout after training: least squares, or so many steps down the gradient from zero."""
    x = np.random.default_rng(10).uniform(-1, 1, (*sequence, 1))
    h = _heard(x)
    past, future = max(lag, 0), max(-lag, 0)
    states, wanted = h[past : len(h) - future], x[future : len(x) - past]
    if shuffled:
        wanted = wanted.swapaxes(0, 1)
    F = np.column_stack([states.reshape(-1, h.shape[-1]), np.ones(states[..., 0].size)])
    target = wanted.reshape(-1, 1)
    if steps is None:
        w = np.linalg.lstsq(F, target, rcond=None)[0]
    else:
        w = np.zeros((F.shape[1], 1))
        for _ in range(steps):
            w -= 0.5 * F.T @ (F @ w - target) / len(F)
    return w[:-1].T, w[-1]


def _silent() -> tuple[Array, Array]:
    return np.zeros((1, 20)), np.zeros(1)


_HARDLY = (
    "That is what training leaves when it has hardly begun, or when the pairs teach nothing. Does "
    "the error still fall? Then go on. If not: do the pairs belong together, the same example, and "
    "an input that the state has already heard, three steps before it? Compare one row of each by "
    "eye."
)

ECHO = Question(
    id="01.echo",
    kind="training",
    title="an echo from three steps ago",
    points=3,
    inputs=_echo_inputs,
    reference=cache(_trained),
    returns=("U", "c"),
    axes={"U": ("output", "unit"), "c": ("output",)},
    arguments=(),
    observe=_echo,
    complaints={
        "moves": "Your readout says nearly the same whatever it hears.",
        "calm": "On new sequences the values of your readout swing far beyond the inputs, which "
        "lie between -1 and 1.",
        "lag": "Your readout does echo an input, but not the one of three steps ago.",
        "close": "Your readout echoes x_{t-3}, but not closely enough: on new sequences the mean "
        "squared error is not below 0.05.",
    },
    hints=(
        "First make pairs: a state, and the input three steps before it. For the states of t = 3, "
        "4, 5, ... which slice of h is that, and which slice of x?",
        "With the pairs in rows, F (N, H) and target (N, 1), this is a linear regression: find U "
        "and c that make F U^T + c close to the target. Either go down the gradient of the mean "
        "squared error, or let np.linalg.lstsq solve it.",
        "Draw many sequences, run them through the network from a zero state, pair h[3:] with "
        "x[:-3], put a column of ones beside the states, and solve by least squares: the last "
        "weight is c.",
    ),
    parallel="""From the states s (N, 4) of a machine, read its temperature v (N,):

    F = np.column_stack([s, np.ones(N)])           # the ones carry the constant
    w, *_ = np.linalg.lstsq(F, v, rcond=None)      # five numbers
    U, c = w[:-1], w[-1]

or by going down the gradient of the mean squared error, many times:

    error = s @ U + c - v
    U = U - 0.5 * s.T @ error / N
    c = c - 0.5 * error.mean()

Five unknowns need far more than five rows, or the fit learns the rows by heart.""",
    misconceptions=(
        Misconception("zero weights", _HARDLY, _silent),
        Misconception("the future", _HARDLY, cache(partial(_trained, -3))),
        Misconception("time and batch mixed up", _HARDLY, cache(partial(_trained, shuffled=True))),
        *(
            Misconception(name, hint, cache(partial(_trained, lag)))
            for name, hint, lag in (
                (
                    "echo of the present",
                    "It echoes what comes in at this very step. The input and the state of one "
                    "step are paired; which input is three steps older?",
                    0,
                ),
                (
                    "echo from one step ago",
                    "It echoes the step before. How far apart are the states and the inputs that "
                    "you pair?",
                    1,
                ),
                (
                    "echo from two steps ago",
                    "It echoes two steps back: one too few. Is x_t counted as the first of the "
                    "three?",
                    2,
                ),
                (
                    "echo from four steps ago",
                    "It echoes four steps back: one too many. Where does the slice begin?",
                    4,
                ),
            )
        ),
        Misconception(
            "stopped too early",
            "It is on its way. If you go down the gradient: has the error stopped falling? If you "
            "solve for the weights at once: on how many sequences?",
            cache(partial(_trained, steps=5)),
        ),
        Misconception(
            "learnt by heart",
            "Weights too large for the task. If you go down the gradient: is the rate so large "
            "that the error grows? If you solve for the weights at once: 21 of them fit hardly "
            "more pairs by heart. How large is the error on sequences not trained on?",
            cache(partial(_trained, sequence=(23, 1))),
        ),
    ),
    time_limit=30.0,
)


QUESTIONS = (RNN_STEP, RNN_FORWARD, READOUT, PARAMETERS, ECHO)
