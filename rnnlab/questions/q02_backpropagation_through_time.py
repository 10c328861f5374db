"""Exercise 02: one step back, all steps back, clipping, a network's own factor, a wrong step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np

from rnnlab.params import Array, RNNParams
from rnnlab.questions import Misconception, Probe, Question
from rnnlab.questions.derivation import Derivation, Mistake, made_in
from rnnlab.questions.rnn import (
    BACKWARD,
    BACKWARD_MISTAKES,
    FORWARD,
    FORWARDS_IN_TIME,
    STATE_AFTER,
    STEP_BACKWARD,
    STEP_BACKWARD_MISTAKES,
    weights,
)


def _step_inputs(rng: np.random.Generator) -> list[Probe]:
    return [
        {
            "dh_t": rng.standard_normal((B, H)),
            "x_t": rng.standard_normal((B, D)),
            "h_prev": rng.uniform(-1, 1, (B, H)),
            "p": weights(D, H, rng),
        }
        for B, D, H in ((2, 3, 4), (3, 4, 4), (1, 5, 2))
    ]


RNN_STEP_BACKWARD = Question(
    id="02.rnn_step_backward",
    kind="function",
    title="one step back",
    points=2,
    inputs=_step_inputs,
    reference=STEP_BACKWARD,
    returns=("dx_t", "dh_prev", "dp"),
    axes={"dx_t": ("batch", "input"), "dh_prev": ("batch", "unit")},
    input_axes={
        "dh_t": ("batch", "unit"),
        "x_t": ("batch", "input"),
        "h_prev": ("batch", "unit"),
    },
    gradients=True,
    hints=(
        "Go back in two stages: first through the tanh, from h_t to the sum; then from the sum to "
        "everything that is in it. Give the gradient of the sum a name, da.",
        "The slope of tanh is one minus h_t squared, so da is dh_t times that. The sum holds W x, "
        "V h and b: back to x through W transposed, back to h through V transposed, and to a "
        "matrix as an outer product, summed over the batch.",
        "In rows: da @ p.W for dx_t, da @ p.V for dh_prev, da.T @ x_t for W, da.T @ h_prev for V, "
        "and da summed over the batch for b.",
    ),
    parallel="""y = exp(K m + c) for a batch m (B, D), and dy (B, H) comes back. Slope of exp: y.

    y = np.exp(m @ K.T + c)
    da = dy * y             # through the exp, elementwise
    dm = da @ K             # (B, H) times (H, D): K acts transposed
    dK = da.T @ m           # (H, B) times (B, D): outer products, added up over the batch
    dc = da.sum(axis=0)     # c serves every example

Yours has tanh for exp, and one more term in the sum.""",
    misconceptions=made_in(STEP_BACKWARD, STEP_BACKWARD_MISTAKES),
)


def _last_state(s: Any) -> Array:
    last: Array = FORWARD(s.x, s.h0, s.p)[-1]
    return last


# each step gets h[t - 1] of `states`; at t = 0 that is the last state, unless the learner mends it
_TOO_EARLY = {
    "": BACKWARD.but(h_prev=lambda s: s.before[s.t - 1] if s.t else _last_state(s)),
    ", h0 at step 0": BACKWARD.but(h_prev=lambda s: s.before[s.t - 1] if s.t else s.h0),
}


def _sequence_inputs(rng: np.random.Generator) -> list[Probe]:
    return [
        {
            "dh": rng.standard_normal((T, B, H)),
            "x": rng.standard_normal((T, B, D)),
            "h0": rng.uniform(-1, 1, (B, H)),
            "p": weights(D, H, rng),
        }
        for T, B, D, H in ((5, 2, 3, 4), (4, 3, 2, 2))
    ]


RNN_BACKWARD = Question(
    id="02.rnn_backward",
    kind="function",
    title="back through all steps",
    points=3,
    inputs=_sequence_inputs,
    reference=BACKWARD,
    returns=("dx", "dh0", "dp"),
    axes={"dx": ("time", "batch", "input"), "dh0": ("batch", "unit")},
    input_axes={
        "dh": ("time", "batch", "unit"),
        "x": ("time", "batch", "input"),
        "h0": ("batch", "unit"),
    },
    gradients=True,
    hints=(
        "Try T = 1 first: there it is one step back. Then T = 2: which two things does the state "
        "between the two steps do, and how does each of them reach the loss?",
        "Start at the last step. At each step dh_t is dh[t], the loss's own, plus what step t + 1 "
        "has sent back through its sum. What step t sends back goes to step t - 1; the gradients "
        "of W, V and b add up over the steps.",
        "Keep the states of the forward pass, with h0 in front. Let dh_next be zero and go "
        "through the steps in reverse: one step back with dh[t] + dh_next, store dx[t], add to "
        "dW, dV and db, and let dh_next be what came back for h_{t-1}. At the end it is dh0.",
    ),
    parallel="""Savings s_t = g s_{t-1} + w_t, and every s_t enters the loss, with ds[t]. Back:

    dw, dg, from_next = np.zeros(T), 0.0, 0.0
    for t in reversed(range(T)):
        total = ds[t] + from_next    # its own place in the loss, and its part in what follows
        dw[t] = total
        dg += total * s_before[t]    # the same g at every step: its gradients add up
        from_next = total * g        # what step t - 1 will hear
    ds0 = from_next""",
    misconceptions=(
        *made_in(BACKWARD, (*BACKWARD_MISTAKES, *STEP_BACKWARD_MISTAKES)),
        Misconception(
            "forwards in time",
            "Your loop runs from the first step to the last. What step t sends back is needed at "
            "step t - 1: which step must come first?",
            FORWARDS_IN_TIME,
        ),
        Misconception(
            "the step's own state for the one before",
            "Step t gets the state that it made itself. `states` begins with h0, so step t leads "
            "from h[t] to h[t + 1]: which of the two went in?",
            # not tried in pairs: without tanh' it is the same as dV with h_t
            lambda dh, x, h0, p: STATE_AFTER(dh, x, h0, p),
        ),
        *(
            Misconception(
                f"a state too early{at_0}",
                "Your step t gets h[t - 1]. `states` begins with h0, so step t leads from h[t] to "
                "h[t + 1]: which of the two is its h_prev?",
                lambda dh, x, h0, p, early=early: early(dh, x, h0, p),
            )
            for at_0, early in _TOO_EARLY.items()
        ),
    ),
)


def _with_norms(rng: np.random.Generator, D: int, H: int, norms: tuple[float, ...]) -> list[Array]:
    arrays = [rng.standard_normal(shape) for shape in ((H, D), (H, H), (H,))]
    return [a * (n / np.linalg.norm(a)) for a, n in zip(arrays, norms, strict=True)]


def _clip_inputs(rng: np.random.Generator) -> list[Probe]:
    probes: list[Probe] = []
    for D, H, norms, limit in (
        (3, 4, (2.0, 7.0, 4.0), 0.9),
        (2, 3, (1.0, 1.1, 0.9), 1.3),  # each array alone is within the limit
        (5, 2, (1.2, 0.8, 1.0), 2.2),  # together they are within it; their norms' sum is not
    ):
        dW, dV, db = _with_norms(rng, D, H, norms)
        probes.append({"dW": dW, "dV": dV, "db": db, "limit": limit})
    return probes


def _squares(s: Any) -> float:
    return float(sum(np.sum(g**2) for g in (s.dW, s.dV, s.db)))


_CLIP = Derivation(
    ("dW", "dV", "db", "limit"),
    {
        "norm": lambda s: np.sqrt(_squares(s)),
        "scale": lambda s: min(1.0, s.limit / s.norm),
        "dW": lambda s: s.dW * s.scale,
        "dV": lambda s: s.dV * s.scale,
        "db": lambda s: s.db * s.scale,
    },
    returns=("dW", "dV", "db"),
)


def _each(f: Callable[[Array, float], Array]) -> dict[str, Callable[[Any], Array]]:
    """Every array clipped by itself."""
    return {
        "dW": lambda s: f(s.dW, s.limit),
        "dV": lambda s: f(s.dV, s.limit),
        "db": lambda s: f(s.db, s.limit),
    }


CLIP = Question(
    id="02.clip",
    kind="repair",
    title="a clip that bends the step",
    points=1,
    inputs=_clip_inputs,
    reference=_CLIP,
    returns=("dW", "dV", "db"),
    axes={"dW": ("unit", "input"), "dV": ("unit", "unit"), "db": ("unit",)},
    gradients=True,
    hints=(
        "Clipping is meant to shorten the step and keep its direction. When do three arrays, put "
        "end to end as one long vector, keep their direction?",
        "One norm for all: the root of the sum of all squares, over the three arrays. If it is "
        "above the limit, all three are multiplied by the same factor, limit over norm.",
        "Add up the squares of all entries of dW, dV and db, take the root, take the smaller of 1 "
        "and limit over that root, and multiply each array by it.",
    ),
    parallel="""Three workers ask for a, b and c euros and there are at most 100. Fair is one
factor for all:

    total = a + b + c
    factor = min(1, 100 / total)      # 1 when there is enough
    a, b, c = factor * a, factor * b, factor * c

Cutting each at 100 by itself changes their shares. In yours the total is a norm.""",
    misconceptions=made_in(
        _CLIP,
        (
            Mistake(
                "never clipped",
                "What comes back is what came in, even when it is far above the limit.",
                {"scale": lambda s: 1.0},
            ),
            Mistake(
                "each array by its own norm",
                "Each array has a factor of its own, so the step bends. What is the length of all "
                "three together?",
                _each(lambda g, limit: g * min(1.0, limit / np.linalg.norm(g))),
            ),
            Mistake(
                "each entry cut",
                "You cut single entries. That bends the step: the large entries shrink, the small "
                "ones stay. One factor for all keeps the direction.",
                _each(lambda g, limit: np.clip(g, -limit, limit)),
            ),
            Mistake(
                "small gradients made larger",
                "A gradient within the limit comes back longer than it was. When should clipping "
                "do nothing at all?",
                {"scale": lambda s: s.limit / s.norm},
            ),
            Mistake(
                "only small gradients changed",
                "Turned round: yours leaves long gradients long and makes short ones longer. "
                "Which of 1 and limit over norm should win?",
                {"scale": lambda s: max(1.0, s.limit / s.norm)},
            ),
            Mistake(
                "norm over limit",
                "Your factor is turned round: norm over limit is above 1 when the gradient is too "
                "long, so nothing is shortened, and below 1 when nothing should be.",
                {"scale": lambda s: min(1.0, s.norm / s.limit)},
            ),
            Mistake(
                "norms added",
                "The length of a vector of three parts is not the sum of their lengths: what adds "
                "up are the squares.",
                {"norm": lambda s: sum(float(np.sqrt(np.sum(g**2))) for g in (s.dW, s.dV, s.db))},
            ),
            Mistake(
                "no root",
                "You compare the limit with the sum of the squares. What turns that into a length?",
                {"norm": _squares},
            ),
            Mistake(
                "largest entry for the norm",
                "You measure by the largest entry. The norm is the length of the whole vector.",
                {"norm": lambda s: max(float(np.abs(g).max()) for g in (s.dW, s.dV, s.db))},
            ),
            Mistake(
                "largest array for the norm",
                "You measure by the longest of the three arrays. How long are all of them "
                "together?",
                {"norm": lambda s: max(float(np.linalg.norm(g)) for g in (s.dW, s.dV, s.db))},
            ),
            Mistake(
                "absolute values added",
                "You add up absolute values. A length is the root of the sum of squares.",
                {"norm": lambda s: sum(float(np.abs(g).sum()) for g in (s.dW, s.dV, s.db))},
            ),
            Mistake(
                "mean of the squares",
                "You take the mean of the squares, so a network with more weights would be "
                "clipped less. The norm takes their sum.",
                {"norm": lambda s: np.sqrt(_squares(s) / sum(g.size for g in (s.dW, s.dV, s.db)))},
            ),
            Mistake(
                "bias left out of the norm",
                "One array has no say in your norm, yet it is scaled. Which one?",
                {"norm": lambda s: np.sqrt(np.sum(s.dW**2) + np.sum(s.dV**2))},
            ),
            Mistake(
                "bias left unclipped",
                "dW and dV are shortened, db is not: so the step bends after all.",
                {"db": lambda s: s.db},
            ),
            Mistake(
                "scaled to length one",
                "A clipped gradient should be as long as the limit; yours has length one.",
                {"scale": lambda s: 1 / s.norm if s.norm > s.limit else 1.0},
            ),
            Mistake(
                "thrown away",
                "A gradient above the limit is shortened, not set to zero: its direction is still "
                "the best that is known.",
                {"scale": lambda s: 1.0 if s.norm <= s.limit else 0.0},
            ),
        ),
    ),
)


# the network of the exercise's text
_T, _D, _H = 40, 3, 16


def _network(seed: Any) -> tuple[Array, Array, RNNParams]:
    if type(seed) is not int or seed < 0:
        raise ValueError("it must be a whole number, not below 0")
    rng = np.random.default_rng(seed)
    p = RNNParams.init(_D, _H, rng)
    x = rng.standard_normal((_T, 1, _D))
    return x, np.zeros((1, _H)), p


@lru_cache(maxsize=8, typed=True)
def _carried_back(seed: Any) -> tuple[Array, Array, Array, RNNParams, Array]:
    """The last state's gradient, ones; what it becomes for h0 and x; the weights, and x."""
    x, h0, p = _network(seed)
    dh = np.zeros((_T, 1, _H))
    dh[-1] = 1.0
    dx, dh0, _ = BACKWARD(dh, x, h0, p)
    return dh[-1], dh0, dx, p, x


def _seeded(factor: Callable[..., float]) -> Callable[..., tuple[int, float]]:
    """The answer for a seed of the learner's own: `factor` of what goes in and comes back."""

    def answer(seed: int = 7) -> tuple[int, float]:
        return seed, float(factor(*_carried_back(seed)))

    return answer


def _norm(a: Array) -> float:
    return float(np.linalg.norm(a))


_factor = _seeded(lambda dh_T, dh0, dx, p, x: (_norm(dh0) / _norm(dh_T)) ** (1 / _T))


def _against_the_right_one(answer: Any, probe: Probe) -> Mapping[str, Any]:
    seed, factor = (part.item() for part in answer)
    right = _factor(seed)[1]
    return {"too large": max(factor - right, 0.0), "too small": max(right - factor, 0.0)}


def _own_numbers(rng: np.random.Generator) -> list[Probe]:
    return [{}]


def _loss_at_every_step(dh_T: Array, last: Array, dx: Array, p: RNNParams, x: Array) -> float:
    all_steps = np.ones((_T, 1, _H))
    dh0 = BACKWARD(all_steps, x, np.zeros((1, _H)), p)[1]
    return float((_norm(dh0) / _norm(dh_T)) ** (1 / _T))


def _without_tanh(dh_T: Array, dh0: Array, dx: Array, p: RNNParams, x: Array) -> float:
    back = dh_T @ np.linalg.matrix_power(p.V, _T)
    return float((_norm(back) / _norm(dh_T)) ** (1 / _T))


_ROOT = (
    "A factor a step, k steps long: after k steps the ratio is the factor to the power k. How do "
    "you get from that power back to the factor?"
)
_COUNT = (
    "Very close. From the state after the last step back to h0: how many times does the gradient "
    "go through a step?"
)

FACTOR = Question(
    id="02.factor",
    kind="number",
    title="how fast your network forgets",
    points=2,
    inputs=_own_numbers,
    reference=_factor,
    returns=("seed", "factor"),
    axes={"seed": (), "factor": ()},
    arguments=(),
    own=("seed",),
    observe=_against_the_right_one,
    complaints={
        "too large": "The factor of your seed's network is smaller than yours.",
        "too small": "The factor of your seed's network is larger than yours.",
    },
    hints=(
        "You need two lengths: that of the gradient of the last state, which you choose yourself, "
        "and that of the gradient of h0, which rnn_backward gives. What dh says that only the "
        "last state enters the loss?",
        "The ratio of the two lengths is what T steps have left. It is the factor to the power T.",
        "Let dh be zero but for ones at the last step, take the norm of dh0 over the norm of "
        "dh[-1], and take the T-th root: the power 1/T.",
    ),
    parallel="""A coffee cools from 80 to 20 degrees above the room in 12 minutes, by the same
factor each minute. Which one?

    factor ** 12 = 20 / 80
    factor = (20 / 80) ** (1 / 12)     # 0.891: each minute leaves 89 %

Not 1 - 60 / 80 / 12 = 0.94: what is lost is a share of what is still there.""",
    misconceptions=tuple(
        Misconception(name, hint, _seeded(factor))
        for name, hint, factor in (
            (
                "no root",
                _ROOT,
                lambda dh_T, dh0, dx, p, x: _norm(dh0) / _norm(dh_T),
            ),
            (
                "shared out evenly",
                _ROOT,
                lambda dh_T, dh0, dx, p, x: 1 - (1 - _norm(dh0) / _norm(dh_T)) / _T,
            ),
            (
                "T - 1 steps",
                _COUNT,
                lambda dh_T, dh0, dx, p, x: (_norm(dh0) / _norm(dh_T)) ** (1 / (_T - 1)),
            ),
            (
                "T + 1 steps",
                _COUNT,
                lambda dh_T, dh0, dx, p, x: (_norm(dh0) / _norm(dh_T)) ** (1 / (_T + 1)),
            ),
            (
                "upside down",
                "Your factor is above 1 and the gradient has shrunk. Which of the two lengths "
                "comes later on the way back?",
                lambda dh_T, dh0, dx, p, x: (_norm(dh_T) / _norm(dh0)) ** (1 / _T),
            ),
            (
                "start not divided out",
                "You take the root of dh0's length alone. How long was the gradient when it "
                "started? H ones are not of length 1.",
                lambda dh_T, dh0, dx, p, x: _norm(dh0) ** (1 / _T),
            ),
            (
                "start taken as H",
                "H ones have the sum H. What is the length of that vector?",
                lambda dh_T, dh0, dx, p, x: (_norm(dh0) / _H) ** (1 / _T),
            ),
            (
                "lengths without the root",
                "The sum of the squares is the square of a length, and your factor the square of "
                "the right one.",
                lambda dh_T, dh0, dx, p, x: (_norm(dh0) / _norm(dh_T)) ** (2 / _T),
            ),
            (
                "loss at every step",
                "In yours every state enters the loss, so dh0 hears mostly of the first steps. "
                "Asked for is what is left of the last state's gradient alone.",
                _loss_at_every_step,
            ),
            (
                "dx for dh0",
                "You took the gradient of the first input. Asked for is the one of the state "
                "before the first step.",
                lambda dh_T, dh0, dx, p, x: (_norm(dx[0]) / _norm(dh_T)) ** (1 / _T),
            ),
            (
                "largest singular value",
                "That is the largest singular value of V: no gradient grows faster than that in a "
                "step, but yours meets the slope of tanh too, and seldom the worst direction. "
                "Measure it.",
                lambda dh_T, dh0, dx, p, x: float(np.linalg.norm(p.V, 2)),
            ),
            (
                "largest eigenvalue",
                "That is the largest eigenvalue of V, in absolute value: the factor in the long "
                "run if there were no tanh. Measure it with the tanh.",
                lambda dh_T, dh0, dx, p, x: float(np.abs(np.linalg.eigvals(p.V)).max()),
            ),
            (
                "what a fresh V leaves on the average",
                "One over the root of 3 is what a fresh V leaves on the average, before the tanh. "
                "Asked for is the factor of your own network: measure it.",
                lambda dh_T, dh0, dx, p, x: 0.577,  # as the lecture rounds it
            ),
            *(
                (
                    f"rounded to {digits} digits",
                    "Right as far as it goes, but rounded. Return the number as it was computed.",
                    lambda dh_T, dh0, dx, p, x, digits=digits: round(
                        (_norm(dh0) / _norm(dh_T)) ** (1 / _T), digits
                    ),
                )
                for digits in (2, 3, 4)
            ),
            (
                "without tanh",
                "You multiply by V only, T times. What else does the gradient meet in every step, "
                "and can it ever be above 1?",
                _without_tanh,
            ),
        )
    ),
)


def _going_back(
    dh: Array, h: Array, V: Array, wrong: int | None = None, mistake: str = ""
) -> Array:
    """da at every step, (T, B, H); at the step `wrong` with a mistake, which the others inherit."""
    da = np.empty_like(dh)
    dh_next = np.zeros_like(dh[0])
    for t in reversed(range(len(dh))):
        here = mistake if t == wrong else ""
        dh_t = dh[t] + (0 if here == "next dropped" else dh_next)
        da[t] = dh_t * (1 if here == "slope missing" else 1 - h[t] ** 2)
        if here == "sign":
            da[t] *= -1
        dh_next = da[t] @ (V.T if t - 1 == wrong and mistake == "V not transposed" else V)
    return da


def _wrong_inputs(rng: np.random.Generator) -> list[Probe]:
    kinds = (
        (7, 2, 3, 5, "next dropped", 0.9, 0.5),
        (5, 1, 4, 4, "slope missing", 0.9, 0.5),
        (6, 3, 2, 0, "sign", 0.9, 0.5),
        (9, 2, 4, 7, "V not transposed", 0.2, 1.2),  # the error grows on its way
        (8, 1, 3, int(rng.integers(1, 6)), "slope missing", 0.9, 0.5),
    )
    probes: list[Probe] = []
    # three of each kind: on few traces, two wrong tests may name the same steps by chance
    for more, (T, B, H, wrong, mistake, size, spread) in product(range(3), kinds):
        dh = rng.standard_normal((T, B + more, H))
        h = rng.uniform(0.3 * size, size, dh.shape) * rng.choice((-1, 1), dh.shape)
        V = rng.normal(0, spread, (H, H))
        da = _going_back(dh, h, V, wrong, mistake)
        probes.append({"dh": dh, "h": h, "V": V, "da": da})
    return probes


def _off(dh: Array, h: Array, V: Array, da: Array, expected: Array) -> Array:
    """The steps, from the first on, at which da is not what is expected."""
    differs = np.abs(da - expected).max(axis=(1, 2)) > 1e-9 * np.abs(expected).max()
    return np.flatnonzero(differs)


def _from_next(da: Array, V: Array) -> Array:
    """What each step hears from the next one, taken from the trace itself."""
    return np.concatenate([da[1:] @ V, np.zeros_like(da[:1])])


def _wrong_step(dh: Array, h: Array, V: Array, da: Array) -> int:
    expected = (dh + _from_next(da, V)) * (1 - h**2)
    return int(_off(dh, h, V, da, expected)[-1])


def _last_off(expected: Callable[..., Array]) -> Callable[..., int]:
    """A search with a wrong idea of what is expected: the step that it meets first, going back."""

    def search(dh: Array, h: Array, V: Array, da: Array) -> int:
        off = _off(dh, h, V, da, expected(dh, h, V, da))
        return int(off[-1]) if len(off) else -1

    return search


def _most_off(expected: Callable[..., Array]) -> Callable[..., int]:
    """The same by size: the step that differs most from what is expected."""

    def search(dh: Array, h: Array, V: Array, da: Array) -> int:
        return int(np.abs(da - expected(dh, h, V, da)).max(axis=(1, 2)).argmax())

    return search


def _farthest(dh: Array, h: Array, V: Array, da: Array) -> int:
    return int(np.abs(da - _going_back(dh, h, V)).max(axis=(1, 2)).argmax())


def _step_named(answer: Any, probe: Probe) -> Mapping[str, Any]:
    t = answer[0]
    # 0 among them, -1 before the first, 1 after the last
    return {"among the steps": int(t >= len(probe["da"])) - int(t < 0), "t": t}


_AT_THE_LAST_STEP = (
    "Try your test at the last step: nothing comes back there, so da is dh[t] times the slope of "
    "that step's own tanh. Is dh[t] in your test, and whose h?"
)

# what a step is expected to be in a wrong test: its name, its hint, the expectation
_WRONG_TESTS: tuple[tuple[str, str, Callable[..., Array]], ...] = (
    (
        "nothing expected from the next step",
        "Your test expects of each step only its own dh[t]. What comes on top from step t + 1?",
        lambda dh, h, V, da: dh * (1 - h**2),
    ),
    (
        "test without the slope",
        "Your test finds fault with the last step where there is none: it leaves out the slope "
        "of tanh.",
        lambda dh, h, V, da: dh + _from_next(da, V),
    ),
    (
        "test with V for V^T",
        "Your test uses V as it is in the forward pass. Going back it acts transposed: which of "
        "the two is da @ V? V is square, so both run.",
        lambda dh, h, V, da: (dh + _from_next(da, V.T)) * (1 - h**2),
    ),
    (
        "test with the slope on the own part only",
        "Your test is right at the last step, where nothing comes back, and finds fault with steps "
        "that are right. The own part and what comes back go through the tanh of step t together: "
        "add first, then take that step's own h.",
        lambda dh, h, V, da: dh * (1 - h**2) + _from_next(da, V),
    ),
    (
        "test with the next step's slope",
        _AT_THE_LAST_STEP,
        lambda dh, h, V, da: (dh + _from_next(da, V)) * (1 - np.roll(h, -1, axis=0) ** 2),
    ),
)

WRONG_STEP = Question(
    id="02.wrong_step",
    kind="trace",
    title="the step that went wrong",
    points=2,
    inputs=_wrong_inputs,
    reference=_wrong_step,
    returns=("t",),
    axes={"t": ()},
    observe=_step_named,
    complaints={
        "among the steps": "t must be one of the trace's steps, from 0 to T - 1.",
        "t": "On at least one trace, another step went wrong than the one that you name.",
    },
    hints=(
        "Everything that a step computes can be checked from its neighbours: from dh[t], h[t], V "
        "and the trace's own da[t + 1].",
        "da_t must be dh[t], plus what the trace's da_{t+1} sends back through V, times one minus "
        "h_t squared. Steps that only pass a wrong number on fulfil this; the wrong one does not.",
        "For t from T - 1 down to 0, work out da_t from the trace's da[t + 1] (zeros for the last "
        "step), compare it with the trace's da[t], and name the t where they differ.",
    ),
    parallel="""A till's running totals: totals[k] must be totals[k - 1] + prices[k]. One entry was
added up wrongly, and all after it inherit the error. Adding up everything anew marks them all:
check each against its neighbour in the list.

    for k in range(len(prices)):
        before = totals[k - 1] if k > 0 else 0
        if not np.isclose(totals[k], before + prices[k]):
            return k""",
    misconceptions=(
        Misconception(
            "first in time",
            "You name step 0 every time. Is it the first that differs from a new pass of your "
            "own? All steps before the wrong one inherit its error. Or does your test find fault "
            "with every step? In the exercise's table it must find one only.",
            lambda dh, h, V, da: int(_off(dh, h, V, da, _going_back(dh, h, V))[0]),
        ),
        Misconception(
            "largest difference",
            "You took the step that is farthest off. An error may grow on its way back through V, "
            "so the farthest need not be where it began.",
            _farthest,
        ),
        Misconception(
            "largest gradient",
            "You took the step with the largest da. A large gradient may be quite right: check "
            "each step against its neighbour.",
            lambda dh, h, V, da: int(np.abs(da).max(axis=(1, 2)).argmax()),
        ),
        Misconception(
            "counted from the end",
            "You found it, but counted along the backward pass. t counts as in h[t]: the last "
            "step is T - 1.",
            lambda dh, h, V, da: len(dh) - 1 - _wrong_step(dh, h, V, da),
        ),
        Misconception(
            "one too high",
            "One too high. Steps count from 0, as in da[t]; and the step at fault is the one whose "
            "own da does not follow from da[t + 1], not the one it heard from.",
            lambda dh, h, V, da: _wrong_step(dh, h, V, da) + 1,
        ),
        Misconception(
            "one too low",
            "One too low: that step computes rightly from what it is given. Where does what it is "
            "given come from?",
            lambda dh, h, V, da: _wrong_step(dh, h, V, da) - 1,
        ),
        *(
            Misconception(f"{name}{how}", hint, search(expected))
            for name, hint, expected in _WRONG_TESTS
            for how, search in (("", _last_off), (", by size", _most_off))
        ),
        Misconception(
            # going back it stops at the last step, as the test with the next step's slope does
            "test without the own part, by size",
            _AT_THE_LAST_STEP,
            _most_off(lambda dh, h, V, da: _from_next(da, V) * (1 - h**2)),
        ),
    ),
)


QUESTIONS = (RNN_STEP_BACKWARD, RNN_BACKWARD, CLIP, FACTOR, WRONG_STEP)
