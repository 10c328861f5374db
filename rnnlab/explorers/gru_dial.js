// The GRU's blend, with both meanings of z and both places of the reset, on the same inputs.

import { gruStep } from "./cells.js";
import { coloured, fixed, line, linear, mark, svg, text } from "./drawing.js";
import { put, slider } from "./controls.js";
import { frame } from "./frame.js";
import { casing, flowAlong, valve } from "./pipes.js";

const [X, H_2] = [1, 0.8]; // as in gru_dial.py
const VALUES = ["z", "r_1", "r_2", "h_1"];
const WORDS = {
  "before takes": "reset before V, z takes the new",
  "before keeps": "reset before V, z keeps the old",
  "after takes": "reset after V, z takes the new",
  "after keeps": "reset after V, z keeps the old",
};

// what sigmoid makes this gate of; 0 and 1 to within 1e-12, for they have no logarithm
function logit(value) {
  const inside = Math.min(Math.max(value, 1e-12), 1 - 1e-12);
  return Math.log(inside) - Math.log(1 - inside);
}

// candidate and blends of both units, and what the candidate is made of, for "before" and "after"
export function blends({ z, r_1, r_2, h_1, weights }) {
  const old = [h_1, H_2];
  const gates = { z: [z, z], r: [r_1, r_2] };
  const p = { ...weights };
  for (const [k, values] of Object.entries(gates)) {
    p[`b_${k}`] = values.map((value, n) => {
      const heard = p[`V_${k}`][n].map((v, m) => v * old[m]);
      return logit(value) - (p[`W_${k}`][n][0] * X + heard[0] + heard[1]);
    });
  }
  return Object.fromEntries(
    ["before", "after"].map((reset) => {
      const step = gruStep([X], old, p, reset);
      const keeps = old.map((h, n) => step.z[n] * h + (1 - step.z[n]) * step.h_tilde[n]);
      return [reset, { h_tilde: step.h_tilde, takes: step.h, keeps }];
    }),
  );
}

// the conventions by which the learner's own h is what it returned
function equal(all, h) {
  return Object.keys(WORDS).filter((key) => {
    const [reset, meaning] = key.split(" ");
    return all[reset][meaning].every((value, n) => Math.abs(value - h[n]) < 1e-6);
  });
}

// what the picture says
export function sentence(values) {
  const all = blends(values);
  const { before, after } = all;
  const said =
    `z = ${fixed(values.z)}, r = ${fixed(values.r_1)} and ${fixed(values.r_2)}, the old h is ` +
    `${fixed(values.h_1)}. The candidate is ${fixed(before.h_tilde[0])} with the reset before ` +
    `V and ${fixed(after.h_tilde[0])} after it. Where z takes the new, h becomes ` +
    `${fixed(before.takes[0])} and ${fixed(after.takes[0])}; where z keeps the old, ` +
    `${fixed(before.keeps[0])} and ${fixed(after.keeps[0])}.`;
  const { own } = values;
  if (!own) return said;
  if (own.error) return `${said} There is no value of yours to show: ${own.error}`;
  const { h } = own.step;
  const which = equal(all, h).map((key) => WORDS[key]).join(" or ") || "none of the four";
  return `${said} Your ${own.name} gives ${fixed(h[0])} (unit 2: ${fixed(h[1])}): ${which}.`;
}

const bracketed = (value) => (fixed(value)[0] === "−" ? `(${fixed(value)})` : fixed(value));

export function equations(values) {
  const { z, h_1, r_1, r_2, weights } = values;
  const { before, after } = blends(values);
  const [v, rest] = [weights.V_h[0], weights.W_h[0][0] * X + weights.b_h[0]];
  const blend = (name, old, fresh, { h_tilde }, h) => ({
    letters: name,
    numbers: `= ${fixed(old)} · ${bracketed(h_1)} + ${fixed(fresh)} · ${bracketed(h_tilde[0])}`,
    result: `= ${fixed(h[0])}`,
  });
  const [a, b] = [`${fixed(v[0])} · ${bracketed(h_1)}`, `${bracketed(v[1])} · ${bracketed(H_2)}`];
  const takes = "(1 − z) · h_{1} + z · h̃_{1}";
  const keeps = "z · h_{1} + (1 − z) · h̃_{1}";
  return [
    { heading: "Reset before V: each sender has a reset of its own" },
    {
      letters: "h̃_{1} = tanh(W x + b + V_{11} r_{1} h_{1} + V_{12} r_{2} h_{2})",
      numbers:
        `= tanh(${fixed(rest)} + ${fixed(v[0])} · ${fixed(r_1)} · ${bracketed(h_1)} + ` +
        `${bracketed(v[1])} · ${fixed(r_2)} · ${bracketed(H_2)})`,
      result: `= ${fixed(before.h_tilde[0])}`,
    },
    blend(`z takes: ${takes}`, 1 - z, z, before, before.takes),
    blend(`z keeps: ${keeps}`, z, 1 - z, before, before.keeps),
    { heading: "Reset after V: the receiver's reset shuts all that it hears" },
    {
      letters: "h̃_{1} = tanh(W x + b + r_{1} (V_{11} h_{1} + V_{12} h_{2}))",
      numbers: `= tanh(${fixed(rest)} + ${fixed(r_1)} · (${a} + ${b}))`,
      result: `= ${fixed(after.h_tilde[0])}`,
    },
    blend(`z takes: ${takes}`, 1 - z, z, after, after.takes),
    blend(`z keeps: ${keeps}`, z, 1 - z, after, after.keeps),
  ];
}

const HALF = 13; // of a pipe
const UNIT = 24; // pixels of a flow of 1; of the sum, which grows larger, 8
const [EARLY, BOX, SUM, LATE, TANH, FRESH] = [96, 142, 196, 226, 264, 308];
const LEGEND = 342;
const ROWS = { takes: 376, keeps: 496 };
const RESETS = {
  before: ["reset before V", "this course, Cho et al. 2014"],
  after: ["reset after V", "torch, cuDNN, Keras default"],
};
const MEANINGS = {
  takes: ["z → 1 takes the new", "this course, Chung et al. 2014"],
  keeps: ["z → 1 keeps the old", "Cho et al. 2014, torch, Keras, ONNX, cuDNN"],
};

function picture(values, width) {
  const all = blends(values);
  const { own, weights } = values;
  const wide = (width - 36) / 2;
  const places = { before: 8, after: 28 + wide };
  const middle = { "text-anchor": "middle" };
  const ours = own?.step ? equal(all, own.step.h) : [];

  const candidate = (reset) => {
    const left = places[reset];
    const at = [left + 0.27 * wide, left + 0.73 * wide];
    const centre = left + 0.5 * wide;
    const old = [values.h_1, H_2];
    const r = [values.r_1, values.r_2];
    const early = reset === "before";
    const heard = old.map((h, n) => weights.V_h[0][n] * h * (early ? r[n] : 1));
    const sum = heard[0] + heard[1];
    const late = early ? sum : values.r_1 * sum;
    const rest = weights.W_h[0][0] * X + weights.b_h[0];
    const box = (x, y, words, half = 28) => [
      svg("rect", { class: "rl-box", x: x - half, y: y - 13, width: 2 * half, height: 26, rx: 5 }),
      text(x, y + 5, words, middle),
    ];
    const number = (x, y, words, anchor = "middle") =>
      text(x, y, words, { class: "rl-number", "text-anchor": anchor });
    const pipe = (x, from, to) =>
      casing(`M${x - HALF} ${from}V${to}M${x + HALF} ${from}V${to}`);
    return [
      text(left, 16, RESETS[reset][0], { class: "rl-number" }),
      text(left, 33, RESETS[reset][1], { class: "rl-tick" }),
      ...at.flatMap((x, n) => [
        number(x, 60, `h_{${n + 1}} = ${fixed(old[n])}`),
        pipe(x, 68, BOX - 13),
        flowAlong("h", x, [
          [68, old[n]],
          [EARLY - 14, old[n]],
          [EARLY - 4, early ? r[n] * old[n] : old[n]],
          [BOX - 13, early ? r[n] * old[n] : old[n]],
        ], UNIT),
        ...(early ? valve("r", x, EARLY, HALF, r[n], false) : []),
        ...box(x, BOX, `× ${fixed(weights.V_h[0][n], 1)}`),
        svg("path", { class: "rl-wire", d: `M${x} ${BOX + 13}V${SUM - 22}L${centre + (n ? 11 : -11)} ${SUM}` }),
        number(x + (n ? 6 : -6), SUM - 14, fixed(heard[n]), n ? "start" : "end"),
      ]),
      ...(early
        ? at.map((x, n) => text(x + (n ? -22 : 22), EARLY + 5, `r_{${n + 1}}`, { "text-anchor": n ? "end" : "start" }))
        : [
            ...valve("r", centre, LATE, HALF, values.r_1, false),
            text(centre + 22, LATE + 5, "r_{1}"),
          ]),
      pipe(centre, SUM + 12, TANH - 13),
      flowAlong("h", centre, [
        [SUM + 12, sum],
        [LATE - 10, sum],
        [LATE - 4, late],
        [TANH - 13, late],
      ], UNIT / 3),
      ...(early ? [] : valve("r", centre, LATE, HALF, values.r_1, false)),
      svg("circle", { class: "rl-box", cx: centre, cy: SUM, r: 11 }),
      text(centre, SUM + 5, "+", { ...middle, class: "rl-number" }),
      number(centre - HALF - 12, LATE + 5, fixed(late), "end"),
      svg("path", { class: "rl-wire", d: `M${left + 4} ${TANH}H${centre - 28}` }),
      text(left, TANH - 7, `+ ${fixed(rest)}`, { class: "rl-tick" }),
      text(left, TANH + 16, "W x + b", { class: "rl-tick" }),
      ...box(centre, TANH, "tanh"),
      svg("path", { class: "rl-wire", d: `M${centre} ${TANH + 13}V${FRESH - 14}` }),
      mark("h_tilde", centre - 44, FRESH - 4, 6),
      number(centre - 32, FRESH, `h̃_{1} = ${fixed(all[reset].h_tilde[0])}`, "start"),
    ];
  };

  const bar = (reset, meaning) => {
    const left = places[reset];
    const x = linear([-1, 1], [left + 12, left + wide - 12]);
    const y = ROWS[meaning] + 74;
    const [old, fresh] = [values.h_1, all[reset].h_tilde[0]];
    const h = all[reset][meaning][0];
    const moved = (look, from, to) => [
      svg("rect", {
        class: look,
        style: coloured("z"),
        x: Math.min(x(from), x(to)),
        y: y - 6,
        width: Math.abs(x(to) - x(from)),
        height: 12,
      }),
    ];
    const matches = ours.includes(`${reset} ${meaning}`);
    return [
      ...(matches
        ? [
            svg("rect", { class: "rl-now", x: left - 4, y: y - 50, width: wide + 8, height: 84, rx: 8 }),
            text(left + wide, y - 32, "yours", { class: "rl-number", "text-anchor": "end" }),
          ]
        : []),
      mark("h", left + 6, y - 37, 6),
      text(left + 18, y - 32, `h_{1} = ${fixed(h)}`, { class: "rl-number" }),
      line(x(-1), y, x(1), y, { class: "rl-grid" }),
      ...[-1, 0, 1].flatMap((tick) => [
        line(x(tick), y - 9, x(tick), y + 9, { class: "rl-grid" }),
        text(x(tick), y + 24, fixed(tick, 0), { ...middle, class: "rl-tick" }),
      ]),
      ...moved("rl-ghost", h, fresh),
      ...moved("rl-bar", old, h),
      mark("h_tilde", x(fresh), y - 13, 6),
      svg("circle", { class: "rl-flow rl-negative", style: coloured("h"), cx: x(old), cy: y, r: 5.5 }),
      mark("h", x(h), y, 7.5),
      ...(own?.step && !ours.length
        ? [
            line(x(own.step.h[0]), y - 12, x(own.step.h[0]), y + 12, { class: "rl-leader" }),
            text(left + wide, y - 32, `yours ${fixed(own.step.h[0])}, dotted`, {
              class: "rl-tick",
              "text-anchor": "end",
            }),
          ]
        : []),
    ];
  };

  return {
    height: ROWS.keeps + 112,
    marks: [
      ...Object.keys(RESETS).flatMap(candidate),
      svg("circle", { class: "rl-flow rl-negative", style: coloured("h"), cx: 14, cy: LEGEND - 4, r: 5.5 }),
      text(26, LEGEND, "old h", { class: "rl-tick" }),
      mark("h_tilde", 84, LEGEND - 4, 6),
      text(96, LEGEND, "candidate h̃", { class: "rl-tick" }),
      mark("h", 200, LEGEND - 4, 7),
      text(212, LEGEND, "h after the step", { class: "rl-tick" }),
      svg("rect", { class: "rl-bar", style: coloured("z"), x: 328, y: LEGEND - 10, width: 16, height: 12 }),
      text(350, LEGEND, "moved by z", { class: "rl-tick" }),
      ...Object.entries(MEANINGS).flatMap(([meaning, [words, who]]) => [
        mark("z", 14, ROWS[meaning] - 5, 6),
        text(26, ROWS[meaning], words, { class: "rl-number" }),
        text(26, ROWS[meaning] + 17, who, { class: "rl-tick" }),
        ...Object.keys(RESETS).flatMap((reset) => bar(reset, meaning)),
      ]),
    ],
  };
}

function render({ model, el }) {
  const weights = model.get("weights");
  const set = (values) => put(model, values);
  const input = (name, words, letter, symbol, low) => ({
    name,
    ...slider({
      name: words,
      letter,
      symbol,
      min: low,
      max: 1,
      step: 0.05,
      digits: 2,
      onInput: (value) => set({ [name]: value }),
    }),
  });
  return frame({
    model,
    el,
    label: "GRU dial",
    names: VALUES,
    beside: true,
    inputs: [
      input("z", "update gate", "z", "z", 0),
      input("r_1", "reset gate", "r_{1}", "r", 0),
      input("r_2", "reset gate", "r_{2}", "r", 0),
      input("h_1", "old h", "h_{1}", "h", -1),
    ],
    picture: (values, width) => picture({ ...values, weights }, width),
    sentence: (values) => sentence({ ...values, weights }),
    equations: (values) => equations({ ...values, weights }),
  });
}

export default { render };
