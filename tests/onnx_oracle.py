"""ONNX's reference evaluator as an oracle for the cells, the layers and the layouts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

DOUBLE = onnx.TensorProto.DOUBLE


def onnx_run(
    op: str,
    arrays: Sequence[np.ndarray],
    x: np.ndarray,
    h0: np.ndarray,
    C0: np.ndarray | None = None,
    **attributes: Any,
) -> tuple[np.ndarray, list[np.ndarray]]:
    """One node ("RNN", "LSTM", "GRU") over x (T, B, D): every h (T, B, H), the last states (B, H).

    arrays are W (G*H, D), R (G*H, H) and perhaps B (2*G*H,), in ONNX's order of gates.
    """
    inputs = {name: a[None] for name, a in zip("WRB", arrays, strict=False)}
    inputs |= {"X": x, "h0": h0[None]}
    names, outputs = ["X", "W", "R", "B" if "B" in inputs else "", "", "h0"], ["Y", "Y_h"]
    if C0 is not None:
        inputs["C0"] = C0[None]
        names.append("C0")
        outputs.append("Y_c")
    node = onnx.helper.make_node(op, names, outputs, hidden_size=h0.shape[1], **attributes)
    info = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [node],
        "one_node",
        [info(name, DOUBLE, a.shape) for name, a in inputs.items()],
        [info(name, DOUBLE, None) for name in outputs],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 14)])
    Y, *last = ReferenceEvaluator(model).run(None, inputs)
    return Y[:, 0], [state[0] for state in last]
