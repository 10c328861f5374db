"""One step of an LSTM or a GRU backwards: where the gradient splits, is scaled, and adds up."""

from __future__ import annotations

from math import tanh
from typing import Any

import traitlets

from rnnlab.explorers.esm import joined
from rnnlab.explorers.explorer import Number, OneOf, PosedExplorer, Whole, fixed
from rnnlab.plots import Picture, bars

CELLS = ("lstm", "gru")
RESETS = ("before", "after")
LAST = 5
# the recurrent weights of a cell of one number
WEIGHTS = {
    "lstm": {"V_f": 0.8, "V_i": -0.6, "V_g": 1.1, "V_o": 0.7},
    "gru": {"V_z": 0.9, "V_r": -0.7, "V_h": 1.2, "b_hv": 0.4},
}
SHOWN = {
    "lstm": ("dh", "dC", "f", "i", "C_tilde", "o", "C_prev"),
    "gru": ("dh", "z", "r", "h_tilde", "h_prev"),
}

# what happens at each stage, and the gradients that are known from it on
STAGES: dict[str, tuple[tuple[str, str, tuple[str, ...]], ...]] = {
    "lstm": (
        ("Arrive", "From the right: what the loss and the next step send back.", ("dh", "dC")),
        (
            "1 Read",
            "h = o * tanh(C) splits dh: a part to the output gate, a part through tanh to C.",
            ("do", "down"),
        ),
        ("2 Add", "C is used twice, by h and by the next step: the two gradients add.", ("dC_t",)),
        (
            "3 Belt",
            "The + hands dC on unchanged to both sides; each * multiplies by the other factor.",
            ("dC_prev", "df", "di", "dC_tilde"),
        ),
        (
            "4 Squash",
            "Each gradient is multiplied by the slope of its sigmoid or tanh.",
            ("da_f", "da_i", "da_g", "da_o"),
        ),
        (
            "5 Back through V",
            "h of the step before fed all four: each sends its part back through its V, and "
            "they add.",
            ("dh_prev",),
        ),
    ),
    "gru": (
        ("Arrive", "From the right: what the loss and the next step send back.", ("dh",)),
        (
            "1 Blend",
            "h = (1 - z) * old + z * new splits dh three ways: to the old, to the new, and to z.",
            ("kept", "dh_tilde", "dz"),
        ),
        (
            "2 Squash",
            "Candidate and z: multiplied by the slope of tanh and of the sigmoid.",
            ("da_h", "da_z"),
        ),
        (
            "3 Reset",
            "The candidate's gradient meets r: a part goes to the reset gate, a part on to the "
            "old h.",
            ("dr", "reset"),
        ),
        ("4 Squash r", "The reset gate's part, multiplied by the slope of its sigmoid.", ("da_r",)),
        (
            "5 Back through V",
            "The old h was used in four places: what comes back from each adds up.",
            ("dh_prev",),
        ),
    ),
}
# gradients as they are written in a text
WORDS = {
    "dh": "dh(t)", "dC": "dC from step t+1", "down": "dC by way of h", "dC_t": "dC(t)",
    "dC_prev": "dC(t−1)", "dC_tilde": "dC~", "kept": "straight to h(t−1)", "dh_tilde": "dh~",
    "reset": "to h(t−1) past r", "dh_prev": "dh(t−1)",
}  # fmt: skip

_LSTM = {"dh": 1.0, "dC": 0.5, "f": 0.8, "i": 0.6, "C_tilde": 0.7, "o": 0.75, "C_prev": 0.9}
_GRU = {"dh": 1.0, "z": 0.4, "r": 0.7, "h_tilde": 0.8, "h_prev": -0.5, "reset": "before"}
PRESETS: dict[str, tuple[dict[str, Any], ...]] = {
    "lstm": (
        {
            "name": "One step back",
            "question": "From the right a gradient of 1 arrives at h, and 0.5 on the belt of C. "
            "Will more than 0.5 reach the C of the step before, or less? Say it, then step "
            "through.",
            **_LSTM,
        },
        {
            "name": "Output gate shut",
            "question": "The output gate is shut, so h is 0. Which gradient still finds its way: "
            "dh, dC, both or none? Say it, then step through.",
            **_LSTM,
            "o": 0.0,
        },
        {
            "name": "Forget gate at 1",
            "question": "The forget gate is wide open. How much of dC passes along the belt, and "
            "how much does the gate itself learn? Say two numbers, then step through.",
            **_LSTM,
            "f": 1.0,
        },
        {
            "name": "Empty cell",
            "question": "Before this step the cell was empty: the old C is 0. One gate learns "
            "nothing from that: which one? Say it, then step through.",
            **_LSTM,
            "C_prev": 0.0,
        },
    ),
    "gru": (
        {
            "name": "One step back",
            "question": "From the right a gradient of 1 arrives at h. To how many places does the "
            "blend send it at once? Say a number, then step through.",
            **_GRU,
        },
        {
            "name": "Keep all",
            "question": "z = 0 keeps the old h. Which of the three weights V_z, V_r and V_h still "
            "learn at this step? Say it, then step through.",
            **_GRU,
            "z": 0.0,
        },
        {
            "name": "Old equals new",
            "question": "Old h and candidate are both 0.5. One gate learns nothing from that: "
            "which one, and why? Say it, then step through.",
            **_GRU,
            "h_tilde": 0.5,
            "h_prev": 0.5,
        },
        {
            "name": "Old h of 0",
            "question": "The old h is 0. Does the reset gate still learn if it acts before V? And "
            "if it acts after? Say it, then step through and switch.",
            **_GRU,
            "h_prev": 0.0,
        },
    ),
}


class BackwardPath(PosedExplorer):
    """One step of a cell of one number backwards, stage by stage, with the gates as you set them.

        LSTM   do = dh * tanh(C)         dC_t = dC + dh * o * (1 - tanh(C)^2)
               dC_{t-1} = dC_t * f       df = dC_t * C_{t-1}   di = dC_t * C~   dC~ = dC_t * i
               da_f = df * f * (1 - f), likewise i and o;      da_g = dC~ * (1 - C~^2)
               dh_{t-1} = V_f da_f + V_i da_i + V_g da_g + V_o da_o
        GRU    dh~ = dh * z              dz = dh * (h~ - h_{t-1})
               da_h = dh~ * (1 - h~^2)   da_z = dz * z * (1 - z)
               before: dq = V_h da_h     dr = dq * h_{t-1}
               after:  dq = da_h * r     dr = da_h * (V_h h_{t-1} + b_hv)
               dh_{t-1} = dh * (1 - z) + V_z da_z + V_r da_r + (dq * r or V_h dq)

    cell: "lstm" or "gru". reset: "before" or "after", for the GRU. stage: 0 to 5, how far back.
    LSTM: dh and dC from the right and C_prev, -2 to 2; f, i, o, 0 to 1; C_tilde, -1 to 1.
    GRU: dh; z, r, 0 to 1; h_tilde, h_prev, -1 to 1. All but `cell` can be set later. Raises
    ValueError for a value outside these.
    """

    _esm = joined("backward_path.js")
    moved = (
        "dh", "dC", "f", "i", "C_tilde", "o", "C_prev", "z", "r", "h_tilde", "h_prev",
        "reset", "stage",
    )  # fmt: skip

    cell = OneOf("lstm", CELLS).tag(sync=True)
    reset = OneOf("before", RESETS).tag(sync=True)
    stage = Whole(0, 0, LAST).tag(sync=True)
    stages = traitlets.List(traitlets.Dict()).tag(sync=True)
    weights = traitlets.Dict().tag(sync=True)
    shown = traitlets.List(traitlets.Unicode()).tag(sync=True)
    dh = Number(1.0, -2, 2).tag(sync=True)
    dC = Number(0.5, -2, 2).tag(sync=True)
    f = Number(0.8, 0, 1, "0 (closed) to 1 (open)").tag(sync=True)
    i = Number(0.6, 0, 1, "0 (closed) to 1 (open)").tag(sync=True)
    C_tilde = Number(0.7, -1, 1).tag(sync=True)
    o = Number(0.75, 0, 1, "0 (closed) to 1 (open)").tag(sync=True)
    C_prev = Number(0.9, -2, 2).tag(sync=True)
    z = Number(0.4, 0, 1, "0 (keeps) to 1 (takes the new)").tag(sync=True)
    r = Number(0.7, 0, 1, "0 (closed) to 1 (open)").tag(sync=True)
    h_tilde = Number(0.8, -1, 1).tag(sync=True)
    h_prev = Number(-0.5, -1, 1).tag(sync=True)

    def __init__(
        self,
        cell: str = "lstm",
        *,
        reset: str = "before",
        stage: int = 0,
        question: str | None = None,
        **values: float,
    ) -> None:
        # the trait itself would say it too, but the presets are needed first
        if cell not in CELLS:
            raise ValueError(f"BackwardPath: cell must be one of 'lstm', 'gru', got {cell!r}")
        if unknown := [name for name in values if name not in SHOWN[cell]]:
            raise ValueError(
                f"BackwardPath: {unknown[0]} is no value of the {cell.upper()}'s step, which has "
                f"{', '.join(SHOWN[cell])}"
            )
        presets = [{"stage": 0, **preset} for preset in PRESETS[cell]]
        super().__init__(
            presets, question, cell=cell, reset=reset, stage=stage, shown=list(SHOWN[cell]),
            stages=[
                {"name": name, "words": words, "known": [[k, WORDS.get(k, k)] for k in known]}
                for name, words, known in STAGES[cell]
            ],
            weights=WEIGHTS[cell], **values,
        )  # fmt: skip

    def gradients(self) -> dict[str, float]:
        """Every gradient on the way back, with the present values."""
        return self._lstm() if self.cell == "lstm" else self._gru()

    def _lstm(self) -> dict[str, float]:
        f, i, C_tilde, o, V = self.f, self.i, self.C_tilde, self.o, self.weights
        C = f * self.C_prev + i * C_tilde
        down = self.dh * o * (1 - tanh(C) ** 2)
        dC_t = self.dC + down
        d = {"dh": self.dh, "dC": self.dC, "do": self.dh * tanh(C), "down": down, "dC_t": dC_t}
        d |= {"dC_prev": dC_t * f, "df": dC_t * self.C_prev, "di": dC_t * C_tilde}
        d["dC_tilde"] = dC_t * i
        d["da_f"] = d["df"] * f * (1 - f)
        d["da_i"] = d["di"] * i * (1 - i)
        d["da_g"] = d["dC_tilde"] * (1 - C_tilde**2)
        d["da_o"] = d["do"] * o * (1 - o)
        d["dh_prev"] = sum(V[f"V_{k}"] * d[f"da_{k}"] for k in "figo")
        return d

    def _gru(self) -> dict[str, float]:
        z, r, h_tilde, h_prev, V = self.z, self.r, self.h_tilde, self.h_prev, self.weights
        d = {"dh": self.dh, "kept": self.dh * (1 - z), "dh_tilde": self.dh * z}
        d["dz"] = self.dh * (h_tilde - h_prev)
        d["da_h"] = d["dh_tilde"] * (1 - h_tilde**2)
        d["da_z"] = d["dz"] * z * (1 - z)
        if self.reset == "before":
            d["dq"] = V["V_h"] * d["da_h"]
            d["dr"] = d["dq"] * h_prev
            d["reset"] = d["dq"] * r
        else:
            d["dq"] = d["da_h"] * r
            d["dr"] = d["da_h"] * (V["V_h"] * h_prev + V["b_hv"])
            d["reset"] = V["V_h"] * d["dq"]
        d["da_r"] = d["dr"] * r * (1 - r)
        d["dh_prev"] = d["kept"] + V["V_z"] * d["da_z"] + V["V_r"] * d["da_r"] + d["reset"]
        return d

    def sentence(self, stage: int | None = None) -> str:
        """What the picture says at this stage, by default the present one."""
        name, words, results = STAGES[self.cell][self.stage if stage is None else stage]
        gradients = self.gradients()
        numbers = ", ".join(f"{WORDS.get(key, key)} = {fixed(gradients[key])}" for key in results)
        return f"{name}. {words} {numbers}."

    def text(self) -> str:
        """The question, and all stages: where nothing moves, nobody can step through them."""
        return f"{self.question}\n{self._all()}"

    def _all(self) -> str:
        return " ".join(self.sentence(stage) for stage in range(LAST + 1))

    def __repr__(self) -> str:
        names = [*SHOWN[self.cell], "reset", "stage"] if self.cell == "gru" else SHOWN[self.cell]
        values = "".join(f", {name}={getattr(self, name)!r}" for name in names)
        return f"BackwardPath({self.cell!r}{values})"

    def picture(self) -> Picture:
        """All gradients as bars, those that add up laid end to end, drawn by Matplotlib."""
        d, V = self.gradients(), self.weights
        if self.cell == "lstm":
            rows = {
                "dC from step t+1": ("C", 0.0, d["dC"]),
                "+ dC by way of h": ("C", d["dC"], d["dC_t"]),
                "= dC_t": ("C", 0.0, d["dC_t"]),
                "dC_t-1": ("C", 0.0, d["dC_prev"]),
            }
            parts = {f"V_{k} da_{k}": (_QUANTITY[k], V[f"V_{k}"] * d[f"da_{k}"]) for k in "figo"}
        else:
            rows = {"dh_t": ("h", 0.0, d["dh"])}
            parts = {
                "straight": ("h", d["kept"]),
                "V_z da_z": ("z", V["V_z"] * d["da_z"]),
                "V_r da_r": ("r", V["V_r"] * d["da_r"]),
                "past r": ("h_tilde", d["reset"]),
            }
        at = 0.0
        for n, (name, (quantity, part)) in enumerate(parts.items()):
            rows[f"+ {name}" if n else name] = (quantity, at, at + part)
            at += part
        rows["= dh_t-1"] = ("h", 0.0, d["dh_prev"])
        title = f"One step of the {self.cell.upper()} backwards"
        drawn = bars(rows, title=title, xlabel="gradient of the loss", ylabel="on the way back")
        return Picture(drawn.figure, self._all())


_QUANTITY = {"f": "f", "i": "i", "g": "C_tilde", "o": "o"}
