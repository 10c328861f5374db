"""Exercise 12: the GRU's candidate, its blend, the whole step, and a sequence to repair."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rnnlab.params import Array
from rnnlab.questions import Misconception, Probe, Question
from rnnlab.questions.derivation import made_in
from rnnlab.questions.gru import (
    BLEND,
    BLEND_MISTAKES,
    CANDIDATE,
    CANDIDATE_MISTAKES,
    SEQUENCE,
    SEQUENCE_INPUT_AXES,
    SEQUENCE_MISTAKES,
    SEQUENCE_TERMS,
    SIZES,
    STEP,
    STEP_AXES,
    STEP_INPUT_AXES,
    STEP_MISTAKES,
    STEP_TERMS,
    in_order_of_time,
    sequence_inputs,
    step_inputs,
)


def _candidate_inputs(rng: np.random.Generator) -> list[Probe]:
    return [
        {
            "x_t": rng.standard_normal((B, D)),
            "h_prev": rng.uniform(-1, 1, (B, H)),
            "r_t": rng.uniform(0.05, 0.95, (B, H)),
            "W_h": rng.normal(0, 0.5, (H, D)),
            "V_h": rng.normal(0, 0.5, (H, H)),
            "b_h": rng.normal(0, 0.5, H),
        }
        for B, D, H in SIZES
    ]


CANDIDATE_QUESTION = Question(
    id="12.candidate",
    kind="function",
    title="the candidate, reset before",
    points=2,
    inputs=_candidate_inputs,
    reference=CANDIDATE,
    returns=("h_tilde",),
    axes={"h_tilde": ("batch", "unit")},
    input_axes={**STEP_INPUT_AXES, "r_t": ("batch", "unit")},
    terms={"h_tilde": {"W_h": "W_h x_t", "h_prev": "V_h (r_t * h_{t-1})", "b_h": "b_h"}},
    hints=(
        "It is made like a gate, but for two things: what the past passes through first, and the "
        "squashing function.",
        "The reset gate acts on h_{t-1} before V_h sees it. A candidate needs both signs, so the "
        "sum goes through tanh.",
        "Multiply r_t and h_prev elementwise, and that by the transpose of V_h; add x_t times the "
        "transpose of W_h, add b_h, and take the tanh.",
    ),
    parallel="""A choir of H voices hears itself through a wall with H holes of width w, and the
conductor c directly: song = tanh(K c + M (w * s) + a).

    def song(c, s, w, K, M, a):
        heard = w * s                    # elementwise: each hole lets a share of its voice through
        return np.tanh(c @ K.T + heard @ M.T + a)""",
    misconceptions=made_in(CANDIDATE, CANDIDATE_MISTAKES),
)


def _blend_inputs(rng: np.random.Generator) -> list[Probe]:
    return [
        {
            "h_prev": rng.uniform(-1, 1, (B, H)),
            "z_t": rng.uniform(0.05, 0.95, (B, H)),
            "h_tilde": rng.uniform(-1, 1, (B, H)),
        }
        for B, _, H in SIZES
    ]


BLEND_QUESTION = Question(
    id="12.blend",
    kind="function",
    title="the blend of old and new",
    points=1,
    inputs=_blend_inputs,
    reference=BLEND,
    returns=("h_t",),
    axes={"h_t": ("batch", "unit")},
    input_axes=dict.fromkeys(("h_prev", "z_t", "h_tilde"), ("batch", "unit")),
    terms={"h_t": {"h_prev": "(1 - z_t) * h_{t-1}", "h_tilde": "z_t * h~_t"}},
    hints=(
        "Put in the two ends: what should come out for z_t = 0, and what for z_t = 1?",
        "Each unit mixes the old state and the candidate; the two shares add up to 1. In this "
        "course z_t is the share of the new.",
        "Multiply h_prev by 1 - z_t, h_tilde by z_t, elementwise, and add the two.",
    ),
    parallel="""A painter mixes grey from black k and white w, with a share s of white in each of H
pots: grey = s * w + (1 - s) * k. With s = 0 it is black, with s = 1 white, and never lighter than
white or darker than black.""",
    misconceptions=made_in(BLEND, BLEND_MISTAKES),
)


# z and r of the settings that the exercise asks about; h_{t-1} = 0.8, and the candidate is
# tanh(r * h_{t-1}): V_h = 1, and the input and the bias add nothing
_SETTINGS = {"z = 0, r = 1": (0.0, 1.0), "z = 1, r = 0": (1.0, 0.0), "z = 0.1, r = 0": (0.1, 0.0)}
_OLD = 0.8


def _states(f: Callable[[float, float, float], float]) -> Callable[[], Array]:
    """The new state in each setting, by a function of z, r and the old state."""
    return lambda: np.array([f(z, r, _OLD) for z, r in _SETTINGS.values()])


CORNERS = Question(
    id="12.corners",
    kind="number",
    title="three settings of the dials, by hand",
    points=1,
    inputs=lambda rng: [{}],
    reference=_states(lambda z, r, h: (1 - z) * h + z * np.tanh(r * h)),
    returns=("h",),
    axes={"h": ("setting",)},
    arguments=(),
    observe=lambda value, probe: dict(zip(_SETTINGS, value[0], strict=True)),
    complaints={
        "z = 0, r = 1": "Begin with the first setting, z = 0 and r = 1: the update gate is shut. "
        "What is the state after it?",
        "z = 1, r = 0": "The first is right; the second is not: z = 1 and r = 0. What does the "
        "candidate see of the past, and how much of the candidate is taken?",
        "z = 0.1, r = 0": "The first two are right; the third is not: z = 0.1 and r = 0.",
    },
    hints=(
        "Two steps for each setting: first the candidate, with what r lets it see; then the blend.",
        "The candidate is tanh(r * h_{t-1}) here. The state is (1 - z) times the old plus z times "
        "the candidate.",
        "With r = 0 the candidate is tanh(0), that is 0. So z = 1 leaves nothing, and z = 0.1 "
        "leaves nine tenths of the old state.",
    ),
    parallel="""With h_{t-1} = 0.5, r = 0 and z = 0.25: the candidate sees nothing of the past, so
it is tanh(0) = 0. The state is 0.75 * 0.5 + 0.25 * 0 = 0.375: three quarters of the old, although
the reset gate is shut.""",
    misconceptions=(
        # words on one number stand before the others: they are true wherever that number is wrong
        Misconception(
            "the candidate, in the first",
            "Your first number is the candidate. z = 0 takes nothing of it: what is kept?",
            lambda: np.array([np.tanh(_OLD), 0.0, 0.9 * _OLD]),
        ),
        Misconception(
            "nothing, in the first",
            "Your first number is 0. z = 0 takes nothing of the new: what does it keep of the old?",
            lambda: np.array([0.0, 0.0, 0.9 * _OLD]),
        ),
        Misconception(
            "the old state, in the second",
            "Your second number is the old state. z = 1 keeps nothing of it; what is the candidate "
            "with r = 0?",
            lambda: np.array([_OLD, _OLD, 0.9 * _OLD]),
        ),
        Misconception(
            "z mirrored",
            "You took z as the share that is kept. In this course z is the share of the new.",
            _states(lambda z, r, h: z * h + (1 - z) * np.tanh(r * h)),
        ),
        Misconception(
            "r = 0 clears the state",
            "A shut reset gate hides the past from the candidate only. Does the blend ask it too?",
            _states(lambda z, r, h: (1 - z) * r * h + z * np.tanh(r * h)),
        ),
        Misconception(
            "the reset gate left out",
            "Your candidate saw the past although r is 0. What is r * h_{t-1} then?",
            _states(lambda z, r, h: (1 - z) * h + z * np.tanh(h)),
        ),
        Misconception(
            "blend squashed",
            "You squashed the blend once more. It lies between two numbers that are in range "
            "already.",
            _states(lambda z, r, h: np.tanh((1 - z) * h + z * np.tanh(r * h))),
        ),
        Misconception(
            "the candidates",
            "These are the candidates. The state is a blend of the candidate and the old state.",
            _states(lambda z, r, h: np.tanh(r * h)),
        ),
        Misconception(
            "the share of the new",
            "That is z times the old state: the share that goes. How much stays?",
            _states(lambda z, r, h: z * h),
        ),
        Misconception(
            "an open reset gate, in the third",
            "In your third number the candidate saw the past although r is 0. What is r * h_{t-1} "
            "then?",
            lambda: np.array([_OLD, 0.0, 0.9 * _OLD + 0.1 * np.tanh(_OLD)]),
        ),
        Misconception(
            "the share of the new, in the third",
            "Your third number is z times the old state: the share that goes. How much stays?",
            lambda: np.array([_OLD, 0.0, 0.1 * _OLD]),
        ),
        Misconception(
            "a shut reset gate keeps, in the third",
            "Your third number is the old state in full. The candidate is 0 there, and z = 0.1 "
            "takes a tenth of it: what is left of the old?",
            lambda: np.array([_OLD, 0.0, _OLD]),
        ),
        Misconception(
            "a shut reset gate keeps, wherever z stands",
            "With r = 0 you leave the old state as it was. The reset gate settles what the "
            "candidate sees; the candidate is 0 then, and z says how much of that 0 is taken.",
            lambda: np.full(3, _OLD),
        ),
    ),
    tolerance=5e-3,
)


_ORDER = "Compare the order of your return statement with the order that is asked for."


def _in_other_order(
    right: Callable[..., tuple[Array, ...]], order: tuple[int, ...]
) -> Callable[..., tuple[Array, ...]]:
    """What `right` returns, taken in this order."""

    def wrong(*given: Any) -> tuple[Array, ...]:
        values = right(*given)
        return tuple(values[k] for k in order)

    return wrong


def _other_orders(right: Callable[..., tuple[Array, ...]]) -> tuple[Misconception, ...]:
    return (
        Misconception(
            "z and r in each other's place", _ORDER, _in_other_order(right, (0, 2, 1, 3))
        ),
        Misconception("in the order of computing", _ORDER, _in_other_order(right, (1, 2, 3, 0))),
    )


GRU_STEP = Question(
    id="12.gru_step",
    kind="function",
    title="one step of the GRU",
    points=3,
    inputs=step_inputs,
    reference=STEP,
    returns=("h_t", "z_t", "r_t", "h_tilde"),
    flow=("z_t", "r_t", "h_tilde", "h_t"),
    axes=STEP_AXES,
    input_axes=STEP_INPUT_AXES,
    terms=STEP_TERMS,
    hints=(
        "Four lines in this order: the two gates, the candidate, the blend. Print each for one "
        "example.",
        "The gates look at x_t and h_{t-1}. The candidate looks at x_t and r_t * h_{t-1}. The "
        "blend takes the share z_t from the candidate and the rest from h_{t-1}.",
        "Compute z_t and r_t as gates; the tanh of x_t times W_h's transpose, plus r_t * h_prev "
        "times V_h's transpose, plus b_h; then (1 - z_t) of h_prev plus z_t of the candidate.",
    ),
    parallel="""A leaky average s of a signal u, with a valve v that opens with the signal's size:

    def leaky_step(u_t, s_prev, k):
        v_t = 1 / (1 + np.exp(-k * np.abs(u_t)))     # a gate from the input
        s_t = (1 - v_t) * s_prev + v_t * u_t         # a blend: v_t takes the new
        return s_t, v_t

Yours has a second gate, and makes its "new" itself.""",
    misconceptions=(
        *_other_orders(STEP),
        *made_in(STEP, STEP_MISTAKES),
    ),
)

GRU_FORWARD = Question(
    id="12.gru_forward",
    kind="repair",
    title="a sequence that spoils its own state",
    points=3,
    inputs=sequence_inputs,
    reference=SEQUENCE,
    returns=("h", "z", "r", "h_tilde"),
    flow=("z", "r", "h_tilde", "h"),
    axes=dict.fromkeys(("h", "z", "r", "h_tilde"), ("time", "batch", "unit")),
    input_axes=SEQUENCE_INPUT_AXES,
    terms=SEQUENCE_TERMS,
    observe=lambda value, probe: in_order_of_time(*value),
    hints=(
        "Follow one unit through the first step by hand: which h does the last line of the loop "
        "use?",
        "An operation in place, such as h *= r_t, writes into the array that came in; every name "
        "for that array sees it: h0 outside, and h in the lines below.",
        "Give r_t * h a name of its own, and use it in the candidate only.",
    ),
    parallel="""A shop keeps a price list and prints a sale list beside it:

    sale = prices          # a second name for the same array
    sale *= 0.8            # and the price list is spoilt too

    sale = 0.8 * prices    # a new array: both lists are right""",
    misconceptions=(
        *_other_orders(SEQUENCE),
        *made_in(SEQUENCE, (*SEQUENCE_MISTAKES, *STEP_MISTAKES)),
    ),
)


QUESTIONS = (CANDIDATE_QUESTION, BLEND_QUESTION, CORNERS, GRU_STEP, GRU_FORWARD)
