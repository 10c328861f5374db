"""Frames of plain data between the judge and a student's process; never pickle.

A frame is the length of a header (4 bytes, big endian), the header (JSON, UTF-8), and the bytes of
the arrays that the header lists. What is read is held against bounds before it is used: neither a
lying length nor a deep or huge value can do more than raise Garbled.

    {"message": ..., "arrays": [["<f8", [2, 3]], ...]}

In a message, None, truth values, numbers and text are themselves; all else is an object of one
entry: {"tuple": [...]}, {"list": [...]}, {"dict": [[key, value], ...]}, {"complex": [re, im]},
{"array": 0} and {"scalar": 0} (a number of NumPy's) by their place in the list,
{"LSTMParams": {"W_f": 0, ...}}, {"other": [words, module]}, {"known": "sum of squares"}.
"""

from __future__ import annotations

import json
import math
from typing import Any, Protocol

import numpy as np

from rnnlab.calls import FUNCTIONS, MAX_BYTES, MAX_DEPTH, MAX_PARTS, PARAMS, Known, Other
from rnnlab.params import Array

MAX_HEADER = 2**23
_DTYPES = frozenset(
    [f"{order}{kind}" for order in "<>" for kind in ("i2", "i4", "i8", "u2", "u4", "u8")]
    + [f"{order}{kind}" for order in "<>" for kind in ("f2", "f4", "f8", "c8", "c16")]
    + ["|b1", "|i1", "|u1"]
)
_PARAMS = {kind.__name__: kind for kind in PARAMS}


class Reader(Protocol):
    """What can be read from: fewer bytes than asked for mean that there are no more."""

    def read(self, count: int, /) -> bytes: ...


class Writer(Protocol):
    """What can be written to."""

    def write(self, data: bytes, /) -> int: ...

    def flush(self) -> None: ...


class GarbledError(Exception):
    """What came is no frame."""


def write(stream: Writer, message: object) -> None:
    """Write one frame of plain data (see `rnnlab.calls.plain`); OSError when the pipe is gone."""
    arrays: list[Array] = []
    coded = _encode(message, arrays)
    listed = [[array.dtype.str, list(array.shape)] for array in arrays]
    header = json.dumps({"message": coded, "arrays": listed}).encode("ascii")
    stream.write(len(header).to_bytes(4, "big") + header)
    for array in arrays:
        stream.write(array.tobytes())
    stream.flush()


def read(stream: Reader) -> Any:
    """Read one frame; EOFError when the other side is gone, GarbledError when it is no frame.

    It blocks until the frame is whole: whoever reads what a student's process says holds a
    deadline over it.
    """
    length = int.from_bytes(_take(stream, 4), "big")
    if length > MAX_HEADER:
        raise GarbledError(f"a header of {length} bytes")
    raw = _take(stream, length)
    try:
        header = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise GarbledError("the header is no JSON") from error
    match header:
        case {"message": message, "arrays": list(listed)} if len(listed) <= MAX_PARTS:
            pass
        case _:
            raise GarbledError("the header lacks its parts")
    try:
        return _decode(message, _read_arrays(stream, listed), 0)
    except (ValueError, TypeError, OverflowError) as error:
        raise GarbledError("a value is not what it says") from error


def _take(stream: Reader, count: int) -> bytes:
    got = stream.read(count)
    if len(got) < count:
        raise EOFError
    return got


def _read_arrays(stream: Reader, listed: list[Any]) -> list[Array | None]:
    sizes = [_size(entry) for entry in listed]
    if sum(sizes) > MAX_BYTES:
        raise GarbledError(f"arrays of {sum(sizes)} bytes")
    return [
        np.frombuffer(_take(stream, size), np.dtype(dtype)).reshape(shape).copy()
        for (dtype, shape), size in zip(listed, sizes, strict=True)
    ]


def _size(entry: Any) -> int:
    match entry:
        case [str(dtype), list(shape)] if (
            dtype in _DTYPES
            and len(shape) <= 32
            and all(type(n) is int and 0 <= n <= MAX_BYTES for n in shape)
        ):
            return math.prod(shape) * np.dtype(dtype).itemsize
    raise GarbledError("an array is not described")


def _encode(value: Any, arrays: list[Array]) -> Any:
    if value is None or (isinstance(value, (bool, int, float, str)) and not _is_numpy(value)):
        return value
    if _is_numpy(value):
        arrays.append(np.asarray(value))
        return {"array" if isinstance(value, np.ndarray) else "scalar": len(arrays) - 1}
    match value:
        case complex():
            return {"complex": [value.real, value.imag]}
        case tuple():
            return {"tuple": [_encode(v, arrays) for v in value]}
        case list():
            return {"list": [_encode(v, arrays) for v in value]}
        case dict():
            return {"dict": [[k, _encode(v, arrays)] for k, v in value.items()]}
        case Other():
            return {"other": [value.words, value.module]}
        case Known():
            return {"known": value.name}
    if type(value) in PARAMS:
        weights = {name: _encode(array, arrays)["array"] for name, array in value.items()}
        return {type(value).__name__: weights}
    raise TypeError(f"write: a message must be plain data, got {type(value).__name__}")


def _is_numpy(value: object) -> bool:
    return isinstance(value, (np.ndarray, np.generic))


def _decode(coded: Any, arrays: list[Array | None], depth: int) -> Any:
    # a message wraps the value that it carries in two objects of its own
    if depth > MAX_DEPTH + 4:
        raise GarbledError("a value is nested too deep")
    if coded is None or isinstance(coded, (bool, int, float, str)):
        return coded
    if not isinstance(coded, dict) or len(coded) != 1:
        raise GarbledError("a value is not marked")
    [(mark, content)] = coded.items()
    match mark, content:
        case (("tuple" | "list"), list()):
            values = [_decode(v, arrays, depth + 1) for v in content]
            return tuple(values) if mark == "tuple" else values
        case "dict", list():
            return {_key(k): _decode(v, arrays, depth + 1) for k, v in content}
        case "complex", [int() | float() as re, int() | float() as im]:
            return complex(re, im)
        case "array", int():
            return _pick(content, arrays)
        case "scalar", int():
            array = _pick(content, arrays)
            if array.shape == ():
                return array[()]
        case "other", [str(words), str(module)]:
            return Other(words, module)
        case "known", str(name) if name in FUNCTIONS:
            return Known(name)
        case _, dict() if mark in _PARAMS:
            return _PARAMS[mark](**{name: _pick(k, arrays) for name, k in content.items()})
    raise GarbledError("a value has an unknown mark")


def _key(key: Any) -> str | int:
    if type(key) in (str, int):
        return key  # type: ignore[no-any-return]
    raise GarbledError("a key is no text")


def _pick(place: Any, arrays: list[Array | None]) -> Array:
    # each once: what is small on its way must not be large where it is put together
    if type(place) is int and 0 <= place < len(arrays):
        array, arrays[place] = arrays[place], None
        if array is not None:
            return array
    raise GarbledError("an array is missing")
