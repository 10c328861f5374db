"""Explorers: widgets whose pictures are computed and drawn in the browser.

    from rnnlab.explorers import ConveyorBelt, Predict

A `.py` beside a `.js` each; `cells.js` holds the cells' equations, `drawing.js` and `controls.js`
what all pictures and inputs share, `explorer.css` how they look.
"""

from __future__ import annotations

try:
    import anywidget as _anywidget  # noqa: F401
except ImportError as error:
    raise ImportError(
        "rnnlab.explorers: needs anywidget, which is not installed; "
        'pip install "rnnlab[lab]" installs what the lectures need'
    ) from error

from rnnlab.explorers.conveyor_belt import ConveyorBelt
from rnnlab.explorers.predict import Predict

__all__ = ["ConveyorBelt", "Predict"]
