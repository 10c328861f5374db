"""Exercise 14: the GRU backwards, one step, a sequence, and where the reset "after" differs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rnnlab.params import Array
from rnnlab.questions import Misconception, Probe, Question
from rnnlab.questions.derivation import Derivation, Line, Mistake, made_in
from rnnlab.questions.gru import SEQUENCE_INPUT_AXES, SIZES, STEP_INPUT_AXES
from rnnlab.questions.gru_backward import (
    SEQUENCE_BACKWARD,
    SEQUENCE_BACKWARD_MISTAKES,
    STEP_BACKWARD,
    STEP_BACKWARD_MISTAKES,
    STEP_BACKWARD_TERMS,
    backward_inputs,
    step_backward_inputs,
)

# a number for one's own seed: what the kept path alone sends back


def _gates(seed: int) -> Array:
    return np.random.default_rng(seed).uniform(0.02, 0.2, 20)


def _for_seed(share: Callable[[Array], float]) -> Callable[..., tuple[int, float]]:
    return lambda seed=7: (seed, float(share(_gates(seed))))


KEPT_SHARE = Question(
    id="14.kept_share",
    kind="number",
    title="what the kept path sends back over twenty steps, for your own seed",
    points=1,
    inputs=lambda rng: [{}],
    reference=_for_seed(lambda z: np.prod(1 - z)),
    returns=("seed", "share"),
    axes={"seed": (), "share": ()},
    arguments=(),
    own=("seed",),
    observe=lambda value, probe: {"share": value[1]},
    complaints={
        "share": "That is not the share which is left after all twenty steps of your z (unrounded)."
    },
    hints=(
        "Follow the kept path over two steps: by what is the gradient multiplied at each?",
        "h_t keeps the share 1 - z_t of h_{t-1}, so the gradient passes with the same factor: one "
        "factor a step, multiplied.",
        "Multiply 1 - z over all twenty steps (np.prod).",
    ),
    parallel="""Light passes three panes that swallow 0.1, 0.2 and 0.5 of what reaches them. What is
left behind the third? 0.9 * 0.8 * 0.5 = 0.36, not 1 - 0.8.""",
    misconceptions=(
        Misconception(
            "product of z",
            "You multiplied the shares that are replaced. The kept path passes what is kept.",
            _for_seed(np.prod),
        ),
        Misconception(
            "share that is lost",
            "That is the share which is gone. What is left?",
            _for_seed(lambda z: 1 - np.prod(1 - z)),
        ),
        Misconception(
            "subtracted, not multiplied",
            "Each step takes its share of what is left, not of what there was.",
            _for_seed(lambda z: 1 - z.sum()),
        ),
        Misconception(
            "power of the mean",
            "A product of twenty factors is not the power of their mean: they differ from step to "
            "step.",
            _for_seed(lambda z: (1 - z.mean()) ** len(z)),
        ),
        Misconception(
            "mean factor",
            "That is the factor of one step, on average. How many steps does the gradient pass?",
            _for_seed(lambda z: np.mean(1 - z)),
        ),
        Misconception(
            "one step left out",
            "Count the steps between the last state and the state before the first: twenty gates, "
            "twenty factors.",
            _for_seed(lambda z: np.prod(1 - z[1:])),
        ),
        Misconception(
            "the last step left out",
            "Count the steps between the last state and the state before the first: twenty gates, "
            "twenty factors.",
            _for_seed(lambda z: np.prod(1 - z[:-1])),
        ),
        Misconception(
            "the last step alone",
            "That is what the last step leaves. The state before the first lies twenty steps back.",
            _for_seed(lambda z: 1 - z[-1]),
        ),
    ),
)

GRU_STEP_BACKWARD = Question(
    id="14.gru_step_backward",
    kind="function",
    title="one step backwards",
    points=3,
    inputs=step_backward_inputs,
    reference=STEP_BACKWARD,
    returns=("dx_t", "dh_prev", "dp"),
    flow=("dp", "dx_t", "dh_prev"),
    axes={"dx_t": ("batch", "input"), "dh_prev": ("batch", "unit")},
    input_axes={**STEP_INPUT_AXES, "dh_t": ("batch", "unit")},
    terms=STEP_BACKWARD_TERMS,
    gradients=True,
    hints=(
        "Write the four equations of the step in a column and go through them from the last to the "
        "first. A gradient has the shape of what it belongs to.",
        "From the blend come dz, the candidate's gradient and a first share of dh_prev. Through "
        "the tanh you get da_h, through V_h the gradient of q = r_t * h_prev, and from it dr and "
        "another share. Slopes: g (1 - g) and 1 - h_tilde^2.",
        "dh_prev is a sum of four: dh_t times 1 - z_t; da_z through V_z; da_r through V_r; and "
        "da_h through V_h, times r_t. dV_h is the outer product of da_h and r_t * h_prev.",
    ),
    parallel="""A leaky step with one gate, g = sigmoid(K u + c), s_t = (1 - g) s_prev + g u, for a
batch (B, H), K (H, H):

    def leaky_backward(ds_t, u, s_prev, g, K):
        dg = ds_t * (u - s_prev)           # g stands twice in the blend
        da = dg * g * (1 - g)              # through the sigmoid
        dK, dc = da.T @ u, da.sum(0)
        du = ds_t * g + da @ K             # two ways: the blend, and the gate that looked at u
        ds_prev = ds_t * (1 - g)
        return du, ds_prev, dK, dc""",
    misconceptions=made_in(STEP_BACKWARD, STEP_BACKWARD_MISTAKES),
)

GRU_BACKWARD = Question(
    id="14.gru_backward",
    kind="function",
    title="a sequence backwards",
    points=2,
    inputs=backward_inputs,
    reference=SEQUENCE_BACKWARD,
    returns=("dx", "dh0", "dp"),
    flow=("dp", "dx", "dh0"),
    axes={"dx": ("time", "batch", "input"), "dh0": ("batch", "unit")},
    input_axes={**SEQUENCE_INPUT_AXES, "dh": ("time", "batch", "unit")},
    gradients=True,
    hints=(
        "One loop from the last step to the first around the step backwards. What goes from step "
        "t + 1 to step t, and what adds up?",
        "The gradient by h_t is dh[t] plus what step t + 1 sends back as its dh_prev. The state "
        "before step t is h[t - 1], before step 0 it is h0. The weights' gradients add up.",
        "Start with zeros for what comes from later and for dp. In the loop: add, call the step "
        "backwards, store its dx_t, keep its dh_prev for the next turn, add its dp to yours. What "
        "is kept after the last turn is dh0.",
    ),
    parallel="""A running sum s_t = k * s_{t-1} + u_t with a loss at every step, ds (T,):

    def running_sum_backward(ds, s, s0, k):
        du, dk, later = np.zeros(len(ds)), 0.0, 0.0
        for t in reversed(range(len(ds))):
            total = ds[t] + later                       # the loss here, and what comes from later
            du[t] = total
            dk += total * (s[t - 1] if t > 0 else s0)   # the same k at every step
            later = total * k
        return du, later, dk""",
    misconceptions=made_in(
        SEQUENCE_BACKWARD, (*SEQUENCE_BACKWARD_MISTAKES, *STEP_BACKWARD_MISTAKES)
    ),
)


# the reset "after": the piece that differs

_AFTER = Derivation(
    ("da_h", "r_t", "h_prev", "V_h", "b_hv"),
    {
        "q": lambda s: s.h_prev @ s.V_h.T + s.b_hv,
        "dr_t": lambda s: s.da_h * s.q,
        "dq": lambda s: s.da_h * s.r_t,
        "db_hv": lambda s: s.dq.sum(0),
        "dV_h": lambda s: s.dq.T @ s.h_prev,
        "dh_prev": lambda s: s.dq @ s.V_h,
    },
    returns=("dr_t", "dh_prev", "dV_h", "db_hv"),
)

_BEFORE_FORM = (
    "This is the course's own form, with the reset before V_h. Here r_t multiplies the whole of "
    "q = V_h h_prev + b_hv, behind V_h."
)
_R_LEFT_OUT = (
    "Between the candidate's sum and q stands the reset gate. Does the gradient of q pass it?"
)


def _after_inputs(rng: np.random.Generator) -> list[Probe]:
    return [
        {
            "da_h": rng.standard_normal((B, H)),
            "r_t": rng.uniform(0.05, 0.95, (B, H)),
            "h_prev": rng.uniform(-1, 1, (B, H)),
            "V_h": rng.normal(0, 0.5, (H, H)),
            "b_hv": rng.normal(0, 0.5, H),
        }
        for B, _, H in SIZES
    ]


RESET_AFTER_BACKWARD = Question(
    id="14.reset_after_backward",
    kind="function",
    title="where torch's form differs on the way back",
    points=2,
    inputs=_after_inputs,
    reference=_AFTER,
    returns=("dr_t", "dh_prev", "dV_h", "db_hv"),
    flow=("dr_t", "db_hv", "dV_h", "dh_prev"),
    axes={
        "dr_t": ("batch", "unit"),
        "dh_prev": ("batch", "unit"),
        "dV_h": ("unit", "unit"),
        "db_hv": ("unit",),
    },
    input_axes=dict.fromkeys(("da_h", "r_t", "h_prev"), ("batch", "unit")),
    terms={"dr_t": {"h_prev": "V_h h_{t-1} in q", "b_hv": "b_hv in q"}},
    gradients=True,
    hints=(
        "Give the product's second factor a name: q = V_h h_prev + b_hv. Forward it is r_t * q.",
        "From a product each factor gets the gradient times the other factor: dr_t from q, dq from "
        "r_t. Then q = V_h h_prev + b_hv is an affine map like any other.",
        "dr_t is da_h times q, dq is da_h times r_t; db_hv sums dq over the batch, dV_h is the "
        "outer product of dq and h_prev, and dh_prev is dq back through V_h.",
    ),
    parallel="""A volume w (B, H) scales what a mixer makes, y = w * (M s + c), and dy is known:

    def volume_backward(dy, w, s, M, c):
        mixed = s @ M.T + c
        dw = dy * mixed               # each factor gets the gradient times the other one
        dmixed = dy * w
        return dw, dmixed @ M, dmixed.T @ s, dmixed.sum(0)""",
    misconceptions=made_in(
        _AFTER,
        (
            Mistake(
                "all of the before form",
                _BEFORE_FORM,
                {
                    "dr_t": lambda s: (s.da_h @ s.V_h) * s.h_prev,
                    "db_hv": lambda s: s.da_h.sum(0),
                    "dV_h": lambda s: s.da_h.T @ (s.r_t * s.h_prev),
                    "dh_prev": lambda s: (s.da_h @ s.V_h) * s.r_t,
                },
            ),
            Mistake(
                "dr of the before form",
                _BEFORE_FORM,
                {"dr_t": lambda s: (s.da_h @ s.V_h) * s.h_prev},
            ),
            Mistake(
                "dV_h of the before form",
                _BEFORE_FORM,
                {"dV_h": lambda s: s.da_h.T @ (s.r_t * s.h_prev)},
            ),
            Mistake(
                "dh_prev of the before form",
                _BEFORE_FORM,
                {"dh_prev": lambda s: (s.da_h @ s.V_h) * s.r_t},
            ),
            Mistake(
                "b_hv missing in q",
                "r_t multiplies V_h h_prev and something that stands beside it. What?",
                {"q": lambda s: s.h_prev @ s.V_h.T},
            ),
            Mistake(
                "q without the transpose",
                "q is a forward product: V h is h @ V.T in code.",
                {"q": lambda s: s.h_prev @ s.V_h + s.b_hv},
            ),
            Mistake(
                "dr with r * q",
                "r_t * q grows by q when r_t grows by 1. Is r_t in your dr_t as well?",
                {"dr_t": lambda s: s.da_h * s.r_t * s.q},
            ),
            Mistake(
                "dr with h_prev",
                "The other factor of the product is q, not h_prev itself.",
                {"dr_t": lambda s: s.da_h * s.h_prev},
            ),
            Mistake(
                "slope of the sigmoid in dr",
                "Asked for is the gradient by r_t itself. The sigmoid before it comes later.",
                {"dr_t": lambda s: s.da_h * s.q * s.r_t * (1 - s.r_t)},
            ),
            Mistake("r missing in dq", _R_LEFT_OUT, {"dq": lambda s: s.da_h}),
            Mistake(
                "r missing in db_hv",
                "b_hv is inside the reset's product, unlike b_h. Does its gradient pass r_t?",
                {"db_hv": lambda s: s.da_h.sum(0)},
            ),
            Mistake("r missing in dV_h", _R_LEFT_OUT, {"dV_h": lambda s: s.da_h.T @ s.h_prev}),
            Mistake("r missing in dh_prev", _R_LEFT_OUT, {"dh_prev": lambda s: s.da_h @ s.V_h}),
            Mistake(
                "1 - r in dq",
                "r_t near 1 lets the past through, forwards and backwards.",
                {"dq": lambda s: s.da_h * (1 - s.r_t)},
            ),
            Mistake(
                "r twice",
                "The reset gate is passed once. How often is r_t in your dV_h?",
                {"dV_h": lambda s: s.dq.T @ (s.r_t * s.h_prev)},
            ),
            Mistake(
                "V forward instead of back",
                "A gradient goes back through the transpose of what went forward: forward was "
                "h @ V.T in code. So which is it on the way back?",
                {"dh_prev": lambda s: s.dq @ s.V_h.T},
            ),
            Mistake(
                "dV_h transposed",
                "Row j of dV_h belongs to unit j of q. Which of dq and h_prev stands on the left?",
                {"dV_h": lambda s: s.h_prev.T @ s.dq},
            ),
            Mistake(
                "mean over the batch",
                "The loss is a sum over the batch, so every example adds its gradient. Do you take "
                "a mean?",
                {
                    "db_hv": lambda s: s.dq.mean(0),
                    "dV_h": lambda s: s.dq.T @ s.h_prev / len(s.dq),
                },
            ),
            Mistake(
                "mean in db_hv",
                "The loss is a sum over the batch, so every example adds its gradient. Do you take "
                "a mean?",
                {"db_hv": lambda s: s.dq.mean(0)},
            ),
            Mistake(
                "db_hv without the batch sum",
                "One bias serves every example of the batch. What happens to their gradients?",
                {"db_hv": lambda s: s.dq},
            ),
        ),
    ),
)


# repair: the weights' gradients, all steps in one product

_TIMED = ("da_z", "da_r", "da_h", "x", "h", "r")
_SHIFT = (
    "Which state did V act on at step t: the one before that step, or the one it made? Compare "
    "your first row with h0."
)
_RESET_MISSING = (
    "V_z and V_r acted on the state itself, V_h did not. What had been done to the state first?"
)


def _over_time(da: Array, seen: Array) -> Array:
    """sum over time and batch of da seen^T"""
    result: Array = np.einsum("tbj,tbk->jk", da, seen)
    return result


def _weight_inputs(rng: np.random.Generator) -> list[Probe]:
    return [
        {
            **{f"da_{k}": rng.standard_normal((T, B, H)) for k in "zrh"},
            "x": rng.standard_normal((T, B, D)),
            "h": rng.uniform(-1, 1, (T, B, H)),
            "h0": rng.uniform(-1, 1, (B, H)),
            "r": rng.uniform(0.05, 0.95, (T, B, H)),
        }
        for T, (B, D, H) in zip((5, 4, 3), SIZES, strict=True)
    ]


def _dW(letter: str, x: Callable[[Any], Array] = lambda s: s.x) -> Line:
    return lambda s: _over_time(getattr(s, f"da_{letter}"), x(s))


def _db(letter: str) -> Line:
    return lambda s: getattr(s, f"da_{letter}").sum((0, 1))


_WEIGHT_GRADIENTS = Derivation(
    ("da_z", "da_r", "da_h", "x", "h", "h0", "r"),
    {
        "before": lambda s: np.concatenate([s.h0[None], s.h[:-1]]),
        "seen": lambda s: s.r * s.before,
        **{f"dW_{k}": _dW(k) for k in "zrh"},
        "dV_z": lambda s: _over_time(s.da_z, s.before),
        "dV_r": lambda s: _over_time(s.da_r, s.before),
        "dV_h": lambda s: _over_time(s.da_h, s.seen),
        **{f"db_{k}": _db(k) for k in "zrh"},
        "dp": lambda s: {f"{k}_{g}": getattr(s, f"d{k}_{g}") for g in "zrh" for k in "WVb"},
    },
    returns=("dp",),
)


def _each(names: str, change: Callable[[Array], Any]) -> dict[str, Line]:
    def line(name: str) -> Line:
        right = _WEIGHT_GRADIENTS.lines[name]
        return lambda s: change(right(s))

    return {f"d{k}_{g}": line(f"d{k}_{g}") for k in names for g in "zrh"}


def _mean(letter: str) -> Line:
    return lambda s: getattr(s, f"da_{letter}").mean((0, 1))


def _time_sum(letter: str) -> Line:
    return lambda s: getattr(s, f"da_{letter}").sum(0)


def _at(t: int) -> dict[str, Line]:
    """Every gradient from one step alone."""

    def cut(s: Any) -> Any:
        rows = {name: getattr(s, name)[[t]] for name in _TIMED}
        h0 = s.h0 if t == 0 else s.before[t]
        return _WEIGHT_GRADIENTS(
            rows["da_z"], rows["da_r"], rows["da_h"], rows["x"], rows["h"], h0, rows["r"]
        )

    return {"dp": cut}


WEIGHT_GRADIENTS = Question(
    id="14.weight_gradients",
    kind="repair",
    title="all steps in one product, with two mistakes",
    points=2,
    inputs=_weight_inputs,
    reference=_WEIGHT_GRADIENTS,
    returns=("dp",),
    axes={},
    input_axes={**dict.fromkeys(_TIMED, ("time", "batch", "unit")), "h0": ("batch", "unit")},
    terms={f"dV_{k}": {"h0": "of step 0", "h": "of the later steps"} for k in "zrh"},
    gradients=True,
    hints=(
        "The check tells you which gradients are right. What do the wrong ones have in common?",
        "dV is the sum over time and batch of da times what V acted on. The gates' V acted on "
        "h_{t-1}, the candidate's V_h on r_t * h_{t-1}.",
        "Put h0 in front of h and leave out the last state: these are the states before each step. "
        "Use them for V_z and V_r, and r times them for V_h.",
    ),
    parallel="""A shop's till counts s_t = s_{t-1} + k * s_{t-1} * v_t; dk needs, for every t, what
k multiplied: the count before the step, times v_t.

    before = np.concatenate([[s0], s[:-1]])
    dk = np.sum(ds * before * v)         # not ds * s * v, and not ds * before""",
    misconceptions=made_in(
        _WEIGHT_GRADIENTS,
        (
            Mistake("states after the step", _SHIFT, {"before": lambda s: s.h}),
            Mistake("reset missing in dV_h", _RESET_MISSING, {"seen": lambda s: s.before}),
            Mistake("states after the step in V_h", _SHIFT, {"seen": lambda s: s.r * s.h}),
            Mistake(
                "states after the step in the gates",
                _SHIFT,
                {
                    "dV_z": lambda s: _over_time(s.da_z, s.h),
                    "dV_r": lambda s: _over_time(s.da_r, s.h),
                },
            ),
            Mistake(
                "zeros before step 0",
                "Before step 0 comes h0, and it is not zero.",
                {"before": lambda s: np.concatenate([0 * s.h0[None], s.h[:-1]])},
            ),
            Mistake(
                "the last state before step 0",
                "Your states have been turned round in a circle: the last one stands before step "
                "0. Which state belongs there?",
                {"before": lambda s: np.roll(s.h, 1, axis=0)},
            ),
            Mistake(
                "h0 left out and the sums cut short",
                "Step 0 counts as well: its state before is h0.",
                {
                    "before": lambda s: np.concatenate([0 * s.h0[None], s.h[:-1]]),
                    "dW_z": lambda s: _over_time(s.da_z[1:], s.x[1:]),
                    "dW_r": lambda s: _over_time(s.da_r[1:], s.x[1:]),
                    "dW_h": lambda s: _over_time(s.da_h[1:], s.x[1:]),
                },
            ),
            Mistake(
                "reset of the step before",
                "The reset gate and the state before it belong to the same step: r[t] and h[t - 1]."
                " Has r been shifted too?",
                {"seen": lambda s: np.concatenate([s.r[:1], s.r[:-1]]) * s.before},
            ),
            Mistake(
                "reset in every dV",
                "The gates looked at the state itself; only the candidate looked at r_t * h_prev.",
                {
                    "dV_z": lambda s: _over_time(s.da_z, s.seen),
                    "dV_r": lambda s: _over_time(s.da_r, s.seen),
                },
            ),
            Mistake(
                "dV_h of the after form",
                "This is the dV_h of torch's form, where r_t stands behind V_h. Here V_h acted on "
                "what r_t had left of the state.",
                {"dV_h": lambda s: _over_time(s.da_h * s.r, s.before)},
            ),
            Mistake(
                "1 - r in dV_h",
                "V_h acted on r_t * h_prev, and r_t near 1 lets the past through.",
                {"seen": lambda s: (1 - s.r) * s.before},
            ),
            Mistake(
                "dV transposed",
                "Row j of dV belongs to unit j's sum. Does da or the state stand on the left?",
                _each("V", np.transpose),
            ),
            Mistake(
                "dW transposed",
                "dW must have the shape of W, (H, D). Which of da and x stands on the left?",
                _each("W", np.transpose),
            ),
            Mistake(
                "mean over the steps",
                "The loss is a sum over the steps, so every step adds its gradient. Do you take a "
                "mean?",
                {
                    "dp": lambda s: {
                        f"{k}_{g}": getattr(s, f"d{k}_{g}") / len(s.x) for g in "zrh" for k in "WVb"
                    }
                },
            ),
            Mistake(
                "mean over the batch",
                "The loss is a sum over the batch, so every example adds its gradient. Do you take "
                "a mean?",
                {
                    "dp": lambda s: {
                        f"{k}_{g}": getattr(s, f"d{k}_{g}") / s.x.shape[1]
                        for g in "zrh"
                        for k in "WVb"
                    }
                },
            ),
            Mistake(
                "mean in db",
                "The loss is a sum over steps and batch, so db is one too.",
                {f"db_{k}": _mean(k) for k in "zrh"},
            ),
            Mistake(
                "db summed over time only",
                "One bias serves every step and every example of the batch.",
                {f"db_{k}": _time_sum(k) for k in "zrh"},
            ),
            Mistake(
                "step 0 alone",
                "These are the gradients of step 0 alone. The weights served every step.",
                _at(0),
            ),
            Mistake(
                "last step alone",
                "These are the gradients of the last step alone. The weights served every step.",
                _at(-1),
            ),
        ),
    ),
)


QUESTIONS = (KEPT_SHARE, GRU_STEP_BACKWARD, RESET_AFTER_BACKWARD, GRU_BACKWARD, WEIGHT_GRADIENTS)
