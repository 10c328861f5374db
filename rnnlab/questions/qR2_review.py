"""Review 2, after 10: credit along the belt, three starts, one training step, two horizons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from rnnlab import layers
from rnnlab.cells import sigmoid
from rnnlab.params import Array, LSTMParams
from rnnlab.questions import Misconception, Probe, Question
from rnnlab.questions.derivation import Derivation, Line, Mistake, made_in

# from the last hidden state back to what was written at step k


def _from(f: Array) -> Array:
    """f_k * ... * f_{T-1} for each step k."""
    return np.cumprod(f[::-1], axis=0)[::-1]


def _after(f: Array) -> Array:
    """f_{k+1} * ... * f_{T-1} for each step k; 1 for the last."""
    return np.concatenate([_from(f)[1:], np.ones_like(f[:1])])


_CREDIT = Derivation(
    ("f", "i", "C_tilde", "o", "C"),
    {
        "read": lambda s: s.o[-1] * (1 - np.tanh(s.C[-1]) ** 2),
        "path": lambda s: _after(s.f),
        "write": lambda s: s.i * (1 - s.C_tilde**2),
        "credit": lambda s: s.read * s.path * s.write,
    },
    returns=("credit",),
)

_ONE_STEP_PATH = (
    "That is how much goes back over one step. Between step k and the last there are more gates: "
    "which?"
)
_CREDIT_MISTAKES = (
    Mistake(
        "own forget gate included",
        "The forget gate of step k acts on what was there before. What is written at step k comes "
        "in behind it: which forget gate does it meet first?",
        {"path": lambda s: _from(s.f)},
    ),
    Mistake(
        "gates before the step",
        "You multiply the gates of the steps before k. What is written at k travels on to the end: "
        "which gates does it still have before it?",
        {"path": lambda s: np.cumprod(s.f, axis=0)},
    ),
    Mistake(
        "each gate a step too early",
        "You carry on with the gate before the step. C_{t-1} becomes C_t through f_t: which gate "
        "lies between the last step and the one before it?",
        {"path": lambda s: np.concatenate([_from(s.f[:-1]), np.ones_like(s.f[:1])])},
    ),
    Mistake(
        "all gates at every step",
        "The same product for all steps. What is written late passes fewer gates than what is "
        "written early.",
        {"path": lambda s: np.broadcast_to(np.prod(s.f, axis=0), s.f.shape)},
    ),
    Mistake(
        "only the next gate",
        _ONE_STEP_PATH,
        {"path": lambda s: np.concatenate([s.f[1:], np.ones_like(s.f[:1])])},
    ),
    Mistake(
        "no forget gates",
        "Early and late writes count alike in yours: that is the LSTM of 1997. What stands on the "
        "belt between step k and the end?",
        {"path": lambda s: np.ones_like(s.f)},
    ),
    Mistake(
        "1 - f",
        "On the way to the end the share f is kept at each step, 1 - f is lost.",
        {"path": lambda s: _after(1 - s.f)},
    ),
    Mistake(
        "steps in the order of the lag",
        "The row of the last step comes first in yours. Row k belongs to step k.",
        {"credit": lambda s: (s.read * s.path * s.write)[::-1]},
    ),
    Mistake(
        "slope of the candidate missing",
        "You stop at the candidate. Asked for is what is inside its tanh, a_g: which slope lies "
        "between the two?",
        {"write": lambda s: s.i},
    ),
    Mistake(
        "input gate missing",
        "A write that the input gate keeps out changes nothing. Where is i in yours?",
        {"write": lambda s: 1 - s.C_tilde**2},
    ),
    Mistake(
        "tanh of the candidate once more",
        "C_tilde is a tanh already. The slope of tanh, in terms of its result y, is 1 - y squared.",
        {"write": lambda s: s.i * (1 - np.tanh(s.C_tilde) ** 2)},
    ),
    Mistake(
        "slope of a sigmoid for the candidate",
        "y (1 - y) is the slope of a sigmoid. The candidate is a tanh.",
        {"write": lambda s: s.i * s.C_tilde * (1 - s.C_tilde)},
    ),
    Mistake(
        "1 - y for the candidate's slope",
        "The slope of tanh in terms of its result y: is the y not squared?",
        {"write": lambda s: s.i * (1 - s.C_tilde)},
    ),
    Mistake(
        "slope of the input gate",
        "i (1 - i) is the way into the input gate's own sum. The way to the candidate goes past "
        "the gate, and meets it as a factor.",
        {"write": lambda s: s.i * (1 - s.i) * s.C_tilde},
    ),
    Mistake(
        "the candidate for the gate",
        "C_tilde as a factor belongs to the way to the input gate. On the way to the candidate the "
        "other factor of i * C~ is left.",
        {"write": lambda s: s.C_tilde * (1 - s.C_tilde**2)},
    ),
    Mistake(
        "input gate of the last step",
        "Each write went through the input gate of its own step. Yours takes the last one for all.",
        {"write": lambda s: s.i[-1] * (1 - s.C_tilde**2)},
    ),
    Mistake(
        "slope at the reading missing",
        "From h back to the cell the gradient meets the tanh of the cell too. What is its slope "
        "there?",
        {"read": lambda s: s.o[-1]},
    ),
    Mistake(
        "1 - C squared",
        "The slope of tanh is 1 minus the square of its result. The result is tanh(C), not C: for "
        "a cell of 2 yours is negative.",
        {"read": lambda s: s.o[-1] * (1 - s.C[-1] ** 2)},
    ),
    Mistake(
        "1 - tanh C, not squared",
        "The slope of tanh in terms of its result y: is the y not squared?",
        {"read": lambda s: s.o[-1] * (1 - np.tanh(s.C[-1]))},
    ),
    Mistake(
        "1 - h squared",
        "h is o times tanh(C). The slope of the tanh is made of tanh(C) alone.",
        {"read": lambda s: s.o[-1] * (1 - (s.o[-1] * np.tanh(s.C[-1])) ** 2)},
    ),
    Mistake(
        "output gate missing",
        "What the output gate hides at the end cannot be felt in h. Where is o in yours?",
        {"read": lambda s: 1 - np.tanh(s.C[-1]) ** 2},
    ),
    Mistake(
        "read at every step",
        "The loss looks at the last hidden state alone. Which output gate, and which cell, has a "
        "say in that?",
        {"read": lambda s: s.o * (1 - np.tanh(s.C) ** 2)},
    ),
    Mistake(
        "tanh C for the slope",
        "That is how h changes with o. How does h change with C?",
        {"read": lambda s: s.o[-1] * np.tanh(s.C[-1])},
    ),
    Mistake(
        "not read at all",
        "That is what the last cell feels. Asked for is the last hidden state: what lies between "
        "C and h?",
        {"read": lambda s: np.ones_like(s.o[-1])},
    ),
)


def _credit_inputs(rng: np.random.Generator) -> list[Probe]:
    probes: list[Probe] = []
    for shape in ((5, 2, 3), (4, 3, 2), (6, 1, 4)):
        f, i, o = rng.uniform(0.2, 0.95, (3, *shape))
        C_tilde = rng.uniform(0.2, 0.9, shape) * rng.choice((-1.0, 1.0), shape)
        C = rng.uniform(0.6, 1.8, shape) * rng.choice((-1.0, 1.0), shape)
        probes.append({"f": f, "i": i, "C_tilde": C_tilde, "o": o, "C": C})
    return probes


_TBH = ("time", "batch", "unit")

CREDIT = Question(
    id="R2.credit",
    kind="function",
    title="how far a write is felt at the end",
    points=3,
    inputs=_credit_inputs,
    reference=_CREDIT,
    returns=("credit",),
    axes={"credit": _TBH},
    input_axes=dict.fromkeys(("f", "i", "C_tilde", "o", "C"), _TBH),
    gradients=True,
    hints=(
        "Three parts, each from a lecture: from h to the cell at the last step, along the belt to "
        "step k, from the cell of step k into the candidate's sum. Write down the factor of each.",
        "h = o tanh(C) gives o (1 - tanh(C)^2), with the last o and the last C. The belt gives the "
        "forget gates of the steps after k. C_k = ... + i_k C~_k, with C~ = tanh(a), gives "
        "i_k (1 - C~_k^2).",
        "For row k multiply: the last output gate times one minus the square of tanh of the last "
        "cell; all f from row k + 1 to the end (1 for the last row); i[k] times one minus the "
        "square of C_tilde[k].",
    ),
    parallel="""A rumour: person k adds q_k * r(s_k) to it, each person after that passes on the
share p, and at the end a reporter prints w(R) of the whole rumour R. How much does the print change
with s_k?

    d print / d s_k = w'(R) * p_{k+1} * ... * p_last * q_k * r'(s_k)

The reporter's factor is the same for all; person k's own p is not in it: it acts on what k heard,
not on what k adds.""",
    misconceptions=made_in(_CREDIT, _CREDIT_MISTAKES),
)


# which of three starts?


def _curve(rng: np.random.Generator, T: int, start: str, b_f: float = 3.0) -> Array:
    """The share of a gradient of the cell that arrives, by lag, on the direct path: shape (T,)."""
    D, H = 4, 64
    p = LSTMParams.init(
        D,
        H,
        rng,
        forget_bias=b_f if start == "bias" else None,
        chrono=T if start == "chrono" else None,
    )
    x, zeros = rng.standard_normal((T, 2, D)), np.zeros((2, H))
    f = layers.lstm_forward(x, zeros, zeros, p).f
    share: Array = _after(f)[::-1].mean((1, 2))
    return share


BENT, STRAIGHT = 0.02, 0.004


def _curves(rng: np.random.Generator) -> list[Probe]:
    """Curves that are clearly straight or clearly bent."""
    asked = (
        (90, "bias", 4.0),
        (80, "chrono", 0.0),
        (120, "default", 0.0),
        (110, "chrono", 0.0),
        (100, "bias", 3.0),
    )
    return [{"curve": _clear(rng, *one)} for one in asked]


def _clear(rng: np.random.Generator, T: int, start: str, b_f: float) -> Array:
    while True:
        curve = _curve(rng, T, start, b_f)
        bend = _bend(curve)
        if start == "default" or (bend > BENT if start == "chrono" else bend < STRAIGHT):
            return curve


def _factor(curve: Array, a: int, b: int) -> float:
    """The mean factor a step from lag a to lag b."""
    return float((curve[b] / curve[a]) ** (1 / (b - a)))


def _bend(curve: Array) -> float:
    """How much more of the gradient a late step leaves than an early one."""
    T = len(curve)
    return _factor(curve, T // 2, T - 1) - _factor(curve, 0, 5)


def _which(curve: Array) -> str:
    if _factor(curve, 0, 5) < 0.8:
        return "default"
    bend = _bend(curve)
    return "chrono" if bend > BENT else "bias" if bend < STRAIGHT else "neither clearly"


def _mistaken(names: Mapping[str, str]) -> Callable[[Array], str]:
    def decide(curve: Array) -> str:
        start = _which(curve)
        return names.get(start, start)

    return decide


def _by_the_end(curve: Array) -> str:
    if curve[5] < 0.5:
        return "default"
    return "chrono" if curve[-1] > 0.02 else "bias"


WHICH_START = Question(
    id="R2.which_start",
    kind="trace",
    title="which start made this curve?",
    points=2,
    inputs=_curves,
    reference=_which,
    returns=("start",),
    axes={"start": ()},
    observe=lambda value, probe: {"start": np.str_(str(value[0]).strip().lower())},
    complaints={
        "start": 'For at least one of five curves the word is another one of "default", "bias" '
        'and "chrono". What does each start look like with the shares on a log scale: straight '
        "or bent, steep or flat?"
    },
    hints=(
        "Draw the three starts with the shares on a log scale. Two of them are straight lines. "
        "What tells those two apart, and what bends the third?",
        "The same gate everywhere loses the same share at each step: a straight line, of factor "
        "0.5 or of factor sigmoid(b_f). With chrono every unit has a half-life of its own: the "
        "quick ones are gone early, the slow ones are left, so the line grows flatter.",
        "Take the mean factor a step over the first few lags, and over the second half of the "
        "curve. Early factor below 0.8: default. Late factor clearly above the early one: chrono. "
        "Else: bias.",
    ),
    parallel="""Two jars of tea cool down. One is a single cup; the other is twenty cups of very
different thickness, and you know only the mean of their temperatures above the room's:

    one cup        80, 40, 20, 10       factor 0.5 at each step
    twenty cups    80, 44, 30, 23       factors 0.55, 0.68, 0.77

A mean over things of different speed slows down: the fast ones drop out of it.""",
    misconceptions=(
        Misconception(
            "straight and bent swapped",
            "The steep one is found; of the two others you take each for the other. Has a bias "
            "that is the same for all units one half-life, or many?",
            _mistaken({"bias": "chrono", "chrono": "bias"}),
        ),
        Misconception(
            "steep and flat swapped",
            "The bent one is found; the two straight ones are in each other's place. Does a larger "
            "forget bias lose more a step, or less?",
            _mistaken({"default": "bias", "bias": "default"}),
        ),
        Misconception(
            "default and chrono swapped",
            "You give the steepest line to chrono. Where do fresh gates stand, and what is left of "
            "their product after ten steps?",
            _mistaken({"default": "chrono", "chrono": "default"}),
        ),
        Misconception(
            "judged by what is left at the end",
            "You go by how much is left at the end. A large forget bias and a short text leave as "
            "much as chrono does: look at the shape on the way.",
            _by_the_end,
        ),
        Misconception(
            "judged by one factor",
            "One factor is not enough: a forget bias can be chosen to have the same. Compare an "
            "early factor with a late one.",
            lambda curve: "default" if curve[1] < 0.8 else "chrono" if curve[1] > 0.97 else "bias",
        ),
        Misconception(
            "bent or not",
            "You look for the bend, but not at how steep the line is: the default start is never "
            "named.",
            _mistaken({"default": "bias"}),
        ),
        Misconception(
            "steep or not",
            "You look at how steep the line is, but not for the bend: chrono is never named.",
            _mistaken({"chrono": "bias"}),
        ),
        Misconception(
            "flat is chrono",
            "You look at how steep the line is, but not for the bend: every flat one is chrono to "
            "you.",
            _mistaken({"bias": "chrono"}),
        ),
        *(
            Misconception(
                f"always {start}",
                "You say the same for every curve. What in your function looks at it?",
                lambda curve, start=start: start,
            )
            for start in ("default", "bias", "chrono")
        ),
    ),
)


# repair: one step of training


def _each(line: Callable[[Any, str], Any], prefix: str) -> dict[str, Line]:
    """The same line for W, V and b."""
    return {f"{prefix}{k}": (lambda s, k=k: line(s, k)) for k in "WVb"}  # type: ignore[misc]


def _of(s: Any, name: str) -> Any:
    return getattr(s, name)


def _norm(arrays: list[Array]) -> float:
    return float(np.sqrt(sum(np.sum(a**2) for a in arrays)))


def _sums(s: Any) -> list[Array]:
    return [_of(s, f"sum_{k}") for k in "WVb"]


_STEP = Derivation(
    ("W", "V", "b", "dW", "dV", "db", "rate", "limit"),
    {
        **_each(lambda s, k: _of(s, f"d{k}").sum(axis=0), "sum_"),
        "length": lambda s: _norm(_sums(s)),
        "scale": lambda s: min(1.0, s.limit / s.length),
        **_each(lambda s, k: _of(s, k) - s.rate * s.scale * _of(s, f"sum_{k}"), "new_"),
    },
    returns=("length", "new_W", "new_V", "new_b"),
)


def _new(line: Callable[[Any, str], Any]) -> dict[str, Line]:
    return _each(line, "new_")


def _clipped_weights(s: Any, k: str) -> Array:
    new = {n: _of(s, n) - s.rate * _of(s, f"sum_{n}") for n in "WVb"}
    clipped: Array = new[k] * min(1.0, s.limit / _norm(list(new.values())))
    return clipped


def _clipped_first(s: Any, k: str) -> Array:
    """The sum of gradients that were clipped each by itself, sequence by sequence."""
    norms = [_norm([_of(s, f"d{n}")[j] for n in "WVb"]) for j in range(len(s.dW))]
    scaled = [min(1.0, s.limit / n) * d for n, d in zip(norms, _of(s, f"d{k}"), strict=True)]
    total: Array = np.sum(scaled, axis=0)
    return total


_ONE_NORM = (
    "W, V and b are one gradient: a single length for all three, and a single scale, or its "
    "direction changes. What is your length made of?"
)
_STEP_MISTAKES = (
    Mistake(
        "only the last sequence",
        "Only the last sequence of the batch has a say in yours. Is each gradient added to those "
        "before, or written over them?",
        _each(lambda s, k: _of(s, f"d{k}")[-1], "sum_"),
    ),
    Mistake(
        "only the first sequence",
        "Only the first sequence of the batch has a say in yours. What happens to the others?",
        _each(lambda s, k: _of(s, f"d{k}")[0], "sum_"),
    ),
    Mistake(
        "mean for sum",
        "You take the mean over the sequences. The loss was the sum over them, and so is its "
        "gradient.",
        _each(lambda s, k: _of(s, f"d{k}").mean(axis=0), "sum_"),
    ),
    Mistake(
        "the step clipped, not the gradient",
        "You multiply by the learning rate before you measure the length. limit is said of the "
        "gradient: does a small rate leave it unclipped in yours?",
        {"length": lambda s: s.rate * _norm(_sums(s))},
    ),
    Mistake(
        "clipped each sequence by itself",
        "You clip each sequence's gradient and then add. The sum can be longer than the limit "
        "again: what is it that must not be too long?",
        {
            **_each(_clipped_first, "sum_"),
            "scale": lambda s: 1.0,
        },
    ),
    Mistake(
        "never clipped",
        "A gradient longer than the limit goes through as it is. Is your scale used where the "
        "weights are changed?",
        {"scale": lambda s: 1.0},
    ),
    Mistake(
        "always scaled to the limit",
        "A short gradient comes out longer than it was. When should clipping change nothing?",
        {"scale": lambda s: s.limit / s.length},
    ),
    Mistake(
        "clipped only when short",
        "You scale short gradients up and leave long ones alone: max where min is meant?",
        {"scale": lambda s: max(1.0, s.limit / s.length)},
    ),
    Mistake(
        "weights clipped after the step",
        "You make the whole step and then shorten the weights. The step has been made by then: "
        "what should be limited, and when?",
        _new(_clipped_weights),
    ),
    Mistake(
        "each array by itself",
        _ONE_NORM,
        _new(
            lambda s, k: (
                _of(s, k)
                - s.rate * min(1.0, s.limit / _norm([_of(s, f"sum_{k}")])) * _of(s, f"sum_{k}")
            )
        ),
    ),
    Mistake("length of dW alone", _ONE_NORM, {"length": lambda s: _norm([s.sum_W])}),
    Mistake(
        "bias left out of the length", _ONE_NORM, {"length": lambda s: _norm([s.sum_W, s.sum_V])}
    ),
    Mistake(
        "lengths added",
        "The lengths of three arrays do not add up to the length of all. Their squares do.",
        {"length": lambda s: sum(_norm([a]) for a in _sums(s))},
    ),
    Mistake(
        "square root forgotten",
        "That is the square of the length. One step is left before you compare it with the limit.",
        {"length": lambda s: _norm(_sums(s)) ** 2},
    ),
    Mistake(
        "largest entry for the length",
        "You go by the largest entry. The length is made of all of them.",
        {"length": lambda s: max(float(np.abs(a).max()) for a in _sums(s))},
    ),
    Mistake(
        "each entry clipped",
        "You cut each entry at the limit, which bends the gradient. Clipping by the norm makes it "
        "shorter and leaves its direction.",
        _new(lambda s, k: _of(s, k) - s.rate * np.clip(_of(s, f"sum_{k}"), -s.limit, s.limit)),
    ),
    Mistake(
        "uphill",
        "The weights move along the gradient: the loss goes up. Which sign leads down?",
        _new(lambda s, k: _of(s, k) + s.rate * s.scale * _of(s, f"sum_{k}")),
    ),
    Mistake(
        "learning rate missing",
        "The whole gradient is taken off. How large a step is asked for?",
        _new(lambda s, k: _of(s, k) - s.scale * _of(s, f"sum_{k}")),
    ),
    Mistake(
        "the step alone",
        "You return the change. Asked for are the weights after it.",
        _new(lambda s, k: -s.rate * s.scale * _of(s, f"sum_{k}")),
    ),
    Mistake(
        "bias left as it was",
        "b comes back as it came in. It learns like the others.",
        {"new_b": lambda s: s.b},
    ),
)


def _step_inputs(rng: np.random.Generator) -> list[Probe]:
    """Gradients longer than the limit, shorter, and one whose rate would hide it."""
    probes: list[Probe] = []
    for (N, H, D), limit in (((3, 4, 2), 0.5), ((4, 3, 3), 2.0), ((2, 2, 5), 60.0)):
        shapes = {"W": (H, D), "V": (H, H), "b": (H,)}
        weights = {k: rng.normal(0, 0.5, shape) for k, shape in shapes.items()}
        gradients = {f"d{k}": rng.normal(0.3, 1, (N, *shape)) for k, shape in shapes.items()}
        rate = float(rng.uniform(0.05, 0.2))
        probes.append({**weights, **gradients, "rate": rate, "limit": limit})
    return probes


_SHAPES = {"W": ("unit", "input"), "V": ("unit", "unit"), "b": ("unit",)}


def _by_length(value: Any, probe: Probe) -> Mapping[str, Any]:
    """The length; the new weights in one row, as "short" or "long" as the gradient is."""
    length, *weights = value
    new = np.concatenate([np.ravel(array) for array in weights])
    total = [probe[f"d{k}"].sum(axis=0) for k in "WVb"]
    is_long = _norm(total) > probe["limit"]
    return {
        "length": length,
        "short": np.zeros(1) if is_long else new,
        "long": new if is_long else np.zeros(1),
    }


TRAINING_STEP = Question(
    id="R2.training_step",
    kind="repair",
    title="a training step with two mistakes",
    points=2,
    inputs=_step_inputs,
    reference=_STEP,
    returns=_STEP.returns,
    axes={"length": (), **{f"new_{k}": axes for k, axes in _SHAPES.items()}},
    observe=_by_length,
    complaints={
        "length": "The length is not right. It is that of the whole gradient, before it is "
        "clipped: which sequences, which arrays, and what else go into yours?",
        "short": "The length is right. On a batch whose gradient is shorter than the limit, the "
        "new weights are wrong. There nothing is clipped: they should go down by the rate times "
        "the sum over all sequences.",
        "long": "Where the gradient is shorter than the limit, all is right. Where it is longer, "
        "the weights are not: what do you compare with the limit, and what do you shorten?",
    },
    hints=(
        "Follow it with two sequences and one number for each array. Which gradients are in the "
        "sum at the end of the loop? And what is compared with `limit`?",
        "The gradient of a batch is the sum over its sequences. It is this gradient, before the "
        "learning rate, whose length may be at most `limit`.",
        "Add to the sums inside the loop instead of setting them. Take the norm of the sums, scale "
        "by the smaller of 1 and limit / norm, and multiply by the rate last.",
    ),
    parallel="""Three scales each report how far a boat was blown: (3, 0), (0, 2), (0, 2) metres. A
rope lets it drift 2.5 metres at most, and the wind brings it a tenth of that a second:

    drift = (3, 0) + (0, 2) + (0, 2) = (3, 4), 5 long      first add
    drift * 2.5 / 5 = (1.5, 2)                             then shorten, if it is too long
    0.1 * (1.5, 2)                                         then the second's share

In another order the numbers, or the direction, would be others.""",
    misconceptions=made_in(_STEP, _STEP_MISTAKES),
)


# two horizons, from the learner's seed


def units(seed: int) -> tuple[float, float, float, int]:
    """v, h of a plain unit; b_f of an LSTM's; a lag. The exercise shows the same lines."""
    rng = np.random.default_rng(seed)
    v, h, b_f = rng.uniform(0.75, 0.95), rng.uniform(0.35, 0.6), rng.uniform(2.2, 4)
    return v, h, b_f, int(rng.integers(150, 400))


def _plain(v: float, h: float) -> float:
    return v * (1 - h**2)


def _reach(factor: float, share: float = 0.01) -> int:
    return int(np.log(share) / np.log(factor))


def _odds(f: float) -> float:
    return float(np.log(f / (1 - f)))


def _horizons(
    plain: Callable[[float, float], float] = _plain,
    gate: Callable[[float], float] = lambda b: float(sigmoid(np.array(b))),
    reach: Callable[[float], int] = _reach,
    needed: Callable[[int], float] = lambda lag: _odds(0.01 ** (1 / lag)),
) -> Callable[..., tuple[int, int, int, float]]:
    def horizons(seed: int = 7) -> tuple[int, int, int, float]:
        v, h, b_f, lag = units(seed)
        return seed, reach(plain(v, h)), reach(gate(b_f)), needed(lag)

    return horizons


HORIZONS = Question(
    id="R2.horizons",
    kind="number",
    title="how far two units reach, for your own seed",
    points=3,
    inputs=lambda rng: [{}],
    reference=_horizons(),
    returns=("seed", "plain", "lstm", "b_f"),
    axes={"seed": (), "plain": (), "lstm": (), "b_f": ()},
    arguments=(),
    own=("seed",),
    tolerance=1e-6,
    complaints={
        "seed": "Return your seed as it is.",
        "plain": "The plain unit reaches another number of steps. Which two factors does a "
        "gradient meet on its way from h_t to h_{t-1}, and how often until 1 % is left?",
        "lstm": "The plain unit is right, the LSTM's is not. By what is the gradient multiplied at "
        "each step of its direct path?",
        "b_f": "Both reaches are right, the bias is not. Test yours, not rounded: sigmoid(b_f) to "
        "the power of the lag must be 0.01.",
    },
    hints=(
        "For each unit find the one factor a step. Then: how often can you multiply by it before "
        "less than 0.01 is left?",
        "Plain: v times the slope of tanh, 1 - h^2. LSTM: the forget gate, sigmoid(b_f). The "
        "largest n with factor**n >= 0.01 is ln(0.01) / ln(factor), rounded down. For the bias go "
        "the other way.",
        "b_f: the gate is 0.01 to the power of 1 / lag; its bias is the natural logarithm of gate "
        "over one minus gate.",
    ),
    parallel="""Light falls through panes. A pane of one sort lets 0.8 through and its dirt 0.9 of
that, so 0.72; a tenth is left after at most ln(0.1) / ln(0.72) = 7.01, so 7 panes. Which pane would
leave a tenth after exactly 50?

    g ** 50 = 0.1       g = 0.1 ** (1 / 50) = 0.955

Yours goes one step further back, from the factor to the bias behind it.""",
    misconceptions=(
        Misconception(
            "slope of tanh missing",
            "You go back through V alone. A plain unit has a tanh as well: what is its slope where "
            "the unit stands at h?",
            _horizons(plain=lambda v, h: v),
        ),
        Misconception(
            "v missing",
            "You go back through the tanh alone. From h_t to h_{t-1} there is a weight too.",
            _horizons(plain=lambda v, h: 1 - h**2),
        ),
        Misconception(
            "slope of tanh without the square",
            "The slope of tanh in terms of its result: is the h not squared?",
            _horizons(plain=lambda v, h: v * (1 - h)),
        ),
        Misconception(
            "tanh of h once more",
            "h is a tanh already. Its slope is made of h itself.",
            _horizons(plain=lambda v, h: v * (1 - np.tanh(h) ** 2)),
        ),
        Misconception(
            "slope of a sigmoid",
            "h (1 - h) is the slope of a sigmoid. The plain unit has a tanh.",
            _horizons(plain=lambda v, h: v * h * (1 - h)),
        ),
        Misconception(
            "tanh for the gate",
            "The plain unit is right. A gate goes through another squashing function than tanh.",
            _horizons(gate=lambda b: float(np.tanh(b))),
        ),
        Misconception(
            "slope of the gate",
            "The plain unit is right. f (1 - f) is the way into the gate's own sum. On the direct "
            "path the cell is only multiplied by the gate.",
            _horizons(gate=lambda b: float(sigmoid(np.array(b)) * sigmoid(np.array(-b)))),
        ),
        Misconception(
            "time constant for the reach",
            "1 / (1 - f) is the time after which about a third (1/e) is left. How far does 1 % "
            "reach?",
            _horizons(gate=lambda b: float(0.01 ** sigmoid(np.array(-b)))),  # reaches 1 / (1 - f)
        ),
        Misconception(
            "one step too many",
            "At that lag less than 1 % arrives. The last lag that still has it is asked for.",
            _horizons(reach=lambda factor: _reach(factor) + 1),
        ),
        Misconception(
            "rounded to the nearest",
            "A reach is the last whole lag with at least 1 %. In which direction do you round?",
            _horizons(reach=lambda factor: round(np.log(0.01) / np.log(factor))),
        ),
        Misconception(
            "half-life",
            "That is when half is left. How far does 1 % reach?",
            _horizons(reach=lambda factor: _reach(factor, 0.5)),
        ),
        Misconception(
            "a tenth",
            "That is how far a tenth reaches. Asked for is 1 %, 0.01.",
            _horizons(reach=lambda factor: _reach(factor, 0.1)),
        ),
        Misconception(
            "as if each step took the same",
            "You let each step take off the same amount. A factor takes a share of what is left.",
            _horizons(reach=lambda factor: int(0.99 / (1 - factor))),
        ),
        Misconception(
            "the gate for its bias",
            "That is the gate. Asked for is the bias that gives it.",
            _horizons(needed=lambda lag: 0.01 ** (1 / lag)),
        ),
        Misconception(
            "sign of the bias lost",
            "The size is right. A gate above 0.5 has a bias above 0: which of f and 1 - f stands "
            "on top?",
            _horizons(needed=lambda lag: -_odds(0.01 ** (1 / lag))),
        ),
        Misconception(
            "logarithm of the gate",
            "The logarithm undoes exp. A sigmoid is more than that: solve f = 1 / (1 + exp(-b)) "
            "for b.",
            _horizons(needed=lambda lag: float(np.log(0.01 ** (1 / lag)))),
        ),
        Misconception(
            "bias for the half-life",
            "With that bias half is left at your lag. It should be 1 %.",
            _horizons(needed=lambda lag: _odds(0.5 ** (1 / lag))),
        ),
        Misconception(
            "gate from a steady loss",
            "You share the loss of 99 % out evenly. After `lag` steps of a gate its power is left.",
            _horizons(needed=lambda lag: _odds(1 - 0.99 / lag)),
        ),
        Misconception(
            "time constant",
            "1 - 1/n is the gate after whose n steps about a third (1/e) is left. Not 1 %.",
            _horizons(needed=lambda lag: _odds(1 - 1 / lag)),
        ),
    ),
)


QUESTIONS = (CREDIT, WHICH_START, TRAINING_STEP, HORIZONS)
