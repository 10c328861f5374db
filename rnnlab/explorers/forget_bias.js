// The biases of the forget and the input gate: the untrained cell on the left, what its training
// became on the right. The runs were stored; nothing here trains.

import { apart, coloured, fixed, line, linear, mark, share, svg, text } from "./drawing.js";
import { button, choice, put } from "./controls.js";
import { frame } from "./frame.js";

const CHANCE = Math.log(4);
const SOLVED = CHANCE / 4;
const LAG = 100;

const opening = (bias) => 1 / (1 + Math.exp(-bias));
const isSolved = (losses) => losses.at(-1) < SOLVED;

// what the untrained cell is, and what was measured
export function measured({ b_f, b_i, runs, trained }) {
  const [m, n] = [trained.b_f.indexOf(b_f), trained.b_i.indexOf(b_i)];
  const [f, i] = [opening(b_f), opening(b_i)];
  const loss = runs.loss[m][n];
  return {
    f,
    i,
    half_life: Math.log(0.5) / Math.log(f),
    loss,
    solved: loss.filter(isSolved).length,
    total: 10 ** runs.total[m][n],
    direct: 10 ** runs.direct[m][n],
  };
}

// what the picture says
export function sentence(values) {
  const { b_f, b_i } = values;
  const { f, i, half_life, loss, solved, total, direct } = measured(values);
  return (
    `Untrained, with b_f = ${fixed(b_f, 0)} and b_i = ${fixed(b_i, 0)}: f is ${fixed(f, 3)}, half ` +
    `of C is left after ${fixed(half_life, 1)} steps, and i is ${fixed(i, 3)}. After 100 steps ` +
    `${share(total)} of the gradient arrives, by the product of f alone ${share(direct)}. ` +
    `Trained: ${solved} of ${loss.length} seeds solve the task within 600 steps.`
  );
}

function equations(values) {
  const { b_f, b_i } = values;
  const { f, i, half_life } = measured(values);
  return [
    { letters: "f = σ(b_{f})", numbers: `= σ(${fixed(b_f, 0)})`, result: `= ${fixed(f, 3)}` },
    { letters: "half-life = log ½ / log f", numbers: "", result: `= ${fixed(half_life, 1)} steps` },
    { letters: "i = σ(b_{i})", numbers: `= σ(${fixed(b_i, 0)})`, result: `= ${fixed(i, 3)}` },
  ];
}

function picture(values, width) {
  const wide = width >= 720;
  const right = wide ? Math.round(0.5 * width) + 12 : 0;
  const below = wide ? 0 : 366;
  const marks = [
    ...untrained(values, 0, wide ? right - 40 : width, 0),
    ...curves(values, right, width, below),
  ];
  const height = below + (wide ? 350 : 330);
  if (!values.whole) return { height, marks };
  return { height: height + 330, marks: [...marks, ...map(values, width, height)] };
}

function heading(x, y, words) {
  return text(x, y, words, { class: "rl-number" });
}

function untrained(values, x0, x1, y) {
  const v = measured(values);
  return [
    heading(x0, y + 16, "Before training"),
    ...opened("f", "forget gate", v.f, x0, x1, y + 42),
    ...opened("i", "input gate", v.i, x0, x1, y + 72),
    ...decay(v, x0, x1, y + 112),
    ...arriving(v, x0, x1, y + 276),
  ];
}

function opened(symbol, words, value, x0, x1, y) {
  const at = linear([0, 1], [x0 + 124, x1 - 56]);
  return [
    mark(symbol, x0 + 8, y - 4, 6),
    text(x0 + 22, y, `${words} ${symbol}`),
    svg("rect", { x: at(0), y: y - 13, width: at(1) - at(0), height: 16, class: "rl-gauge" }),
    svg("rect", {
      x: at(0),
      y: y - 13,
      width: at(value) - at(0),
      height: 16,
      class: "rl-bar",
      style: coloured(symbol),
    }),
    text(at(1) + 8, y, fixed(value, 3), { class: "rl-number" }),
  ];
}

// a symbol written at step 0, and what the forget gate leaves of it
function decay({ f, half_life }, x0, x1, y) {
  const [top, base] = [y + 26, y + 96];
  const step = linear([0, LAG], [x0 + 34, x1 - 56]);
  const level = linear([0, 1], [base, top]);
  const points = Array.from({ length: LAG + 1 }, (_, t) => `${step(t)},${level(f ** t)}`);
  const left = f ** LAG;
  const inside = half_life <= LAG;
  return [
    text(x0, y + 8, "what f leaves of the symbol in C"),
    ...[0, 0.5, 1].flatMap((tick) => [
      line(step(0), level(tick), step(LAG), level(tick), { class: "rl-grid" }),
      text(step(0) - 6, level(tick) + 4, tick.toFixed(1), {
        class: "rl-tick",
        "text-anchor": "end",
      }),
    ]),
    svg("polygon", {
      points: `${step(0)},${base} ${points.join(" ")} ${step(LAG)},${base}`,
      class: "rl-area",
      style: coloured("C"),
    }),
    svg("polyline", { points: points.join(" "), class: "rl-line", style: coloured("C") }),
    ...(inside
      ? [svg("circle", { cx: step(half_life), cy: level(0.5), r: 4, class: "rl-dot" })]
      : []),
    text(
      inside && half_life > 50 ? step(half_life) - 8 : inside ? step(half_life) + 10 : step(50),
      inside ? level(0.5) - 8 : level(0.5) + 16,
      inside
        ? `half after ${fixed(half_life, 1)} steps`
        : `half after ${fixed(half_life, 0)} steps`,
      {
        class: "rl-note rl-halo",
        "text-anchor": inside && half_life > 50 ? "end" : inside ? "start" : "middle",
      },
    ),
    mark("C", step(LAG) + 12, level(left), 5),
    text(step(LAG) + 20, level(left) + 4, share(left).length > 5 ? "≈ 0" : share(left), {
      class: "rl-number",
    }),
    ...[0, 25, 50, 75, 100].map((t) =>
      text(step(t), base + 16, t, { class: "rl-tick", "text-anchor": "middle" }),
    ),
    text((step(0) + step(LAG)) / 2, base + 32, "steps", {
      class: "rl-tick",
      "text-anchor": "middle",
    }),
  ];
}

// how much of the gradient by C arrives, on a scale of powers of ten
function arriving({ total, direct }, x0, x1, y) {
  const [low, high] = [-40, 8];
  const at = linear([low, high], [x0 + 20, x1 - 56]);
  const place = (value) => at(Math.min(high, Math.max(low, Math.log10(value))));
  const rail = y + 30;
  const beyond = Math.log10(direct) < low ? "◂ " : "";
  const raise = (power) => share(10 ** power).replace("1.0·", "");
  const [a, b] = [place(total), place(direct)];
  // the two labels stand above and below the rail, so that they never meet
  const anchored = (x) => (x < x0 + 90 ? "start" : x > x1 - 150 ? "end" : "middle");
  return [
    text(x0, y, "gradient that arrives after 100 steps"),
    line(at(low), rail, at(high), rail, { class: "rl-grid" }),
    ...[-40, -30, -20, -10, 0].flatMap((power) => [
      line(at(power), rail - 4, at(power), rail + 4, { class: "rl-rule" }),
      text(at(power), rail + 40, power ? raise(power) : "1", {
        class: "rl-tick",
        "text-anchor": "middle",
      }),
    ]),
    mark("C", a, rail, 7),
    text(a, rail - 11, `total ${share(total)}`, { class: "rl-number", "text-anchor": anchored(a) }),
    mark("f", b, rail, 5),
    text(b, rail + 22, `${beyond}product of f ${share(direct)}`, {
      class: "rl-halo",
      "text-anchor": anchored(b),
    }),
  ];
}

const DASHES = ["none", "7 4", "2 3", "9 3 2 3"];

function curves(values, x0, x1, y) {
  const { whole, runs } = values;
  const { loss, solved } = measured(values);
  const [top, base] = [y + 62, y + 268];
  const step = linear([0, 600], [x0 + 34, x1 - 104]);
  const level = linear([0, 1.6], [base, top]);
  const path = (losses) =>
    losses.map((nats, n) => `${step(runs.step[n])},${level(Math.min(1.6, nats))}`).join(" ");
  const median = runs.chrono[0]
    .map((_, n) => runs.chrono.map((seed) => seed[n]).sort((a, b) => a - b))
    .map((s) => (s[1] + s[2]) / 2);
  const failed = loss.length - solved;
  const many = (n) => `${n} ${n === 1 ? "seed" : "seeds"}`;
  const labels = [{ words: "chance", y: level(CHANCE) - 8 }];
  if (failed) labels.push({ words: many(failed), y: level(CHANCE) + 10, strong: true });
  if (solved) labels.push({ words: many(solved), y: level(0) - 8, strong: true });
  if (whole) labels.push({ words: "chrono, median", y: level(median.at(-1)) });
  return [
    heading(x0, y + 16, `After 600 training steps: ${solved} of ${loss.length} seeds solve it`),
    ...loss.map((losses, n) =>
      svg("circle", {
        cx: x0 + 8 + 20 * n,
        cy: y + 36,
        r: 6,
        class: n < solved ? "rl-full" : "rl-hollow-dot",
      }),
    ),
    text(x0 + 92, y + 40, "loss in nats, a line a seed", { class: "rl-tick" }),
    ...[0, 0.5, 1, 1.5].flatMap((tick) => [
      line(step(0), level(tick), step(600), level(tick), { class: "rl-grid" }),
      text(step(0) - 6, level(tick) + 4, tick.toFixed(1), {
        class: "rl-tick",
        "text-anchor": "end",
      }),
    ]),
    line(step(0), level(CHANCE), step(600), level(CHANCE), {
      class: "rl-rule",
      "stroke-dasharray": "3 3",
    }),
    ...(whole ? [svg("polyline", { points: path(median), class: "rl-line rl-chrono" })] : []),
    ...loss.map((losses, n) =>
      svg("polyline", {
        points: path(losses),
        class: "rl-line rl-loss",
        "stroke-dasharray": DASHES[n],
      }),
    ),
    ...apart(labels, 17, top, base - 8).map(({ words, y, strong }) =>
      text(step(600) + 8, y + 4, words, { class: strong ? "rl-number" : "rl-tick" }),
    ),
    ...[0, 200, 400, 600].map((k) =>
      text(step(k), base + 16, k, { class: "rl-tick", "text-anchor": "middle" }),
    ),
    text((step(0) + step(600)) / 2, base + 32, "training step", {
      class: "rl-tick",
      "text-anchor": "middle",
    }),
  ];
}

// all settings that were trained: how many seeds solve the task
function map({ b_f, b_i, runs, trained }, width, y) {
  const [columns, rows] = [trained.b_f, [...trained.b_i].reverse()];
  const x0 = 74;
  const cell = { width: Math.min(72, (width - x0 - 8) / columns.length), height: 34 };
  const top = y + 40;
  const across = (n) => x0 + n * cell.width;
  const down = (n) => top + n * cell.height;
  const bottom = down(rows.length);
  const chrono = runs.chrono.filter(isSolved).length;
  const seeds = runs.chrono.length;
  const note = [
    "Chrono (Greek: time) initialisation, grey curve:",
    "each unit draws its own b_{f} = log U(1, 99), to",
    "remember 2 to 100 steps, and takes b_{i} = −b_{f}.",
    `${chrono} of ${seeds} seeds solve the task.`,
  ];
  const aside = across(columns.length) + 28;
  const beside = aside + 300 < width;
  return [
    heading(0, y + 20, `Of ${seeds} seeds, how many solve the task?`),
    ...rows.flatMap((i, n) =>
      columns.flatMap((f, m) => {
        const solved = runs.loss[m][trained.b_i.indexOf(i)].filter(isSolved).length;
        return [
          svg("rect", {
            x: across(m) + 1,
            y: down(n) + 1,
            width: cell.width - 2,
            height: cell.height - 2,
            class: "rl-cell",
            style: `--rl-share: ${(solved / seeds) * 55}%`,
          }),
          text(across(m) + cell.width / 2, down(n) + 22, solved, {
            class: solved ? "rl-number" : "rl-tick",
            "text-anchor": "middle",
          }),
        ];
      }),
    ),
    svg("rect", {
      x: across(columns.indexOf(b_f)),
      y: down(rows.indexOf(b_i)),
      width: cell.width,
      height: cell.height,
      class: "rl-here",
    }),
    ...rows.map((i, n) =>
      text(x0 - 8, down(n) + 22, `b_{i} = ${fixed(i, 0)}`, {
        class: "rl-tick",
        "text-anchor": "end",
      }),
    ),
    ...columns.map((f, m) =>
      text(across(m) + cell.width / 2, bottom + 18, `b_{f} = ${fixed(f, 0)}`, {
        class: "rl-tick",
        "text-anchor": "middle",
      }),
    ),
    ...note.map((words, n) =>
      text(beside ? aside : 0, (beside ? top + 24 : bottom + 48) + 20 * n, words),
    ),
  ];
}

function render({ model, el }) {
  const set = (name) => (value) => put(model, { [name]: value });
  const runs = model.get("runs");
  const trained = model.get("trained");
  const all = (values) => ({ ...values, runs, trained });
  const whole = button("", () => put(model, { whole: 1 - model.get("whole") }));
  const bias = (name, words) => ({
    name,
    ...choice({
      name: words,
      options: trained[name].map((value) => [value, fixed(value, 0)]),
      onInput: set(name),
    }),
  });
  return frame({
    model,
    el,
    label: "Forget bias",
    names: ["b_f", "b_i", "whole"],
    inputs: [bias("b_f", "Forget bias"), bias("b_i", "Input bias")],
    lead: true,
    below: [whole],
    update: (values) => {
      whole.textContent = values.whole
        ? "Hide the other settings"
        : "Show all settings, and a bias for each unit";
      whole.setAttribute("aria-pressed", Boolean(values.whole));
    },
    picture: (values, width) => picture(all(values), width),
    sentence: (values) => sentence(all(values)),
    equations: (values) => equations(all(values)),
  });
}

export default { render };
