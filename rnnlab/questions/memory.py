"""What can go wrong in the two memories: C_t = f_t * C_{t-1} + i_t * C~_t, h_t = o_t * tanh(C_t).

For the exercises that write one of the two lines, the step that has both, and sequences of it. A
mistake names the lines kept, written, C_t, shown and h_t, so it applies where those lines are.
"""

from __future__ import annotations

import numpy as np

from rnnlab.cells import sigmoid
from rnnlab.params import Array
from rnnlab.questions.derivation import Line, Mistake

UPDATE: dict[str, Line] = {
    "kept": lambda s: s.f_t * s.C_prev,
    "written": lambda s: s.i_t * s.C_tilde,
    "C_t": lambda s: s.kept + s.written,
}

READ: dict[str, Line] = {
    "shown": lambda s: np.tanh(s.C_t),
    "h_t": lambda s: s.o_t * s.shown,
}

# the same lines at step t of sequences f, i, candidates, o
AT_STEP: dict[str, Line] = {
    "f_t": lambda s: s.f[s.t],
    "i_t": lambda s: s.i[s.t],
    "C_tilde": lambda s: s.candidates[s.t],
}

UPDATE_TERMS = {"C_prev": "f_t * C_{t-1}", "C_tilde": "i_t * C~_t"}


def switched(gate: Array) -> Array:
    """The gate as a switch: 1 above a half, else 0."""
    return np.where(gate > 0.5, 1.0, 0.0)


_SWITCH = (
    "A gate is a number between 0 and 1 and lets that share through. Yours has only the two ends: "
    "what is left of the part in between?"
)

UPDATE_MISTAKES = (
    Mistake(
        "f and i swapped",
        "Read your update aloud: what does f_t multiply, and what does i_t? One of them is about "
        "the old, the other about the new.",
        {"kept": lambda s: s.i_t * s.C_prev, "written": lambda s: s.f_t * s.C_tilde},
    ),
    Mistake(
        "1 - f",
        "Your gate erases where it should keep. f_t is the share of the old that stays, in spite "
        "of its name: what does f_t = 1 leave?",
        {"kept": lambda s: (1 - s.f_t) * s.C_prev},
    ),
    Mistake(
        "1 - i",
        "Your input gate writes where it should be closed. What should i_t = 0 let in?",
        {"written": lambda s: (1 - s.i_t) * s.C_tilde},
    ),
    Mistake(
        "i = 1 - f",
        "You write the share that was erased, so f_t decides both. That is how a GRU does it; here "
        "a second gate has the say about the new. Which one?",
        {"written": lambda s: (1 - s.f_t) * s.C_tilde},
    ),
    Mistake(
        "f = 1 - i",
        "You erase the share that is written, so i_t decides both. Here a gate of its own has the "
        "say about the old. Which one?",
        {"kept": lambda s: (1 - s.i_t) * s.C_prev},
    ),
    Mistake(
        "no forget gate",
        "The old state comes along whole, as in the LSTM of 1997. Which gate may take some of it "
        "away?",
        {"kept": lambda s: s.C_prev},
    ),
    Mistake(
        "no input gate",
        "The candidate is written whole. Which gate has a say about the new?",
        {"written": lambda s: s.C_tilde},
    ),
    Mistake(
        "f + C",
        "f_t is added to the old state. A gate scales what passes through it: which operation "
        "does that?",
        {"kept": lambda s: s.f_t + s.C_prev},
    ),
    Mistake(
        "i + C_tilde",
        "i_t is added to the candidate. A gate scales what passes through it: which operation "
        "does that?",
        {"written": lambda s: s.i_t + s.C_tilde},
    ),
    Mistake(
        "forget gate on the sum",
        "The forget gate meets the new as well: with f_t = 0 nothing at all is left, not even "
        "what was just written. Whose share is f_t?",
        {"C_t": lambda s: s.f_t * (s.C_prev + s.written)},
    ),
    Mistake(
        "input gate on the sum",
        "The input gate meets the old as well: with i_t = 0 the memory is gone. Whose share is "
        "i_t?",
        {"C_t": lambda s: s.i_t * (s.kept + s.C_tilde)},
    ),
    Mistake(
        "old state lost",
        "What was in the cell before is gone altogether, whatever f_t says. Which term carries it?",
        {"C_t": lambda s: s.written},
    ),
    Mistake(
        "nothing written",
        "Nothing new ever comes in. Which term writes?",
        {"C_t": lambda s: s.kept},
    ),
    Mistake(
        "difference for sum",
        "What is written has the wrong sign. How do the old and the new come together?",
        {"C_t": lambda s: s.kept - s.written},
    ),
    Mistake(
        "product for sum",
        "The old and the new are multiplied, so an empty cell could never be written to. How do "
        "they come together?",
        {"C_t": lambda s: s.kept * s.written},
    ),
    Mistake(
        "mean for sum",
        "Every value is half of what it must be. The gates have set the shares already; nothing "
        "needs averaging.",
        {"C_t": lambda s: 0.5 * (s.kept + s.written)},
    ),
    Mistake(
        "tanh stored in C",
        "All of your C_t lie between -1 and 1. The cell itself has no bound, so it can count; "
        "the tanh comes later, when it is read.",
        {"C_t": lambda s: np.tanh(s.kept + s.written)},
    ),
    Mistake(
        "tanh of the candidate twice",
        "C~_t is a tanh already when it comes in. How often does yours go through one?",
        {"written": lambda s: s.i_t * np.tanh(s.C_tilde)},
    ),
    Mistake(
        "forget gate as a switch",
        _SWITCH,
        {"kept": lambda s: switched(s.f_t) * s.C_prev},
    ),
    Mistake(
        "input gate as a switch",
        _SWITCH,
        {"written": lambda s: switched(s.i_t) * s.C_tilde},
    ),
    Mistake(
        "@ for *",
        "@ mixes units and examples, and runs only where the sizes happen to fit. A gate acts on "
        "each number by itself: which product is that?",
        {"kept": lambda s: s.f_t @ s.C_prev, "written": lambda s: s.i_t @ s.C_tilde},
    ),
)

READ_MISTAKES = (
    Mistake(
        "tanh missing",
        "You show the cell as it is. An open gate passes tanh(C_t), not C_t: what would a cell "
        "that holds 50 show?",
        {"shown": lambda s: s.C_t},
    ),
    Mistake(
        "sigmoid for tanh",
        "A negative cell should show a negative number; yours never does. Which squashing "
        "function keeps the sign?",
        {"shown": lambda s: sigmoid(s.C_t)},
    ),
    Mistake(
        "tanh twice",
        "The cell goes through tanh once on its way out. How often in yours?",
        {"shown": lambda s: np.tanh(np.tanh(s.C_t))},
    ),
    Mistake(
        "tanh of the product",
        "The gate stands inside your tanh. Which comes first: squash the cell, or let a share of "
        "it through?",
        {"h_t": lambda s: np.tanh(s.o_t * s.C_t)},
    ),
    Mistake(
        "output gate missing",
        "All of the cell is shown at every step. Which gate decides what is read?",
        {"h_t": lambda s: s.shown},
    ),
    Mistake(
        "1 - o",
        "Your output gate shows where it should hide. What should o_t = 0 let out?",
        {"h_t": lambda s: (1 - s.o_t) * s.shown},
    ),
    Mistake(
        "o + tanh C",
        "o_t is added. A gate scales what passes through it: which operation does that?",
        {"h_t": lambda s: s.o_t + s.shown},
    ),
    Mistake(
        "tanh on the gate",
        "You squash the gate and leave the cell as it is. Which of the two has no bound?",
        {"h_t": lambda s: np.tanh(s.o_t) * s.C_t},
    ),
    Mistake(
        "output gate as a switch",
        _SWITCH,
        {"h_t": lambda s: switched(s.o_t) * s.shown},
    ),
    Mistake(
        "gate twice",
        "The output gate is at work twice on the way out. Once is enough.",
        {"h_t": lambda s: s.o_t * s.o_t * s.shown},
    ),
)

# where both lines stand: the wrong state, or the wrong gate, in the second
STEP_MISTAKES = (
    Mistake(
        "reads the old cell",
        "h_t shows the cell as it was before this step. Which comes first, the update or the "
        "reading?",
        {"shown": lambda s: np.tanh(s.C_prev)},
    ),
    Mistake(
        "reads the candidate",
        "h_t shows what was offered for writing, not what the cell holds. Which of the two is the "
        "memory?",
        {"shown": lambda s: np.tanh(s.C_tilde)},
    ),
    Mistake(
        "f for o",
        "C_t is fine, but the forget gate has the say about what is read. Which gate is that for?",
        {"h_t": lambda s: s.f_t * s.shown},
    ),
    Mistake(
        "i for o",
        "C_t is fine, but the input gate has the say about what is read. Which gate is that for?",
        {"h_t": lambda s: s.i_t * s.shown},
    ),
    Mistake(
        "output gate on the update",
        "The output gate changes the cell itself. It decides what is shown; what is hidden stays "
        "in the cell.",
        {"C_t": lambda s: s.o_t * (s.kept + s.written)},
    ),
    Mistake(
        "reading empties the cell",
        "Your cell loses what it shows, as if reading took something out. Reading makes a copy.",
        {"C_t": lambda s: (1 - s.o_t) * (s.kept + s.written)},
    ),
)

# what goes from one step to the next, in a sequence that carries C_prev and collects C
CARRY_MISTAKES = (
    Mistake(
        "state not carried",
        "Right at t = 0, wrong from t = 1 on: every step of yours starts from C_0 again. What "
        "should step 1 start from?",
        {"next_C_prev": lambda s: s.C_0},
    ),
    Mistake(
        "only what was written is carried",
        "The next step starts with what was just written, without what was kept. Which sum is the "
        "cell state?",
        {"next_C_prev": lambda s: s.written},
    ),
    Mistake(
        "only what was kept is carried",
        "The next step starts with what was kept, without what was just written. Which sum is the "
        "cell state?",
        {"next_C_prev": lambda s: s.kept},
    ),
    Mistake(
        "starts empty",
        "The first step starts from an empty cell. What was in it before?",
        {"C_prev": lambda s: 0 * s.C_0},
    ),
    Mistake(
        "begins with C_0",
        "Your first row is C_0 itself. C[0] is the cell after the first step.",
        {"C": lambda s: np.stack([s.C_0, *s.all("C_t")[:-1]])},
    ),
    Mistake(
        "the last state in every row",
        "Every row shows the last state: one array was changed in place, and each row is the same "
        "array. Make a new one at each step.",
        {"C": lambda s: np.stack([s.C_t] * len(s.all("C_t")))},
    ),
)
