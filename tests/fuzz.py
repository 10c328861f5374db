"""Fuzz what the grader reads, guided by coverage (pip install atheris; Linux):

    python tests/fuzz.py frames   -max_total_time=300
    python tests/fuzz.py notebook -max_total_time=300 FOLDER-WITH-NOTEBOOKS

What raises is a find: keep it in test_grading_fuzz.py.
"""

from __future__ import annotations

import io
import sys

import atheris

with atheris.instrument_imports(include=["rnnlab"]):
    from rnnlab.grading import protocol
    from rnnlab.grading.grader import _outcome
    from rnnlab.grading.submissions import read
from rnnlab.questions import all_questions


def frames(raw: bytes) -> None:
    """Any bytes on a student's channel."""
    for data in (raw, len(raw).to_bytes(4, "big") + raw):
        try:
            value = protocol.read(io.BytesIO(data))
        except (protocol.GarbledError, EOFError):
            continue
        _outcome(value, {"x": 1})


def notebook(raw: bytes) -> None:
    """Any bytes in a file that was handed in."""
    got = read(raw, "work.ipynb", all_questions())
    assert got.problem or got.questions


if __name__ == "__main__":
    what = {"frames": frames, "notebook": notebook}[sys.argv.pop(1)]
    atheris.Setup(sys.argv, what)
    atheris.Fuzz()
