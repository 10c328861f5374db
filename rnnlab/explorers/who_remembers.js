// How much each output depends on each earlier input, and the gates of each unit on the way. All
// values come from Python: of three stored nets, or of the learner's own.

import { coloured, fixed, html, line, linear, mark, svg, text } from "./drawing.js";
import { choice, put, slider } from "./controls.js";
import { frame } from "./frame.js";

const CELLS = { rnn: "RNN", lstm: "LSTM", gru: "GRU" };
const GATES = {
  f: "forget gate f",
  i: "input gate i",
  o: "output gate o",
  z: "update gate z",
  r: "reset gate r",
};

// what the picture says
export function sentence({ cell, sequence, t, views, own, error }) {
  if (error) return `Your net cannot be shown: ${error}`;
  const view = views[cell][sequence];
  const row = view.gradient[t - 1].slice(0, t);
  const most = row.indexOf(Math.max(...row));
  const says =
    `${own ? "Your " : ""}${CELLS[cell]}, output ${t}: it depends most on input ${most + 1}, with a ` +
    `gradient of ${fixed(row[most])}`;
  if (own) {
    const all = row.reduce((sum, part) => sum + part, 0);
    return `${says}; the other inputs up to here have ${fixed(all - row[most])} in all.`;
  }
  const [all, long] = view.right.map((share) => fixed(100 * share, 1));
  return (
    `${says}. It says ${fixed(view.y[t - 1])} where ${fixed(view.target[t - 1])} was marked. ` +
    `Within 0.1 it is right at ${all} % of all steps, at ${long} % where the mark is 8 or more ` +
    "steps back."
  );
}

const BARS = 110;

function picture({ cell, sequence, t, views, own, error }, width) {
  if (error) return { height: 0, marks: [] };
  const view = views[cell][sequence];
  const gates = Object.entries(view.gates);
  const wide = width >= 720;
  // both columns show the same steps, one above the other or side by side
  const left = [52, (wide ? Math.round(0.54 * width) : width) - 12];
  const T = view.gradient.length;
  const column = (left[1] - left[0]) / T;
  const rowHeight = Math.max(6, Math.min(13, 320 / T));
  const matrix = T * rowHeight;
  const top = own ? 58 : 84;
  const marks = [
    ...(own ? [] : sequenceRow(view, t, left, column)),
    ...bars(view, t, left, column, top),
    ...rows(view, t, left, column, top + BARS + 72, rowHeight),
  ];
  const leftHeight = top + BARS + 72 + matrix + 44;
  const [x0, y0] = wide ? [left[1] + 66, 0] : [left[0], leftHeight + 10];
  const unit = Math.max(7, Math.min(18, 72 / (gates[0]?.[1][0].length ?? 1)));
  const gateHeight = (gates[0]?.[1][0].length ?? 0) * unit + 70;
  gates.forEach(([name, gate], n) =>
    marks.push(...gateMap(name, gate, t, [x0, width - 12], y0 + n * gateHeight, unit)),
  );
  if (!gates.length)
    marks.push(text(x0, y0 + 20, "A plain RNN has no gates.", { class: "rl-quiet-text" }));
  const right = y0 + Math.max(40, gates.length * gateHeight);
  return { height: Math.max(leftHeight, right), marks };
}

// the numbers come one a step; a marked one is to be held
function sequenceRow({ x }, t, [x0], column) {
  return [
    text(x0 - 8, 20, "mark", { class: "rl-tick", "text-anchor": "end" }),
    line(x0, 30, x0 + x.length * column, 30, { class: "rl-grid" }),
    ...x.flatMap(([number, marked], n) => {
      if (!marked) return [];
      const at = x0 + (n + 0.5) * column;
      return [
        svg("path", { d: `M${at - 6} 8H${at + 6}L${at} 18Z`, class: "rl-flag" }),
        text(at, 46, fixed(number), { class: "rl-number", "text-anchor": "middle" }),
      ];
    }),
  ];
}

// the chosen output's gradients by all inputs
function bars({ gradient, labels }, t, [x0], column, y) {
  const row = gradient[t - 1];
  const highest = Math.max(...gradient.flat());
  const base = y + BARS;
  const level = linear([0, highest], [base, y + 18]);
  const shown = named(row, column);
  return [
    text(x0, y - 8, `how much output ${t} depends on each input`, { class: "rl-strong" }),
    ...[0, highest].map((tick) =>
      line(x0, level(tick), x0 + row.length * column, level(tick), { class: "rl-grid" }),
    ),
    ...[0, highest].map((tick) =>
      text(x0 - 8, level(tick) + 4, fixed(tick), { class: "rl-tick", "text-anchor": "end" }),
    ),
    ...row.map((part, n) =>
      svg("rect", {
        x: x0 + n * column + 1,
        y: level(part),
        width: Math.max(1, column - 2),
        height: base - level(part),
        class: "rl-bar",
        style: coloured("h"),
      }),
    ),
    ...[...shown].map((n) =>
      text(
        Math.max(x0 + 16, Math.min(x0 + (n + 0.5) * column, x0 + row.length * column - 8)),
        level(row[n]) - 4,
        fixed(row[n]),
        {
          class: "rl-number rl-halo",
          "text-anchor": "middle",
        },
      ),
    ),
    ...ticks(row.length, x0, column, base + 23, labels),
    text(x0 + (row.length * column) / 2, base + 40, "input s", {
      class: "rl-tick",
      "text-anchor": "middle",
    }),
    svg("path", { d: pointer(x0 + (t - 0.5) * column, base + 3), class: "rl-here-mark" }),
  ];
}

const sideways = (x, y, words) =>
  text(x, y, words, {
    class: "rl-tick",
    "text-anchor": "middle",
    transform: `rotate(-90 ${x} ${y})`,
  });

const pointer = (x, y) => `M${x} ${y}l5 7h-10Z`;

// the largest parts that have room for their number
function named(row, column) {
  const order = row.map((_, n) => n).sort((a, b) => row[b] - row[a]);
  const kept = [];
  for (const n of order.slice(0, 8)) {
    if (row[n] > 0.02 * row[order[0]] && kept.every((m) => Math.abs(m - n) * column >= 40))
      kept.push(n);
  }
  return new Set(kept);
}

// numbers of the steps, or the learner's words, as many as there is room for
function ticks(T, x0, column, y, labels = []) {
  const room = labels.length ? 8 * Math.max(...labels.map((word) => word.length)) + 6 : 24;
  const every = labels.length
    ? Math.ceil(room / column)
    : ([1, 2, 4, 5, 10, 20].find((n) => n * column >= room) ?? 20);
  return Array.from({ length: T }, (_, n) => n)
    .filter((n) => (labels.length ? n % every === 0 : n === 0 || (n + 1) % every === 0))
    .filter((n) => labels.length || n === 0 || n * column >= room)
    .map((n) =>
      text(x0 + (n + 0.5) * column, y, labels[n] ?? n + 1, {
        class: "rl-tick",
        "text-anchor": "middle",
      }),
    );
}

// every output by every input, down to the chosen one: later outputs are still to be predicted
function rows({ gradient }, t, [x0], column, y, height) {
  const T = gradient.length;
  const highest = Math.max(...gradient.flat());
  const last = (n) => y + n * height;
  const every = [1, 2, 4, 5, 10].find((n) => n * height >= 26) ?? 10;
  return [
    text(x0, y - 10, "every output so far by every input", { class: "rl-strong" }),
    svg("rect", { x: x0, y, width: T * column, height: T * height, class: "rl-gauge" }),
    ...gradient
      .slice(0, t)
      .flatMap((row, n) =>
        row
          .slice(0, n + 1)
          .flatMap((part, m) =>
            part < 0.01 * highest
              ? []
              : [
                  svg("rect", {
                    x: x0 + m * column,
                    y: last(n),
                    width: column,
                    height,
                    class: "rl-heat",
                    style: `${coloured("h")}; opacity: ${(part / highest).toFixed(3)}`,
                  }),
                ],
          ),
      ),
    svg("rect", {
      x: x0 - 2,
      y: last(t - 1) - 1,
      width: T * column + 4,
      height: height + 2,
      class: "rl-here",
    }),
    ...Array.from({ length: T }, (_, n) => n)
      .filter((n) => (n + 1) % every === 0)
      .map((n) =>
        text(x0 - 8, last(n) + height / 2 + 4, n + 1, { class: "rl-tick", "text-anchor": "end" }),
      ),
    sideways(x0 - 38, y + (T * height) / 2, "output t"),
    ...ticks(T, x0, column, last(T) + 16),
    text(x0 + (T * column) / 2, last(T) + 34, "input s", {
      class: "rl-tick",
      "text-anchor": "middle",
    }),
  ];
}

// a gate of every unit at every step: empty is closed, full is open
function gateMap(name, gate, t, [x0, x1], y, height) {
  const [T, H] = [gate.length, gate[0].length];
  const column = (x1 - x0) / T;
  const top = y + 26;
  return [
    mark(name, x0 + 6, y + 12, 6),
    text(x0 + 18, y + 16, GATES[name], { class: "rl-strong" }),
    svg("rect", { x: x1 - 132, y: y + 5, width: 12, height: 12, class: "rl-gauge" }),
    text(x1 - 115, y + 16, "closed", { class: "rl-tick" }),
    svg("rect", {
      x: x1 - 62,
      y: y + 5,
      width: 12,
      height: 12,
      class: "rl-bar",
      style: coloured(name),
    }),
    text(x1 - 45, y + 16, "open", { class: "rl-tick" }),
    svg("rect", { x: x0, y: top, width: x1 - x0, height: H * height, class: "rl-gauge" }),
    ...gate.flatMap((units, n) =>
      units.map((value, k) =>
        // as high as the gate is open, so that the colour is not the only mark
        svg("rect", {
          x: x0 + n * column,
          y: top + (k + 1 - value) * height + value,
          width: Math.max(1, column - 1),
          height: Math.max(0, value * (height - 1)),
          class: "rl-heat",
          style: coloured(name),
        }),
      ),
    ),
    ...Array.from({ length: H - 1 }, (_, k) =>
      line(x0, top + (k + 1) * height, x1, top + (k + 1) * height, { class: "rl-grid" }),
    ),
    ...Array.from({ length: H }, (_, k) => k)
      .filter((k) => H * height >= 14 * H || k === 0 || k === H - 1)
      .map((k) =>
        text(x0 - 8, top + (k + 0.5) * height + 4, k + 1, {
          class: "rl-tick",
          "text-anchor": "end",
        }),
      ),
    sideways(x0 - 26, top + (H * height) / 2, "unit"),
    svg("path", {
      d: pointer(x0 + (t - 0.5) * column, top + H * height + 2),
      class: "rl-here-mark",
    }),
    ...ticks(T, x0, column, top + H * height + 22),
  ];
}

function render({ model, el }) {
  const [views, own, error] = ["views", "yours", "error"].map((name) => model.get(name));
  const set = (name) => (value) => put(model, { [name]: value });
  const all = (values) => ({ ...values, views, own, error });
  const first = Object.values(Object.values(views)[0] ?? {})[0];
  const output = {
    name: "t",
    ...slider({
      name: "output at step",
      letter: "t",
      min: 1,
      max: first?.gradient.length ?? 1,
      step: 1,
      onInput: set("t"),
    }),
  };
  const cells = {
    name: "cell",
    ...choice({ name: "Net", options: Object.entries(CELLS), onInput: set("cell") }),
  };
  const sequences = {
    name: "sequence",
    ...choice({
      name: "Sequence",
      options: Object.keys(Object.values(views)[0] ?? {}).map((name) => [name, name]),
      onInput: set("sequence"),
    }),
  };
  const wrong = error ? [html("p", { class: "rl-error", role: "alert" }, `✗ ${error}`)] : [];
  return frame({
    model,
    el,
    label: "Who remembers what",
    names: ["cell", "sequence", "t"],
    inputs: error ? [] : [output],
    lead: true,
    above: own ? wrong : [cells.node, sequences.node],
    update: ({ cell, sequence }) => {
      cells.show(cell);
      sequences.show(sequence);
    },
    picture: (values, width) => picture(all(values), width),
    sentence: (values) => sentence(all(values)),
  });
}

export default { render };
