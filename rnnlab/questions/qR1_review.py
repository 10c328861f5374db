"""Review 1, after 07: a stuck gate, a measured belt, two memories mixed up, a light switch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import tanh
from typing import Any

import numpy as np

from rnnlab.cells import sigmoid
from rnnlab.params import Array
from rnnlab.questions import Misconception, Probe, Question
from rnnlab.questions.derivation import made_in
from rnnlab.questions.lstm import FORWARD, FORWARD_MISTAKES, SEQUENCE_AXES, sequence_inputs

# which gate is stuck?

_Case = tuple[str, str]
_CELL_CASES = tuple((gate, stuck) for gate in ("forget", "input") for stuck in ("open", "shut"))
_CASES: tuple[_Case, ...] = (*_CELL_CASES, ("output", "open"), ("output", "shut"))
_STUCK = {"open": sigmoid(np.array(25.0)), "shut": sigmoid(np.array(-25.0))}


def _shares(C_0: float, C: Array, C_tilde: Array) -> dict[_Case, Array]:
    """What the other gate of the update must have been, if this one is stuck."""
    before = np.concatenate([[C_0], C[:-1]])
    return {
        ("forget", "open"): (C - before) / C_tilde,
        ("forget", "shut"): C / C_tilde,
        ("input", "open"): (C - C_tilde) / before,
        ("input", "shut"): C / before,
    }


def _stuck_gate(C_0: float, C: Array, C_tilde: Array, h: Array) -> _Case:
    if np.allclose(h, np.tanh(C)):
        return "output", "open"
    if np.allclose(h, 0):
        return "output", "shut"
    shares = _shares(C_0, C, C_tilde)
    return min(shares, key=lambda case: float(np.abs(shares[case] - 0.5).max()))


def _cell(rng: np.random.Generator, T: int, case: _Case, positive: bool) -> Probe:
    """A trace that only this case explains, with some room.

    Where all is positive, a wrong gate shows by a share above 1, else mostly by a negative one.
    """
    signs = (1.0, 1.0) if positive else (-1.0, 1.0)
    while True:
        gates = {gate: rng.uniform(0.15, 0.85, T) for gate in ("forget", "input", "output")}
        gates[case[0]] = np.full(T, _STUCK[case[1]])
        C_tilde = rng.uniform(0.2, 0.95, T) * rng.choice(signs, T)
        C_0 = state = float(rng.uniform(0.5, 1.5) * rng.choice(signs))
        C = np.empty(T)
        for t in range(T):
            C[t] = state = gates["forget"][t] * state + gates["input"][t] * C_tilde[t]
        shares = _shares(C_0, C, C_tilde)
        fits = {k for k, share in shares.items() if np.all((share > -0.05) & (share < 1.05))}
        if fits == {case} & set(_CELL_CASES):
            return {"C_0": C_0, "C": C, "C_tilde": C_tilde, "h": gates["output"] * np.tanh(C)}


def _cell_inputs(rng: np.random.Generator) -> list[Probe]:
    asked = [(case, positive) for positive in (False, True) for case in _CASES]
    return [_cell(rng, T, *one) for T, one in zip(range(10, 22), asked, strict=True)]


def _words(value: Any, probe: Probe) -> Mapping[str, Any]:
    """The two words as they are meant: without capitals and blanks around."""
    gate, stuck = (np.str_(str(word).strip().lower()) for word in value)
    return {"gate": gate, "stuck": stuck}


def _renamed(names: Mapping[_Case, _Case]) -> Callable[..., _Case]:
    """The right answer, with some of the six cases taken for others."""

    def decide(C_0: float, C: Array, C_tilde: Array, h: Array) -> _Case:
        case = _stuck_gate(C_0, C, C_tilde, h)
        return names.get(case, case)

    return decide


def _exchanged(one: _Case, other: _Case) -> dict[_Case, _Case]:
    return {one: other, other: one}


_OTHER = {"open": "shut", "shut": "open", "forget": "input", "input": "forget", "output": "output"}

STUCK_GATE = Question(
    id="R1.stuck_gate",
    kind="trace",
    title="which gate is stuck, and how?",
    points=3,
    inputs=_cell_inputs,
    reference=_stuck_gate,
    returns=("gate", "stuck"),
    axes={"gate": (), "stuck": ()},
    observe=_words,
    complaints={
        "gate": "For at least one of twelve cells your first word is not the stuck gate: "
        '"forget", "input" or "output". Each gate is stuck in four of the twelve.',
        "stuck": "The gate is right for all twelve cells. How it is stuck is not: "
        '"open" (near 1) or "shut" (near 0).',
    },
    hints=(
        "Suppose that one gate is stuck, and write the update with its 1 or 0. Which gate is left "
        "in it, and what must that one have been at each step?",
        "A gate lies between 0 and 1 at every step. Solve for the gate that is left: if it falls "
        "outside at any step, the supposition was wrong. For the output gate compare h with "
        "tanh(C).",
        "First the output gate: h near tanh(C) everywhere, or near 0 everywhere. Then four "
        "quotients: C minus what came before, over the candidate; C over the candidate; C minus "
        "the candidate, over what came before; C over what came before. One of them stays "
        "between 0 and 1.",
    ),
    parallel="""A tank: level = k * level before + v * inflow, where k (a leak) and v (a valve) are
numbers between 0 and 1. One of them is stuck. Inflow is 2 each time; levels 5, 6.5, 8.1, 8.3.

    leak stuck at 1:   v = (level - before) / 2     0.75, 0.8, 0.1           possible
    valve stuck at 1:  k = (level - 2) / before     0.9, 0.94, 0.78          possible
    leak stuck at 0:   v = level / 2                3.25, ...                impossible
    valve stuck at 0:  k = level / before           1.3, ...                 impossible

Two are left: here a longer trace must decide. Yours are long enough.""",
    misconceptions=(
        Misconception(
            "open and shut swapped",
            "You find the gate, but call it open where it is shut. Open is near 1: all of it goes "
            "through.",
            _renamed({case: (case[0], _OTHER[case[1]]) for case in _CASES}),
        ),
        Misconception(
            "forget and input swapped",
            "The output gate is found; the other two have changed places. Which of them stands at "
            "the old state, and which at the candidate?",
            _renamed({case: (_OTHER[case[0]], case[1]) for case in _CASES}),
        ),
        Misconception(
            "open forget gate forgets",
            "All is right but how the forget gate is stuck. In spite of its name, f near 1 keeps: "
            "is it open or shut then?",
            _renamed(_exchanged(("forget", "open"), ("forget", "shut"))),
        ),
        Misconception(
            "open input gate keeps out",
            "All is right but how the input gate is stuck. What does i near 0 let in?",
            _renamed(_exchanged(("input", "open"), ("input", "shut"))),
        ),
        Misconception(
            "open output gate hides",
            "All is right but how the output gate is stuck. What is seen of the cell when o is "
            "near 0?",
            _renamed(_exchanged(("output", "open"), ("output", "shut"))),
        ),
        Misconception(
            "nothing erased taken for nothing written",
            "Two cases are in each other's place: a cell that loses nothing and a cell to which "
            "nothing is written. One of them can still grow. Which?",
            _renamed(_exchanged(("forget", "open"), ("input", "shut"))),
        ),
        Misconception(
            "all erased taken for all written",
            "Two cases are in each other's place: a cell that keeps nothing and a cell that lets "
            "the whole candidate in. In which of them is some of the old still there?",
            _renamed(_exchanged(("forget", "shut"), ("input", "open"))),
        ),
        Misconception(
            "words in the other order",
            "Asked for is first which gate, then how it is stuck.",
            lambda *given: _stuck_gate(*given)[::-1],
        ),
        *(
            Misconception(
                f"always {gate} {stuck}",
                "You say the same for every cell. What in your function looks at the trace?",
                _renamed(dict.fromkeys(_CASES, (gate, stuck))),
            )
            for gate, stuck in _CASES
        ),
    ),
)


# a measured belt, from the learner's seed


def readings(seed: int) -> tuple[float, int, float, int, float]:
    """o, then two steps with what was seen at each; the exercise shows the same lines."""
    rng = np.random.default_rng(seed)
    f, o, C = rng.uniform(0.9, 0.98), rng.uniform(0.4, 0.9), rng.uniform(1.2, 2.2)
    a, b = int(rng.integers(2, 6)), int(rng.integers(14, 22))
    return o, a, o * np.tanh(f**a * C), b, o * np.tanh(f**b * C)


def _behind(h: float, o: float) -> float:
    return float(np.arctanh(h / o))


def _per_step(C_a: float, C_b: float, n: int) -> float:
    return float((C_b / C_a) ** (1 / n))


def _half_life(f: float) -> float:
    return float(np.log(0.5) / np.log(f))


def _measured(
    behind: Callable[[float, float], float] = _behind,
    per_step: Callable[[float, float, int], float] = _per_step,
    half_life: Callable[[float], float] = _half_life,
) -> Callable[..., tuple[int, float, float]]:
    def measure(seed: int = 7) -> tuple[int, float, float]:
        o, a, h_a, b, h_b = readings(seed)
        f = per_step(behind(h_a, o), behind(h_b, o), b - a)
        return seed, f, half_life(f)

    return measure


def _root_of_b(seed: int = 7) -> tuple[int, float, float]:
    o, _, h_a, b, h_b = readings(seed)
    f = _per_step(_behind(h_a, o), _behind(h_b, o), b)
    return seed, f, _half_life(f)


def _half_life_first(seed: int = 7) -> tuple[int, float, float]:
    seed, f, half_life = _measured()(seed)
    return seed, half_life, f


MEASURED_GATE = Question(
    id="R1.measured_gate",
    kind="number",
    title="the gate behind two readings",
    points=2,
    inputs=lambda rng: [{}],
    reference=_measured(),
    returns=("seed", "f", "half_life"),
    axes={"seed": (), "f": (), "half_life": ()},
    arguments=(),
    own=("seed",),
    tolerance=1e-6,
    complaints={
        "seed": "Return your seed as it is.",
        "f": "That is not the gate of your cell. Test yours: start from the cell at step a, "
        "multiply by f at each step up to b, and look through tanh and the output gate.",
        "half_life": "The gate is right, the half-life is not. What is left of a cell after n "
        "steps of it, and when is that one half? It need not be a whole number.",
    },
    hints=(
        "What was measured is h. What the gate multiplied is C. Go back to C first.",
        "h is o times tanh(C): divide, then undo the tanh. Between the two steps the cell went "
        "through the same gate b - a times.",
        "C is arctanh(h / o) at both steps. f is their quotient, the later over the earlier, to "
        "the power of 1 / (b - a). The half-life is ln(1/2) / ln f.",
    ),
    parallel="""A ball bounces, each time to the share k of the height before. A camera behind a
tinted glass shows s = 0.5 * height**2. After bounce 3 it shows 2, after bounce 7 it shows 0.5.

    heights: sqrt(2 / 0.5) = 2 and sqrt(0.5 / 0.5) = 1      first undo the glass
    four bounces: k ** 4 = 1/2, so k = 0.84                 then share out the loss

The loss of what is seen (2 to 0.5, a quarter) is not the loss of the height.""",
    misconceptions=(
        Misconception(
            "h taken for C",
            "You compare what was seen. The gate multiplies the cell, which is behind a tanh: "
            "near 2 a loss of the cell hardly shows.",
            _measured(behind=lambda h, o: h),
        ),
        Misconception(
            "output gate left in",
            "You undid the tanh of h, but o had a share in it. What came last on the way out must "
            "be undone first.",
            _measured(behind=lambda h, o: float(np.arctanh(h))),
        ),
        Misconception(
            "tanh again",
            "You put the reading through tanh once more. You want to go back through it.",
            _measured(behind=lambda h, o: float(np.tanh(h / o))),
        ),
        Misconception(
            "subtracted, not multiplied",
            "You let each step take the same amount away. A gate takes a share of what is left.",
            _measured(per_step=lambda a, b, n: 1 - (1 - b / a) / n),
        ),
        Misconception(
            "f rounded",
            "The right gate, cut too short: leave all its digits, for the half-life too.",
            _measured(per_step=lambda a, b, n: round(_per_step(a, b, n), 2)),
        ),
        Misconception(
            "all steps at once",
            "That is what all the steps together have left. One of them alone is asked for.",
            _measured(per_step=lambda a, b, n: b / a),
        ),
        Misconception(
            "divided by the steps",
            "The loss of n equal steps is a power: f * f * ... * f. What undoes a power?",
            _measured(per_step=lambda a, b, n: b / a / n),
        ),
        Misconception(
            "one step too many",
            "You count one gate too many. From step a to the step after it there is one.",
            _measured(per_step=lambda a, b, n: _per_step(a, b, n + 1)),
        ),
        Misconception(
            "one step too few",
            "You count one gate too few. From step a to the step after it there is one.",
            _measured(per_step=lambda a, b, n: _per_step(a, b, n - 1)),
        ),
        Misconception(
            "all steps since the start",
            "You take the root of b steps. The first reading came after step a: how many gates "
            "lie between the two?",
            _root_of_b,
        ),
        Misconception(
            "half-life first",
            "Both numbers are right. Asked for is first the gate, then the half-life.",
            _half_life_first,
        ),
        Misconception(
            "quotient upside down",
            "Your gate is above 1, and no sigmoid is. Which of the two cells is the later one?",
            _measured(per_step=lambda a, b, n: _per_step(b, a, n)),
        ),
        Misconception(
            "time constant",
            "The gate is right. 1 / (1 - f) is when about a third (1/e) is left; half is gone "
            "earlier.",
            _measured(half_life=lambda f: 1 / (1 - f)),
        ),
        Misconception(
            "until 1/e is left",
            "The gate is right. That is when 1/e, about a third, is left. What must stand in "
            "place of the 1/e?",
            _measured(half_life=lambda f: float(-1 / np.log(f))),
        ),
        Misconception(
            "as if it fell at a steady pace",
            "The gate is right. You let every step take what the first takes; but there is less "
            "and less to take from.",
            _measured(half_life=lambda f: 0.5 / (1 - f)),
        ),
        Misconception(
            "half-life of a steady flow",
            "The gate is right. ln 2 / (1 - f) comes near where f is near 1. Exactly: what power "
            "of f is one half?",
            _measured(half_life=lambda f: float(np.log(2) / (1 - f))),
        ),
        Misconception(
            "negative half-life",
            "The gate is right, and the half-life but for its sign. Both ln f and ln(1/2) are "
            "below 0.",
            _measured(half_life=lambda f: float(np.log(2) / np.log(f))),
        ),
        Misconception(
            "no log below",
            "The gate is right. You divide by f itself. Take the logarithm of both sides of "
            "f**t = 1/2: the left one is t times the logarithm of f.",
            _measured(half_life=lambda f: float(np.log(0.5) / f)),
        ),
        Misconception(
            "half-life upside down",
            "The gate is right. Your half-life is shorter than a step, but after one step most is "
            "still there.",
            _measured(half_life=lambda f: float(np.log(f) / np.log(0.5))),
        ),
        Misconception(
            "base-two logarithm of f",
            "The gate is right. log2(f) is the power of 2 that makes f. Asked for is the power of "
            "f that makes one half.",
            _measured(half_life=lambda f: float(np.log2(f))),
        ),
        *(
            Misconception(
                f"half-life {name}",
                "The gate is right. The half-life lies between whole steps: leave it unrounded.",
                _measured(half_life=lambda f, rounded=rounded: float(rounded(_half_life(f)))),  # type: ignore[misc]
            )
            for name, rounded in (("rounded", np.round), ("rounded up", np.ceil))
        ),
    ),
)


# repair: one variable for two memories

_LOOP_LINES = {"h_prev", "C_prev", "next_h_prev", "next_C_prev", "x_t", "C_t", "h_t", "h", "C"}
# words about a function for one step, which is not there yet
_OF_A_STEP = ("lstm_step", "arguments is (x_t", "the step return")
_LOOP_MISTAKES = tuple(
    mistake
    for mistake in FORWARD_MISTAKES
    if set(mistake.lines) <= _LOOP_LINES and not any(words in mistake.hint for words in _OF_A_STEP)
)

UNMIXED_MEMORIES = Question(
    id="R1.unmixed_memories",
    kind="repair",
    title="one name for two memories",
    points=2,
    inputs=sequence_inputs,
    reference=FORWARD,
    returns=FORWARD.returns,
    flow=("C", "h"),
    axes={"h": ("time", "batch", "unit"), "C": ("time", "batch", "unit")},
    input_axes=SEQUENCE_AXES,
    hints=(
        "The first step is right, and every later one is wrong. So each line computes what it "
        "says; look at what one step leaves for the next.",
        "Two things are carried: the cell as it is, and the hidden state as the outside sees it. "
        "Is `shown` one of them?",
        "Carry C[t] and h[t]. The tanh of the cell is only needed to make h[t].",
    ),
    parallel="""A till: each day the cash is counted, rounded for the report, and the report is
carried on as if it were the cash.

    cash = reported = round(cash + sales)       # the cents are lost every day
    cash = cash + sales                         # the till
    reported = round(cash)                      # what is said of it

What is said of a thing and the thing itself need two names.""",
    misconceptions=made_in(FORWARD, _LOOP_MISTAKES),
)


# weights by hand: a light switch

_PUSH, _WAIT = 0, 1
_TOKENS = np.eye(2)
_GATES = "figo"
_Weights = tuple[Array, ...]
_NAMES = tuple(f"{k}_{gate}" for gate in _GATES for k in "WVb")


def _switch(
    f: tuple[float, float] = (-20, 20),
    i: tuple[float, float] = (20, -20),
    g: tuple[float, float] = (20, 20),
    o: tuple[float, float] = (20, 20),
    V_i: float = -100,
    V_f: float = 0,
) -> Callable[[], _Weights]:
    """All twelve arrays, from each gate's sum on push and on wait, and what h adds to it."""

    def weights() -> _Weights:
        arrays: list[Array] = []
        for sums, V in ((f, V_f), (i, V_i), (g, 0.0), (o, 0.0)):
            b = float(sums[_WAIT])
            arrays += [np.array([[sums[_PUSH] - b, 0.0]]), np.array([[float(V)]]), np.array([b])]
        return tuple(arrays)

    return weights


def _lamp(weights: Any, tokens: Array) -> Array:
    """h after each token, from an empty cell; shape (T,). In plain floats: it is long."""
    p = dict(zip(_NAMES, weights, strict=True))
    V_f, V_i, V_g, V_o = (float(p[f"V_{k}"][0, 0]) for k in _GATES)
    sums = np.hstack([_TOKENS @ p[f"W_{k}"].T + p[f"b_{k}"] for k in _GATES]).tolist()
    h = C = 0.0
    shown = []
    for token in tokens.tolist():
        f, i, g, o = sums[token]
        kept = (0.5 + 0.5 * tanh(0.5 * (f + V_f * h))) * C
        written = (0.5 + 0.5 * tanh(0.5 * (i + V_i * h))) * tanh(g + V_g * h)
        C = kept + written
        h = (0.5 + 0.5 * tanh(0.5 * (o + V_o * h))) * tanh(C)
        shown.append(h)
    return np.array(shown)


def _state(h: Array) -> Array:
    """1 lit, 0 dark, -1 lit with the wrong sign, 2 none of these."""
    lit = np.where(np.abs(h) < 0.05, 0, 2)
    return np.where(h > 0.7, 1, np.where(h < -0.7, -1, lit))


def _switches(weights: Any, probe: Probe) -> Mapping[str, Any]:
    """The lamp after short texts, and whether all is right in a long one."""

    def after(*tokens: int) -> Array:
        return _state(_lamp(weights, np.array(tokens)))[-1:]

    text = probe["text"] - 1
    return {
        "dark": after(*[_WAIT] * 500),
        "on": after(_PUSH),
        "off": after(_PUSH, _PUSH),
        "holds": after(_PUSH, *[_WAIT] * 500),
        "on again": after(_PUSH, _PUSH, _WAIT, _PUSH),
        "long": np.array_equal(_state(_lamp(weights, text)), np.cumsum(text == _PUSH) % 2),
    }


_STAYS_LIT = (
    "One push lights it, and the second does not put it out. What is different at the second push? "
    "Only h. Which gate must hear of it, loudly enough to be shut by 0.76 of it? And what must the "
    "forget gate do with the old at a push?"
)
_NEVER_LIT = (
    "A push does not light it. The lamp is dark, h is 0: are the input gate and the output gate "
    "open on a push then, and is the candidate near 1?"
)
_LIT_IN_PART = (
    "A push lights it only in part: a gate or the candidate stands halfway. A sum of 0 leaves a "
    "gate at a half, a sum of 0.5 the candidate below a half. Which sum on push is too small?"
)
_OUT_IN_PART = (
    "After the second push part of a 1 is in the cell: the old one, if the forget gate is not "
    "shut, or a new one, if 0.76 times V_i does not outweigh the rest of the input gate's sum. "
    "Which is it in yours?"
)
_NOT_HELD = (
    "A push lights it, but waiting puts it out. Is the cell itself empty then, or is it only not "
    "shown? Look at the forget gate and the output gate on wait."
)

LIGHT_SWITCH = Question(
    id="R1.light_switch",
    kind="weights",
    title="weights for a light switch",
    points=3,
    inputs=lambda rng: [{"text": 1 + rng.choice([_PUSH, _WAIT], 1000)}],
    reference=_switch(),
    returns=_NAMES,
    axes={
        name: {"W": ("unit", "token"), "V": ("unit", "unit"), "b": ("unit",)}[name[0]]
        for name in _NAMES
    },
    arguments=(),
    observe=_switches,
    complaints={
        "dark": "The lamp should stay dark (h within 0.05 of 0) as long as nobody pushes, for 500 "
        "waits too. What is written on wait?",
        "on": "It stays dark while nobody pushes, but one push does not light it: h should be "
        "above 0.7.",
        "off": "One push lights it. A second one right after it should put it out, h within 0.05 "
        "of 0.",
        "holds": "Push lights it, push puts it out. But lit, it should stay above 0.7 for 500 "
        "waits.",
        "on again": "On, off and holding are right; after push, push, wait it should light again.",
        "long": "Short texts come out right, but in a long one the lamp is wrong at some step. "
        "Which of the four cases, dark or lit, push or wait, is not as clear as the others?",
    },
    hints=(
        "Make a table of four rows: dark or lit, push or wait. Which corner of (f, i) must the "
        "cell be in, in each row? Which gate needs to know whether the lamp is lit?",
        "On wait: keep. On push and dark: replace by 1. On push and lit: clear. So f may listen to "
        "the token alone, but i must listen to h as well: 0 when dark, about 0.76 when lit.",
        "f: sum -20 on push, 20 on wait. Candidate and output gate: 20 always. i: -20 on wait, 20 "
        "on push, and V_i so negative that 0.76 of it outweighs those 20.",
    ),
    parallel="""A shop door should open when a button is pressed and nobody stands behind it:

    pressed   somebody behind   motor sum
    yes       0                 20
    yes       0.8               20 - 100 * 0.8 = -60
    no        0                 -20

One sum: bias -20, button 40, and -100 for the sensor. "And not" is a negative weight that outweighs
the rest. In yours the sensor is h.""",
    misconceptions=(
        Misconception("h has no say", _STAYS_LIT, _switch(V_i=0)),
        Misconception("adds at each push", _STAYS_LIT, _switch(f=(20, 20), V_i=0)),
        Misconception(
            "lit, a push writes nothing and clears nothing", _STAYS_LIT, _switch(f=(20, 20))
        ),
        Misconception("V_i too small", _STAYS_LIT, _switch(V_i=-15)),
        Misconception("h opens the input gate", _STAYS_LIT, _switch(V_i=100)),
        Misconception("V_i a little too small", _OUT_IN_PART, _switch(V_i=-26.3)),
        Misconception("forget gate of zeros", _OUT_IN_PART, _switch(f=(0, 0))),
        Misconception("forgets half on push", _OUT_IN_PART, _switch(f=(0, 20))),
        Misconception("output gate of zeros", _LIT_IN_PART, _switch(o=(0, 0))),
        Misconception("candidate below a half", _LIT_IN_PART, _switch(g=(0.5, 0.5))),
        Misconception("writes half on push", _LIT_IN_PART, _switch(i=(0, -20))),
        Misconception("writes only when lit", _NEVER_LIT, _switch(i=(-20, -20), V_i=100)),
        Misconception("candidate of zero", _NEVER_LIT, _switch(g=(0, 0))),
        Misconception("output gate shut", _NEVER_LIT, _switch(o=(-20, -20))),
        Misconception(
            "candidate negative",
            "A push brings h below zero. Which sign must the candidate have?",
            _switch(g=(-20, -20), V_i=100),
        ),
        Misconception("erases on wait", _NOT_HELD, _switch(f=(-20, -20))),
        Misconception("forgets half on wait", _NOT_HELD, _switch(f=(-20, 0))),
        Misconception("shown on push only", _NOT_HELD, _switch(o=(20, -20))),
        Misconception(
            "forget gate turned round",
            "The second push keeps, and waiting clears: just the other way round. f near 1 keeps.",
            _switch(f=(20, -20)),
        ),
        Misconception(
            "wait writes too",
            "It lights without a push. In which corner of (f, i) is the cell on wait?",
            _switch(i=(20, 20)),
        ),
        Misconception(
            "forget gate not open enough",
            "It holds for a while, and fades over hundreds of waits. f = 0.999 to the power of 500 "
            "is about 0.6: how large must the sum be on wait?",
            _switch(f=(-20, 7)),
        ),
        Misconception(
            "forget gate far from open enough",
            "It holds for a while, and after hundreds of waits nothing is left. f = 0.99 to the "
            "power of 500 is less than 0.01: how large must the sum be on wait?",
            _switch(f=(-20, 5)),
        ),
        Misconception(
            "wait leaks in",
            "On wait the input gate is not shut enough: a sum of 0 leaves it at a half, and even "
            "the 0.05 that a sum of -3 leaves adds up over hundreds of waits. How far below zero "
            "must it be?",
            _switch(i=(20, -3)),
        ),
        Misconception(
            "weights of one",
            "Sums of 1 and -1 leave every gate half open. A gate is only as good as a switch when "
            "its sum is large.",
            _switch((-1, 1), (1, -1), (1, 1), (1, 1), -4),
        ),
    ),
)


QUESTIONS = (STUCK_GATE, MEASURED_GATE, UNMIXED_MEMORIES, LIGHT_SWITCH)
