"""The conveyor belt: what constant gates do to a spike over 40 steps."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, log, tanh
from typing import Any, NamedTuple

import traitlets

from rnnlab.explorers.esm import joined
from rnnlab.explorers.explorer import Number, PosedExplorer, Whole
from rnnlab.plots import Picture, curves

STEPS = 40
MOST_SPIKES = 3
GATES = ("f", "i", "o")
OPEN = "0 (closed) to 1 (open)"
STEP = Whole(1, 1, STEPS)

# each poses a question about the move to make next, so that the picture does not answer it
PRESETS: tuple[dict[str, Any], ...] = (
    {
        "name": "Keep half",
        "question": "A spike of 1 falls at step 5. Which f leaves half of it at step 40, the end "
        "of the belt? Say a number, then move f.",
        "f": 0.9,
        "spikes": [5],
    },
    {
        "name": "Close the output",
        "question": "Set o to 0: does the cell lose what it holds? And what does h show? "
        "Say it, then move o.",
        "f": 0.98,
        "spikes": [5],
    },
    {
        "name": "Half an input",
        "question": "Set i to 0.5: does the spike fade faster, slower or as fast? "
        "Say it, then move i.",
        "f": 0.95,
        "spikes": [5],
    },
    {
        "name": "Three spikes",
        "question": "Set f to 1: what does the cell hold at step 40, and can it grow past 1? "
        "Say a number, then move f.",
        "f": 0.9,
        "spikes": [5, 15, 25],
    },
    {
        "name": "0.95 for ever?",
        "question": "Now all is kept. Set f to 0.95: is more than half of the spike left at step "
        "40, or less? Say it, then move f.",
        "f": 1.0,
        "spikes": [1],
    },
    {
        "name": "Keep or erase?",
        "question": "Set f to 0, then to 1: which of the two erases the cell? Say it, then move f.",
        "f": 0.5,
        "spikes": [5],
    },
)
_NEEDS = {"Close the output": "o", "Half an input": "i"}


class BeltStates(NamedTuple):
    """Cell C and hidden state h after each of the 40 steps, from C_0 = 0."""

    C: list[float]
    h: list[float]


class _Spikes(traitlets.TraitType[list[int], Sequence[int]]):
    """One to three steps at which a spike falls."""

    def validate(self, obj: Any, value: Any) -> list[int]:
        if not isinstance(value, (list, tuple)) or not 1 <= len(value) <= MOST_SPIKES:
            raise ValueError(
                f"ConveyorBelt: spikes must be 1 to {MOST_SPIKES} steps, such as (5, 25), "
                f"got {value!r}"
            )
        return [STEP.checked(obj, "each of spikes", step) for step in value]


class ConveyorBelt(PosedExplorer):
    """A cell of one number on its way through 40 steps, with gates that stay constant.

        C_t = f * C_{t-1} + i * C~_t          C~_t = 1 where a spike falls, else 0;  C_0 = 0
        h_t = o * tanh(C_t)
        half-life = log(1/2) / log(f)         steps until half of C is left

    show: the gates to move, "f" among them; with ("f",) alone no h is drawn either, and i = o = 1.
    f, i, o: from 0 to 1. spikes: 1 to 3 steps from 1 to 40. question: what is asked at first;
    without it, which f keeps half of a spike. `.f`, `.i`, `.o`, `.spikes` and `.t`, the step that
    is read, follow the inputs and can be set. Raises ValueError for a value outside these.
    """

    _esm = joined("conveyor_belt.js")
    moved = ("f", "i", "o", "spikes", "t")

    show = traitlets.List(traitlets.Unicode()).tag(sync=True)
    f = Number(0.9, 0, 1, OPEN).tag(sync=True)
    i = Number(1.0, 0, 1, OPEN).tag(sync=True)
    o = Number(1.0, 0, 1, OPEN).tag(sync=True)
    spikes = _Spikes([5]).tag(sync=True)
    t = Whole(STEPS, 1, STEPS).tag(sync=True)

    def __init__(
        self,
        show: Sequence[str] = GATES,
        *,
        f: float = 0.9,
        i: float = 1.0,
        o: float = 1.0,
        spikes: Sequence[int] = (5,),
        question: str | None = None,
    ) -> None:
        _check_show(show, i=i, o=o)
        shown = [gate for gate in GATES if gate in show]
        presets = [
            {"i": 1.0, "o": 1.0, "t": STEPS, **preset}
            for preset in PRESETS
            if _NEEDS.get(preset["name"], "f") in shown
        ][:4]
        super().__init__(presets, question, show=shown, f=f, i=i, o=o, spikes=spikes)

    @property
    def half_life(self) -> float:
        """Steps until half of C is left: 0 for f = 0, infinite for f = 1."""
        if self.f == 0:
            return 0.0
        return inf if self.f == 1 else log(0.5) / log(self.f)

    def states(self) -> BeltStates:
        """C and h at the 40 steps, with the present values."""
        C, states = 0.0, BeltStates([], [])
        for t in range(1, STEPS + 1):
            C = self.f * C + self.i * (t in self.spikes)
            states.C.append(C)
            states.h.append(self.o * tanh(C))
        return states

    def sentence(self) -> str:
        """What the picture says."""
        *before, last = sorted(set(self.spikes))
        if before:
            falls = f"Spikes fall at steps {', '.join(map(str, before))} and {last}."
        else:
            falls = f"A spike falls at step {last}."
        kept = {0: "nothing is kept from one step to the next", inf: "all is kept for ever"}
        fades = kept.get(self.half_life, f"half is left after {self.half_life:.1f} steps")
        C, h = (states[self.t - 1] for states in self.states())
        out = f", and o = {self.o:.2f} lets h = {h:.3f} out" if "o" in self.show else ""
        return (
            f"{falls} With f = {self.f:.2f} {fades}. "
            f"At step {self.t} the cell holds C = {C:.3f}{out}."
        )

    def __repr__(self) -> str:
        gates = "".join(f", {gate}={getattr(self, gate)}" for gate in self.show)
        return f"ConveyorBelt(show={tuple(self.show)}{gates}, spikes={tuple(self.spikes)})"

    def picture(self) -> Picture:
        """The belt as it stands, drawn by Matplotlib."""
        C, h = self.states()
        lines = {"C": C, "h": h} if "o" in self.show else {"C": C}
        gates = ", ".join(f"{gate} = {getattr(self, gate):.2f}" for gate in self.show)
        drawn = curves(
            lines,
            title=f"Conveyor belt with {gates}",
            ylabel="cell C and hidden h" if "o" in self.show else "cell C",
            x=range(1, STEPS + 1),
            level=("half", C[max(self.spikes) - 1] / 2),
            ylim=(0.0, 1.05 * len(set(self.spikes))),
        )
        return Picture(drawn.figure, self.sentence())


def _check_show(show: object, **values: float) -> None:
    if (
        not isinstance(show, (list, tuple))
        or "f" not in show
        or any(gate not in GATES for gate in show)
    ):
        raise ValueError(
            'ConveyorBelt: show must hold "f" and may hold "i" and "o", such as ("f",), '
            f"got {show!r}"
        )
    for gate, value in values.items():
        if gate not in show and value != 1:
            raise ValueError(
                f"ConveyorBelt: {gate} must be 1 where it is not shown, got {value!r}; "
                f'put "{gate}" into show'
            )
