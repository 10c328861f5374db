"""Cell and hidden state apart: an output gate decides what is seen, not what is kept."""

from __future__ import annotations

from collections.abc import Sequence
from math import tanh
from typing import Any, NamedTuple

from rnnlab.explorers.esm import joined
from rnnlab.explorers.explorer import Number, Numbers, PosedExplorer, Whole, fixed, openness
from rnnlab.plots import Picture, curves

STEPS = 10
OPEN = "0 (closed) to 1 (open)"

# what the input gate lets in, at which steps; at all others it is closed
WRITES = {2: 0.9, 7: -0.5}

# each poses a question about the move to make next, so that the picture does not answer it
PRESETS: tuple[dict[str, Any], ...] = (
    {
        "name": "Close the gates",
        "question": "0.9 is written at step 2. Close all output gates: what happens to C, and what "
        "to h? Say it, then press Close all.",
        "f": 1.0,
        "o": [1.0] * STEPS,
        "t": 5,
    },
    {
        "name": "Open the last",
        "question": "All output gates are closed. Open the one of step 10 alone: "
        "what will h be there? Say a number, then move the last slider up.",
        "f": 1.0,
        "o": [0.0] * STEPS,
        "t": 10,
    },
    {
        "name": "Half open",
        "question": "Set the output gate of step 4 to 0.50. Is half of C lost from there on? "
        "Say it, then move it.",
        "f": 1.0,
        "o": [1.0] * STEPS,
        "t": 5,
    },
    {
        "name": "Which one erases?",
        "question": "Which empties the cell: an output gate at 0, or the forget gate at 0? "
        "Say it, then try both.",
        "f": 1.0,
        "o": [1.0] * STEPS,
        "t": 6,
    },
)


class CellStates(NamedTuple):
    """Cell C and hidden state h after each step, from C_0 = 0."""

    C: list[float]
    h: list[float]


class CellAndHidden(PosedExplorer):
    """The cell C and the hidden state h of one unit over 10 steps, with an output gate for each.

        C_t = f * C_{t-1} + i_t * C~_t          i_t = 1 at steps 2 and 7, else 0;  C_0 = 0
        h_t = o_t * tanh(C_t)

    o: 10 output gates from 0 to 1. f: the forget gate of all steps. t: the step that is read.
    question: what is asked at first. `.o`, `.f` and `.t` follow the inputs and can be set. Raises
    ValueError for a value outside these.
    """

    _esm = joined("cell_and_hidden.js")
    moved = ("f", "o", "t")

    f = Number(1.0, 0, 1, OPEN).tag(sync=True)
    o = Numbers([1.0] * STEPS, 0, 1, OPEN).tag(sync=True)
    t = Whole(5, 1, STEPS).tag(sync=True)

    def __init__(
        self,
        o: Sequence[float] = (1.0,) * STEPS,
        *,
        f: float = 1.0,
        t: int = 5,
        question: str | None = None,
    ) -> None:
        super().__init__(PRESETS, question, o=o, f=f, t=t)

    def states(self) -> CellStates:
        """C and h at the 10 steps, with the present values."""
        C, states = 0.0, CellStates([], [])
        for t, o_t in enumerate(self.o, start=1):
            C = self.f * C + WRITES.get(t, 0.0)
            states.C.append(C)
            states.h.append(o_t * tanh(C))
        return states

    def sentence(self) -> str:
        """What the picture says."""
        C, h = (states[self.t - 1] for states in self.states())
        o = self.o[self.t - 1]
        closed = sum(openness(gate) == "closed" for gate in self.o)
        kept = (
            f"{closed} of {STEPS} output gates are closed; C would be the same if none were."
            if closed
            else "No output gate is closed; C would be the same if they were."
        )
        return (
            f"At step {self.t} the cell holds C = {fixed(C)}; its output gate is {openness(o)}, "
            f"o = {fixed(o)}, so h = {fixed(h)} is seen. {kept}"
        )

    def picture(self) -> Picture:
        """The states as they stand, drawn by Matplotlib."""
        drawn = curves(
            {"C": self.states().C, "h": self.states().h, "o": self.o},
            title="What the cell keeps and what is seen",
            ylabel="cell C, hidden h, output gate o",
            x=range(1, STEPS + 1),
            ylim=(-0.6, 1.05),
        )
        return Picture(drawn.figure, self.sentence())
