// Cell and hidden state apart: each step's output gate decides what is seen, not what is kept.

import { lstmState } from "./cells.js";
import { coloured, fixed, line, linear, mark, openness, subscript, svg, text } from "./drawing.js";
import { button, columns, group, put, slider } from "./controls.js";
import { frame } from "./frame.js";
import { casing, flowAlong, valve } from "./pipes.js";

const STEPS = 10;
const WRITES = { 2: 0.9, 7: -0.5 }; // as in cell_and_hidden.py
const VALUES = ["f", "o", "t"];

// every step: what is written is a candidate behind an input gate that is open
export function cellStates({ f, o }) {
  const states = [];
  let C_prev = 0;
  o.forEach((o_t, n) => {
    const C_tilde = WRITES[n + 1] ?? 0;
    const i = C_tilde ? 1 : 0;
    const { C, h } = lstmState([C_prev], [f], [i], [C_tilde], [o_t]);
    states.push({ t: n + 1, C_prev, i, C_tilde, C: C[0], o: o_t, h: h[0] });
    C_prev = C[0];
  });
  return states;
}

// what the picture says
export function sentence(values) {
  const { C, o, h } = cellStates(values)[values.t - 1];
  const closed = values.o.filter((gate) => openness(gate) === "closed").length;
  const kept = closed
    ? `${closed} of ${STEPS} output gates are closed; C would be the same if none were.`
    : "No output gate is closed; C would be the same if they were.";
  return (
    `At step ${values.t} the cell holds C = ${fixed(C)}; its output gate is ${openness(o)}, ` +
    `o = ${fixed(o)}, so h = ${fixed(h)} is seen. ${kept}`
  );
}

export function equations(values) {
  const { t, C_prev, i, C_tilde, C, o, h } = cellStates(values)[values.t - 1];
  const [now, before] = [subscript(t), subscript(t - 1)];
  const minus = (value) => (value < 0 ? `(${fixed(value)})` : fixed(value));
  return [
    {
      letters: `C${now} = f · C${before} + i${now} · C̃${now}`,
      numbers: `= ${fixed(values.f)} · ${minus(C_prev)} + ${i} · ${minus(C_tilde)}`,
      result: `= ${fixed(C)}`,
    },
    {
      letters: `h${now} = o${now} · tanh(C${now})`,
      numbers: `= ${fixed(o)} · tanh(${fixed(C)})`,
      result: `= ${fixed(h)}`,
    },
  ];
}

const MARGIN = { left: 50, right: 12 };
const LANE = { C: 34, h: 282 }; // the top of each lane
const TALL = 118;
const PIPE = { top: 176, valve: 212, bottom: 268, half: 11 };

function picture(values, width) {
  const states = cellStates(values);
  const right = width - MARGIN.right;
  const step = linear([0.5, STEPS + 0.5], [MARGIN.left, right]);
  const band = step(2) - step(1);
  const middle = { "text-anchor": "middle" };
  const value = (lane) => linear([-0.62, 1], [LANE[lane] + TALL, LANE[lane] + 14]);
  const lane = (name, words) => {
    const y = value(name);
    return [
      svg("rect", {
        class: "rl-bed",
        x: MARGIN.left,
        y: LANE[name],
        width: right - MARGIN.left,
        height: TALL + 10,
      }),
      line(MARGIN.left, y(0), right, y(0), { class: "rl-rule" }),
      mark(name, 12, LANE[name] + 34, 7),
      text(24, LANE[name] + 39, name, { class: "rl-number" }),
      ...words.map((word, n) => text(4, LANE[name] + 60 + 15 * n, word, { class: "rl-tick" })),
      ...states.flatMap((state) => {
        const tip = y(state[name]);
        return [
          svg("rect", {
            class: `rl-flow${state[name] < 0 ? " rl-negative" : ""}`,
            style: coloured(name),
            x: step(state.t) - 0.3 * band,
            y: Math.min(tip, y(0)),
            width: 0.6 * band,
            height: Math.max(1, Math.abs(tip - y(0))),
          }),
          text(step(state.t), state[name] < 0 ? tip + 14 : tip - 4, fixed(state[name]), {
            class: "rl-number rl-small",
            ...middle,
          }),
        ];
      }),
    ];
  };
  const writes = states.filter(({ i }) => i).flatMap(({ t, C_tilde }) => [
    mark("C_tilde", step(t), 13, 6),
    text(step(t) + 11, 18, `write ${fixed(C_tilde, 1)}`, { class: "rl-note" }),
  ]);
  const pipes = states.flatMap(({ t, C, o, h }) => {
    const x = step(t);
    const { top, bottom, half } = PIPE;
    return [
      casing(`M${x - half} ${top - 12}V${bottom + 12}M${x + half} ${top - 12}V${bottom + 12}`),
      flowAlong("h", x, [
        [top - 12, Math.tanh(C)],
        [PIPE.valve - 16, Math.tanh(C)],
        [PIPE.valve - 4, h],
        [bottom + 12, h],
      ], 2 * half - 2),
      ...valve("o", x, PIPE.valve, half, o, false, 10),
    ];
  });
  return {
    height: LANE.h + TALL + 34,
    marks: [
      ...writes,
      ...lane("C", ["kept"]),
      ...pipes,
      mark("o", 12, PIPE.valve, 7),
      text(24, PIPE.valve + 5, "o", { class: "rl-number" }),
      text(4, PIPE.valve + 26, "valve", { class: "rl-tick" }),
      ...lane("h", ["seen"]),
      svg("rect", {
        class: "rl-now",
        x: step(values.t) - band / 2,
        y: LANE.C - 6,
        width: band,
        height: LANE.h + TALL + 16 - LANE.C,
        rx: 6,
      }),
      ...states.map(({ t }) =>
        text(step(t), LANE.h + TALL + 28, t, { class: "rl-tick", ...middle }),
      ),
      text(4, LANE.h + TALL + 28, "step t", { class: "rl-tick" }),
    ],
  };
}

function render({ model, el }) {
  const set = (values) => put(model, values);
  const gates = columns({
    name: "output gate",
    letter: "o_{t}",
    symbol: "o",
    n: STEPS,
    left: MARGIN.left,
    right: MARGIN.right,
    min: 0,
    max: 1,
    step: 0.05,
    digits: 2,
    onInput: (o) => set({ o }),
  });
  const all = (o) => () => set({ o: Array(STEPS).fill(o) });
  const forget = slider({
    name: "forget gate, all steps",
    letter: "f",
    symbol: "f",
    min: 0,
    max: 1,
    step: 0.01,
    digits: 2,
    onInput: (f) => set({ f }),
  });
  const reading = slider({
    name: "read at step",
    min: 1,
    max: STEPS,
    step: 1,
    onInput: (t) => set({ t }),
  });
  return frame({
    model,
    el,
    label: "Cell and hidden state",
    names: VALUES,
    under: [gates.node],
    above: [group("Output gates", button("Close all", all(0)), button("Open all", all(1)))],
    inputs: [
      { name: "f", ...forget },
      { name: "t", ...reading },
    ],
    update: (_, present) => gates.show(present.o),
    picture,
    sentence,
    equations,
  });
}

export default { render };
