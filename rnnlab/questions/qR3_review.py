"""Review 3, after 14: which cell was it, one matrix, a blend backwards, a fair GRU, a register."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from rnnlab.params import Array
from rnnlab.questions import Misconception, Probe, Question
from rnnlab.questions.derivation import Derivation, Line, Mistake, made_in
from rnnlab.questions.gru import SIZES, weights

# which cell made this trace?


def _between(h0: float, h: Array, new: Array) -> Array:
    """For each step: does h lie between the state before and the new?"""
    before = np.concatenate([[h0], h[:-1]])
    inside: Array = (h >= np.minimum(before, new)) & (h <= np.maximum(before, new))
    return inside


def _which(h0: float, h: Array, new: Array) -> str:
    if np.allclose(h, new):
        return "rnn"
    return "gru" if _between(h0, h, new).all() else "lstm"


def _run(rng: np.random.Generator, T: int, cell: str) -> Probe:
    new = rng.uniform(0.15, 0.95, T) * rng.choice((-1.0, 1.0), T)
    f, i, o = rng.uniform(0.2, 0.8, (3, T))
    h0 = state = float(rng.uniform(0.3, 0.8) * rng.choice((-1, 1)))
    C, h = float(np.arctanh(h0)), np.empty(T)
    for t in range(T):
        C = f[t] * C + i[t] * new[t]
        blend = (1 - i[t]) * state + i[t] * new[t]
        h[t] = state = {"rnn": new[t], "gru": blend, "lstm": o[t] * np.tanh(C)}[cell]
    return {"h0": h0, "h": h, "new": new}


def _trace(rng: np.random.Generator, T: int, cell: str, outside: str = "") -> Probe:
    """A trace of one unit; an LSTM's is clearly `outside` at some steps, and never on the other
    side: "past" the new, or "away" from it. Neither cell can be told by |h| < |new|."""
    while True:
        probe = _run(rng, T, cell)
        h, new = probe["h"], probe["new"]
        before = np.concatenate([[probe["h0"]], h[:-1]])
        towards = np.sign(new - before)
        beyond = {"past": towards * (h - new), "away": towards * (before - h)}
        larger = np.abs(h) > np.abs(new)
        if cell == "rnn" or (cell == "gru" and larger.any()):
            return probe
        if cell == "lstm" and larger.any() and _between(**probe).any():
            far = {side for side, by in beyond.items() if (by > 0).any()}
            if far == {outside} and (beyond[outside] > 0.05).any():
                return probe


def _traces(rng: np.random.Generator) -> list[Probe]:
    asked = ((5, "lstm", "past"), (13, "gru"), (14, "rnn"), (15, "gru"), (6, "lstm", "away"))
    return [_trace(rng, *one) for one in asked]


def _mistaken(names: Mapping[str, str]) -> Callable[..., str]:
    def decide(h0: float, h: Array, new: Array) -> str:
        cell = _which(h0, h, new)
        return names.get(cell, cell)

    return decide


def _if_some(h0: float, h: Array, new: Array) -> str:
    if np.allclose(h, new):
        return "rnn"
    return "gru" if _between(h0, h, new).any() else "lstm"


WHICH_CELL = Question(
    id="R3.which_cell",
    kind="trace",
    title="which cell made this trace?",
    points=2,
    inputs=_traces,
    reference=_which,
    returns=("cell",),
    axes={"cell": ()},
    observe=lambda value, probe: {"cell": np.str_(str(value[0]).strip().lower())},
    complaints={
        "cell": 'For at least one of five traces the word is another one of "rnn", "lstm" and '
        '"gru". For each cell, say how h_t is made of the state before and of the new: what can '
        "it never be?"
    },
    hints=(
        "Write the last line of each cell: how does h_t come from `new` and from what was before? "
        "In which of them is h_t bound to lie somewhere in particular?",
        "A plain RNN's h_t is the tanh itself. A GRU's h_t is a blend with shares that add up to "
        "1. An LSTM's h_t comes from a cell that you do not see, through a gate.",
        "First: is h equal to `new` everywhere? Else: does every h_t lie between h_{t-1} and the "
        "new of its step? One step outside is enough to rule the GRU out.",
    ),
    parallel="""A mixed drink is blended from two bottles, of 10 % and of 40 %. Seven glasses are
measured: 12, 38, 25, 40, 11, 30 and 52 %. One of them was not blended from these two alone: which?

The 52: a blend with shares that add up to 1 lies between its two parts. That the six others lie
between proves nothing about each of them. Only a glass outside tells.""",
    misconceptions=(
        Misconception(
            "lstm and gru swapped",
            "The plain RNN is found; the other two are in each other's place. Which of them blends "
            "with shares that add up to 1?",
            _mistaken({"lstm": "gru", "gru": "lstm"}),
        ),
        Misconception(
            "rnn and gru swapped",
            "The LSTM is found; the other two are in each other's place. Which of them forgets the "
            "old state altogether but for what goes through V?",
            _mistaken({"rnn": "gru", "gru": "rnn"}),
        ),
        Misconception(
            "rnn and lstm swapped",
            "The GRU is found; the other two are in each other's place. In which of them is h_t "
            "the tanh itself?",
            _mistaken({"rnn": "lstm", "lstm": "rnn"}),
        ),
        Misconception(
            "one step between is enough",
            "You call an LSTM a GRU. An LSTM's h, too, stays between -1 and 1, and now and then "
            "between the old and the new. What can a GRU's never do?",
            _if_some,
        ),
        Misconception(
            "plain RNN not looked for",
            "In a plain RNN h_t lies between, too: it lies on the new itself. Which test must come "
            "first?",
            _mistaken({"rnn": "gru"}),
        ),
        Misconception(
            "every GRU an LSTM",  # as by |h| <= |new|
            "You call a GRU an LSTM. A GRU that keeps a large old state is larger than a small "
            "new one. Between which two numbers does a blend lie?",
            _mistaken({"gru": "lstm"}),
        ),
        *(
            Misconception(
                f"always {cell}",
                "You say the same for every trace. What in your function looks at it?",
                lambda h0, h, new, cell=cell: cell,
            )
            for cell in ("rnn", "lstm", "gru")
        ),
    ),
)


# one matrix for all, and a z that keeps


def _block(s: Any, letter: str) -> tuple[Array, Array, Array]:
    """V, W, b of a gate."""
    return tuple(getattr(s, f"{k}_{letter}") for k in "VWb")


def _minus(block: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
    V, W, b = block
    return -V, -W, -b


def _stack(order: str = "zrh", h_first: bool = True) -> Mapping[str, Line]:
    def rows(s: Any) -> Array:
        parts = [getattr(s, letter) for letter in order]
        pairs = [(V, W) if h_first else (W, V) for V, W, _ in parts]
        return np.concatenate([np.concatenate(pair, axis=1) for pair in pairs])

    return {
        "W": rows,
        "b": lambda s: np.concatenate([getattr(s, letter)[2] for letter in order]),
    }


_ONE_MATRIX = Derivation(
    tuple(f"{k}_{letter}" for letter in "zrh" for k in "WVb"),
    {
        "z": lambda s: _minus(_block(s, "z")),
        "r": lambda s: _block(s, "r"),
        "h": lambda s: _block(s, "h"),
        **_stack(),
    },
    returns=("W", "b"),
)

_SIGN = (
    "The library's z near 1 keeps, the course's takes the new. 1 - sigmoid(a) is sigmoid(-a): does "
    "the minus reach everything that is added up in z's sum?"
)
_ORDER = (
    "The blocks are the right ones, in another order. In which order does the library list its "
    "rows?"
)
_MATRIX_MISTAKES = (
    Mistake("z not negated", _SIGN, {"z": lambda s: _block(s, "z")}),
    Mistake(
        "bias of z not negated",
        _SIGN,
        {"z": lambda s: (*_minus(_block(s, "z"))[:2], s.b_z)},
    ),
    Mistake("only the bias of z negated", _SIGN, {"z": lambda s: (*_block(s, "z")[:2], -s.b_z)}),
    Mistake("V_z not negated", _SIGN, {"z": lambda s: (s.V_z, -s.W_z, -s.b_z)}),
    Mistake("W_z not negated", _SIGN, {"z": lambda s: (-s.V_z, s.W_z, -s.b_z)}),
    Mistake(
        "1 - z as 1 - W",
        "1 - sigmoid(a) is not sigmoid(1 - a). Which change of a turns z into 1 - z?",
        {"z": lambda s: tuple(1 - a for a in _block(s, "z"))},
    ),
    Mistake(
        "r negated too",
        "The reset gate means the same in both. Whose sign changes?",
        {"r": lambda s: _minus(_block(s, "r"))},
    ),
    Mistake(
        "candidate negated too",
        "The candidate means the same in both. Whose sign changes?",
        {"h": lambda s: _minus(_block(s, "h"))},
    ),
    Mistake(
        "x before h",
        "The library stacks h above x. Which columns of each row must meet h, the first or the "
        "last?",
        _stack(h_first=False),
    ),
    Mistake("blocks in the order r, z, candidate", _ORDER, _stack("rzh")),
    Mistake("blocks in the order candidate, z, r", _ORDER, _stack("hzr")),
    Mistake("blocks in the order candidate, r, z", _ORDER, _stack("hrz")),
    Mistake("blocks in the order z, candidate, r", _ORDER, _stack("zhr")),
    Mistake(
        "V transposed",
        "V is square, so its shape does not tell. In the course row j of V belongs to unit j, and "
        "in the library too: is anything to be turned?",
        {
            "z": lambda s: (-s.V_z.T, -s.W_z, -s.b_z),
            "r": lambda s: (s.V_r.T, s.W_r, s.b_r),
            "h": lambda s: (s.V_h.T, s.W_h, s.b_h),
        },
    ),
    Mistake(
        "transposed as a whole",
        "Yours has the shape of a layout with one column a unit. Here the matrix stands to the "
        "left of the stacked column: one row a unit.",
        {"W": lambda s: _stack()["W"](s).T},
    ),
)


def _blocks(value: Any, probe: Probe) -> Mapping[str, Any]:
    """The H rows of each gate, and the biases."""
    W, b = value
    H = len(b) // 3
    return {"z": W[:H], "r": W[H : 2 * H], "candidate": W[2 * H :], "b": b}


ONE_MATRIX = Question(
    id="R3.one_matrix",
    kind="function",
    title="one matrix for a library whose z keeps",
    points=2,
    inputs=lambda rng: [dict(weights(D, H, rng).items()) for _, D, H in SIZES],
    reference=_ONE_MATRIX,
    returns=("W", "b"),
    axes={"W": ("row", "column"), "b": ("row",)},
    observe=_blocks,
    complaints={
        "z": "The first H rows of W are not those of the library's z. Which of its columns meet h, "
        "which meet x, and does its z mean the same as the course's?",
        "r": "The rows of z are right, the H rows after them are not: there the reset gate is "
        "expected, V beside W.",
        "candidate": "The rows of z and r are right, the last H are not: there the candidate is "
        "expected, V beside W.",
        "b": "W is right, b is not. It has the same blocks in the same order, and what holds for "
        "the rows of z holds for its bias.",
    },
    hints=(
        "Build the H rows of one gate first: what must stand left, so that it meets h, and what "
        "right, so that it meets x?",
        "A row block is V beside W. Three of them below each other, in the library's order. And "
        "its z is 1 - ours: sigmoid(-a).",
        "For z negate V, W and b; then np.concatenate V and W of each gate along axis 1, and the "
        "three blocks along axis 0, in the order z, r, candidate; the biases likewise.",
    ),
    parallel="""A price is 2 * flour + 3 * milk + 1. A shop wants one row for (milk, flour) and a
number: the row is (3, 2), the number 1. Two prices, two rows, one below the other. And if the shop
counts what you pay as negative, all three numbers of the row change their sign.""",
    misconceptions=made_in(_ONE_MATRIX, _MATRIX_MISTAKES),
)


# repair: the blend of such a library, backwards

_BLEND_BACK = Derivation(
    ("dh_t", "h_prev", "z_t", "n_t"),
    {
        "dz_t": lambda s: s.dh_t * (s.h_prev - s.n_t),
        "da_z": lambda s: s.dz_t * s.z_t * (1 - s.z_t),
        "dn_t": lambda s: s.dh_t * (1 - s.z_t),
        "da_n": lambda s: s.dn_t * (1 - s.n_t**2),
        "dh_prev": lambda s: s.dh_t * s.z_t,
    },
    returns=("da_z", "da_n", "dh_prev"),
)

_WHAT_IS_KEPT = (
    "In this library z is the share of the old. What is left of h_prev in h_t, and what is left of "
    "the candidate?"
)
_BLEND_MISTAKES = (
    Mistake(
        "sign of dz turned",
        "Your da_z belongs to a blend in which z takes the new. Here h_t grows with z where the "
        "old is larger than the new: which of the two comes with a plus?",
        {"dz_t": lambda s: s.dh_t * (s.n_t - s.h_prev)},
    ),
    Mistake("kept share turned", _WHAT_IS_KEPT, {"dh_prev": lambda s: s.dh_t * (1 - s.z_t)}),
    Mistake("new share turned", _WHAT_IS_KEPT, {"dn_t": lambda s: s.dh_t * s.z_t}),
    Mistake(
        "only the old in dz",
        "z stands in two terms of the blend, and the candidate's share falls when z rises.",
        {"dz_t": lambda s: s.dh_t * s.h_prev},
    ),
    Mistake(
        "only the new in dz",
        "z stands in two terms of the blend. What does the old's share do when z rises?",
        {"dz_t": lambda s: -s.dh_t * s.n_t},
    ),
    Mistake(
        "old and new added in dz",
        "The share of the new falls as much as the share of the old rises. Which sign does the "
        "candidate get in dz?",
        {"dz_t": lambda s: s.dh_t * (s.h_prev + s.n_t)},
    ),
    Mistake(
        "slope of the gate missing",
        "That is the gradient of z itself. Asked for is the sum inside its sigmoid: which slope "
        "lies between?",
        {"da_z": lambda s: s.dz_t},
    ),
    Mistake(
        "slope of tanh for the gate",
        "z goes through a sigmoid. What is its slope, in terms of z?",
        {"da_z": lambda s: s.dz_t * (1 - s.z_t**2)},
    ),
    Mistake(
        "slope of the gate without 1 - z",
        "The slope of a sigmoid has two factors. Is the second one there?",
        {"da_z": lambda s: s.dz_t * s.z_t},
    ),
    Mistake(
        "slope of the candidate missing",
        "That is the gradient of the candidate itself. Asked for is the sum inside its tanh: which "
        "slope lies between?",
        {"da_n": lambda s: s.dn_t},
    ),
    Mistake(
        "slope of a sigmoid for the candidate",
        "The candidate goes through tanh. What is its slope, in terms of the result?",
        {"da_n": lambda s: s.dn_t * s.n_t * (1 - s.n_t)},
    ),
    Mistake(
        "candidate's slope not squared",
        "The slope of tanh in terms of its result y is 1 minus y squared. Is it squared in yours?",
        {"da_n": lambda s: s.dn_t * (1 - s.n_t)},
    ),
    Mistake(
        "tanh of the candidate once more",
        "n_t has been through tanh already. Its slope is made of n_t itself.",
        {"da_n": lambda s: s.dn_t * (1 - np.tanh(s.n_t) ** 2)},
    ),
    Mistake(
        "no share on the kept path",
        "All of dh_t goes back to h_prev in yours. Which share of h_prev is in h_t?",
        {"dh_prev": lambda s: s.dh_t},
    ),
    Mistake(
        "kept path closed",
        "Nothing comes back to h_prev in yours. Which term of the blend holds it?",
        {"dh_prev": lambda s: 0 * s.dh_t},
    ),
    Mistake(
        "value for gradient",
        "That is what is kept of the state. What is kept of the gradient?",
        {"dh_prev": lambda s: s.z_t * s.h_prev},
    ),
)


def _blend_inputs(rng: np.random.Generator) -> list[Probe]:
    return [
        {
            "dh_t": rng.normal(0, 1, shape),
            "h_prev": rng.uniform(-0.9, 0.9, shape),
            "z_t": rng.uniform(0.1, 0.9, shape),
            "n_t": rng.uniform(-0.9, 0.9, shape),
        }
        for shape in ((2, 4), (3, 3), (1, 5))
    ]


_BH = ("batch", "unit")

KEEP_BACKWARD = Question(
    id="R3.keep_backward",
    kind="repair",
    title="a backward pass that was copied, not derived",
    points=2,
    inputs=_blend_inputs,
    reference=_BLEND_BACK,
    returns=("da_z", "da_n", "dh_prev"),
    axes=dict.fromkeys(("da_z", "da_n", "dh_prev"), _BH),
    input_axes=dict.fromkeys(("dh_t", "h_prev", "z_t", "n_t"), _BH),
    gradients=True,
    hints=(
        "Derive it anew from this blend: h_t has two terms, and z stands in both.",
        "By z: h_prev minus n_t. By n_t: 1 - z. By h_prev: z. Then the slopes: z (1 - z) and "
        "1 - n^2.",
        "da_z: dh_t times (h_prev - n_t) times z_t (1 - z_t). dh_prev: dh_t times z_t. The line of "
        "da_n is right as it stands.",
    ),
    parallel="""Tea of two pots, share s from the warm one: t = s * w + (1 - s) * c.

    dt/ds = w - c        more of the warm pot
    dt/dw = s            dt/dc = 1 - s

Had somebody called s the share of the *cold* pot, all three would be others: t = (1 - s) w + s c
has dt/ds = c - w, dt/dw = 1 - s, dt/dc = s.""",
    misconceptions=made_in(_BLEND_BACK, _BLEND_MISTAKES),
)


# a fair GRU, from the learner's seed


def lstm_sizes(seed: int) -> tuple[int, int, int]:
    """D, H of an LSTM, and a half-life; the exercise shows the same lines."""
    rng = np.random.default_rng(seed)
    return int(rng.integers(10, 40)), int(rng.integers(50, 120)), int(rng.integers(5, 60))


def _gru_size(D: int, H: int, lstm: int = 4, gru: int = 3) -> int:
    """The largest hidden size of a GRU with at most the LSTM's number of parameters."""
    size = H
    while gru * (size + 1) * (D + size + 2) <= lstm * H * (D + H + 1):
        size += 1
    return size


def _keep_bias(n: int) -> float:
    z = 1 - 0.5 ** (1 / n)
    return float(np.log(z / (1 - z)))


def _fair(
    size: Callable[[int, int], int] = _gru_size, bias: Callable[[int], float] = _keep_bias
) -> Callable[..., tuple[int, int, float]]:
    def fair(seed: int = 7) -> tuple[int, int, float]:
        D, H, n = lstm_sizes(seed)
        return seed, size(D, H), bias(n)

    return fair


FAIR_GRU = Question(
    id="R3.fair_gru",
    kind="number",
    title="a GRU of equal size, for your own seed",
    points=1,
    inputs=lambda rng: [{}],
    reference=_fair(),
    returns=("seed", "H", "b_z"),
    axes={"seed": (), "H": (), "b_z": ()},
    arguments=(),
    own=("seed",),
    tolerance=1e-6,
    complaints={
        "seed": "Return your seed as it is.",
        "H": "The hidden size is another one. Count one gate's W, V and b first; how many such "
        "sets has an LSTM, how many a GRU in the course's form?",
        "b_z": "The size is right, the bias is not. Test yours, unrounded: with z = "
        "sigmoid(b_z) the share that is kept in one step, to the power of n, must be 0.5.",
    },
    hints=(
        "Two small problems: a count, and a half-life. In this course, which share does z keep?",
        "LSTM: 4 H (D + H + 1), GRU: 3 H (D + H + 1). For the bias: (1 - z)**n = 1/2, and "
        "sigmoid(b_z) = z.",
        "Raise the GRU's H by one until the next would have too many parameters. z is one minus "
        "one half to the power of 1/n; b_z is the natural logarithm of z over 1 - z.",
    ),
    parallel="""A square garden of side s needs s * (s + 4) plants. What is the largest side for
at most 100? 8 needs 96, 9 needs 117: so 8. And a leak takes the share v a day; half is gone after
10 days: (1 - v) ** 10 = 1/2, v = 0.067.""",
    misconceptions=(
        Misconception(
            "two gates counted",
            "You count the GRU's two gates. Its candidate has a W, a V and a b as well.",
            _fair(lambda D, H: _gru_size(D, H, lstm=3, gru=2)),
        ),
        Misconception(
            "LSTM's candidate forgotten",
            "You count the LSTM's three gates, and leave out its candidate.",
            _fair(lambda D, H: _gru_size(D, H, lstm=3)),
        ),
        Misconception(
            "one too large",
            "That GRU has a few parameters more than the LSTM. The largest that has no more is "
            "asked for.",
            _fair(lambda D, H: _gru_size(D, H) + 1),
        ),
        Misconception(
            "four thirds of H",
            "The parameters do not grow in proportion to H: V has H times H of them.",
            _fair(lambda D, H: H * 4 // 3),
        ),
        Misconception(
            "bias of a library's z",
            "With that bias z keeps half over n steps, in a library whose z near 1 keeps. In this "
            "course z near 1 takes the new.",
            _fair(bias=lambda n: -_keep_bias(n)),
        ),
        Misconception(
            "the gate for its bias",
            "That is the gate z. Asked for is the bias that gives it.",
            _fair(bias=lambda n: 1 - 0.5 ** (1 / n)),
        ),
        Misconception(
            "subtracted, not multiplied",
            "You let each step take the same amount away. It takes a share of what is left.",
            _fair(bias=lambda n: float(np.log(0.5 / n / (1 - 0.5 / n)))),
        ),
        *(
            Misconception(
                f"time constant, {z}",
                "With your bias about a third (1/e) is left after n steps. Half is asked for.",
                _fair(bias=bias),
            )
            for z, bias in {
                "z = 1/n": lambda n: float(-np.log(n - 1)),
                "z = 1/(n + 1)": lambda n: float(-np.log(n)),
                "1 - z = exp(-1/n)": lambda n: float(np.log(np.expm1(1 / n))),
            }.items()
        ),
        Misconception(
            "logarithm of the gate",
            "The logarithm undoes exp. A sigmoid is more than that: solve z = 1 / (1 + exp(-b)).",
            _fair(bias=lambda n: float(np.log(1 - 0.5 ** (1 / n)))),
        ),
    ),
)


# weights by hand: a shift register

_H = 3
_NEXT = np.eye(_H, k=-1)  # unit k takes from unit k - 1
_NAMES = tuple(f"{k}_{letter}" for letter in "zrh" for k in "WVb")
_FIRST = np.array([[1.0], [0.0], [0.0]])
_ALL = np.ones((_H, 1))


def _register(
    open_at: tuple[float, float] = (-20, 20),
    reset: float = 20,
    bit: Array = 20 * _FIRST,
    push: float = 0,
    V_h: Array = 20 * _NEXT,
) -> Callable[[], tuple[Array, ...]]:
    """Nine arrays: z's sums on wait and push, r's bias, what the candidate makes of x and of h."""
    wait, shift = open_at

    def arrays() -> tuple[Array, ...]:
        zeros, none = np.zeros((_H, 2)), np.zeros((_H, _H))
        W_z = np.hstack([0 * _ALL, (shift - wait) * _ALL])
        W_h = np.hstack([bit, push * _ALL])
        biases = np.full(_H, float(wait)), np.full(_H, float(reset)), np.zeros(_H)
        return W_z, none, biases[0], zeros, none, biases[1], W_h, 1.0 * V_h, biases[2]

    return arrays


def _states(arrays: Any, bits: Array, pushes: Array) -> Array:
    """h after each step, from zero: (T, B, 3), for B texts side by side."""
    W_z, V_z, b_z, W_r, V_r, b_r, W_h, V_h, b_h = arrays
    x = np.stack([bits, pushes], axis=-1).astype(float)
    a_gates = np.concatenate([x @ W_z.T + b_z, x @ W_r.T + b_r], axis=-1)
    V_gates, a_h = np.concatenate([V_z, V_r]).T, x @ W_h.T + b_h
    h = np.zeros((bits.shape[1], _H))
    states = []
    for t in range(len(x)):
        gates = 0.5 + 0.5 * np.tanh(0.5 * (a_gates[t] + h @ V_gates))
        z, r = gates[:, :_H], gates[:, _H:]
        h = h + z * (np.tanh(a_h[t] + (r * h) @ V_h.T) - h)
        states.append(h)
    return np.array(states)


def _read(h: Array) -> Array:
    """1 and -1 beyond 0.9, 0 within 0.1 of zero, 2 for what is neither."""
    return np.where(np.abs(h) > 0.9, np.sign(h), np.where(np.abs(h) < 0.1, 0, 2))


def _shifts(arrays: Any, probe: Probe) -> Mapping[str, Any]:
    """What the units hold after one, two and three pushes, after waits, and along a text."""
    three = np.array([(a, b, c) for a in (1, -1) for b in (1, -1) for c in (1, -1)]).T
    h = _read(_states(arrays, three, np.ones_like(three)))
    waits = np.concatenate([[[1, -1]], np.tile([[-1, 1]], (60, 1))])
    waited = _states(arrays, waits, np.concatenate([[[1, 1]], np.zeros((60, 2))]))
    bits, pushes = probe["bits"], probe["push"] - 1
    text = _read(_states(arrays, bits[:, None], pushes[:, None])[:, 0])
    pushed = np.flatnonzero(pushes)
    full = range(pushed[2], len(bits))
    last = [bits[pushed[pushed <= t][-3:][::-1]] for t in full]
    return {
        "takes": h[0, :, 0],
        "waits": _read(waited[-1, :, 0]),
        "moves": h[1, :, :2],
        "three": h[2],
        "long": np.array_equal(text[pushed[2] :], np.array(last)),
    }


def _text(rng: np.random.Generator) -> list[Probe]:
    push = np.where(rng.uniform(size=120) < 0.4, 2, 1)
    push[:3] = 2
    return [{"bits": rng.choice([-1, 1], 120), "push": push}]


_NOTHING_MOVES = (
    "Unit 0 takes each bit, but unit 1 does not get the old one. Row k of V_h says what unit k "
    "takes from the others: where must its number stand? And does r let the past through?"
)
_MIXED = (
    "Two things meet in one unit, and where they differ they cancel. What should each unit listen "
    "to at a push, and to nothing else?"
)

SHIFT_REGISTER = Question(
    id="R3.shift_register",
    kind="weights",
    title="a GRU that remembers the last three bits",
    points=3,
    inputs=_text,
    reference=_register(),
    returns=_NAMES,
    axes={
        name: {"W": ("unit", "input"), "V": ("unit", "unit"), "b": ("unit",)}[name[0]]
        for name in _NAMES
    },
    arguments=(),
    observe=_shifts,
    complaints={
        "takes": "After one push from an empty state, unit 0 should hold the bit: beyond 0.9 with "
        "its sign, for 1 and for -1.",
        "waits": "Unit 0 takes the bit at a push. Sixty waits later, with the other bit on the "
        "line all the time, it should still hold it.",
        "moves": "Unit 0 takes a bit and holds it. After two pushes unit 0 should hold the second "
        "bit and unit 1 the first, for all four pairs.",
        "three": "Two pushes come out right. After three, unit 2 should hold the first bit, unit 1 "
        "the second, unit 0 the third, for all eight triples.",
        "long": "Three pushes come out right, but along a text of many pushes and waits some unit "
        "is wrong at some step.",
    },
    hints=(
        "Two questions, one after the other. When may the state change at all: which gate, and "
        "which input? And if it changes: what should each of the three units become?",
        "z: shut on wait, open on push. The candidate of unit 0 is the sign of the bit, that of "
        "unit 1 the old unit 0, that of unit 2 the old unit 1. r must let the old state through.",
        "b_z = -20, and 40 in the push column of W_z; b_r = 20; W_h has 20 for unit 0 at the bit; "
        "V_h has 20 in row 1 column 0 and in row 2 column 1; all else zero.",
    ),
    parallel="""Three people in a row pass slips. On the bell, each takes the slip of the person to
the left, and the first takes one from the box:

    takes from     box   person 0   person 1   person 2
    person 0       1     0          0          0
    person 1       0     1          0          0
    person 2       0     0          1          0

Read a row: who takes. Read a column: who gives. Without a bell nobody takes anything. They pass
words; yours pass 1 and -1, so each number is large: tanh(20) is 1.""",
    misconceptions=(
        Misconception("V_h transposed", _NOTHING_MOVES, _register(V_h=20 * _NEXT.T)),
        Misconception("no V_h", _NOTHING_MOVES, _register(V_h=0 * _NEXT)),
        Misconception("reset gate shut", _NOTHING_MOVES, _register(reset=-20)),
        Misconception("the bit into every unit", _MIXED, _register(bit=20 * _ALL)),
        Misconception(
            "the bit alone into every unit",
            "Every unit takes the new bit, so all three hold the same. From whom should unit 1 "
            "take?",
            _register(bit=20 * _ALL, V_h=0 * _NEXT),
        ),
        Misconception("each unit listens to itself", _MIXED, _register(V_h=20 * np.eye(_H))),
        Misconception("keeps itself and shifts", _MIXED, _register(V_h=20 * (np.eye(_H) + _NEXT))),
        Misconception(
            "push in the candidate",
            "The 1 is taken, the -1 is not. Is the push added to the bit (-1 + 1 is nothing), or "
            "does the bit open z? The bit says what is taken, the push alone says when.",
            _register(push=20),
        ),
        Misconception(
            "never open",
            "Nothing is ever taken. In this course, where must z be for the new: near 1 or near 0?",
            _register(open_at=(-20, -20)),
        ),
        Misconception(
            "update gate turned round",
            "It keeps at a push and takes on waits: just the other way round. In this course z "
            "near 1 takes the new.",
            _register(open_at=(20, -20)),
        ),
        Misconception(
            "always open",
            "It shifts on waits too. Which input should open z, and what keeps z shut without "
            "it? A sum of zero leaves it half open.",
            _register(open_at=(20, 20)),
        ),
        Misconception(
            "not shut enough",
            "On wait a little of the new gets in, and over many waits it adds up. How far "
            "below zero is z's sum there?",
            _register(open_at=(-4, 20)),
        ),
        Misconception(
            "weights of one",
            "tanh(1) is 0.76, and each push makes it smaller. How large must the sum be for tanh "
            "to be 1?",
            _register(bit=_FIRST, V_h=_NEXT),
        ),
        Misconception(
            "a ring",
            "Three bits come out right; the fourth meets the first in unit 0. From whom should "
            "unit 0 take?",
            _register(V_h=20 * np.roll(np.eye(_H), 1, axis=0)),
        ),
        Misconception(
            "sign turned in the first unit",
            "Each bit is stored with the other sign. Which sign has the bit's weight?",
            _register(bit=-20 * _FIRST),
        ),
        Misconception(
            "signs turned on the way",
            "Each bit changes its sign from unit to unit. Which sign have the numbers of V_h?",
            _register(V_h=-20 * _NEXT),
        ),
    ),
)


QUESTIONS = (WHICH_CELL, ONE_MATRIX, KEEP_BACKWARD, FAIR_GRU, SHIFT_REGISTER)
