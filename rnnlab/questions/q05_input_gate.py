"""Exercise 05: the input gate, the candidate, what is written, and how a closed gate learns."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rnnlab.cells import sigmoid
from rnnlab.params import Array
from rnnlab.questions import Misconception, Probe, Question
from rnnlab.questions.derivation import Derivation, Mistake, made_in
from rnnlab.questions.gates import (
    INPUT_AXES,
    explicit,
    gate,
    gate_inputs,
    gate_terms,
    pre_activation,
    sigmoid_mistakes,
    split_mistakes,
    squashed,
    sum_mistakes,
    tanh_mistakes,
)

_INPUT_GATE = gate("i", "i_t")

INPUT_GATE = Question(
    id="05.input_gate",
    kind="function",
    title="the input gate",
    points=1,
    inputs=gate_inputs("i"),
    reference=_INPUT_GATE,
    returns=("i_t",),
    axes={"i_t": ("batch", "unit")},
    input_axes=INPUT_AXES,
    terms={"i_t": gate_terms("i")},
    hints=(
        "It is made just like the forget gate, with weights of its own: a sum, then a squash.",
        "The sum has a term for the input, one for the previous hidden state, and the bias. A "
        "gate is a share, so it lies between 0 and 1.",
        "Multiply x_t by the transpose of W_i, add h_prev times the transpose of V_i, add b_i, "
        "and put the sum through the sigmoid.",
    ),
    parallel="""A doorbell d of H doors listens to D buttons m and to the doors' own last state s:

    def doorbell(m, s, K, L, c):
        push = m @ K.T + s @ L.T + c      # (B, H)
        return np.tanh(push)

Yours has the same sum, but it is a share that is let through, so another squash.""",
    misconceptions=made_in(
        _INPUT_GATE,
        (
            *sum_mistakes("i", explicit("i")),
            *sigmoid_mistakes("i", "i_t"),
            *split_mistakes("i", "i_t", explicit("i")),
        ),
    ),
)


_CANDIDATE = gate("g", "C_tilde", np.tanh)

CANDIDATE = Question(
    id="05.candidate",
    kind="function",
    title="the candidate",
    points=2,
    inputs=gate_inputs("g"),
    reference=_CANDIDATE,
    returns=("C_tilde",),
    axes={"C_tilde": ("batch", "unit")},
    input_axes=INPUT_AXES,
    terms={"C_tilde": gate_terms("g")},
    hints=(
        "The sum is that of a gate; the squash is not. What should a candidate be able to do that "
        "a gate need not?",
        "A candidate is content, not a share: it may raise the cell or lower it. Its squash goes "
        "from -1 to 1.",
        "Multiply x_t by the transpose of W_g, add h_prev times the transpose of V_g, add b_g, "
        "and put the sum through np.tanh.",
    ),
    parallel="""A thermostat proposes a change of temperature, up or down by at most 5 degrees, from
D sensors m:

    def proposal(m, K, c):
        return 5 * np.tanh(m @ K.T + c)

A sigmoid could only ever propose to heat. Yours is within 1, and listens to h_prev too.""",
    misconceptions=made_in(
        _CANDIDATE,
        (
            *sum_mistakes("g", explicit("g"), "candidate"),
            *tanh_mistakes("g", "C_tilde"),
            Mistake(
                "gate stretched to -1 and 1",
                "2 sigmoid(a) - 1 does go from -1 to 1, but it is tanh(a / 2), half as steep. "
                "Which function does the equation name?",
                {"C_tilde": squashed("g", lambda a: 2 * sigmoid(a) - 1)},
            ),
            Mistake(
                "cut off at -1 and 1",
                "Your candidate is cut off at -1 and 1 with corners. Which smooth function does "
                "the equation name?",
                {"C_tilde": squashed("g", lambda a: np.clip(a, -1, 1))},
            ),
            Mistake(
                "bias outside the tanh",
                "The bias joins the sum before it is squashed; added afterwards it can push a "
                "candidate out of -1 to 1.",
                {"C_tilde": lambda s: np.tanh(s.x_t @ s.W_g.T + s.h_prev @ s.V_g.T) + s.b_g},
            ),
            Mistake(
                "two tanh",
                "The terms are added first and squashed once, together.",
                {
                    "C_tilde": lambda s: (
                        np.tanh(s.x_t @ s.W_g.T) + np.tanh(s.h_prev @ s.V_g.T + s.b_g)
                    )
                },
            ),
        ),
    ),
)


# the slope that is left for learning, from the value alone


def _slope_inputs(rng: np.random.Generator) -> list[Probe]:
    def signs(shape: tuple[int, int]) -> Array:
        return rng.choice([-1.0, 1.0], shape)

    ordinary, saturated = (2, 4), (3, 5)
    return [
        {
            "i_t": rng.uniform(0.1, 0.9, ordinary),
            "C_tilde": signs(ordinary) * rng.uniform(0.1, 0.9, ordinary),
        },
        {
            "i_t": rng.uniform(0.001, 0.02, saturated),
            "C_tilde": signs(saturated) * rng.uniform(0.98, 0.999, saturated),
        },
    ]


_SLOPES = Derivation(
    ("i_t", "C_tilde"),
    {
        "slope_i": lambda s: s.i_t * (1 - s.i_t),
        "slope_g": lambda s: 1 - s.C_tilde**2,
    },
    returns=("slope_i", "slope_g"),
)

_FROM_VALUE = (
    "What comes in is the value, squashed already; you squash it once more. The slope can be said "
    "in terms of the value itself. How?"
)

SLOPES = Question(
    id="05.slopes",
    kind="function",
    title="the slope that saturation leaves",
    points=2,
    inputs=_slope_inputs,
    reference=_SLOPES,
    returns=("slope_i", "slope_g"),
    axes={"slope_i": ("batch", "unit"), "slope_g": ("batch", "unit")},
    input_axes={"i_t": ("batch", "unit"), "C_tilde": ("batch", "unit")},
    hints=(
        "You get the values i_t and C_tilde, not the sums that they come from. Draw both curves: "
        "where is each steepest, and what is its value there?",
        "Say the derivative by the value: that of the sigmoid is the value times what it lacks to "
        "one, that of the tanh is what the square of the value lacks to one.",
        "slope_i: i_t times (one minus i_t). slope_g: one minus C_tilde squared. No exponential "
        "is needed.",
    ),
    parallel="""y = exp(a): its slope dy/da is exp(a), that is y itself. Who holds y needs no a:

    def slope(y):
        return y            # not np.exp(y)

And y = sqrt(a): dy/da = 1 / (2 sqrt(a)) = 1 / (2 y). Yours are the sigmoid and the tanh.""",
    misconceptions=made_in(
        _SLOPES,
        (
            Mistake(
                "sigmoid of the value",
                _FROM_VALUE,
                {"slope_i": lambda s: sigmoid(s.i_t) * (1 - sigmoid(s.i_t))},
            ),
            Mistake(
                "tanh of the value",
                _FROM_VALUE,
                {"slope_g": lambda s: 1 - np.tanh(s.C_tilde) ** 2},
            ),
            Mistake(
                "both of the value",
                _FROM_VALUE,
                {
                    "slope_i": lambda s: sigmoid(s.i_t) * (1 - sigmoid(s.i_t)),
                    "slope_g": lambda s: 1 - np.tanh(s.C_tilde) ** 2,
                },
            ),
            Mistake(
                "slopes of the product",
                "On the way back from the product i_t * C_tilde each of the two gets the other as "
                "a factor. Asked for is the slope of each squash by itself.",
                {
                    "slope_i": lambda s: s.C_tilde * s.i_t * (1 - s.i_t),
                    "slope_g": lambda s: s.i_t * (1 - s.C_tilde**2),
                },
            ),
            Mistake(
                "the gate's complement",
                "1 - i_t is one factor of the slope. A closed gate (i_t near 0) would be the "
                "steepest of all in yours; which factor is missing?",
                {"slope_i": lambda s: 1 - s.i_t},
            ),
            Mistake(
                "the gate itself",
                "i_t is one factor of the slope. An open gate (i_t near 1) would be the steepest "
                "of all in yours; which factor is missing?",
                {"slope_i": lambda s: s.i_t},
            ),
            Mistake(
                "tanh's rule for the gate",
                "You used the rule of the other function for the gate. At i_t = 0 the sigmoid is "
                "flat; is yours?",
                {"slope_i": lambda s: 1 - s.i_t**2},
            ),
            Mistake(
                "gate times one minus its square",
                "The sigmoid is as flat at the bottom as at the top, so i_t and 1 - i_t must play "
                "the same part. Do they in yours?",
                {"slope_i": lambda s: s.i_t * (1 - s.i_t**2)},
            ),
            Mistake(
                "plus for minus in the gate",
                "Your slope grows up to i_t = 1, where the gate is flat. Look at the sign in the "
                "second factor.",
                {"slope_i": lambda s: s.i_t * (1 + s.i_t)},
            ),
            Mistake(
                "sigmoid's rule for the candidate",
                "You used the rule of the other function for the candidate. At C_tilde = 0 the "
                "tanh is steepest; is yours?",
                {"slope_g": lambda s: s.C_tilde * (1 - s.C_tilde)},
            ),
            Mistake(
                "square missing",
                "A candidate of -0.9 is as saturated as one of 0.9; in yours the two differ. What "
                "makes the sign disappear?",
                {"slope_g": lambda s: 1 - s.C_tilde},
            ),
            Mistake(
                "the square alone",
                "Your slope is largest where the candidate is saturated. It should be smallest "
                "there: what is the square taken from?",
                {"slope_g": lambda s: s.C_tilde**2},
            ),
            Mistake(
                "plus for minus in the candidate",
                "Your slope grows towards the ends, where the tanh is flat. Look at the sign.",
                {"slope_g": lambda s: 1 + s.C_tilde**2},
            ),
            Mistake(
                "slope of the square",
                "-2 C_tilde is how the slope changes with the value. Asked for is the slope.",
                {"slope_g": lambda s: -2 * s.C_tilde},
            ),
            Mistake(
                "the largest slopes",
                "1/4 and 1 are the slopes at the middle of the curves, the largest there are. "
                "What are they at these values?",
                {
                    "slope_i": lambda s: np.full_like(s.i_t, 0.25),
                    "slope_g": lambda s: np.ones_like(s.C_tilde),
                },
            ),
        ),
    ),
)


# repair: what is written, with the two squashes exchanged

_WRITTEN = Derivation(
    ("x_t", "h_prev", "W_i", "V_i", "b_i", "W_g", "V_g", "b_g"),
    {
        "a_i": pre_activation(explicit("i")),
        "i_t": squashed("i", sigmoid),
        "a_g": pre_activation(explicit("g")),
        "C_tilde": squashed("g", np.tanh),
        "written": lambda s: s.i_t * s.C_tilde,
    },
    returns=("i_t", "C_tilde", "written"),
)


def _written_inputs(rng: np.random.Generator) -> list[Probe]:
    # a batch as large as the layer lets `@` run where `*` is meant
    return [
        {
            "x_t": rng.standard_normal((B, D)),
            "h_prev": rng.uniform(-1, 1, (B, H)),
            **{
                f"{k}_{letter}": rng.normal(0, 0.5, shape)
                for letter in "ig"
                for k, shape in (("W", (H, D)), ("V", (H, H)), ("b", (H,)))
            },
        }
        for B, D, H in ((2, 3, 4), (4, 4, 4), (1, 5, 2))
    ]


_A_SHARE_OF = "The gate is a share of the candidate. Which operation takes a share?"

_WRITTEN_MISTAKES = (
    Mistake(
        "squashes exchanged",
        "The product lies between -1 and 1 either way, so it looks right. But which of the two is "
        "a share, and which may be negative?",
        {"i_t": squashed("i", np.tanh), "C_tilde": squashed("g", sigmoid)},
    ),
    Mistake(
        "sum for product",
        _A_SHARE_OF,
        {"written": lambda s: s.i_t + s.C_tilde},
    ),
    Mistake(
        "matrix product",
        "@ mixes units and examples, and runs only where the sizes happen to fit. Each unit's "
        "gate acts on its own candidate: which product is that?",
        {"written": lambda s: s.i_t @ s.C_tilde},
    ),
    Mistake(
        "gate left out of what is written",
        "You write the candidate whole. What does the gate say to that?",
        {"written": lambda s: s.C_tilde},
    ),
    Mistake(
        "writes what is kept out",
        "You write what the gate keeps out. Which share does i_t = 1 let in?",
        {"written": lambda s: (1 - s.i_t) * s.C_tilde},
    ),
    Mistake(
        "tanh of the product",
        "The candidate has been through its tanh already. Does anything squash the product?",
        {"written": lambda s: np.tanh(s.i_t * s.C_tilde)},
    ),
    Mistake(
        "candidate from the gate's sum",
        "Gate and candidate come from the same sum. Each has weights of its own, or the cell "
        "could only write large numbers when it writes at all.",
        {"C_tilde": lambda s: np.tanh(s.a_i)},
    ),
    Mistake(
        "gate from the candidate's sum",
        "The gate's weights are exchanged for the candidate's. Whose letter is i, whose is g?",
        {"i_t": lambda s: sigmoid(s.x_t @ s.W_g.T + s.h_prev @ s.V_g.T + s.b_g)},
    ),
    Mistake(
        "weights of gate and candidate swapped",
        "The gate uses the candidate's weights, and the candidate the gate's. Whose letter is i, "
        "whose is g?",
        {
            "a_i": pre_activation(explicit("g")),
            "a_g": pre_activation(explicit("i")),
        },
    ),
    Mistake(
        "returned in each other's place",
        "The share comes first, then what it is a share of.",
        {
            "i_t": lambda s: np.tanh(pre_activation(explicit("g"))(s)),
            "C_tilde": lambda s: sigmoid(s.a_i),
        },
    ),
    Mistake(
        "candidate of the gate",
        "Your candidate comes from the gate instead of from x_t and h_prev. Who may look at what?",
        {"C_tilde": lambda s: np.tanh(s.i_t)},
    ),
    Mistake(
        "gate on the sum of the candidate",
        "The gate stands inside the candidate's tanh. Squash first, then let a share through.",
        {"written": lambda s: np.tanh(s.i_t * s.a_g)},
    ),
)

_SQUASHES = (*sigmoid_mistakes("i", "i_t"), *tanh_mistakes("g", "C_tilde"))
_SUMS = ("W and V swapped", "bias missing", "recurrent term missing", "h @ V without the transpose")


def _of(letter: str, mistakes: tuple[Mistake, ...]) -> list[Mistake]:
    """The same mistake in one of the two sums, by a name that says in which."""
    return [Mistake(f"{letter}: {m.name}", m.hint, m.lines) for m in mistakes if m.name in _SUMS]


WRITTEN = Question(
    id="05.written",
    kind="repair",
    title="a write that looks right",
    points=3,
    inputs=_written_inputs,
    reference=_WRITTEN,
    returns=("i_t", "C_tilde", "written"),
    axes=dict.fromkeys(("i_t", "C_tilde", "written"), ("batch", "unit")),
    input_axes=INPUT_AXES,
    terms={"i_t": gate_terms("i"), "C_tilde": gate_terms("g")},
    hints=(
        "Look at the two factors, not at the product: print the smallest and the largest i_t and "
        "C_tilde.",
        "i_t is a share, between 0 and 1: sigmoid. C_tilde is content, between -1 and 1: tanh. "
        "What is written is their product, element by element.",
        "Exchange the two squashing functions; leave the sums and the product alone.",
    ),
    parallel="""A recorder has a level knob (0 to 1) and a signal (-1 to 1):

    level = np.tanh(k)        # may be negative: the signal comes out upside down
    signal = sigmoid(m)       # never negative: no wave at all
    tape = level * signal     # between -1 and 1 all the same

The range of a product says nothing about its factors. Look at each.""",
    misconceptions=made_in(
        _WRITTEN,
        (
            *_WRITTEN_MISTAKES,
            *_SQUASHES,
            *_of("i", sum_mistakes("i", explicit("i"))),
            *_of("g", sum_mistakes("g", explicit("g"), "candidate")),
        ),
    ),
)


# how many steps of gradient descent open a gate that begins closed


def start(seed: int) -> float:
    """The bias at which the gate begins; the exercise shows the same line."""
    return -3 - 2 * np.random.default_rng(seed).random()


def _descend(
    slope: Callable[[float], float] = lambda i: i * (1 - i),
    error: Callable[[float], float] = lambda i: i - 1,
    until: float = 0.5,
    more: int = 0,
    rate: float = 1.0,
) -> Callable[..., tuple[int, int]]:
    """The number of steps for a seed by who takes this slope and this error."""

    def steps(seed: int = 25) -> tuple[int, int]:
        b = start(seed)
        count = 0
        while (i := float(sigmoid(np.array(b)))) <= until and count < 10_000:
            b -= rate * error(i) * slope(i)
            count += 1
        return seed, count + more

    return steps


def _of_sigmoid(a: float) -> float:
    s = float(sigmoid(np.array(a)))
    return s * (1 - s)


def _by_first_gradient(seed: int = 25) -> tuple[int, int]:
    b = start(seed)
    i = float(sigmoid(np.array(b)))
    return seed, int(np.ceil(-b / ((1 - i) * i * (1 - i))))


STEPS_TO_OPEN = Question(
    id="05.steps_to_open",
    kind="number",
    title="how long a closed gate takes to open",
    points=2,
    inputs=lambda rng: [{}],
    reference=_descend(),
    returns=("seed", "steps"),
    axes={"seed": (), "steps": ()},
    arguments=(),
    own=("seed",),
    complaints={
        "seed": "Return your seed as it is.",
        "steps": "The gate that begins where your seed puts it opens after another number of "
        "steps. Print i and the change of b for the first few steps: which factor makes it slow?",
    },
    hints=(
        "Let a loop do it: work out i, stop when it is above one half, else change b and count.",
        "dL/db has two factors: the error, i - 1, and the slope of the sigmoid at this b, which "
        "you can say by i alone (question 3).",
        "In each step subtract (i - 1) times i times (1 - i) from b, learning rate 1, and add one "
        "to the count; stop when the sigmoid of b is above 0.5.",
    ),
    parallel="""How many steps bring u = tanh(b) from b = 2 below 0.5, for L = u**2 / 2?

    b, steps = 2.0, 0
    while np.tanh(b) >= 0.5:
        u = np.tanh(b)
        b -= u * (1 - u**2)      # error u, slope 1 - u**2, learning rate 1
        steps += 1

Count the changes, not the looks: the loop ends with the first look that needs no change.""",
    misconceptions=(
        Misconception(
            "slope missing",
            "You step by the error alone, so even a closed gate opens quickly. How much does i "
            "move when b moves?",
            _descend(slope=lambda i: 1.0),
        ),
        Misconception(
            "value taken for the pre-activation",
            "You put i through the sigmoid once more, so the slope never falls below 0.19. i is "
            "the value already.",
            _descend(slope=_of_sigmoid),
        ),
        Misconception(
            "tanh's slope",
            "That is the slope of the other squash: near i = 0 yours is nearly 1. How steep is a "
            "sigmoid there?",
            _descend(slope=lambda i: 1 - i * i),
        ),
        Misconception(
            "the largest slope",
            "1/4 is the slope at the middle of the sigmoid, and your gate begins far from it. "
            "What is the slope at this i?",
            _descend(slope=lambda i: 0.25),
        ),
        Misconception(
            "error missing",
            "Your change of b is as large as the slope, i times what it lacks to one. It has three "
            "factors: the error, and both of the slope's. Which one have you left out?",
            _descend(error=lambda i: -1.0),
        ),
        Misconception(
            "gradient of the first step",
            "You made every step with the gradient of the first. When b moves, i and the slope "
            "move too: which lines belong inside the loop?",
            _by_first_gradient,
        ),
        Misconception(
            "factor 2",
            "Your gradient is twice what it must be: the half in L = (i - 1)**2 / 2 takes the 2 "
            "away.",
            _descend(rate=2.0),
        ),
        Misconception(
            "half the gradient",
            "Your gradient is half of what it must be. What is the derivative of a square?",
            _descend(rate=0.5),
        ),
        Misconception(
            "one too many",
            "One too many: count the changes of b that were made until i was above one half.",
            _descend(more=1),
        ),
        Misconception(
            "one too few",
            "One too few: count the changes of b that were made until i was above one half.",
            _descend(more=-1),
        ),
        Misconception(
            "waits for 0.9",
            "You wait until the gate is wide open. Asked for is when it is more open than closed.",
            _descend(until=0.9),
        ),
    ),
)


QUESTIONS = (INPUT_GATE, CANDIDATE, SLOPES, WRITTEN, STEPS_TO_OPEN)
