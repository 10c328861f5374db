// One time step of the Elman RNN, the LSTM and the GRU, and the gradients of that step: what
// rnnlab.cells computes, in the browser. Vectors are arrays, matrices arrays of rows, and the
// weights `p` an object with the names of rnnlab.params. A test holds both sides to 1e-12.

const sum = (terms) => terms.reduce((total, term) => total + term, 0);
const zip = (f, ...vectors) => vectors[0].map((_, k) => f(...vectors.map((v) => v[k])));
const add = (...vectors) => zip((...terms) => sum(terms), ...vectors);
const times = (a, b) => zip((x, y) => x * y, a, b);
// loops, for these two are called thousands of times while a slider moves
const dot = (M, v) =>
  M.map((row) => {
    let total = 0;
    for (let k = 0; k < row.length; k++) total += row[k] * v[k];
    return total;
  });
const dotT = (M, v) =>
  M[0].map((_, k) => {
    let total = 0;
    for (let n = 0; n < M.length; n++) total += M[n][k] * v[n];
    return total;
  });
const outer = (a, b) => a.map((x) => b.map((y) => x * y));

// the same function, and exp cannot overflow
const sigmoid = (a) => 0.5 + 0.5 * Math.tanh(0.5 * a);

// the derivatives, written with the value that the function has already returned
const dsigmoid = (value) => value * (1 - value);
const dtanh = (value) => 1 - value * value;

// h_t = tanh(W x_t + V h_{t-1} + b)
export function rnnStep(x_t, h_prev, p) {
  return { h: add(dot(p.W, x_t), dot(p.V, h_prev), p.b).map(Math.tanh) };
}

export function rnnStepBackward(x_t, h_prev, p, step, dh) {
  const da = zip((d, h) => d * dtanh(h), dh, step.h);
  return {
    dx_t: dotT(p.W, da),
    dh_prev: dotT(p.V, da),
    dW: outer(da, x_t),
    dV: outer(da, h_prev),
    db: da,
  };
}

// C_t = f * C_{t-1} + i * C~_t,  h_t = o * tanh(C_t), with the gates given
export function lstmState(C_prev, f, i, C_tilde, o) {
  const C = add(times(f, C_prev), times(i, C_tilde));
  return { C, h: times(o, C.map(Math.tanh)) };
}

export function lstmStep(x_t, h_prev, C_prev, p) {
  const f = add(dot(p.W_f, x_t), dot(p.V_f, h_prev), p.b_f).map(sigmoid);
  const i = add(dot(p.W_i, x_t), dot(p.V_i, h_prev), p.b_i).map(sigmoid);
  const C_tilde = add(dot(p.W_g, x_t), dot(p.V_g, h_prev), p.b_g).map(Math.tanh);
  const o = add(dot(p.W_o, x_t), dot(p.V_o, h_prev), p.b_o).map(sigmoid);
  return { ...lstmState(C_prev, f, i, C_tilde, o), f, i, C_tilde, o };
}

// dh and dC are the loss's gradients by this step's h and C, as they come from the right
export function lstmStepBackward(x_t, h_prev, C_prev, p, step, dh, dC) {
  const tanh_C = step.C.map(Math.tanh);
  const dC_t = zip((d, dh_k, o, tanh) => d + dh_k * o * dtanh(tanh), dC, dh, step.o, tanh_C);
  const da_f = zip((d, C, f) => d * C * dsigmoid(f), dC_t, C_prev, step.f);
  const da_i = zip((d, g, i) => d * g * dsigmoid(i), dC_t, step.C_tilde, step.i);
  const da_g = zip((d, i, g) => d * i * dtanh(g), dC_t, step.i, step.C_tilde);
  const da_o = zip((d, tanh, o) => d * tanh * dsigmoid(o), dh, tanh_C, step.o);
  return {
    dx_t: add(dotT(p.W_f, da_f), dotT(p.W_i, da_i), dotT(p.W_g, da_g), dotT(p.W_o, da_o)),
    dh_prev: add(dotT(p.V_f, da_f), dotT(p.V_i, da_i), dotT(p.V_g, da_g), dotT(p.V_o, da_o)),
    dC_prev: times(dC_t, step.f),
    ...gate("f", da_f, x_t, h_prev),
    ...gate("i", da_i, x_t, h_prev),
    ...gate("g", da_g, x_t, h_prev),
    ...gate("o", da_o, x_t, h_prev),
  };
}

const gate = (name, da, x_t, recurrent) => ({
  [`dW_${name}`]: outer(da, x_t),
  [`dV_${name}`]: outer(da, recurrent),
  [`db_${name}`]: da,
});

// reset "before": V_h (r * h_{t-1}); "after": r * (V_h h_{t-1} + b_hv), where b_hv may be null
export function gruStep(x_t, h_prev, p, reset = "before") {
  checkReset(p, reset);
  const z = add(dot(p.W_z, x_t), dot(p.V_z, h_prev), p.b_z).map(sigmoid);
  const r = add(dot(p.W_r, x_t), dot(p.V_r, h_prev), p.b_r).map(sigmoid);
  const recurrent =
    reset === "before" ? dot(p.V_h, times(r, h_prev)) : times(r, resetTerm(h_prev, p));
  const h_tilde = add(dot(p.W_h, x_t), recurrent, p.b_h).map(Math.tanh);
  const h = zip((z_k, old, fresh) => (1 - z_k) * old + z_k * fresh, z, h_prev, h_tilde);
  return { h, z, r, h_tilde };
}

export function gruStepBackward(x_t, h_prev, p, step, dh, reset = "before") {
  checkReset(p, reset);
  const { z, r, h_tilde } = step;
  const da_z = zip((d, fresh, old, u) => d * (fresh - old) * dsigmoid(u), dh, h_tilde, h_prev, z);
  const da_h = zip((d, u, fresh) => d * u * dtanh(fresh), dh, z, h_tilde);
  const kept = zip((d, u) => d * (1 - u), dh, z);
  const before = reset === "before";
  // what V_h received, and the gradients by what it gave and by what it received
  const into_V = before ? times(r, h_prev) : h_prev;
  const da_V = before ? da_h : times(da_h, r);
  const back_V = dotT(p.V_h, da_V);
  const dr = before ? times(back_V, h_prev) : times(da_h, resetTerm(h_prev, p));
  const da_r = zip((d, r_k) => d * dsigmoid(r_k), dr, r);
  return {
    dx_t: add(dotT(p.W_z, da_z), dotT(p.W_r, da_r), dotT(p.W_h, da_h)),
    dh_prev: add(kept, dotT(p.V_z, da_z), dotT(p.V_r, da_r), before ? times(back_V, r) : back_V),
    ...gate("z", da_z, x_t, h_prev),
    ...gate("r", da_r, x_t, h_prev),
    dW_h: outer(da_h, x_t),
    dV_h: outer(da_V, into_V),
    db_h: da_h,
    ...(p.b_hv ? { db_hv: da_V } : {}),
  };
}

const resetTerm = (h_prev, p) =>
  p.b_hv ? add(dot(p.V_h, h_prev), p.b_hv) : dot(p.V_h, h_prev);

function checkReset(p, reset) {
  if (reset !== "before" && reset !== "after") {
    throw new RangeError(`gruStep: reset must be "before" or "after", got ${reset}`);
  }
  if (reset === "before" && p.b_hv) {
    throw new RangeError('gruStep: reset="before" has no b_hv, but these weights hold one');
  }
}
