"""Explorers: widgets whose pictures are computed and drawn in the browser.

    from rnnlab.explorers import ConveyorBelt, Predict

A `.py` beside a `.js` each; `cells.js` holds the cells' equations, `drawing.js`, `controls.js` and
`frame.js` what pictures, inputs and explorers share, `explorer.css` how they look. `explorer.py`
is what the Python sides share, `own.py` adds a learner's own cell, `page.py` makes a notebook a web
page in which they move without Python.
"""

from __future__ import annotations

try:
    import anywidget as _anywidget  # noqa: F401
except ImportError as error:
    raise ImportError(
        "rnnlab.explorers: needs anywidget, which is not installed; "
        'pip install "rnnlab[lab]" installs what the lectures need'
    ) from error

from rnnlab.explorers.backward_path import BackwardPath
from rnnlab.explorers.cell_and_hidden import CellAndHidden
from rnnlab.explorers.conveyor_belt import ConveyorBelt
from rnnlab.explorers.forget_bias import ForgetBias
from rnnlab.explorers.gradient_through_time import GradientThroughTime
from rnnlab.explorers.gru_dial import GRUDial
from rnnlab.explorers.lstm_step import LSTMStepExplorer
from rnnlab.explorers.predict import Predict
from rnnlab.explorers.saturation import Saturation
from rnnlab.explorers.token_belt import TokenBelt
from rnnlab.explorers.who_remembers import WhoRemembers

__all__ = [
    "BackwardPath",
    "CellAndHidden",
    "ConveyorBelt",
    "ForgetBias",
    "GRUDial",
    "GradientThroughTime",
    "LSTMStepExplorer",
    "Predict",
    "Saturation",
    "TokenBelt",
    "WhoRemembers",
]
