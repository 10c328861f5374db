"""Exercise 07: the output gate, what the outside sees of the cell, and a count shown on demand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from rnnlab.cells import sigmoid
from rnnlab.params import Array
from rnnlab.questions import Misconception, Probe, Question
from rnnlab.questions.derivation import Derivation, Mistake, Recurrence, made_in
from rnnlab.questions.gates import (
    explicit,
    gate_terms,
    pre_activation,
    sigmoid_mistakes,
    squashed,
    sum_mistakes,
)
from rnnlab.questions.memory import READ, READ_MISTAKES

_BH = ("batch", "unit")
_TBH = ("time", "batch", "unit")

_HIDDEN_STATE = Derivation(
    ("x_t", "h_prev", "C_t", "W_o", "V_o", "b_o"),
    {"a_o": pre_activation(explicit("o")), "o_t": squashed("o", sigmoid), **READ},
    returns=("o_t", "h_t"),
)


def _hidden_inputs(rng: np.random.Generator) -> list[Probe]:
    return [
        {
            "x_t": rng.standard_normal((B, D)),
            "h_prev": rng.uniform(-1, 1, (B, H)),
            "C_t": rng.normal(0, 1.5, (B, H)),
            "W_o": rng.normal(0, 0.5, (H, D)),
            "V_o": rng.normal(0, 0.5, (H, H)),
            "b_o": rng.normal(0, 0.5, H),
        }
        for B, D, H in ((2, 3, 4), (3, 4, 4), (1, 5, 2))
    ]


_GATE_LOOKS_AT = (
    "The gate looks at the cell. In these equations it looks at the input and the previous hidden "
    "state (an LSTM whose gates see the cell as well is said to have peepholes)."
)

HIDDEN_STATE = Question(
    id="07.hidden_state",
    kind="function",
    title="the output gate and the hidden state",
    points=2,
    inputs=_hidden_inputs,
    reference=_HIDDEN_STATE,
    returns=("o_t", "h_t"),
    axes={"o_t": _BH, "h_t": _BH},
    input_axes=dict.fromkeys(("x_t", "h_prev", "C_t"), _BH),
    terms={"o_t": gate_terms("o")},
    hints=(
        "First the gate, which is made like the other two; then what it lets through.",
        "The gate looks at x_t and h_prev, not at the cell. What it lets through is the cell, "
        "squashed to between -1 and 1.",
        "o_t: the sigmoid of x_t times the transpose of W_o, plus h_prev times the transpose of "
        "V_o, plus b_o. h_t: o_t times np.tanh of C_t, element by element.",
    ),
    parallel="""A speaker plays a share v of a signal s that is limited to 5 volts first; the share
comes from a dial d:

    v = sigmoid(k * d + c)
    out = v * np.clip(s, -5, 5)       # limit, then let a share through
    out = np.clip(v * s, -5, 5)       # not the same: a large s drowns the dial

Yours has two inputs to the dial and tanh for the limit.""",
    misconceptions=made_in(
        _HIDDEN_STATE,
        (
            *sum_mistakes("o", explicit("o")),
            *sigmoid_mistakes("o", "o_t"),
            # 1 - o is there already, as a mistake of the gate; so is a gate of switches
            *(m for m in READ_MISTAKES if m.name != "1 - o"),
            Mistake(
                "mirrored at the read-out",
                "The gate is right, but h_t shows where it should hide. What should o_t = 0 let "
                "out?",
                {"h_t": lambda s: (1 - s.o_t) * s.shown},
            ),
            Mistake(
                "the gate looks at the cell",
                _GATE_LOOKS_AT,
                {"a_o": lambda s: s.x_t @ s.W_o.T + s.C_t @ s.V_o.T + s.b_o},
            ),
            Mistake(
                "the gate looks at the squashed cell",
                _GATE_LOOKS_AT,
                {"a_o": lambda s: s.x_t @ s.W_o.T + np.tanh(s.C_t) @ s.V_o.T + s.b_o},
            ),
            Mistake(
                "shows the previous hidden state",
                "The gate is right, but it lets h_prev through. Which memory does it read?",
                {"shown": lambda s: s.h_prev},
            ),
        ),
    ),
)


# backwards: which cell is behind what is seen?


def _behind_inputs(rng: np.random.Generator) -> list[Probe]:
    def probe(shape: tuple[int, int]) -> Probe:
        C = rng.choice([-1.0, 1.0], shape) * rng.uniform(0.1, 3.0, shape)
        o = rng.uniform(0.2, 0.95, shape)
        return {"h_t": o * np.tanh(C), "o_t": o}

    return [probe((2, 4)), probe((3, 5))]


def _cell_behind(h_t: Array, o_t: Array) -> Array:
    result: Array = np.arctanh(h_t / o_t)
    return result


CELL_BEHIND = Question(
    id="07.cell_behind",
    kind="function",
    title="the cell behind what is seen",
    points=2,
    inputs=_behind_inputs,
    reference=_cell_behind,
    returns=("C_t",),
    axes={"C_t": _BH},
    input_axes={"h_t": _BH, "o_t": _BH},
    hints=(
        "Write down what was done to C_t on its way out, in order. Which of it is undone first?",
        "h_t is o_t times tanh(C_t). Solve for C_t: first take the gate away, then the tanh. "
        "NumPy has the inverse of tanh.",
        "Divide h_t by o_t, and put the quotient through np.arctanh.",
    ),
    parallel="""A sensor shows y = k * sqrt(p). Which pressure p is behind a reading y?

    y / k = sqrt(p)          undo the last thing first: divide
    (y / k)**2 = p           then undo the root

Squaring first, y**2 / k, is another number: the order matters. Yours has a tanh for the root.""",
    misconceptions=(
        Misconception(
            "tanh not undone",
            "You took the gate away, but not the tanh: none of your cells is outside -1 to 1. The "
            "cell itself has no bound.",
            lambda h_t, o_t: h_t / o_t,
        ),
        Misconception(
            "gate not undone",
            "You undid the tanh as if the gate had been wide open. What share was let through?",
            lambda h_t, o_t: np.arctanh(h_t),
        ),
        Misconception(
            "undone in the wrong order",
            "Both are undone, but in the order in which they were done. The gate came last: what "
            "must go first?",
            lambda h_t, o_t: np.arctanh(h_t) / o_t,
        ),
        Misconception(
            "multiplied by the gate, in the wrong order",
            "The gate multiplied on the way out, and it came last. What undoes that, and must it "
            "be done before or after the tanh is undone?",
            lambda h_t, o_t: np.arctanh(h_t) * o_t,
        ),
        Misconception(
            "tanh again",
            "You squash what is squashed already. Which function takes a tanh away?",
            lambda h_t, o_t: np.tanh(h_t / o_t),
        ),
        Misconception(
            "one over tanh",
            "1 / tanh is not what undoes a tanh. Undoing asks: of which number is this the tanh?",
            lambda h_t, o_t: 1 / np.tanh(h_t / o_t),
        ),
        Misconception(
            "multiplied by the gate",
            "The gate multiplied on the way out. What does it take to undo that?",
            lambda h_t, o_t: np.arctanh(h_t * o_t),
        ),
        Misconception(
            "gate subtracted",
            "The gate multiplied on the way out; yours is subtracted. What undoes a product?",
            lambda h_t, o_t: np.arctanh(np.clip(h_t - o_t, -1 + 1e-12, 1 - 1e-12)),
        ),
        Misconception(
            "arctan",
            "arctan undoes the tangent, tan. The inverse of tanh has an h too.",
            lambda h_t, o_t: np.arctan(h_t / o_t),
        ),
        Misconception(
            "inverse of the sigmoid",
            "Without the half that is the inverse of a sigmoid, twice what it must be. How do "
            "tanh and sigmoid hang together?",
            lambda h_t, o_t: np.log((1 + h_t / o_t) / (1 - h_t / o_t)),
        ),
        Misconception(
            "sign lost",
            "All of your cells are positive. The tanh keeps the sign, so its inverse does.",
            lambda h_t, o_t: np.abs(np.arctanh(h_t / o_t)),
        ),
        Misconception(
            "forwards",
            "That is the way out: the gate times tanh. Asked for is the way back, from h_t to "
            "the cell.",
            lambda h_t, o_t: o_t * np.tanh(h_t),
        ),
    ),
)


# repair: the gate looks at the cell instead of at the hidden state before

_READING = Recurrence(
    ("x", "C", "h_0", "W_o", "V_o", "b_o"),
    first={"h_prev": lambda s: s.h_0},
    step={
        "x_t": lambda s: s.x[s.t],
        "C_t": lambda s: s.C[s.t],
        "a_o": pre_activation(explicit("o")),
        "o_t": squashed("o", sigmoid),
        **READ,
    },
    carry={"h_prev": lambda s: s.h_t},
    collect={"o": lambda s: s.stack("o_t"), "h": lambda s: s.stack("h_t")},
    returns=("o", "h"),
)


def _sum_with(seen: Callable[[Any], Array]) -> Callable[[Any], Array]:
    """The gate's sum, looking at something else than the previous hidden state."""
    return lambda s: s.x_t @ s.W_o.T + seen(s) @ s.V_o.T + s.b_o


def _gate_in_two_passes(s: Any) -> Array:
    """h_t from the gate, and the gate from that h_t."""
    first = sigmoid(s.a_o) * np.tanh(s.C_t)
    result: Array = sigmoid(_sum_with(lambda s: first)(s))
    return result


_READING_MISTAKES = (
    Mistake(
        "the gate looks at the cell",
        _GATE_LOOKS_AT,
        {"a_o": _sum_with(lambda s: s.C_t)},
    ),
    Mistake(
        "the gate looks at the squashed cell",
        _GATE_LOOKS_AT,
        {"a_o": _sum_with(lambda s: np.tanh(s.C_t))},
    ),
    Mistake(
        "the gate looks at the cell before",
        "The gate looks at the cell of the step before. That is the other memory: which of the "
        "two do the gates look at?",
        {"a_o": _sum_with(lambda s: s.C[s.t - 1] if s.t else s.h_0)},
    ),
    Mistake(
        "the gate looks at the cell before, and at the last cell first",
        "The gate looks at the cell of the step before, the other memory: which of the two do the "
        "gates look at? And at t = 0 your C[t - 1] is C[-1], the last row.",
        {"a_o": _sum_with(lambda s: s.C[s.t - 1])},
    ),
    Mistake(
        "o from the new h",
        "The gate looks at the h of its own step, which it has to make first. Which h is there "
        "when the step begins?",
        {"o_t": _gate_in_two_passes},
    ),
    Mistake(
        "h_0 at every step",
        "Right at t = 0, wrong from t = 1 on: every step looks at h_0. What should step 1 look at?",
        {"next_h_prev": lambda s: s.h_0},
    ),
    Mistake(
        "h never looked at",
        "Your gate looks at the input alone. What else does the equation let it see?",
        {"a_o": lambda s: s.x_t @ s.W_o.T + s.b_o},
    ),
    Mistake(
        "the squashed cell is carried",
        "The next step looks at the whole squashed cell. The output gate has hidden some of it: "
        "what is left to be seen?",
        {"next_h_prev": lambda s: s.shown},
    ),
    Mistake(
        "the gate is carried",
        "The next step looks at the gate, not at what came through it.",
        {"next_h_prev": lambda s: s.o_t},
    ),
    Mistake(
        "starts with nothing seen",
        "The first step looks at zeros instead of h_0.",
        {"h_prev": lambda s: 0 * s.h_0},
    ),
    Mistake(
        "h on top of h",
        "Each h_t of yours is added to the one before. The hidden state is read afresh at every "
        "step; only the cell is a running sum.",
        {"h_t": lambda s: s.h_prev + s.o_t * s.shown},
    ),
    Mistake(
        "only the last step",
        "These are the last gate and the last hidden state alone; asked for are those of every "
        "step, (T, B, H).",
        {"o": lambda s: s.o_t, "h": lambda s: s.h_t},
    ),
    Mistake(
        "begins with h_0",
        "Your first row is h_0 itself. h[0] is what is seen after the first step.",
        {"h": lambda s: np.stack([s.h_0, *s.all("h_t")[:-1]])},
    ),
)


def _reading_inputs(rng: np.random.Generator) -> list[Probe]:
    return [
        {
            "x": rng.standard_normal((T, B, D)),
            "C": rng.normal(0, 1.5, (T, B, H)),
            "h_0": rng.uniform(-1, 1, (B, H)),
            "W_o": rng.normal(0, 0.5, (H, D)),
            "V_o": rng.normal(0, 0.8, (H, H)),
            "b_o": rng.normal(0, 0.5, H),
        }
        for T, B, D, H in ((5, 2, 3, 4), (4, 3, 2, 2), (6, 1, 5, 3))
    ]


READ_OUT = Question(
    id="07.read_out",
    kind="repair",
    title="a gate that looks where it should not",
    points=2,
    inputs=_reading_inputs,
    reference=_READING,
    returns=("o", "h"),
    axes={"o": _TBH, "h": _TBH},
    input_axes={"x": ("time", "batch", "input"), "C": _TBH, "h_0": _BH},
    hints=(
        "Underline in the equation of o_t what it looks at. Then look at the line of code.",
        "V_o h_{t-1}: the gate looks at what was seen at the step before. At t = 0 that is h_0; "
        "later it is the h of the step before.",
        "Keep a variable for the previous hidden state: h_0 at first, h[t] at the end of each "
        "step. Multiply that by the transpose of V_o, not C[t].",
    ),
    parallel="""A guard opens a door by what was seen through it yesterday, not by what is behind:

    seen_before = seen_0
    for t in range(T):
        door = sigmoid(k * seen_before)
        seen[t] = door * np.tanh(room[t])
        seen_before = seen[t]            # tomorrow's guard knows this much

A guard who looks at room[t] makes a door that opens by itself when the room is full.""",
    misconceptions=made_in(
        _READING,
        (
            *_READING_MISTAKES,
            *(
                m
                for m in READ_MISTAKES
                if m.name in ("tanh missing", "tanh of the product", "output gate missing", "1 - o")
            ),
            *(
                m
                for m in sum_mistakes("o", explicit("o"))
                if m.name in ("W and V swapped", "bias missing", "h @ V without the transpose")
            ),
        ),
    ),
)


# a number for the learner's seed: from which count on does the outside see no difference?


def counter(seed: int) -> tuple[float, float]:
    """What each A adds to the cell, and the output gate; the exercise shows the same lines."""
    rng = np.random.default_rng(seed)
    return rng.uniform(0.05, 0.12), rng.uniform(0.5, 0.9)


def _first_below(
    difference: Callable[[int, float, float], float], more: int = 0
) -> Callable[..., tuple[int, int]]:
    """The first n whose difference to n + 1, in somebody's idea of it, is below 0.001."""

    def count(seed: int = 2) -> tuple[int, int]:
        step, o = counter(seed)
        n = 0
        while difference(n, step, o) >= 0.001 and n < 10_000:
            n += 1
        return seed, n + more

    return count


def _seen_difference(n: int, step: float, o: float) -> float:
    return float(o * (np.tanh((n + 1) * step) - np.tanh(n * step)))


BLIND_FROM = Question(
    id="07.blind_from",
    kind="number",
    title="from which count on the outside is blind",
    points=1,
    inputs=lambda rng: [{}],
    reference=_first_below(_seen_difference),
    returns=("seed", "n"),
    axes={"seed": (), "n": ()},
    arguments=(),
    own=("seed",),
    complaints={
        "seed": "Return your seed as it is.",
        "n": "For your seed it is another n. Print h for n = 0, 1, 2, ... and the step from each "
        "to the next: which is the first that is below 0.001?",
    },
    hints=(
        "What does the cell hold after n times A, and what is seen of it? Let a loop print both.",
        "The cell holds n * step; seen is o * tanh(n * step). Compare it with the same for n + 1.",
        "Count n up from 0 until o times (tanh of (n + 1) * step, less tanh of n * step) is below "
        "0.001.",
    ),
    parallel="""A scale shows 10 * sqrt(w) for w = 1, 2, 3, ... kilos. From which w on does one kilo
more move the needle by less than 1?

    w = 1
    while 10 * (np.sqrt(w + 1) - np.sqrt(w)) >= 1:
        w += 1
    print(w)     # 25

Compare what is shown, not what is there: there it is one kilo every time.""",
    misconceptions=(
        Misconception(
            "output gate left out",
            "You compare tanh(C) as if the output gate were wide open. Only its share of the "
            "difference is seen.",
            _first_below(lambda n, step, o: _seen_difference(n, step, 1.0)),
        ),
        Misconception(
            "gate inside the tanh",
            "You let the gate through first and squash afterwards. Squash the cell, then let a "
            "share through.",
            _first_below(
                lambda n, step, o: float(np.tanh(o * (n + 1) * step) - np.tanh(o * n * step))
            ),
        ),
        Misconception(
            "steps of one",
            "You let each A add 1 to the cell. How much does it add with your seed?",
            _first_below(lambda n, step, o: _seen_difference(n, 1.0, o)),
        ),
        Misconception(
            "slope for difference",
            "You took the slope of tanh for the change from n to n + 1. A is worth one step of "
            "yours, not a whole one.",
            _first_below(lambda n, step, o: float(o * (1 - np.tanh(n * step) ** 2))),
        ),
        Misconception(
            "near the bound",
            "You waited until h is within 0.001 of its bound. Asked for is when one more A moves "
            "it by less than 0.001.",
            _first_below(lambda n, step, o: float(o * (1 - np.tanh(n * step)))),
        ),
        Misconception(
            "the n after",
            "One too far: n is the count that cannot be told from n + 1, the smaller of the two.",
            _first_below(_seen_difference, more=1),
        ),
        Misconception(
            "the n before",
            "One too early: between your n and the next, h still moves by 0.001 or more.",
            _first_below(_seen_difference, more=-1),
        ),
        Misconception(
            "sigmoid for tanh",
            "You squash the cell with a sigmoid on its way out. An empty cell shows 0: which "
            "squash does that?",
            _first_below(
                lambda n, step, o: float(
                    o * (sigmoid(np.array((n + 1) * step)) - sigmoid(np.array(n * step)))
                )
            ),
        ),
    ),
)


# weights by hand: count in silence, and show the count on demand

_TOKENS = np.eye(3)
_A, _B, _QUERY = range(3)
_Weights = tuple[Array, ...]


def _weights(
    f: tuple[float, float, float] = (20, 20, 20),
    i: tuple[float, float, float] = (20, -20, -20),
    g: tuple[float, float, float] = (0.1, 0.1, 0.1),
    o: tuple[float, float, float] = (-20, -20, 20),
) -> Callable[[], _Weights]:
    """W_f, b_f, W_i, b_i, W_g, b_g, W_o, b_o from the pre-activation on each token: A, B, query.

    The bias is the value for B; the columns bring the rest.
    """

    def weights() -> _Weights:
        arrays: list[Array] = []
        for sums in (f, i, g, o):
            arrays += [np.array([sums]) - sums[_B], np.array([float(sums[_B])])]
        return tuple(arrays)

    return weights


def _states(weights: Any, tokens: list[int]) -> tuple[Array, Array]:
    """Cell and hidden state after each token, from an empty cell; each of shape (T,)."""
    W_f, b_f, W_i, b_i, W_g, b_g, W_o, b_o = weights
    x = _TOKENS[tokens]
    f = sigmoid(x @ W_f.T + b_f)[:, 0]
    written = (sigmoid(x @ W_i.T + b_i) * np.tanh(x @ W_g.T + b_g))[:, 0]
    C = np.empty(len(tokens))
    state = 0.0
    for t in range(len(tokens)):
        C[t] = state = f[t] * state + written[t]
    return C, sigmoid(x @ W_o.T + b_o)[:, 0] * np.tanh(C)


def _shown(weights: Any, probe: Probe) -> Mapping[str, Any]:
    """How the cell with these weights answers queries: truth values."""
    W_o, b_o = weights[6:]
    gates = sigmoid(_TOKENS @ W_o.T + b_o)[:, 0]

    def answer(*tokens: int) -> float:
        return float(_states(weights, [*tokens, _QUERY])[1][-1])

    answers = np.array([answer(*[_A] * n) for n in range(11)])
    steps = np.diff(answers)
    C, h = _states(weights, [_A] * 6 + [_B] * 3 + [_A] * 4)

    def same(a: float, b: float) -> bool:
        return abs(a - b) < 0.005

    long = [_A] * 3 + [_B] * int(probe["pause"])
    return {
        "opens": np.array([gates[_QUERY] > 0.9, gates[_QUERY] > 0.1]),
        "silent": np.array([np.abs(h).max() < 0.01, np.abs(h).max() < 0.3]),
        "ignores B": np.array(
            [same(answer(_B, _A, _A, _B, _A), answers[3]), same(answer(_B), answers[0])]
        ),
        "rises": np.array(
            [steps[0] > 1e-3, abs(answers[0]) < 0.01, C[1] - C[0] > 1e-3, C[1] < C[0]]
        ),
        "tells apart": np.array([np.all(steps >= 0.02), *(steps[:2] >= 0.02)]),
        "asking changes nothing": np.array(
            [
                same(answer(_A, _A, *[_QUERY] * 50), answers[2]),
                same(answer(_A, _QUERY, _A), answers[2]),
            ]
        ),
        "lasts": same(answer(*long), answers[3]),
    }


COUNT_ON_DEMAND = Question(
    id="07.count_on_demand",
    kind="weights",
    title="count in silence, show on demand",
    points=3,
    inputs=lambda rng: [{"pause": int(rng.integers(400, 600))}],
    reference=_weights(),
    returns=("W_f", "b_f", "W_i", "b_i", "W_g", "b_g", "W_o", "b_o"),
    axes={
        name: axes
        for letter in "figo"
        for name, axes in ((f"W_{letter}", ("unit", "token")), (f"b_{letter}", ("unit",)))
    },
    arguments=(),
    observe=_shown,
    complaints={
        "opens": "On a query the output gate should be above 0.9. What is bias plus column there?",
        "silent": "It opens on a query, but on A and B h_t should stay within 0.01 of zero, "
        "however much is in the cell. Yours shows something.",
        "ignores B": "It shows and hides as it should, but a text with B in it is answered "
        "otherwise than the same text without. What are f_t and i_t on B?",
        "rises": "B is ignored, but the count does not rise: a query at the start should show 0, "
        "and each A should raise what the cell holds.",
        "tells apart": "It counts, but from some count on the outside cannot tell n from n + 1: "
        "for n up to 10, h_t on the query must rise by at least 0.02 with each A.",
        "asking changes nothing": "One query is answered well, but asking changes the count. What "
        "are f_t and i_t on the query?",
        "lasts": "All is right in short texts, but after some hundred B the answer is another one.",
    },
    hints=(
        "Make a table: for A, B and query, which corner of (f, i), and is the output gate open or "
        "shut? Then think about how much one A should add.",
        "tanh is nearly straight near zero and flat beyond 2. The cell may hold any number: what "
        "size of step keeps a count of 10 where tanh still rises?",
        "Forget gate open on all three; input gate open on A only; output gate open on the query "
        "only (sums of 20 and -20). The candidate small, so that ten of them come to about 1.",
    ),
    parallel="""A needle shows tanh(v); the eye sees it move when it moves by 0.02. Voltages from 0
to 30 arrive, in steps of 3.

    straight in       tanh(30) - tanh(27)     = 0         blind
    divided by 300    tanh(0.1) - tanh(0.09)  = 0.0099    straight, but too small to see
    divided by 30     tanh(1.0) - tanh(0.9)   = 0.045     seen

Scale so that the far end comes to where tanh still rises, and no smaller.""",
    misconceptions=(
        Misconception(
            "always shown",
            "The output gate is open on every token. What should it be on A and B?",
            _weights(o=(20, 20, 20)),
        ),
        Misconception(
            "never shown",
            "The output gate is shut on the query too. Can the query's column outweigh the bias?",
            _weights(o=(-20, -20, -20)),
        ),
        Misconception(
            "mirrored output gate",
            "It shows on A and B and hides on the query: just the other way round.",
            _weights(o=(20, 20, -20)),
        ),
        Misconception(
            "half open",
            "On a query the output gate is open in part only: a sum of 0 leaves it at a half, one "
            "of 2 at 0.88. What must bias plus column be on the query, and what on A and B?",
            _weights(o=(0, 0, 0)),
        ),
        Misconception(
            "not shut enough",
            "The output gate is nearly shut on A and B, but what leaks through can be seen. How "
            "far below zero must the sum be?",
            _weights(o=(-2, -2, 20)),
        ),
        Misconception(
            "hidden by not counting",
            "Silence comes from an empty cell in yours: nothing is ever written. Let the cell "
            "count, and the output gate hide it.",
            _weights(i=(-20, -20, -20)),
        ),
        Misconception(
            "steps of one",
            "Each A adds so much that the count is soon where tanh is flat. The cell may count in "
            "a smaller unit: how much may ten steps come to, if tanh is still to rise?",
            _weights(g=(20, 20, 20)),
        ),
        Misconception(
            "steps too small",
            "The steps are so small that the outside hardly sees them. How much may ten of them "
            "come to, if tanh is still to rise?",
            _weights(g=(0.01, 0.01, 0.01)),
        ),
        Misconception(
            "counts down",
            "The count goes down with every A. Which sign should the candidate have?",
            _weights(g=(-0.1, -0.1, -0.1)),
        ),
        Misconception(
            "asking is counted",
            "The query is counted as if it were an A. Which gate is open there that should not be?",
            _weights(i=(20, -20, 20)),
        ),
        Misconception(
            "asking clears, before the answer",
            "The query empties the cell, and the answer is always 0. Reading takes nothing out: "
            "what should f_t be on the query?",
            _weights(f=(20, 20, -20)),
        ),
        Misconception(
            "asking clears in part",
            "The query takes a share of the count away. Reading takes nothing out: what should "
            "f_t be on the query?",
            _weights(f=(20, 20, 1)),
        ),
        Misconception(
            "B is counted",
            "B is counted too. Which gate is open there that should not be?",
            _weights(i=(20, 20, -20)),
        ),
        Misconception(
            "B clears",
            "B empties the cell. A text may hold many B between A and the query: what should f_t "
            "be on B?",
            _weights(f=(20, -20, 20)),
        ),
        Misconception(
            "remembers only the last A",
            "Each A throws the old count away. In which corner of (f, i) does the cell add?",
            _weights(f=(-20, 20, 20)),
        ),
        Misconception(
            "forget gate not open enough",
            "A little is lost at every B. f_t = 0.999 sounds open; what is left of it after 500 "
            "steps?",
            _weights(f=(8, 8, 8)),
        ),
        Misconception(
            "forget gate leaks at every step",
            "A little is lost at every step, on B as on the query. f_t = 0.9975 sounds open; "
            "fifty times over it leaves 0.88. How far above zero must the sum be?",
            _weights(f=(6, 6, 6)),
        ),
    ),
)


QUESTIONS = (HIDDEN_STATE, CELL_BEHIND, READ_OUT, BLIND_FROM, COUNT_ON_DEMAND)
