"""Whole sequences of the Elman RNN, the LSTM and the GRU, forward and backward.

The fast twins of `cells`: the equations are those of `rnn_step`, `lstm_step` and `gru_step`.
Outside, time comes first and features last: x (T, B, D), h (T, B, H). Inside, the batch comes last,
x_t (D, B) and h_t (H, B), so that the code reads as the equations do, V @ h, and the gates of a
step lie in one block (G*H, B) that one product fills. Three things make it fast:

1. few and large products: the RNN and the LSTM join W x_t + V h_{t-1} + b into one,
   [W V b] [x_t; h_{t-1}; 1]; the GRU, whose reset comes between, takes all W x_t + b before the
   loop; the weight gradients of all steps are one product after it;
2. sigmoid gates side by side in the block, so that one call serves them all;
3. backward, the local slopes, such as C_{t-1} f (1 - f), for all steps at once, so that the loop is
   left with what truly recurs: the chain rule and one product with the transposed weights.

A trace owns its arrays: x, initial states and weights are copied, so that changing yours in place
before the backward pass does no harm, and what it shows is read-only.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rnnlab.cells import Reset, check_reset
from rnnlab.params import Array, GRUParams, LSTMParams, RNNParams, check_array, check_params


class RNNTrace(NamedTuple):
    """The hidden states h (T, B, H).

    For the backward pass: copies of x and h0, the columns xh1 = [x_t; h_{t-1}; 1]
    (T, B, D + H + 1), and the weights joined as WVb.
    """

    h: Array
    x: Array
    h0: Array
    xh1: Array
    WVb: Array


class LSTMTrace(NamedTuple):
    """The states h, C, the gates f, i, o and the candidate C_tilde, each (T, B, H).

    For the backward pass: tanh_C and C_prev (T, B, H); copies of x, h0 and C0; y (T, 5, B, H), what
    every tanh and sigmoid returned: tanh_C, C_tilde, i, f, o; the columns xh1 = [x_t; h_{t-1}; 1]
    (T, B, D + H + 1), and the weights joined "gifo" as WVb.
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
    C_prev: Array
    y: Array
    xh1: Array
    WVb: Array


class GRUTrace(NamedTuple):
    """The states h, the gates z, r and the candidate h_tilde, each (T, B, H).

    For the backward pass: q (T, B, H), where the reset gate acts, r_t * h_{t-1} for reset="before"
    and V_h h_{t-1} + b_hv for "after"; h_prev (T, B, H); y (T, 3, B, H), what every tanh and
    sigmoid returned: h_tilde, z, r; copies of x and h0, W packed "hzr" and V packed "zrh".
    """

    h: Array
    z: Array
    r: Array
    h_tilde: Array
    q: Array
    x: Array
    h0: Array
    h_prev: Array
    y: Array
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
    T, _, D, _ = _check_forward("rnn_forward", p.W, x, h0=h0)
    WVb, xh1 = p.joined(), _inputs(x, h0)
    h = xh1[:, D:-1]
    for t in range(T):
        h[t + 1] = np.tanh(WVb @ xh1[t])
    xh1 = _shown(xh1)
    x, h0, h = xh1[:-1, :, :D], xh1[0, :, D:-1], xh1[1:, :, D:-1]
    return RNNTrace(h, x, h0, xh1[:-1], WVb)


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
    h, WV = trace.h.mT, trace.WVb[:, :-1]
    T, B, D = trace.x.shape
    dx = np.empty((T, B, D), h.dtype)
    da = 1 - h * h
    for t in reversed(range(T)):
        dh_t = dh_t + dh[t]
        da[t] *= dh_t
        dxh = WV.T @ da[t]
        dx[t], dh_t = dxh[:D].T, dxh[D:]
    dWVb = _summed(da, trace.xh1.mT)
    params = RNNParams.unchecked(W=dWVb[:, :D], V=dWVb[:, D:-1], b=dWVb[:, -1])
    return RNNGrads(dx, dh_t.T, params)


def lstm_forward(x: Array, h0: Array, C0: Array, p: LSTMParams) -> LSTMTrace:
    """The LSTM over a sequence x (T, B, D) from the states h0 and C0 (B, H).

    The equations of `cells.lstm_step` at every step. Raises ValueError for a wrong shape or dtype.
    """
    check_params("lstm_forward", p, LSTMParams)
    T, B, D, H = _check_forward("lstm_forward", p.W_f, x, h0=h0, C0=C0)
    WVb, xh1, C = p.joined("gifo"), _inputs(x, h0), _states(C0, T)
    h = xh1[:, D:-1]
    y = np.empty((T, 5, H, B), x.dtype)  # tanh_C and the gates "gifo"
    a, sigmoids = y[:, 1:].reshape(T, 4 * H, B), y[:, 2:]
    for t in range(T):
        tanh_C, C_tilde, i, f, o = y[t]
        np.matmul(WVb, xh1[t], out=a[t])
        sigmoids[t] *= 0.5  # sigmoid(a) = 0.5 + 0.5 tanh(0.5 a)
        np.tanh(a[t], out=a[t])
        sigmoids[t] *= 0.5
        sigmoids[t] += 0.5
        C[t + 1] = f * C[t] + i * C_tilde
        np.tanh(C[t + 1], out=tanh_C)
        h[t + 1] = o * tanh_C
    xh1, C, y = _shown(xh1), _shown(C), _shown(y)
    tanh_C, C_tilde, i, f, o = y.swapaxes(0, 1)
    x, h0, h = xh1[:-1, :, :D], xh1[0, :, D:-1], xh1[1:, :, D:-1]
    return LSTMTrace(h, C[1:], f, i, C_tilde, o, tanh_C, x, h0, C[0], C[:-1], y, xh1[:-1], WVb)


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
    y, C_prev, WV = trace.y.mT, trace.C_prev.mT, trace.WVb[:, :-1]
    (T, _, H, B), D = y.shape, trace.x.shape[2]
    dx = np.empty((T, B, D), y.dtype)
    tanh_C, C_tilde, i, f, o = y.swapaxes(0, 1)
    s = np.empty(y.shape, y.dtype)
    s[:, :2] = 1 - y[:, :2] * y[:, :2]  # slope of tanh
    s[:, 2:] = y[:, 2:] * (1 - y[:, 2:])  # slope of sigmoid
    s[:, 0] *= o
    s[:, 1] *= i
    s[:, 2] *= C_tilde
    s[:, 3] *= C_prev
    s[:, 4] *= tanh_C
    slope_C, da = s[:, 0], s[:, 1:]  # da: first what dC_t or dh_t multiplies
    for t in reversed(range(T)):
        dh_t = dh_t + dh[t]
        dC_t = dC_t + dh_t * slope_C[t]
        da[t, :3] *= dC_t
        da[t, 3] *= dh_t
        dC_t = dC_t * f[t]
        dxh = WV.T @ da[t].reshape(4 * H, B)
        dx[t], dh_t = dxh[:D].T, dxh[D:]
    dWVb = _summed(da.reshape(T, 4 * H, B), trace.xh1.mT)
    return LSTMGrads(dx, dh_t.T, dC_t.T, LSTMParams.unchecked(**_by_gate("gifo", dWVb, D)))


def gru_forward(x: Array, h0: Array, p: GRUParams, reset: Reset = "before") -> GRUTrace:
    """The GRU over a sequence x (T, B, D) from the state h0 (B, H).

    The equations of `cells.gru_step` at every step. Raises ValueError for a wrong shape, dtype or
    reset, and for a b_hv with reset="before", where it would be ignored.
    """
    check_params("gru_forward", p, GRUParams)
    T, B, _, H = _check_forward("gru_forward", p.W_z, x, h0=h0)
    check_reset("gru_forward", p, reset)
    W = np.concatenate((p.W_h, p.W_z, p.W_r))
    V = np.concatenate((p.V_z, p.V_r, p.V_h))
    b = np.concatenate((p.b_h, p.b_z, p.b_r))
    b_hv = 0 if p.b_hv is None else p.b_hv[:, None]
    h, q, x = _states(h0, T), np.empty((T, H, B), x.dtype), _copy(x)
    a = W @ x.mT
    a += b[:, None]
    y, a_zr = a.reshape(T, 3, H, B), a[:, H:]
    for t in range(T):
        h_tilde, z, r = y[t]
        if reset == "before":
            a_zr[t] += V[: 2 * H] @ h[t]
            _sigmoid(a_zr[t])
            q[t] = r * h[t]
            h_tilde += V[2 * H :] @ q[t]
        else:
            Vh = V @ h[t]
            a_zr[t] += Vh[: 2 * H]
            _sigmoid(a_zr[t])
            q[t] = Vh[2 * H :] + b_hv
            h_tilde += r * q[t]
        np.tanh(h_tilde, out=h_tilde)
        h[t + 1] = (1 - z) * h[t] + z * h_tilde
    h, y, q = _shown(h), _shown(y), _shown(q)
    h_tilde, z, r = y.swapaxes(0, 1)
    return GRUTrace(h[1:], z, r, h_tilde, q, x, h[0], h[:-1], y, W, V, reset, p.b_hv is not None)


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
    return through(trace, dh, dh_t)


def _through_before(trace: GRUTrace, dh: Array, dh_t: Array) -> GRUGrads:
    """`gru_backward` where the reset gate acts on h_{t-1}: q_t = r_t * h_{t-1}."""
    y, h_prev, q, V = trace.y.mT, trace.h_prev.mT, trace.q.mT, trace.V
    T, _, H, B = y.shape
    h_tilde, z, r = y.swapaxes(0, 1)
    keep = 1 - y[:, 1:]  # 1 - z and 1 - r
    da = np.empty((T, 3, H, B), y.dtype)  # da_h, da_z, da_r; first what dh_t or dq multiplies
    da[:, 0] = (1 - h_tilde * h_tilde) * z
    da[:, 1:] = y[:, 1:] * keep  # slope of sigmoid
    da[:, 1] *= h_tilde - h_prev
    da[:, 2] *= h_prev
    V_zr, V_h = V[: 2 * H], V[2 * H :]
    for t in reversed(range(T)):
        dh_t = dh_t + dh[t]
        da[t, :2] *= dh_t
        dq = V_h.T @ da[t, 0]
        da[t, 2] *= dq
        dh_t = dh_t * keep[t, 0] + V_zr.T @ da[t, 1:].reshape(2 * H, B) + dq * r[t]
    V_z, V_r = _summed(da[:, 1:].reshape(T, 2 * H, B), h_prev).reshape(2, H, H)
    V_h = _summed(da[:, 0], q)
    return _gru_grads(trace, dh_t, da, V_z, V_r, V_h)


def _through_after(trace: GRUTrace, dh: Array, dh_t: Array) -> GRUGrads:
    """`gru_backward` where the reset gate acts on q_t = V_h h_{t-1} + b_hv."""
    y, h_prev, q, V = trace.y.mT, trace.h_prev.mT, trace.q.mT, trace.V
    T, _, H, B = y.shape
    h_tilde, z, r = y.swapaxes(0, 1)
    keep = 1 - y[:, 1:]  # 1 - z and 1 - r
    # da_h, da_z, da_r, dq: the first three go back through W, the last three through V
    da = np.empty((T, 4, H, B), y.dtype)  # first what dh_t multiplies
    da[:, 0] = (1 - h_tilde * h_tilde) * z
    np.multiply(y[:, 1:], keep, out=da[:, 1:3])  # slope of sigmoid
    da[:, 1] *= h_tilde - h_prev
    da[:, 2] *= da[:, 0] * q
    da[:, 3] = da[:, 0] * r
    for t in reversed(range(T)):
        dh_t = dh_t + dh[t]
        da[t] *= dh_t
        dh_t = dh_t * keep[t, 0] + V.T @ da[t, 1:].reshape(3 * H, B)
    V_z, V_r, V_h = _summed(da[:, 1:].reshape(T, 3 * H, B), h_prev).reshape(3, H, H)
    return _gru_grads(trace, dh_t, da, V_z, V_r, V_h)


def _gru_grads(
    trace: GRUTrace, dh_0: Array, da: Array, V_z: Array, V_r: Array, V_h: Array
) -> GRUGrads:
    """All gradients from da (T, 3, H, B), da_h, da_z, da_r, and for "after" dq as a fourth."""
    (T, B, D), H = trace.x.shape, len(dh_0)
    da = _over_time(da.reshape(T, da.shape[1] * H, B))
    da_hzr = da[: 3 * H]
    dx = (da_hzr.T @ trace.W).reshape(T, B, D)
    W_h, W_z, W_r = np.dot(da_hzr, trace.x.reshape(T * B, D)).reshape(3, H, D)
    b_h, b_z, b_r, *b_hv = da.sum(axis=1).reshape(-1, H)
    params = {"W_z": W_z, "V_z": V_z, "b_z": b_z, "W_r": W_r, "V_r": V_r, "b_r": b_r}
    params |= {"W_h": W_h, "V_h": V_h, "b_h": b_h}
    if trace.has_b_hv:
        params["b_hv"] = b_hv[0]
    return GRUGrads(dx, dh_0.T, GRUParams.unchecked(**params))


def _check_forward(where: str, W: Array, x: Array, **states: Array) -> tuple[int, int, int, int]:
    """T, B, D, H, once x (T, B, D) and the states (B, H) are found to fit W (H, D)."""
    H, D = W.shape
    check_array(where, "x", x, ("T", "B", D), W.dtype)
    T, B, _ = x.shape
    for name, state in states.items():
        check_array(where, name, state, (B, H), W.dtype)
    return T, B, D, H


def _check_trace(where: str, trace: object, kind: type) -> None:
    if not isinstance(trace, kind):
        forward = where.replace("backward", "forward")
        raise ValueError(
            f"{where}: trace must be the {kind.__name__} that {forward} returns, "
            f"got {type(trace).__name__}"
        )


def _check_backward(where: str, h: Array, dh: Array, **last: Array | float) -> list[Array]:
    """dh and copies of what comes on top for the last state, checked and with the batch last."""
    check_array(where, "dh", dh, h.shape, h.dtype)
    inside = [np.ascontiguousarray(dh.mT)]
    for name, grad in last.items():
        if isinstance(grad, (int, float)) and grad == 0:
            inside.append(np.zeros(h.shape[:0:-1], h.dtype))
        else:
            check_array(where, name, grad, h.shape[1:], h.dtype)
            inside.append(np.array(grad).T)
    return inside


def _inputs(x: Array, h0: Array) -> Array:
    """[x_t; h_{t-1}; 1] for every step: (T + 1, D + H + 1, B)."""
    (T, B, D), H = x.shape, h0.shape[1]
    xh1 = np.empty((T + 1, D + H + 1, B), x.dtype)
    xh1[:-1, :D] = x.mT
    xh1[0, D:-1] = h0.T
    xh1[:, -1] = 1
    return xh1


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
    """(..., H, B) as the public (..., B, H), without a copy and read-only."""
    outside = inside.mT
    outside.setflags(write=False)
    return outside


def _copy(x: Array) -> Array:
    x = x.copy()
    x.setflags(write=False)
    return x


def _over_time(inside: Array) -> Array:
    """(T, N, B) as the matrix (N, T*B), in which one product sums over time and batch."""
    T, N, B = inside.shape
    return inside.transpose(1, 0, 2).reshape(N, T * B)


def _summed(da: Array, inputs: Array) -> Array:
    """The gradient of a weight, sum_t da_t input_t^T, from (T, N, B) and (T, K, B)."""
    # for T*B = 1 an outer product, which `@` does not hand to BLAS
    gradient: Array = np.dot(_over_time(da), _over_time(inputs).T)
    return gradient


def _by_gate(order: str, WVb: Array, D: int) -> dict[str, Array]:
    """Views of each gate's part of [W V b] under the part's name: W_f, V_f, b_f and so on."""
    arrays = {}
    for gate, rows in zip(order, WVb.reshape(len(order), -1, WVb.shape[1]), strict=True):
        arrays[f"W_{gate}"] = rows[:, :D]
        arrays[f"V_{gate}"] = rows[:, D:-1]
        arrays[f"b_{gate}"] = rows[:, -1]
    return arrays
