"""The GRU's blend, with both meanings of z and both places of the reset, on the same inputs."""

from __future__ import annotations

from collections.abc import Callable
from math import log
from typing import Any, NamedTuple

import numpy as np
import traitlets

from rnnlab.cells import GRUStep, gru_step
from rnnlab.explorers.esm import joined
from rnnlab.explorers.explorer import Number, fixed
from rnnlab.explorers.own import OwnCellExplorer
from rnnlab.params import GRUParams
from rnnlab.plots import Picture, bars

X = 1.0  # the input
H_2 = 0.8  # the old h of unit 2
ONE = "0 to 1"

# unit 1 listens to both units, with V of different signs; the gates listen to all a little
WEIGHTS = GRUParams(
    W_z=np.array([[0.4], [-0.3]]), V_z=np.array([[0.5, -0.2], [0.3, 0.6]]), b_z=np.zeros(2),
    W_r=np.array([[-0.6], [0.2]]), V_r=np.array([[0.1, 0.7], [-0.4, 0.3]]), b_r=np.zeros(2),
    W_h=np.array([[0.4], [-0.3]]), V_h=np.array([[1.2, -2.4], [0.7, 0.5]]),
    b_h=np.array([0.1, 0.2]),
)  # fmt: skip

# each poses a question about the move to make next, so that the picture does not answer it
PRESETS: tuple[dict[str, Any], ...] = (
    {
        "name": "Which way?",
        "question": "Turn z to 1: is the old h kept or replaced? Say it for both rows, "
        "then move z.",
        "z": 0.5,
        "r_1": 0.8,
        "r_2": 0.6,
        "h_1": 0.8,
    },
    {
        "name": "Shut one reset",
        "question": "With both resets open the two candidates agree. Shut the reset of unit 2 "
        "alone: which candidate changes? Say it, then move r of unit 2.",
        "z": 0.7,
        "r_1": 1.0,
        "r_2": 1.0,
        "h_1": 0.8,
    },
    {
        "name": "Shut both",
        "question": "Shut both resets: is the whole past gone from h? Say it, then move both to 0.",
        "z": 0.4,
        "r_1": 0.9,
        "r_2": 0.7,
        "h_1": 0.9,
    },
    {
        "name": "Copy in torch",
        "question": "Which z makes torch copy the old h unchanged? And this course? Say two "
        "numbers, then move z.",
        "z": 0.3,
        "r_1": 0.5,
        "r_2": 0.9,
        "h_1": 0.5,
    },
)
WORDS = {
    "before takes": "reset before V, z takes the new",
    "before keeps": "reset before V, z keeps the old",
    "after takes": "reset after V, z takes the new",
    "after keeps": "reset after V, z keeps the old",
}


class Blends(NamedTuple):
    """The candidate of both units, and h where z takes the new and where z keeps the old."""

    h_tilde: list[float]
    takes: list[float]
    keeps: list[float]


class GRUDial(OwnCellExplorer):
    """One GRU step of two units: the first one's candidate and blend, by all four conventions.

        before: h~ = tanh(W x + V (r * h) + b)          after: h~ = tanh(W x + b + r * (V h))
        takes:  h' = (1 - z) * h + z * h~               keeps: h' = z * h + (1 - z) * h~

    cell: your own step, `cell(x_t, h_prev, p)` with x_t (1, 1), h_prev (1, 2) and p a GRUParams
    whose biases give the z and r of the inputs, that returns (h, z, r, h_tilde); the widget then
    says which of the four it is, or its error. p: the weights, of input size 1 and hidden size 2,
    without b_hv. z, r_1, r_2: the gates from 0 to 1; h_1: the old h of unit 1, from -1 to 1.
    question: what is asked at first. `.z`, `.r_1`, `.r_2` and `.h_1` follow the inputs and can be
    set. Raises ValueError for a value outside these.
    """

    _esm = joined("gru_dial.js")
    given = ("z", "r_1", "r_2", "h_1")
    moved = given
    returned = GRUStep._fields

    z = Number(0.5, 0, 1, ONE).tag(sync=True)
    r_1 = Number(0.8, 0, 1, ONE).tag(sync=True)
    r_2 = Number(0.6, 0, 1, ONE).tag(sync=True)
    h_1 = Number(0.8, -1, 1).tag(sync=True)
    weights = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        cell: Callable[..., Any] | None = None,
        *,
        p: GRUParams | None = None,
        z: float = 0.5,
        r_1: float = 0.8,
        r_2: float = 0.6,
        h_1: float = 0.8,
        question: str | None = None,
    ) -> None:
        p = WEIGHTS if p is None else p
        if (
            not isinstance(p, GRUParams)
            or (p.input_size, p.hidden_size) != (1, 2)
            or p.b_hv is not None
        ):
            raise ValueError(
                "GRUDial: p must be a GRUParams of input size 1 and hidden size 2 without b_hv, "
                f"got {_sizes(p)}"
            )
        weights = {name: array.tolist() for name, array in p.items()}
        super().__init__(
            PRESETS, question, cell=cell, weights=weights, z=z, r_1=r_1, r_2=r_2, h_1=h_1
        )

    def arguments(self) -> dict[str, Any]:
        """What a cell is called with: x_t (1, 1), h_prev (1, 2) and the weights p."""
        p = {name: np.array(array) for name, array in self.weights.items()}
        x_t, h_prev = np.array([[X]]), np.array([[self.h_1, H_2]])
        gates = {"z": (self.z, self.z), "r": (self.r_1, self.r_2)}
        for k, values in gates.items():
            # the bias that gives the gate its value
            rest = x_t @ p[f"W_{k}"].T + h_prev @ p[f"V_{k}"].T
            p[f"b_{k}"] = np.array([_logit(v) for v in values]) - rest[0]
        return {"x_t": x_t, "h_prev": h_prev, "p": GRUParams(**p)}

    def blends(self) -> dict[str, Blends]:
        """Candidate and blends by the course's own cell, with reset "before" and "after"."""
        given = self.arguments()
        old = given["h_prev"]
        both = {}
        for reset in ("before", "after"):
            step = gru_step(**given, reset=reset)
            keeps = step.z * old + (1 - step.z) * step.h_tilde
            both[reset] = Blends(*(a[0].tolist() for a in (step.h_tilde, step.h, keeps)))
        return both

    def equal(self) -> list[str]:
        """The conventions, keys of WORDS, by which your cell's h is what it returned."""
        own = np.array(self.answer["step"]["h"])
        return [
            f"{reset} {meaning}"
            for reset, blends in self.blends().items()
            for meaning in ("takes", "keeps")
            if np.max(np.abs(own - np.array(getattr(blends, meaning)))) < 1e-6
        ]

    def sentence(self) -> str:
        """What the picture says."""
        before, after = self.blends().values()
        said = (
            f"z = {fixed(self.z)}, r = {fixed(self.r_1)} and {fixed(self.r_2)}, the old h is "
            f"{fixed(self.h_1)}. The candidate is {fixed(before.h_tilde[0])} with the reset before "
            f"V and {fixed(after.h_tilde[0])} after it. Where z takes the new, h becomes "
            f"{fixed(before.takes[0])} and {fixed(after.takes[0])}; where z keeps the old, "
            f"{fixed(before.keeps[0])} and {fixed(after.keeps[0])}."
        )
        if not self.own:
            return said
        if "error" in self.answer:
            return f"{said} There is no value of yours to show: {self.answer['error']}"
        h = self.answer["step"]["h"]
        which = " or ".join(WORDS[key] for key in self.equal()) or "none of the four"
        return f"{said} Your {self.own} gives {fixed(h[0])} (unit 2: {fixed(h[1])}): {which}."

    def picture(self) -> Picture:
        """The four blends as bars from the old h to the new, drawn by Matplotlib."""
        rows = {"old h": ("h", 0.0, self.h_1)}
        for reset, blends in self.blends().items():
            rows[f"candidate, reset {reset} V"] = ("h_tilde", 0.0, blends.h_tilde[0])
            rows[f"h, reset {reset}, z takes"] = ("h", 0.0, blends.takes[0])
            rows[f"h, reset {reset}, z keeps"] = ("h", 0.0, blends.keeps[0])
        drawn = bars(
            rows,
            title=f"One GRU step by four conventions, z = {fixed(self.z)}",
            xlabel="value of unit 1",
            ylabel="both places of the reset",
        )
        return Picture(drawn.figure, self.sentence())


def _logit(gate: float) -> float:
    """What sigmoid makes this gate of; 0 and 1 to within 1e-12, for they have no logarithm."""
    gate = min(max(gate, 1e-12), 1 - 1e-12)
    return log(gate) - log(1 - gate)


def _sizes(p: object) -> str:
    if isinstance(p, GRUParams):
        more = "" if p.b_hv is None else " with b_hv"
        return f"sizes {p.input_size} and {p.hidden_size}{more}"
    return repr(p)
