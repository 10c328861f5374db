// One step of an LSTM of one number: the cell with the value on each wire, stage by stage.

import { lstmStep } from "./cells.js";
import { coloured, fixed, line, linear, mark, openness, svg, text } from "./drawing.js";
import { button, choice, put, slider } from "./controls.js";
import { frame } from "./frame.js";
import { casing, flowAcross, flowAlong, halfOf, valve } from "./pipes.js";

const STAGES = ["Start", "1 Forget", "2 Write", "3 Update", "4 Read"];
const BLOCKS = ["f", "i", "g", "o"];
const SYMBOLS = { f: "f", i: "i", g: "C_tilde", o: "o" };
const NAMES = { f: "forget gate", i: "input gate", g: "candidate", o: "output gate" };
const WORDS = { f: "forget", i: "input", g: "candidate", o: "output" };
const STATES = ["x", "h_prev", "C_prev"];
const VALUES = [...STATES, "b_f", "b_i", "b_g", "b_o", "stage"];

const preactivation = (k, { x, h_prev, weights, ...values }) =>
  weights[`W_${k}`] * x + weights[`V_${k}`] * h_prev + values[`b_${k}`];

// the value on each wire; null where the learner's own function gave none
export function stepValues(values) {
  const { x, h_prev, C_prev, weights, own } = values;
  const a = Object.fromEntries(BLOCKS.map((k) => [`a_${k}`, preactivation(k, values)]));
  const p = Object.fromEntries([
    ...Object.entries(weights).map(([name, number]) => [name, [[number]]]),
    ...BLOCKS.map((k) => [`b_${k}`, [values[`b_${k}`]]]),
  ]);
  const said = own ? own.step : lstmStep([x], [h_prev], [C_prev], p);
  const wires = ["f", "i", "C_tilde", "o", "C", "h"];
  const step = Object.fromEntries(wires.map((name) => [name, said ? said[name][0] : null]));
  if (!said) return { ...a, ...step, kept: null, written: null, tanh_C: null };
  const [kept, written] = [step.f * C_prev, step.i * step.C_tilde];
  return { ...a, ...step, kept, written, tanh_C: Math.tanh(step.C) };
}

// a value that the learner's function returned, where it is not what its equation gives
const off = (value, expected) => Math.abs(value - expected) > 1e-6;

const bracketed = (value) => (fixed(value)[0] === "−" ? `(${fixed(value)})` : fixed(value));

// what the picture says
export function sentence(values) {
  const { x, h_prev, C_prev, stage, own } = values;
  if (stage === 0) {
    return (
      `Before the step: x = ${fixed(x)} comes in, the last output was h = ${fixed(h_prev)}, ` +
      `and the cell holds C = ${fixed(C_prev)}.`
    );
  }
  if (own?.error) return `There are no values to show: ${own.error}`;
  const { f, i, C_tilde, o, kept, written, C, tanh_C, h } = stepValues(values);
  const sum = `${fixed(kept)} + ${bracketed(written)}`;
  if (stage === 3 && off(C, kept + written)) {
    return `Update: ${sum} gives ${fixed(kept + written)}, but your ${own.name} says C = ${fixed(C)}.`;
  }
  if (stage === 4 && off(h, o * tanh_C)) {
    return (
      `Read: o * tanh(C) = ${fixed(o)} * ${bracketed(tanh_C)} gives ${fixed(o * tanh_C)}, but ` +
      `your ${own.name} says h = ${fixed(h)}.`
    );
  }
  return [
    `Forget: f = ${fixed(f)}, the valve is ${openness(f)}, so ${fixed(kept)} of the old ` +
      `C = ${fixed(C_prev)} stays.`,
    `Write: i = ${fixed(i)}, the valve is ${openness(i)}, so ${fixed(written)} of the ` +
      `candidate ${fixed(C_tilde)} comes in.`,
    `Update: what stayed and what came in add up, ${sum} = ${fixed(C)}: the new C.`,
    `Read: o = ${fixed(o)}, the valve is ${openness(o)}, so h = ${fixed(h)} goes out. ` +
      `C stays ${fixed(C)}.`,
  ][stage - 1];
}

const HEADINGS = [
  "The step, before any number",
  "1 Forget: how much of the old C stays?",
  "2 Write: what new comes in, and how much of it?",
  "3 Update: add the two",
  "4 Read: how much of C goes out as h?",
];
const LETTERS = [
  "f_{t} = σ(W_{f} x_{t} + V_{f} h_{t−1} + b_{f})",
  "i_{t} = σ(W_{i} x_{t} + V_{i} h_{t−1} + b_{i})",
  "C̃_{t} = tanh(W_{g} x_{t} + V_{g} h_{t−1} + b_{g})",
  "C_{t} = f_{t} * C_{t−1} + i_{t} * C̃_{t}",
  "o_{t} = σ(W_{o} x_{t} + V_{o} h_{t−1} + b_{o})",
  "h_{t} = o_{t} * tanh(C_{t})",
];

// the equations of the stage, with their numbers; before the first, all of them in letters
export function equations(values) {
  const { x, h_prev, C_prev, stage, weights, own } = values;
  const heading = { heading: HEADINGS[stage] };
  if (stage === 0) return [heading, ...LETTERS.map((letters) => ({ letters }))];
  const v = stepValues(values);
  const number = (value) => (value === null ? "?" : fixed(value));
  const factor = (value) => (value === null ? "?" : bracketed(value));
  const sum = (k) => ({
    letters: `a_{${k}} = W_{${k}} x_{t} + V_{${k}} h_{t−1} + b_{${k}}`,
    numbers:
      `= ${fixed(weights[`W_${k}`])} · ${bracketed(x)} + ${bracketed(weights[`V_${k}`])} · ` +
      `${bracketed(h_prev)} + ${bracketed(values[`b_${k}`])}`,
    result: `= ${fixed(v[`a_${k}`])}`,
  });
  // a value that came from the learner's function is held against its own line
  const line = (letters, numbers, value, expected) => ({
    letters,
    numbers: `= ${numbers}`,
    result: `= ${number(value)}`,
    note:
      own?.step && off(value, expected)
        ? `your ${own.name} says ${fixed(value, 4)}, this line gives ${fixed(expected, 4)}`
        : "",
  });
  const squash = (name, symbol, k, how, f) =>
    line(`${symbol}_{t} = ${how}(a_{${k}})`, `${how}(${fixed(v[`a_${k}`])})`, v[name], f(v[`a_${k}`]));
  const sigmoid = (a) => 0.5 + 0.5 * Math.tanh(0.5 * a);
  const product = (letters, a, b, value) =>
    line(letters, `${number(a)} · ${factor(b)}`, value, a * b);
  return [
    heading,
    ...[
      [
        sum("f"),
        squash("f", "f", "f", "σ", sigmoid),
        product("f_{t} * C_{t−1}", v.f, C_prev, v.kept),
      ],
      [
        sum("i"),
        squash("i", "i", "i", "σ", sigmoid),
        sum("g"),
        squash("C_tilde", "C̃", "g", "tanh", Math.tanh),
        product("i_{t} * C̃_{t}", v.i, v.C_tilde, v.written),
      ],
      [
        line(
          "C_{t} = f_{t} * C_{t−1} + i_{t} * C̃_{t}",
          `${number(v.kept)} + ${factor(v.written)}`,
          v.C,
          v.kept + v.written,
        ),
      ],
      [
        sum("o"),
        squash("o", "o", "o", "σ", sigmoid),
        line("tanh(C_{t})", `tanh(${number(v.C)})`, v.tanh_C, v.tanh_C),
        product("h_{t} = o_{t} * tanh(C_{t})", v.o, v.tanh_C, v.h),
      ],
    ][stage - 1],
  ];
}

// where things stand: heights in pixels, the columns as parts of the cell's width
const BELT = 84; // the middle of the belt of C
const UNIT = 26; // pixels of a flow of 1
const HALF = { belt: 40, pipe: 14 }; // half the width of a pipe's casing
const [VALVE_I, TANH, VALVE_O, BOX, SUMS, BUS] = [184, 152, 228, 278, 318, 346];
const [LEFT, RIGHT] = [54, 52];
const BARS = 446;

function picture(values, width, enters) {
  const { x: x_t, h_prev, C_prev, stage } = values;
  const v = stepValues(values);
  const part = linear([0, 1], [LEFT, width - RIGHT]);
  const at = { f: part(0.11), i: part(0.29), g: part(0.5), o: part(0.72), read: part(0.9) };
  const end = width - 8;
  // a number is known from its stage on
  const known = (from, value) => stage >= from && value !== null;
  const say = (words, from, value) => `${words} = ${known(from, value) ? fixed(value) : "?"}`;
  const label = (x, y, words, from, value, anchor = "middle") =>
    text(x, y, say(words, from, value), {
      class: known(from, value) ? "rl-number" : "rl-unknown",
      "text-anchor": anchor,
    });
  // the same in two lines, where it is narrow
  const inTwo = (x, y, words, from, value, anchor = "middle") => {
    const look = { class: known(from, value) ? "rl-number" : "rl-unknown", "text-anchor": anchor };
    const number = known(from, value) ? fixed(value) : "?";
    return [text(x, y, `${words} =`, look), text(x, y + 17, number, look)];
  };
  const wire = (from, d) =>
    svg("path", { d, class: stage >= from ? "rl-wire" : "rl-wire rl-later" });
  const pour = (from, direction) => (enters && stage === from ? ` rl-pour-${direction}` : "");
  const thick = (value) => halfOf(value, UNIT);
  const across = (symbol, y, bends, poured) => flowAcross(symbol, y, bends, UNIT, poured);
  const along = (symbol, x, bends, poured) => flowAlong(symbol, x, bends, UNIT, poured);
  const box = (x, y, words) => [
    svg("rect", { class: "rl-box", x: x - 21, y: y - 14, width: 42, height: 28, rx: 5 }),
    text(x, y + 5, words, { "text-anchor": "middle" }),
  ];
  const [belt, pipe] = [HALF.belt, HALF.pipe];
  const frames = [
    null,
    [at.f - 80, 22, 116, 306],
    [at.i - 36, BELT + belt + 6, at.g - at.i + 62, 196],
    [at.g - 30, 20, width - at.g + 26, BELT + belt - 16],
    [at.o - 38, BELT + belt + 10, width - at.o + 34, 254],
  ][stage];
  const now = frames
    ? [svg("rect", { class: "rl-now", x: frames[0], y: frames[1], width: frames[2], height: frames[3], rx: 10 })]
    : [];

  const wires = [
    wire(0, `M8 ${BUS}H${at.o}`),
    wire(0, `M${at.f + 34} ${BUS + 44}V${BUS}`),
    ...BLOCKS.map((k) => wire(0, `M${at[k]} ${BUS}V${SUMS + 14}`)),
    ...BLOCKS.map((k, n) => wire([1, 2, 2, 4][n], `M${at[k]} ${SUMS - 13}V${BOX + 14}`)),
    wire(1, `M${at.f} ${BOX - 14}V${BELT + belt}`),
    wire(2, `M${at.i} ${BOX - 14}V${VALVE_I}H${at.g - pipe}`),
    wire(4, `M${at.o} ${BOX - 14}V${VALVE_O}H${at.read - pipe}`),
    wire(4, `M${at.read} ${BELT + belt}V${TANH - 14}`),
  ];
  const casings = [
    svg("rect", { class: "rl-bed", x: 8, y: BELT - belt, width: end - 8, height: 2 * belt }),
    casing(`M8 ${BELT - belt}H${end}`),
    casing(`M8 ${BELT + belt}H${at.g - pipe}V${BOX - 14}M${at.g + pipe} ${BOX - 14}V${BELT + belt}H${end}`),
    casing(`M${at.read - pipe} ${TANH + 14}V${BUS + pipe}H${end}M${at.read + pipe} ${TANH + 14}V${BUS - pipe}H${end}`),
  ];
  const flows = [];
  const beltEnd = known(1, v.f) ? at.g - pipe : at.f;
  if (known(1, v.f)) {
    flows.push(across("C", BELT, [[8, C_prev], [at.f - 26, C_prev], [at.f - 5, v.kept]], ""));
    flows.push(across("C", BELT, [[at.f - 5, v.kept], [beltEnd, v.kept]], pour(1, "right")));
  } else flows.push(across("C", BELT, [[8, C_prev], [beltEnd, C_prev]], ""));
  if (known(2, v.i)) {
    const bends = [[BOX - 14, v.C_tilde], [VALVE_I + 22, v.C_tilde], [VALVE_I + 5, v.written]];
    flows.push(along("C_tilde", at.g, [...bends, [BELT + belt, v.written]], pour(2, "up")));
  }
  if (known(3, v.C)) {
    flows.push(along("C_tilde", at.g, [[BELT + belt, v.written], [BELT + 12, v.written]], ""));
    flows.push(across("C", BELT, [[at.g + pipe, v.C], [end, v.C]], pour(3, "right")));
  }
  if (known(4, v.h)) {
    const bends = [[TANH + 14, v.tanh_C], [VALVE_O - 22, v.tanh_C], [VALVE_O - 5, v.h]];
    flows.push(along("h", at.read, [...bends, [BUS + thick(v.h), v.h]], pour(4, "down")));
    flows.push(across("h", BUS, [[at.read - thick(v.h), v.h], [end, v.h]], pour(4, "right")));
  }
  const plus = [
    svg("circle", { class: "rl-box", cx: at.g, cy: BELT, r: 12 }),
    text(at.g, BELT + 6, "+", { "text-anchor": "middle", "font-size": 18, "font-weight": 600 }),
  ];
  const marks = [
    mark("f", at.f, BELT + belt + 18, 6),
    mark("i", at.g - pipe - 18, VALVE_I, 6),
    mark("o", at.read - pipe - 18, VALVE_O, 6),
    mark("C_tilde", at.g, BOX - 26, 6),
  ];
  const boxes = [
    ...BLOCKS.flatMap((k) => box(at[k], BOX, k === "g" ? "tanh" : "σ")),
    ...box(at.read, TANH, "tanh"),
  ];
  const labels = [
    text(width / 2, 12, "the conveyor belt of C", { class: "rl-tick", "text-anchor": "middle" }),
    label(8, 31, "C_{t−1}", 0, C_prev, "start"),
    label((at.f + at.g) / 2 + 14, 31, "f * C_{t−1}", 1, v.kept),
    label(end, 31, "C_{t}", 3, v.C, "end"),
    label(at.f - 8, 212, "f_{t}", 1, v.f, "end"),
    label(at.i, VALVE_I - 10, "i_{t}", 2, v.i),
    ...(at.g - at.i > 100
      ? [label(at.g - pipe - 6, BOX - 26, "C̃_{t}", 2, v.C_tilde, "end")]
      : inTwo(at.g - pipe - 6, BOX - 34, "C̃_{t}", 2, v.C_tilde, "end")),
    label(at.g - pipe - 8, VALVE_I - 34, "i * C̃_{t}", 2, v.written, "end"),
    label(at.o - 2, VALVE_O - 10, "o_{t}", 4, v.o),
    ...inTwo(at.read - pipe - 8, 177, "tanh(C_{t})", 4, v.tanh_C, "end"),
    label(end, BUS + 32, "h_{t}", 4, v.h, "end"),
    ...BLOCKS.flatMap((k) =>
      at.o - at.g > 90
        ? [label(at[k], SUMS, `a_{${k}}`, 0, v[`a_${k}`])]
        : inTwo(at[k], SUMS - 7, `a_{${k}}`, 0, v[`a_${k}`]),
    ),
    ...BLOCKS.map((k) =>
      text(at[k], BUS + 18, WORDS[k], { class: "rl-tick", "text-anchor": "middle" }),
    ),
    label(8, BUS + 42, "h_{t−1}", 0, h_prev, "start"),
    label(at.f + 42, BUS + 42, "x_{t}", 0, x_t, "start"),
  ];
  const all = [
    ...now, ...wires, ...casings, ...flows, ...marks,
    ...valve("f", at.f, BELT, belt, known(1, v.f) ? v.f : null, true),
    ...valve("i", at.g, VALVE_I, pipe, known(2, v.i) ? v.i : null, false),
    ...valve("o", at.read, VALVE_O, pipe, known(4, v.o) ? v.o : null, false),
    ...boxes, ...plus, ...labels,
    ...bars(values, v, known, width),
  ];
  return { height: BARS + 104, marks: all };
}

// C_t = f * C_{t-1} + i * C~_t on one scale: the second bar starts where the first one ends
function bars({ C_prev, stage }, v, known, width) {
  const reach = Math.max(3, Math.abs(v.C ?? 0), Math.abs(C_prev));
  const scale = linear([-reach, reach], [118, width - 66]);
  const row = (n) => BARS + 8 + 28 * n;
  const rows = [
    ["f * C_{t−1}", "C", 0, known(1, v.kept) ? v.kept : null, C_prev],
    ["+ i * C̃_{t}", "C_tilde", known(1, v.kept) ? v.kept : 0, known(2, v.written) ? v.written : null, known(2, v.C_tilde) ? v.C_tilde : null],
    ["= C_{t}", "C", 0, known(3, v.C) ? v.C : null, null],
  ];
  const bar = (n, symbol, from, value, look) =>
    svg("rect", {
      class: look + (value < 0 ? " rl-negative" : ""),
      style: coloured(symbol),
      x: Math.min(scale(from), scale(from + value)),
      y: row(n) - 9,
      width: Math.max(1, Math.abs(scale(value) - scale(0))),
      height: 18,
    });
  const ticks = [-2, -1, 0, 1, 2].flatMap((tick) => [
    line(scale(tick), BARS - 8, scale(tick), row(3) - 12, { class: tick ? "rl-grid" : "rl-rule" }),
    text(scale(tick), row(3) + 2, fixed(tick, 0), { class: "rl-tick", "text-anchor": "middle" }),
  ]);
  const joint = (n, value) =>
    line(scale(value), row(n) + 9, scale(value), row(n + 1) - 9, { class: "rl-leader" });
  return [
    text(14, BARS - 22, "dotted: before the valve; filled: what passes; hollow: below 0", { class: "rl-tick" }),
    ...ticks,
    ...rows.flatMap(([words, symbol, from, value, ghost], n) => [
      mark(symbol, 14, row(n), 6),
      text(28, row(n) + 5, words),
      ...(ghost === null ? [] : [bar(n, symbol, from, ghost, "rl-ghost")]),
      ...(value === null ? [] : [bar(n, symbol, from, value, "rl-flow")]),
      text(scale(Math.max(from, from + (value ?? 0), from + (ghost ?? 0))) + 8, row(n) + 5,
        value === null ? "?" : fixed(value),
        { class: value === null ? "rl-unknown" : "rl-number" },
      ),
    ]),
    ...(stage >= 2 && known(2, v.written) ? [joint(0, v.kept)] : []),
    ...(known(3, v.C) ? [joint(1, v.kept + v.written)] : []),
  ];
}

function render({ model, el }) {
  const weights = model.get("weights");
  const set = (values) => put(model, values);
  const whole = (values) => ({ ...values, weights });
  const states = [
    ["x", "input", "x", undefined, 2],
    ["h_prev", "last output", "h", "h", 1],
    ["C_prev", "old cell", "C", "C", 2],
  ].map(([name, words, letter, symbol, reach]) => ({
    name,
    ...slider({
      name: words,
      letter,
      symbol,
      min: -reach,
      max: reach,
      step: 0.1,
      digits: 2,
      onInput: (value) => set({ [name]: value }),
    }),
  }));
  const sums = BLOCKS.map((k) => {
    const input = slider({
      name: `into the ${NAMES[k]}`,
      letter: `a_{${k}}`,
      symbol: SYMBOLS[k],
      min: -6,
      max: 6,
      step: 0.1,
      digits: 2,
      // the bias is what moves: the rest of the sum comes from x and h
      onInput: (a) => {
        const present = Object.fromEntries(VALUES.map((name) => [name, model.get(name)]));
        const rest = preactivation(k, whole({ ...present, [`b_${k}`]: 0 }));
        set({ [`b_${k}`]: Number((a - rest).toFixed(9)) });
      },
    });
    const show = (_, present) => input.show(preactivation(k, whole(present)));
    return { name: `b_${k}`, node: input.node, show };
  });
  const stages = choice({
    name: "Stage",
    options: STAGES.map((words, n) => [n, words]),
    onInput: (stage) => set({ stage }),
  });
  const next = button("", () => set({ stage: (model.get("stage") + 1) % STAGES.length }), {
    class: "rl-button rl-next",
  });
  stages.node.append(next);

  let drawn = model.get("stage");
  return frame({
    model,
    el,
    label: "LSTM step",
    names: VALUES,
    above: [stages.node],
    inputs: [states, sums],
    beside: true,
    update: ({ stage }) => {
      stages.show(stage);
      next.textContent = stage === STAGES.length - 1 ? "Start again" : "Next stage ▸";
    },
    picture: (values, width) => {
      const enters = values.stage !== drawn;
      drawn = values.stage;
      return picture(whole(values), width, enters);
    },
    sentence: (values) => sentence(whole(values)),
    equations: (values) => equations(whole(values)),
  });
}

export default { render };
