"""Exercise 13: weights from torch and Keras, another library's z and reset, the wrong step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from rnnlab.params import Array, GRUParams
from rnnlab.questions import Misconception, Probe, Question
from rnnlab.questions.derivation import Derivation, Line, Mistake, made_in
from rnnlab.questions.gru import SIZES, STEP, STEP_INPUT_AXES, weights, weights_terms

Cut = Callable[[Array], Iterable[Array]]


# from a library's stacked arrays to this course's weights


def _blocks(order: str, cut: Cut, *names: str) -> dict[str, Line]:
    """For each array a line "name": its blocks by the gate's letter."""

    def line(name: str) -> Line:
        return lambda s: dict(zip(order, cut(getattr(s, name)), strict=True))

    return {f"{name} blocks": line(name) for name in names}


def _of(name: str, letter: str, sign: int = 1, turned: bool = False) -> Line:
    def line(s: Any) -> Array:
        block: Array = getattr(s, f"{name} blocks")[letter]
        return sign * (block.T if turned else block)

    return line


def _weights(kernel: str, recurrent: str, turned: bool) -> dict[str, Line]:
    """The lines of W and V: the z blocks change their sign."""
    return {
        f"{k}_{letter}": _of(name, letter, -1 if letter == "z" else 1, turned)
        for letter in "zrh"
        for k, name in (("W", kernel), ("V", recurrent))
    }


def _biases(two: Callable[[Any, str], tuple[Array, Array]]) -> dict[str, Line]:
    """The lines of the biases, from the two of a gate."""
    return {
        "b_z": lambda s: -sum(two(s, "z")),
        "b_r": lambda s: sum(two(s, "r")),
        "b_h": lambda s: two(s, "h")[0],
        "b_hv": lambda s: two(s, "h")[1],
    }


NAMES = (*(f"{k}_{letter}" for letter in "zrh" for k in "WVb"), "b_hv")
_P: dict[str, Line] = {"p": lambda s: {name: getattr(s, name) for name in NAMES}}


def _two_of_torch(s: Any, letter: str) -> tuple[Array, Array]:
    return getattr(s, "bias_ih blocks")[letter], getattr(s, "bias_hh blocks")[letter]


def _two_of_keras(s: Any, letter: str) -> tuple[Array, Array]:
    first, second = getattr(s, "bias blocks")[letter]
    return first, second


def _rows(a: Array) -> list[Array]:
    return np.split(a, 3, axis=0)


def _columns(a: Array) -> list[Array]:
    return np.split(a, 3, axis=-1)


_TORCH_NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")

_FROM_TORCH = Derivation(
    _TORCH_NAMES,
    {
        **_blocks("rzh", _rows, *_TORCH_NAMES),
        **_weights("weight_ih", "weight_hh", turned=False),
        **_biases(_two_of_torch),
        **_P,
    },
    returns=("p",),
)

_KERAS_NAMES = ("kernel", "recurrent_kernel", "bias")

_FROM_KERAS = Derivation(
    _KERAS_NAMES,
    {
        **_blocks("zrh", _columns, *_KERAS_NAMES),
        **_weights("kernel", "recurrent_kernel", turned=True),
        **_biases(_two_of_keras),
        **_P,
    },
    returns=("p",),
)


def _then(change: Callable[[Array], Array], line: Line) -> Line:
    return lambda s: change(line(s))


_SIGN = (
    "This library's z near 1 keeps, ours takes the new. sigmoid(-a) is 1 - sigmoid(a): what has to "
    "happen to all that is added up in z's a?"
)
_B_HV = (
    "The candidate has two biases that are not the same thing: one is added to W_h x_t, the other "
    "is inside the reset's product. Only the gates' two biases add up."
)


def _conversion_mistakes(
    right: Derivation, two: Callable[[Any, str], tuple[Array, Array]]
) -> tuple[Mistake, ...]:
    """Wrong ideas about signs and biases, whatever the layout."""

    def changed(change: Callable[[Array], Array], *names: str) -> dict[str, Line]:
        return {name: _then(change, right.lines[name]) for name in names}

    def negated(*names: str) -> dict[str, Line]:
        return changed(np.negative, *names)

    return (
        Mistake("z not negated", _SIGN, negated("W_z", "V_z", "b_z")),
        Mistake("bias of z not negated", _SIGN, negated("b_z")),
        Mistake("V_z not negated", _SIGN, negated("V_z")),
        Mistake("W_z not negated", _SIGN, negated("W_z")),
        Mistake("only the bias of z negated", _SIGN, negated("W_z", "V_z")),
        Mistake(
            "one of z's two biases negated",
            "b_z is the sum of two biases, and both are inside the sigmoid. Does the minus reach "
            "both of yours?",
            {"b_z": lambda s: two(s, "z")[1] - two(s, "z")[0]},
        ),
        Mistake(
            "1 - z as 1 - W",
            "1 - sigmoid(a) is not sigmoid(1 - a). Which change of a turns z into 1 - z?",
            changed(lambda a: 1 + a, "W_z", "V_z", "b_z"),
        ),
        Mistake(
            "r negated too",
            "The reset gate means the same in both. Whose sign changes?",
            negated("W_r", "V_r", "b_r"),
        ),
        Mistake(
            "r negated for z",
            "It is the update gate whose meaning differs. Whose sign changes in yours?",
            negated("W_z", "V_z", "b_z", "W_r", "V_r", "b_r"),
        ),
        Mistake(
            "all negated",
            "Only z means something else. Which weights keep their sign?",
            negated("W_r", "V_r", "b_r", "W_h", "V_h", "b_h", "b_hv"),
        ),
        Mistake(
            "b_hv merged into b_h",
            _B_HV,
            {
                "b_h": lambda s: sum(two(s, "h")),
                "b_hv": lambda s: np.zeros_like(two(s, "h")[1]),
            },
        ),
        Mistake("b_hv counted twice", _B_HV, {"b_h": lambda s: sum(two(s, "h"))}),
        Mistake(
            "b_h and b_hv swapped",
            "b_h stands beside W_h x_t, b_hv beside V_h h_{t-1}. Which of the two arrays is which?",
            {"b_h": lambda s: two(s, "h")[1], "b_hv": lambda s: two(s, "h")[0]},
        ),
        Mistake(
            "second bias of the gates dropped",
            "Each gate has two biases here and one in the course. What happens to the second?",
            {"b_z": lambda s: -two(s, "z")[0], "b_r": lambda s: two(s, "r")[0]},
        ),
        Mistake(
            "first bias of the gates dropped",
            "Each gate has two biases here and one in the course. What happens to the first?",
            {"b_z": lambda s: -two(s, "z")[1], "b_r": lambda s: two(s, "r")[1]},
        ),
        Mistake(
            "biases averaged",
            "Both biases are added in the library's sum. What single bias does the same?",
            {"b_z": lambda s: -sum(two(s, "z")) / 2, "b_r": lambda s: sum(two(s, "r")) / 2},
        ),
    )


def _in_order(order: str, right: Derivation, cut: Cut, *names: str) -> Mistake:
    return Mistake(
        f"blocks read as {', '.join(order)}",
        "The values are blocks of the right arrays, but under other letters. In which order does "
        "this library stack r, z and the candidate?",
        _blocks(order, cut, *names),
    )


def _turned(right: Derivation, recurrent: str, turned: bool) -> Mistake:
    return Mistake(
        "V not transposed" if turned is False else "V transposed",
        "V is square, so its shape does not tell. In the course row j of V belongs to unit j, as "
        "row j of W does: how do the library's arrays lie?",
        {
            f"V_{letter}": _of(recurrent, letter, -1 if letter == "z" else 1, turned)
            for letter in "zrh"
        },
    )


def _torch_inputs(rng: np.random.Generator) -> list[Probe]:
    return [
        {
            "weight_ih": rng.normal(0, 0.5, (3 * H, D)),
            "weight_hh": rng.normal(0, 0.5, (3 * H, H)),
            "bias_ih": rng.normal(0, 0.5, 3 * H),
            "bias_hh": rng.normal(0, 0.5, 3 * H),
        }
        for _, D, H in SIZES
    ]


FROM_TORCH = Question(
    id="13.from_torch",
    kind="function",
    title="the weights of a torch layer in the course's form",
    points=3,
    inputs=_torch_inputs,
    reference=_FROM_TORCH,
    returns=("p",),
    axes={},
    terms={
        name: {"bias_ih": "of bias_ih", "bias_hh": "of bias_hh"} for name in NAMES if name[0] == "b"
    },
    hints=(
        "Three things differ: the order of the blocks, the meaning of z, and the number of biases.",
        "torch stacks r, z, n in rows. 1 - sigmoid(a) is sigmoid(-a), so z's weights and biases "
        "change their sign. The gates' two biases add up; the candidate's do not.",
        "Split each array into three blocks of H rows; take z's with a minus, W, V and the sum of "
        "its biases; add r's biases; n's bias_ih is b_h and n's bias_hh is b_hv.",
    ),
    parallel="""A thermostat of another maker reports c = sigmoid(k t + d + e), "how cold"; ours
says how warm, w = sigmoid(K t + D). The same thermostat in our form: w is 1 - c, and
1 - sigmoid(a) is sigmoid(-a), so K = -k and D = -(d + e): one bias, and every sign turned.""",
    misconceptions=made_in(
        _FROM_TORCH,
        (
            *_conversion_mistakes(_FROM_TORCH, _two_of_torch),
            *(
                _in_order(order, _FROM_TORCH, _rows, *_TORCH_NAMES)
                for order in ("zrh", "rhz", "hrz", "hzr")
            ),
            _turned(_FROM_TORCH, "weight_hh", turned=True),
            Mistake(
                "every third row",
                "You take every third row. The blocks of torch stand one below the other: H rows "
                "of r, then H of z, then H of n.",
                _blocks("rzh", lambda a: (a[0::3], a[1::3], a[2::3]), *_TORCH_NAMES),
            ),
        ),
    ),
)


def _keras_inputs(rng: np.random.Generator) -> list[Probe]:
    return [
        {
            "kernel": rng.normal(0, 0.5, (D, 3 * H)),
            "recurrent_kernel": rng.normal(0, 0.5, (H, 3 * H)),
            "bias": rng.normal(0, 0.5, (2, 3 * H)),
        }
        for _, D, H in SIZES
    ]


def _reshaped(letter: str) -> Line:
    """W's block by a reshape instead of a transpose."""
    block = _of("kernel", letter, -1 if letter == "z" else 1)
    return lambda s: block(s).reshape(block(s).shape[::-1])


FROM_KERAS = Question(
    id="13.from_keras",
    kind="repair",
    title="a conversion from Keras with two mistakes",
    points=2,
    inputs=_keras_inputs,
    reference=_FROM_KERAS,
    returns=("p",),
    axes={},
    hints=(
        "Go through it one line at a time and ask four things: order, transpose, sign, biases.",
        "Keras keeps one column a unit, the course one row a unit, for W and for V. And z's sign "
        "changes in all that is added up before its sigmoid.",
        "Transpose the blocks of recurrent_kernel as those of kernel are, and negate b_z too.",
    ),
    parallel="""A timetable has one column a train; ours has one row a train. Every block of it
must be transposed, the square one too: there the shape gives no warning.

    ours = [block.T for block in np.split(theirs, 3, axis=1)]""",
    misconceptions=made_in(
        _FROM_KERAS,
        (
            *_conversion_mistakes(_FROM_KERAS, _two_of_keras),
            *(
                _in_order(order, _FROM_KERAS, _columns, *_KERAS_NAMES)
                for order in ("rzh", "hzr", "zhr")
            ),
            _turned(_FROM_KERAS, "recurrent_kernel", turned=False),
            Mistake(
                "W reshaped, not transposed",
                "The shape of your W is right, but its numbers are in another order: reshape walks "
                "along the rows, a transpose swaps rows and columns.",
                {f"W_{letter}": _reshaped(letter) for letter in "zrh"},
            ),
        ),
    ),
)


# which convention?

_CONVENTIONS = tuple((z, reset) for z in ("takes", "keeps") for reset in ("before", "after"))


def _state(x_t: Array, h_prev: Array, p: GRUParams, z_near_1: str, reset: str) -> Array:
    """The state after one step of a library with this convention."""
    _, z_t, r_t, before = STEP(x_t, h_prev, p)
    after = np.tanh(x_t @ p.W_h.T + r_t * (h_prev @ p.V_h.T) + p.b_h)
    new, share = before if reset == "before" else after, z_t if z_near_1 == "takes" else 1 - z_t
    h_t: Array = (1 - share) * h_prev + share * new
    return h_t


def _which(
    among: Iterable[tuple[str, str]] = _CONVENTIONS,
) -> Callable[..., tuple[str, str]]:
    """The convention, among these, whose state is nearest to the one that was seen."""

    def decide(x_t: Array, h_prev: Array, h_t: Array, p: GRUParams) -> tuple[str, str]:
        return min(among, key=lambda c: float(np.abs(_state(x_t, h_prev, p, *c) - h_t).max()))

    return decide


def _which_inputs(rng: np.random.Generator) -> list[Probe]:
    probes: list[Probe] = []
    for (z, reset), (B, D, H) in zip(_CONVENTIONS, (*SIZES, (4, 3, 2)), strict=True):
        x_t, h_prev, p = rng.standard_normal((B, D)), rng.uniform(-1, 1, (B, H)), weights(D, H, rng)
        h_t = _state(x_t, h_prev, p, z, reset)
        probes.append({"x_t": x_t, "h_prev": h_prev, "h_t": h_t, "p": p})
    return probes


def _renamed(change: Callable[[str, str], tuple[str, str]]) -> Callable[..., tuple[str, str]]:
    """The right answer with its two words changed."""
    right = _which()
    return lambda *given: change(*right(*given))


def _judged_before(otherwise: str) -> Callable[..., tuple[str, str]]:
    """The word for z by the candidate with the reset before alone; else `otherwise`."""
    return _renamed(lambda z, reset: (z if reset == "before" else otherwise, reset))


_OTHER = {"takes": "keeps", "keeps": "takes", "before": "after", "after": "before"}

WHICH_CONVENTION = Question(
    id="13.which_convention",
    kind="function",
    title="which convention does a library follow?",
    points=2,
    inputs=_which_inputs,
    reference=_which(),
    returns=("z_near_1", "reset"),
    axes={"z_near_1": (), "reset": ()},
    observe=lambda value, probe: {"z_near_1": value[0], "reset": value[1]},
    complaints={
        "z_near_1": "For at least one of four libraries your first word is not right. It is "
        '"takes" or "keeps": what the library does where z is near 1.',
        "reset": 'The first word is always right. The second is not: "before" when r_t acts on '
        'h_prev before the product with V_h, "after" when it acts on the product.',
    },
    hints=(
        "You have the input, the old state, the weights and the new state. Four conventions are "
        "possible: what new state would each have made?",
        "Two candidates, reset before and after; two blends of each. Only one of the four is equal "
        "to h_t (np.allclose).",
        "Compute z_t, r_t and both candidates; loop over the two candidates and the two blends, "
        "and give back the words of the pair for which np.allclose(blend, h_t) holds.",
    ),
    parallel="""A friend says "I tip 10 %", and pays 13.20 for a price of 10.00 and a tax of 20 %.
Was the tip on the price alone, or on the price with tax? Compute both readings, 13.00 and 13.20,
and see which one agrees.

    readings = {"before tax": price * (1 + tax + tip), "after tax": price * (1 + tax) * (1 + tip)}
    [name for name, paid in readings.items() if np.isclose(paid, seen)]""",
    misconceptions=(
        Misconception(
            "words for z swapped",
            "Your two words for z are in each other's place. With z near 1: does h_t lie near the "
            "candidate (takes) or near h_prev (keeps)?",
            _renamed(lambda z, reset: (_OTHER[z], reset)),
        ),
        Misconception(
            "words for the reset swapped",
            'Your two words for the reset are in each other\'s place. "before" is V_h (r * h), '
            '"after" is r * (V_h h).',
            _renamed(lambda z, reset: (z, _OTHER[reset])),
        ),
        Misconception(
            "both pairs of words swapped",
            "Both words are always the other ones. Look at which reading you tie to which word.",
            _renamed(lambda z, reset: (_OTHER[z], _OTHER[reset])),
        ),
        Misconception(
            "words in the other order",
            "Asked for is first the word for z, then the word for the reset.",
            _renamed(lambda z, reset: (reset, z)),
        ),
        Misconception(
            "always this course's",
            "You say the same for every library. What in your function looks at h_t?",
            lambda *given: ("takes", "before"),
        ),
        Misconception(
            "always torch's",
            "You say the same for every library. What in your function looks at h_t?",
            lambda *given: ("keeps", "after"),
        ),
        Misconception(
            "only one reset tried",
            "One word of yours is the same for every library: have you tried both candidates?",
            _which([c for c in _CONVENTIONS if c[1] == "before"]),
        ),
        Misconception(
            "only one blend tried",
            "One word of yours is the same for every library: have you tried both blends?",
            _which([c for c in _CONVENTIONS if c[0] == "takes"]),
        ),
        Misconception(
            "only the two known ones tried",
            "z and the reset are independent: there are four libraries, not two. This course's and "
            "torch's are only two of them.",
            _which([("takes", "before"), ("keeps", "after")]),
        ),
        *(
            Misconception(
                f"blend judged by the candidate before, else {word}",
                "You judge the blend by one candidate alone. Where the reset acts after, neither "
                "blend of that one fits: try all four pairs.",
                _judged_before(word),
            )
            for word in ("keeps", "takes")
        ),
    ),
)


# port a step

_TORCH_STEP = Derivation(
    ("x_t", "h_prev", "p"),
    {
        **{name: STEP.lines[name] for name in ("a_z", "z_t", "a_r", "r_t")},
        "a_n": lambda s: s.x_t @ s.p.W_h.T + s.p.b_h + s.r_t * (s.h_prev @ s.p.V_h.T + s.p.b_hv),
        "n_t": lambda s: np.tanh(s.a_n),
        "h_t": lambda s: (1 - s.z_t) * s.n_t + s.z_t * s.h_prev,
    },
    returns=("h_t", "z_t", "r_t", "n_t"),
)


def _torch_step_inputs(rng: np.random.Generator) -> list[Probe]:
    return [
        {
            "x_t": rng.standard_normal((B, D)),
            "h_prev": rng.uniform(-1, 1, (B, H)),
            "p": weights(D, H, rng, second_bias=True),
        }
        for B, D, H in SIZES
    ]


def _a_n(f: Callable[..., Array]) -> Mapping[str, Line]:
    """The candidate's sum by a function of W x, V h, r, the two biases, and V (r * h)."""
    return {
        "a_n": lambda s: f(
            s.x_t @ s.p.W_h.T,
            s.h_prev @ s.p.V_h.T,
            s.r_t,
            s.p.b_h,
            s.p.b_hv,
            (s.r_t * s.h_prev) @ s.p.V_h.T,
        )
    }


_TURN_ONE = (
    "torch's z is the sigmoid of its own sum, and near 1 it keeps. Turn the blend round, not the "
    "gate."
)

TORCH_STEP = Question(
    id="13.torch_step",
    kind="function",
    title="the step, ported to torch's convention",
    points=2,
    inputs=_torch_step_inputs,
    reference=_TORCH_STEP,
    returns=("h_t", "z_t", "r_t", "n_t"),
    flow=("z_t", "r_t", "n_t", "h_t"),
    axes=dict.fromkeys(("h_t", "z_t", "r_t", "n_t"), ("batch", "unit")),
    input_axes=STEP_INPUT_AXES,
    terms={
        "z_t": weights_terms("z"),
        "r_t": weights_terms("r"),
        "n_t": {
            "W_h": "W_h x_t",
            "V_h": "r_t * V_h h_{t-1}",
            "b_h": "b_h",
            "b_hv": "r_t * b_hv",
        },
        "h_t": {"h_prev": "z_t * h_{t-1}", "W_h V_h b_h b_hv": "(1 - z_t) * n_t"},
    },
    hints=(
        "Two lines of the course's step change, and one of them gains a bias.",
        "The reset multiplies what comes out of V_h, with b_hv inside: r_t * (V_h h_{t-1} + b_hv). "
        "And z_t is the share that is kept.",
        "For n_t take the tanh of W_h x_t plus b_h plus r_t times (V_h h_prev plus b_hv); for h_t "
        "add 1 - z_t of n_t and z_t of h_prev.",
    ),
    parallel="""A recipe says "mix in a share m of milk" and thins the milk before it is warmed:
(1 - m) * tea + m * warm(w * milk). A friend's recipe means by m the share of tea, and thins after
warming: m * tea + (1 - m) * w * warm(milk). The names stay, two lines change.""",
    misconceptions=made_in(
        _TORCH_STEP,
        (
            Mistake(
                "blend not ported",
                "The blend is still this course's. What does torch's z near 1 do with the old "
                "state?",
                {"h_t": lambda s: (1 - s.z_t) * s.h_prev + s.z_t * s.n_t},
            ),
            Mistake(
                "gate turned instead of the blend",
                f"Your h_t would be right, but z_t is not what torch calls z. {_TURN_ONE}",
                {
                    "z_t": lambda s: 1 / (1 + np.exp(s.a_z)),
                    "h_t": lambda s: (1 - s.z_t) * s.h_prev + s.z_t * s.n_t,
                },
            ),
            Mistake(
                "gate and blend turned",
                f"You turned it round twice. {_TURN_ONE}",
                {"z_t": lambda s: 1 / (1 + np.exp(s.a_z))},
            ),
            Mistake(
                "reset before",
                "Your reset still acts before the product with V_h. In torch it multiplies what "
                "comes out of V_h, and b_hv with it.",
                _a_n(lambda Wx, Vh, r, b, b_hv, Vrh: Wx + b + Vrh + r * b_hv),
            ),
            Mistake(
                "reset before, b_hv outside",
                "Your reset still acts before the product with V_h. In torch it multiplies what "
                "comes out of V_h, and b_hv with it.",
                _a_n(lambda Wx, Vh, r, b, b_hv, Vrh: Wx + b + Vrh + b_hv),
            ),
            Mistake(
                "reset before, no b_hv",
                "Your candidate is still this course's: the reset acts before V_h, and b_hv is "
                "missing.",
                _a_n(lambda Wx, Vh, r, b, b_hv, Vrh: Wx + b + Vrh),
            ),
            Mistake(
                "b_hv outside the product",
                "b_hv stands beside V_h h_{t-1}: the reset multiplies both. Is yours outside?",
                _a_n(lambda Wx, Vh, r, b, b_hv, Vrh: Wx + b + r * Vh + b_hv),
            ),
            Mistake(
                "b_hv missing",
                "The candidate has two biases here. Where is b_hv?",
                _a_n(lambda Wx, Vh, r, b, b_hv, Vrh: Wx + b + r * Vh),
            ),
            Mistake(
                "b_h inside the product too",
                "The reset holds back b_h as well. It stands beside W_h x_t, outside the product.",
                _a_n(lambda Wx, Vh, r, b, b_hv, Vrh: Wx + r * (Vh + b_hv + b)),
            ),
            Mistake(
                "the two biases swapped",
                "b_h stands beside W_h x_t, b_hv beside V_h h_{t-1}. Which one is inside yours?",
                _a_n(lambda Wx, Vh, r, b, b_hv, Vrh: Wx + b_hv + r * (Vh + b)),
            ),
            Mistake(
                "reset on the whole sum",
                "The reset holds back the input as well. What does it multiply in torch?",
                _a_n(lambda Wx, Vh, r, b, b_hv, Vrh: r * (Wx + b + Vh + b_hv)),
            ),
            Mistake(
                "no reset",
                "The candidate sees the whole of h_prev. Where is r_t?",
                _a_n(lambda Wx, Vh, r, b, b_hv, Vrh: Wx + b + Vh + b_hv),
            ),
            Mistake(
                "r mirrored",
                "The reset means the same in both: r_t near 1 lets the past through.",
                _a_n(lambda Wx, Vh, r, b, b_hv, Vrh: Wx + b + (1 - r) * (Vh + b_hv)),
            ),
            Mistake(
                "reset twice",
                "Your reset acts before the product with V_h and after it. Once is enough: after.",
                _a_n(lambda Wx, Vh, r, b, b_hv, Vrh: Wx + b + r * (Vrh + b_hv)),
            ),
            Mistake(
                "1 - z on both",
                "A blend's shares add up to 1. What is the share of the old here?",
                {"h_t": lambda s: (1 - s.z_t) * s.n_t + (1 - s.z_t) * s.h_prev},
            ),
            Mistake(
                "z on both",
                "A blend's shares add up to 1. What is the share of the new here?",
                {"h_t": lambda s: s.z_t * s.n_t + s.z_t * s.h_prev},
            ),
            Mistake(
                "blending with r * h",
                "The old state goes into the blend as it came in. Did r_t act on it, perhaps in "
                "place?",
                {"h_t": lambda s: (1 - s.z_t) * s.n_t + s.z_t * (s.r_t * s.h_prev)},
            ),
        ),
    ),
)


# the wrong step of a trace


def _right_step(x_t: Array, h_prev: Array, p: GRUParams) -> Array:
    h_t: Array = STEP(x_t, h_prev, p)[0]
    return h_t


def _trace_inputs(rng: np.random.Generator) -> list[Probe]:
    """Traces that go wrong at one step, or at two of them; one goes wrong at step 0."""
    slips = (("keeps", "before"), ("takes", "after"), ("keeps", "after"))
    sizes = zip((6, 5, 7), SIZES, slips, strict=True)
    firsts = (0, int(rng.integers(1, 3)), int(rng.integers(2, 5)))
    return [
        _trace(rng, T, size, slip, first)
        for (T, size, slip), first in zip(sizes, firsts, strict=True)
    ]


def _trace(
    rng: np.random.Generator,
    T: int,
    size: tuple[int, int, int],
    slip: tuple[str, str],
    first: int,
) -> Probe:
    """A trace; of two wrong steps the second is the worse one, by itself and as drift."""
    B, D, H = size
    while True:
        p = weights(D, H, rng)
        x, h0 = rng.standard_normal((T, B, D)), rng.uniform(-1, 1, (B, H))
        wrong = {first, T - 2} if slip[0] == "keeps" else {first}
        h_prev, states = h0, []
        for t in range(T):
            convention = slip if t in wrong else ("takes", "before")
            h_prev = _state(x[t], h_prev, p, *convention)
            states.append(h_prev)
        h = np.stack(states)
        worst = {int(error(x, h0, h, p).argmax()) for error in (_errors, _drift)}
        if len(wrong) == 1 or first not in worst:
            return {"x": x, "h0": h0, "h": h, "p": p}


def _errors(x: Array, h0: Array, h: Array, p: GRUParams) -> Array:
    """How far each state is from what one step makes of the state before it: (T,)."""
    before = [h0, *h[:-1]]
    made = [_right_step(x_t, h_prev, p) for x_t, h_prev in zip(x, before, strict=True)]
    error: Array = np.abs(np.stack(made) - h).max((1, 2))
    return error


def _drift(x: Array, h0: Array, h: Array, p: GRUParams) -> Array:
    """How far each state is from that of a run of one's own from h0: (T,)."""
    own = [h0]
    for x_t in x:
        own.append(_right_step(x_t, own[-1], p))
    error: Array = np.abs(np.stack(own[1:]) - h).max((1, 2))
    return error


def _first(errors: Callable[..., Array] = _errors, shift: int = 0) -> Callable[..., int]:
    return lambda *given: int(np.argmax(errors(*given) > 1e-9)) + shift


WRONG_STEP = Question(
    id="13.wrong_step",
    kind="trace",
    title="the wrong step of a trace",
    points=1,
    inputs=_trace_inputs,
    reference=_first(),
    returns=("t",),
    axes={"t": ()},
    observe=lambda value, probe: {"t": np.asarray(value[0])},
    complaints={
        "t": "For at least one of three traces that is not the first step that breaks the course's "
        "equations. Judge each step by the state that stands in the trace before it."
    },
    hints=(
        "Each step can be checked by itself: it must lead from the state before it, as it stands "
        "in the trace, to its own.",
        "For step t the state before is h[t - 1], for step 0 it is h0. Compute the course's step "
        "from it and compare with h[t].",
        "Loop over t, compute the step from x[t] and the trace's own state before it, and return "
        "the first t for which np.allclose fails.",
    ),
    parallel="""A column of running totals has a slip somewhere: prices 3, 4, 5, 1 and totals
3, 7, 13, 14. Check each line by itself: 0 + 3 = 3, 3 + 4 = 7, 7 + 5 = 12 and not 13: line 2 (from
0) is the first wrong one. 13 + 1 = 14 is right again.""",
    misconceptions=(
        Misconception(
            "counted from 1",
            "One too many. Time is counted from 0: the first step of the trace is step 0.",
            _first(shift=1),
        ),
        Misconception(
            "one step early",
            "One too few. h[t] is the state after step t: which x goes with which h?",
            _first(shift=-1),
        ),
        Misconception(
            "the last wrong step",
            "More than one step may be wrong. Asked for is the first.",
            lambda *given: int(np.flatnonzero(_errors(*given) > 1e-9)[-1]),
        ),
        Misconception(
            "last step of an own run",
            "From the wrong step on every state differs from a run of your own. Which is the "
            "first?",
            lambda *given: int(np.flatnonzero(_drift(*given) > 1e-9)[-1]),
        ),
        Misconception(
            "always 0",
            "You call step 0 wrong in every trace, and in most it is right. What goes into step 0 "
            "as the state before?",
            lambda *given: 0,
        ),
        Misconception(
            "step 0 passed over",
            "Step 0 can be the wrong one too. The state before it does not stand in h: it is h0.",
            lambda *given: int(np.argmax(_errors(*given)[1:] > 1e-9)) + 1,
        ),
    ),
)


QUESTIONS = (TORCH_STEP, FROM_TORCH, WHICH_CONVENTION, FROM_KERAS, WRONG_STEP)
