// A cell of one number over 40 steps with constant gates: spikes fall on the belt, f lets them fade.

import { lstmState } from "./cells.js";
import { MARKS, apart, coloured, html, line, linear, mark, subscript, svg, text } from "./drawing.js";
import { button, group, put, slider } from "./controls.js";
import { frame } from "./frame.js";

export const STEPS = 40;
const MOST_SPIKES = 3;
const VALUES = ["f", "i", "o", "spikes", "t"];
const GATES = { f: "forget gate", i: "input gate", o: "output gate" };

// every step of the belt; a spike is a candidate C~_t of 1, all other candidates are 0
export function belt({ f, i, o, spikes }) {
  const states = [];
  let C_prev = 0;
  for (let t = 1; t <= STEPS; t++) {
    const C_tilde = spikes.includes(t) ? 1 : 0;
    const { C, h } = lstmState([C_prev], [f], [i], [C_tilde], [o]);
    states.push({ t, C_prev, C_tilde, C: C[0], h: h[0] });
    C_prev = C[0];
  }
  return states;
}

// steps until half is left: f^n = 1/2
export function halfLife(f) {
  if (f === 0) return 0;
  return f === 1 ? Infinity : Math.log(0.5) / Math.log(f);
}

// what the picture says
export function sentence(values) {
  const { f, o, show, spikes, t } = values;
  const { C, h } = belt(values)[t - 1];
  const steps = [...new Set(spikes)].sort((a, b) => a - b);
  const last = steps.pop();
  const falls = steps.length
    ? `Spikes fall at steps ${steps.join(", ")} and ${last}.`
    : `A spike falls at step ${last}.`;
  const kept = {
    0: "nothing is kept from one step to the next",
    [Infinity]: "all is kept for ever",
  };
  const n = halfLife(f);
  const fades = kept[n] ?? `half is left after ${n.toFixed(1)} steps`;
  const shown = show.includes("o")
    ? `, and o = ${o.toFixed(2)} lets h = ${h.toFixed(3)} out`
    : "";
  return (
    `${falls} With f = ${f.toFixed(2)} ${fades}. ` +
    `At step ${t} the cell holds C = ${C.toFixed(3)}${shown}.`
  );
}

// the equations at step t, each as letters = numbers = result
export function equations(values) {
  const { f, i, o, show, t } = values;
  const { C_prev, C_tilde, C, h } = belt(values)[t - 1];
  const [now, before] = [subscript(t), subscript(t - 1)];
  const written = show.includes("i")
    ? [`i · C̃${now}`, `${i.toFixed(2)} · ${C_tilde}`]
    : [`spike${now}`, `${C_tilde}`];
  const lines = [
    {
      letters: `C${now} = f · C${before} + ${written[0]}`,
      numbers: `= ${f.toFixed(2)} · ${C_prev.toFixed(3)} + ${written[1]}`,
      result: `= ${C.toFixed(3)}`,
    },
  ];
  if (show.includes("o")) {
    lines.push({
      letters: `h${now} = o · tanh(C${now})`,
      numbers: `= ${o.toFixed(2)} · tanh(${C.toFixed(3)})`,
      result: `= ${h.toFixed(3)}`,
    });
  }
  return lines;
}

const MARGIN = { left: 42, right: 122, top: 64, bottom: 48 };
const PLOT_HEIGHT = 190;

function picture(values, width) {
  const { spikes, show, t } = values;
  const states = belt(values);
  const right = width - MARGIN.right;
  const base = MARGIN.top + PLOT_HEIGHT;
  const step = linear([0.5, STEPS + 0.5], [MARGIN.left, right]);
  const band = step(2) - step(1);
  const value = linear([0, new Set(spikes).size], [base, MARGIN.top]);

  const marks = [
    ...valueAxis(new Set(spikes).size, value, right),
    svg("rect", {
      class: "rl-reading",
      x: step(t) - band / 2,
      y: MARGIN.top,
      width: band,
      height: PLOT_HEIGHT,
    }),
    ...states.map(({ t, C }) =>
      svg("rect", {
        class: "rl-bar",
        style: coloured("C"),
        x: step(t) - 0.36 * band,
        y: value(C),
        width: 0.72 * band,
        height: base - value(C),
      }),
    ),
    ...(show.includes("o") ? hidden(states, step, value, Math.min(3.5, 0.3 * band)) : []),
    ...spikeRow(spikes, step, show.includes("i") ? "C̃" : "spike"),
    ...halfLifeRow(values, states, step, value, right),
    ...readings(states[t - 1], show, step(t) + 0.36 * band, value, right),
    ...beltBelow(base, step, right),
  ];
  return { height: base + MARGIN.bottom, marks };
}

function valueAxis(top, value, right) {
  const ticks = top === 1 ? [0, 0.5, 1] : Array.from({ length: top + 1 }, (_, n) => n);
  return ticks.flatMap((tick) => [
    line(MARGIN.left, value(tick), right, value(tick), { class: "rl-grid" }),
    text(MARGIN.left - 8, value(tick) + 4, tick.toFixed(top === 1 ? 1 : 0), {
      class: "rl-tick",
      "text-anchor": "end",
    }),
  ]);
}

function hidden(states, step, value, radius) {
  const points = states.map(({ t, h }) => `${step(t)},${value(h)}`).join(" ");
  return [
    svg("polyline", { class: "rl-line", style: coloured("h"), points, "stroke-dasharray": MARKS.h.dash }),
    ...states.map(({ t, h }) => mark("h", step(t), value(h), radius)),
  ];
}

function spikeRow(spikes, step, name) {
  const steps = [...new Set(spikes)].sort((a, b) => a - b);
  let free = 0;
  return [
    text(MARGIN.left - 8, 25, name, { class: "rl-tick", "text-anchor": "end" }),
    ...steps.flatMap((t) => {
      const drop = mark("C_tilde", step(t), 22, 6);
      if (step(t) < free) return [drop];
      free = step(t) + 20;
      return [drop, text(step(t), 11, t, { class: "rl-tick", "text-anchor": "middle" })];
    }),
  ];
}

// a dimension line from the last spike to where half of what the cell then held is left
function halfLifeRow({ f, spikes }, states, step, value, right) {
  const last = Math.max(...spikes);
  const half = states[last - 1].C / 2;
  const n = halfLife(f);
  const inside = last + n <= STEPS;
  const [from, to, y] = [step(last), inside ? step(last + n) : right, MARGIN.top - 8];
  const words = {
    0: "f = 0 keeps nothing",
    [Infinity]: "f = 1: no half-life, all is kept",
  };
  const label = words[n] ?? `half-life ${n.toFixed(1)} steps${inside ? "" : ", beyond the belt"}`;
  // the label stays inside the plot, whichever end of the belt the spike falls on
  const toRight = from + 230 < right;
  const marks = [
    text(toRight ? from : right, y - 10, label, {
      class: "rl-note",
      "text-anchor": toRight ? "start" : "end",
    }),
  ];
  if (n === 0) return marks;
  marks.push(line(from, y, to, y, { class: "rl-rule" }));
  marks.push(line(from, y - 4, from, y + 4, { class: "rl-rule" }));
  if (!inside) {
    marks.push(svg("path", { d: `M${to - 6} ${y - 4}L${to} ${y}L${to - 6} ${y + 4}`, class: "rl-rule" }));
  } else {
    marks.push(line(to, y - 4, to, value(half), { class: "rl-rule", "stroke-dasharray": "3 3" }));
    marks.push(svg("circle", { cx: to, cy: value(half), r: 3, class: "rl-dot" }));
  }
  return marks;
}

// the numbers at the step that is read, in the right margin
function readings({ t, C, h }, show, edge, value, right) {
  const labels = [{ symbol: "C", number: C, y: value(C) }];
  if (show.includes("o")) labels.push({ symbol: "h", number: h, y: value(h) });
  const leaders = labels.map(({ y }) => y);
  apart(labels, 18, MARGIN.top, MARGIN.top + PLOT_HEIGHT);
  return labels.flatMap(({ symbol, number, y }, n) => [
    svg("polyline", {
      class: "rl-leader",
      points: `${edge},${leaders[n]} ${right},${leaders[n]} ${right + 8},${y}`,
    }),
    mark(symbol, right + 16, y, 5),
    text(right + 26, y + 4, `${symbol}${subscript(t)} = ${number.toFixed(3)}`, {
      class: "rl-number",
    }),
  ]);
}

function beltBelow(base, step, right) {
  const y = base + 16;
  const ticks = [1, 5, 10, 15, 20, 25, 30, 35, 40];
  return [
    svg("rect", {
      class: "rl-belt",
      x: MARGIN.left - 4,
      y: y - 12,
      width: right - MARGIN.left + 8,
      height: 24,
      rx: 12,
    }),
    ...ticks.map((t) => text(step(t), y + 4, t, { class: "rl-tick", "text-anchor": "middle" })),
    text((MARGIN.left + right) / 2, y + 28, "step t", {
      class: "rl-tick",
      "text-anchor": "middle",
    }),
  ];
}

function render({ model, el }) {
  const show = model.get("show");
  const set = (values) => put(model, values);
  const gates = show.map((gate) =>
    slider({
      name: GATES[gate],
      letter: gate,
      symbol: gate,
      min: 0,
      max: 1,
      step: 0.01,
      digits: 2,
      onInput: (value) => set({ [gate]: value }),
    }),
  );
  const reading = slider({
    name: "read at step",
    min: 1,
    max: STEPS,
    step: 1,
    onInput: (t) => set({ t }),
  });
  const spikeSlider = (n, of) =>
    slider({
      name: of === 1 ? "spike at step" : `spike ${n + 1} at step`,
      symbol: "C_tilde",
      min: 1,
      max: STEPS,
      step: 1,
      onInput: (t) => set({ spikes: model.get("spikes").with(n, t) }),
    });
  const spikes = html("div", { class: "rl-contents" });
  let spikeSliders = [];
  const showSpikes = (steps) => {
    if (steps.length !== spikeSliders.length) {
      spikeSliders = steps.map((_, n) => spikeSlider(n, steps.length));
      spikes.replaceChildren(...spikeSliders.map(({ node }) => node));
    }
    spikeSliders.forEach((input, n) => input.show(steps[n]));
    add.disabled = steps.length === MOST_SPIKES;
    remove.disabled = steps.length === 1;
  };
  const add = button("+ spike", () => {
    const steps = model.get("spikes");
    set({ spikes: [...steps, Math.min(STEPS, Math.max(...steps) + 10)] });
  });
  const remove = button("− spike", () => set({ spikes: model.get("spikes").slice(0, -1) }));

  return frame({
    model,
    el,
    label: "Conveyor belt",
    names: VALUES,
    inputs: [
      ...gates.map((input, n) => ({ name: show[n], ...input })),
      { name: "spikes", node: spikes, show: showSpikes },
      { name: "t", ...reading },
    ],
    below: [group("Spikes", add, remove)],
    picture: (values, width) => picture({ ...values, show }, width),
    sentence: (values) => sentence({ ...values, show }),
    equations: (values) => equations({ ...values, show }),
  });
}

export default { render };
