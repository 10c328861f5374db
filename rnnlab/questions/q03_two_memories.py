"""Exercise 03: erase, write and read; which of the two memories a value sits in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from rnnlab.params import Array
from rnnlab.questions import Misconception, Probe, Question
from rnnlab.questions.derivation import Derivation, Mistake, Recurrence, made_in
from rnnlab.questions.memory import (
    AT_STEP,
    CARRY_MISTAKES,
    READ,
    READ_MISTAKES,
    STEP_MISTAKES,
    UPDATE,
    UPDATE_MISTAKES,
    UPDATE_TERMS,
)

_STEP = Derivation(
    ("C_prev", "f_t", "i_t", "C_tilde", "o_t"),
    {**UPDATE, **READ},
    returns=("C_t", "h_t"),
)


def _step_inputs(rng: np.random.Generator) -> list[Probe]:
    # a batch as large as the layer lets `@` run where `*` is meant
    return [
        {
            "C_prev": rng.normal(0, 1, shape),
            "f_t": rng.uniform(0.05, 0.95, shape),
            "i_t": rng.uniform(0.05, 0.95, shape),
            "C_tilde": rng.uniform(-0.95, 0.95, shape),
            "o_t": rng.uniform(0.05, 0.95, shape),
        }
        for shape in ((2, 4), (3, 3), (1, 5))
    ]


ERASE_WRITE_READ = Question(
    id="03.erase_write_read",
    kind="function",
    title="erase, write, read",
    points=3,
    inputs=_step_inputs,
    reference=_STEP,
    returns=("C_t", "h_t"),
    axes={"C_t": ("batch", "unit"), "h_t": ("batch", "unit")},
    input_axes=dict.fromkeys(("C_prev", "f_t", "i_t", "C_tilde", "o_t"), ("batch", "unit")),
    terms={"C_t": UPDATE_TERMS},
    hints=(
        "Three lines: erase from the old state, write to it, read it. Print what each leaves for "
        "one example.",
        "The cell keeps the share f_t of what it held and takes the share i_t of what is offered. "
        "The read-out is the share o_t of the squashed cell. All products go element by element.",
        "Multiply C_prev by f_t and C_tilde by i_t and add the two: that is C_t. Then multiply "
        "the tanh of C_t by o_t: that is h_t.",
    ),
    parallel="""A water tank holds s. Overnight a share k of it stays; then a share u of a
delivery d is poured in; a gauge in the office shows a share g of the square root of the level.

    level = k * s + u * d
    gauge = g * np.sqrt(level)

Reading the gauge takes no water out. Yours has the same three steps, with another squash.""",
    misconceptions=made_in(_STEP, (*UPDATE_MISTAKES, *READ_MISTAKES, *STEP_MISTAKES)),
)


_SEQUENCE = Recurrence(
    ("f", "i", "candidates", "o", "C_0"),
    first={"C_prev": lambda s: s.C_0},
    step={**AT_STEP, "o_t": lambda s: s.o[s.t], **UPDATE, **READ},
    carry={"C_prev": lambda s: s.C_t},
    collect={"C": lambda s: s.stack("C_t"), "h": lambda s: s.stack("h_t")},
    returns=("C", "h"),
)

_READING_COPIES = (
    "What is shown at one step is missing at the next. Reading makes a copy; only one gate erases."
)

_CARRIED = (
    Mistake(
        "h carried for C",
        "Two memories, and the wrong one goes on to the next step. Which of them keeps what the "
        "output gate hides?",
        {"next_C_prev": lambda s: s.h_t},
    ),
    Mistake(
        "tanh of C carried",
        "The next step starts with what is squashed for reading. Which state does the cell itself "
        "hand on?",
        {"next_C_prev": lambda s: s.shown},
    ),
    Mistake(
        "closed gate erases",
        "What the output gate hides is gone at the next step. A closed output gate hides; only "
        "one gate erases.",
        {"next_C_prev": lambda s: s.o_t * s.C_t},
    ),
    Mistake(
        "reading empties the cell",
        _READING_COPIES,
        {"next_C_prev": lambda s: (1 - s.o_t) * s.C_t},
    ),
    Mistake(
        "only the last state",
        "This is the last state alone; asked for are both memories at every step, (T, B, H).",
        {"C": lambda s: s.C_t, "h": lambda s: s.h_t},
    ),
)


def _sequence_inputs(rng: np.random.Generator) -> list[Probe]:
    return [
        {
            "f": rng.uniform(0.3, 0.95, (T, B, H)),
            "i": rng.uniform(0.05, 0.95, (T, B, H)),
            "C_tilde": rng.uniform(-0.95, 0.95, (T, B, H)),
            "o": rng.uniform(0.05, 0.95, (T, B, H)),
            "C_0": rng.normal(0, 1, (B, H)),
        }
        for T, B, H in ((5, 2, 4), (4, 3, 3), (6, 1, 2))
    ]


_TBH = ("time", "batch", "unit")

TWO_MEMORIES = Question(
    id="03.two_memories",
    kind="repair",
    title="a memory that loses what it hides",
    points=3,
    inputs=_sequence_inputs,
    reference=_SEQUENCE,
    returns=("C", "h"),
    axes={"C": _TBH, "h": _TBH},
    input_axes={"f": _TBH, "i": _TBH, "C_tilde": _TBH, "o": _TBH, "C_0": ("batch", "unit")},
    hints=(
        "Follow one unit through the first two steps by hand, with the output gate closed at the "
        "first. What is in the cell after it, and what does the next step start from?",
        "C_t = f_t * C_{t-1} + i_t * C~_t: the cell state comes from the cell state of the step "
        "before. h_t is only what is shown of it.",
        "At the end of the loop, hand C[t] on to the next step, not h[t].",
    ),
    parallel="""A shop keeps its stock s and shows a share w of it in the window. Each day a share
k of the stock stays and d comes in:

    stock = s_0
    window = []
    for k_t, d_t, w_t in zip(k, d, w):
        stock = k_t * stock + d_t         # tomorrow begins with this
        window.append(w_t * stock)        # and not with this

Closing the shutters (w_t = 0) loses nothing of the stock.""",
    misconceptions=made_in(
        _SEQUENCE,
        (
            *_CARRIED,
            *CARRY_MISTAKES,
            *UPDATE_MISTAKES,
            *READ_MISTAKES,
            # in a sequence, what reading does to the cell shows at the step after: _CARRIED
            *(m for m in STEP_MISTAKES if "C_t" not in m.lines),
        ),
    ),
)


# a log of one cell, with one step that breaks the rule


def _log_inputs(rng: np.random.Generator) -> list[Probe]:
    inside = ((6, "erase"), (8, "write"), (7, "write"), (9, "erase"))
    at_first = ((5, "write"), (10, "erase"))  # both, or a guess for want of a step would pass
    return [
        *(_log(rng, T, what, int(rng.integers(2, T - 1))) for T, what in inside),
        *(_log(rng, T, what, 0) for T, what in at_first),
    ]


def _log(rng: np.random.Generator, T: int, what: str, wrong: int) -> Probe:
    """A log of T steps in which `what` failed at the step `wrong`; before it, where there is room,
    each gate is fully open once, which is no failure."""
    f, i = rng.uniform(0.2, 0.8, (2, T))
    if wrong > 1:
        f[0] = i[1] = 1.0
    C_tilde = rng.choice([-1.0, 1.0], T) * rng.uniform(0.4, 0.9, T)
    C_0 = rng.uniform(1, 2)
    C = np.empty(T)
    C_prev = C_0
    for t in range(T):
        erased = C_prev if t == wrong and what == "erase" else f[t] * C_prev
        written = C_tilde[t] if t == wrong and what == "write" else i[t] * C_tilde[t]
        C[t] = C_prev = erased + written
    return {"f": f, "i": i, "C_tilde": C_tilde, "C_0": C_0, "C": C}


def _misses(f: Array, i: Array, C_tilde: Array, C_0: Array, C: Array) -> tuple[Array, Array]:
    """The state before each step as logged, and the steps that do not follow from it."""
    before = np.concatenate([[C_0], C[:-1]])
    return before, ~np.isclose(C, f * before + i * C_tilde)


def _wrong_step(f: Array, i: Array, C_tilde: Array, C_0: Array, C: Array) -> tuple[int, str]:
    before, misses = _misses(f, i, C_tilde, C_0, C)
    t = int(np.argmax(misses))
    return t, "erase" if np.isclose(C[t], before[t] + i[t] * C_tilde[t]) else "write"


def _from_step_1(f: Array, i: Array, C_tilde: Array, C_0: Array, C: Array) -> tuple[int, str]:
    t, what = _wrong_step(f[1:], i[1:], C_tilde[1:], C[0], C[1:])
    return t + 1, what


def _open_has_failed(f: Array, i: Array, C_tilde: Array, C_0: Array, C: Array) -> tuple[int, str]:
    before, _ = _misses(f, i, C_tilde, C_0, C)
    erase = np.isclose(C, before + i * C_tilde)
    t = int(np.argmax(erase | np.isclose(C, f * before + C_tilde)))
    return t, "erase" if erase[t] else "write"


def _from_last(tested: str) -> Callable[..., tuple[int, str]]:
    """At step 0 the failure tried does not fit C[-1], so the other one is called."""
    return _found(lambda t, what, *log: (t, what if t else _other(tested)))


_NOT_THE_LAST = (
    "Your words are right, but for a failure at step 0. There C[t - 1] is C[-1], the end of the "
    "log. What did the cell hold before step 0?"
)


def _other(what: str) -> str:
    return "write" if what == "erase" else "erase"


def _found(change: Callable[..., tuple[int, str]]) -> Callable[..., tuple[int, str]]:
    """A wrong answer that changes the right one; it sees the log too."""
    return lambda *log: change(*_wrong_step(*log), *log)


WRONG_STEP = Question(
    id="03.wrong_step",
    kind="trace",
    title="the step that breaks the rule",
    points=2,
    inputs=_log_inputs,
    reference=_wrong_step,
    returns=("step", "what"),
    axes={"step": (), "what": ()},
    complaints={
        "step": "Your step is not the one that breaks the rule. At the wrong step, C[t] does not "
        "follow from the state that the log holds for the step before.",
        "what": "The step is right, but not what failed there (the words are erase and write). "
        "Suppose the forget gate had not acted: which number would stand in the log?",
    },
    hints=(
        "Take each step by itself: from the logged state before it and the gates, what should "
        "the log hold after it?",
        "After the wrong step the log goes on by the rule, from the wrong state. So replay each "
        "step from the logged C[t - 1] (from C_0 at t = 0), not from your own replay.",
        "Find the t at which C[t] differs from f[t] times the state before plus i[t] times "
        "C_tilde[t]. There, try the same sum once without f[t] and once without i[t]; np.isclose "
        "compares two floats.",
    ),
    parallel="""A bank account pays interest g[t] and takes a deposit d[t] each year; s holds the
balances. In one year the interest was forgotten. Which?

    for t in range(1, len(s)):
        if not np.isclose(s[t], g[t] * s[t - 1] + d[t]):
            print(t, np.isclose(s[t], s[t - 1] + d[t]))  # True: it was the interest

Each year is judged by the balance that the book holds for the year before.""",
    misconceptions=(
        Misconception(
            "counted from 1",
            "You are one too far: the log's steps count from t = 0, as arrays do.",
            _found(lambda t, what, *log: (t + 1, what)),
        ),
        Misconception(
            "the step before",
            "You are one too early. C[t] is the state after step t: which step made it?",
            _found(lambda t, what, *log: (t - 1, what)),
        ),
        Misconception(
            "the last that differs from a replay",
            "From the wrong step on, a replay of your own differs from the log everywhere. Which "
            "of those steps is at fault?",
            _found(lambda t, what, *log: (len(log[0]) - 1, what)),
        ),
        Misconception(
            "the largest jump",
            "You took the step at which the cell changes most. A large change may be right, and a "
            "small one wrong: what does the rule say?",
            _found(
                lambda t, what, f, i, C_tilde, C_0, C: (
                    int(np.argmax(np.abs(np.diff(C, prepend=C_0)))),
                    what,
                )
            ),
        ),
        Misconception(
            "step 0 for want of C_0",
            "You call the first step wrong. What was in the cell before it?",
            _found(lambda t, what, *log: (0, what)),
        ),
        Misconception(
            "never looks at step 0",
            "The first step can be the wrong one too. What did the cell hold before it, and does "
            "C[0] follow from that?",
            _from_step_1,
        ),
        Misconception(
            "an open gate has failed",
            "At your step a gate is 1, and the sum without it fits: that is no failure. Does the "
            "step break the rule?",
            _open_has_failed,
        ),
        Misconception(
            "erase and write mixed up",
            "The step is right; the gate is the other one. Which gate acts on the old, and which "
            "on the new?",
            _found(lambda t, what, *log: (t, _other(what))),
        ),
        Misconception(
            "always erase",
            "The step is right, but you call every failure one of erasing. Which sum stands in "
            "the log when it was the input gate that did not act?",
            _found(lambda t, what, *log: (t, "erase")),
        ),
        Misconception(
            "always write",
            "The step is right, but you call every failure one of writing. Which sum stands in "
            "the log when it was the forget gate that did not act?",
            _found(lambda t, what, *log: (t, "write")),
        ),
        *(
            Misconception(f"{tested} tried from C[-1] at step 0", _NOT_THE_LAST, _from_last(tested))
            for tested in ("erase", "write")
        ),
    ),
)


# one cell with gates that are open or closed, from the learner's seed


def valves(seed: int) -> tuple[Array, Array, Array, Array]:
    """f, i, C_tilde, o of eight steps; the exercise shows the same lines."""
    rng = np.random.default_rng(seed)
    f, i, o = (rng.random((3, 8)) < [[0.75], [0.4], [0.5]]).astype(int)
    C_tilde = rng.integers(1, 10, 8) / 10
    return f, i, C_tilde, o


def _seen(C: Array, h: Array, o: Array) -> int:
    return int(np.count_nonzero(h))


def _follow(
    machine: Recurrence = _SEQUENCE,
    seen: Callable[[Array, Array, Array], int] = _seen,
    last: Callable[[Array, Array], Any] = lambda C, h: C[-1],
) -> Callable[..., tuple[int, float, int]]:
    """The prediction for a seed by who has this machine in mind."""

    def predict(seed: int = 1291) -> tuple[int, float, int]:
        f, i, C_tilde, o = valves(seed)
        C, h = machine(f, i, C_tilde, o, 0.0)
        return seed, float(last(C, h)), seen(C, h, o)

    return predict


def _as_told(told: Any, probe: Probe) -> Mapping[str, Any]:
    """The numbers as they are; an empty cell may be 0 as well as 0.0."""
    return dict(zip(("seed", "C", "seen"), told, strict=True))


def _with(name: str, hint: str = "", mistakes: tuple[Mistake, ...] = _CARRIED) -> Misconception:
    mistake = next(m for m in mistakes if m.name == name)
    machine = _SEQUENCE.but(**mistake.lines)
    return Misconception(name, hint or mistake.hint, _follow(machine))


FOLLOW = Question(
    id="03.follow",
    kind="number",
    title="where is the number now?",
    points=2,
    inputs=lambda rng: [{}],
    reference=_follow(),
    returns=("seed", "C", "seen"),
    axes={"seed": (), "C": (), "seen": ()},
    arguments=(),
    own=("seed",),
    observe=_as_told,
    complaints={
        "seed": "Return your seed as it is.",
        "C": "With the gates of your seed, something else is in the cell after the last step. "
        "Follow it step by step: what stays, what comes in?",
        "seen": "The cell is right. Count again: at how many steps is h_t not zero?",
    },
    hints=(
        "Write one row a step: what was in the cell, what stays (f), what comes in (i), what is "
        "shown (o).",
        "With open and closed gates, f * C is C or nothing, i * C~ is C~ or nothing. Something "
        "is seen at a step when the cell holds something and the output gate is open.",
        "Start with C = 0. In each row multiply C by f, add i times C_tilde, and note whether "
        "o times the new C is zero. Report the last C and the number of rows where it is not.",
    ),
    parallel="""Three steps, f = 1 0 1, i = 1 1 0, C~ = 0.4 0.3 0.9, o = 0 1 1:

    t   C before   stays   comes in   C after   seen?
    0   0          0       0.4        0.4       no: the output gate is closed
    1   0.4        0       0.3        0.3       yes
    2   0.3        0.3     0          0.3       yes

The cell ends with 0.3; it was seen at 2 steps.""",
    misconceptions=(
        Misconception(
            "open forget gate erases",
            "You let f = 1 erase and f = 0 keep. In spite of its name, an open forget gate keeps: "
            "f * C.",
            _follow(_SEQUENCE.but(kept=lambda s: (1 - s.f_t) * s.C_prev)),
        ),
        Misconception(
            "f and i swapped",
            "You let i act on the old and f on the new. Which of the two belongs to the memory?",
            _follow(
                _SEQUENCE.but(kept=lambda s: s.i_t * s.C_prev, written=lambda s: s.f_t * s.C_tilde)
            ),
        ),
        _with("h carried for C"),
        _with("closed gate erases"),
        _with("reading empties the cell"),
        Misconception(
            "the last reading empties the cell too",
            _READING_COPIES,
            _follow(
                _SEQUENCE.but(next_C_prev=lambda s: (1 - s.o_t) * s.C_t),
                last=lambda C, h: 0.0 if h[-1] else C[-1],
            ),
        ),
        Misconception(
            "nothing is ever erased",
            "You added up all that was written. At which steps is the forget gate closed?",
            _follow(_SEQUENCE.but(kept=lambda s: s.C_prev)),
        ),
        Misconception(
            "writing replaces",
            "You let every write replace what was there. The update is a sum: only the forget "
            "gate takes away.",
            _follow(_SEQUENCE.but(kept=lambda s: (1 - s.i_t) * s.f_t * s.C_prev)),
        ),
        Misconception(
            "erases what was just written",
            "Your forget gate acts after the write and takes the new as well. Within one step, "
            "which comes first?",
            _follow(_SEQUENCE.but(C_t=lambda s: s.f_t * (s.C_prev + s.written))),
        ),
        Misconception(
            "what is shown, for what is in the cell",
            "That is what is shown at the last step. Asked for is what the cell holds, seen or "
            "not.",
            _follow(last=lambda C, h: h[-1]),
        ),
        Misconception(
            "counts open output gates",
            "That is the number of steps with an open output gate. At some of them the cell is "
            "empty.",
            _follow(seen=lambda C, h, o: int(o.sum())),
        ),
        Misconception(
            "counts steps with something in the cell",
            "That is the number of steps at which the cell holds something. At some of them the "
            "output gate is closed.",
            _follow(seen=lambda C, h, o: int(np.count_nonzero(C))),
        ),
        Misconception(
            "counts the hidden steps",
            "That is the number of steps at which the cell holds something that is not shown. "
            "Count those where it is.",
            _follow(seen=lambda C, h, o: int(np.count_nonzero(C * (1 - o)))),
        ),
    ),
)


QUESTIONS = (ERASE_WRITE_READ, FOLLOW, WRONG_STEP, TWO_MEMORIES)
