// One step of an LSTM or a GRU of one number backwards: each gradient on its wire, with what
// multiplied it, stage by stage.

import { gruStepBackward, lstmState, lstmStepBackward } from "./cells.js";
import { coloured, fixed, mark, svg, text } from "./drawing.js";
import { button, choice, put, slider } from "./controls.js";
import { frame } from "./frame.js";

const NAMES = {
  lstm: ["dh", "dC", "f", "i", "C_tilde", "o", "C_prev", "stage"],
  gru: ["dh", "z", "r", "h_tilde", "h_prev", "reset", "stage"],
};
const LAST = 5;

const matrices = (weights) =>
  Object.fromEntries(
    Object.entries(weights).map(([name, v]) => [name, name[0] === "b" ? [v] : [[v]]]),
  );

// every gradient on the way back; the weights W play no part in them
export function lstmGradients({ dh, dC, f, i, C_tilde, o, C_prev, weights }) {
  const W = { W_f: 0, W_i: 0, W_g: 0, W_o: 0 };
  const state = lstmState([C_prev], [f], [i], [C_tilde], [o]);
  const step = { ...state, f: [f], i: [i], C_tilde: [C_tilde], o: [o] };
  const p = matrices({ ...weights, ...W });
  const back = lstmStepBackward([0], [0], [C_prev], p, step, [dh], [dC]);
  const tanh_C = Math.tanh(state.C[0]);
  const down = dh * o * (1 - tanh_C ** 2);
  const dC_t = dC + down;
  return {
    tanh_C,
    dh,
    dC,
    do: dh * tanh_C,
    down,
    dC_t,
    dC_prev: back.dC_prev[0],
    df: dC_t * C_prev,
    di: dC_t * C_tilde,
    dC_tilde: dC_t * i,
    da_f: back.db_f[0],
    da_i: back.db_i[0],
    da_g: back.db_g[0],
    da_o: back.db_o[0],
    dh_prev: back.dh_prev[0],
  };
}

// "after" alone has a b_hv
export function gruGradients({ dh, z, r, h_tilde, h_prev, reset, weights }) {
  const { b_hv, ...V } = weights;
  const own = reset === "after" ? { b_hv } : {};
  const p = matrices({ ...V, ...own, W_z: 0, W_r: 0, W_h: 0 });
  const step = { z: [z], r: [r], h_tilde: [h_tilde] };
  const back = gruStepBackward([0], [h_prev], p, step, [dh], reset);
  const da_h = back.db_h[0];
  const before = reset === "before";
  const q = V.V_h * h_prev + b_hv;
  const dq = before ? V.V_h * da_h : da_h * r;
  return {
    q,
    dh,
    kept: dh * (1 - z),
    dh_tilde: dh * z,
    dz_new: dh * h_tilde,
    dz_old: -dh * h_prev,
    dz: dh * (h_tilde - h_prev),
    da_h,
    da_z: back.db_z[0],
    dq,
    dr: before ? dq * h_prev : da_h * q,
    reset: before ? dq * r : V.V_h * dq,
    da_r: back.db_r[0],
    dh_prev: back.dh_prev[0],
  };
}

export const gradients = (values) =>
  values.cell === "lstm" ? lstmGradients(values) : gruGradients(values);

// what the picture says
export function sentence({ stages, stage, ...values }) {
  const { name, words, known } = stages[stage];
  const d = gradients(values);
  const numbers = known.map(([key, said]) => `${said} = ${fixed(d[key])}`);
  return `${name}. ${words} ${numbers.join(", ")}.`;
}

const factor = (value) => (fixed(value)[0] === "−" ? `(${fixed(value)})` : fixed(value));

// letters = numbers = result, for each gradient of the stage
export function equations({ stages, ...values }) {
  const { stage, cell, weights: V, reset } = values;
  const d = gradients(values);
  const product = (letters, factors, result) => ({
    letters,
    numbers: `= ${factors.map((value, n) => (n ? factor(value) : fixed(value))).join(" · ")}`,
    result: `= ${fixed(result)}`,
  });
  const addition = (letters, terms, result) => ({
    letters,
    numbers: `= ${terms.map((value, n) => (n ? factor(value) : fixed(value))).join(" + ")}`,
    result: `= ${fixed(result)}`,
  });
  const heading = { heading: stages[stage].name };
  const lines =
    cell === "lstm"
      ? lstmLines(values, d, V, product, addition)
      : gruLines(values, d, V, product, addition);
  const notes =
    cell === "gru" && stage === 3
      ? [
          {
            numbers:
              reset === "before"
                ? "“Before”: r met h on the way to V, so V comes first on the way back."
                : "“After”: r met what V had made of h, so r comes first on the way back.",
          },
          {
            numbers:
              "With one unit V and r may change places; with more they may not, for V mixes the units.",
          },
        ]
      : [];
  return [heading, ...lines[stage], ...notes];
}

function lstmLines({ f, i, C_tilde, o, C_prev }, d, V, product, addition) {
  const slope = (k, gate, value, into, result) =>
    product(`da_{${k}} = d${gate} * ${gate} * (1 − ${gate})`, [into, value, 1 - value], result);
  return [
    [
      { letters: "dh_{t}", numbers: "from the loss and from step t+1", result: `= ${fixed(d.dh)}` },
      { letters: "dC", numbers: "along the belt, from step t+1", result: `= ${fixed(d.dC)}` },
    ],
    [
      product("do = dh_{t} * tanh(C_{t})", [d.dh, d.tanh_C], d.do),
      product("down to C: dh_{t} * o * (1 − tanh²(C_{t}))", [d.dh, o, 1 - d.tanh_C ** 2], d.down),
    ],
    [addition("dC_{t} = dC + dh_{t} * o * (1 − tanh²(C_{t}))", [d.dC, d.down], d.dC_t)],
    [
      product("dC_{t−1} = dC_{t} * f", [d.dC_t, f], d.dC_prev),
      product("df = dC_{t} * C_{t−1}", [d.dC_t, C_prev], d.df),
      product("di = dC_{t} * C̃", [d.dC_t, C_tilde], d.di),
      product("dC̃ = dC_{t} * i", [d.dC_t, i], d.dC_tilde),
    ],
    [
      slope("f", "f", f, d.df, d.da_f),
      slope("i", "i", i, d.di, d.da_i),
      product("da_{g} = dC̃ * (1 − C̃²)", [d.dC_tilde, 1 - C_tilde ** 2], d.da_g),
      slope("o", "o", o, d.do, d.da_o),
    ],
    [
      addition(
        "dh_{t−1} = V_{f} da_{f} + V_{i} da_{i} + V_{g} da_{g} + V_{o} da_{o}",
        ["f", "i", "g", "o"].map((k) => V[`V_${k}`] * d[`da_${k}`]),
        d.dh_prev,
      ),
      { numbers: "dx_{t} is the same sum with W in the place of V." },
    ],
  ];
}

function gruLines({ z, r, h_tilde, h_prev, reset }, d, V, product, addition) {
  const before = reset === "before";
  return [
    [{ letters: "dh_{t}", numbers: "from the loss and from step t+1", result: `= ${fixed(d.dh)}` }],
    [
      product("straight to h_{t−1}: dh_{t} * (1 − z)", [d.dh, 1 - z], d.kept),
      product("dh̃ = dh_{t} * z", [d.dh, z], d.dh_tilde),
      addition("dz = dh_{t} * h̃ − dh_{t} * h_{t−1}", [d.dz_new, d.dz_old], d.dz),
    ],
    [
      product("da_{h} = dh̃ * (1 − h̃²)", [d.dh_tilde, 1 - h_tilde ** 2], d.da_h),
      product("da_{z} = dz * z * (1 − z)", [d.dz, z, 1 - z], d.da_z),
    ],
    before
      ? [
          product("dq = V_{h} da_{h}", [V.V_h, d.da_h], d.dq),
          product("dr = dq * h_{t−1}", [d.dq, h_prev], d.dr),
          product("to h_{t−1}: dq * r", [d.dq, r], d.reset),
        ]
      : [
          addition("q = V_{h} h_{t−1} + b_{hv}", [V.V_h * h_prev, V.b_hv], d.q),
          product("dr = da_{h} * q", [d.da_h, d.q], d.dr),
          product("dq = da_{h} * r", [d.da_h, r], d.dq),
          product("to h_{t−1}: V_{h} dq", [V.V_h, d.dq], d.reset),
        ],
    [product("da_{r} = dr * r * (1 − r)", [d.dr, r, 1 - r], d.da_r)],
    [
      addition(
        `dh_{t−1} = dh_{t} * (1 − z) + V_{z} da_{z} + V_{r} da_{r} + ${before ? "dq * r" : "V_{h} dq"}`,
        [d.kept, V.V_z * d.da_z, V.V_r * d.da_r, d.reset],
        d.dh_prev,
      ),
      { numbers: "dx_{t} is the sum of W_{z} da_{z}, W_{r} da_{r} and W_{h} da_{h}." },
    ],
  ];
}

// pixels of a gradient of 1, and the widest that is drawn
const [UNIT, WIDEST] = [9, 16];

// A wire that a gradient of `value` runs along, from its first point to its last, `points` being
// x and y in turn. Its width is the size, a hollow one is negative; it is known from stage `at` on.
function wire(stage, at, symbol, value, points, label) {
  const path = `M${points.join(" ")}`;
  if (stage < at) return [svg("path", { d: path, class: "rl-wire rl-later" })];
  const wide = Math.max(1.5, Math.min(WIDEST, UNIT * Math.abs(value)));
  const style = `${coloured(symbol)}; stroke-width: ${wide}px`;
  const marks = [svg("path", { d: path, class: "rl-grad", style })];
  if (fixed(value)[0] === "−" && wide > 4) {
    marks.push(
      svg("path", { d: path, class: "rl-grad-hollow", style: `stroke-width: ${wide - 4}px` }),
    );
  }
  const [x1, y1, x2, y2] = points.slice(-4);
  const angle = (Math.atan2(y2 - y1, x2 - x1) * 180) / Math.PI;
  const size = 6 + wide / 3;
  marks.push(
    svg("path", {
      d: `M${-size} ${-size * 0.8}L0 0L${-size} ${size * 0.8}Z`,
      transform: `translate(${x2} ${y2}) rotate(${angle})`,
      class: "rl-mark",
      style: coloured(symbol),
    }),
  );
  return [...marks, ...(label ? tag(label, value, at === stage) : [])];
}

// the gradient in bold with its name, and below it the local derivative that it was multiplied by
function tag({ x, y, anchor = "start", name = "", times = "" }, value, isNew) {
  const said = { "text-anchor": anchor };
  const number = svg("tspan", { class: "rl-number" }, fixed(value));
  const first = text(x, y, name ? `${name} ` : "", {
    ...said,
    class: isNew ? "rl-halo rl-fresh" : "rl-halo",
  });
  first.append(number);
  return [first, ...(times ? [text(x, y + 15, times, { ...said, class: "rl-halo rl-tick" })] : [])];
}

function node(x, y, sign) {
  return [
    svg("circle", { cx: x, cy: y, r: 12, class: "rl-box" }),
    text(x, y + 5, sign, { "text-anchor": "middle", class: "rl-sign" }),
  ];
}

// where one value was used more than once: gradients add here
function joint(x, y) {
  return [svg("circle", { cx: x, cy: y, r: 5, class: "rl-joint" })];
}

function box(x, y, words, symbol) {
  const half = symbol ? 36 : 24;
  return [
    svg("rect", { x: x - half, y: y - 14, width: 2 * half, height: 28, rx: 6, class: "rl-box" }),
    ...(symbol ? [mark(symbol, x - 26, y, 5)] : []),
    text(x + (symbol ? 8 : 0), y + 4, words, { "text-anchor": "middle" }),
  ];
}

const from = (right, y) => text(right, y, "◂ from t+1", { class: "rl-tick", "text-anchor": "end" });

const LSTM = { top: 62, mid: 156, squash: 268, V: 352, bus: 424 };

function lstmPicture(values, d, width) {
  const { stage, f, i, C_tilde, o, C_prev, weights: V } = values;
  const at = (part) => Math.round(part * width);
  const [xf, xi, xp, xg, xt, xo] = [0.21, 0.385, 0.475, 0.565, 0.67, 0.765].map(at);
  const [left, right] = [6, width - 6];
  const { top, mid, squash, V: low, bus } = LSTM;
  const run = (...spec) => wire(stage, ...spec);
  const middle = (a, b) => (a + b) / 2;
  const column = (k, x, symbol, gate, value, anchor) => {
    const lx = anchor === "end" ? x - 9 : x + 9;
    const slope = k === "g" ? 1 - value ** 2 : value * (1 - value);
    return [
      ...run(4, symbol, d[`da_${k}`], [x, squash + 14, x, low - 15], {
        x: lx,
        y: squash + 34,
        anchor,
        name: `da_{${k}}`,
        times: `× ${k === "g" ? "tanh′" : "σ′"} ${fixed(slope)}`,
      }),
      ...run(5, symbol, V[`V_${k}`] * d[`da_${k}`], [x, low + 14, x, bus - 8], {
        x: lx,
        y: low + 34,
        anchor,
        times: `× V_{${k}} ${fixed(V[`V_${k}`])}`,
      }),
      ...box(x, squash, `${gate} ${fixed(value)}`, symbol),
      ...box(x, low, `V_{${k}}`),
    ];
  };
  return [
    // the belt, from the right
    ...run(0, "C", d.dC, [right, top, xt + 8, top], {
      x: right,
      y: top - 26,
      anchor: "end",
      name: "dC",
    }),
    ...run(3, "C", d.dC_t, [xp - 12, top, xf + 14, top], {
      x: middle(xf, xp),
      y: top - 26,
      anchor: "middle",
      name: "dC_{t}",
      times: "+ hands it on",
    }),
    ...run(2, "C", d.dC_t, [xt - 6, top, xp + 14, top], {
      x: middle(xp, xt),
      y: top - 26,
      anchor: "middle",
      name: "dC_{t}",
    }),
    ...run(3, "C", d.dC_prev, [xf - 12, top, left, top], {
      x: left,
      y: top - 26,
      name: "dC_{t−1}",
      times: `× f ${fixed(f)}`,
    }),
    // out of h, down through o and tanh
    ...run(0, "h", d.dh, [right, mid, xo + 14, mid], {
      x: right,
      y: mid - 14,
      anchor: "end",
      name: "dh_{t}",
    }),
    ...run(1, "o", d.do, [xo, mid + 12, xo, squash - 15], {
      x: xo + 9,
      y: mid + 62,
      name: "do",
      times: `× tanh C ${fixed(d.tanh_C)}`,
    }),
    ...run(1, "h", d.dh * o, [xo - 12, mid, xt + 20, mid], {
      x: xo - 14,
      y: mid + 26,
      anchor: "end",
      times: `× o ${fixed(o)}`,
    }),
    ...run(1, "h", d.down, [xt, mid - 14, xt, top + 8], {
      x: xt + 12,
      y: middle(top, mid) - 6,
      times: `× (1−tanh²C) ${fixed(1 - d.tanh_C ** 2)}`,
    }),
    // from the + down into what was written
    ...run(3, "C", d.dC_t, [xp, top + 12, xp, mid - 14], {
      x: xp - 12,
      y: middle(top, mid),
      anchor: "end",
      name: "dC_{t}",
    }),
    ...run(3, "i", d.di, [xp - 12, mid, xi, mid, xi, squash - 15], {
      x: xi - 9,
      y: mid + 62,
      anchor: "end",
      name: "di",
      times: `× C̃ ${fixed(C_tilde)}`,
    }),
    ...run(3, "C_tilde", d.dC_tilde, [xp + 12, mid, xg, mid, xg, squash - 15], {
      x: xg + 9,
      y: mid + 62,
      name: "dC̃",
      times: `× i ${fixed(i)}`,
    }),
    ...run(3, "f", d.df, [xf, top + 12, xf, squash - 15], {
      x: xf - 9,
      y: mid + 62,
      anchor: "end",
      name: "df",
      times: `× C_{t−1} ${fixed(C_prev)}`,
    }),
    ...column("f", xf, "f", "f", f, "end"),
    ...column("i", xi, "i", "i", i, "end"),
    ...column("g", xg, "C_tilde", "C̃", C_tilde, "start"),
    ...column("o", xo, "o", "o", o, "start"),
    // the four add on their way to h_{t-1}
    ...run(5, "h", d.dh_prev, [xo, bus, left, bus], { x: left, y: bus + 30, name: "dh_{t−1} = " }),
    ...[xf, xi, xg, xo].flatMap((x) => joint(x, bus)),
    from(right, top + 24),
    text(left, top + 24, "◂ to t−1", { class: "rl-tick" }),
    ...joint(xt, top),
    ...node(xf, top, "×"),
    ...node(xp, top, "+"),
    ...node(xp, mid, "×"),
    ...node(xo, mid, "×"),
    ...box(xt - 8, mid, "tanh"),
  ];
}

const GRU = {
  top: 62,
  mid: 140,
  sum: 176,
  first: 214,
  second: 276,
  third: 338,
  squash: 372,
  V: 446,
  bus: 516,
};

function gruPicture(values, d, width) {
  const { stage, z, r, h_tilde, h_prev, reset, weights: V } = values;
  const at = (part) => Math.round(part * width);
  const [xk, xz, xb, xr] = [0.25, 0.385, 0.565, 0.78].map(at);
  const [left, right] = [12, width - 6];
  const { top, mid, sum: meet, first, second, third, squash, V: low, bus } = GRU;
  const run = (...spec) => wire(stage, ...spec);
  const middle = (a, b) => (a + b) / 2;
  const before = reset === "before";
  const [yV, yr] = before ? [second, third] : [third, second];
  const column = (k, x, value, anchor, known) => [
    ...run(known, k, d[`da_${k}`], [x, squash + 14, x, low - 15], {
      x: anchor === "end" ? x - 9 : x + 9,
      y: squash + 30,
      anchor,
      name: `da_{${k}}`,
      times: `× σ′ ${fixed(value * (1 - value))}`,
    }),
    ...run(5, k, V[`V_${k}`] * d[`da_${k}`], [x, low + 14, x, bus - 8], {
      x: anchor === "end" ? x - 9 : x + 9,
      y: low + 34,
      anchor,
      times: `× V_{${k}} ${fixed(V[`V_${k}`])}`,
    }),
    ...box(x, squash, `${k} ${fixed(value)}`, k),
    ...box(x, low, `V_{${k}}`),
  ];
  const xl = xb + 14; // labels of the candidate's column
  return [
    ...run(0, "h", d.dh, [right, top, xb + 14, top], {
      x: right,
      y: top - 26,
      anchor: "end",
      name: "dh_{t}",
    }),
    ...run(1, "h", d.dh, [xb - 12, top, xk + 14, top], {
      x: middle(xk, xb),
      y: top - 26,
      anchor: "middle",
      name: "dh_{t}",
      times: "+ hands it on",
    }),
    ...run(1, "h", d.kept, [xk - 12, top, left, top, left, bus - 8], {
      x: left - 6,
      y: top - 26,
      times: `× (1−z) ${fixed(1 - z)}`,
    }),
    ...run(1, "h", d.dh, [xb, top + 12, xb, mid - 14]),
    // into z, from both of its uses
    ...run(1, "z", d.dz_old, [xk, top + 12, xk, meet, xz - 8, meet], {
      x: xk - 10,
      y: middle(top, meet) - 4,
      anchor: "end",
      times: `× −h_{t−1} ${fixed(-h_prev)}`,
    }),
    ...run(1, "z", d.dz_new, [xb - 12, mid, xz, mid, xz, meet - 8], {
      x: middle(xz, xb) - 2,
      y: mid - 28,
      anchor: "middle",
      times: `× h̃ ${fixed(h_tilde)}`,
    }),
    ...run(1, "z", d.dz, [xz, meet + 6, xz, squash - 15], {
      x: xz - 12,
      y: middle(meet, squash),
      anchor: "end",
      name: "dz",
    }),
    ...column("z", xz, z, "end", 2),
    // down the candidate
    ...run(1, "h_tilde", d.dh_tilde, [xb, mid + 12, xb, first - 15], {
      x: xl,
      y: middle(mid, first) - 4,
      name: "dh̃",
      times: `× z ${fixed(z)}`,
    }),
    ...run(2, "h_tilde", d.da_h, [xb, first + 14, xb, second - 15], {
      x: xl,
      y: middle(first, second) - 2,
      name: "da_{h}",
      times: `× tanh′ ${fixed(1 - h_tilde ** 2)}`,
    }),
    ...run(3, "h_tilde", d.dq, [xb, second + 14, xb, third - 15], {
      x: xl,
      y: middle(second, third) - 2,
      name: "dq",
      times: before ? `× V_{h} ${fixed(V.V_h)}` : `× r ${fixed(r)}`,
    }),
    ...run(3, "h_tilde", d.reset, [xb, third + 14, xb, bus - 8], {
      x: xl,
      y: low + 34,
      times: before ? `× r ${fixed(r)}` : `× V_{h} ${fixed(V.V_h)}`,
    }),
    ...run(3, "r", d.dr, [xb + 12, yr, xr, yr, xr, squash - 15], {
      x: xr + 9,
      y: before ? yr - 8 : yr + 32,
      name: "dr",
      times: before ? `× h_{t−1} ${fixed(h_prev)}` : `× q ${fixed(d.q)}`,
    }),
    ...column("r", xr, r, "start", 4),
    // all four uses of the old h add
    ...run(5, "h", d.dh_prev - d.kept, [xr, bus, left + 8, bus]),
    ...run(5, "h", d.dh_prev, [left, bus + 6, left, bus + 34], {
      x: left + 16,
      y: bus + 32,
      name: "dh_{t−1} = ",
    }),
    ...[left, xz, xb, xr].flatMap((x) => joint(x, bus)),
    from(right, top + 24),
    ...joint(xz, meet),
    ...node(xk, top, "×"),
    ...node(xb, top, "+"),
    ...node(xb, mid, "×"),
    ...node(xb, yr, "×"),
    ...box(xb, first, `h̃ ${fixed(h_tilde)}`, "h_tilde"),
    ...box(xb, yV, "V_{h}"),
  ];
}

export function picture(values, width) {
  const d = gradients(values);
  if (values.cell === "lstm") return { height: 466, marks: lstmPicture(values, d, width) };
  return { height: 562, marks: gruPicture(values, d, width) };
}

const SLIDERS = {
  dh: ["arrives at h", "dh", "h", -2, 2],
  dC: ["arrives at C", "dC", "C", -2, 2],
  f: ["forget gate", "f", "f", 0, 1],
  i: ["input gate", "i", "i", 0, 1],
  C_tilde: ["candidate", "C̃", "C_tilde", -1, 1],
  o: ["output gate", "o", "o", 0, 1],
  C_prev: ["old cell state", "C", "C", -2, 2],
  z: ["update gate", "z", "z", 0, 1],
  r: ["reset gate", "r", "r", 0, 1],
  h_tilde: ["candidate", "h̃", "h_tilde", -1, 1],
  h_prev: ["old hidden state", "h", "h", -1, 1],
};

function render({ model, el }) {
  const set = (values) => put(model, values);
  const [cell, stages, weights] = ["cell", "stages", "weights"].map((name) => model.get(name));
  const inputs = model.get("shown").map((name) => {
    const [words, letter, symbol, min, max] = SLIDERS[name];
    const onInput = (value) => set({ [name]: value });
    return {
      name,
      ...slider({ name: words, letter, symbol, min, max, step: 0.05, digits: 2, onInput }),
    };
  });
  const steps = choice({
    name: "Stage",
    options: stages.map(({ name }, n) => [n, name]),
    onInput: (stage) => set({ stage }),
  });
  const next = button("", () => set({ stage: (model.get("stage") + 1) % (LAST + 1) }));
  steps.node.append(next);
  const resets = choice({
    name: "The reset gate acts",
    options: [
      ["before", "before V"],
      ["after", "after V"],
    ],
    onInput: (reset) => set({ reset }),
  });
  const all = (values) => ({ ...values, cell, stages, weights });
  return frame({
    model,
    el,
    label: "Backward path",
    names: NAMES[cell],
    inputs,
    above: cell === "gru" ? [resets.node, steps.node] : [steps.node],
    beside: true,
    update: ({ stage, reset }) => {
      steps.show(stage);
      resets.show(reset);
      next.textContent = stage === LAST ? "Start again" : "Next stage ◂";
    },
    picture: (values, width) => picture(all(values), width),
    sentence: (values) => sentence(all(values)),
    equations: (values) => equations(all(values)),
  });
}

export default { render };
