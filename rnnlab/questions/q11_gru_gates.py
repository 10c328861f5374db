"""Exercise 11: the GRU's two gates, how long it keeps, and units that each take one letter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from rnnlab.cells import sigmoid
from rnnlab.params import Array
from rnnlab.questions import Misconception, Probe, Question
from rnnlab.questions.derivation import Derivation, Mistake, made_in
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
from rnnlab.questions.gru import SIZES

_UPDATE = gate("z", "z_t")

UPDATE_GATE = Question(
    id="11.update_gate",
    kind="function",
    title="the update gate",
    points=2,
    inputs=gate_inputs("z"),
    reference=_UPDATE,
    returns=("z_t",),
    axes={"z_t": ("batch", "unit")},
    input_axes=INPUT_AXES,
    terms={"z_t": gate_terms("z")},
    hints=(
        "It is made like every gate of the LSTM: a weighted sum, then a squashing function.",
        "The sum has three terms, W_z x_t, V_z h_{t-1} and b_z, and the sigmoid goes over all of "
        "them together. Features lie on the last axis.",
        "Multiply x_t by the transpose of W_z, add h_prev times the transpose of V_z, add b_z, and "
        "put the sum through the sigmoid.",
    ),
    parallel="""A dimmer d for H lamps listens to D sensors s and to nothing else:
d = sigmoid(K s + c), K (H, D), c (H,). For a batch s (B, D):

    def dimmer(s, K, c):
        return 1 / (1 + np.exp(-(s @ K.T + c)))

Yours has one more term of the same form.""",
    misconceptions=made_in(
        _UPDATE,
        (
            *sum_mistakes("z", explicit("z")),
            *sigmoid_mistakes("z", "z_t"),
            *split_mistakes("z", "z_t", explicit("z")),
        ),
    ),
)

_RESET = Derivation(
    ("x_t", "h_prev", "W_r", "V_r", "b_r"),
    {**gate("r", "r_t").lines, "seen": lambda s: s.r_t * s.h_prev},
    returns=("r_t", "seen"),
)

_SEEN_MIRRORED = (
    "What the candidate gets to see is mirrored: with r_t near 1 the past comes through, with r_t "
    "near 0 it is hidden."
)

_SEEN_MISTAKES = (
    Mistake(
        "r + h",
        "A gate multiplies what it lets through; yours adds.",
        {"seen": lambda s: s.r_t + s.h_prev},
    ),
    Mistake("1 - r on h", _SEEN_MIRRORED, {"seen": lambda s: (1 - s.r_t) * s.h_prev}),
    Mistake(
        "nothing reset",
        "This is h_prev as it came in. What does the gate do to it?",
        {"seen": lambda s: s.h_prev},
    ),
    Mistake(
        "the gate as what is seen",
        "This is the gate itself. It says how much comes through: of what?",
        {"seen": lambda s: s.r_t},
    ),
    Mistake(
        "r * V h",
        "The product with a V comes later, with V_h and inside the candidate. Here the gate meets "
        "h_prev as it is.",
        {"seen": lambda s: s.r_t * (s.h_prev @ s.V_r.T)},
    ),
    Mistake(
        "V (r * h)",
        "The product with a V comes later, with V_h and inside the candidate. Asked for is what "
        "goes into it.",
        {"seen": lambda s: (s.r_t * s.h_prev) @ s.V_r.T},
    ),
    Mistake(
        "tanh of h",
        "There is no squashing here: the gate meets h_prev as it is. (The tanh before the LSTM's "
        "output gate has no counterpart in the GRU.)",
        {"seen": lambda s: s.r_t * np.tanh(s.h_prev)},
    ),
    Mistake(
        "reset twice",
        "Count how often r_t is at work on h_prev: once is enough.",
        {"seen": lambda s: s.r_t * s.r_t * s.h_prev},
    ),
    Mistake(
        "sum for the gate",
        "r_t is right, but h_prev is multiplied by the sum before its sigmoid.",
        {"seen": lambda s: s.a_r * s.h_prev},
    ),
)

RESET_GATE = Question(
    id="11.reset_gate",
    kind="function",
    title="the reset gate and what it lets the candidate see",
    points=2,
    inputs=gate_inputs("r"),
    reference=_RESET,
    returns=("r_t", "seen"),
    axes={"r_t": ("batch", "unit"), "seen": ("batch", "unit")},
    input_axes=INPUT_AXES,
    terms={"r_t": gate_terms("r"), "seen": {"h_prev": "r_t * h_{t-1}"}},
    hints=(
        "Two things come back: the gate, and what is left of h_prev behind it.",
        "r_t is made like z_t, with weights of its own. What the candidate sees is the elementwise "
        "product of r_t and h_{t-1}.",
        "Compute r_t as you did z_t, with W_r, V_r and b_r; return it and, second, r_t times "
        "h_prev, elementwise.",
    ),
    parallel="""A curtain c (B, H) lets a share of the daylight l (B, H) into each of H rooms. How
far it is open depends on the season s (B, D):

    def behind_the_curtain(s, l, K, b):
        c = 1 / (1 + np.exp(-(s @ K.T + b)))
        return c, c * l        # how far open, and how much light comes in""",
    misconceptions=made_in(
        _RESET,
        (
            *sum_mistakes("r", explicit("r")),
            *sigmoid_mistakes("r", "r_t"),
            *split_mistakes("r", "r_t", explicit("r")),
            *_SEEN_MISTAKES,
        ),
    ),
)


def _packed_inputs(rng: np.random.Generator) -> list[Probe]:
    return [
        {
            "x_t": rng.standard_normal((B, D)),
            "h_prev": rng.uniform(-1, 1, (B, H)),
            "W": rng.normal(0, 0.5, (2 * H, D)),
            "V": rng.normal(0, 0.5, (2 * H, H)),
            "b": rng.normal(0, 0.5, 2 * H),
        }
        for B, D, H in SIZES
    ]


def _cut(cut: Callable[[Array], Any]) -> Mapping[str, Callable[[Any], Any]]:
    """Both gates, from all 2 H of them side by side."""
    return {"z_t": lambda s: cut(s.both)[0], "r_t": lambda s: cut(s.both)[1]}


def _halves(both: Array) -> tuple[Array, Array]:
    H = both.shape[1] // 2
    return both[:, :H], both[:, H:]


def _unpacked(both: Array) -> tuple[Array, Array]:
    first, second = both.reshape(len(both), 2, -1)
    return first, second


_BOTH = Derivation(
    ("x_t", "h_prev", "W", "V", "b"),
    {
        "a": lambda s: s.x_t @ s.W.T + s.h_prev @ s.V.T + s.b,
        "both": lambda s: sigmoid(s.a),
        **_cut(_halves),
    },
    returns=("z_t", "r_t"),
)

_RESHAPED = (
    "Draw the array of both gates for B = 2 and H = 2: one row an example, the update gate on the "
    "left, the reset gate on the right. A reshape walks along the rows: which numbers end up "
    "together?"
)

BOTH_GATES = Question(
    id="11.both_gates",
    kind="repair",
    title="two gates from one product, cut wrongly",
    points=2,
    inputs=_packed_inputs,
    reference=_BOTH,
    returns=("z_t", "r_t"),
    axes={"z_t": ("batch", "unit"), "r_t": ("batch", "unit")},
    input_axes=INPUT_AXES,
    terms={
        name: {"x_t": "W x_t", "h_prev": "V h_{t-1}", "b": "the bias b"} for name in ("z_t", "r_t")
    },
    hints=(
        "Print the array of both gates for a small batch, and mark by hand what belongs to z_t.",
        "The weights are stacked in rows, z first. The product has one row an example, and its "
        "2 H columns are z_t's H units, then r_t's.",
        "Cut the columns: the first H of every row are z_t, the last H are r_t.",
    ),
    parallel="""Three shops report apples and pears of two days, one row a shop:

    sales = np.array([[1, 2, 10, 20],      # apples on day 1 and 2, pears on day 1 and 2
                      [3, 4, 30, 40],
                      [5, 6, 50, 60]])
    apples, pears = sales[:, :2], sales[:, 2:]

sales.reshape(2, 3, 2) has the right shape too, but its first block is [[1, 2], [10, 20], [3, 4]]:
apples and pears mixed.""",
    misconceptions=made_in(
        _BOTH,
        (
            Mistake("reshaped, not cut", _RESHAPED, _cut(lambda g: g.reshape(2, len(g), -1))),
            Mistake(
                "reshaped and transposed",
                _RESHAPED,
                _cut(lambda g: g.T.reshape(2, len(g), -1)),
            ),
            Mistake(
                "every second column",
                "You take every second column. The gates stand side by side in blocks: all of z_t, "
                "then all of r_t.",
                _cut(lambda g: (g[:, ::2], g[:, 1::2])),
            ),
            Mistake(
                "z and r swapped",
                "The right blocks under the wrong names: which gate's weights come first?",
                _cut(lambda g: _halves(g)[::-1]),
            ),
            Mistake(
                "the update gate twice",
                "Your r_t is z_t again. Where do the columns of the reset gate begin?",
                _cut(lambda g: (_halves(g)[0],) * 2),
            ),
            Mistake(
                "the reset gate twice",
                "Your z_t is r_t. Which columns belong to the update gate?",
                _cut(lambda g: (_halves(g)[1],) * 2),
            ),
            Mistake(
                "the examples cut, not the gates",
                "You cut along the batch. Which axis holds the units of both gates?",
                _cut(lambda g: np.split(g, 2, axis=0)),
            ),
            Mistake(
                "the examples unpacked, not the gates",
                "To unpack an array takes its first axis apart, and yours has one entry an "
                "example there. Which axis holds the two gates?",
                _cut(_unpacked),
            ),
            Mistake(
                "bias missing",
                "The cut is not all: the sum has three terms. Which one is there even when x_t and "
                "h_prev are zero?",
                {"a": lambda s: s.x_t @ s.W.T + s.h_prev @ s.V.T},
            ),
            Mistake(
                "tanh for sigmoid",
                "Some of your values are negative. Which function stays between 0 and 1?",
                {"both": lambda s: np.tanh(s.a)},
            ),
            Mistake(
                "no squashing",
                "Some of your values lie outside 0 to 1. What turns a sum into a gate?",
                {"both": lambda s: s.a},
            ),
        ),
    ),
)


def _gate_of_seed(seed: int) -> float:
    return float(np.random.default_rng(seed).uniform(0.02, 0.09))


def _steps_to_half(z: float) -> int:
    return int(np.ceil(np.log(0.5) / np.log(1 - z)))


def _for_seed(steps: Callable[[float], float]) -> Callable[..., tuple[int, float]]:
    return lambda seed=7: (seed, steps(_gate_of_seed(seed)))


STEPS_TO_HALF = Question(
    id="11.steps_to_half",
    kind="number",
    title="how many steps until half is new, for your own seed",
    points=1,
    inputs=lambda rng: [{}],
    reference=_for_seed(_steps_to_half),
    returns=("seed", "steps"),
    axes={"seed": (), "steps": ()},
    arguments=(),
    own=("seed",),
    observe=lambda value, probe: {"steps": value[1]},
    complaints={
        "steps": "That is not the first step after which less than half of the old state is left, "
        "for the z of your seed."
    },
    hints=(
        "Which share of the old state does one step keep, if z is the share that is taken from the "
        "new?",
        "After t steps (1 - z)**t is left. Find the first whole t for which this is below a half.",
        "Divide the logarithm of one half by the logarithm of 1 - z and round up; or multiply in a "
        "loop and count.",
    ),
    parallel="""A crew replaces a share q = 0.25 of its members on every trip. After how many trips
are fewer than half of the first crew left?

    0.75, 0.5625, 0.421875      so after 3 trips

ln 0.5 / ln 0.75 = 2.4, and the first whole number above it is 3.""",
    misconceptions=(
        Misconception(
            "z as the share that is kept",
            "You took z as the share that is kept. In this course z is the share that is taken "
            "from the new.",
            _for_seed(lambda z: int(np.ceil(np.log(0.5) / np.log(z)))),
        ),
        Misconception(
            "subtracted, not multiplied",
            "You let each step take the same amount. It takes the same share of what is left.",
            _for_seed(lambda z: int(np.ceil(0.5 / z))),
        ),
        Misconception(
            "rounded down",
            "One step too early: at yours more than half is still there.",
            _for_seed(lambda z: int(np.floor(np.log(0.5) / np.log(1 - z)))),
        ),
        Misconception(
            "one step too late",
            "One step too late. Do you count from 1, or go on once more after the half is reached?",
            _for_seed(lambda z: _steps_to_half(z) + 1),
        ),
        Misconception(
            "not a whole number",
            "Asked for is a whole number of steps: the first after which less than half is left.",
            _for_seed(lambda z: float(np.log(0.5) / np.log(1 - z))),
        ),
        Misconception(
            "the number for z = 0.05",
            "14 is the number of steps for z = 0.05. Which z does your seed draw?",
            lambda seed=7: (seed, 14),
        ),
        Misconception(
            "time constant",
            "1 / z is roughly when a third (1/e) is left. Half is gone earlier.",
            _for_seed(lambda z: int(np.ceil(1 / z))),
        ),
    ),
)


# the tokens of the exercise, one-hot rows: A, B and blank
_TOKENS = np.eye(3)
# which unit takes which token
_TAKES = np.array([[1, 0, 0], [0, 1, 0]], dtype=bool)
# a sum is linear in h_prev, so it is farthest off at one of these
_CORNERS = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])


def _one_letter_a_unit(takes: float, keeps: float, V: float = 0.0) -> tuple[Array, Array, Array]:
    """W_z, V_z, b_z for which each unit's sum is `takes` on its own letter, else `keeps`."""
    return np.where(_TAKES, takes - keeps, 0.0), np.full((2, 2), V), np.full(2, keeps)


def _gates_per_token(weights: Any, probe: Probe) -> Mapping[str, Any]:
    """How the update gate with these weights meets the tokens: truth values."""
    W_z, V_z, b_z = weights

    def gates(h_prev: Array) -> Array:
        """(unit, token), the value of z nearest to its wrong end over the states."""
        z = np.stack(
            [_UPDATE(np.tile(x, (len(h_prev), 1)), h_prev, W_z, V_z, b_z) for x in _TOKENS]
        )
        worst: Array = np.where(_TAKES, z.min(1).T, z.max(1).T)
        return worst

    at_rest, any_state = gates(np.zeros((1, 2))), gates(probe["h_prev"])
    return {
        "letters": (at_rest > 0.5)[:, :2] == _TAKES[:, :2],
        "blank": at_rest[:, 2] < 0.5,
        "takes": at_rest[_TAKES] > 0.99,
        "keeps": at_rest[~_TAKES] < 0.01,
        "whatever the state": bool(np.where(_TAKES, any_state > 0.99, any_state < 0.01).all()),
    }


_NEVER_TAKES = (
    "No unit takes, not even its own letter. The column must outweigh the bias, not only cancel "
    "it: sigmoid(0) is 0.5."
)

_BLANK_IN_THE_MIDDLE = (
    "On blank the sum is the bias plus the third column. It must be well below 0: sigmoid(0) is "
    "0.5, and half is overwritten at every blank."
)

_KEEPS_TOO_WEAKLY = (
    "On every other token a unit's sum is the bias plus that token's column, and must be below "
    "-4.6: sigmoid(-4.6) is about 0.01."
)

TAKE_YOUR_LETTER = Question(
    id="11.take_your_letter",
    kind="weights",
    title="each unit takes its own letter and keeps through the rest",
    points=3,
    inputs=lambda rng: [{"h_prev": _CORNERS}],
    reference=lambda: _one_letter_a_unit(10.0, -10.0),
    returns=("W_z", "V_z", "b_z"),
    axes={"W_z": ("unit", "token"), "V_z": ("unit", "unit"), "b_z": ("unit",)},
    arguments=(),
    observe=_gates_per_token,
    complaints={
        "letters": "With h_prev zero, unit 0 should take (z above 0.5) on A and keep (z below 0.5) "
        "on B, and unit 1 the other way round. Yours do not: work out bias plus column for each "
        "unit and letter.",
        "blank": "Each unit takes its own letter and keeps on the other, but on blank not both "
        "keep.",
        "takes": "Each unit takes where it should, but not fully: on its own letter z must be "
        "above 0.99.",
        "keeps": "Each unit takes its own letter, but it does not keep well enough: else z must be "
        "below 0.01.",
        "whatever the state": "All is right while h_prev is zero, and wrong for some h_prev "
        "between -1 and 1: the hidden state has a say in your gate.",
    },
    hints=(
        "Make a table of the sums: a row for each unit, a column for each of A, B and blank. Where "
        "must it be large, where very negative?",
        "sigmoid(4.6) is about 0.99 and sigmoid(-4.6) about 0.01. W_z's number in row j and "
        "column k is what token k adds to the bias of unit j.",
        "Take V_z zero and a bias well below -4.6: both units keep. Then lift unit 0 on A and unit "
        "1 on B, by more than twice that; all other numbers of W_z stay zero.",
    ),
    parallel="""Two drawers must stay shut (below 0.01) until their key is shown: drawer 0 opens
(above 0.99) for key X only, drawer 1 for key Y and for key Z. open = sigmoid(K x + c), x one-hot:

    wanted sums     X    Y    Z
    drawer 0        6   -6   -6
    drawer 1       -6    6    6

    c = (-6, -6), K = [[12, 0, 0], [0, 12, 12]]: bias plus column gives the table.""",
    # where an answer matches none, the first of these to explain its first wrong part gives the
    # words: each stands before those that would say too much
    misconceptions=(
        Misconception(
            "both units take both letters",
            "Both units take on A and on B. Each row of W_z belongs to one unit, and that takes "
            "one letter: on the other its sum must be well below 0.",
            lambda: (np.array([[20.0, 20.0, 0.0]] * 2), np.zeros((2, 2)), np.full(2, -10.0)),
        ),
        Misconception(
            "letters swapped",
            "Unit 0 takes B and unit 1 takes A. A row of W_z belongs to a unit, a column to a "
            "token.",
            lambda: (_one_letter_a_unit(10.0, -10.0)[0][::-1], np.zeros((2, 2)), np.full(2, -10.0)),
        ),
        Misconception(
            "sums too small",
            "The directions are right, the sums too small: sigmoid(4.6) is about 0.99, and "
            "sigmoid(-4.6) about 0.01.",
            lambda: _one_letter_a_unit(3.0, -3.0),
        ),
        Misconception(
            "takes too weakly",
            "On its own letter a unit's sum is bias plus column, and must be above 4.6: "
            "sigmoid(4.6) is about 0.99.",
            lambda: _one_letter_a_unit(3.0, -10.0),
        ),
        Misconception(
            "keeps too weakly",
            _KEEPS_TOO_WEAKLY,
            lambda: _one_letter_a_unit(10.0, -3.0),
        ),
        Misconception(
            "keeps too weakly on blank",
            _KEEPS_TOO_WEAKLY,
            lambda: (
                np.array([[13.0, -7.0, 0.0], [-7.0, 13.0, 0.0]]), np.zeros((2, 2)), np.full(2, -3.0)
            ),
        ),
        Misconception(
            "bias forgotten",
            _BLANK_IN_THE_MIDDLE,
            lambda: (np.where(_TAKES, 10.0, 0.0), np.zeros((2, 2)), np.zeros(2)),
        ),
        Misconception(
            "gates for sums",
            "No sum of yours is below 0, and none is above 4.6. Bias plus column is the sum, not "
            "the gate: the sigmoid comes after it. Which sum gives 0.01?",
            lambda: (np.where(_TAKES, 0.99, 0.01), np.zeros((2, 2)), np.zeros(2)),
        ),
        Misconception(
            "bias of the wrong sign",
            "Each unit takes on every token: with a bias above 0 it takes before any letter comes. "
            "Which sign must the bias have?",
            lambda: _one_letter_a_unit(20.0, 10.0),
        ),
        Misconception(
            "mirrored",
            "Each unit keeps on its own letter and takes on the others: just the other way round. "
            "In this course z near 1 takes the new.",
            lambda: _one_letter_a_unit(-10.0, 10.0),
        ),
        Misconception(
            "bias zero",
            _BLANK_IN_THE_MIDDLE,
            lambda: (
                np.array([[20.0, -20.0, 0.0], [-20.0, 20.0, 0.0]]), np.zeros((2, 2)), np.zeros(2)
            ),
        ),
        Misconception(
            "never takes",
            _NEVER_TAKES,
            lambda: (np.zeros((2, 3)), np.zeros((2, 2)), np.full(2, -10.0)),
        ),
        Misconception(
            "V_z has a say",
            "h_prev may be anything between -1 and 1, and V_z moves a sum by up to the sizes of "
            "its row, added up. Which V_z gives it no say at all?",
            lambda: _one_letter_a_unit(6.0, -6.0, V=0.8),
        ),
    ),
)  # fmt: skip


QUESTIONS = (UPDATE_GATE, RESET_GATE, BOTH_GATES, STEPS_TO_HALF, TAKE_YOUR_LETTER)
