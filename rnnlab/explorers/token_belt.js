// The conveyor belt with gates that are computed: tokens drive them through W, V and b.

import { lstmStep } from "./cells.js";
import { fixed, html, linear, mark, subscript, svg, text } from "./drawing.js";
import { button, put, slider } from "./controls.js";
import { frame } from "./frame.js";
import { casing, flowAcross, flowAlong, valve } from "./pipes.js";

const TOKENS = ["keep", "write", "none"];
const LETTERS = { keep: "K", write: "W", none: "·" };
const NAMES = ["tokens", "keep", "write", "V_f", "b_f", "b_i", "t"];

// every step: gates and states, by an LSTM cell of input size 3 and hidden size 1
export function beltSteps({ tokens, keep, write, V_f, b_f, b_i, values }) {
  const p = {
    W_f: [[0, keep, 0]], V_f: [[V_f]], b_f: [b_f],
    W_i: [[0, 0, write]], V_i: [[0]], b_i: [b_i],
    W_g: [[2, 0, 0]], V_g: [[0]], b_g: [0],
    W_o: [[0, 0, 0]], V_o: [[0]], b_o: [3],
  };
  let [h_prev, C_prev] = [0, 0];
  return tokens.map((token, n) => {
    const x_t = [values[n], Number(token === "keep"), Number(token === "write")];
    const step = lstmStep(x_t, [h_prev], [C_prev], p);
    const numbers = Object.entries(step).map(([name, [number]]) => [name, number]);
    const state = { ...Object.fromEntries(numbers), t: n + 1, token, x_t, h_prev, C_prev };
    [h_prev, C_prev] = [state.h, state.C];
    return state;
  });
}

// what the picture says
export function sentence(values) {
  const steps = beltSteps(values);
  const { token, f, i, C_prev, C } = steps[values.t - 1];
  const read = token === "none" ? "there is no token" : `the token is ${token}`;
  return (
    `At step ${values.t} ${read}: the cell computes f = ${fixed(f)} and ` +
    `i = ${fixed(i)} from it, and C goes from ${fixed(C_prev)} to ` +
    `${fixed(C)}. At step ${steps.length} it holds C = ${fixed(steps.at(-1).C)}.`
  );
}

const bracketed = (value, digits = 2) =>
  value < 0 ? `(${fixed(value, digits)})` : fixed(value, digits);

export function equations(values) {
  const { keep, write, V_f, b_f, b_i, t } = values;
  const { x_t, h_prev, C_prev, f, i, C_tilde, C } = beltSteps(values)[t - 1];
  const [now, before] = [subscript(t), subscript(t - 1)];
  return [
    {
      letters: `f${now} = σ(W_{keep} · keep + V_{f} · h${before} + b_{f})`,
      numbers:
        `= σ(${fixed(keep, 1)} · ${x_t[1]} + ${fixed(V_f, 1)} · ${bracketed(h_prev)} + ` +
        `${bracketed(b_f, 1)})`,
      result: `= ${fixed(f)}`,
    },
    {
      letters: `i${now} = σ(W_{write} · write + b_{i})`,
      numbers: `= σ(${fixed(write, 1)} · ${x_t[2]} + ${bracketed(b_i, 1)})`,
      result: `= ${fixed(i)}`,
    },
    {
      letters: `C${now} = f${now} · C${before} + i${now} · C̃${now}`,
      numbers: `= ${fixed(f)} · ${bracketed(C_prev)} + ${fixed(i)} · ${bracketed(C_tilde)}`,
      result: `= ${fixed(C)}`,
    },
  ];
}

const MARGIN = { left: 50, right: 12 };
const [OFFERED, INPUT, FROM, VALVE] = [18, 38, 46, 74];
const BELT = { middle: 152, half: 38 };
const [FORGET, CELL, HIDDEN, STEP] = [216, 240, 262, 286];

function picture(values, width) {
  const steps = beltSteps(values);
  const right = width - MARGIN.right;
  const at = linear([0.5, steps.length + 0.5], [MARGIN.left, right]);
  const band = at(2) - at(1);
  const { middle, half } = BELT;
  const unit = Math.min(56, (2 * half - 4) / Math.max(...steps.map(({ C }) => Math.abs(C))));
  const row = (name, y, words, numbers) => [
    mark(name, 12, y - 5, 6),
    text(24, y, words, { class: "rl-number" }),
    ...numbers.map(([x, number]) =>
      text(x, y, fixed(number), { class: "rl-number rl-small", "text-anchor": "middle" }),
    ),
  ];
  const edge = (t) => at(t) - band / 2;
  const pipes = steps.flatMap(({ t, i, C_tilde }) => {
    const x = at(t);
    return [
      casing(`M${x - 10} ${FROM}V${middle - half}M${x + 10} ${FROM}V${middle - half}`),
      flowAlong("C_tilde", x, [
        [FROM, C_tilde],
        [VALVE - 14, C_tilde],
        [VALVE - 4, i * C_tilde],
        [middle - half, i * C_tilde],
      ], 18),
      ...valve("i", x, VALVE, 10, i, false, 9),
    ];
  });
  const flows = steps.flatMap(({ t, f, C_prev, C }) => [
    ...(t === 1 ? [] : [
      flowAcross("C", middle, [
        [edge(t) - 0.28 * band, C_prev],
        [edge(t), f * C_prev],
        [at(t), f * C_prev],
      ], unit),
    ]),
    flowAcross("C", middle, [[at(t), C], [t === steps.length ? right : edge(t + 1) - 0.28 * band, C]], unit),
  ]);
  return {
    height: STEP + 8,
    marks: [
      svg("rect", {
        class: "rl-bed",
        x: MARGIN.left,
        y: middle - half,
        width: right - MARGIN.left,
        height: 2 * half,
      }),
      casing(`M${MARGIN.left} ${middle - half}H${right}M${MARGIN.left} ${middle + half}H${right}`),
      ...pipes,
      ...flows,
      ...steps.flatMap(({ t, f }) => valve("f", edge(t), middle, half, f, true, 8)),
      svg("rect", {
        class: "rl-now",
        x: edge(values.t),
        y: 2,
        width: band,
        height: STEP + 4,
        rx: 6,
      }),
      ...row("C_tilde", OFFERED, "C̃", steps.map(({ t, C_tilde }) => [at(t), C_tilde])),
      ...row("i", INPUT, "i", steps.map(({ t, i }) => [at(t), i])),
      text(4, middle + 5, "belt", { class: "rl-tick" }),
      ...row("f", FORGET, "f", steps.map(({ t, f }) => [at(t), f])),
      ...row("C", CELL, "C", steps.map(({ t, C }) => [at(t), C])),
      ...row("h", HIDDEN, "h", steps.map(({ t, h }) => [at(t), h])),
      text(4, STEP, "step t", { class: "rl-tick" }),
      ...steps.map(({ t }) => text(at(t), STEP, t, { class: "rl-tick", "text-anchor": "middle" })),
    ],
  };
}

function render({ model, el }) {
  const offered = model.get("values");
  const set = (values) => put(model, values);
  const next = (n) => () => {
    const tokens = model.get("tokens");
    const token = TOKENS[(TOKENS.indexOf(tokens[n]) + 1) % TOKENS.length];
    set({ tokens: tokens.with(n, token) });
  };
  const tokens = offered.map((_, n) => button("", next(n), { class: "rl-button rl-token" }));
  const row = html(
    "div",
    {
      class: "rl-columns rl-tokens",
      role: "group",
      "aria-label": "Token of each step",
      style: `padding-right: ${MARGIN.right}px; grid-template-columns: ${MARGIN.left}px repeat(${offered.length}, 1fr)`,
    },
    html("span", { class: "rl-quiet" }, "token"),
    ...tokens,
  );
  const input = (name, words, letter, symbol, low, high, step = 0.5, digits = 1) => ({
    name,
    ...slider({
      name: words,
      letter,
      symbol,
      min: low,
      max: high,
      step,
      digits,
      onInput: (value) => set({ [name]: value }),
    }),
  });
  return frame({
    model,
    el,
    label: "Conveyor belt with tokens",
    names: NAMES,
    above: [
      html(
        "p",
        { class: "rl-quiet rl-hint" },
        "Press a token to change it: K keep, W write, · none. All gates below are computed from it.",
      ),
      row,
    ],
    inputs: [
      [
        input("keep", "keep token on f", "W_{keep}", "f", 0, 12),
        input("V_f", "last h on f", "V_{f}", "f", 0, 12),
        input("b_f", "bias of f", "b_{f}", "f", -6, 6),
      ],
      [
        input("write", "write token on i", "W_{write}", "i", 0, 12),
        input("b_i", "bias of i", "b_{i}", "i", -6, 6),
        input("t", "read at step", "", undefined, 1, offered.length, 1, 0),
      ],
    ],
    update: (_, present) =>
      tokens.forEach((node, n) => {
        const token = present.tokens[n];
        node.textContent = LETTERS[token];
        node.setAttribute("aria-label", `token of step ${n + 1}: ${token}`);
      }),
    picture: (values, width) => picture({ ...values, values: offered }, width),
    sentence: (values) => sentence({ ...values, values: offered }),
    equations: (values) => equations({ ...values, values: offered }),
  });
}

export default { render };
