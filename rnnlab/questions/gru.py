"""The GRU's step and sequence as derivations, and what can go wrong in them.

    STEP       gru_step(x_t, h_prev, p): the lines of one step, reset "before"
    SEQUENCE   gru_forward(x, h0, p): these lines at every step

A mistake of the step changes the same line of both. `CANDIDATE` and `BLEND` are the two halves of
the step that an exercise asks for by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rnnlab.cells import sigmoid
from rnnlab.params import Array, GRUParams
from rnnlab.questions import Probe
from rnnlab.questions.derivation import Derivation, Line, Mistake, Recurrence
from rnnlab.questions.gates import (
    gate_terms,
    of_params,
    pre_activation,
    sigmoid_mistakes,
    split_mistakes,
    squashed,
    sum_mistakes,
    tanh_mistakes,
)

# B, D, H: D and H once different, once equal, once a batch of one
SIZES = ((2, 3, 4), (3, 4, 4), (1, 5, 2))


CandidateGiven = Callable[[Any], tuple[Array, Array, Array, Array, Array, Array]]


def _of_params(s: Any) -> tuple[Array, Array, Array, Array, Array, Array]:
    """x_t, h_{t-1}, r_t, W, V, b of the candidate, where the weights are in p."""
    return s.x_t, s.h_prev, s.r_t, s.p.W_h, s.p.V_h, s.p.b_h


def _explicit(s: Any) -> tuple[Array, Array, Array, Array, Array, Array]:
    """The same where the weights are arguments."""
    return s.x_t, s.h_prev, s.r_t, s.W_h, s.V_h, s.b_h


def _candidate_sum(given: CandidateGiven) -> Line:
    """a = W x_t + V (r_t * h_{t-1}) + b"""

    def line(s: Any) -> Array:
        x_t, h_prev, r_t, W, V, b = given(s)
        a: Array = x_t @ W.T + (r_t * h_prev) @ V.T + b
        return a

    return line


_STEP: dict[str, Line] = {
    "a_z": pre_activation(of_params("z")),
    "z_t": squashed("z", sigmoid),
    "a_r": pre_activation(of_params("r")),
    "r_t": squashed("r", sigmoid),
    "a_h": _candidate_sum(_of_params),
    "h_tilde": squashed("h", np.tanh),
    "h_t": lambda s: (1 - s.z_t) * s.h_prev + s.z_t * s.h_tilde,
}

STEP = Derivation(("x_t", "h_prev", "p"), _STEP, returns=("h_t", "z_t", "r_t", "h_tilde"))

SEQUENCE = Recurrence(
    ("x", "h0", "p"),
    first={"h_prev": lambda s: s.h0},
    step={"x_t": lambda s: s.x[s.t], **_STEP},
    carry={"h_prev": lambda s: s.h_t},
    collect={
        "h": lambda s: s.stack("h_t"),
        "z": lambda s: s.stack("z_t"),
        "r": lambda s: s.stack("r_t"),
        "all_h_tilde": lambda s: s.stack("h_tilde"),
    },
    returns=("h", "z", "r", "all_h_tilde"),
)

CANDIDATE = Derivation(
    ("x_t", "h_prev", "r_t", "W_h", "V_h", "b_h"),
    {
        "a_h": _candidate_sum(_explicit),
        "h_tilde": squashed("h", np.tanh),
    },
    returns=("h_tilde",),
)

BLEND = Derivation(("h_prev", "z_t", "h_tilde"), {"h_t": _STEP["h_t"]}, returns=("h_t",))


def step_inputs(rng: np.random.Generator) -> Sequence[Probe]:
    """Probes of one step, reset "before"."""
    return [
        {
            "x_t": rng.standard_normal((B, D)),
            "h_prev": rng.uniform(-1, 1, (B, H)),
            "p": weights(D, H, rng),
        }
        for B, D, H in SIZES
    ]


def sequence_inputs(rng: np.random.Generator) -> Sequence[Probe]:
    """Probes of a sequence, reset "before"."""
    return [
        {
            "x": rng.standard_normal((T, B, D)),
            "h0": rng.uniform(-1, 1, (B, H)),
            "p": weights(D, H, rng),
        }
        for T, (B, D, H) in zip((5, 3, 4), SIZES, strict=True)
    ]


def weights(D: int, H: int, rng: np.random.Generator, *, second_bias: bool = False) -> GRUParams:
    """Random weights of standard deviation 0.5, no bias zero."""
    shapes = {"W": (H, D), "V": (H, H), "b": (H,)}
    arrays = {f"{k}_{g}": rng.normal(0, 0.5, shapes[k]) for g in "zrh" for k in "WVb"}
    if second_bias:
        arrays["b_hv"] = rng.normal(0, 0.5, H)
    return GRUParams(**arrays)


STEP_AXES = dict.fromkeys(STEP.returns, ("batch", "unit"))
STEP_INPUT_AXES = {"x_t": ("batch", "input"), "h_prev": ("batch", "unit")}
SEQUENCE_INPUT_AXES = {"x": ("time", "batch", "input"), "h0": ("batch", "unit")}


def weights_terms(letter: str) -> dict[str, str]:
    """The three terms of a gate's sum, by the weights that switch them off."""
    gate = gate_terms(letter)
    return dict(zip((f"W_{letter}", f"V_{letter}", f"b_{letter}"), gate.values(), strict=True))


CANDIDATE_TERMS = {
    "W_h": "W_h x_t",
    "V_h": "V_h (r_t * h_{t-1})",
    "b_h": "b_h",
}
STEP_TERMS = {
    "z_t": weights_terms("z"),
    "r_t": weights_terms("r"),
    "h_tilde": CANDIDATE_TERMS,
    "h_t": {"h_prev": "(1 - z_t) * h_{t-1}", "W_h V_h b_h": "z_t * h~_t"},
}


def in_order_of_time(h: Array, z: Array, r: Array, h_tilde: Array) -> dict[str, Array]:
    """The parts of a sequence as they are computed: all of step 0, all of step 1, then the rest."""
    parts = {"z": z, "r": r, "h_tilde": h_tilde, "h": h}
    # slices: a sequence of one step has no step 1, and that is right
    steps = {f"{name}[{t}]": part[t : t + 1] for t in (0, 1) for name, part in parts.items()}
    return {**steps, **{f"{name}[2:]": part[2:] for name, part in parts.items()}}


SEQUENCE_TERMS = {
    f"{name.removesuffix('_t')}[{t}]": {
        names.replace("h_prev", "h0"): term for names, term in terms.items()
    }
    for t in (0, 1)
    for name, terms in STEP_TERMS.items()
}


# what can go wrong


def made_of(letter: str, mistakes: Iterable[Mistake]) -> tuple[Mistake, ...]:
    """The mistakes with the gate's letter in their names: a step has several gates."""
    return tuple(replace(m, name=f"{m.name} ({letter})") for m in mistakes)


def gate_mistakes(letter: str) -> tuple[Mistake, ...]:
    """Wrong ideas about z_t or r_t in a step."""
    result, given = f"{letter}_t", of_params(letter)
    return made_of(
        letter,
        (
            *sum_mistakes(letter, given),
            *sigmoid_mistakes(letter, result),
            *split_mistakes(letter, result, given),
        ),
    )


def _foreign(letter: str, other: str, k: str, given: CandidateGiven) -> Mistake:
    """One of the weights of a sum taken from another gate: the line was copied."""
    result = "h_tilde" if letter == "h" else f"{letter}_t"

    def line(s: Any) -> Array:
        x_t, h_prev, r_t, *own = given(s)
        own["WVb".index(k)] = getattr(s.p, f"{k}_{other}")
        W, V, b = own
        a: Array = x_t @ W.T + ((r_t * h_prev) if letter == "h" else h_prev) @ V.T + b
        return a

    return Mistake(
        f"{k}_{other} in {result}",
        f"Read the letters of the weights in your {result}, one by one: is one of them another "
        "gate's?",
        {f"a_{letter}": line},
    )


def _with_no_reset(letter: str) -> CandidateGiven:
    """x_t, h_{t-1}, nothing, W, V, b of a gate."""
    given = of_params(letter)

    def of(s: Any) -> Any:
        x_t, h_prev, W, V, b = given(s)
        return x_t, h_prev, None, W, V, b

    return of


COPIED = tuple(
    _foreign(letter, other, k, _of_params if letter == "h" else _with_no_reset(letter))
    for letter in "zrh"
    for other in "zrh".replace(letter, "")
    for k in "WVb"
)

GATES_MIXED = (
    Mistake(
        "weights of z and r swapped",
        "z_t and r_t each have weights of their own. Which letter do the weights in your first "
        "gate bear?",
        {"a_z": pre_activation(of_params("r")), "a_r": pre_activation(of_params("z"))},
    ),
    Mistake(
        "the reset gate's weights in z",
        "z_t and r_t each have weights of their own. Which letter do the weights in your z_t bear?",
        {"a_z": pre_activation(of_params("r"))},
    ),
    Mistake(
        "the update gate's weights in r",
        "z_t and r_t each have weights of their own. Which letter do the weights in your r_t bear?",
        {"a_r": pre_activation(of_params("z"))},
    ),
    Mistake(
        "z from the candidate",
        "The gates look at h_prev, the state that came in. Does your z_t look at the candidate?",
        {"a_z": lambda s: s.x_t @ s.p.W_z.T + _candidate_of(s) @ s.p.V_z.T + s.p.b_z},
    ),
    Mistake(
        "z from r * h",
        "The reset gate acts inside the candidate only. Does your z_t see r_t * h_prev instead of "
        "h_prev?",
        {"a_z": lambda s: s.x_t @ s.p.W_z.T + (_reset_of(s) * s.h_prev) @ s.p.V_z.T + s.p.b_z},
    ),
)


def _reset_of(s: Any) -> Array:
    return sigmoid(s.x_t @ s.p.W_r.T + s.h_prev @ s.p.V_r.T + s.p.b_r)


def _candidate_of(s: Any) -> Array:
    result: Array = np.tanh(s.x_t @ s.p.W_h.T + (_reset_of(s) * s.h_prev) @ s.p.V_h.T + s.p.b_h)
    return result


_RESET_AFTER = (
    "r_t is at work after the product with V_h. That is torch's form; in this course the reset "
    "acts on h_prev before V_h sees it. (They differ: r * (V h) is not V (r * h).)"
)


def _reset_mistakes(given: CandidateGiven) -> tuple[Mistake, ...]:
    """Wrong ideas about where and how the reset acts; `given`: x_t, h_{t-1}, r_t, W, V, b."""

    def mistake(title: str, hint: str, f: Callable[..., Array]) -> Mistake:
        return Mistake(title, hint, {"a_h": lambda s: f(*given(s))})

    return (
        mistake(
            "no reset",
            "The candidate sees the whole of h_prev. What should the reset gate do to it first?",
            lambda x, h, r, W, V, b: x @ W.T + h @ V.T + b,
        ),
        mistake(
            "reset after the product",
            _RESET_AFTER,
            lambda x, h, r, W, V, b: x @ W.T + r * (h @ V.T) + b,
        ),
        mistake(
            "reset after, bias inside",
            f"{_RESET_AFTER} And it holds the bias back too: b_h belongs outside.",
            lambda x, h, r, W, V, b: x @ W.T + r * (h @ V.T + b),
        ),
        mistake(
            "reset on the whole sum",
            "r_t holds back the input and the bias as well. It decides how much of the past the "
            "candidate sees, and of nothing else.",
            lambda x, h, r, W, V, b: r * (x @ W.T + h @ V.T + b),
        ),
        mistake(
            "reset on both products",
            "r_t holds back the input as well. It decides how much of the past the candidate "
            "sees, and of nothing else.",
            lambda x, h, r, W, V, b: r * (x @ W.T + h @ V.T) + b,
        ),
        mistake(
            "reset on the input",
            "Your r_t holds back the input. Which of the two, the new or the past, should it be "
            "able to hide from the candidate?",
            lambda x, h, r, W, V, b: r * (x @ W.T) + h @ V.T + b,
        ),
        mistake(
            "reset on x_t itself",
            "Your r_t holds back the input, and it runs only when D == H. Which of the two, the "
            "new or the past, should it be able to hide from the candidate?",
            lambda x, h, r, W, V, b: (r * x) @ W.T + h @ V.T + b,
        ),
        mistake(
            "1 - r",
            "Your reset is the mirror image. r_t near 1 lets the past through to the candidate, "
            "r_t near 0 hides it.",
            lambda x, h, r, W, V, b: x @ W.T + ((1 - r) * h) @ V.T + b,
        ),
        mistake(
            "reset twice",
            "Count how often r_t is at work in the candidate: once is enough.",
            lambda x, h, r, W, V, b: x @ W.T + (r * (r * h)) @ V.T + b,
        ),
        mistake(
            "r added",
            "A gate multiplies what it lets through; yours is added to it.",
            lambda x, h, r, W, V, b: x @ W.T + (r + h) @ V.T + b,
        ),
        mistake(
            "r instead of r * h",
            "The candidate sees the gate itself. A gate says how much of something comes through: "
            "of what?",
            lambda x, h, r, W, V, b: x @ W.T + r @ V.T + b,
        ),
    )


def candidate_mistakes(given: CandidateGiven) -> tuple[Mistake, ...]:
    """Wrong ideas about the candidate, once the gates are there."""

    def mistake(title: str, hint: str, f: Callable[..., Array]) -> Mistake:
        return Mistake(title, hint, {"h_tilde": lambda s: f(*given(s))})

    def seen(s: Any) -> tuple[Array, Array, Array, Array, Array]:
        x_t, h_prev, r_t, W, V, b = given(s)
        return x_t, r_t * h_prev, W, V, b

    return (
        *sum_mistakes("h", seen, name="candidate"),
        *tanh_mistakes("h", "h_tilde"),
        mistake(
            "two tanhs",
            "The terms are added first and squashed once, together.",
            lambda x, h, r, W, V, b: np.tanh(x @ W.T) + np.tanh((r * h) @ V.T + b),
        ),
        mistake(
            "bias outside the tanh",
            "The bias joins the sum before it is squashed; added afterwards it can push the "
            "candidate out of -1 to 1.",
            lambda x, h, r, W, V, b: np.tanh(x @ W.T + (r * h) @ V.T) + b,
        ),
        mistake(
            "reset outside the tanh",
            "r_t scales the finished candidate, the new included. It should hide the past from "
            "the candidate while that is made.",
            lambda x, h, r, W, V, b: r * np.tanh(x @ W.T + h @ V.T + b),
        ),
        *_reset_mistakes(given),
    )


Z_RESETS = Mistake(
    "z resets",
    "The update gate is at work inside your candidate. Which of the two gates belongs there?",
    {"a_h": lambda s: s.x_t @ s.p.W_h.T + (s.z_t * s.h_prev) @ s.p.V_h.T + s.p.b_h},
)

_RESET_IN_PLACE = (
    "Your new state keeps r_t * h_prev instead of h_prev. The reset is for the candidate's eyes "
    "only; if you wrote h_prev *= r_t, or used the name again, the old state was gone by then."
)

CANDIDATE_MISTAKES = candidate_mistakes(_explicit)

BLEND_MISTAKES = (
    Mistake(
        "blend mirrored",
        "The blend is mirrored. In this course z near 1 takes the new: many libraries mean the "
        "opposite, and lecture 13 sorts them out.",
        {"h_t": lambda s: s.z_t * s.h_prev + (1 - s.z_t) * s.h_tilde},
    ),
    Mistake(
        "old state never forgotten",
        "The old state stays in full, and the new comes on top, so the state can grow without end. "
        "What share of the old is left when a share z_t is taken from the new?",
        {"h_t": lambda s: s.h_prev + s.z_t * s.h_tilde},
    ),
    Mistake(
        "z on both",
        "Both shares are z_t. A blend's shares add up to 1: what is left for the old state?",
        {"h_t": lambda s: s.z_t * s.h_prev + s.z_t * s.h_tilde},
    ),
    Mistake(
        "1 - z on both",
        "Both shares are 1 - z_t. A blend's shares add up to 1: how much is taken from the new?",
        {"h_t": lambda s: (1 - s.z_t) * s.h_prev + (1 - s.z_t) * s.h_tilde},
    ),
    Mistake(
        "all of the candidate",
        "The candidate comes in whole, so z_t does not decide how much of the new is taken.",
        {"h_t": lambda s: (1 - s.z_t) * s.h_prev + s.h_tilde},
    ),
    Mistake(
        "nothing new",
        "Only the old state is in your blend. Where does the candidate come in?",
        {"h_t": lambda s: (1 - s.z_t) * s.h_prev},
    ),
    Mistake(
        "nothing old",
        "Only the new is in your blend. Where does the old state come in?",
        {"h_t": lambda s: s.z_t * s.h_tilde},
    ),
    Mistake(
        "candidate returned as the state",
        "This is the candidate alone. The state is a blend of it and of the old state.",
        {"h_t": lambda s: s.h_tilde},
    ),
    Mistake(
        "minus for plus",
        "A blend adds its two shares. Which sign stands between yours?",
        {"h_t": lambda s: (1 - s.z_t) * s.h_prev - s.z_t * s.h_tilde},
    ),
    Mistake(
        "z - 1",
        "The share of the old is 1 - z_t: never negative. In which order do you subtract?",
        {"h_t": lambda s: (s.z_t - 1) * s.h_prev + s.z_t * s.h_tilde},
    ),
    Mistake(
        "brackets forgotten",
        "1 - z_t * h_{t-1} is 1 less the product. Which of the two signs must be worked out first, "
        "and what makes it so?",
        {"h_t": lambda s: 1 - s.z_t * s.h_prev + s.z_t * s.h_tilde},
    ),
    Mistake(
        "away from the candidate",
        "Your state goes the right share of the way, in the wrong direction. Which number is "
        "subtracted from which?",
        {"h_t": lambda s: s.h_prev + s.z_t * (s.h_prev - s.h_tilde)},
    ),
    Mistake(
        "tanh over the blend",
        "Your blend is squashed once more. It lies between two numbers that are in range already, "
        "and a tanh would shrink the memory at every step.",
        {"h_t": lambda s: np.tanh((1 - s.z_t) * s.h_prev + s.z_t * s.h_tilde)},
    ),
    Mistake(
        "tanh over the candidate again",
        "The candidate has been through a tanh already: it goes into the blend as it is.",
        {"h_t": lambda s: (1 - s.z_t) * s.h_prev + s.z_t * np.tanh(s.h_tilde)},
    ),
    Mistake(
        "tanh over the old state",
        "The old state goes into the blend as it is: a tanh would shrink the memory at every step.",
        {"h_t": lambda s: (1 - s.z_t) * np.tanh(s.h_prev) + s.z_t * s.h_tilde},
    ),
    Mistake(
        "product of the two",
        "The two shares are added, not multiplied.",
        {"h_t": lambda s: (1 - s.z_t) * s.h_prev * s.z_t * s.h_tilde},
    ),
)

STATE_MISTAKES = (
    Mistake(
        "blending with r * h",
        _RESET_IN_PLACE,
        {"h_t": lambda s: (1 - s.z_t) * (s.r_t * s.h_prev) + s.z_t * s.h_tilde},
    ),
    Mistake(
        "r for z in the blend",
        "The reset gate is at work in your blend. Which of the two gates decides between old and "
        "new?",
        {"h_t": lambda s: (1 - s.r_t) * s.h_prev + s.r_t * s.h_tilde},
    ),
    Mistake(
        "r and z swapped",
        "The two gates have changed places: z_t is in your candidate and r_t in your blend.",
        {
            "a_h": lambda s: s.x_t @ s.p.W_h.T + (s.z_t * s.h_prev) @ s.p.V_h.T + s.p.b_h,
            "h_t": lambda s: (1 - s.r_t) * s.h_prev + s.r_t * s.h_tilde,
        },
    ),
    Mistake(
        "blend of the sum before the tanh",
        "The candidate goes into the blend after its tanh; yours is the sum before it.",
        {"h_t": lambda s: (1 - s.z_t) * s.h_prev + s.z_t * s.a_h},
    ),
    Mistake(
        "sum of the gate for z",
        "The blend takes z_t, a number between 0 and 1; yours takes the sum before the sigmoid.",
        {"h_t": lambda s: (1 - s.a_z) * s.h_prev + s.a_z * s.h_tilde},
    ),
)

STEP_MISTAKES = (
    *gate_mistakes("z"),
    *gate_mistakes("r"),
    *GATES_MIXED,
    *COPIED,
    *made_of("h~", candidate_mistakes(_of_params)),
    Z_RESETS,
    *BLEND_MISTAKES,
    *STATE_MISTAKES,
)

SEQUENCE_MISTAKES = (
    Mistake(
        "state not carried",
        "Every step starts from h0. What does step t have to start from?",
        {"next_h_prev": lambda s: s.h_prev},
    ),
    Mistake(
        "candidate carried",
        "The next step starts from the candidate. What does the blend make, and who gets it?",
        {"next_h_prev": lambda s: s.h_tilde},
    ),
    Mistake(
        "reset state carried",
        "The next step starts from r_t * h_{t-1}. The reset is for the candidate's eyes only.",
        {"next_h_prev": lambda s: s.r_t * s.h_prev},
    ),
    Mistake(
        "h0 ignored",
        "Wrong from the first step on, unless h0 is zero. From which state does the first step "
        "start?",
        {"h_prev": lambda s: np.zeros_like(s.h0)},
    ),
    Mistake(
        "blend with h0",
        "Each step should blend with the state just before it. Is yours still holding on to h0?",
        {"h_t": lambda s: (1 - s.z_t) * s.h0 + s.z_t * s.h_tilde},
    ),
    Mistake(
        "state before the step stored",
        "h[0] is the state after the first step. Do you store it before or after the blend?",
        {"h": lambda s: np.stack([s.h0, *s.all("h_t")[:-1]])},
    ),
    Mistake(
        "candidates stored as states",
        "What you return as h are the candidates. Which of the two should be kept?",
        {"h": lambda s: s.stack("h_tilde")},
    ),
    Mistake(
        "one array stored at every step",
        "Every row of your h is the last state. A list that gets the same array again and again "
        "holds one array: an operation in place changes all its rows.",
        {"h": lambda s: np.stack([s.all("h_t")[-1]] * len(s.x))},
    ),
    Mistake(
        "reset written into the stored state",
        f"{_RESET_IN_PLACE} A state that was stored without a copy is overwritten too.",
        {
            "h_t": lambda s: (1 - s.z_t) * (s.r_t * s.h_prev) + s.z_t * s.h_tilde,
            "h": lambda s: np.stack(
                [h * r for h, r in zip(s.all("h_t"), s.all("r_t")[1:], strict=False)]
                + s.all("h_t")[-1:]
            ),
        },
    ),
    Mistake(
        "only the last state",
        "This is the last state alone; asked for is the state after every step, shape (T, B, H).",
        {"h": lambda s: s.all("h_t")[-1]},
    ),
    Mistake(
        "the first input at every step",
        "Each step has its own input, x[t]; yours uses the first one all the time.",
        {"x_t": lambda s: s.x[0]},
    ),
    Mistake(
        "backwards in time",
        "Your first step reads the last input. In which order does the sequence run?",
        {"x_t": lambda s: s.x[len(s.x) - 1 - s.t]},
    ),
    Mistake(
        "T + 1 states",
        "h0 is what went in, not a step: T inputs leave T states.",
        {"h": lambda s: np.stack([s.h0, *s.all("h_t")])},
    ),
)
