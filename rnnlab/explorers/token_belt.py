"""The conveyor belt with gates that are computed: tokens drive them through W, V and b."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import traitlets

from rnnlab.cells import lstm_step
from rnnlab.explorers.esm import joined
from rnnlab.explorers.explorer import Number, PosedExplorer, Whole, fixed
from rnnlab.params import LSTMParams
from rnnlab.plots import Picture, curves

TOKENS = ("keep", "write", "none")
VALUES = (0.4, 0.7, -0.5, 0.3, -0.8, 0.6, -0.9, 0.2, 0.5, -0.3)  # what each step offers
STEPS = len(VALUES)
HOLD = ["none", "write"] + ["keep"] * (STEPS - 2)
ALONE = ["none", "write"] + ["none"] * (STEPS - 2)

# each poses a question about the move to make next, so that the picture does not answer it
_START = {"keep": 6.0, "write": 6.0, "V_f": 0.0, "b_f": -3.0, "b_i": -3.0, "tokens": HOLD, "t": 6}
PRESETS: tuple[dict[str, Any], ...] = (
    {
        "name": "Weak keep",
        "question": "Make the keep token's weight 3 instead of 6: how much of what was written is "
        "left at step 10? Say a number, then move it.",
        **_START,
    },
    {
        "name": "One keep missing",
        "question": "Take the keep token of step 6 away: does the cell lose a little or nearly "
        "all? Say it, then press the token of step 6 twice.",
        **_START,
        "keep": 9.0,
    },
    {
        "name": "Write again",
        "question": "Let step 7 write too, with the value it offers: is the old value replaced, or "
        "do both add up? Say it, then press the token of step 7.",
        **_START,
        "keep": 8.0,
        "t": 7,
    },
    {
        "name": "No keep token",
        "question": "No token says keep. Can the cell keep itself, through its own h alone? Say "
        "it, then move V of the forget gate to 6, and on to 12.",
        **_START,
        "tokens": ALONE,
    },
)


class BeltSteps(NamedTuple):
    """Gates and states after each of the steps, from h_0 = C_0 = 0."""

    f: list[float]
    i: list[float]
    C_tilde: list[float]
    C: list[float]
    h: list[float]


class _Tokens(traitlets.TraitType[list[str], Sequence[str]]):
    """One token for each step."""

    def validate(self, obj: Any, value: Any) -> list[str]:
        if (
            not isinstance(value, (list, tuple))
            or len(value) != STEPS
            or any(token not in TOKENS for token in value)
        ):
            raise ValueError(
                f'TokenBelt: tokens must be {STEPS} of "keep", "write" and "none", got {value!r}'
            )
        return list(value)


class TokenBelt(PosedExplorer):
    """An LSTM cell of one number over 10 steps, whose gates are computed from what it reads.

        x_t = (value, 1 if the token is keep, 1 if it is write)
        f_t = sigmoid(keep * x_t[1] + V_f * h_{t-1} + b_f)
        i_t = sigmoid(write * x_t[2] + b_i)            C~_t = tanh(2 * x_t[0])
        C_t = f_t * C_{t-1} + i_t * C~_t               h_t = sigmoid(3) * tanh(C_t)

    tokens: 10 of "keep", "write" and "none". keep, write: the tokens' weights, 0 to 12. V_f: the
    weight of the cell's own h on the forget gate, 0 to 12. b_f, b_i: the biases, -6 to 6. t: the
    step that is read. question: what is asked at first. All follow the inputs and can be set.
    Raises ValueError for a value outside these.
    """

    _esm = joined("token_belt.js")
    moved = ("tokens", "keep", "write", "V_f", "b_f", "b_i", "t")

    tokens = _Tokens(HOLD).tag(sync=True)
    keep = Number(6.0, 0, 12).tag(sync=True)
    write = Number(6.0, 0, 12).tag(sync=True)
    V_f = Number(0.0, 0, 12).tag(sync=True)
    b_f = Number(-3.0, -6, 6).tag(sync=True)
    b_i = Number(-3.0, -6, 6).tag(sync=True)
    t = Whole(6, 1, STEPS).tag(sync=True)
    values = traitlets.List(traitlets.Float(), list(VALUES)).tag(sync=True)

    def __init__(
        self,
        tokens: Sequence[str] = tuple(HOLD),
        *,
        keep: float = 6.0,
        write: float = 6.0,
        V_f: float = 0.0,
        b_f: float = -3.0,
        b_i: float = -3.0,
        t: int = 6,
        question: str | None = None,
    ) -> None:
        super().__init__(
            PRESETS, question, tokens=tokens, keep=keep, write=write, V_f=V_f, b_f=b_f, b_i=b_i, t=t
        )

    @property
    def p(self) -> LSTMParams:
        """The weights of the cell, of input size 3 and hidden size 1."""
        none, zero = np.zeros((1, 1)), np.zeros(1)
        return LSTMParams(
            W_f=np.array([[0.0, self.keep, 0.0]]), V_f=np.array([[self.V_f]]),
            b_f=np.array([self.b_f]),
            W_i=np.array([[0.0, 0.0, self.write]]), V_i=none, b_i=np.array([self.b_i]),
            W_g=np.array([[2.0, 0.0, 0.0]]), V_g=none, b_g=zero,
            W_o=np.zeros((1, 3)), V_o=none, b_o=np.array([3.0]),
        )  # fmt: skip

    def states(self) -> BeltSteps:
        """Gates and states with the present tokens and weights, by the course's own cell."""
        h, C, p = np.zeros(1), np.zeros(1), self.p
        said = BeltSteps([], [], [], [], [])
        for value, token in zip(VALUES, self.tokens, strict=True):
            x_t = np.array([value, float(token == "keep"), float(token == "write")])
            step = lstm_step(x_t, h, C, p)
            h, C = step.h, step.C
            for name, numbers in said._asdict().items():
                numbers.append(float(getattr(step, name)[0]))
        return said

    def sentence(self) -> str:
        """What the picture says."""
        states, n = self.states(), self.t - 1
        token = {"none": "there is no token"}.get(self.tokens[n], f"the token is {self.tokens[n]}")
        before = states.C[n - 1] if n else 0.0
        return (
            f"At step {self.t} {token}: the cell computes f = {fixed(states.f[n])} and "
            f"i = {fixed(states.i[n])} from it, and C goes from {fixed(before)} to "
            f"{fixed(states.C[n])}. At step {STEPS} it holds C = {fixed(states.C[-1])}."
        )

    def picture(self) -> Picture:
        """Gates and cell as they stand, drawn by Matplotlib."""
        states = self.states()
        drawn = curves(
            {"f": states.f, "i": states.i, "C": states.C},
            title="Gates computed from tokens, and the cell",
            ylabel="gates f and i, cell C",
            x=range(1, STEPS + 1),
        )
        return Picture(drawn.figure, f"Tokens: {', '.join(self.tokens)}. {self.sentence()}")

    def text(self) -> str:
        """The question, the tokens, and what the picture says."""
        return f"{self.question}\nTokens: {', '.join(self.tokens)}. {self.sentence()}"
