"""The LSTM as its lines, one step and a sequence, and what goes wrong in them.

STEP      (x_t, h_prev, C_prev, p) -> h_t, C_t, f_t, i_t, C_tilde, o_t
FORWARD   (x, h0, C0, p) -> h, C
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations, permutations
from typing import Any

import numpy as np

from rnnlab.cells import sigmoid
from rnnlab.params import Array, LSTMParams
from rnnlab.questions import Probe
from rnnlab.questions.derivation import Derivation, Line, Mistake, Recurrence
from rnnlab.questions.gates import (
    Given,
    pre_activation,
    sigmoid_mistakes,
    split_mistakes,
    squashed,
    sum_mistakes,
    tanh_mistakes,
)

RESULTS = {"f": "f_t", "i": "i_t", "g": "C_tilde", "o": "o_t"}


def of_gate(letter: str) -> Given:
    """x_t, what the gates see of the past, and W, V, b of a gate."""
    W, V, b = (f"{k}_{letter}" for k in "WVb")
    return lambda s: (s.x_t, s.h_in, getattr(s.p, W), getattr(s.p, V), getattr(s.p, b))


LINES: dict[str, Line] = {
    "h_in": lambda s: s.h_prev,
    **{f"a_{letter}": pre_activation(of_gate(letter)) for letter in RESULTS},
    "f_t": squashed("f", sigmoid),
    "i_t": squashed("i", sigmoid),
    "C_tilde": squashed("g", np.tanh),
    "C_t": lambda s: s.f_t * s.C_prev + s.i_t * s.C_tilde,
    "o_t": squashed("o", sigmoid),
    "h_t": lambda s: s.o_t * np.tanh(s.C_t),
}

STEP = Derivation(
    ("x_t", "h_prev", "C_prev", "p"),
    LINES,
    returns=("h_t", "C_t", "f_t", "i_t", "C_tilde", "o_t"),
)

FORWARD = Recurrence(
    ("x", "h0", "C0", "p"),
    first={"h_prev": lambda s: s.h0, "C_prev": lambda s: s.C0},
    step={"x_t": lambda s: s.x[s.t], **LINES},
    carry={"h_prev": lambda s: s.h_t, "C_prev": lambda s: s.C_t},
    collect={"h": lambda s: s.stack("h_t"), "C": lambda s: s.stack("C_t")},
    returns=("h", "C"),
)


def random_params(rng: np.random.Generator, D: int, H: int) -> LSTMParams:
    """Weights and biases of standard deviation 0.5: none is zero, none saturates a gate."""
    shapes = {"W": (H, D), "V": (H, H), "b": (H,)}
    return LSTMParams(
        **{f"{k}_{g}": rng.normal(0, 0.5, shapes[k]) for g in LSTMParams.gates for k in "WVb"}
    )


def random_state(rng: np.random.Generator, *shape: int) -> Array:
    """Numbers of either sign and of size near 1: where tanh C is not C, and 1 - C^2 is no slope."""
    state: Array = rng.uniform(0.6, 1.4, shape) * rng.choice((-1.0, 1.0), shape)
    return state


def step_inputs(rng: np.random.Generator) -> list[Probe]:
    """D and H different, equal, a batch of one, and B == H, where a matrix product runs too."""
    return [
        {
            "x_t": rng.standard_normal((B, D)),
            "h_prev": rng.uniform(-1, 1, (B, H)),
            "C_prev": random_state(rng, B, H),
            "p": random_params(rng, D, H),
        }
        for B, D, H in ((2, 3, 4), (3, 4, 4), (1, 5, 2), (3, 2, 3))
    ]


def sequence_inputs(rng: np.random.Generator) -> list[Probe]:
    """T = 5; D and H different, equal, and a batch of one with T = 4."""
    return [
        {
            "x": rng.standard_normal((T, B, D)),
            "h0": rng.uniform(-1, 1, (B, H)),
            "C0": random_state(rng, B, H),
            "p": random_params(rng, D, H),
        }
        for T, B, D, H in ((5, 2, 3, 4), (5, 3, 4, 4), (4, 1, 5, 2))
    ]


STEP_AXES = {
    "x_t": ("batch", "input"),
    "h_prev": ("batch", "unit"),
    "C_prev": ("batch", "unit"),
}
SEQUENCE_AXES = {
    "x": ("time", "batch", "input"),
    "h0": ("batch", "unit"),
    "C0": ("batch", "unit"),
}


def _named(result: str, mistakes: Sequence[Mistake]) -> list[Mistake]:
    return [Mistake(f"{result}: {m.name}", m.hint, m.lines) for m in mistakes]


def _everywhere(*gates: Sequence[Mistake]) -> list[Mistake]:
    """Each mistake made in all of these gates at once."""
    return [
        Mistake(
            f"every gate: {same[0].name.removeprefix('f_t: ')}",
            f"It is the same in every gate; take f_t. {same[0].hint}",
            {name: line for m in same for name, line in m.lines.items()},
        )
        for same in zip(*gates, strict=True)
    ]


def _gate_mistakes() -> list[Mistake]:
    def share(letter: str) -> Line:
        return lambda s: (
            np.exp(getattr(s, f"a_{letter}")) / (np.exp(s.a_f) + np.exp(s.a_i) + np.exp(s.a_o))
        )

    sums = {
        letter: _named(
            result,
            sum_mistakes(letter, of_gate(letter), "candidate" if letter == "g" else "gate"),
        )
        for letter, result in RESULTS.items()
    }
    squashes = {
        letter: _named(
            RESULTS[letter],
            (
                *sigmoid_mistakes(letter, RESULTS[letter]),
                *split_mistakes(letter, RESULTS[letter], of_gate(letter)),
            ),
        )
        for letter in "fio"
    }
    return [
        *(m for mistakes in sums.values() for m in mistakes),
        *_everywhere(*sums.values()),
        *(m for mistakes in squashes.values() for m in mistakes),
        *_everywhere(*squashes.values()),
        *_named("C_tilde", tanh_mistakes("g", "C_tilde")),
        Mistake(
            "softmax over the gates",
            "Your f_t, i_t and o_t add up to 1, as if they shared one hundred percent. Each gate "
            "opens and closes by itself.",
            {RESULTS[letter]: share(letter) for letter in "fio"},
        ),
    ]


def _weights_of_another_gate() -> list[Mistake]:
    """A line copied from another gate, with the letters of some weights not changed."""

    def mixed(letter: str, other: str, which: str) -> Line:
        letters = [other if k in which else letter for k in "WVb"]
        W, V, b = (f"{k}_{g}" for k, g in zip("WVb", letters, strict=True))
        return lambda s: s.x_t @ getattr(s.p, W).T + s.h_in @ getattr(s.p, V).T + getattr(s.p, b)

    copied = [
        Mistake(
            f"{RESULTS[letter]}: {' '.join(f'{k}_{other}' for k in which)}",
            f"Read the letters of the weights in your line of {RESULTS[letter]}, one by one: do "
            "they all belong to it? A line copied from another gate keeps that gate's letters.",
            {f"a_{letter}": mixed(letter, other, which)},
        )
        for letter, other in permutations(RESULTS, 2)
        for which in ("WVb", "W", "V", "b")
    ]
    swapped = [
        Mistake(
            f"weights of {one} and {two} swapped",
            f"{RESULTS[one]} and {RESULTS[two]} have each other's weights. Which letters stand in "
            "which line? (Libraries order the gates differently; names do not mix up.)",
            {f"a_{one}": mixed(one, two, "WVb"), f"a_{two}": mixed(two, one, "WVb")},
        )
        for one, two in combinations(RESULTS, 2)
    ]
    one_bias = Mistake(
        "one bias for all gates",
        "Your gates share one bias. Each gate learns by itself when to open: how many biases "
        "does p hold?",
        {f"a_{letter}": mixed(letter, "f", "b") for letter in "igo"},
    )
    one_V = Mistake(
        "one V for all gates",
        "Your gates share one V. Each gate has its own view of the past: how many V does p hold?",
        {f"a_{letter}": mixed(letter, "f", "V") for letter in "igo"},
    )
    return [*copied, *swapped, one_bias, one_V]


def _past_mistakes() -> list[Mistake]:
    sees_C = (
        "In these equations the gates look at the hidden state. Which of the two states stands "
        "in your sums?"
    )

    def seeing_C(letter: str) -> Line:
        W, V, b = (f"{k}_{letter}" for k in "WVb")
        return lambda s: s.x_t @ getattr(s.p, W).T + s.C_prev @ getattr(s.p, V).T + getattr(s.p, b)

    def o_seeing(state: Callable[[Any], Array]) -> Line:
        return lambda s: sigmoid(s.x_t @ s.p.W_o.T + state(s) @ s.p.V_o.T + s.p.b_o)

    def new_h(s: Any) -> Array:
        result: Array = sigmoid(s.a_o) * np.tanh(s.C_t)
        return result

    return [
        Mistake("C_prev fed to the gates", sees_C, {"h_in": lambda s: s.C_prev}),
        *(
            Mistake(f"C_prev fed to {result}", sees_C, {f"a_{letter}": seeing_C(letter)})
            for letter, result in RESULTS.items()
        ),
        Mistake(
            "h_prev and C_prev exchanged",
            "Your two states have changed places: the gates look at C_prev, and f_t multiplies "
            "h_prev. The order of the arguments is (x_t, h_prev, C_prev, p).",
            {
                "h_in": lambda s: s.C_prev,
                "C_t": lambda s: s.f_t * s.h_prev + s.i_t * s.C_tilde,
            },
        ),
        Mistake("C_prev added to h_prev", sees_C, {"h_in": lambda s: s.h_prev + s.C_prev}),
        Mistake(
            "o from the new h",
            "The output gate of this step looks at h_{t-1}, as the other gates do. Which state "
            "does your o_t look at?",
            {"o_t": o_seeing(lambda s: np.tanh(s.C_t))},
        ),
        Mistake(
            "o from the new h, made twice",
            "The output gate of this step looks at h_{t-1}, as the other gates do. Which state "
            "does your o_t look at?",
            {"o_t": o_seeing(new_h)},
        ),
        Mistake(
            "o from the new C",
            "The output gate of this step looks at h_{t-1}, as the other gates do. Which state "
            "does your o_t look at?",
            {"o_t": o_seeing(lambda s: s.C_t)},
        ),
        Mistake(
            "i = 1 - f",
            "Your input gate is what the forget gate leaves. Here it has weights of its own: it "
            "may keep and write at once. (The GRU couples the two.)",
            {"i_t": lambda s: 1 - s.f_t},
        ),
        Mistake(
            "f = 1 - i",
            "Your forget gate is what the input gate leaves. Here it has weights of its own: it "
            "may keep and write at once. (The GRU couples the two.)",
            {"f_t": lambda s: 1 - sigmoid(s.a_i)},
        ),
        Mistake(
            "gates fixed at 1: f",
            "Your f_t is always 1: the LSTM of 1997. Since 2000 it has weights of its own.",
            {"f_t": lambda s: np.ones_like(s.C_prev)},
        ),
    ]


_READ_UPDATE = "Read your update aloud: what does f_t multiply, and what does i_t?"


def _update_mistakes() -> list[Mistake]:
    def update(name: str, hint: str, line: Line, **more: Line) -> Mistake:
        return Mistake(name, hint, {"C_t": line, **more})

    return [
        update(
            "f and i swapped",
            _READ_UPDATE,
            lambda s: s.i_t * s.C_prev + s.f_t * s.C_tilde,
        ),
        update("i used for f", _READ_UPDATE, lambda s: s.i_t * s.C_prev + s.i_t * s.C_tilde),
        update("f used for i", _READ_UPDATE, lambda s: s.f_t * s.C_prev + s.f_t * s.C_tilde),
        update(
            "i and o swapped",
            "Erase, write, read: which gate writes the candidate, and which one reads the cell?",
            lambda s: s.f_t * s.C_prev + sigmoid(s.a_o) * s.C_tilde,
            h_t=lambda s: s.i_t * np.tanh(s.C_t),
        ),
        update(
            "o and f swapped",
            "Erase, write, read: which gate stands at the old cell state, and which one at the "
            "output?",
            lambda s: sigmoid(s.a_o) * s.C_prev + s.i_t * s.C_tilde,
            h_t=lambda s: s.f_t * np.tanh(s.C_t),
        ),
        update(
            "o used for i",
            "Which gate decides how much of the candidate is written? In yours it is the one "
            "that reads.",
            lambda s: s.f_t * s.C_prev + sigmoid(s.a_o) * s.C_tilde,
        ),
        update(
            "o used for f",
            "Which gate decides how much of the old state stays? In yours it is the one that "
            "reads.",
            lambda s: sigmoid(s.a_o) * s.C_prev + s.i_t * s.C_tilde,
        ),
        update(
            "no forget gate",
            "Your cell never forgets: this is the LSTM of 1997. What stands in front of C_{t-1}?",
            lambda s: s.C_prev + s.i_t * s.C_tilde,
        ),
        update(
            "1 - f in the update",
            "f_t is the share that is kept. What does your update do when f_t is 1?",
            lambda s: (1 - s.f_t) * s.C_prev + s.i_t * s.C_tilde,
        ),
        update(
            "1 - f for i in the update",
            "Your update writes what the forget gate leaves free. Which gate was made for writing?",
            lambda s: s.f_t * s.C_prev + (1 - s.f_t) * s.C_tilde,
        ),
        update(
            "no input gate",
            "The candidate enters the cell in full. Which gate says how much of it is written?",
            lambda s: s.f_t * s.C_prev + s.C_tilde,
        ),
        update(
            "f applied to h",
            "f_t is the forget gate of the cell: which of the two old states does it multiply?",
            lambda s: s.f_t * s.h_prev + s.i_t * s.C_tilde,
        ),
        update(
            "only the new",
            "Your new cell state knows nothing of the old one. What is kept, and how much of it?",
            lambda s: s.i_t * s.C_tilde,
        ),
        update(
            "only the old",
            "Your cell only forgets. What is written into it, and how much?",
            lambda s: s.f_t * s.C_prev,
        ),
        update(
            "@ for *",
            "A gate acts on each unit by itself, place by place. Which operator does that, and "
            "which one mixes the units?",
            lambda s: s.f_t @ s.C_prev + s.i_t @ s.C_tilde,
        ),
        update(
            "f + C",
            "A gate multiplies: 0 must erase and 1 must keep. Does yours, when it is added?",
            lambda s: s.f_t + s.C_prev + s.i_t * s.C_tilde,
        ),
        update(
            "i + C_tilde",
            "A gate multiplies: 0 must block and 1 must let through. Does i_t, when it is added?",
            lambda s: s.f_t * s.C_prev + (s.i_t + s.C_tilde),
        ),
        update(
            "the new subtracted",
            "What is written is added to what is kept; the candidate brings its own sign.",
            lambda s: s.f_t * s.C_prev - s.i_t * s.C_tilde,
        ),
        update(
            "old and new multiplied",
            "What is kept and what is written come together by a plus. Multiplied, one of them "
            "near zero would wipe out the other.",
            lambda s: (s.f_t * s.C_prev) * (s.i_t * s.C_tilde),
        ),
        update(
            "one gate on the sum",
            "Each of the two, the old state and the candidate, has its own gate. In your update "
            "one gate acts on their sum.",
            lambda s: s.f_t * (s.C_prev + s.i_t * s.C_tilde),
        ),
        update(
            "tanh stored in C",
            "Your C_t never leaves -1 to 1, but the cell may grow: that is how it counts. Where "
            "does the tanh belong, in the cell or on the way out?",
            lambda s: np.tanh(s.f_t * s.C_prev + s.i_t * s.C_tilde),
        ),
        update(
            "tanh stored in C, once",
            "Your C_t never leaves -1 to 1, but the cell may grow: that is how it counts. Where "
            "does the tanh belong, in the cell or on the way out?",
            lambda s: np.tanh(s.f_t * s.C_prev + s.i_t * s.C_tilde),
            h_t=lambda s: s.o_t * s.C_t,
        ),
        update(
            "tanh twice on the candidate",
            "The candidate has been through its tanh already: one is enough.",
            lambda s: s.f_t * s.C_prev + s.i_t * np.tanh(s.C_tilde),
        ),
        update(
            "tanh on the old state",
            "What is kept is kept as it is. Which function does your C_{t-1} go through?",
            lambda s: s.f_t * np.tanh(s.C_prev) + s.i_t * s.C_tilde,
        ),
    ]


def _output_mistakes() -> list[Mistake]:
    def output(name: str, hint: str, line: Line) -> Mistake:
        return Mistake(name, hint, {"h_t": line})

    which_gate = "Erase, write, read: which gate reads?"
    return [
        output(
            "tanh missing at the output",
            "Does your h_t stay between -1 and 1 when C_t is large? What does the cell go through "
            "on its way out?",
            lambda s: s.o_t * s.C_t,
        ),
        output(
            "sigmoid at the output",
            "Your h_t has lost its sign: a negative cell should give a negative h_t. Which "
            "function keeps the sign?",
            lambda s: s.o_t * sigmoid(s.C_t),
        ),
        output(
            "tanh of the product",
            "First the cell is squashed, then the gate acts on it. In which order do you?",
            lambda s: np.tanh(s.o_t * s.C_t),
        ),
        output(
            "tanh twice at the output",
            "One tanh is enough: count how often the cell goes through it on its way out.",
            lambda s: s.o_t * np.tanh(np.tanh(s.C_t)),
        ),
        output(
            "the old cell state read",
            "The order is erase, write, read. Which C does your h_t read, the one before or the "
            "one after the update?",
            lambda s: s.o_t * np.tanh(s.C_prev),
        ),
        output(
            "the candidate read",
            "The output gate reads the cell. What does yours read?",
            lambda s: s.o_t * np.tanh(s.C_tilde),
        ),
        output(
            "no output gate",
            "Your h_t shows all of the cell. Which gate says how much of it is seen?",
            lambda s: np.tanh(s.C_t),
        ),
        output("f at the output", which_gate, lambda s: s.f_t * np.tanh(s.C_t)),
        output("i at the output", which_gate, lambda s: s.i_t * np.tanh(s.C_t)),
        output(
            "1 - o at the output",
            "What does your h_t show when o_t is 1? It should show all.",
            lambda s: (1 - s.o_t) * np.tanh(s.C_t),
        ),
        output(
            "o + tanh C",
            "A gate multiplies: 0 must hide and 1 must show. Does yours, when it is added?",
            lambda s: s.o_t + np.tanh(s.C_t),
        ),
    ]


STEP_MISTAKES = (
    *_update_mistakes(),
    *_output_mistakes(),
    *_past_mistakes(),
    *_gate_mistakes(),
    *_weights_of_another_gate(),
)

_CARRY = "Two things go from each step into the next. Which two, and do both arrive?"
_FROM = "The first step starts from h0 and C0. What does yours start from?"

_SEQUENCE_MISTAKES = (
    Mistake(
        "no state carried",
        "Right at t = 0 only: every step starts from h0 and C0 again. What does a step hand to "
        "the next one?",
        {"next_h_prev": lambda s: s.h0, "next_C_prev": lambda s: s.C0},
    ),
    Mistake("h never fed back", _CARRY, {"next_h_prev": lambda s: s.h0}),
    Mistake("C never carried", _CARRY, {"next_C_prev": lambda s: s.C0}),
    Mistake(
        "h and C exchanged between the steps",
        "Between two steps your h and C change places. In which order does the step return them, "
        "and in which order do you take them?",
        {"next_h_prev": lambda s: s.C_t, "next_C_prev": lambda s: s.h_t},
    ),
    Mistake(
        "h and C taken in the wrong order",
        "Your h and C have changed places. In which order does the step return them, and in which "
        "order do you take them?",
        {
            "next_h_prev": lambda s: s.C_t,
            "next_C_prev": lambda s: s.h_t,
            "h": lambda s: s.stack("C_t"),
            "C": lambda s: s.stack("h_t"),
        },
    ),
    Mistake(
        "C carried as h",
        "What goes into the next step as h_prev? Look at what you assign to it after the step.",
        {"next_h_prev": lambda s: s.C_t},
    ),
    Mistake(
        "h carried as C",
        "What goes into the next step as C_prev? Look at what you assign to it after the step.",
        {"next_C_prev": lambda s: s.h_t},
    ),
    Mistake(
        "the candidate carried as C",
        "What goes into the next step as C_prev? Look at what you assign to it after the step.",
        {"next_C_prev": lambda s: s.C_tilde},
    ),
    Mistake(
        "the squashed cell carried",
        "C[0] is right. What the next step gets as C_prev has gone through tanh, so a cell loses a "
        "little at every reading. What does reading take out of the cell?",
        {"next_C_prev": lambda s: np.tanh(s.C_t)},
    ),
    Mistake(
        "the cell carried without o",
        "What goes into the next step is h_t as it is returned, with the output gate.",
        {"next_h_prev": lambda s: np.tanh(s.C_t)},
    ),
    Mistake("h0 ignored", _FROM, {"h_prev": lambda s: np.zeros_like(s.h0)}),
    Mistake("C0 ignored", _FROM, {"C_prev": lambda s: np.zeros_like(s.C0)}),
    Mistake(
        "starts from zeros",
        _FROM,
        {"h_prev": lambda s: np.zeros_like(s.h0), "C_prev": lambda s: np.zeros_like(s.C0)},
    ),
    Mistake(
        "h0 and C0 exchanged",
        "Your initial states have changed places. The order of the arguments is (x, h0, C0, p).",
        {"h_prev": lambda s: s.C0, "C_prev": lambda s: s.h0},
    ),
    Mistake(
        "the first input at every step",
        "Each step has its own input. Which index does x have inside your loop?",
        {"x_t": lambda s: s.x[0]},
    ),
    Mistake(
        "read from the end",
        "Your loop reads the sequence from its end. Time runs forwards here: which x comes first?",
        {"x_t": lambda s: s.x[len(s.x) - 1 - s.t]},
    ),
    Mistake(
        "the state before the step",
        "Your first row is h0 or C0 itself. Row t holds the state after step t: do you store it "
        "before or after the step?",
        {
            "h": lambda s: np.concatenate([s.h0[None], s.stack("h_t")[:-1]]),
            "C": lambda s: np.concatenate([s.C0[None], s.stack("C_t")[:-1]]),
        },
    ),
    Mistake(
        "T + 1 rows",
        "h0 and C0 are what goes in, not a step: T inputs give T states.",
        {
            "h": lambda s: np.concatenate([s.h0[None], s.stack("h_t")]),
            "C": lambda s: np.concatenate([s.C0[None], s.stack("C_t")]),
        },
    ),
    Mistake(
        "only the last state",
        "This is the state after the last step alone. Asked for are the states of every step: "
        "where do you keep them?",
        {"h": lambda s: s.h_t, "C": lambda s: s.C_t},
    ),
    Mistake(
        "only the last C",
        "h holds every step, C only the last one. Where do you keep the others?",
        {"C": lambda s: s.C_t},
    ),
    Mistake(
        "every row the last state",
        "All rows are the state of the last step. Is it one array that you write into and store "
        "again and again? Then all entries are that one array.",
        {
            "h": lambda s: np.stack([s.h_t] * len(s.x)),
            "C": lambda s: np.stack([s.C_t] * len(s.x)),
        },
    ),
    Mistake(
        "h and C returned in the wrong order",
        "Each of the two is what the other should be. Which does your return name first?",
        {"h": lambda s: s.stack("C_t"), "C": lambda s: s.stack("h_t")},
    ),
    Mistake(
        "C returned as h",
        "What you return as h is C once more. Are h and C two arrays, or two names of one, as "
        "after `h = C = np.empty(...)`?",
        {"h": lambda s: s.stack("C_t")},
    ),
    Mistake(
        "h returned as C",
        "What you return as C is h once more. What do you store for each of them?",
        {"C": lambda s: s.stack("h_t")},
    ),
    Mistake(
        "batch first",
        "Time comes first in this course, then the batch. Along which axis do you stack?",
        {
            "h": lambda s: np.stack(s.all("h_t"), axis=1),
            "C": lambda s: np.stack(s.all("C_t"), axis=1),
        },
    ),
    Mistake(
        "from the last to the first",
        "The rows are in the wrong order: row 0 belongs to the first step.",
        {"h": lambda s: s.stack("h_t")[::-1], "C": lambda s: s.stack("C_t")[::-1]},
    ),
)

# a wrong gate that computes, where no gate is returned, the same as a wrong place for a right one
_TWINS = {
    "i = 1 - f": "1 - f for i in the update",
    "gates fixed at 1: f": "no forget gate",
    "f_t: 1 - f": "1 - f in the update",
    "o_t: 1 - o": "1 - o at the output",
    "C_tilde: tanh of the negative": "the new subtracted",
    "f_t: W_i V_i b_i": "i used for f",
    "f_t: W_o V_o b_o": "o used for f",
    "i_t: W_f V_f b_f": "f used for i",
    "i_t: W_o V_o b_o": "o used for i",
    "o_t: W_f V_f b_f": "f at the output",
    "o_t: W_i V_i b_i": "i at the output",
    "weights of f and i swapped": "f and i swapped",
    "weights of f and o swapped": "o and f swapped",
    "weights of i and o swapped": "i and o swapped",
}


def _in_a_sequence(mistake: Mistake) -> Mistake:
    if mistake.name not in _TWINS.values():
        return mistake
    or_else = "Or is the gate or the candidate itself another one? The check of lstm_step tells."
    return Mistake(mistake.name, f"{mistake.hint} {or_else}", mistake.lines)


FORWARD_MISTAKES = (
    *_SEQUENCE_MISTAKES,
    *(_in_a_sequence(m) for m in STEP_MISTAKES if m.name not in _TWINS),
)
