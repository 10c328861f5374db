"""Whole sequences of the Elman RNN, the LSTM and the GRU, forward and backward.

The fast twins of `cells`: the equations are those of `rnn_step`, `lstm_step` and `gru_step`.
Outside, time comes first and features last: x (T, B, D), h (T, B, H). Inside, the batch comes last,
x_t (D, B) and h_t (H, B), so that the code reads as the equations do, V @ h, and the gates of a
step lie in one block (G*H, B) that one product fills. Three things make it fast:

1. all input products W x_t + b before the loop, all weight gradients after it;
2. sigmoid gates side by side in the block, so that one call serves them all;
3. backward, the local slopes, such as C_{t-1} f (1 - f), for all steps at once, so that the loop is
   left with what truly recurs: the chain rule and one product with the transposed V.

A trace owns its arrays: x, initial states and weights are copied, so that changing yours in place
before the backward pass does no harm, and what it shows is read-only.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rnnlab.cells import Reset, check_reset
from rnnlab.params import Array, GRUParams, LSTMParams, RNNParams, check_array, check_params


class RNNTrace(NamedTuple):
    """The hidden states h (T, B, H); for the backward pass copies of x, h0 and the weights."""

    h: Array
    x: Array
    h0: Array
    W: Array
    V: Array


class LSTMTrace(NamedTuple):
    """The states h, C, the gates f, i, o and the candidate C_tilde, each (T, B, H).

    For the backward pass: tanh_C (T, B, H), copies of x, h0, C0, and the weights packed "gifo".
    h[-1] and C[-1] carry on into the next stretch of a sequence.
    """

    h: Array
    C: Array
    f: Array
    i: Array
    C_tilde: Array
    o: Array
    tanh_C: Array
    x: Array
    h0: Array
    C0: Array
    W: Array
    V: Array


class GRUTrace(NamedTuple):
    """The states h, the gates z, r and the candidate h_tilde, each (T, B, H).

    For the backward pass: q (T, B, H), where the reset gate acts, r_t * h_{t-1} for reset="before"
    and V_h h_{t-1} + b_hv for "after"; copies of x and h0, and the weights packed "zrh".
    """

    h: Array
    z: Array
    r: Array
    h_tilde: Array
    q: Array
    x: Array
    h0: Array
    W: Array
    V: Array
    reset: Reset
    has_b_hv: bool


class RNNGrads(NamedTuple):
    """The loss's gradients by x (T, B, D), h0 (B, H) and the weights, named as they are."""

    x: Array
    h0: Array
    params: RNNParams


class LSTMGrads(NamedTuple):
    """The loss's gradients by x (T, B, D), h0 and C0 (B, H) and the weights, named as they are."""

    x: Array
    h0: Array
    C0: Array
    params: LSTMParams


class GRUGrads(NamedTuple):
    """The loss's gradients by x (T, B, D), h0 (B, H) and the weights, named as they are."""

    x: Array
    h0: Array
    params: GRUParams


def rnn_forward(x: Array, h0: Array, p: RNNParams) -> RNNTrace:
    """The Elman RNN over a sequence x (T, B, D) from the state h0 (B, H).

        h_t = tanh(W x_t + V h_{t-1} + b)

    Raises ValueError for a wrong shape or dtype.
    """
    check_params("rnn_forward", p, RNNParams)
    _check_forward("rnn_forward", p, x, h0=h0)
    W, V, b = p.packed()
    h, a = _states(h0, len(x)), _input_products(W, x, b)
    for t in range(len(x)):
        h[t + 1] = np.tanh(a[t] + V @ h[t])
    return RNNTrace(_shown(h[1:]), _copy(x), _shown(h)[0], W, V)


def rnn_backward(trace: RNNTrace, dh: Array, dh_T: Array | float = 0) -> RNNGrads:
    """Gradients of a loss from dh (T, B, H), its gradient by each h_t.

    dh_T (B, H) comes on top for the last state. With dh_t the sum of dh[t] and what step t + 1
    sends back:

        da_t     = dh_t * (1 - h_t^2)
        dh_{t-1} = V^T da_t

    Raises ValueError for a wrong shape or dtype.
    """
    _check_trace("rnn_backward", trace, RNNTrace)
    dh, dh_t = _check_backward("rnn_backward", trace.h, dh, dh_T=dh_T)
    h = trace.h.mT
    da = 1 - h * h
    for t in reversed(range(len(da))):
        dh_t += dh[t]
        da[t] *= dh_t
        dh_t = trace.V.T @ da[t]
    da = _over_time(da)
    dW, db, dx = _input_gradients(da, trace.W, trace.x)
    dV = _summed(da, _over_time(_previous(trace.h0, h)).T)
    return RNNGrads(dx, dh_t.T, RNNParams(dW, dV, db))


def lstm_forward(x: Array, h0: Array, C0: Array, p: LSTMParams) -> LSTMTrace:
    """The LSTM over a sequence x (T, B, D) from the states h0 and C0 (B, H).

    The equations of `cells.lstm_step` at every step. Raises ValueError for a wrong shape or dtype.
    """
    check_params("lstm_forward", p, LSTMParams)
    _check_forward("lstm_forward", p, x, h0=h0, C0=C0)
    W, V, b = p.packed("gifo")
    T, H, B = len(x), p.hidden_size, x.shape[1]
    h, C, tanh_C = _states(h0, T), _states(C0, T), np.empty((T, H, B), x.dtype)
    a = _input_products(W, x, b)
    gates = a.reshape(T, 4, H, B)
    for t in range(T):
        a[t] += V @ h[t]
        C_tilde, i, f, o = gates[t]
        np.tanh(C_tilde, out=C_tilde)
        _sigmoid(gates[t, 1:])
        C[t + 1] = f * C[t] + i * C_tilde
        np.tanh(C[t + 1], out=tanh_C[t])
        h[t + 1] = o * tanh_C[t]
    C_tilde, i, f, o = _shown(gates.swapaxes(0, 1))
    h, C, tanh_C = _shown(h), _shown(C), _shown(tanh_C)
    return LSTMTrace(h[1:], C[1:], f, i, C_tilde, o, tanh_C, _copy(x), h[0], C[0], W, V)


def lstm_backward(
    trace: LSTMTrace, dh: Array, dh_T: Array | float = 0, dC_T: Array | float = 0
) -> LSTMGrads:
    """Gradients of a loss from dh (T, B, H), its gradient by each h_t.

    dh_T and dC_T (B, H) come on top for the last state: what a later stretch of the same sequence
    sends back. With dh_t the sum of dh[t] and V^T da_{t+1}:

        dC_t  = dC_{t+1} * f_{t+1} + dh_t * o_t * (1 - tanh(C_t)^2)
        da_g  = dC_t * i_t     * (1 - C~_t^2)
        da_i  = dC_t * C~_t    * i_t * (1 - i_t)
        da_f  = dC_t * C_{t-1} * f_t * (1 - f_t)
        da_o  = dh_t * tanh(C_t) * o_t * (1 - o_t)

    Raises ValueError for a wrong shape or dtype.
    """
    _check_trace("lstm_backward", trace, LSTMTrace)
    dh, dh_t, dC_t = _check_backward("lstm_backward", trace.h, dh, dh_T=dh_T, dC_T=dC_T)
    h, C, f, i, C_tilde, o, tanh_C = (states.mT for states in trace[:7])
    T, H, B = h.shape
    slope_C = o * (1 - tanh_C * tanh_C)
    da = np.empty((T, 4, H, B), h.dtype)  # first what dC_t or dh_t multiplies
    da[:, 0] = i * (1 - C_tilde * C_tilde)
    da[:, 1] = C_tilde * i * (1 - i)
    da[:, 2] = _previous(trace.C0, C) * f * (1 - f)
    da[:, 3] = tanh_C * o * (1 - o)
    for t in reversed(range(T)):
        dh_t += dh[t]
        dC_t += dh_t * slope_C[t]
        da[t, :3] *= dC_t
        da[t, 3] *= dh_t
        dC_t *= f[t]
        dh_t = trace.V.T @ da[t].reshape(4 * H, B)
    da = _over_time(da.reshape(T, 4 * H, B))
    dW, db, dx = _input_gradients(da, trace.W, trace.x)
    dV = _summed(da, _over_time(_previous(trace.h0, h)).T)
    return LSTMGrads(dx, dh_t.T, dC_t.T, LSTMParams(**_by_gate("gifo", W=dW, V=dV, b=db)))


def gru_forward(x: Array, h0: Array, p: GRUParams, reset: Reset = "before") -> GRUTrace:
    """The GRU over a sequence x (T, B, D) from the state h0 (B, H).

    The equations of `cells.gru_step` at every step. Raises ValueError for a wrong shape, dtype or
    reset, and for a b_hv with reset="before", where it would be ignored.
    """
    check_params("gru_forward", p, GRUParams)
    _check_forward("gru_forward", p, x, h0=h0)
    check_reset("gru_forward", p, reset)
    W, V, b = p.packed("zrh")
    T, H, B = len(x), p.hidden_size, x.shape[1]
    b_hv = np.zeros((H, 1), x.dtype) if p.b_hv is None else p.b_hv[:, None]
    h, q = _states(h0, T), np.empty((T, H, B), x.dtype)
    a = _input_products(W, x, b)
    gates = a.reshape(T, 3, H, B)
    for t in range(T):
        z, r, h_tilde = gates[t]
        if reset == "before":
            a[t, : 2 * H] += V[: 2 * H] @ h[t]
            _sigmoid(gates[t, :2])
            q[t] = r * h[t]
            h_tilde += V[2 * H :] @ q[t]
        else:
            Vh = V @ h[t]
            a[t, : 2 * H] += Vh[: 2 * H]
            _sigmoid(gates[t, :2])
            q[t] = Vh[2 * H :] + b_hv
            h_tilde += r * q[t]
        np.tanh(h_tilde, out=h_tilde)
        h[t + 1] = (1 - z) * h[t] + z * h_tilde
    z, r, h_tilde = _shown(gates.swapaxes(0, 1))
    h, q = _shown(h), _shown(q)
    return GRUTrace(
        h[1:], z, r, h_tilde, q, _copy(x), h[0], W, V, reset, has_b_hv=p.b_hv is not None
    )


def gru_backward(trace: GRUTrace, dh: Array, dh_T: Array | float = 0) -> GRUGrads:
    """Gradients of a loss from dh (T, B, H), its gradient by each h_t.

    dh_T (B, H) comes on top for the last state. With dh_t the sum of dh[t] and what step t + 1
    sends back, and q_t as in `GRUTrace`:

        da_z = dh_t * (h~_t - h_{t-1}) * z_t * (1 - z_t)
        da_h = dh_t * z_t * (1 - h~_t^2)
        before: dq = V_h^T da_h,   da_r = dq   * h_{t-1} * r_t * (1 - r_t)
                dh_{t-1} = dh_t * (1 - z_t) + V_z^T da_z + V_r^T da_r + dq * r_t
        after:  dq = da_h * r_t,   da_r = da_h * q_t     * r_t * (1 - r_t)
                dh_{t-1} = dh_t * (1 - z_t) + V_z^T da_z + V_r^T da_r + V_h^T dq

    The gradient by b_hv is None where the weights have none. Raises ValueError for a wrong shape or
    dtype.
    """
    _check_trace("gru_backward", trace, GRUTrace)
    dh, dh_t = _check_backward("gru_backward", trace.h, dh, dh_T=dh_T)
    through = _through_before if trace.reset == "before" else _through_after
    da, recurrent, dh_0 = through(trace, dh, dh_t)
    dW, db, dx = _input_gradients(da, trace.W, trace.x)
    params = GRUParams(**_by_gate("zrh", W=dW, b=db), **recurrent)
    return GRUGrads(dx, dh_0.T, params)


def _through_before(
    trace: GRUTrace, dh: Array, dh_t: Array
) -> tuple[Array, dict[str, Array], Array]:
    """da "zrh" (3*H, T*B), the gradients by V_z, V_r, V_h, and dh_0 (H, B)."""
    h, z, r, h_tilde, q = (states.mT for states in trace[:5])
    T, H, B = h.shape
    V_zr, V_h = trace.V[: 2 * H], trace.V[2 * H :]
    h_prev, keep = _previous(trace.h0, h), 1 - z
    da = np.empty((T, 3, H, B), h.dtype)  # first what dh_t or dq multiplies
    da[:, 0] = (h_tilde - h_prev) * z * keep
    da[:, 1] = h_prev * r * (1 - r)
    da[:, 2] = z * (1 - h_tilde * h_tilde)
    for t in reversed(range(T)):
        dh_t += dh[t]
        da[t, ::2] *= dh_t
        dq = V_h.T @ da[t, 2]
        da[t, 1] *= dq
        dh_t = dh_t * keep[t] + V_zr.T @ da[t, :2].reshape(2 * H, B) + dq * r[t]
    da = _over_time(da.reshape(T, 3 * H, B))
    dV_zr = _summed(da[: 2 * H], _over_time(h_prev).T)
    dV_h = _summed(da[2 * H :], _over_time(q).T)
    return da, {**_by_gate("zr", V=dV_zr), "V_h": dV_h}, dh_t


def _through_after(
    trace: GRUTrace, dh: Array, dh_t: Array
) -> tuple[Array, dict[str, Array], Array]:
    """da "zrh" (3*H, T*B), the gradients by V_z, V_r, V_h and b_hv, and dh_0 (H, B)."""
    h, z, r, h_tilde, q = (states.mT for states in trace[:5])
    T, H, B = h.shape
    V_hzr = np.concatenate([trace.V[2 * H :], trace.V[: 2 * H]])
    h_prev, keep = _previous(trace.h0, h), 1 - z
    # dq, da_z, da_r, da_h: the first three go back through V, the last three through W
    da = np.empty((T, 4, H, B), h.dtype)  # first what dh_t multiplies
    da[:, 3] = z * (1 - h_tilde * h_tilde)
    da[:, 2] = da[:, 3] * q * r * (1 - r)
    da[:, 1] = (h_tilde - h_prev) * z * keep
    da[:, 0] = da[:, 3] * r
    for t in reversed(range(T)):
        dh_t += dh[t]
        da[t] *= dh_t
        dh_t = dh_t * keep[t] + V_hzr.T @ da[t, :3].reshape(3 * H, B)
    da = _over_time(da.reshape(T, 4 * H, B))
    dV = _summed(da[: 3 * H], _over_time(h_prev).T)
    recurrent = _by_gate("hzr", V=dV)
    if trace.has_b_hv:
        recurrent["b_hv"] = da[:H].sum(axis=1)
    return da[H:], recurrent, dh_t


def _check_forward(
    where: str, p: RNNParams | LSTMParams | GRUParams, x: Array, **states: Array
) -> None:
    check_array(where, "x", x, ("T", "B", p.input_size), p.dtype)
    for name, state in states.items():
        check_array(where, name, state, (x.shape[1], p.hidden_size), p.dtype)


def _check_trace(where: str, trace: object, kind: type) -> None:
    if not isinstance(trace, kind):
        forward = where.replace("backward", "forward")
        raise ValueError(
            f"{where}: trace must be the {kind.__name__} that {forward} returns, "
            f"got {type(trace).__name__}"
        )


def _check_backward(where: str, h: Array, dh: Array, **last: Array | float) -> list[Array]:
    """Copies of dh and of what comes on top for the last state, checked and with the batch last."""
    check_array(where, "dh", dh, h.shape, h.dtype)
    inside = [dh.mT.copy()]
    for name, grad in last.items():
        if isinstance(grad, (int, float)) and grad == 0:
            inside.append(np.zeros(h.shape[:0:-1], h.dtype))
        else:
            check_array(where, name, grad, h.shape[1:], h.dtype)
            inside.append(np.array(grad).T)
    return inside


def _input_products(W: Array, x: Array, b: Array) -> Array:
    """W x_t + b for every step: (T, G*H, B)."""
    a: Array = W @ x.mT
    a += b[:, None]
    return a


def _sigmoid(a: Array) -> None:
    """Put sigmoid(a) in the place of a: `cells.sigmoid` without new arrays."""
    a *= 0.5
    np.tanh(a, out=a)
    a *= 0.5
    a += 0.5


def _states(first: Array, T: int) -> Array:
    """Room for the states of T steps behind the first one: (T + 1, H, B)."""
    B, H = first.shape
    states = np.empty((T + 1, H, B), first.dtype)
    states[0] = first.T
    return states


def _shown(inside: Array) -> Array:
    """(T, H, B) as the public (T, B, H), without a copy and read-only."""
    outside = inside.mT
    outside.flags.writeable = False
    return outside


def _copy(x: Array) -> Array:
    x = x.copy()
    x.flags.writeable = False
    return x


def _previous(first: Array, states: Array) -> Array:
    """The state before each step: `first` (B, H), then all states (T, H, B) but the last."""
    return np.concatenate([first.T[None], states])[:-1]


def _over_time(inside: Array) -> Array:
    """(T, N, B) as the matrix (N, T*B), in which one product sums over time and batch."""
    T, N, B = inside.shape
    return inside.transpose(1, 0, 2).reshape(N, T * B)


def _summed(da: Array, inputs: Array) -> Array:
    """The gradient of a weight, sum_t da_t input_t^T, from (N, T*B) and (T*B, K)."""
    # for T*B = 1 an outer product, which `@` does not hand to BLAS
    gradient: Array = np.dot(da, inputs)
    return gradient


def _input_gradients(da: Array, W: Array, x: Array) -> tuple[Array, Array, Array]:
    """dW, db and dx from da (G*H, T*B): the gradients of a_t = W x_t + b."""
    T, B, D = x.shape
    dW = _summed(da, x.reshape(T * B, D))
    dx: Array = (da.T @ W).reshape(T, B, D)
    return dW, da.sum(axis=1), dx


def _by_gate(order: str, **packed: Array) -> dict[str, Array]:
    """The rows of each gate under the gate's name: W_f, W_i and so on from W."""
    return {
        f"{letter}_{gate}": rows
        for letter, array in packed.items()
        for gate, rows in zip(order, array.reshape(len(order), -1, *array.shape[1:]), strict=True)
    }
