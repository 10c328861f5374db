// Small untrained nets: how much of a loss's gradient arrives k steps earlier, in all and directly.

import {
  gruStep,
  gruStepBackward,
  lstmStep,
  lstmStepBackward,
  rnnStep,
  rnnStepBackward,
} from "./cells.js";
import { apart, coloured, line, linear, mark, raised, share, svg, text } from "./drawing.js";
import { button, put, slider } from "./controls.js";
import { frame } from "./frame.js";

const NAMES = ["forget_bias", "scale", "length", "draw"];
const MOST_DRAWS = 3;
const PATHS = { rnn: "V", lstm: "the product of f", gru: "the product of 1 − z" };
// the memory whose gradient is followed, and what carries it directly
const SYMBOLS = { rnn: ["h", null], lstm: ["C", "f"], gru: ["h", "z"] };
const LEGENDS = {
  rnn: ["dL/dh", "V alone"],
  lstm: ["dL/dC", "product of f"],
  gru: ["dL/dh", "product of 1 − z"],
};

// the same weights with each V scaled, and the bias that keeps set
function changedWeights(cell, p, scale, forget_bias) {
  const changed = Object.fromEntries(
    Object.entries(p).map(([name, rows]) => [
      name,
      name[0] === "V" ? rows.map((row) => row.map((v) => scale * v)) : rows,
    ]),
  );
  if (cell === "lstm") changed.b_f = p.b_f.map(() => forget_bias);
  if (cell === "gru") changed.b_z = p.b_z.map(() => -forget_bias);
  return changed;
}

const FLOWS = {
  rnn(xs, dh_T, p) {
    const steps = [];
    let h = dh_T.map(() => 0);
    for (const x_t of xs) {
      const step = { x_t, h_prev: h, ...rnnStep(x_t, h, p) };
      steps.push(step);
      h = step.h;
    }
    const [total, direct] = [[dh_T], [dh_T]];
    for (const step of steps.reverse()) {
      total.push(rnnStepBackward(step.x_t, step.h_prev, p, step, total.at(-1)).dh_prev);
      const alone = direct.at(-1);
      direct.push(alone.map((_, k) => p.V.reduce((all, row, n) => all + row[k] * alone[n], 0)));
    }
    return { total, direct };
  },

  lstm(xs, dh_T, p) {
    const steps = [];
    let [h, C] = [dh_T.map(() => 0), dh_T.map(() => 0)];
    for (const x_t of xs) {
      const step = { x_t, h_prev: h, C_prev: C, ...lstmStep(x_t, h, C, p) };
      steps.push(step);
      [h, C] = [step.h, step.C];
    }
    // what h_t sends to its own C_t
    const through = (dh, { o, C }) => dh.map((d, n) => d * o[n] * (1 - Math.tanh(C[n]) ** 2));
    let [dh, dC] = [dh_T, dh_T.map(() => 0)];
    const total = [through(dh_T, steps.at(-1))];
    const direct = [total[0]];
    steps.reverse().forEach((step, back) => {
      const grads = lstmStepBackward(step.x_t, step.h_prev, step.C_prev, p, step, dh, dC);
      [dh, dC] = [grads.dh_prev, grads.dC_prev];
      const earlier = steps[back + 1];
      // C_0 has no h of its own that would lead to it
      const more = earlier ? through(dh, earlier) : dh.map(() => 0);
      total.push(dC.map((d, n) => d + more[n]));
      direct.push(direct.at(-1).map((d, n) => d * step.f[n]));
    });
    return { total, direct };
  },

  gru(xs, dh_T, p) {
    const steps = [];
    let h = dh_T.map(() => 0);
    for (const x_t of xs) {
      const step = { x_t, h_prev: h, ...gruStep(x_t, h, p) };
      steps.push(step);
      h = step.h;
    }
    const [total, direct] = [[dh_T], [dh_T]];
    for (const step of steps.reverse()) {
      total.push(gruStepBackward(step.x_t, step.h_prev, p, step, total.at(-1)).dh_prev);
      direct.push(direct.at(-1).map((d, n) => d * (1 - step.z[n])));
    }
    return { total, direct };
  },
};

// norms over the lags, relative to lag 0
function norms(gradients) {
  const sizes = gradients.map((gradient) => Math.sqrt(gradient.reduce((all, d) => all + d * d, 0)));
  return sizes.map((size) => size / sizes[0]);
}

// the two curves of each cell: { rnn: { total, direct }, ... }
export function flows(cells, nets, { forget_bias, scale, length, draw }) {
  const net = nets[draw - 1];
  return Object.fromEntries(
    cells.map((cell) => {
      const p = changedWeights(cell, net[cell], scale, forget_bias);
      const { total, direct } = FLOWS[cell](net.x.slice(0, length), net.dh_T, p);
      return [cell, { total: norms(total), direct: norms(direct) }];
    }),
  );
}

// what the picture says
export function sentence(curves, { forget_bias, scale, length }) {
  const bias = "lstm" in curves ? `, forget bias ${forget_bias.toFixed(1)}` : "";
  const parts = Object.entries(curves).map(
    ([cell, { total, direct }]) =>
      `${cell.toUpperCase()}: ${share(total.at(-1))} of the gradient arrives, ` +
      `by ${PATHS[cell]} alone ${share(direct.at(-1))}.`,
  );
  return [`${length} steps back, V scaled by ${scale.toFixed(2)}${bias}.`, ...parts].join(" ");
}

// one step back multiplies by the length-th root of what arrives
function perStep(curves, { length }) {
  const root = (curve) => (curve.at(-1) ** (1 / length)).toFixed(3);
  return Object.entries(curves).map(([cell, { total, direct }]) => ({
    letters: `${cell.toUpperCase()}${cell === "gru" ? " (b_{z} = −b_{f})" : ""}: each step back multiplies by`,
    numbers: `${root(total)}, by ${PATHS[cell]} alone by ${root(direct)}.`,
  }));
}

const [TOP_POWER, LOW_POWER] = [8, -16];
const GAP = 14;

function picture(curves, { length }, width) {
  const cells = Object.keys(curves);
  const columns = width >= 720 ? cells.length : 1;
  const rows = cells.length / columns;
  const high = cells.length === 1 ? 250 : columns === 1 ? 150 : 220;
  const rowHeight = high + 86;
  const left = 44;
  const wide = (width - left - GAP * (columns - 1)) / columns;
  const marks = cells.flatMap((cell, n) => {
    const x0 = left + (n % columns) * (wide + GAP);
    const y0 = 66 + Math.floor(n / columns) * rowHeight;
    return panel(cell, curves[cell], length, {
      x0,
      x1: x0 + wide - 92,
      y0,
      y1: y0 + high,
      first: n % columns === 0,
    });
  });
  marks.unshift(text(6, 12, "share of the gradient that arrives", { class: "rl-tick" }));
  return { height: rows * rowHeight + 20, marks };
}

function panel(cell, { total, direct }, length, { x0, x1, y0, y1, first }) {
  const lag = linear([0, length], [x0, x1]);
  const level = linear([LOW_POWER, TOP_POWER], [y1, y0]);
  const powers = [8, 4, 0, -4, -8, -12, -16];
  const every = length > 60 ? 20 : length > 20 ? 10 : 5;
  const lags = Array.from({ length: Math.floor(length / every) + 1 }, (_, n) => n * every);
  const [memory, carrier] = SYMBOLS[cell];
  const [solid, dashed] = LEGENDS[cell];
  return [
    text(x0, y0 - 30, cell.toUpperCase(), { class: "rl-number" }),
    mark(memory, x0 + 54, y0 - 34, 5),
    text(x0 + 64, y0 - 30, solid, { class: "rl-tick" }),
    hollow(carrier, x0 + 116, y0 - 34, 5),
    text(x0 + 126, y0 - 30, dashed, { class: "rl-tick" }),
    ...powers.flatMap((power) => [
      line(x0, level(power), x1, level(power), { class: power === 0 ? "rl-rule" : "rl-grid" }),
      ...(first
        ? [
            text(x0 - 6, level(power) + 4, power ? `10${raised(power)}` : "1", {
              class: "rl-tick",
              "text-anchor": "end",
            }),
          ]
        : []),
    ]),
    ...lags.map((k) => text(lag(k), y1 + 18, k, { class: "rl-tick", "text-anchor": "middle" })),
    text((x0 + x1) / 2, y1 + 36, "lag k: steps back", {
      class: "rl-tick",
      "text-anchor": "middle",
    }),
    ...curve(direct, lag, level, carrier, "5 4"),
    ...curve(total, lag, level, memory, "none"),
    ...ends(total, direct, lag(length), level, [memory, carrier], y0, y1),
  ];
}

// null is V alone: no gate, so no gate's colour
const paint = (symbol) => (symbol ? coloured(symbol) : "--rl-gate: var(--rl-soft)");

function hollow(symbol, x, y, radius) {
  if (!symbol)
    return svg("circle", { cx: x, cy: y, r: radius - 0.5, class: "rl-hollow", style: paint(null) });
  const shape = mark(symbol, x, y, radius);
  shape.setAttribute("class", "rl-hollow");
  return shape;
}

// the curve as far as the panel shows it
function curve(values, lag, level, symbol, dash) {
  const points = [];
  for (const [k, value] of values.entries()) {
    const power = value > 0 ? Math.log10(value) : -Infinity;
    const before = points.at(-1);
    if (power >= LOW_POWER && power <= TOP_POWER) {
      points.push([k, power]);
      continue;
    }
    // to the edge, and no further
    const edge = power < LOW_POWER ? LOW_POWER : TOP_POWER;
    if (before) {
      const part = Number.isFinite(power) ? (edge - before[1]) / (power - before[1]) : 1;
      points.push([before[0] + part * (k - before[0]), edge]);
    }
    break;
  }
  const path = points.map(([k, power]) => `${lag(k)},${level(power)}`).join(" ");
  return [
    svg("polyline", {
      class: "rl-line",
      style: paint(symbol),
      points: path,
      "stroke-dasharray": dash,
    }),
  ];
}

// what arrives at the longest lag, beside the panel; an arrow says that it lies beyond the scale
function ends(total, direct, x, level, symbols, y0, y1) {
  const labels = [total, direct].map((values, n) => {
    const power = values.at(-1) > 0 ? Math.log10(values.at(-1)) : -Infinity;
    const beyond = power > TOP_POWER ? "↑" : power < LOW_POWER ? "↓" : "";
    const shown = Math.min(TOP_POWER, Math.max(LOW_POWER, power));
    return { n, beyond, at: level(shown), y: level(shown), words: share(values.at(-1)) };
  });
  apart(labels, 18, y0, y1);
  return labels.flatMap(({ n, beyond, at, y, words }) => [
    ...(Math.abs(at - y) > 1 ? [line(x + 2, at, x + 8, y, { class: "rl-leader" })] : []),
    n ? hollow(symbols[n], x + 10, y, 5) : mark(symbols[n], x + 10, y, 5),
    text(x + 18, y + 4, words + beyond, { class: n ? "rl-tick" : "rl-number" }),
  ]);
}

function render({ model, el }) {
  const set = (name) => (value) => put(model, { [name]: value });
  const cells = model.get("cells");
  const nets = model.get("nets");
  const others = button("Other random weights", () =>
    put(model, { draw: (model.get("draw") % MOST_DRAWS) + 1 }),
  );
  const inputs = [
    {
      name: "scale",
      ...slider({
        name: "scale of V",
        min: 0,
        max: 3,
        step: 0.05,
        digits: 2,
        onInput: set("scale"),
      }),
    },
    {
      name: "length",
      ...slider({ name: "length in steps", min: 5, max: 100, step: 1, onInput: set("length") }),
    },
  ];
  if (cells.includes("lstm")) {
    inputs.unshift({
      name: "forget_bias",
      ...slider({
        name: "forget bias",
        letter: "b_{f}",
        symbol: "f",
        min: -3,
        max: 5,
        step: 0.1,
        digits: 1,
        onInput: set("forget_bias"),
      }),
    });
  }
  let curves;
  return frame({
    model,
    el,
    label: "Gradient through time",
    names: NAMES,
    inputs,
    below: [others],
    update: (values) => {
      curves = flows(cells, nets, values);
      others.textContent = `Other random weights (${values.draw} of ${MOST_DRAWS})`;
    },
    picture: (values, width) => picture(curves, values, width),
    sentence: (values) => sentence(curves, values),
    equations: (values) => perStep(curves, values),
  });
}

export default { render };
