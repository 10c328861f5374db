"""Exercise 10: how far a gradient reaches, and the biases and weights that decide it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from rnnlab import layers
from rnnlab.cells import sigmoid
from rnnlab.params import Array, LSTMParams
from rnnlab.questions import Misconception, Probe, Question
from rnnlab.questions.derivation import Derivation, Mistake, made_in


def _bias_inputs(rng: np.random.Generator) -> list[Probe]:
    return [{"half_life": rng.uniform(1.2, 6, 9)}, {"half_life": 10 ** rng.uniform(1, 2.5, 7)}]


_BIAS = Derivation(
    ("half_life",),
    {
        "f": lambda s: 0.5 ** (1 / s.half_life),
        "b_f": lambda s: np.log(s.f / (1 - s.f)),
    },
    returns=("b_f",),
)

_GATE_MISTAKES = (
    Mistake(
        "subtracted, not multiplied",
        "You let each step take the same amount away, so that half is gone after the last. A gate "
        "takes a share of what is left.",
        {"f": lambda s: 1 - 0.5 / s.half_life},
    ),
    Mistake(
        "time constant",
        "f = 1 - 1/n is the gate after whose n steps about a third (1/e) is left, and only for "
        "large n. Half is asked for: solve f**n = 1/2.",
        {"f": lambda s: 1 - 1 / s.half_life},
    ),
    Mistake(
        "time constant of the half-life",
        "n / ln 2 is the time until 1/e is left, but a gate of 1 - 1/time has it only when it is "
        "long. No time is needed between the two: solve f**n = 1/2.",
        {"f": lambda s: 1 - np.log(2) / s.half_life},
    ),
    Mistake(
        "until 1/e is left",
        "After that many steps your gate leaves 1/e, about a third. What must f**n be for half?",
        {"f": lambda s: np.exp(-1 / s.half_life)},
    ),
    Mistake(
        "exponent upside down",
        "A longer half-life needs a gate nearer to 1; yours comes nearer to 0. From f**n = 1/2, "
        "which root do you take?",
        {"f": lambda s: 0.5**s.half_life},
    ),
)
_INVERSE_MISTAKES = (
    Mistake(
        "the gate itself",
        "That is the gate f, between 0 and 1. The bias is what goes into the sigmoid so that f "
        "comes out.",
        {"b_f": lambda s: s.f},
    ),
    Mistake(
        "sigmoid, not its inverse",
        "You put the gate through the sigmoid once more. You want to go back through it: from f "
        "to the number whose sigmoid is f.",
        {"b_f": lambda s: sigmoid(s.f)},
    ),
    Mistake(
        "sign lost",
        "The size is right, the sign is not. A gate above 0.5 needs a bias above 0: which of f "
        "and 1 - f stands on top?",
        {"b_f": lambda s: np.log((1 - s.f) / s.f)},
    ),
    Mistake(
        "logarithm of the gate",
        "The logarithm undoes exp, but a sigmoid is more than an exp. Write f = 1 / (1 + exp(-b)) "
        "down and solve it for b, step by step.",
        {"b_f": lambda s: np.log(s.f)},
    ),
    Mistake(
        "a one left over",
        "1/f is 1 + exp(-b), and 1/(1 - f) is 1 + exp(b): the one in front has to go before you "
        "take the logarithm.",
        {"b_f": lambda s: -np.log(1 - s.f)},
    ),
    Mistake(
        "logarithm forgotten",
        "That is exp(b_f), the odds of the gate. One step is left.",
        {"b_f": lambda s: s.f / (1 - s.f)},
    ),
    Mistake(
        "inverse of tanh",
        "You went back through tanh. The forget gate is a sigmoid.",
        {"b_f": lambda s: np.arctanh(s.f)},
    ),
    Mistake(
        "logarithm to base 10",
        "The sigmoid is made of powers of e. Which logarithm undoes those?",
        {"b_f": lambda s: np.log10(s.f / (1 - s.f))},
    ),
)

FORGET_BIAS = Question(
    id="10.forget_bias_for_half_life",
    kind="function",
    title="the bias that gives a memory its half-life",
    points=2,
    inputs=_bias_inputs,
    reference=_BIAS,
    returns=("b_f",),
    axes={"b_f": ("unit",)},
    complaints={
        "b_f": "b_f is not the bias yet. You can test it yourself: sigmoid(b_f) ** half_life must "
        "be 0.5."
    },
    hints=(
        "Two steps: from the half-life to the gate, from the gate to the bias. Test each with the "
        "half-life 1: the gate is 0.5, the bias is 0.",
        "The gate: f**n = 1/2, where n is the half-life. The bias: sigmoid(b_f) = f. Solve the "
        "first for f and the second for b_f.",
        "f is one half to the power 1/n. The bias is the natural logarithm of f divided by 1 - f.",
    ),
    parallel="""Savings must double in n years. Which factor g a year, and if g = 1 + exp(s) for
some setting s, which s?

    g ** n = 2               so g = 2 ** (1 / n)
    1 + exp(s) = g           so s = ln(g - 1)

For n = 10: g = 1.0718 and s = -2.635. Yours halves, and its last function is a sigmoid.""",
    misconceptions=made_in(_BIAS, (*_GATE_MISTAKES, *_INVERSE_MISTAKES)),
)


# the direct path


def _direct_inputs(rng: np.random.Generator) -> list[Probe]:
    sizes = ((5, 2, 3), (4, 3, 2), (6, 1, 4))
    return [{"f": rng.uniform(0.3, 0.95, size)} for size in sizes]


def _direct(f: Array) -> Array:
    """f_{k+1} * ... * f_{T-1} for each step k."""
    return _and_ones(_from(f))


def _from(f: Array) -> Array:
    """f_k * ... * f_{T-1} for each step k."""
    return np.cumprod(f[::-1], axis=0)[::-1]


def _and_ones(products: Array) -> Array:
    """Each step's row moved to the step before, and ones for the last."""
    return np.concatenate([products[1:], np.ones_like(products[:1])])


def _lags(f: Array) -> Array:
    return np.arange(len(f))[::-1, None, None]


_FORWARD_IN_TIME = (
    "You multiply from the first step on: that is what the gates leave of the state at the start. "
    "The gradient travels the other way: from the last step, which gates lie between it and k?"
)
_OWN_GATE = (
    "The gate of step k has a say in what C_k becomes, but C_k itself comes after it. Which is the "
    "first gate that C_k goes through?"
)
_TURNED = (
    "The products are right, but they stand in the order of the lag: the row of the last step "
    "comes first. Row k belongs to step k."
)

DIRECT_PATH = Question(
    id="10.direct_path",
    kind="function",
    title="the direct path of the gradient",
    points=2,
    inputs=_direct_inputs,
    reference=_direct,
    returns=("direct",),
    axes={"direct": ("time", "batch", "unit")},
    input_axes={"f": ("time", "batch", "unit")},
    gradients=True,
    hints=(
        "Take T = 3 and write out C_2 = f_2 * C_1 + ..., C_1 = f_1 * C_0 + ... What multiplies "
        "C_0 in C_2? What multiplies C_2 in C_2?",
        "From C_k to C_{T-1} the state goes through the gates of the steps k+1 to T-1, each once. "
        "For k = T-1 there is none, and an empty product is 1.",
        "Go backwards: start with ones for the last step, and let the row of step k be the row of "
        "step k+1 times f[k+1]. Or a cumulative product over the gates in reversed order.",
    ),
    parallel="""Prices rise by the factor g_t in year t. What is one coin of year k worth in coins
of the last year, T-1? It goes through the years k+1 to T-1:

    worth[T-1] = 1
    worth[k]   = g[k+1] * worth[k+1]     for k = T-2 down to 0

With g = (1.5, 1.1, 1.2): worth = (1.32, 1.2, 1). The factor 1.5 of year 0 is in none of them.""",
    misconceptions=(
        Misconception("own gate included", _OWN_GATE, _from),
        Misconception("from the front", _FORWARD_IN_TIME, lambda f: np.cumprod(f, axis=0)),
        Misconception(
            "from the front, one later",
            _FORWARD_IN_TIME,
            lambda f: np.concatenate([np.ones_like(f[:1]), np.cumprod(f, axis=0)[:-1]]),
        ),
        Misconception(
            "from the front, one earlier",
            _FORWARD_IN_TIME,
            lambda f: _and_ones(np.cumprod(f, axis=0)),
        ),
        Misconception(
            "from the front, then turned round",
            "You multiply from the first step on and turn the result round: gate 0 is still in "
            "every row. Turn the gates round before you multiply. And does C_k go through f[k]?",
            lambda f: np.cumprod(f, axis=0)[::-1],
        ),
        Misconception(
            "last gate left out",
            "C of the last step has been through the last gate too: it belongs to every row but "
            "the last.",
            lambda f: np.concatenate([_and_ones(_from(f[:-1])), np.ones_like(f[:1])]),
        ),
        Misconception(
            "each gate a step too early",
            f"{_OWN_GATE} And the last gate of all is missing: C_{{T-2}} goes through it too.",
            lambda f: np.concatenate([_from(f[:-1]), np.ones_like(f[:1])]),
        ),
        Misconception(
            "last row zero",
            "The row of the last step is still 0. From the last step to itself there is no gate "
            "on the way: how much does C change per change of itself?",
            lambda f: np.concatenate([_direct(f)[:-1], np.zeros_like(f[:1])]),
        ),
        Misconception(
            "all units in one product",
            "Your product runs over the examples and units as well: all of a row come out the "
            "same. Along which axis does time lie?",
            lambda f: np.stack([np.full(f[0].shape, np.prod(f[k + 1 :])) for k in range(len(f))]),
        ),
        Misconception(
            "only the next gate",
            "That is how much goes one step back. From the last step to step k there are more "
            "gates on the way.",
            _and_ones,
        ),
        Misconception(
            "only the last gate",
            "Each row has the last gate alone. What of the gates between step k and the last?",
            lambda f: np.concatenate([np.broadcast_to(f[-1], f[1:].shape), np.ones_like(f[:1])]),
        ),
        Misconception(
            "the same product for all steps",
            "That is the product of all gates, whichever the step. The nearer k is to the end, "
            "the fewer gates lie between.",
            lambda f: np.broadcast_to(np.prod(f, axis=0), f.shape).copy(),
        ),
        Misconception(
            "only the whole product",
            "That is the whole product. Asked for is a row for every step k, shape (T, B, H).",
            lambda f: np.prod(f, axis=0),
        ),
        Misconception(
            "mean gate to the power of the lag",
            "The power of the mean is not the product: one gate near 0 shuts the path, whatever "
            "the others do. Multiply the gates themselves.",
            lambda f: f.mean(axis=0) ** _lags(f),
        ),
        Misconception(
            "added",
            "Each gate multiplies what passes through it; yours adds them up.",
            lambda f: np.cumsum(f[::-1], axis=0)[::-1],
        ),
        Misconception(
            "order of the lag",
            _TURNED,
            lambda f: _direct(f)[::-1],
        ),
        Misconception(
            "order of the lag, own gate included",
            f"{_OWN_GATE} And: row k belongs to step k; yours begins with the last step.",
            lambda f: np.cumprod(f[::-1], axis=0),
        ),
        Misconception(
            "1 - f",
            "f is the share that passes; 1 - f is the share that is lost.",
            lambda f: _direct(1 - f),
        ),
        Misconception(
            "slope of the sigmoid",
            "f * (1 - f) is the way from C through the gate's own sum. On the direct path C is "
            "multiplied by the gate: what is the derivative of f * C by C?",
            lambda f: _direct(f * (1 - f)),
        ),
        Misconception(
            "no forget gate",
            "Ones everywhere: that is the cell of 1997, which had no forget gate. What does C go "
            "through at each step since 2000?",
            np.ones_like,
        ),
    ),
)


# how far a gradient reaches, from the learner's seed


def gates(seed: int) -> Array:
    """The forget gates of one unit over 400 steps; the exercise shows the same lines."""
    rng = np.random.default_rng(seed)
    a_f = rng.uniform(1.5, 4) + 1.5 * rng.standard_normal(400)
    return 1 / (1 + np.exp(-a_f))


def _reach(f: Array, share: float = 0.01) -> int:
    return int(np.sum(np.cumprod(f[::-1]) >= share))


def _equal(f: Array, reach: int) -> float:
    return float(np.prod(f[-reach:]) ** (1 / reach))


def _how_far(
    reach: Callable[[Array], int] = _reach,
    equal: Callable[[Array, int], float] = _equal,
) -> Callable[..., tuple[int, int, float]]:
    def how_far(seed: int = 7) -> tuple[int, int, float]:
        f = gates(seed)
        return seed, reach(f), float(equal(f, _reach(f)))

    return how_far


REACH = Question(
    id="10.reach",
    kind="number",
    title="how far a gradient reaches",
    points=1,
    inputs=lambda rng: [{}],
    reference=_how_far(),
    returns=("seed", "reach", "equal"),
    axes={"seed": (), "reach": (), "equal": ()},
    arguments=(),
    own=("seed",),
    complaints={
        "seed": "Return your seed as it is.",
        "reach": "With the gates of your seed the gradient reaches another number of steps back. "
        "The lag 1 goes through the last gate, the lag 2 through the last two.",
        "equal": "The reach is right, the equal gate is not. Test yours, not rounded: to the power "
        "of the reach it must be the product of the last `reach` gates.",
    },
    hints=(
        "Walk back from the last gate, multiply as you go, and count the steps for which the "
        "product is still at least 0.01.",
        "The share at lag n is the product of the last n gates. A constant gate g would leave "
        "g**n.",
        "reach: count where the cumulative product of the gates in reversed order is at least "
        "0.01. equal: the product of the last `reach` gates to the power of 1 / reach.",
    ),
    parallel="""Savings grow by 1.5, 0.8 and 1.2 in three years. Which one factor does the same?

    product = 1.44     g ** 3 = 1.44     g = 1.44 ** (1 / 3) = 1.129

The mean of the three is 1.167: too much, for a bad year costs more than a good one brings.""",
    misconceptions=(
        Misconception(
            "first step that falls short",
            "At that lag less than 1 % arrives. The last one that still has it is asked for.",
            _how_far(lambda f: _reach(f) + 1),
        ),
        Misconception(
            "from the front",
            "You count from the first gate on. The gradient starts at the last step: which gate "
            "does it meet first?",
            _how_far(lambda f: _reach(f[::-1])),
        ),
        Misconception(
            "last gate skipped",
            "One step is missing: at lag 1 the gradient has been through the last gate. Does yours "
            "start with the gate before it, or count the lags from 0?",
            _how_far(lambda f: _reach(f[:-1])),
        ),
        Misconception(
            "until half is left",
            "That is the half-life, seen from the end. How far does 1 % reach?",
            _how_far(lambda f: _reach(f, 0.5)),
        ),
        Misconception(
            "until a tenth is left",
            "That is as far as a tenth reaches. Asked for is 1 %, 0.01.",
            _how_far(lambda f: _reach(f, 0.1)),
        ),
        Misconception(
            "as if every gate were the mean",
            "You took a constant gate, the mean. The gates of your seed differ, and the low ones "
            "cost more than the high ones make good: multiply them as they are.",
            _how_far(lambda f: int(np.log(0.01) / np.log(f.mean()))),
        ),
        Misconception(
            "mean of these gates",
            "The mean does not leave the same share: try its power. Gates multiply, so which "
            "root undoes it?",
            _how_far(equal=lambda f, n: f[-n:].mean()),
        ),
        Misconception(
            "mean of all gates",
            "That is the mean of all 400 gates. Only the last `reach` are on the way, and they "
            "multiply.",
            _how_far(equal=lambda f, n: f.mean()),
        ),
        Misconception(
            "median of these gates",
            "The middle gate says nothing of the low ones, and they cost most. Which constant "
            "gate has the same product?",
            _how_far(equal=lambda f, n: float(np.median(f[-n:]))),
        ),
        Misconception(
            "over all gates",
            "That is the equal gate over all 400 steps. Take only the last `reach`.",
            _how_far(equal=lambda f, n: _equal(f, len(f))),
        ),
        Misconception(
            "exactly one percent",
            "At your reach a little more than 1 % arrives. Take what the gates leave there, not "
            "0.01.",
            _how_far(equal=lambda f, n: 0.01 ** (1 / n)),
        ),
        Misconception(
            "the product itself",
            "That is what all of them leave together. One gate, used `reach` times, must do the "
            "same.",
            _how_far(equal=lambda f, n: float(np.prod(f[-n:]))),
        ),
    ),
)


# chrono initialisation in torch's layout


def _chrono_inputs(rng: np.random.Generator) -> list[Probe]:
    return [
        {
            "bias_ih": rng.normal(0, 0.5, 4 * H),
            "bias_hh": rng.normal(0, 0.5, 4 * H),
            "u": rng.uniform(0.05, 0.95, H),
            "T_max": T_max,
        }
        for H, T_max in ((3, 100), (4, 20))
    ]


def _put(bias: Array, order: str = "ifgo", **blocks: Array | float) -> Array:
    """A copy of `bias` (4 H,) with other values in the blocks of these gates."""
    rows = bias.reshape(4, -1).copy()
    for gate, values in blocks.items():
        rows[order.index(gate)] = values
    return rows.ravel()


_CHRONO = Derivation(
    ("bias_ih", "bias_hh", "u", "T_max"),
    {
        "b_f": lambda s: np.log(1 + (s.T_max - 2) * s.u),
        "b_i": lambda s: -s.b_f,
        "new_ih": lambda s: _put(s.bias_ih, f=s.b_f, i=s.b_i),
        "new_hh": lambda s: _put(s.bias_hh, f=0.0, i=0.0),
    },
    returns=("new_ih", "new_hh"),
)


def _biases(returned: Any, probe: Probe) -> Mapping[str, Any]:
    """What torch's LSTM makes of the two: their sum, gate by gate."""
    i, f, g, o = (returned[0] + returned[1]).reshape(4, -1)
    return {"b_f": f, "b_i": i, "b_g": g, "b_o": o}


_ORDER = (
    "The numbers stand in another gate's block. In torch the blocks of a bias are i, f, g, o, in "
    "this order."
)
_EXCHANGED = (
    "b_f and b_i stand in each other's place. Look at the order of the blocks, i, f, g, o in "
    "torch; or, if that is right, at both signs."
)


def _in_order(order: str) -> Mistake:
    return Mistake(
        f"blocks in the order {order}",
        _EXCHANGED if order == "figo" else _ORDER,
        {
            "new_ih": lambda s: _put(s.bias_ih, order, f=s.b_f, i=s.b_i),
            "new_hh": lambda s: _put(s.bias_hh, order, f=0.0, i=0.0),
        },
    )


CHRONO = Question(
    id="10.chrono_biases",
    kind="repair",
    title="chrono initialisation with two mistakes",
    points=2,
    inputs=_chrono_inputs,
    reference=_CHRONO,
    returns=("bias_ih", "bias_hh"),
    axes={"bias_ih": ("unit",), "bias_hh": ("unit",)},
    terms={
        part: {**drawn, "bias_ih": "the old bias_ih", "bias_hh": "the old bias_hh"}
        for part, drawn in {
            "b_f": {"u": "(T_max - 2) u"},
            "b_i": {"u": "(T_max - 2) u"},
            "b_g": {},
            "b_o": {},
        }.items()
    },
    observe=_biases,
    hints=(
        "Add the two biases that come back, split the sum into its four blocks, and compare each "
        "with what chrono initialisation asks for.",
        "torch adds bias_ih and bias_hh. Their sum must be log(1 + (T_max - 2) u) for f, minus "
        "that for i, and as before for g and o.",
        "Write b_f and -b_f into the blocks of one of the two biases, zeros into the same blocks "
        "of the other, and leave g and o alone.",
    ),
    parallel="""Two taps fill one bath, and it must get 6 litres a minute. Turning each tap to 6
gives 12. Turn one to 6 and the other off: 6 + 0.""",
    misconceptions=made_in(
        _CHRONO,
        (
            Mistake(
                "sign of b_i lost",
                "The input gate opens as far as the forget gate: such a cell keeps for long and "
                "writes everything on top. What should b_i be, when b_f is large?",
                {"b_i": lambda s: s.b_f},
            ),
            Mistake(
                "set in both biases",
                "torch's LSTM has two biases a gate and adds them. What is the sum, when both are "
                "set?",
                {"new_hh": lambda s: _put(s.bias_hh, f=s.b_f, i=s.b_i)},
            ),
            Mistake(
                "other bias left as it was",
                "The second bias of f and i still holds its old numbers, and torch adds them to "
                "yours.",
                {"new_hh": lambda s: s.bias_hh.copy()},
            ),
            Mistake(
                "other bias cleared as a whole",
                "f and i are right. b_g and b_o must stay what the two biases make together: which "
                "blocks of the second may you clear?",
                {"new_hh": lambda s: 0 * s.bias_hh},
            ),
            Mistake(
                "added to what was there",
                "The old biases are still in the sum: yours are added on top of them.",
                {
                    "new_ih": lambda s: s.bias_ih + _put(0 * s.bias_ih, f=s.b_f, i=s.b_i),
                    "new_hh": lambda s: s.bias_hh.copy(),
                },
            ),
            *(_in_order(order) for order in ("figo", "igfo", "iogf")),
            Mistake(
                "input gate left as it was",
                "The forget gate is right. Chrono initialisation sets two gates: a cell that "
                "keeps for long must also write little.",
                {
                    "new_ih": lambda s: _put(s.bias_ih, f=s.b_f),
                    "new_hh": lambda s: _put(s.bias_hh, f=0.0),
                },
            ),
            Mistake(
                "input bias zero",
                "With b_i = 0 the input gate is half open at every step. What goes in at each "
                "step should match what is lost: b_i and b_f are tied.",
                {"b_i": lambda s: 0 * s.b_f},
            ),
            Mistake(
                "logarithm forgotten",
                "That is a time in steps, not yet a bias: a forget bias of 50 is a gate of 1. "
                "Which function turns the one into the other?",
                {"b_f": lambda s: 1 + (s.T_max - 2) * s.u},
            ),
            Mistake(
                "drawn from 0 on",
                "The times should lie between 1 and T_max - 1; yours begin at 0, and the "
                "logarithm of a number below 1 is negative.",
                {"b_f": lambda s: np.log((s.T_max - 2) * s.u)},
            ),
            Mistake(
                "drawn from 1 to T_max",
                "Near: the times should lie between 1 and T_max - 1. How wide is that range?",
                {"b_f": lambda s: np.log(1 + (s.T_max - 1) * s.u)},
            ),
            Mistake(
                "g and o set to zero",
                "f and i are right, and the other two were set to zero on the way. Leave their "
                "blocks as they are.",
                {
                    "new_ih": lambda s: _put(0 * s.bias_ih, f=s.b_f, i=s.b_i),
                    "new_hh": lambda s: 0 * s.bias_hh,
                },
            ),
        ),
    ),
)


# weights by hand: a cell that latches

_SIZE = 2
_LAG = 100
_ONES, _OWN = np.ones((_SIZE, _SIZE)), np.eye(_SIZE)
_NAMES = tuple(f"{k}_{gate}" for gate in "figo" for k in "WVb")


def _latch(**changed: Array) -> Callable[[], tuple[Array, ...]]:
    """The weights that latch, W_f to b_o, with these in the place of the right ones."""
    given = {name: 0 * (_ONES if name[0] in "WV" else _ONES[0]) for name in _NAMES}
    given |= {f"b_{gate}": np.full(_SIZE, 20.0) for gate in "fgo"}
    given |= {"b_i": np.full(_SIZE, -10.0), "W_i": 20 * _OWN, "V_i": -10_000 * _ONES}
    weights = tuple({**given, **changed}.values())
    return lambda: weights


def _latch_inputs(rng: np.random.Generator) -> list[Probe]:
    return [{"noise": rng.standard_normal((_LAG, 20, _SIZE))}]


def _own_and_other(states: Array) -> Array:
    """Of (T + 1, 2 N, 2), first after A, then after B: each symbol's own unit, and the other."""
    after_a, after_b = np.split(states, 2, axis=1)
    return np.concatenate([after_a, after_b[..., ::-1]], axis=1).transpose(2, 0, 1)


def _up(own: Array) -> Array:
    return own > 0.5


def _down(other: Array) -> Array:
    return np.abs(other) < 0.1


def _run(p: LSTMParams, noise: Array) -> layers.LSTMTrace:
    """The run after A and after B, each followed by `noise` (T, N, 2): h is (T + 1, 2 N, 2)."""
    symbols = np.repeat(_OWN, noise.shape[1], axis=0)
    x = np.concatenate([symbols[None], np.concatenate([noise, noise], axis=1)])
    rest = np.zeros(symbols.shape)
    return layers.lstm_forward(x, rest, rest, p)


def _kept_out(run: layers.LSTMTrace) -> bool:
    """Do the input gates stay shut in each sequence for as long as its symbol is there?

    A unit whose symbol is gone shuts no gate any more: what comes in then is no cause.
    """
    own, other = _own_and_other(run.h)
    there = np.logical_and.accumulate(_up(own) & _down(other))  # (T + 1, 2 N)
    came_in = np.sum(run.i[1:] * there[:-1, :, None], axis=0)
    return bool(np.all(came_in < 0.1))


def _holds(weights: Any, probe: Probe) -> Mapping[str, Any]:
    """What the units say after the symbol, after silence and after noise.

    What comes after something that is wrong counts as wrong altogether: it says nothing more.
    """
    p = LSTMParams(*(np.asarray(w, float) for w in weights))
    silent, loud = (_run(p, noise) for noise in (np.zeros((_LAG, 1, _SIZE)), probe["noise"]))
    own, other = _own_and_other(silent.h)  # (T + 1, 2): A and B
    inside, _ = _own_and_other(np.tanh(silent.C))  # what an open output gate would show
    own_loud, other_loud = _own_and_other(loud.h[-1:])
    held = np.all(_up(own_loud) & _down(other_loud))
    seen = {
        "writes": np.concatenate([_up(own[0]), _down(other[0]), other[0] < own[0] + 0.1]),
        "stays down": np.array([np.all(_down(other[-1]))]),
        "keeps": np.array([np.all(_up(inside[-1]))]),
        "shows": np.array([np.all(_up(own[-1]))]),
        "keeps out": np.array([held or _kept_out(loud)]),  # a look at what went wrong, if it did
        "holds": np.array([held]),
    }
    so_far = True
    for name, told in seen.items():
        seen[name] = told & so_far
        so_far &= bool(told.all())
    return seen


_NOTHING_WRITTEN = (
    "The other unit stays down, but the right one does not come up. Three things must be there at "
    "step 0: an input gate that the unit's own symbol opens, a candidate near 1, and an open "
    "output gate (half open gives only 0.38)."
)
_BOTH_WRITTEN = (
    "A symbol brings up both units. Each input gate must be shut to begin with, and open for its "
    "own symbol alone: which entries of W_i are those?"
)
_COMES_UP = (
    "x is all zero, and still the other unit leaves zero: at each step its input gate lets some of "
    "its candidate in. What do b_i and V_i make of that gate once a symbol is there? Which sign "
    "must V_i have, so that the unit that is up shuts it?"
)
_FADES = (
    "Nothing disturbs it, and still it fades: 100 steps through your forget gate leave too little. "
    "What must sigmoid(b_f) be, so that its hundredth power is near 1? And does h move that gate?"
)
_HIDDEN = (
    "The cell still holds it: tanh(C) is above 0.5. But h does not show it. With x all zero, what "
    "is your output gate?"
)
_DOOR_OPEN = (
    "An input gate lets noise in, which brings up the other unit or takes the symbol away. x alone "
    "cannot tell noise from a symbol. What do the gates see after step 0 that they did not see "
    "before? Let it shut both of them, and harder than the noise can push."
)
_LOST_IN_SILENCE = (
    "The symbol is written. But when 100 silent steps follow (x all zero), the units are not as "
    "they should be at the end."
)
_LOST_IN_NOISE = (
    "The symbol is written, and it is kept through silence. But through noise as loud as the "
    "symbol it does not hold in every sequence."
)
_NOISE_HAS_A_SAY = (
    "The input gates stay shut, but the noise still takes the symbol away. Which weights give x a "
    "say in the forget gate or the output gate?"
)

LATCH_WEIGHTS = Question(
    id="10.latch_weights",
    kind="weights",
    title="weights that latch a symbol",
    points=3,
    inputs=_latch_inputs,
    reference=_latch(),
    returns=_NAMES,
    axes={
        f"{k}_{gate}": axes
        for gate in "figo"
        for k, axes in (("W", ("unit", "input")), ("V", ("unit", "unit")), ("b", ("unit",)))
    },
    arguments=(),
    observe=_holds,
    complaints={
        "writes": "After step 0 unit 0 should be up (h above 0.5) for A, and unit 1 for B, and the "
        "other one down (h within 0.1 of zero). Yours are not.",
        "stays down": _LOST_IN_SILENCE,
        "keeps": _LOST_IN_SILENCE,
        "shows": _LOST_IN_SILENCE,
        "keeps out": _LOST_IN_NOISE,
        "holds": _LOST_IN_NOISE,
    },
    hints=(
        "One gate at a time. Which of f, i, o and the candidate may be the same at every step? "
        "For the one that may not: what is different between step 0 and all the others?",
        "At step 0 h_{t-1} is zero. After it, one unit of h is about 0.76, whichever the symbol "
        "was. So V_i can tell the first step from the rest.",
        "Large positive b_f, b_g and b_o, no weights there. For the input gate: a bias of -10, 20 "
        "on the diagonal of W_i, and a V_i whose entries are all so negative that 0.76 of one "
        "outweighs 20 times the loudest noise.",
    ),
    parallel="""A quiz buzzer: the first of two teams that presses is shown, and later presses
count for nothing. l_k is the lamp of team k, p_k its button; a relay k lights its lamp for good:

    relay k closes when     -10 + 20 p_k - 100 (l_1 + l_2)     is above 0

While both lamps are dark the button decides. Once one is lit, -100 keeps both relays open,
whatever is pressed.""",
    misconceptions=(
        Misconception("nothing is written", _NOTHING_WRITTEN, _latch(W_i=0 * _ONES)),
        Misconception(
            "any symbol opens the input gates", _BOTH_WRITTEN, _latch(b_i=np.full(_SIZE, 10.0))
        ),
        Misconception(
            "input gates half open to any symbol",
            _BOTH_WRITTEN,
            _latch(W_i=0 * _ONES, b_i=np.zeros(_SIZE)),
        ),
        Misconception(
            "units swapped",
            "A brings up unit 1, and B unit 0: just the other way round. Which column of W_i, "
            "and of W_g, is A?",
            _latch(W_i=20 * _OWN[::-1]),
        ),
        Misconception("forgets half at each step", _FADES, _latch(b_f=np.zeros(_SIZE))),
        Misconception(
            "output gate opened by the symbol", _HIDDEN, _latch(W_o=40 * _OWN, b_o=np.zeros(_SIZE))
        ),
        Misconception("input gates open in silence", _COMES_UP, _latch(V_i=200 * _ONES)),
        Misconception("noise opens the input gates", _DOOR_OPEN, _latch(V_i=0 * _ONES)),
        Misconception("noise moves the forget gate", _NOISE_HAS_A_SAY, _latch(W_f=40 * _OWN)),
    ),
)


QUESTIONS = (FORGET_BIAS, DIRECT_PATH, REACH, CHRONO, LATCH_WEIGHTS)
