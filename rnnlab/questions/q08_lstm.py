"""Exercise 08: one LSTM step, a sequence, the parameters, a broken line, another packing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from rnnlab.cells import sigmoid
from rnnlab.params import Array, LSTMParams
from rnnlab.questions import Misconception, Probe, Question
from rnnlab.questions.derivation import Derivation, Line, Mistake, made_in
from rnnlab.questions.lstm import (
    FORWARD,
    FORWARD_MISTAKES,
    RESULTS,
    SEQUENCE_AXES,
    STEP,
    STEP_AXES,
    STEP_MISTAKES,
    random_params,
    random_state,
    sequence_inputs,
    step_inputs,
)

# where both gates are returned; a run over a sequence does not show their names
_I_BEFORE_F = Mistake(
    "f_t and i_t in each other's place",
    "f_t and i_t stand in each other's place, in your return or in your names: first comes f_t, "
    "then i_t. (torch has them the other way round.)",
    {
        "f_t": lambda s: sigmoid(s.a_i),
        "i_t": lambda s: sigmoid(s.a_f),
        "C_t": lambda s: s.i_t * s.C_prev + s.f_t * s.C_tilde,
    },
)

LSTM_STEP = Question(
    id="08.lstm_step",
    kind="function",
    title="one step of the LSTM",
    points=3,
    inputs=step_inputs,
    reference=STEP,
    returns=STEP.returns,
    flow=("f_t", "i_t", "C_tilde", "C_t", "o_t", "h_t"),
    axes=dict.fromkeys(STEP.returns, ("batch", "unit")),
    input_axes=STEP_AXES,
    terms={
        **{
            result: {
                "x_t": f"W_{letter} x_t",
                "h_prev": f"V_{letter} h_{{t-1}}",
                f"b_{letter}": f"b_{letter}",
            }
            for letter, result in RESULTS.items()
        },
        "C_t": {"C_prev": "f_t * C_{t-1}", "W_g V_g b_g": "i_t * C~_t"},
    },
    hints=(
        "Write the six lines in the order of the equations: two gates, the candidate, the cell, "
        "the output gate, the hidden state. Check after each which earlier names it needs.",
        "The gates f, i, o and the candidate share one form, a sum of three terms that is "
        "squashed; each has its own W, V and b. The cell and the hidden state are products, "
        "place by place.",
        "The new cell is the forget gate times the old cell plus the input gate times the "
        "candidate; the hidden state is the output gate times the tanh of the new cell.",
    ),
    parallel="""A bank account as a cell. Each month: how much is kept, how much of the offered
sum is paid in, how much of the balance is shown to the outside:

    def month(x, shown_prev, balance_prev, q):
        keep = sigmoid(x @ q.W_keep.T + shown_prev @ q.V_keep.T + q.b_keep)
        pay_in = sigmoid(x @ q.W_pay.T + shown_prev @ q.V_pay.T + q.b_pay)
        offer = np.tanh(x @ q.W_offer.T + shown_prev @ q.V_offer.T + q.b_offer)
        balance = keep * balance_prev + pay_in * offer
        return balance

What is shown is then one more gate, made in the same way, and one more product.""",
    misconceptions=made_in(STEP, (_I_BEFORE_F, *STEP_MISTAKES)),
)


LSTM_FORWARD = Question(
    id="08.lstm_forward",
    kind="function",
    title="the LSTM over a sequence",
    points=2,
    inputs=sequence_inputs,
    reference=FORWARD,
    returns=FORWARD.returns,
    flow=("C", "h"),
    axes={"h": ("time", "batch", "unit"), "C": ("time", "batch", "unit")},
    input_axes=SEQUENCE_AXES,
    hints=(
        "One loop over time, one step of your lstm_step in each round. Which two arrays does a "
        "round need from the round before?",
        "Step t takes x[t], h_{t-1} and C_{t-1}. Before the first step these are h0 and C0.",
        "Start with h0 and C0; in each round take one step, keep the two states it returns for "
        "the next round, and store them in row t.",
    ),
    parallel="""Fibonacci pairs: each step takes two numbers and hands two on. All pairs after
each of T steps:

    a, b = a0, b0
    pairs = []
    for t in range(T):
        a, b = b, a + b         # both are carried
        pairs.append((a, b))    # stored after the step

With a0 = 0, b0 = 1 the first row is (1, 1), not (0, 1).""",
    misconceptions=made_in(FORWARD, FORWARD_MISTAKES),
)


def _count_inputs(rng: np.random.Generator) -> list[Probe]:
    return [{"input_size": int(rng.integers(20, 60)), "hidden_size": int(rng.integers(70, 140))}]


def _count(factor: int, of_one_gate: Callable[[int, int], int]) -> Callable[[int, int], int]:
    return lambda input_size, hidden_size: factor * of_one_gate(input_size, hidden_size)


def _gate_size(D: int, H: int) -> int:
    return H * (D + H + 1)


COUNT_PARAMETERS = Question(
    id="08.count_parameters",
    kind="number",
    title="how many numbers it learns",
    points=1,
    inputs=_count_inputs,
    reference=_count(4, _gate_size),
    returns=("count",),
    axes={"count": ()},
    complaints={"count": "The count is not right."},
    hints=(
        "Count one gate first: the entries of its W, of its V and of its b.",
        "W is (H, D), V is (H, H), b is (H,). How many such sets does an LSTM have?",
        "Add up the entries of one W, one V and one b, then take that four times: three gates and "
        "the candidate.",
    ),
    parallel="""A plain RNN with a readout of K outputs: W (H, D), V (H, H), b (H,), U (K, H),
c (K,). With D = 2, H = 3, K = 1:

    W 6, V 9, b 3: 18       U 3, c 1: 4       together 22""",
    misconceptions=(
        Misconception(
            "two biases",
            "torch counts like this: it keeps two biases a gate that are added up. The equations "
            "of this course have one.",
            _count(4, lambda D, H: H * (D + H + 2)),
        ),
        Misconception(
            "three gates only",
            "You count the three gates. The candidate is no gate, but what does it need?",
            _count(3, _gate_size),
        ),
        Misconception(
            "one gate only",
            "That is one gate. How many sets of W, V and b are there?",
            _count(1, _gate_size),
        ),
        Misconception(
            "two gates only",
            "That is two sets of W, V and b. Name all that an LSTM has, one by one.",
            _count(2, _gate_size),
        ),
        Misconception(
            "five sets",
            "You count a set of weights too many: the cell state and the hidden state are "
            "computed from the gates and have none of their own.",
            _count(5, _gate_size),
        ),
        Misconception(
            "six sets",
            "Two of the six lines have no weights of their own: the cell state and the hidden "
            "state are computed from the others.",
            _count(6, _gate_size),
        ),
        Misconception(
            "one unit only",
            "You count one row of each W and V, and one bias: what one unit has. How many units "
            "are there?",
            _count(4, lambda D, H: D + H + 1),
        ),
        Misconception(
            "no bias",
            "Each of the sums has a third term. How many numbers does it hold?",
            _count(4, lambda D, H: H * (D + H)),
        ),
        Misconception(
            "no V",
            "The sums look at h_{t-1} too: which matrix is missing, and what is its shape?",
            _count(4, lambda D, H: H * (D + 1)),
        ),
        Misconception(
            "no W",
            "The sums look at x_t too: which matrix is missing, and what is its shape?",
            _count(4, lambda D, H: H * (H + 1)),
        ),
        Misconception(
            "one number as bias",
            "A bias is not one number a gate: it has one for each unit.",
            _count(4, lambda D, H: H * (D + H) + 1),
        ),
        Misconception(
            "one bias for all gates",
            "Your gates share one bias. How many does p hold?",
            lambda D, H: 4 * H * (D + H) + H,
        ),
        Misconception(
            "V of shape (H, D)",
            "V acts on the hidden state, which has H numbers: what is its shape?",
            _count(4, lambda D, H: H * (2 * D + 1)),
        ),
        Misconception(
            "D and H exchanged",
            "Which of the two sizes is the number of rows of W, V and b?",
            _count(4, lambda D, H: D * (D + H + 1)),
        ),
        Misconception(
            "W twice the width",
            "C_{t-1} is not among the inputs of the sums: they look at x_t and at h_{t-1}.",
            _count(4, lambda D, H: H * (D + 2 * H + 1)),
        ),
    ),
)


_TRACE = ("f", "i", "C_tilde", "C", "o", "h")

# for each line two wrong ideas about it: one shows from the first step on, one only later
_BROKEN: Mapping[str, tuple[Line, Line]] = {
    "f": (
        lambda s: sigmoid(s.x_t @ s.p.W_f.T + s.h_prev @ s.p.V_f.T),
        lambda s: sigmoid(s.x_t @ s.p.W_f.T + s.h0 @ s.p.V_f.T + s.p.b_f),
    ),
    "i": (
        lambda s: 1 - s.f_t,
        lambda s: sigmoid(s.x_t @ s.p.W_i.T + s.h0 @ s.p.V_i.T + s.p.b_i),
    ),
    "C_tilde": (
        lambda s: np.tanh(s.x_t @ s.p.W_g.T + s.C_prev @ s.p.V_g.T + s.p.b_g),
        lambda s: np.tanh(s.x[0] @ s.p.W_g.T + s.h_prev @ s.p.V_g.T + s.p.b_g),
    ),
    "C": (
        lambda s: s.i_t * s.C_prev + s.f_t * s.C_tilde,
        lambda s: s.f_t * s.C0 + s.i_t * s.C_tilde,
    ),
    "o": (
        lambda s: sigmoid(s.x_t @ s.p.W_o.T + np.tanh(s.C_t) @ s.p.V_o.T + s.p.b_o),
        lambda s: sigmoid(s.x_t @ s.p.W_o.T + s.h0 @ s.p.V_o.T + s.p.b_o),
    ),
    "h": (
        lambda s: s.o_t * s.C_t,
        lambda s: s.o_t * np.tanh(s.f_t * s.C0 + s.i_t * s.C_tilde),
    ),
}
_LINE = {"f": "f_t", "i": "i_t", "C_tilde": "C_tilde", "C": "C_t", "o": "o_t", "h": "h_t"}
_TRACED = FORWARD.but(h=lambda s: {name: s.stack(_LINE[name]) for name in _TRACE})


def _trace_inputs(rng: np.random.Generator) -> list[Probe]:
    """For each line a trace that is wrong from the first step on and one later; two of one step."""
    sizes = (
            (5, 2, 3, 4), (4, 3, 2, 5), (5, 3, 4, 4), (3, 2, 5, 3), (6, 2, 3, 3), (4, 2, 2, 3),
            (5, 2, 4, 3), (3, 3, 2, 4), (4, 1, 3, 4), (5, 1, 2, 4), (6, 3, 2, 3), (3, 2, 4, 5),
        (1, 2, 3, 2), (1, 3, 2, 4),
    )  # fmt: skip
    probes = []
    for k, (T, B, D, H) in enumerate(sizes):
        broken = _TRACE[k % 6] if T > 1 else _TRACE[rng.choice((1, 3))]
        wrong = _BROKEN[broken][k // 6 % 2]
        given = {
            "x": rng.standard_normal((T, B, D)),
            "h0": rng.uniform(-1, 1, (B, H)),
            "C0": random_state(rng, B, H),
            "p": random_params(rng, D, H),
        }
        trace, _ = _TRACED.but(**{_LINE[broken]: wrong})(*given.values())
        probes.append({**given, **trace})
    return [probes[k] for k in rng.permutation(len(probes))]


def _shifted(first: Array, states: Array) -> Array:
    return np.concatenate([first[None], states[:-1]])


def _expected(
    x: Array,
    h_prev: Array,
    C_prev: Array,
    p: LSTMParams,
    f: Array,
    i: Array,
    C_tilde: Array,
    C: Array,
    o: Array,
) -> dict[str, Array]:
    """What each line of a trace should hold, given all the others."""

    def a(gate: str) -> Array:
        W, V, b = (getattr(p, f"{k}_{gate}") for k in "WVb")
        total: Array = x @ W.T + h_prev @ V.T + b
        return total

    return {
        "f": sigmoid(a("f")),
        "i": sigmoid(a("i")),
        "C_tilde": np.tanh(a("g")),
        "C": f * C_prev + i * C_tilde,
        "o": sigmoid(a("o")),
        "h": o * np.tanh(C),
    }


def _wrong_line(*given: Any) -> str:
    x, h0, C0, p, f, i, C_tilde, C, o, h = given
    right = _expected(x, _shifted(h0, h), _shifted(C0, C), p, f, i, C_tilde, C, o)
    return _first_off(right, dict(zip(_TRACE, given[4:], strict=True)))


def _first_off(right: Mapping[str, Array], trace: Mapping[str, Array]) -> str:
    return next((n for n in _TRACE if not np.allclose(right[n], trace[n], atol=1e-9)), "none")


def _run_again(*given: Any) -> dict[str, Array]:
    """The right trace from the same inputs: what a wrong line spoils later on is lost."""
    trace, _ = _TRACED(*given[:4])
    right: dict[str, Array] = trace
    return right


def _by_running_again(*given: Any) -> str:
    return _first_off(_run_again(*given), dict(zip(_TRACE, given[4:], strict=True)))


def _first_step_only(x: Array, h0: Array, C0: Array, p: LSTMParams, *trace: Array) -> str:
    return _wrong_line(x[:1], h0, C0, p, *(array[:1] for array in trace))


def _first_step_or_h(*given: Any) -> str:
    """The first step only, by a function that names h when the lines before it are right."""
    line = _first_step_only(*given)
    return "h" if line == "none" else line


def _last_off(*given: Any) -> str:
    """The last line that differs, C and h from gates of one's own instead of the trace's."""
    x, h0, C0, p, f, i, C_tilde, C, o, h = given
    h_prev, C_prev = _shifted(h0, h), _shifted(C0, C)
    own = _expected(x, h_prev, C_prev, p, f, i, C_tilde, C, o)
    own = _expected(x, h_prev, C_prev, p, own["f"], own["i"], own["C_tilde"], C, own["o"])
    trace = dict(zip(_TRACE, given[4:], strict=True))
    return next((n for n in _TRACE[::-1] if not np.allclose(own[n], trace[n], atol=1e-9)), "none")


def _always(line: str) -> Callable[..., str]:
    return lambda *given: line


def _named(word: str, probe: Probe) -> Mapping[str, Any]:
    """Per line: what was said of a trace that is wrong there."""
    broken = _wrong_line(*probe.values())
    return {line: word if line == broken else "" for line in _TRACE}


WRONG_LINE = Question(
    id="08.wrong_line",
    kind="trace",
    title="which line is wrong?",
    points=2,
    inputs=_trace_inputs,
    reference=_wrong_line,
    returns=("line",),
    axes={"line": ()},
    observe=lambda value, probe: _named(str(value[0]), probe),
    complaints={
        line: f"In one of the traces the line of {line} is wrong, from some step on, and all "
        "others are right. You name another line, or none."
        for line in _TRACE
    },
    hints=(
        "A wrong line spoils all that comes after it. So do not run the LSTM again: ask of each "
        "line whether it fits what the trace itself says went into it.",
        "h_{t-1} is row t - 1 of the trace's own h, and h0 for the first step; likewise C. The "
        "line of C takes f, i and C_tilde from the trace, right or wrong.",
        "For each of the six lines compute, from the trace's own arrays, what the line should "
        "give at every step, and name the line where np.allclose says no.",
    ),
    parallel="""A bill: net, tax = 0.2 * net, total = net + tax. One line of the code that made
it was wrong: net = 50, tax = 15, total = 65.

    total is not 60, but total = net + tax holds for the numbers on the bill: that line is right
    tax   is not 0.2 * 50: this is the wrong line

Judge each line by what went into it, not by what should have gone into it.""",
    misconceptions=(
        Misconception(
            "the LSTM run again",
            "You name a line that fits what the trace says went into it. Do you compare with a "
            "run of your own? There, what the wrong line spoils at one step makes all lines of "
            "the next step differ. Or with ==? Two right ways differ in the last digits.",
            _by_running_again,
        ),
        Misconception(
            "the first step only",
            "Some lines are right at t = 0 and wrong later. Do you look at every step?",
            _first_step_only,
        ),
        Misconception(
            "the first step only, else h",
            "Some lines are right at t = 0 and wrong later. Do you look at every step?",
            _first_step_or_h,
        ),
        Misconception(
            "the last line that differs from gates of one's own",
            "Where f, i or the candidate is wrong you name C, and where o is wrong, h. A line that "
            "you compute from gates of your own inherits what is wrong in the trace's: which gates "
            "went into it there?",
            _last_off,
        ),
        Misconception(
            "always f",
            "You say f for every trace, so even a right f does not fit in your eyes. What goes "
            "into step t: h of which row, and which state at t = 0? And how close is close enough? "
            "Two right ways to compute the same differ in the last digits.",
            _always("f"),
        ),
        Misconception(
            "always h",
            "You say h for every trace. h inherits what is wrong in any line before it: in which "
            "order do you look at the lines?",
            _always("h"),
        ),
        *(
            Misconception(
                f"always {line}",
                f"You say {line} of a trace in which {line} fits what went into it. Do you take "
                "that from the trace: the gates as they stand there, h and C of the step before? "
                f"(If you say {line} of every trace, nothing in your function looks at the "
                "arrays.)",
                _always(line),
            )
            for line in ("i", "C_tilde", "C", "o")
        ),
        Misconception(
            "always none",
            "You say none of a trace that has a wrong line. Do you look at all six, and at every "
            "step?",
            _always("none"),
        ),
    ),
)


_PACKED = Derivation(
    ("x_t", "h_prev", "C_prev", "W", "V", "b"),
    {
        "a": lambda s: s.x_t @ s.W.T + s.h_prev @ s.V.T + s.b,
        "order": lambda s: "ifgo",
        "blocks": lambda s: dict(zip(s.order, np.split(s.a, 4, axis=-1), strict=True)),
        "f_t": lambda s: sigmoid(s.blocks["f"]),
        "i_t": lambda s: sigmoid(s.blocks["i"]),
        "o_t": lambda s: sigmoid(s.blocks["o"]),
        "C_tilde": lambda s: np.tanh(s.blocks["g"]),
        "C_t": lambda s: s.f_t * s.C_prev + s.i_t * s.C_tilde,
        "h_t": lambda s: s.o_t * np.tanh(s.C_t),
    },
    returns=("h_t", "C_t"),
)


def _packed_inputs(rng: np.random.Generator) -> list[Probe]:
    return [
        {
            "x_t": rng.standard_normal((B, D)),
            "h_prev": rng.uniform(-1, 1, (B, H)),
            "C_prev": random_state(rng, B, H),
            **dict(zip("WVb", random_params(rng, D, H).packed("ifgo"), strict=True)),
        }
        for B, D, H in ((2, 3, 4), (3, 4, 4), (1, 5, 2))
    ]


def _word(word: str) -> Line:
    return lambda s: word


def _tanh_block(letter: str) -> Line:
    return lambda s: np.tanh(s.blocks[letter])


def _orders() -> tuple[Mistake, ...]:
    known = {
        "figo": "Your blocks come as f, i, g, o, the order of this course's equations, "
        "or your update gives each of f and i the other's part.",
        "ifog": "Your blocks come as i, f, o, g: three gates first, then the candidate.",
        "iofg": "Your blocks come as i, o, f, g, ONNX's order.",
        "fiog": "Your blocks come as f, i, o, g.",
        "igfo": "Your blocks come as i, g, f, o.",
        "gifo": "Your blocks come as g, i, f, o.",
        "ofgi": "Your i and o have each other's blocks.",
    }
    return tuple(
        Mistake(
            f"order {order}",
            f"{words} These weights are packed in torch's order; read it once more in the text.",
            {"order": _word(order)},
        )
        for order, words in known.items()
    )


def _squashed_alike(s: Any) -> Array:
    return sigmoid(s.blocks["g"])


_OLD_CELL = (
    "Two steps in a row: which cell state does h_t show, the one before or after the update?"
)
_CANDIDATE = (
    "Some part of the block wants another function than the rest: which of the four can be "
    "negative?"
)

PACKED_STEP = Question(
    id="08.packed_step",
    kind="repair",
    title="a port to torch's packing",
    points=2,
    inputs=_packed_inputs,
    reference=_PACKED,
    returns=_PACKED.returns,
    flow=("C_t", "h_t"),
    axes={"h_t": ("batch", "unit"), "C_t": ("batch", "unit")},
    input_axes=STEP_AXES,
    terms={
        "C_t": {
            "C_prev": "f_t * C_{t-1}",
            "x_t": "W x_t",
            "h_prev": "V h_{t-1}",
            "b": "b",
        }
    },
    hints=(
        "Three mistakes are planted. Check the line of the blocks, then each of the others, "
        "against the equations.",
        "torch packs i, f, g, o; g is the candidate, which is a tanh. h_t shows the new cell.",
        "Take the blocks in the order i, f, g, o, squash the third by tanh and the other three by "
        "the sigmoid, and let h_t read C_t.",
    ),
    parallel="""A date arrives packed as "2024-03-05", and somebody unpacks it as

    day, month, year = map(int, text.split("-"))

Nothing raises: the parts are all numbers. Only the order in the sender's manual tells that it
must be year, month, day. Packed weights are the same: look the order up, then name the parts.""",
    misconceptions=made_in(
        _PACKED,
        (
            Mistake("sigmoid on the candidate", _CANDIDATE, {"C_tilde": _squashed_alike}),
            Mistake(
                "tanh of the sigmoid",
                "Your candidate goes through the sigmoid first and a tanh after it, so it is never "
                "negative. Which blocks is the sigmoid for?",
                {"C_tilde": lambda s: np.tanh(_squashed_alike(s))},
            ),
            Mistake(
                "the old cell state read",
                _OLD_CELL,
                {"h_t": lambda s: s.o_t * np.tanh(s.C_prev)},
            ),
            *_orders(),
            Mistake(
                "nothing mended",
                "This computes what the broken one does. Three mistakes are planted; begin with "
                "the order of the blocks.",
                {
                    "order": lambda s: "figo",
                    "C_tilde": _squashed_alike,
                    "h_t": lambda s: s.o_t * np.tanh(s.C_prev),
                },
            ),
            Mistake(
                "tanh missing at the output",
                "Does your h_t stay between -1 and 1 when C_t is large?",
                {"h_t": lambda s: s.o_t * s.C_t},
            ),
            Mistake(
                "tanh on all blocks",
                "A gate lies between 0 and 1. Which of the four blocks are gates?",
                {"f_t": _tanh_block("f"), "i_t": _tanh_block("i"), "o_t": _tanh_block("o")},
            ),
        ),
    ),
)


QUESTIONS = (LSTM_STEP, LSTM_FORWARD, COUNT_PARAMETERS, WRONG_LINE, PACKED_STEP)
