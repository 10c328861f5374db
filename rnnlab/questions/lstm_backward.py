"""The LSTM's backward pass as its lines, one step and a sequence, and what goes wrong in them.

    STEP_BACKWARD   (dh_t, dC_next, x_t, h_prev, C_prev, p) -> dx_t, dh_prev, dC_prev, dp
    BACKWARD        (dh, x, h0, C0, p) -> dx, dh0, dC0, dp

dC_next is what comes back through the cell from later steps; dC, the whole gradient by C_t, adds
what comes through h_t. Inside, the four gates lie side by side in the order "figo": da is
(B, 4 H).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from rnnlab.cells import sigmoid
from rnnlab.params import Array
from rnnlab.questions import Probe
from rnnlab.questions.derivation import Derivation, Line, Mistake, Recurrence
from rnnlab.questions.lstm import SEQUENCE_AXES, STEP_AXES, sequence_inputs, step_inputs

GATES = "figo"


def _forward(x: Array, h0: Array, C0: Array, p: Any) -> dict[str, list[Array]]:
    """What the forward pass has computed at each step, by name."""
    W, V, b = p.packed(GATES)
    H = len(V[0])
    past: dict[str, list[Array]] = {name: [] for name in _PAST}
    h, C = h0, C0
    for x_t in x:
        past["h_prev"].append(h)
        past["C_prev"].append(C)
        a = x_t @ W.T + h @ V.T + b
        f, i, _, o = (gates := sigmoid(a)).reshape(len(a), 4, H).swapaxes(0, 1)
        C_tilde = np.tanh(a[:, 2 * H : 3 * H])
        C = f * C + i * C_tilde
        tanh_C = np.tanh(C)
        h = o * tanh_C
        for name, value in zip(_PAST[2:], (a, gates, f, i, C_tilde, C, o, tanh_C, h), strict=True):
            past[name].append(value)
    return past


_PAST = ("h_prev", "C_prev", "a", "gates", "f_t", "i_t", "C_tilde", "C_t", "o_t", "tanh_C", "h_t")


def _at_t(name: str) -> Line:
    return lambda s: s.past[name][s.t]


def _a(s: Any, gate: str) -> Array:
    """The pre-activation of one gate."""
    k, H = GATES.index(gate), s.C_t.shape[-1]
    a: Array = s.a[:, k * H : (k + 1) * H]
    return a


def _by_gate(W: Array, V: Array, b: Array) -> dict[str, Array]:
    arrays = {}
    for letter, packed in (("W", W), ("V", V)):
        for gate, block in zip(GATES, packed.reshape(4, -1, packed.shape[-1]), strict=True):
            arrays[f"{letter}_{gate}"] = block
    H = b.shape[-1] // 4
    for k, gate in enumerate(GATES):
        arrays[f"b_{gate}"] = b[..., k * H : (k + 1) * H]
    return arrays


_BACK: dict[str, Line] = {
    "dC": lambda s: s.dC_next + s.dh_t * s.o_t * (1 - s.tanh_C**2),
    "df": lambda s: s.dC * s.C_prev,
    "di": lambda s: s.dC * s.C_tilde,
    "dC_tilde": lambda s: s.dC * s.i_t,
    "do": lambda s: s.dh_t * s.tanh_C,
    "da_f": lambda s: s.df * s.f_t * (1 - s.f_t),
    "da_i": lambda s: s.di * s.i_t * (1 - s.i_t),
    "da_g": lambda s: s.dC_tilde * (1 - s.C_tilde**2),
    "da_o": lambda s: s.do * s.o_t * (1 - s.o_t),
    "da": lambda s: np.concatenate([s.da_f, s.da_i, s.da_g, s.da_o], axis=-1),
    "dW": lambda s: s.da.T @ s.x_t,
    "dV": lambda s: s.da.T @ s.h_prev,
    "db": lambda s: s.da.sum(0),
    "dx_t": lambda s: s.da @ s.W,
    "dh_prev": lambda s: s.da @ s.V,
    "dC_prev": lambda s: s.dC * s.f_t,
}

_WEIGHTS: dict[str, Line] = {
    "W": lambda s: np.concatenate([getattr(s.p, f"W_{g}") for g in GATES]),
    "V": lambda s: np.concatenate([getattr(s.p, f"V_{g}") for g in GATES]),
}

STEP_BACKWARD = Derivation(
    ("dh_t", "dC_next", "x_t", "h_prev", "C_prev", "p"),
    {
        **_WEIGHTS,
        "past": lambda s: _forward(s.x_t[None], s.h_prev, s.C_prev, s.p),
        "t": lambda s: 0,
        **{name: _at_t(name) for name in _PAST},
        **_BACK,
        "dp": lambda s: _by_gate(s.dW, s.dV, s.db),
    },
    returns=("dx_t", "dh_prev", "dC_prev", "dp"),
)


def _backward(*, in_time: bool) -> Recurrence:
    return Recurrence(
        ("dh", "x", "h0", "C0", "p"),
        first={
            **_WEIGHTS,
            "past": lambda s: _forward(s.x, s.h0, s.C0, s.p),
            "dh_next": lambda s: np.zeros_like(s.h0),
            "dC_next": lambda s: np.zeros_like(s.C0),
        },
        step={
            "x_t": lambda s: s.x[s.t],
            **{name: _at_t(name) for name in _PAST},
            "dh_t": lambda s: s.dh[s.t] + s.dh_next,
            **_BACK,
        },
        carry={"dh_next": lambda s: s.dh_prev, "dC_next": lambda s: s.dC_prev},
        collect={
            "dx": lambda s: s.stack("dx_t"),
            "dh0": lambda s: s.all("dh_prev")[0],
            "dC0": lambda s: s.all("dC_prev")[0],
            "dp": lambda s: _by_gate(s.sum("dW"), s.sum("dV"), s.sum("db")),
        },
        returns=("dx", "dh0", "dC0", "dp"),
        backward=not in_time,
    )


BACKWARD = _backward(in_time=False)
BACKWARD_IN_TIME = _backward(in_time=True).but(
    dh0=lambda s: s.all("dh_prev")[-1], dC0=lambda s: s.all("dC_prev")[-1]
)


def step_backward_inputs(rng: np.random.Generator) -> list[Probe]:
    """As `lstm.step_inputs`, with a gradient by h_t and one by C_t."""
    return [
        {
            "dh_t": rng.standard_normal(probe["h_prev"].shape),
            "dC_next": rng.standard_normal(probe["h_prev"].shape),
            **probe,
        }
        for probe in step_inputs(rng)[:3]
    ]


def backward_inputs(rng: np.random.Generator) -> list[Probe]:
    """As `lstm.sequence_inputs`, with a loss at every step."""
    return [
        {"dh": rng.standard_normal((*probe["x"].shape[:2], probe["h0"].shape[1])), **probe}
        for probe in sequence_inputs(rng)
    ]


STEP_BACKWARD_AXES = {"dh_t": ("batch", "unit"), "dC_next": ("batch", "unit"), **STEP_AXES}
BACKWARD_AXES = {"dh": ("time", "batch", "unit"), **SEQUENCE_AXES}


def _one(line: str) -> Callable[[str, str, Line], Mistake]:
    return lambda name, hint, wrong: Mistake(name, hint, {line: wrong})


def _cell_mistakes() -> list[Mistake]:
    """Wrong ideas about dC, the whole gradient by C_t, and about dC_prev."""
    dC, back = _one("dC"), _one("dC_prev")
    slope = (
        "h_t looks at the cell through a tanh. How much does tanh(C_t) move when C_t moves a "
        "little? That slope belongs to dC_t."
    )
    return [
        dC("tanh' of C missing", slope, lambda s: s.dC_next + s.dh_t * s.o_t),
        dC(
            "1 - C^2 for tanh' of C",
            "The slope of tanh is one minus the square of its value. Which value do you square?",
            lambda s: s.dC_next + s.dh_t * s.o_t * (1 - s.C_t**2),
        ),
        dC(
            "tanh C for its slope",
            "You multiply by tanh(C_t) itself. What you need is its slope at C_t.",
            lambda s: s.dC_next + s.dh_t * s.o_t * s.tanh_C,
        ),
        dC(
            "1 - tanh C for its slope",
            "The slope of tanh is one minus the square of its value. Is yours squared?",
            lambda s: s.dC_next + s.dh_t * s.o_t * (1 - s.tanh_C),
        ),
        dC(
            "(1 - tanh C)^2",
            "The slope of tanh is one minus the square of its value. Is it the value that you "
            "square, or the difference?",
            lambda s: s.dC_next + s.dh_t * s.o_t * (1 - s.tanh_C) ** 2,
        ),
        dC(
            "tanh' at tanh C",
            "tanh(C_t) has been through the tanh already; in your slope it goes through it again.",
            lambda s: s.dC_next + s.dh_t * s.o_t * (1 - np.tanh(s.tanh_C) ** 2),
        ),
        dC(
            "tanh' at tanh h",
            "The slope belongs to the tanh that squashes the cell. What stands inside your tanh?",
            lambda s: s.dC_next + s.dh_t * s.o_t * (1 - np.tanh(s.h_t) ** 2),
        ),
        dC(
            "1 + tanh^2",
            "The slope of tanh is never above 1. Which sign stands before your square?",
            lambda s: s.dC_next + s.dh_t * s.o_t * (1 + s.tanh_C**2),
        ),
        dC(
            "tanh' at h",
            "The slope of tanh is one minus the square of its value. Its value is tanh(C_t), "
            "before the output gate.",
            lambda s: s.dC_next + s.dh_t * s.o_t * (1 - s.h_t**2),
        ),
        dC(
            "o missing in dC",
            "h_t is a product: what does dh_t get multiplied by on its way to tanh(C_t)?",
            lambda s: s.dC_next + s.dh_t * (1 - s.tanh_C**2),
        ),
        dC(
            "dC_next dropped",
            "C_t is used twice: by h_t in this step, and by the next step. Which of the two ways "
            "back is missing from your dC_t?",
            lambda s: s.dh_t * s.o_t * (1 - s.tanh_C**2),
        ),
        dC(
            "dh_t dropped",
            "C_t is used twice: by h_t in this step, and by the next step. Which of the two ways "
            "back is missing from your dC_t?",
            lambda s: s.dC_next,
        ),
        dC(
            "dC_next subtracted",
            "The two ways back to C_t add up. Which sign does each have in yours?",
            lambda s: s.dh_t * s.o_t * (1 - s.tanh_C**2) - s.dC_next,
        ),
        dC(
            "dC_next through the output as well",
            "dC_next is there already, behind the tanh and the output gate. Only dh_t has to go "
            "through them.",
            lambda s: (s.dC_next + s.dh_t) * s.o_t * (1 - s.tanh_C**2),
        ),
        back(
            "dC not times f",
            "On the way from C_t to C_{t-1}, what is the old state multiplied by? The gradient "
            "meets the same factor.",
            lambda s: s.dC,
        ),
        back(
            "dC_prev without the path through h",
            "What goes on to C_{t-1} is the whole gradient by C_t, with what came through h_t. "
            "Is that part in yours?",
            lambda s: s.dC_next * s.f_t,
        ),
        back(
            "dC times i",
            "On the way from C_t to C_{t-1}, which gate stands at the old state?",
            lambda s: s.dC * s.i_t,
        ),
        back(
            "dC times 1 - f",
            "f_t is the share that is kept, in the gradient too.",
            lambda s: s.dC * (1 - s.f_t),
        ),
        back(
            "dC times o",
            "On the way from C_t to C_{t-1}, which gate stands at the old state?",
            lambda s: s.dC * s.o_t,
        ),
        Mistake(
            "dC times the f of the wrong step",
            "dC_next has met its forget gate already, in the step it comes from. In yours it meets "
            "the gate on arrival, which is that of another step.",
            {
                "dC": lambda s: s.dC_next * s.f_t + s.dh_t * s.o_t * (1 - s.tanh_C**2),
                "dC_prev": lambda s: s.dC,
            },
        ),
        Mistake(
            "dC times f twice",
            "f_t stands twice on your way back to C_{t-1}: once on arrival and once on leaving. "
            "How often does it stand in the update?",
            {"dC": lambda s: s.dC_next * s.f_t + s.dh_t * s.o_t * (1 - s.tanh_C**2)},
        ),
    ]


def _factor_mistakes() -> list[Mistake]:
    """Wrong ideas about df, di, dC_tilde and do: the other factor of each product."""
    df, di, dg, do = map(_one, ("df", "di", "dC_tilde", "do"))
    other_f = (
        "In the update f_t multiplies one thing. The gradient by f_t is dC_t times that other "
        "factor."
    )
    other_i = (
        "In the update i_t and C~_t multiply each other: the gradient by one is dC_t times the "
        "other."
    )
    other_o = (
        "In h_t the output gate multiplies one thing. The gradient by o_t is dh_t times that "
        "other factor."
    )
    total = (
        "Each of the three factors in the update gets the whole gradient by C_t. Yours is only "
        "what came in, without what came through h_t."
    )
    return [
        df("df with C_t", other_f, lambda s: s.dC * s.C_t),
        df("df with C_tilde", other_f, lambda s: s.dC * s.C_tilde),
        df("df with h_prev", other_f, lambda s: s.dC * s.h_prev),
        df("df with f", other_f, lambda s: s.dC * s.f_t),
        df("df without a factor", other_f, lambda s: s.dC),
        di("di with i", other_i, lambda s: s.dC * s.i_t),
        di("di with C_prev", other_i, lambda s: s.dC * s.C_prev),
        di("di without a factor", other_i, lambda s: s.dC),
        dg("dC_tilde with itself", other_i, lambda s: s.dC * s.C_tilde),
        dg("dC_tilde with f", other_i, lambda s: s.dC * s.f_t),
        dg("dC_tilde without a factor", other_i, lambda s: s.dC),
        Mistake(
            "di and dC_tilde swapped",
            other_i,
            {"di": lambda s: s.dC * s.i_t, "dC_tilde": lambda s: s.dC * s.C_tilde},
        ),
        Mistake(
            "df and di swapped",
            "Which of the two does f_t multiply in the update, C_{t-1} or C~_t? Your df and di "
            "have changed places.",
            {"df": lambda s: s.dC * s.C_tilde, "di": lambda s: s.dC * s.C_prev},
        ),
        Mistake(
            "the gates get dC_next alone",
            total,
            {
                "df": lambda s: s.dC_next * s.C_prev,
                "di": lambda s: s.dC_next * s.C_tilde,
                "dC_tilde": lambda s: s.dC_next * s.i_t,
            },
        ),
        df("f gets dC_next alone", total, lambda s: s.dC_next * s.C_prev),
        di("i gets dC_next alone", total, lambda s: s.dC_next * s.C_tilde),
        dg("C_tilde gets dC_next alone", total, lambda s: s.dC_next * s.i_t),
        do("do with C for tanh C", other_o, lambda s: s.dh_t * s.C_t),
        do("do with C_prev", other_o, lambda s: s.dh_t * s.C_prev),
        do("do with the slope of tanh", other_o, lambda s: s.dh_t * (1 - s.tanh_C**2)),
        do("do without a factor", other_o, lambda s: s.dh_t),
        do("do with o", other_o, lambda s: s.dh_t * s.o_t),
        do(
            "do from dC",
            "The output gate comes after the cell: its gradient starts from dh_t, not from dC_t.",
            lambda s: s.dC * s.tanh_C,
        ),
    ]


Slope = Callable[[Any, str], Array]

# what to multiply by for a sigmoid gate, from its value g and its pre-activation a
_SLOPES: Mapping[str, tuple[str, Callable[[Array, Array], Array | float]]] = {
    "sigma' missing": (
        "{gate} is a sigmoid of its sum. Between the gradient by {gate} and the one by the sum "
        "stands the slope of the sigmoid.",
        lambda g, a: 1.0,
    ),
    "sigma' of the pre-activation": (
        "The slope of the sigmoid is made from its value, {gate}. You put the pre-activation "
        "there.",
        lambda g, a: a * (1 - a),
    ),
    "sigma' of the gate's value again": (
        "{gate} has been through the sigmoid already; in your slope it goes through it once more.",
        lambda g, a: sigmoid(g) * (1 - sigmoid(g)),
    ),
    "tanh' for sigma'": (
        "{gate} is a sigmoid. Yours is the slope of a tanh.",
        lambda g, a: 1 - g**2,
    ),
    "sigma for sigma'": (
        "The slope of the sigmoid is zero at both ends, where the gate is open or closed. Is "
        "yours?",
        lambda g, a: g,
    ),
    "1 - sigma for sigma'": (
        "The slope of the sigmoid is zero at both ends, where the gate is open or closed. Is "
        "yours?",
        lambda g, a: 1 - g,
    ),
}

_CANDIDATE_SLOPES: Mapping[str, tuple[str, Callable[[Array, Array], Array | float]]] = {
    "tanh' missing": (
        "The candidate is a tanh of its sum. Between the gradient by C~_t and the one by the sum "
        "stands the slope of the tanh.",
        lambda g, a: 1.0,
    ),
    "tanh' of the pre-activation": (
        "The slope of tanh is made from its value, C~_t. You put the pre-activation there.",
        lambda g, a: 1 - a**2,
    ),
    "tanh' of the value again": (
        "C~_t has been through the tanh already; in your slope it goes through it once more.",
        lambda g, a: 1 - np.tanh(g) ** 2,
    ),
    "sigma' for tanh'": (
        "The candidate is a tanh. Yours is the slope of a sigmoid.",
        lambda g, a: g * (1 - g),
    ),
    "(1 - tanh)^2 for tanh'": (
        "The slope of tanh is one minus the square of its value. Is it the value that you square, "
        "or the difference?",
        lambda g, a: (1 - g) ** 2,
    ),
    "1 - tanh for tanh'": (
        "The slope of tanh is one minus the square of its value. Is yours squared?",
        lambda g, a: 1 - g,
    ),
}


def _slope_mistakes() -> list[Mistake]:
    """Wrong ideas about the slope of the squashing function, in one gate or in all."""
    gates = {"f": "f_t", "i": "i_t", "o": "o_t"}

    def line(gate: str, value: str, d: str, slope: Callable[[Array, Array], Any]) -> Line:
        return lambda s: getattr(s, d) * slope(getattr(s, value), _a(s, gate))

    mistakes = []
    for name, (hint, slope) in _SLOPES.items():
        lines = {f"da_{g}": line(g, value, f"d{g}", slope) for g, value in gates.items()}
        mistakes += [
            Mistake(f"{gates[da[-1]]}: {name}", hint.format(gate=gates[da[-1]]), {da: wrong})
            for da, wrong in lines.items()
        ]
        mistakes.append(
            Mistake(
                f"every gate: {name}",
                f"It is the same in every gate; take f_t. {hint.format(gate='f_t')}",
                lines,
            )
        )
    for name, (hint, slope) in _CANDIDATE_SLOPES.items():
        mistakes.append(
            Mistake(f"C_tilde: {name}", hint, {"da_g": line("g", "C_tilde", "dC_tilde", slope)})
        )
    mistakes.append(
        Mistake(
            "no slopes at all",
            "Each gate and the candidate is a squashed sum. Between the gradient by the value and "
            "the one by the sum stands a slope: four of them are missing.",
            {
                "da_f": lambda s: s.df,
                "da_i": lambda s: s.di,
                "da_g": lambda s: s.dC_tilde,
                "da_o": lambda s: s.do,
            },
        )
    )
    return mistakes


def _da(s: Any, gates: str) -> tuple[Array, Array, Array]:
    """The columns of da that belong to these gates, and their rows of W and V."""
    H = s.V.shape[1]
    columns = np.concatenate([np.arange(H) + GATES.index(g) * H for g in gates])
    return s.da[:, columns], s.W[columns], s.V[columns]


def _to(wanted: int, gates: str) -> Line:
    """dx (wanted = 1) or dh_prev (wanted = 2) from these gates alone."""
    return lambda s: _da(s, gates)[0] @ _da(s, gates)[wanted]


def _transposed(weight: str) -> Line:
    def line(s: Any) -> Array:
        H, packed = s.V.shape[1], getattr(s, weight)
        total: Array = sum(
            s.da[:, k * H : (k + 1) * H] @ packed[k * H : (k + 1) * H].T for k in range(4)
        )
        return total

    return line


def _product_mistakes() -> list[Mistake]:
    """Wrong ideas about the way from da to dx, dh_prev and the weights."""
    dx, dh, dV = map(_one, ("dx_t", "dh_prev", "dV"))
    four = (
        "Four sums look at h_{t-1} and at x_t. Each sends its gradient back, and the four add up: "
        "which of them are in yours?"
    )
    mistakes = []
    for g in GATES:
        others = GATES.replace(g, "")
        mistakes += [
            Mistake(f"only gate {g}", four, {"dx_t": _to(1, g), "dh_prev": _to(2, g)}),
            dh(f"dh_prev from gate {g} only", four, _to(2, g)),
            dx(f"dx from gate {g} only", four, _to(1, g)),
            Mistake(f"without gate {g}", four, {"dx_t": _to(1, others), "dh_prev": _to(2, others)}),
            dh(f"dh_prev without gate {g}", four, _to(2, others)),
            dx(f"dx without gate {g}", four, _to(1, others)),
        ]
    turned = (
        "Forwards, row j of the matrix belongs to unit j: V h is h @ V.T in code. Backwards the "
        "transpose turns round once more."
    )
    return [
        *mistakes,
        dh("V for V^T", turned, _transposed("V")),
        dx("W for W^T", turned, _transposed("W")),
        Mistake(
            "W and V for their transposes",
            turned,
            {"dx_t": _transposed("W"), "dh_prev": _transposed("V")},
        ),
        dh(
            "dh_t added to dh_prev",
            "h_{t-1} reaches h_t only through the four sums: there is no direct way from one to "
            "the other, as there is between the cells.",
            lambda s: s.da @ s.V + s.dh_t,
        ),
        dV(
            "dV with h_t",
            "V meets the hidden state that came into the step. Which one stands in your product?",
            lambda s: s.da.T @ s.h_t,
        ),
        dV(
            "dV with C_prev",
            "V meets the hidden state that came into the step. Which state stands in your product?",
            lambda s: s.da.T @ s.C_prev,
        ),
        dV(
            "dV transposed",
            "Row j of V belongs to unit j, and so does row j of its gradient. Which of your two "
            "factors gives the rows?",
            lambda s: np.concatenate([s.h_prev.T @ _da(s, g)[0] for g in GATES]),
        ),
        Mistake(
            "dW and dV transposed",
            "Row j of W and V belongs to unit j, and so does row j of their gradients. Which of "
            "your two factors gives the rows?",
            {
                "dW": lambda s: np.concatenate([s.x_t.T @ _da(s, g)[0] for g in GATES]),
                "dV": lambda s: np.concatenate([s.h_prev.T @ _da(s, g)[0] for g in GATES]),
            },
        ),
        *_batch_mistakes(),
    ]


def _batch_mistakes() -> list[Mistake]:
    db = _one("db")
    summed = (
        "The loss is summed over the batch, so what each example says about a weight is summed "
        "too. Do you divide by anything?"
    )
    return [
        Mistake(
            "batch mean for sum",
            summed,
            {
                "dW": lambda s: s.da.T @ s.x_t / len(s.da),
                "dV": lambda s: s.da.T @ s.h_prev / len(s.da),
                "db": lambda s: s.da.mean(0),
            },
        ),
        db("batch mean for sum in db", summed, lambda s: s.da.mean(0)),
        Mistake(
            "batch mean for sum in dW and dV",
            summed,
            {
                "dW": lambda s: s.da.T @ s.x_t / len(s.da),
                "dV": lambda s: s.da.T @ s.h_prev / len(s.da),
            },
        ),
        db(
            "db without the batch sum",
            "One bias serves every example of the batch. What happens to their gradients?",
            lambda s: s.da,
        ),
        db(
            "db of the first example",
            "Your db hears only one example. One bias serves every example of the batch.",
            lambda s: s.da[0],
        ),
    ]


STEP_BACKWARD_MISTAKES = (
    *_cell_mistakes(),
    *_factor_mistakes(),
    *_slope_mistakes(),
    *_product_mistakes(),
)

_WRAPS = (
    "At t = 0 the state before the step is h0 or C0. Which entry do you get with the index t - 1 "
    "when t is 0?"
)
_ADDED = (
    "The same weights serve every step, so the gradients of all steps add up. Do yours replace "
    "each other?"
)


_BEFORE = (
    "What goes into a step backward is what went into it forward: the states before it. Which "
    "entry of your list is that, at t = 0 and later?"
)

Past = dict[str, list[Array]]
State = Callable[[Past, int], Array]


def _wrap(after: str) -> State:
    """states[t - 1], where states holds those after each step: at t = 0 the last one."""
    return lambda past, t: past[after][t - 1]


def _zero(before: str) -> State:
    return lambda past, t: past[before][t] if t else np.zeros_like(past[before][0])


def _one_early(before: str, after: str) -> State:
    """states[t - 1], where states begins with the initial one."""
    return lambda past, t: past[before][t - 1] if t else past[after][-1]


def _initial(before: str) -> State:
    return lambda past, t: past[before][0]


def _after(after: str) -> State:
    return lambda past, t: past[after][t]


def _right(before: str) -> State:
    return lambda past, t: past[before][t]


def _kept(h: State | None, C: State | None) -> dict[str, Line]:
    """The wrong states where they stand in a product; the gates are kept from the forward pass."""
    states = {"h_prev": h, "C_prev": C}
    return {name: _from(state) for name, state in states.items() if state is not None}


def _from(state: State) -> Line:
    return lambda s: state(s.past, s.t)


def _run_again(h: State | None, C: State | None) -> dict[str, Line]:
    """The step run again from the wrong states: the gates are wrong as well."""

    def past(s: Any) -> Past:
        right = _forward(s.x, s.h0, s.C0, s.p)
        h_prev, C_prev = h or _right("h_prev"), C or _right("C_prev")
        steps = [
            _forward(s.x[t : t + 1], h_prev(right, t), C_prev(right, t), s.p)
            for t in range(len(s.x))
        ]
        return {name: [step[name][0] for step in steps] for name in _PAST}

    return {"past": past}


def _state_mistakes() -> list[Mistake]:
    """Another state than the one before the step, by those who keep the gates and who do not."""
    ideas: tuple[tuple[str, str, State, State], ...] = (
        ("[t-1] at t = 0", _WRAPS, _wrap("h_t"), _wrap("C_t")),
        (" zero at t = 0", _WRAPS, _zero("h_prev"), _zero("C_prev")),
        (" a step too early", _BEFORE, _one_early("h_prev", "h_t"), _one_early("C_prev", "C_t")),
        (" after the step", _BEFORE, _after("h_t"), _after("C_t")),
        ("0 at every step", _BEFORE, _initial("h_prev"), _initial("C_prev")),
    )
    # states after the step, in a product with kept gates, are mistakes of the step already
    return [
        Mistake(f"{who}{idea}{how}", hint, lines(*states))
        for how, lines in ((", step run again", _run_again), ("", _kept))
        for idea, hint, h, C in ideas
        if not (lines is _kept and idea == " after the step")
        for who, states in (("C", (None, C)), ("h", (h, None)), ("h and C", (h, C)))
    ]


BACKWARD_MISTAKES = (
    Mistake(
        "dh of the next step dropped",
        "h_t is used twice: by the loss at step t, and by the gates of step t + 1. Which of the "
        "two is in your dh_t?",
        {"dh_t": lambda s: s.dh[s.t]},
    ),
    Mistake(
        "only the last step's loss",
        "There is a loss at every step: dh[t] joins at each t. Where does it enter in your loop?",
        {"dh_t": lambda s: s.dh[s.t] if s.t == len(s.dh) - 1 else s.dh_next},
    ),
    Mistake(
        "the last loss at every step",
        "Each step has its own loss. Which index does dh have inside your loop?",
        {"dh_t": lambda s: s.dh[-1] + s.dh_next},
    ),
    Mistake(
        "dC times f of the step before",
        "C_{t-1} becomes C_t through one forget gate. Which index does it have in your loop?",
        {"dC_prev": lambda s: s.dC * s.past["f_t"][s.t - 1]},
    ),
    Mistake(
        "dC times f of the step after",
        "C_{t-1} becomes C_t through one forget gate. Which index does it have in your loop?",
        {"dC_prev": lambda s: s.dC * s.past["f_t"][min(s.t + 1, len(s.dh) - 1)]},
    ),
    *_state_mistakes(),
    Mistake(
        "overwritten, not added",
        _ADDED,
        {"dp": lambda s: _by_gate(s.all("dW")[0], s.all("dV")[0], s.all("db")[0])},
    ),
    Mistake(
        "db overwritten, not added",
        _ADDED,
        {"dp": lambda s: _by_gate(s.sum("dW"), s.sum("dV"), s.all("db")[0])},
    ),
    Mistake(
        "mean over the steps",
        "The loss is summed over the steps, so the gradients are summed too. Do you divide by "
        "anything?",
        {
            "dp": lambda s: {
                name: array / len(s.dh)
                for name, array in _by_gate(s.sum("dW"), s.sum("dV"), s.sum("db")).items()
            }
        },
    ),
    Mistake(
        "the first step left out",
        "Your loop stops one step too early. At which t does the sequence begin?",
        {
            "dp": lambda s: _by_gate(*(sum(s.all(name)[1:]) for name in ("dW", "dV", "db"))),
            "dx": lambda s: np.stack([np.zeros_like(s.x[0]), *s.all("dx_t")[1:]]),
            "dh0": lambda s: s.all("dh_prev")[1],
            "dC0": lambda s: s.all("dC_prev")[1],
        },
    ),
    Mistake(
        "dx in the order of the loop",
        "The loop runs from the last step to the first, so what it appends comes out turned "
        "round. Row 0 of dx belongs to the first step.",
        {"dx": lambda s: s.stack("dx_t")[::-1]},
    ),
    Mistake(
        "dh0 and dC0 of the last step",
        "Your dh0 and dC0 belong to the last step. What is left when the loop has come to its "
        "beginning?",
        {"dh0": lambda s: s.all("dh_prev")[-1], "dC0": lambda s: s.all("dC_prev")[-1]},
    ),
    Mistake(
        "dC0 not times f",
        "dC0 is the gradient by the state before the first step. Which gate stands between it "
        "and C at t = 0?",
        {"dC0": lambda s: s.all("dC")[0]},
    ),
    Mistake(
        "dh0 is dh at t = 0",
        "dh0 is the gradient by the state before the first step, not by h at t = 0. What lies "
        "between the two?",
        {"dh0": lambda s: s.all("dh_t")[0]},
    ),
)
