"""What comes from a student's process or file is bytes: whatever they are, nothing else happens.

Cases that a coverage-guided fuzzer found are kept as examples.
"""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rnnlab.calls import MAX_BYTES, Known, Other, plain
from rnnlab.grading import protocol
from rnnlab.grading.grader import _outcome
from rnnlab.grading.protocol import GarbledError
from rnnlab.grading.submissions import Submission, read
from rnnlab.questions import all_questions

quick = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


class Stream(io.BytesIO):
    """Counts what is asked of it: a frame must never promise more than is read at once."""

    def read(self, count: int | None = -1, /) -> bytes:
        assert count is not None and 0 <= count <= MAX_BYTES
        return super().read(count)


def decoded(raw: bytes) -> Any:
    try:
        return protocol.read(Stream(raw))
    except (GarbledError, EOFError):
        return None


def framed(header: object, body: bytes = b"") -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(raw).to_bytes(4, "big") + raw + body


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=20,
)
MARKS = st.sampled_from(
    ["tuple", "list", "dict", "complex", "array", "scalar", "LSTMParams", "other", "known"]
)
MARKED = st.recursive(
    TREES,
    lambda inner: st.builds(
        lambda mark, content: {mark: content},
        MARKS,
        inner | st.lists(inner, max_size=3) | st.lists(st.lists(inner, min_size=2, max_size=2)),
    ),
    max_leaves=10,
)
LISTED = st.lists(
    TREES
    | st.tuples(
        st.sampled_from(["<f8", ">i2", "|b1", "|O", "<U4", "<f8,<f8", "<M8[s]", "", "f", "<f16"]),
        st.lists(st.integers(-3, 2**40), max_size=5),
    ).map(list),
    max_size=4,
)


@quick
@given(st.binary(max_size=300))
@example(b"\xff\xff\xff\xff")
@example(b"\x00\x00\x00\x00")
@example(framed(b"NaN"))
def test_any_bytes(raw: bytes) -> None:
    decoded(raw)


@quick
@given(TREES | MARKED, LISTED, st.binary(max_size=200))
@example({"dict": [[float("nan"), 1]]}, [], b"")
@example({"array": 0}, [["<f8", [0, 2**40]]], b"")
@example(1, [["<f8", [0, 2**26, 2**26, 2**26]]], b"")
@example({"complex": [1e400, True]}, [], b"")
def test_any_header(message: Any, listed: Any, body: bytes) -> None:
    value = decoded(framed({"message": message, "arrays": listed}, body))
    _outcome(value, {"x": 1})
    _outcome(value["outcome"] if isinstance(value, dict) and "outcome" in value else value, {})


def written(value: Any) -> bytes:
    stream = io.BytesIO()
    protocol.write(stream, value)
    return stream.getvalue()


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64)
    | st.floats()
    | st.complex_numbers()
    | st.text()
    | st.builds(Other, st.text(), st.text())
    | st.just(Known("sum of sines"))
    | st.sampled_from([np.float32(0.5), np.arange(6.0).reshape(2, 3), np.zeros((0, 4), ">i2")]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text() | st.integers(-9, 9), inner, max_size=3)
    ),
    max_leaves=15,
)


@quick
@given(VALUES)
def test_plain_data_comes_back_as_it_went(value: Any) -> None:
    raw = written(plain(value))
    assert written(protocol.read(Stream(raw))) == raw


@quick
@given(VALUES, st.integers(0, 10**6), st.integers(1, 255), st.integers(0, 3))
def test_a_frame_with_a_byte_changed(value: Any, place: int, change: int, cut: int) -> None:
    raw = bytearray(written(plain(value)))
    raw[place % len(raw)] ^= change
    decoded(bytes(raw[: len(raw) - cut]))


# notebooks


def cell(**own: Any) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "source": "", "outputs": [], **own}


GRADING = st.fixed_dictionaries(
    {},
    optional={
        "grade_id": TREES | st.sampled_from(["belt", "check-belt", "half_life"]),
        "locked": TREES | st.booleans(),
        "grade": TREES | st.booleans(),
        "schema_version": TREES | st.just(3),
    },
)
CELLS = st.lists(
    TREES
    | st.builds(
        lambda source, grading, kind: cell(
            source=source, metadata={"nbgrader": grading}, cell_type=kind
        ),
        TREES | st.lists(st.text(), max_size=2),
        GRADING | TREES,
        st.sampled_from(["code", "markdown", "raw"]) | TREES,
    ),
    max_size=5,
)


@quick
@given(st.binary(max_size=200))
@example(b"\xef\xbb\xbf{}")
@example(b"[" * 10**5)
@example(b'{"cells": [' + b"[" * 10**4)
@example(b"9" * 10**5)
@example("{}".encode("utf-16"))
def test_any_file(raw: bytes) -> None:
    assert read(raw, "work.ipynb", all_questions()).problem


@quick
@given(CELLS, TREES, st.integers(-1, 6) | TREES, st.integers(0, 9) | TREES)
@example([cell(metadata={"nbgrader": {"grade_id": ["belt"]}})], {}, 4, 5)
@example([cell(source=["a", 1])], {"language_info": {"name": {}}}, 4, 5)
def test_any_notebook(cells: Any, metadata: Any, major: Any, minor: Any) -> None:
    content = {"cells": cells, "metadata": metadata, "nbformat": major, "nbformat_minor": minor}
    got = read(json.dumps(content).encode(), "work.ipynb", all_questions())
    assert isinstance(got, Submission)
    assert got.problem or got.questions
    assert all(isinstance(one.source, str) for one in got.cells)


@pytest.mark.parametrize("depth", [10, 1000, 100_000])
def test_a_notebook_however_deep(depth: int) -> None:
    raw = b'{"cells": ' + b"[" * depth + b"]" * depth + b', "nbformat": 4, "nbformat_minor": 5}'
    assert read(raw, "work.ipynb", all_questions()).problem
