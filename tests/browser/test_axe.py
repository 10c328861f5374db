"""What axe, the checker of accessibility, finds in the explorers: nothing, in light and in dark."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pages import show

from rnnlab.cells import lstm_step
from rnnlab.explorers import (
    BackwardPath,
    CellAndHidden,
    ConveyorBelt,
    ForgetBias,
    GradientThroughTime,
    GRUDial,
    LSTMStepExplorer,
    Predict,
    Saturation,
    TokenBelt,
    WhoRemembers,
)
from rnnlab.params import LSTMParams

axe = pytest.importorskip("axe_playwright_python.sync_playwright")
pytestmark = pytest.mark.browser
COLOURS = ["color-contrast"]


def wrong_step(x_t: Any, h_prev: Any, C_prev: Any, p: Any) -> Any:
    return [2 * part for part in lstm_step(x_t, h_prev, C_prev, p)]


def fails(x_t: Any, h_prev: Any, C_prev: Any, p: Any) -> Any:
    raise RuntimeError("no such gate")


def answered() -> Predict:
    predict = Predict("Is `f = 1` open?", {"yes": "It keeps `C`.", "no": "Look again."}, "yes")
    predict.choice = "no"
    return predict


def shown() -> list[Any]:
    """Each explorer, with as much of it visible as it has."""
    own = LSTMParams.init(2, 3, np.random.default_rng(0))
    return [
        answered(),
        LSTMStepExplorer(stage=2),
        LSTMStepExplorer(wrong_step, stage=4),
        LSTMStepExplorer(fails, stage=4),
        ConveyorBelt(),
        TokenBelt(),
        CellAndHidden(),
        GradientThroughTime(),
        BackwardPath(stage=5),
        BackwardPath("gru", stage=2),
        ForgetBias(whole=1),
        Saturation(),
        GRUDial(),
        WhoRemembers(),
        WhoRemembers("lstm", t=20),
        WhoRemembers(p=own, x=np.ones(3)),
    ]


# in the other theme only the colours are others
@pytest.mark.parametrize(("theme", "rules"), [("light", {}), ("dark", {"runOnly": COLOURS})])
def test_axe_finds_nothing(page: Any, theme: str, rules: dict[str, Any]) -> None:
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    for widget in shown():
        show(page, widget)
        found = axe.Axe().run(page, context=".rl-explorer", options=rules)
        assert found.violations_count == 0, f"{widget!r}, {theme}: {found.generate_report()}"
        assert len(found.response["passes"]) >= (5 if theme == "light" else 1)  # it looked
