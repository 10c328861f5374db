"""Exercise 15: a fair match, minGRU and what it cannot do, several seeds, a stranger's gates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isqrt
from typing import Any

import numpy as np

from rnnlab.params import Array
from rnnlab.questions import Misconception, Probe, Question
from rnnlab.questions.derivation import Mistake, Recurrence, made_in

# counting weights

Counts = tuple[int, int, int]


def _counts(gates: Callable[[int, int], Sequence[int]]) -> Callable[[int, int], Counts]:
    def answer(D: int, H: int) -> Counts:
        rnn, lstm, gru = gates(int(D), int(H))
        return rnn, lstm, gru

    return answer


def _sizes(rng: np.random.Generator) -> list[Probe]:
    return [{"D": int(rng.integers(5, 9)), "H": int(rng.integers(10, 30))}]


_ONE_GATE = (
    "Write the shapes of one gate's W, V and b under the equation and count their numbers. Which "
    "of the sizes stands at which side?"
)
_HOW_MANY = (
    "How many times does each cell form W x + V h + b? Count the lines of the step that do, gates "
    "and candidate."
)

PARAMETERS = Question(
    id="15.parameters",
    kind="function",
    title="the weights of three cells",
    points=1,
    inputs=_sizes,
    reference=_counts(lambda D, H: [g * H * (D + H + 1) for g in (1, 4, 3)]),
    returns=("RNN", "LSTM", "GRU"),
    axes={"RNN": (), "LSTM": (), "GRU": ()},
    hints=(
        "Count the numbers of one line of the form W x + V h + b first.",
        "W is (H, D), V is (H, H), b is (H,). The plain RNN has one such line.",
        "H times (D + H + 1), once, four times, three times.",
    ),
    parallel="""A cell without memory, out = A x + a, with D = 5 inputs and H = 2 outputs: A has
2 * 5 = 10 numbers, a has 2, together 12. With three such lines, 36.""",
    misconceptions=(
        Misconception(
            "no biases", _ONE_GATE, _counts(lambda D, H: [g * H * (D + H) for g in (1, 4, 3)])
        ),
        Misconception(
            "torch's two biases",
            "You count two biases a gate, as torch holds them. How many does the course's equation "
            "have?",
            _counts(lambda D, H: [g * H * (D + H + 2) for g in (1, 4, 3)]),
        ),
        Misconception(
            "one bias for all units",
            _ONE_GATE,
            _counts(lambda D, H: [g * (H * (D + H) + 1) for g in (1, 4, 3)]),
        ),
        Misconception(
            "V as (H, D)",
            _ONE_GATE,
            _counts(lambda D, H: [g * (2 * H * D + H) for g in (1, 4, 3)]),
        ),
        Misconception(
            "D and H exchanged",
            _ONE_GATE,
            _counts(lambda D, H: [g * D * (D + H + 1) for g in (1, 4, 3)]),
        ),
        Misconception(
            "no V", _ONE_GATE, _counts(lambda D, H: [g * H * (D + 1) for g in (1, 4, 3)])
        ),
        Misconception(
            "the candidate forgotten",
            _HOW_MANY,
            _counts(lambda D, H: [g * H * (D + H + 1) for g in (1, 3, 2)]),
        ),
        Misconception(
            "LSTM's candidate forgotten",
            _HOW_MANY,
            _counts(lambda D, H: [g * H * (D + H + 1) for g in (1, 3, 3)]),
        ),
        Misconception(
            "GRU's candidate forgotten",
            _HOW_MANY,
            _counts(lambda D, H: [g * H * (D + H + 1) for g in (1, 4, 2)]),
        ),
        Misconception(
            "GRU with four",
            _HOW_MANY,
            _counts(lambda D, H: [g * H * (D + H + 1) for g in (1, 4, 4)]),
        ),
        Misconception(
            "b_hv counted",
            "The GRU's second bias, b_hv, belongs to the reset after the product. The course's own "
            "form has it before.",
            _counts(lambda D, H: [g * H * (D + H + 1) + (g == 3) * H for g in (1, 4, 3)]),
        ),
    ),
)


# a fair match


def _fair(units: Callable[[int, int, int], int]) -> Callable[..., tuple[int, int, int, int]]:
    """A function of the learner's own sizes that returns them, and a number of units."""

    def answer(D: int = 90, H: int = 50, K: int = 200) -> tuple[int, int, int, int]:
        if any(n != int(n) or not 20 <= n <= 1000 for n in (D, H, K)):
            raise ValueError("they must be whole numbers from 20 to 1000")
        if not H < D < K:
            raise ValueError("K must be larger than D, D larger than H")
        if _most(D, H, K) in (_cells_alone(D, H, K), _root(D, H, K)):
            raise ValueError("with them a wrong way gives the right number too: take others")
        return D, H, K, units(D, H, K)

    return answer


def _most(D: int, H: int, K: int, gates: int = 3, of_lstm: bool = True, of_gru: bool = True) -> int:
    """The most units n of a GRU that is no larger than the LSTM, each with or without readout."""
    budget = 4 * H * (D + H + 1) + of_lstm * K * (H + 1)
    n = isqrt(budget)
    while n and gates * n * (n + D + 1) + of_gru * K * (n + 1) > budget:
        n -= 1
    return n


def _cells_alone(D: int, H: int, K: int) -> int:
    return _most(D, H, K, of_lstm=False, of_gru=False)


def _root(D: int, H: int, K: int) -> int:
    """As if all weights were in V."""
    return isqrt(4 * H * H // 3)


_SQUARE = (
    "Your number is in proportion to H. But the weights are not: what happens to V, (H, H), when H "
    "doubles, and what to W, (H, D)?"
)

FAIR_UNITS = Question(
    id="15.fair_units",
    kind="number",
    title="a GRU that is as large as your LSTM, readout included",
    points=2,
    inputs=lambda rng: [{}],
    reference=_fair(_most),
    returns=("D", "H", "K", "units"),
    axes={"D": (), "H": (), "K": (), "units": ()},
    arguments=(),
    own=("D", "H", "K"),
    hints=(
        "Count all weights of the LSTM's network with your sizes: the cell's and the readout's. "
        "That is the budget.",
        "With n units the GRU has 3 n (n + D + 1) weights, and its readout K (n + 1): which n "
        "still fits?",
        "Try n = H, H + 1, H + 2, ... until the budget is passed, and take the last that fits.",
    ),
    parallel="""A plain RNN as large as an LSTM of 2 units, with D = 3 and a readout of K = 4. The
LSTM has 4 * 2 * (3 + 2 + 1) = 48 weights, its readout 4 * (2 + 1) = 12: together 60. An RNN of n
units has n (n + 4) + 4 (n + 1): 4 units give 32 + 20 = 52, 5 give 45 + 24 = 69. So 4 units.""",
    misconceptions=(
        Misconception(
            "the readout left out",
            "So many units fit if the cells alone are counted. What does each further unit cost in "
            "the readout?",
            _fair(_cells_alone),
        ),
        Misconception(
            "the readout of one side",
            "Both networks have a readout. You count it for one of them.",
            _fair(lambda D, H, K: _most(D, H, K, of_lstm=False)),
        ),
        Misconception(
            "the readout of the other side",
            "Both networks have a readout. You count it for one of them.",
            _fair(lambda D, H, K: _most(D, H, K, of_gru=False)),
        ),
        Misconception("4/3 of the units", _SQUARE, _fair(lambda D, H, K: 4 * H // 3)),
        Misconception(
            "4/3 of the units, rounded", _SQUARE, _fair(lambda D, H, K: round(4 * H / 3))
        ),
        Misconception(
            "the root of 4/3",
            "Your number would be right if all weights were V's. The others grow with the units "
            "too, but not with their square.",
            _fair(_root),
        ),
        Misconception(
            "one too many",
            "With so many units the GRU's network is larger than your LSTM's. The last that still "
            "fits is asked for.",
            _fair(lambda D, H, K: _most(D, H, K) + 1),
        ),
        Misconception(
            "as many units",
            "With as many units the GRU has only three quarters of the LSTM's weights. There is "
            "room for more.",
            _fair(lambda D, H, K: H),
        ),
        Misconception(
            "3/4 of the units",
            "Three quarters is the GRU's share of the weights with as many units. Here the weights "
            "shall be as many: are the units more then, or fewer?",
            _fair(lambda D, H, K: 3 * H // 4),
        ),
        Misconception(
            "the candidate forgotten",
            "Your GRU seems to have two lines with weights: the gates. What makes h~?",
            _fair(lambda D, H, K: _most(D, H, K, gates=2)),
        ),
    ),
)


# minGRU


def _sigmoid(a: Array) -> Array:
    right: Array = 1 / (1 + np.exp(-a))
    return right


_MIN_GRU = Recurrence(
    ("x", "h0", "W_z", "b_z", "W_h", "b_h"),
    first={"h_prev": lambda s: s.h0},
    step={
        "x_t": lambda s: s.x[s.t],
        "a_z": lambda s: s.x_t @ s.W_z.T + s.b_z,
        "z_t": lambda s: _sigmoid(s.a_z),
        "h_tilde": lambda s: s.x_t @ s.W_h.T + s.b_h,
        "h_t": lambda s: (1 - s.z_t) * s.h_prev + s.z_t * s.h_tilde,
    },
    carry={"h_prev": lambda s: s.h_t},
    collect={"h": lambda s: np.array(s.all("h_t"))},
    returns=("h",),
)

_BLEND = "Say it in words: z near 1 takes the new. Which share of the old state is left then?"
_MINIMAL = (
    "Read the candidate's line once more: it is as plain as a line can be. What stands around it "
    "in a GRU, and is it here?"
)

_MIN_GRU_MISTAKES = (
    Mistake(
        "z the other way",
        _BLEND,
        {"h_t": lambda s: s.z_t * s.h_prev + (1 - s.z_t) * s.h_tilde},
    ),
    Mistake(
        "the old kept whole",
        "The two shares of the blend add up to 1. Do yours?",
        {"h_t": lambda s: s.h_prev + s.z_t * s.h_tilde},
    ),
    Mistake(
        "no blend",
        "Where does the old state go in your step?",
        {"h_t": lambda s: s.z_t * s.h_tilde},
    ),
    Mistake(
        "tanh around the candidate",
        _MINIMAL,
        {"h_tilde": lambda s: np.tanh(s.x_t @ s.W_h.T + s.b_h)},
    ),
    Mistake(
        "sigmoid around the candidate",
        _MINIMAL,
        {"h_tilde": lambda s: _sigmoid(s.x_t @ s.W_h.T + s.b_h)},
    ),
    Mistake("no sigmoid", "A gate stands between 0 and 1. Does your z?", {"z_t": lambda s: s.a_z}),
    Mistake(
        "tanh for the gate",
        "A gate stands between 0 and 1. Does your z?",
        {"z_t": lambda s: np.tanh(s.a_z)},
    ),
    Mistake("b_z missing", "What does b_z do in your code?", {"a_z": lambda s: s.x_t @ s.W_z.T}),
    Mistake(
        "b_h missing", "What does b_h do in your code?", {"h_tilde": lambda s: s.x_t @ s.W_h.T}
    ),
    Mistake(
        "gate and candidate exchanged",
        "Which pair of weights makes the gate, and which the candidate?",
        {
            "a_z": lambda s: s.x_t @ s.W_h.T + s.b_h,
            "h_tilde": lambda s: s.x_t @ s.W_z.T + s.b_z,
        },
    ),
    Mistake(
        "the gate of the step before",
        "Which step's input does z_t look at?",
        {"x_t": lambda s: s.x[max(s.t - 1, 0)]},
    ),
    Mistake(
        "always from h0",
        "Where does each step start: from h0, or from the step before it?",
        {"next_h_prev": lambda s: s.h_prev},
    ),
    Mistake(
        "from zeros",
        "The first step starts from h0. What does yours start from?",
        {"h_prev": lambda s: np.zeros_like(s.h0)},
    ),
    Mistake(
        "the state before the step",
        "The first entry of h is the state after the first step. What is yours?",
        {"h": lambda s: np.array([s.h0, *s.all("h_t")[:-1]])},
    ),
    Mistake(
        "the first step left out",
        "Your first row is h0, and x[0] is never read. h[0] is the state after the first step.",
        {"h_t": lambda s: (1 - s.z_t) * s.h_prev + s.z_t * s.h_tilde if s.t else s.h0},
    ),
    Mistake(
        "one array stored at every step",
        "Every row of your h is the last state. A list that gets the same array again and again "
        "holds one array: an operation in place changes all its rows.",
        {"h": lambda s: np.array([s.h_t] * len(s.x))},
    ),
)


def _min_gru_probes(rng: np.random.Generator) -> list[Probe]:
    probes: list[Probe] = []
    for T, B, D, H in ((5, 2, 3, 4), (4, 3, 2, 2), (3, 1, 4, 3)):
        probes.append(
            {
                "x": rng.standard_normal((T, B, D)),
                "h0": rng.uniform(0.5, 1.5, (B, H)),
                "W_z": rng.standard_normal((H, D)),
                "b_z": rng.uniform(0.3, 0.8, H),
                "W_h": rng.standard_normal((H, D)),
                "b_h": rng.uniform(-0.8, -0.3, H),
            }
        )
    return probes


MIN_GRU = Question(
    id="15.min_gru",
    kind="function",
    title="minGRU over a sequence",
    points=2,
    inputs=_min_gru_probes,
    reference=_MIN_GRU,
    returns=("h",),
    axes={"h": ("time", "batch", "unit")},
    input_axes={"x": ("time", "batch", "input"), "h0": ("batch", "unit")},
    terms={"h": {"h0": "(1 - z_t) * h_prev", "W_h b_h": "z_t * h_tilde"}},
    hints=(
        "It is the GRU's blend with a gate and a candidate that see x_t alone.",
        "z_t = sigmoid(W_z x_t + b_z), the candidate is W_h x_t + b_h, and h_t blends it with "
        "h_{t-1}.",
        "In a loop over time: the gate from x[t], the candidate from x[t], then (1 - z) times the "
        "state before plus z times the candidate; keep each state.",
    ),
    parallel="""A leaky bucket: level_t = (1 - k_t) level_{t-1} + k_t in_t, from level 0 = 8, with
k = 0.5, 0.25 and in = 2, 6.

    level 1 = 0.5 * 8 + 0.5 * 2 = 5      level 2 = 0.75 * 5 + 0.25 * 6 = 5.25""",
    misconceptions=made_in(_MIN_GRU, _MIN_GRU_MISTAKES),
)


# parity with one unit whose candidate sees the state


def _turns(w_z: float, b_z: float, w_h: float, v_h: float, b_h: float) -> Callable[[], Any]:
    return lambda: (w_z, b_z, w_h, v_h, b_h)


def _states(weights: Any, bits: Array) -> Array:
    """h after each step, from zero."""
    w_z, b_z, w_h, v_h, b_h = (float(w) for w in weights)
    h, states = 0.0, []
    for x in bits:
        z = 0.5 + 0.5 * np.tanh(0.5 * (w_z * x + b_z))
        h = (1 - z) * h + z * np.tanh(w_h * x + v_h * h + b_h)
        states.append(h)
    return np.array(states)


def _parity(weights: Any, probe: Probe) -> Mapping[str, Any]:
    """Whether h says "odd", above a half, where it should: truth values."""

    def says(*bits: int) -> Array:
        said: Array = _states(weights, np.array(bits)) > 0.5
        return said

    held = says(1, *[0] * 300)
    ones, bits = says(1, 1, 1, 1), probe["text"] - 1
    return {
        "moves": bool(abs(_states(weights, np.ones(1))[0]) > 0.01),
        "even": not says(*[0] * 300).any(),
        "odd": ones[0],
        "holds": held.all(),
        "turns": ones[1],
        "turns back": ones[2:],
        "long": np.array_equal(says(*bits), np.cumsum(bits) % 2 == 1),
    }


_NO_TURN = (
    "The first 1 works; the second brings h down too little, or not at all. What is the candidate "
    "when h is 1 already, and what should it be? Which of the five numbers looks at h?"
)

_NOTHING = (
    "Nothing is taken. Either z does not open on a 1 (in this course, which z takes the new?), or "
    "there is nothing to take: what is your candidate at h = 0?"
)

_TOO_LITTLE = (
    "After a first 1, h is z times the candidate. Both should come near 1, and at least one does "
    "not. With a sum of 0, z is a half; with a sum of 0.5, tanh is not even that."
)

PARITY_UNIT = Question(
    id="15.parity_unit",
    kind="weights",
    title="parity with one unit",
    points=2,
    inputs=lambda rng: [{"text": 1 + rng.integers(0, 2, 200)}],
    reference=_turns(40.0, -20.0, 0.0, -20.0, 10.0),
    returns=("w_z", "b_z", "w_h", "v_h", "b_h"),
    axes=dict.fromkeys(("w_z", "b_z", "w_h", "v_h", "b_h"), ()),
    arguments=(),
    observe=_parity,
    complaints={
        "moves": "After a first 1, h is still 0.",
        "even": "Before any 1 has come the count is even, after 300 zeros too. But your h climbs "
        "above 0.5 on zeros alone.",
        "odd": "Zeros leave it even. But after a single 1, h should be above 0.5.",
        "holds": "A 1 makes it odd. But 300 zeros later it should be odd still: on a 0, what may "
        "change?",
        "turns": "It goes to odd and stays there through zeros. But a second 1 should bring h to "
        "0.5 or below.",
        "turns back": "One 1 gives odd, two give even. After 1, 1, 1 it should be odd, after a "
        "fourth 1 even again.",
        "long": "Short rows come out right, but in a long one h is on the wrong side at some step.",
    },
    hints=(
        "Two questions, one after the other. On which bit may h change at all? And when it does: "
        "what should the candidate be if h is high, and what if it is low?",
        "z: near 0 on a 0, near 1 on a 1. The candidate: high where h is low, and low where h is "
        "high, so h comes in with a negative weight.",
        "w_z twice as large as b_z is negative, both large. v_h large and negative, b_h half as "
        "large and positive; w_h may be 0.",
    ),
    parallel="""A pump must run (near 1) when the tank is empty (level 0), and rest (near 0) when it
is full (level 1): sigmoid(v * level + b). The sum must be large at 0 and very negative at 1:
b = 10, and v = -20 brings it down to -10. Half of v lies on the one side, half on the other.""",
    misconceptions=(
        Misconception("the candidate is blind", _NO_TURN, _turns(40, -20, 0, 0, 10)),
        Misconception("the bit alone in the candidate", _NO_TURN, _turns(40, -20, 20, 0, 0)),
        Misconception("v_h positive", _NO_TURN, _turns(40, -20, 0, 20, 10)),
        # ahead of those that never get to odd: where odd is reached and not held, this is why
        Misconception(
            "not shut enough",
            "On a 0 some of the new gets in, and over many zeros it adds up. How far below "
            "zero is z's sum there?",
            _turns(8, -4, 0, -20, 10),
        ),
        Misconception("z half open", _TOO_LITTLE, _turns(20, -20, 0, -20, 10)),
        Misconception("never open", _NOTHING, _turns(0, -20, 0, -20, 10)),
        Misconception("candidate of zero", _NOTHING, _turns(40, -20, 0, -20, 0)),
        Misconception(
            "always open",
            "It takes the new on a 0 too. Which bit should open z?",
            _turns(0, 20, 0, -20, 10),
        ),
        Misconception(
            "z turned round",
            "It keeps on a 1 and takes on a 0: just the other way round. In this course z near 1 "
            "takes the new.",
            _turns(-40, 20, 0, -20, 10),
        ),
        Misconception(
            "mirrored",
            "The first 1 sends h below zero, the second above: even and odd are exchanged. Which "
            "sign has the candidate at h = 0?",
            _turns(40, -20, 0, -20, -10),
        ),
        Misconception(
            "sums too small",
            _TOO_LITTLE,
            _turns(40, -20, 0, -1, 0.5),
        ),
        Misconception(
            "the turns fade",
            "Look at h along twenty ones: do its turns stay as large? Larger sums in the "
            "candidate keep them so.",
            _turns(40, -20, 1, -1, 0),
        ),
    ),
)


# after how many steps, for each seed


def _from_there_on(losses: Array, level: float) -> Array:
    """For each row the first place from which on it stays below the level, or -1."""
    below = losses < level
    stays = np.logical_and.accumulate(below[:, ::-1], axis=1)[:, ::-1]
    return np.where(stays.any(axis=1), stays.argmax(axis=1), -1)


def _first_dip(losses: Array, level: float) -> Array:
    below = losses < level
    return np.where(below.any(axis=1), below.argmax(axis=1), -1)


def _loss_curves(rng: np.random.Generator) -> list[Probe]:
    """Rows that fall and stay, dip and fall later, never fall, are low at once, dip and fail."""
    probes: list[Probe] = []
    for seeds, N in ((5, 12), (6, 9)):
        chance = float(rng.uniform(0.8, 1.2))
        falling = np.linspace(1.0, 0.1, N) + rng.uniform(-0.02, 0.02, (seeds, N))
        losses = chance * falling
        losses[1, 2] = 0.3 * chance
        losses[2] = chance * rng.uniform(0.7, 1.0, N)
        losses[3] = 0.2 * chance * rng.uniform(0.5, 1.0, N)
        losses[4] = chance * rng.uniform(0.7, 1.0, N)
        losses[4, 4] = 0.3 * chance
        probes.append({"losses": losses, "chance": chance})
    return probes


def _by_row(values: tuple[Array], probe: Probe) -> Mapping[str, Any]:
    (steps,) = values
    first = {"falls": np.append(steps[:1], steps[5:])}
    return first | dict(zip(("dips", "never", "start", "dips and never"), steps[1:5], strict=True))


_STAYS = (
    "A loss can dip below the level and come back up. Find a row where it does, and say by hand "
    "what the answer is."
)
_NEVER = "What does your function say of a row that never gets there? What should it say?"

STEPS_NEEDED = Question(
    id="15.steps_needed",
    kind="repair",
    title="after how many steps, for each seed",
    points=1,
    inputs=_loss_curves,
    reference=lambda losses, chance: _from_there_on(losses, chance / 2),
    returns=("steps",),
    axes={"steps": ("seed",)},
    input_axes={"losses": ("seed", "step")},
    observe=_by_row,
    complaints={
        "falls": "Of a seed whose loss falls and then stays low your step is not the right one.",
        "dips": "Of a seed that falls once and stays low your step is right. But one that dips "
        "below half of chance, comes back up and falls for good later gets a wrong one.",
        "never": "Of seeds that learn your steps are right. But one that never gets below half of "
        "chance should get -1.",
        "start": "One seed is below half of chance from its first loss on, and should get 0.",
        "dips and never": "One seed dips below half of chance in the middle, comes back up and "
        "stays there: it should get -1.",
    },
    hints=(
        "Take one row with a dip, and one that never gets there, and run the given code on each.",
        "Wanted is the first place from which on every later loss is below half of chance.",
        "Go through a row from its end: as long as the losses are below the level, remember the "
        "place. A row whose last loss is not below has none: -1.",
    ),
    parallel="""When has the ice on a lake melted for good? Thickness by week: 9, 4, 0, 2, 0, 0.
It is 0 in week 2, but there is ice in week 3. From week 4 on it stays 0: the answer is 4. Of a lake
that ends with 1 there is no such week.""",
    misconceptions=(
        Misconception(
            "the first dip", _STAYS, lambda losses, chance: _first_dip(losses, chance / 2)
        ),
        Misconception(
            "as given",
            _STAYS,
            lambda losses, chance: (losses < chance / 2).argmax(axis=1),
        ),
        Misconception(
            "never is 0",
            _NEVER,
            lambda losses, chance: np.maximum(_from_there_on(losses, chance / 2), 0),
        ),
        Misconception(
            "never is the length",
            _NEVER,
            lambda losses, chance: np.where(
                _from_there_on(losses, chance / 2) < 0,
                losses.shape[1],
                _from_there_on(losses, chance / 2),
            ),
        ),
        Misconception(
            "counted from 1",
            "Steps are counted from 0 here, as everywhere in the course. A row that is below from "
            "its first loss on gets 0.",
            lambda losses, chance: np.where(
                _from_there_on(losses, chance / 2) < 0, -1, _from_there_on(losses, chance / 2) + 1
            ),
        ),
        Misconception(
            "chance itself as the level",
            "Below which level should a loss stay: chance, or half of it?",
            lambda losses, chance: _from_there_on(losses, chance),
        ),
        Misconception(
            "the mean of the seeds",
            "You average over the seeds before you look. Then a seed that never learns hides "
            "behind the others. What does each one do?",
            lambda losses, chance: np.full(
                len(losses), _from_there_on(losses.mean(axis=0, keepdims=True), chance / 2)[0]
            ),
        ),
        Misconception(
            "the last one above",
            "You return the last place that is not below yet. From where on is the loss below?",
            lambda losses, chance: np.where(
                _from_there_on(losses, chance / 2) < 0, -1, _from_there_on(losses, chance / 2) - 1
            ),
        ),
        Misconception(
            "how many are below",
            "You count the losses below the level. Asked for is the place from which on they all "
            "are.",
            lambda losses, chance: (losses < chance / 2).sum(axis=1),
        ),
    ),
)


# what do a stranger's gates see?

Cell = Callable[[Array, Array], Array]


def _weights(rng: np.random.Generator, D: int, H: int) -> dict[str, Array]:
    drawn = {f"W_{k}": rng.standard_normal((H, D)) for k in "zrh"}
    drawn |= {f"V_{k}": 1.2 * rng.standard_normal((H, H)) for k in "zrh"}
    return drawn | {f"b_{k}": rng.uniform(-0.5, 0.5, H) for k in "zrh"}


def _only_x(w: Mapping[str, Array]) -> Cell:
    def step(x_t: Array, h: Array) -> Array:
        z = _sigmoid(x_t @ w["W_z"].T + w["b_z"])
        h_t: Array = (1 - z) * h + z * (x_t @ w["W_h"].T + w["b_h"])
        return h_t

    return step


def _gru(w: Mapping[str, Array]) -> Cell:
    def step(x_t: Array, h: Array) -> Array:
        z = _sigmoid(x_t @ w["W_z"].T + h @ w["V_z"].T + w["b_z"])
        r = _sigmoid(x_t @ w["W_r"].T + h @ w["V_r"].T + w["b_r"])
        h_tilde = np.tanh(x_t @ w["W_h"].T + (r * h) @ w["V_h"].T + w["b_h"])
        h_t: Array = (1 - z) * h + z * h_tilde
        return h_t

    return step


def _rnn(w: Mapping[str, Array]) -> Cell:
    return lambda x_t, h: np.tanh(x_t @ w["W_h"].T + h @ w["V_h"].T + w["b_h"])


def _each_its_own(w: Mapping[str, Array]) -> Cell:
    """An RNN in which every unit sees itself alone, half: any two runs come closer at each step."""
    return lambda x_t, h: np.tanh(x_t @ w["W_h"].T + 0.5 * h)


def _forgetful_gru(w: Mapping[str, Array]) -> Cell:
    """A GRU that has forgotten where it started long before the end."""
    quiet = {name: 0.3 * a if name[0] == "V" else a for name, a in w.items()}
    return _gru({**quiet, "b_z": w["b_z"] + 4.0})


def _runs(rng: np.random.Generator, cell: Callable[[Mapping[str, Array]], Cell], T: int) -> Probe:
    B, D, H = 2, 3, 4
    step = cell(_weights(rng, D, H))
    x = rng.standard_normal((T, B, D))
    a, b = rng.uniform(-1, 1, (2, B, H))
    runs = []
    for h in (a, b, (a + b) / 2):
        states = [h]
        for x_t in x:
            states.append(step(x_t, states[-1]))
        runs.append(np.array(states))
    return {"h_a": runs[0], "h_b": runs[1], "h_c": runs[2]}


def _strangers(rng: np.random.Generator) -> list[Probe]:
    cells = [(_only_x, 5), (_gru, 6), (_rnn, 4), (_only_x, 41), (_forgetful_gru, 40)]
    cells += [(_each_its_own, 7), (_gru, 3)]
    return [_runs(rng, cell, T) for cell, T in cells]


def _halfway(h_a: Array, h_b: Array, h_c: Array) -> bool:
    return bool(np.allclose(h_c, (h_a + h_b) / 2, atol=1e-8))


def _same_ratio(h_a: Array, h_b: Array, h_c: Array) -> bool:
    """Whether two differences shrink alike at each step: lost in rounding once the runs meet."""
    ab, ac = h_a - h_b, h_a - h_c
    with np.errstate(divide="ignore", invalid="ignore"):
        return bool(np.allclose(ab[1:] / ab[:-1], ac[1:] / ac[:-1]))


_ALWAYS_FALSE = (
    "Your function says False of all of them; some have gates that see x alone. What does a step "
    "do to the middle of two states when z does not depend on them? And how near is near enough, "
    "when two sums are formed in another order?"
)

SEES_ONLY_X = Question(
    id="15.sees_only_x",
    kind="trace",
    title="do a stranger's gates see the state?",
    points=2,
    inputs=_strangers,
    reference=_halfway,
    returns=("only_x",),
    axes={"only_x": ()},
    input_axes=dict.fromkeys(("h_a", "h_b", "h_c"), ("time", "batch", "unit")),
    complaints={"only_x": "Of one of the strangers your function says the wrong thing."},
    hints=(
        "Write one step of minGRU for the starts a, b and (a + b) / 2, with the same x. What is "
        "the third result, seen from the other two?",
        "When z and the candidate see x alone, h_t = (1 - z) h_{t-1} + z h~ turns the middle of "
        "two states into the middle of the results, at every step.",
        "True when h_c is the middle of h_a and h_b at every step, up to rounding; else False.",
    ),
    parallel="""Two savings accounts begin with 100 and 300, a third with 200. The interest rate
changes from year to year, but is the same for all: the third account stays halfway for ever. If the
bank pays more to the rich, it does not.""",
    misconceptions=(
        Misconception(
            "only the end",
            "At the end of a long sequence even a GRU may have forgotten where it began. Does your "
            "function look at the beginning too?",
            lambda h_a, h_b, h_c: bool(np.allclose(h_c[-1], (h_a[-1] + h_b[-1]) / 2, atol=1e-8)),
        ),
        Misconception(
            "no room for rounding",
            _ALWAYS_FALSE,
            lambda h_a, h_b, h_c: bool(np.all(h_c == (h_a + h_b) / 2)),
        ),
        Misconception(
            "the two runs meet", _ALWAYS_FALSE, lambda h_a, h_b, h_c: bool(np.allclose(h_a, h_b))
        ),
        Misconception("always False", _ALWAYS_FALSE, lambda h_a, h_b, h_c: False),
        Misconception(
            "a quotient of differences",
            "Your function says False of a cell whose gates see x alone, after many steps. Its "
            "runs have all but met there: what does rounding do, above all to a quotient?",
            _same_ratio,
        ),
        Misconception(
            "the difference never grows",
            "The difference of two runs shrinks in many cells, whatever their gates see. What does "
            "the third run tell?",
            lambda h_a, h_b, h_c: bool(np.all(np.diff(np.abs(h_a - h_b), axis=0) <= 1e-12)),
        ),
        Misconception(
            "the start alone",
            "The middle is where the third run starts: that holds for every stranger. Look at what "
            "the steps make of it.",
            lambda h_a, h_b, h_c: bool(np.allclose(h_c[0], (h_a[0] + h_b[0]) / 2)),
        ),
        Misconception(
            "turned round",
            "You say True where the state is seen. Asked is whether x alone is.",
            lambda h_a, h_b, h_c: not _halfway(h_a, h_b, h_c),
        ),
    ),
)

QUESTIONS = (PARAMETERS, FAIR_UNITS, MIN_GRU, PARITY_UNIT, STEPS_NEEDED, SEES_ONLY_X)
