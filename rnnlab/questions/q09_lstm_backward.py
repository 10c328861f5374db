"""Exercise 09: central differences, and the LSTM's backward pass for a step and a sequence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rnnlab.calls import Known
from rnnlab.params import Array
from rnnlab.questions import Misconception, Probe, Question
from rnnlab.questions.derivation import Line, Mistake, Recurrence, made_in
from rnnlab.questions.lstm import RESULTS
from rnnlab.questions.lstm_backward import (
    BACKWARD,
    BACKWARD_AXES,
    BACKWARD_IN_TIME,
    BACKWARD_MISTAKES,
    STEP_BACKWARD,
    STEP_BACKWARD_AXES,
    STEP_BACKWARD_MISTAKES,
    backward_inputs,
    step_backward_inputs,
)


def _difference_inputs(rng: np.random.Generator) -> list[Probe]:
    return [
        {"f": Known(name), "x": rng.uniform(0.2, 0.9, shape), "step": step}
        for name, shape, step in (
            ("product of exponentials", (5,), 1e-2),
            ("sum of sines", (2, 3), 1e-3),
            ("sum of cubes", (3, 2, 2), 2e-3),
        )
    ]


F = Callable[[Array], Any]


def _central(f: F, x: Array, step: float) -> Array:
    return _each(x, step, lambda up, down: (f(up) - f(down)) / (2 * step))


def _each(x: Array, step: float, quotient: Callable[[Array, Array], Any]) -> Array:
    """For each entry of x, the quotient of x with this entry moved up and down."""
    gradient = np.zeros_like(x)
    for k in np.ndindex(x.shape):
        e = np.zeros_like(x)
        e[k] = step
        gradient[k] = quotient(x + e, x - e)
    return gradient


def _left_moved(f: F, x: Array, step: float) -> Array:
    """Each entry is moved up, and stays there."""
    x, gradient = x.copy(), np.zeros_like(x)
    for k in np.ndindex(x.shape):
        before = f(x)
        x[k] += step
        gradient[k] = (f(x) - before) / step
    return gradient


def _back_to_x(f: F, x: Array, step: float) -> Array:
    """Up by one step, then down by one: that is x again."""
    return _each(x, step, lambda up, down: (f(up) - f(x)) / (2 * step))


def _left_down(f: F, x: Array, step: float) -> Array:
    """Up, then down by two steps; the next entry starts from there."""
    x, gradient = x.copy(), np.zeros_like(x)
    for k in np.ndindex(x.shape):
        x[k] += step
        up = f(x)
        x[k] -= 2 * step
        gradient[k] = (up - f(x)) / (2 * step)
    return gradient


def _all_at_once(f: F, x: Array, step: float) -> Array:
    return np.full_like(x, (f(x + step) - f(x - step)) / (2 * step))


def _by_row(f: F, x: Array, step: float) -> Array:
    """Moves x[k] for k in the first axis: in a matrix, a whole row at a time."""
    gradient = np.zeros_like(x)
    for k in range(len(x)):
        e = np.zeros_like(x)
        e[k] = step
        gradient[k] = (f(x + e) - f(x - e)) / (2 * step)
    return gradient


CENTRAL_DIFFERENCE = Question(
    id="09.central_difference",
    kind="function",
    title="a gradient without a derivation",
    points=1,
    inputs=_difference_inputs,
    reference=_central,
    returns=("gradient",),
    axes={"gradient": ()},
    hints=(
        "Take x with two entries and write down, for the first one only, which two points you "
        "call f at.",
        "One entry moves by plus and by minus one step, all others stay. The difference of the "
        "two values is divided by how far apart the two points are.",
        "For each index of x: a copy with this entry a step higher, a copy with it a step lower, "
        "the difference of f at the two, divided by twice the step.",
    ),
    parallel="""How steep is a road at kilometre s, from its heights alone?

    (height(s + 0.1) - height(s - 0.1)) / 0.2      what lies 0.2 km apart

Looking only ahead, (height(s + 0.1) - height(s)) / 0.1, tilts the answer wherever the road bends.
A gradient asks this for each direction in turn, with all others standing still.""",
    misconceptions=(
        Misconception(
            "forward difference",
            "You look to one side only. A central difference looks to both: its error falls with "
            "the square of the step.",
            lambda f, x, step: _each(x, step, lambda up, down: (f(up) - f(x)) / step),
        ),
        Misconception(
            "backward difference",
            "You look to one side only. A central difference looks to both: its error falls with "
            "the square of the step.",
            lambda f, x, step: _each(x, step, lambda up, down: (f(x) - f(down)) / step),
        ),
        Misconception(
            "divided by one step",
            "How far apart are the two points at which you call f?",
            lambda f, x, step: _each(x, step, lambda up, down: (f(up) - f(down)) / step),
        ),
        Misconception(
            "divided by two",
            "How far apart are the two points at which you call f? The step belongs to it.",
            lambda f, x, step: _each(x, step, lambda up, down: (f(up) - f(down)) / 2),
        ),
        Misconception(
            "not divided",
            "That is a difference. What makes a slope of it?",
            lambda f, x, step: _each(x, step, lambda up, down: f(up) - f(down)),
        ),
        Misconception(
            "/ 2 * step",
            "Python reads `a / 2 * step` from the left: first a / 2, then times step. What should "
            "stand below the line needs brackets.",
            lambda f, x, step: _each(x, step, lambda up, down: (f(up) - f(down)) / 2 * step),
        ),
        Misconception(
            "other sign",
            "Your slope is negative where f rises. Which value do you subtract from which?",
            lambda f, x, step: _each(x, step, lambda up, down: (f(down) - f(up)) / (2 * step)),
        ),
        Misconception(
            "down by one step only",
            "After the step up, a step down leads back to x. How far is it to the other point?",
            _back_to_x,
        ),
        Misconception(
            "left moved up",
            "An entry that has been moved must be put back before the next one is moved.",
            _left_moved,
        ),
        Misconception(
            "left moved down",
            "An entry that has been moved must be put back before the next one is moved.",
            _left_down,
        ),
        Misconception(
            "all entries at once",
            "Every entry of your gradient is the same: you move all of x at once. Move one entry, "
            "and let the others stand.",
            _all_at_once,
        ),
        Misconception(
            "a row at a time",
            "It is right for a vector. In a matrix x[k] is a whole row: which index names one "
            "entry, whatever the shape? (np.ndindex(x.shape) gives them all.)",
            _by_row,
        ),
    ),
)


_WAYS = {"dh_t": "of dh_t", "dC_next": "of dC_next"}

STEP_BACK = Question(
    id="09.lstm_step_backward",
    kind="function",
    title="one step backward",
    points=3,
    inputs=step_backward_inputs,
    reference=STEP_BACKWARD,
    returns=STEP_BACKWARD.returns,
    flow=("dC_prev", "dp", "dx_t", "dh_prev"),
    axes={
        "dx_t": ("batch", "input"),
        "dh_prev": ("batch", "unit"),
        "dC_prev": ("batch", "unit"),
    },
    input_axes=STEP_BACKWARD_AXES,
    terms={
        "dC_prev": _WAYS,
        **{f"db_{g}": _WAYS for g in "fig"},
        "dx_t": {f"W_{g}": f"that comes back from {RESULTS[g]}" for g in RESULTS},
        "dh_prev": {f"V_{g}": f"that comes back from {RESULTS[g]}" for g in RESULTS},
    },
    gradients=True,
    hints=(
        "Walk the six lines of the step from the last to the first. For each line ask: whose "
        "gradient do I know, and which of its ingredients get a share?",
        "C_t has two successors, h_t and the next step: two ways back that add up. A product "
        "hands to each factor the gradient times the other factor; a squashing function "
        "multiplies by its slope; the four sums share x_t and h_{t-1}.",
        "First the whole gradient by C_t; from it those by f_t, i_t, the candidate and C_{t-1}, "
        "and from dh_t that by o_t; times the slopes they become those of the four sums; these "
        "give, with x_t and h_{t-1}, the weights, and through W and V what goes back.",
    ),
    parallel="""A smaller cell with one gate: a = x @ W.T + b, g = sigmoid(a), c = g * c_prev,
y = tanh(c). From dy (through y) and dc_next (from later):

    dc = dc_next + dy * (1 - y**2) # c is used twice: two ways back add up
    dg = dc * c_prev               # a product: times the other factor
    dc_prev = dc * g
    da = dg * g * (1 - g)          # the slope of the sigmoid, from its value
    dW = da.T @ x                  # (H, B) times (B, D): summed over the batch
    db = da.sum(0)
    dx = da @ W""",
    misconceptions=made_in(STEP_BACKWARD, STEP_BACKWARD_MISTAKES),
)


LSTM_BACKWARD = Question(
    id="09.lstm_backward",
    kind="function",
    title="backward through a sequence",
    points=3,
    inputs=backward_inputs,
    reference=BACKWARD,
    returns=BACKWARD.returns,
    flow=("dx", "dC0", "dh0", "dp"),
    axes={
        "dx": ("time", "batch", "input"),
        "dh0": ("batch", "unit"),
        "dC0": ("batch", "unit"),
    },
    input_axes=BACKWARD_AXES,
    gradients=True,
    hints=(
        "Forward first, keeping the state before each step. Then a loop from the last step to the "
        "first, with your lstm_step_backward in each round. What does a round need from the round "
        "before, which is the step after?",
        "dh_t is the sum of the loss's own dh[t] and of what step t + 1 sends back; dC_next comes "
        "from step t + 1 alone. After the last step both are zero.",
        "In each round: add dh[t] to what came back, take one step backward with x[t] and the "
        "states before step t, store dx[t], add the weights' gradients to a running sum, and hand "
        "dh_prev and dC_prev to the round for t - 1.",
    ),
    parallel="""A sum that decays: s_t = w * s_{t-1} + x_t, with a loss at every step, ds[t]:

    ds_next, dw = 0.0, 0.0
    for t in reversed(range(T)):
        ds_t = ds[t] + ds_next        # the loss at t, and step t + 1
        dw += ds_t * s_before[t]      # s_before[0] is s0: one w for all steps, so shares add up
        dx[t] = ds_t
        ds_next = ds_t * w            # goes to the step before
    ds0 = ds_next""",
    misconceptions=(
        *made_in(BACKWARD, (*BACKWARD_MISTAKES, *STEP_BACKWARD_MISTAKES)),
        Misconception(
            "from the first step to the last",
            "Your loop walks with time. What a step sends back goes to the step before it: in "
            "which order must they come?",
            BACKWARD_IN_TIME,
        ),
    ),
)


def _states(s: Any) -> list[Array]:
    """C before the first step, and after each step."""
    states = [s.C0]
    for f_t, i_t, C_tilde in zip(s.f, s.i, s.C_tilde, strict=True):
        states.append(f_t * states[-1] + i_t * C_tilde)
    return states


_CELL = Recurrence(
    ("dC", "f", "i", "C_tilde", "C0"),
    first={
        "C": _states,
        "dC_next": lambda s: np.zeros_like(s.C0),
    },
    step={
        "C_prev": lambda s: s.C[s.t],
        "dC_t": lambda s: s.dC[s.t] + s.dC_next,
        "df_t": lambda s: s.dC_t * s.C_prev,
        "di_t": lambda s: s.dC_t * s.C_tilde[s.t],
        "dC_tilde_t": lambda s: s.dC_t * s.i[s.t],
        "dC_prev": lambda s: s.dC_t * s.f[s.t],
    },
    carry={"dC_next": lambda s: s.dC_prev},
    collect={
        "df": lambda s: s.stack("df_t"),
        "di": lambda s: s.stack("di_t"),
        "dC_tilde": lambda s: s.stack("dC_tilde_t"),
        "dC0": lambda s: s.all("dC_prev")[0],
    },
    returns=("df", "di", "dC_tilde", "dC0"),
    backward=True,
)

_WRAP: Line = lambda s: s.C[s.t] if s.t else s.C[-1]  # noqa: E731
_NOT_ADDED: Line = lambda s: s.dC[s.t] if s.t == len(s.dC) - 1 else s.dC_next  # noqa: E731
_LAST_TWICE: Line = lambda s: s.dC[s.t] + (s.dC[-1] if s.t == len(s.dC) - 1 else s.dC_next)  # noqa: E731
_F_BEFORE: Line = lambda s: s.dC_t * s.f[s.t - 1]  # noqa: E731

_AT_ZERO = (
    "Python's index -1 is the last entry. What is C[t - 1] when t is 0, and what should it be?"
)
_ITS_OWN_F = (
    "The update of step t is f_t * C_{t-1} + ...: which f stands at C_{t-1}, and which one do you "
    "carry the gradient through?"
)
_BOTH = "Two ways lead back to C_t: the loss at step t, and step t + 1. Do both arrive?"


def _cell_inputs(rng: np.random.Generator) -> list[Probe]:
    return [
        {
            "dC": rng.standard_normal((T, B, H)),
            "f": rng.uniform(0.2, 0.95, (T, B, H)),
            "i": rng.uniform(0.1, 0.9, (T, B, H)),
            "C_tilde": rng.uniform(-0.9, 0.9, (T, B, H)),
            "C0": rng.uniform(0.5, 1.5, (B, H)),
        }
        for T, B, H in ((5, 2, 3), (4, 3, 2), (6, 1, 4))
    ]


_SEQUENCE = ("time", "batch", "unit")

CELL_BACKWARD = Question(
    id="09.cell_backward",
    kind="repair",
    title="a gradient that takes wrong turns",
    points=2,
    inputs=_cell_inputs,
    reference=_CELL,
    returns=_CELL.returns,
    flow=("di", "dC_tilde", "df", "dC0"),
    axes={"df": _SEQUENCE, "di": _SEQUENCE, "dC_tilde": _SEQUENCE, "dC0": ("batch", "unit")},
    input_axes={**dict.fromkeys(("dC", "f", "i", "C_tilde"), _SEQUENCE), "C0": ("batch", "unit")},
    gradients=True,
    hints=(
        "Three lines are wrong. Take T = 2 and one unit and write the six products by hand.",
        "Look at t = 0: which state came before it? Look at dC_t: how many ways lead to it? Look "
        "at what is carried: which gate stood between C_{t-1} and C_t?",
        "Use C0 as the state before step 0, add dC[t] to what is carried, and multiply what is "
        "carried by f[t].",
    ),
    parallel="""A debt with payments: s_t = g_t * s_{t-1} + p_t; the loss has ds[t] at every step.

    carried = 0.0
    for t in reversed(range(T)):
        total = ds[t] + carried                       # two ways back
        dp[t] = total
        dg[t] = total * (s[t - 1] if t > 0 else s0)   # the state before the step
        carried = total * g[t]                        # the factor between s_{t-1} and s_t""",
    misconceptions=made_in(
        _CELL,
        (
            Mistake("C[t-1] at t = 0", _AT_ZERO, {"C_prev": _WRAP}),
            Mistake("the loss does not join", _BOTH, {"dC_t": _NOT_ADDED}),
            Mistake("f of the step before", _ITS_OWN_F, {"dC_prev": _F_BEFORE}),
            Mistake(
                "nothing mended",
                "This computes what the broken one does. Begin with dC_t: how many ways lead back "
                "to C_t?",
                {"C_prev": _WRAP, "dC_t": _NOT_ADDED, "dC_prev": _F_BEFORE},
            ),
            Mistake(
                "the last loss twice",
                "dC of the last step counts twice in yours: once before the loop, and once in it. "
                "What comes back to the last step from a next one?",
                {"dC_t": _LAST_TWICE},
            ),
            Mistake("nothing carried", _BOTH, {"dC_t": lambda s: s.dC[s.t]}),
            Mistake("f missing", _ITS_OWN_F, {"dC_prev": lambda s: s.dC_t}),
            Mistake(
                "f of the step after",
                _ITS_OWN_F,
                {"dC_prev": lambda s: s.dC_t * s.f[min(s.t + 1, len(s.dC) - 1)]},
            ),
            Mistake(
                "C zero at t = 0",
                "What came before step 0 is C0.",
                {"C_prev": lambda s: s.C[s.t] if s.t else np.zeros_like(s.C0)},
            ),
            Mistake(
                "df with C_t",
                "f_t multiplies the state before the step. Which one stands in your df?",
                {"df_t": lambda s: s.dC_t * s.C[s.t + 1]},
            ),
            Mistake(
                "di and dC_tilde swapped",
                "i_t and C~_t multiply each other: the gradient by one is dC_t times the other.",
                {
                    "di_t": lambda s: s.dC_t * s.i[s.t],
                    "dC_tilde_t": lambda s: s.dC_t * s.C_tilde[s.t],
                },
            ),
            Mistake(
                "dC0 not times f",
                "dC0 is the gradient by the state before step 0: one gate stands between the two.",
                {"dC0": lambda s: s.all("dC_t")[0]},
            ),
            Mistake(
                "dC[t-1] joins at t = 0",
                "dC[-1], the loss at the last step, has come into your dC0. What do you add in the "
                "round of t = 0, and does C0 have a loss of its own?",
                {"dC0": lambda s: s.all("dC_prev")[0] + s.dC[-1]},
            ),
        ),
    ),
)


def _gates(seed: Any) -> Array:
    """f_1 to f_20 of one unit, as the text of the exercise draws them."""
    return np.random.default_rng(seed).uniform(0.6, 1.0, 20)


def _number(of_gates: Callable[[Array], Any]) -> Callable[..., tuple[Any, Any]]:
    def answer(seed: Any = 7) -> tuple[Any, Any]:
        return seed, of_gates(_gates(seed))

    return answer


_BETWEEN = (
    "From C_5 to C_20 it is 15 steps. Which is the first gate on the way, and which the last?"
)

DIRECT_PATH = Question(
    id="09.direct_path",
    kind="number",
    title="how much comes back, for your own seed",
    points=1,
    inputs=lambda rng: [{}],
    reference=_number(lambda f: np.prod(f[5:])),
    returns=("seed", "factor"),
    axes={"seed": (), "factor": ()},
    arguments=(),
    own=("seed",),
    tolerance=1e-4,
    complaints={
        "seed": "The seed is not the one that was used.",
        "factor": "The factor does not fit your seed to four decimals.",
    },
    hints=(
        "What is dC_t / dC_{t-1} on the direct path, for one unit?",
        "The way from C_20 back to C_5 has 15 steps; each multiplies by one gate.",
        "Multiply f_6, f_7, ..., f_20: in Python f[k] is f_{k+1}.",
    ),
    parallel="""A price rises by the factors g_1, ..., g_4 = 1.1, 1.2, 1.3, 1.4 in four years. From
the end of year 2 to the end of year 4 it rises by g_3 * g_4 = 1.82. In Python, with g[0] = g_1:
np.prod(g[2:]).""",
    misconceptions=(
        Misconception(
            "f_5 too",
            "f_5 leads from C_4 to C_5. Is that on the way from C_5 to C_20?",
            _number(lambda f: np.prod(f[4:])),
        ),
        Misconception("f_6 left out", _BETWEEN, _number(lambda f: np.prod(f[6:]))),
        Misconception("f_20 left out", _BETWEEN, _number(lambda f: np.prod(f[5:19]))),
        Misconception(
            "f_5 for f_20",
            "You took f_5 to f_19. f_t leads from C_{t-1} to C_t.",
            _number(lambda f: np.prod(f[4:19])),
        ),
        Misconception(
            "back to C_0",
            "That is the whole way back to C_0. Asked for is the way back to C_5.",
            _number(np.prod),
        ),
        Misconception(
            "from C_5 to C_0",
            "That is the way from C_5 back to C_0. Asked for is the way from C_20 back to C_5.",
            _number(lambda f: np.prod(f[:5])),
        ),
        Misconception(
            "mean to the 15th",
            "The mean gate to the power of 15 is close, but gates multiply one by one.",
            _number(lambda f: np.mean(f[5:]) ** 15),
        ),
        Misconception(
            "added",
            "The steps follow each other: each takes its share of what the one before has left. "
            "Shares of shares multiply.",
            _number(lambda f: np.sum(f[5:])),
        ),
        Misconception(
            "the loss, not what is left",
            "You give how much is lost. Asked for is the factor that is left.",
            _number(lambda f: 1 - np.prod(f[5:])),
        ),
        Misconception(
            "1 - f",
            "The direct path keeps f of the gradient at each step, not 1 - f.",
            _number(lambda f: np.prod(1 - f[5:])),
        ),
    ),
)


QUESTIONS = (CENTRAL_DIFFERENCE, STEP_BACK, LSTM_BACKWARD, CELL_BACKWARD, DIRECT_PATH)
