// Saturation: what a gate lets pass, and what slope is left for it to learn by.

import { coloured, fixed, line, linear, mark, openness, subscript, svg, text } from "./drawing.js";
import { put, slider } from "./controls.js";
import { frame } from "./frame.js";

const REACH = 8;
const VALUES = ["scale", "C", "unit"];

const logistic = (a) => 0.5 + 0.5 * Math.tanh(0.5 * a);

// the gates of all units: a, the value f that passes, and the slope f (1 - f)
export function gatesAt({ scale, sums }) {
  return sums.map((sum) => {
    const a = scale * sum;
    const f = logistic(a);
    return { a, f, slope: f * (1 - f), stands: openness(f) };
  });
}

function counts(gates) {
  const closed = gates.filter(({ stands }) => stands === "closed").length;
  const open = gates.filter(({ stands }) => stands === "open").length;
  return { closed, "partly open": gates.length - closed - open, open };
}

// what the picture says
export function sentence(values) {
  const gates = gatesAt(values);
  const { closed, "partly open": partly, open } = counts(gates);
  const { f, slope } = gates[values.unit - 1];
  const out = Math.tanh(values.C);
  return (
    `With the weights times ${fixed(values.scale, 1)}, ${closed} of the ${gates.length} gates ` +
    `are closed, ${partly} partly open and ${open} open. ` +
    `Unit ${values.unit} lets ${fixed(f, 3)} of C and of its gradient pass; the slope left ` +
    `for its own learning is ${fixed(slope, 3)}. ` +
    `C = ${fixed(values.C, 1)} is seen as tanh(C) = ${fixed(out, 4)}, with the slope ` +
    `${fixed(1 - out * out, 4)}.`
  );
}

export function equations(values) {
  const { a, f, slope } = gatesAt(values)[values.unit - 1];
  const sum = values.sums[values.unit - 1];
  const out = Math.tanh(values.C);
  return [
    {
      letters: "f = σ(scale · sum)",
      numbers: `= σ(${fixed(values.scale, 1)} · ${sum < 0 ? `(${fixed(sum, 1)})` : fixed(sum, 1)}) = σ(${fixed(a)})`,
      result: `= ${fixed(f, 3)} passes`,
    },
    {
      letters: "σ′(a) = f · (1 − f)",
      numbers: `= ${fixed(f, 3)} · ${fixed(1 - f, 3)}`,
      result: `= ${fixed(slope, 3)} to learn by`,
    },
    {
      letters: "tanh′(C) = 1 − tanh(C)²",
      numbers: `= 1 − (${fixed(out, 4)})²`,
      result: `= ${fixed(1 - out * out, 4)} to learn by`,
    },
  ];
}

const TOP = 99;
const TALL = 132;
const GAP = 78; // between the row of values and the row of slopes
const LEFT = 40;
const BETWEEN = 46;

function picture(values, width) {
  const gates = gatesAt(values);
  const half = (width - LEFT - BETWEEN - 12) / 2;
  const rows = [TOP, TOP + TALL + GAP];
  const out = Math.tanh(values.C);
  const read = gates[values.unit - 1];
  const index = subscript(values.unit);
  const left = { from: LEFT, to: LEFT + half };
  const right = { from: LEFT + half + BETWEEN, to: width - 12 };
  const across = ({ from, to }) => linear([-REACH, REACH], [from, to]);
  const up = (row, low) => linear([low, 1], [rows[row] + TALL, rows[row]]);

  const panel = (place, row, low, heading, number) => {
    const y = up(row, low);
    const x = across(place);
    const ticks = low < 0 ? [-1, 0, 1] : [0, 0.5, 1];
    return [
      text(place.from, rows[row] - 27, heading),
      text(place.from, rows[row] - 10, number, { class: "rl-number" }),
      ...ticks.flatMap((tick) => [
        line(place.from, y(tick), place.to, y(tick), { class: "rl-grid" }),
        text(place.from - 6, y(tick) + 4, fixed(tick, low < 0 ? 0 : 1), {
          class: "rl-tick",
          "text-anchor": "end",
        }),
      ]),
      ...[-6, -3, 0, 3, 6].map((tick) =>
        text(x(tick), rows[row] + TALL + 21, fixed(tick, 0), {
          class: "rl-tick",
          "text-anchor": "middle",
        }),
      ),
    ];
  };
  const curve = (place, row, low, symbol, f, look) => {
    const [x, y] = [across(place), up(row, low)];
    const points = Array.from({ length: 97 }, (_, n) => {
      const a = -REACH + (n * 2 * REACH) / 96;
      return `${x(a)},${y(f(a))}`;
    });
    return svg("polyline", {
      class: "rl-line",
      style: coloured(symbol),
      points: points.join(" "),
      ...(look ? { "stroke-dasharray": look } : {}),
    });
  };
  // where a gate stands: closed below 0.1, open above 0.9
  const edge = Math.log(9);
  const [x, gate] = [across(left), up(0, 0)];
  const n = counts(gates);
  const zones = [
    [-REACH, -edge, "closed", "start", left.from],
    [-edge, edge, "partly open", "middle", (left.from + left.to) / 2],
    [edge, REACH, "open", "end", left.to],
  ].flatMap(([from, to, words, anchor, where]) => [
    ...(words === "partly open"
      ? []
      : [
          svg("rect", {
            class: "rl-bed",
            x: x(from),
            y: rows[0],
            width: x(to) - x(from),
            height: 2 * TALL + GAP,
          }),
        ]),
    text(where, rows[0] - 66, words, { class: "rl-tick", "text-anchor": anchor }),
    text(where, rows[0] - 51, n[words], { class: "rl-number", "text-anchor": anchor }),
  ]);
  const points = (row, value) =>
    gates.map((unit) => mark("f", x(unit.a), up(row, 0)(value(unit)), 5.5));
  const ring = (place, row, low, at, value) => {
    const [cx, cy] = [across(place)(at), up(row, low)(value)];
    return [
      line(cx, cy, cx, up(row, low)(0), { class: "rl-leader" }),
      svg("circle", { class: "rl-ring", cx, cy, r: 10 }),
    ];
  };
  const slopeOf = (a) => logistic(a) * (1 - logistic(a));
  const bottom = rows[1] + TALL + 40;
  const factors = [
    ["back along C", "C", `f${index}`, read.f],
    ["into the gate's weights", "f", "σ′(a)", read.slope],
    ["from h into C", "h", "tanh′(C)", 1 - out * out],
  ].flatMap(([words, symbol, letters, value], n) => {
    const y = bottom + 62 + 26 * n;
    const scale = linear([0, 1], [268, width - 64]);
    return [
      mark(symbol, 12, y, 6),
      text(26, y + 5, words),
      text(256, y + 5, `× ${letters}`, { "text-anchor": "end" }),
      svg("rect", { class: "rl-bed", x: 268, y: y - 8, width: scale(1) - 268, height: 16 }),
      svg("rect", {
        class: "rl-bar",
        style: coloured(symbol),
        x: 268,
        y: y - 8,
        width: scale(value) - 268,
        height: 16,
      }),
      text(scale(1) + 8, y + 5, fixed(value, 4), { class: "rl-number" }),
    ];
  });
  return {
    height: bottom + 130,
    marks: [
      text(left.from, 15, `how many of the ${gates.length} gates are`),
      text(6, bottom + 36, "what a gradient is multiplied by"),
      ...factors,
      ...zones,
      ...panel(left, 0, 0, "what passes", `f${index} = σ(a) = ${fixed(read.f, 3)}`),
      ...panel(left, 1, 0, "what is left to learn by", `σ′(a) = ${fixed(read.slope, 3)}`),
      ...panel(right, 0, -1, "what is seen", `tanh(C) = ${fixed(out, 4)}`),
      ...panel(right, 1, 0, "what is left to learn by", `tanh′(C) = ${fixed(1 - out * out, 4)}`),
      curve(left, 0, 0, "f", logistic),
      curve(left, 1, 0, "f", slopeOf, "7 3"),
      curve(right, 0, -1, "h", Math.tanh),
      curve(right, 1, 0, "h", (C) => 1 - Math.tanh(C) ** 2, "7 3"),
      ...points(0, ({ f }) => f),
      ...points(1, ({ slope }) => slope),
      ...ring(left, 0, 0, read.a, read.f),
      ...ring(left, 1, 0, read.a, read.slope),
      ...ring(right, 0, -1, values.C, out),
      ...ring(right, 1, 0, values.C, 1 - out * out),
      mark("C", across(right)(values.C), up(0, -1)(out), 6),
      mark("C", across(right)(values.C), up(1, 0)(1 - out * out), 6),
      text((left.from + left.to) / 2, bottom, "a = scale · sum of each unit", {
        class: "rl-tick",
        "text-anchor": "middle",
      }),
      text((right.from + right.to) / 2, bottom, "C of the cell", {
        class: "rl-tick",
        "text-anchor": "middle",
      }),
    ],
  };
}

function render({ model, el }) {
  const sums = model.get("sums");
  const set = (values) => put(model, values);
  const input = (name, words, letter, symbol, [min, max, step, digits]) => ({
    name,
    ...slider({
      name: words,
      letter,
      symbol,
      min,
      max,
      step,
      digits,
      onInput: (value) => set({ [name]: value }),
    }),
  });
  return frame({
    model,
    el,
    label: "Saturation",
    names: VALUES,
    inputs: [
      input("scale", "scale of all weights", "", "f", [0.1, 4, 0.1, 1]),
      input("unit", "unit that is read", "", undefined, [1, sums.length, 1, 0]),
      input("C", "cell", "C", "C", [-REACH, REACH, 0.1, 1]),
    ],
    picture: (values, width) => picture({ ...values, sums }, width),
    sentence: (values) => sentence({ ...values, sums }),
    equations: (values) => equations({ ...values, sums }),
  });
}

export default { render };
