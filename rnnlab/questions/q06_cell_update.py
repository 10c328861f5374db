"""Exercise 06: the cell update, its four corners, a leaky counter, and weights that count."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from rnnlab.cells import sigmoid
from rnnlab.params import Array
from rnnlab.questions import Misconception, Probe, Question
from rnnlab.questions.derivation import Derivation, Mistake, Recurrence, made_in
from rnnlab.questions.memory import AT_STEP, CARRY_MISTAKES, UPDATE, UPDATE_MISTAKES, UPDATE_TERMS

_UPDATE = Derivation(("C_prev", "f_t", "i_t", "C_tilde"), UPDATE, returns=("C_t",))


def _update_inputs(rng: np.random.Generator) -> list[Probe]:
    # a batch as large as the layer lets `@` run where `*` is meant
    return [
        {
            "C_prev": rng.normal(0, 1, shape),
            "f_t": rng.uniform(0.05, 0.95, shape),
            "i_t": rng.uniform(0.05, 0.95, shape),
            "C_tilde": rng.uniform(-0.95, 0.95, shape),
        }
        for shape in ((2, 4), (3, 3), (1, 5))
    ]


CELL_UPDATE = Question(
    id="06.cell_update",
    kind="line",
    title="the cell update",
    points=1,
    inputs=_update_inputs,
    reference=_UPDATE,
    returns=("C_t",),
    axes={"C_t": ("batch", "unit")},
    input_axes=dict.fromkeys(("C_prev", "f_t", "i_t", "C_tilde"), ("batch", "unit")),
    terms={"C_t": UPDATE_TERMS},
    hints=(
        "Two terms: what stays of the old, what comes in of the new. Print each for one example.",
        "f_t has the say about C_prev, i_t about C_tilde. The circle with a dot is the "
        "elementwise product, in code `*`.",
        "Multiply f_t by C_prev and i_t by C_tilde, element by element, and add the two.",
    ),
    parallel="""A mailbox holds m letters of each sort; a share k stays overnight, and a share u of
the d new letters gets past the dog:

    m_t = k * m_prev + u * d

Each sort by itself. Yours has gates for shares, and a candidate that may be negative.""",
    misconceptions=made_in(_UPDATE, UPDATE_MISTAKES),
)


# the four corners of (f, i), in words

_CORNERS = ("f=1, i=0", "f=0, i=0", "f=0, i=1", "f=1, i=1")
_WORDS = ("keep", "clear", "replace", "add")


def _said(words: Any, probe: Probe) -> Mapping[str, Any]:
    """The words as they are meant: without capitals and blanks around."""
    return {
        corner: np.str_(str(word).strip().lower())
        for corner, word in zip(_CORNERS, words, strict=True)
    }


def _corners(*words: str) -> Callable[[], tuple[str, ...]]:
    return lambda: words


CORNERS = Question(
    id="06.corners",
    kind="line",
    title="the four corners of f and i",
    points=1,
    inputs=lambda rng: [{}],
    reference=_corners(*_WORDS),
    returns=_CORNERS,
    axes=dict.fromkeys(_CORNERS, ()),
    arguments=(),
    observe=_said,
    complaints={
        corner: f"With {corner} the cell does something else. Put the two numbers into the "
        "update: what is left of it? The words to choose from are keep, clear, replace, add."
        for corner in _CORNERS
    },
    hints=(
        "Put each pair of numbers into f * C_prev + i * C_tilde and see what is left.",
        "f = 1 leaves C_prev in the sum, f = 0 takes it out; i does the same for the candidate.",
        "Left over are, in some order: C_prev alone, nothing, C_tilde alone, both. Say for each "
        "corner which, and choose the word for it.",
    ),
    parallel="""A blackboard in the morning: w = 1 wipes it, r = 1 writes a line.

    w=0, r=0   nothing happens: yesterday's text stays
    w=1, r=0   an empty board
    w=1, r=1   today's line alone
    w=0, r=1   today's line below yesterday's

Mind that w = 1 wipes, while f = 1 keeps.""",
    misconceptions=(
        Misconception(
            "open forget gate forgets",
            "You took f = 1 for forgetting. In spite of its name, f is the share that stays.",
            _corners("clear", "keep", "add", "replace"),
        ),
        Misconception(
            "open input gate shuts",
            "You took i = 1 for shut. i is the share of the candidate that is let in.",
            _corners("add", "replace", "clear", "keep"),
        ),
        Misconception(
            "f and i swapped",
            "You let f have the say about the new and i about the old. Which gate stands at "
            "C_prev?",
            _corners("replace", "clear", "keep", "add"),
        ),
        Misconception(
            "writing always replaces",
            "With both gates open you let the new push the old out. What does the plus in the "
            "update do?",
            _corners("keep", "clear", "replace", "replace"),
        ),
        Misconception(
            "writing always adds",
            "With f = 0 you still have something left to add to. What does f = 0 leave of the old?",
            _corners("keep", "clear", "add", "add"),
        ),
        Misconception(
            "both shut keeps",
            "With both gates shut you let the cell rest as it is. What does f = 0 leave of it?",
            _corners("keep", "keep", "replace", "add"),
        ),
        Misconception(
            "add and replace mixed up",
            "The two corners that write nothing are right; the two that write are exchanged. "
            "In which of them is the old still there?",
            _corners("keep", "clear", "add", "replace"),
        ),
        Misconception(
            "keep and clear mixed up",
            "The two corners that write are right; the other two are exchanged. What does f "
            "leave of the old?",
            _corners("clear", "keep", "replace", "add"),
        ),
        Misconception(
            "clear and replace mixed up",
            "The two corners with f = 1 are right; the two with f = 0 are exchanged. In which of "
            "them does the candidate come in?",
            _corners("keep", "replace", "clear", "add"),
        ),
        Misconception(
            "keep and add mixed up",
            "The two corners with f = 0 are right; the two with f = 1 are exchanged. In which of "
            "them does the candidate come in?",
            _corners("add", "clear", "replace", "keep"),
        ),
    ),
)


# repair: three of the four corners come out right

_STATES = Recurrence(
    ("f", "i", "candidates", "C_0"),
    first={"C_prev": lambda s: s.C_0},
    step={**AT_STEP, **UPDATE},
    carry={"C_prev": lambda s: s.C_t},
    collect={"C": lambda s: s.stack("C_t")},
    returns=("C",),
)

_ROW_MISTAKES = (
    Mistake(
        "only the last state",
        "This is the last state alone; asked for is the cell at every step, (T, B, H).",
        {"C": lambda s: s.C_t},
    ),
    Mistake(
        "T + 1 rows",
        "C_0 is what went in, not a step: T steps leave T states.",
        {"C": lambda s: np.stack([s.C_0, *s.all("C_t")])},
    ),
)


def _states_inputs(rng: np.random.Generator) -> list[Probe]:
    return [
        {
            "f": rng.uniform(0.3, 0.95, (T, B, H)),
            "i": rng.uniform(0.05, 0.95, (T, B, H)),
            "C_tilde": rng.uniform(-0.95, 0.95, (T, B, H)),
            "C_0": rng.normal(0, 1, (B, H)),
        }
        for T, B, H in ((5, 2, 4), (4, 3, 3), (6, 1, 2))
    ]


_TBH = ("time", "batch", "unit")

CELL_STATES = Question(
    id="06.cell_states",
    kind="repair",
    title="three corners out of four",
    points=2,
    inputs=_states_inputs,
    reference=_STATES,
    returns=("C",),
    axes={"C": _TBH},
    input_axes={"f": _TBH, "i": _TBH, "C_tilde": _TBH, "C_0": ("batch", "unit")},
    hints=(
        "Run the broken one on the four corners, one step each. Which of them is wrong?",
        "With f = 0 and i = 1 the cell should hold the candidate. In C_t = f_t * C_{t-1} + "
        "i_t * C~_t, which term does f_t meet, and which not?",
        "Let f[t] multiply the state of the step before only; add i[t] * C_tilde[t] afterwards.",
    ),
    parallel="""A shop discounts old stock by the factor k, then adds new goods worth n:

    value = k * (value + n)      # the new goods are discounted on arrival
    value = k * value + n        # only the old

With k = 1, or with no new goods, both say the same. A test with k = 0.5 and n = 10 tells them
apart.""",
    misconceptions=made_in(_STATES, (*UPDATE_MISTAKES, *CARRY_MISTAKES, *_ROW_MISTAKES)),
)


# a leaky counter, from the learner's seed


def leak(seed: int) -> tuple[float, float, float]:
    """Constant f, i, C_tilde; the exercise shows the same lines."""
    rng = np.random.default_rng(seed)
    return rng.uniform(0.85, 0.97), rng.uniform(0.5, 0.9), rng.uniform(0.4, 0.9)


def _ceiling(f: float, i: float, C_tilde: float) -> float:
    return i * C_tilde / (1 - f)


def _half_way(f: float) -> int:
    return int(np.ceil(np.log(0.5) / np.log(f)))


def _level(
    ceiling: Callable[[float, float, float], float] = _ceiling,
    steps: Callable[[float], float] = _half_way,
) -> Callable[..., tuple[int, float, float]]:
    def predict(seed: int = 7) -> tuple[int, float, float]:
        f, i, C_tilde = leak(seed)
        return seed, float(ceiling(f, i, C_tilde)), steps(f)

    return predict


LEVEL = Question(
    id="06.level",
    kind="number",
    title="where a leaky counter levels off",
    points=3,
    inputs=lambda rng: [{}],
    reference=_level(),
    returns=("seed", "ceiling", "steps"),
    axes={"seed": (), "ceiling": (), "steps": ()},
    arguments=(),
    own=("seed",),
    tolerance=1e-3,  # three digits of the ceiling will do
    complaints={
        "seed": "Return your seed as it is.",
        "ceiling": "To three digits, the cell levels off at another value with your seed's gates. "
        "At the level, a step takes away as much as it brings: how much is each?",
        "steps": "The ceiling is right, the number of steps is not. The distance to the ceiling "
        "begins as the whole ceiling. What does one step leave of it?",
    },
    hints=(
        "Let a loop run for a thousand steps first and look where C settles. Then say why.",
        "At the ceiling C_t equals C_{t-1}: put one letter for both in the update. For the steps, "
        "look at the distance to the ceiling: each step leaves the share f of it.",
        "ceiling: i times C_tilde over (1 - f). steps: the smallest whole n for which f to the n "
        "is at most one half.",
    ),
    parallel="""A bath loses a share 1 - k of its water a minute, and a tap adds a litres. It stands
still when loss and gain agree:

    (1 - k) * level = a          so level = a / (1 - k)

With k = 0.9 and a = 2: 20 litres. What is missing shrinks by k each minute: 20, 18, 16.2 ...""",
    misconceptions=(
        Misconception(
            "levels off at what is written",
            "That is what one step writes. The steps after it write too, while most of the old is "
            "still there.",
            _level(lambda f, i, C_tilde: i * C_tilde),
        ),
        Misconception(
            "levels off at the candidate",
            "That is what is offered at each step. A cell that keeps most of the old and adds to "
            "it goes on growing past one step's worth.",
            _level(lambda f, i, C_tilde: C_tilde),
        ),
        Misconception(
            "input gate left out",
            "You let the candidate in whole. Which share of it is written?",
            _level(lambda f, i, C_tilde: C_tilde / (1 - f)),
        ),
        Misconception(
            "candidate left out",
            "You let the input gate's share in as if 1 were on offer. What is on offer "
            "with your seed?",
            _level(lambda f, i, C_tilde: i / (1 - f)),
        ),
        Misconception(
            "one written at each step",
            "You let 1 in at each step. With your seed a step writes less: which share of what?",
            _level(lambda f, i, C_tilde: 1 / (1 - f)),
        ),
        Misconception(
            "divided by f",
            "You divide by the share that stays. At the level, what comes in must make up for "
            "what is lost: which share is that?",
            _level(lambda f, i, C_tilde: i * C_tilde / f),
        ),
        Misconception(
            "divided by 1 - i",
            "You divide by what the input gate keeps out. What comes in must make up for what "
            "the cell loses: which gate decides that?",
            _level(lambda f, i, C_tilde: C_tilde * f / (1 - i)),
        ),
        Misconception(
            "before the write",
            "That is the level just before each write, f times what it is after it. C_t is the "
            "state after the step.",
            _level(lambda f, i, C_tilde: f * i * C_tilde / (1 - f)),
        ),
        Misconception(
            "squashed",
            "You put the level through tanh. The cell itself has no bound; only what is read of "
            "it has.",
            _level(lambda f, i, C_tilde: np.tanh(_ceiling(f, i, C_tilde))),
        ),
        Misconception(
            "half of the ceiling",
            "That is half of the ceiling, where `steps` is counted to. Return the ceiling itself.",
            _level(lambda f, i, C_tilde: _ceiling(f, i, C_tilde) / 2),
        ),
        Misconception(
            "rounded",
            "The right value, cut too short: give at least three digits of it.",
            _level(lambda f, i, C_tilde: np.round(_ceiling(f, i, C_tilde))),
        ),
        Misconception(
            "one step too few",
            "The ceiling is right. After that many steps, is the cell at half of it yet? Try the "
            "loop.",
            _level(steps=lambda f: _half_way(f) - 1),
        ),
        Misconception(
            "one step too many",
            "The ceiling is right. Was the cell at half of it one step before? Try the loop.",
            _level(steps=lambda f: _half_way(f) + 1),
        ),
        Misconception(
            "steps not whole",
            "The ceiling is right, and f to the power of your steps is one half. But a cell takes "
            "whole steps: after which of them has it first reached half?",
            _level(steps=lambda f: float(np.log(0.5) / np.log(f))),
        ),
        Misconception(
            "time constant",
            "1 / (1 - f) steps bring it to about two thirds (1 - 1/e) of the ceiling. Half comes "
            "earlier.",
            _level(steps=lambda f: int(np.ceil(1 / (1 - f)))),
        ),
        Misconception(
            "as if it grew at a steady pace",
            "You let every step add what the first adds. The fuller the cell, the more it loses: "
            "how much of the distance to the ceiling does one step leave?",
            _level(steps=lambda f: int(np.ceil(0.5 / (1 - f)))),
        ),
    ),
)


# weights by hand: a cell that counts

_TOKENS = np.eye(3)
_A, _B, _RESET = range(3)
_Weights = tuple[Array, Array, Array, Array, Array, Array]


def _weights(
    f: tuple[float, float, float] = (20, 20, -20),
    i: tuple[float, float, float] = (20, -20, -20),
    g: tuple[float, float, float] = (20, 20, 20),
) -> Callable[[], _Weights]:
    """W_f, b_f, W_i, b_i, W_g, b_g from the pre-activation on each token: A, B, reset.

    The bias is the value for B; the columns bring the rest.
    """

    def weights() -> _Weights:
        arrays: list[Array] = []
        for sums in (f, i, g):
            arrays += [np.array([sums]) - sums[_B], np.array([float(sums[_B])])]
        return tuple(arrays)  # type: ignore[return-value]

    return weights


def _cells(weights: Any, tokens: Array) -> Array:
    """The cell after each token, from an empty one; shape (T,)."""
    W_f, b_f, W_i, b_i, W_g, b_g = weights
    x = _TOKENS[tokens]
    f = sigmoid(x @ W_f.T + b_f)[:, 0]
    written = (sigmoid(x @ W_i.T + b_i) * np.tanh(x @ W_g.T + b_g))[:, 0]
    C = np.empty(len(tokens))
    state = 0.0
    for t in range(len(tokens)):
        C[t] = state = f[t] * state + written[t]
    return C


def _count_inputs(rng: np.random.Generator) -> list[Probe]:
    # one early reset, so that every text has a long count after it, whatever the seed
    text = rng.choice([_A, _B], 2000)
    text[rng.integers(100, 300)] = _RESET
    return [{"text": 1 + text}]  # from 1 on, for no probe holds a zero


def _counts(weights: Any, probe: Probe) -> Mapping[str, Any]:
    """The count that the cell holds, rounded, after short texts; the long text's error's sign.

    One A that writes a half, or less, is told from one that writes nothing.
    """

    def after(*tokens: int) -> Array:
        count: Array = np.round(_cells(weights, np.array(tokens))[-1])
        return count

    text = probe["text"] - 1
    errors = np.round(_cells(weights, text)) - _true_counts(text)
    return {
        "one": np.array([after(_A), _cells(weights, np.array([_A]))[-1] > 0.25]),
        "five": after(*[_A] * 5),
        "ignores B": np.array([after(_B), after(_A, _A, _A, _B, _B, _B, _B)]),
        "clears": after(_A, _A, _A, _RESET),
        "again": after(_A, _A, _A, _RESET, _RESET, _A, _A),
        "long": np.sign(errors[np.argmax(np.abs(errors))]),
    }


def _true_counts(tokens: Array) -> Array:
    """The number of A since the last reset, after each token."""
    counts = np.cumsum(tokens == _A)
    at_reset = np.maximum.accumulate(np.where(tokens == _RESET, counts, 0))
    return counts - at_reset


_HALF_WRITTEN = (
    "One A writes half of a 1, or less. A sum of zero leaves a gate at a half, a sum of 0.5 leaves "
    "the candidate below a half. Which of the two is it in yours, and what must its sum be on A?"
)

COUNT_WEIGHTS = Question(
    id="06.count_weights",
    kind="weights",
    title="weights that count",
    points=3,
    inputs=_count_inputs,
    reference=_weights(),
    returns=("W_f", "b_f", "W_i", "b_i", "W_g", "b_g"),
    axes={
        name: axes
        for letter in "fig"
        for name, axes in ((f"W_{letter}", ("unit", "token")), (f"b_{letter}", ("unit",)))
    },
    arguments=(),
    observe=_counts,
    complaints={
        "one": "From an empty cell, one A should leave 1 in the cell; rounded, yours leaves "
        "something else. What are i_t and C~_t on A?",
        "five": "One A leaves 1, but five of them do not leave 5. What do the steps after the "
        "first keep?",
        "ignores B": "It counts A, but B should leave the count as it is, an empty cell too. What "
        "are f_t and i_t on B?",
        "clears": "It counts A and ignores B, but after A, A, A, reset the cell should be empty. "
        "What are f_t and i_t on reset?",
        "again": "It counts and clears, but after a second reset it does not count as before.",
        "long": "Short texts come out right, but over 2000 tokens the count, rounded, goes wrong.",
    },
    hints=(
        "Make a table: for A, B and reset, which corner of (f, i) should the cell be in? And what "
        "should the candidate be where something is written?",
        "A adds, B keeps, reset clears. For a one-hot token, W x picks a column, so the sum is "
        "bias plus column. 1 - sigmoid(a) is about exp(-a), and each step loses that share.",
        "Bias and columns so that the sum is far above 10 where a gate is open, far below -10 "
        "where it is shut (20 and -20, say), and far above 3 for the candidate on A.",
    ),
    parallel="""A lamp that remembers: "on" lights it, "off" puts it out, "wait" keeps it. One unit:

    token    corner     f sum   i sum   candidate
    on       replace    -20      20     1
    off      clear      -20     -20     -
    wait     keep        20     -20     -

    b_f = -20, W_f = [[0, 0, 40]];  b_i = -20, W_i = [[40, 0, 0]];  b_g = 20, W_g = zeros

Yours adds where this one replaces.""",
    misconceptions=(
        Misconception(
            "weights of one",
            "Sums of 1 and -1 leave every gate half open. A gate is only as good as a switch when "
            "its sum is large.",
            _weights((1, 1, -1), (1, -1, -1), (1, 1, 1)),
        ),
        Misconception(
            "replaces instead of adding",
            "On A yours writes 1 and throws the old count away. In which corner of (f, i) does "
            "the cell add?",
            _weights(f=(-20, 20, -20)),
        ),
        Misconception(
            "forgets half at each step",
            "With a sum of zero the forget gate stands at a half. What must bias plus column be "
            "for it to keep?",
            _weights(f=(0, 0, -20)),
        ),
        Misconception(
            "candidate too small",
            "The count lags behind: each A writes less than 1, or a share is lost at each step. "
            "Print i_t * C~_t and f_t on A. How large must a sum be for each of them to be 1?",
            _weights(g=(1, 1, 1)),
        ),
        Misconception(
            "gates of 0.95",
            "The count lags behind: each A writes less than 1, or a share is lost at each step. "
            "Print i_t * C~_t and f_t on A. How large must a sum be for each of them to be 1?",
            _weights(f=(3, 3, -3), i=(3, -3, -3)),
        ),
        Misconception(
            "nothing written",
            "The cell stays empty. With a sum of zero the candidate is tanh(0): what is that, and "
            "what should be written on A?",
            _weights(g=(0, 0, 0)),
        ),
        Misconception("input gate of zeros", _HALF_WRITTEN, _weights(i=(0, 0, 0), g=(20, 0, 0))),
        Misconception("input gate half open", _HALF_WRITTEN, _weights(i=(0, 0, 0))),
        Misconception("input gate half open on A", _HALF_WRITTEN, _weights(i=(0, -20, -20))),
        Misconception("candidate below a half", _HALF_WRITTEN, _weights(g=(0.4, 0.4, 0.4))),
        Misconception(
            "counts down",
            "Each A takes one away. Which sign should the candidate have on A?",
            _weights(g=(-20, -20, -20)),
        ),
        Misconception(
            "counts every token",
            "B is counted too. Which gate can tell the tokens apart before anything is written?",
            _weights(i=(20, 20, -20)),
        ),
        Misconception(
            "B takes one away",
            "B counts down where it should change nothing. A shut input gate writes neither up nor "
            "down.",
            _weights(i=(20, 20, -20), g=(20, -20, 20)),
        ),
        Misconception(
            "B clears",
            "B empties the cell. Which corner of (f, i) leaves it as it is?",
            _weights(f=(20, -20, -20)),
        ),
        Misconception(
            "reset only stops writing",
            "On reset nothing is written, but the count stays. Which gate empties the cell?",
            _weights(f=(20, 20, 20)),
        ),
        Misconception(
            "reset takes one away",
            "On reset one is taken away, and the rest stays. Clearing is the forget gate's work, "
            "not the candidate's.",
            _weights(f=(20, 20, 20), i=(20, -20, 20), g=(20, 20, -20)),
        ),
        Misconception(
            "reset is counted",
            "The cell is cleared on reset, and then the reset itself is written. Which corner "
            "leaves nothing at all?",
            _weights(i=(20, -20, 20)),
        ),
        Misconception(
            "forget gate not open enough",
            "Over a long text a little is lost at every step. f_t = 0.999 sounds open; what is "
            "left of it after a thousand steps? How large must the sum be?",
            _weights(f=(7, 7, -20)),
        ),
        Misconception(
            "B leaks in",
            "B is nearly ignored, but over a long text its small share adds up. How far shut is "
            "your input gate on B?",
            _weights(i=(20, -4, -20)),
        ),
    ),
)


QUESTIONS = (CELL_UPDATE, CORNERS, CELL_STATES, LEVEL, COUNT_WEIGHTS)
