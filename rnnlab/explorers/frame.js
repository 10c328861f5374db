// The frame that explorers share: the question, presets and reset, inputs, the picture, what it says.

import { html, lowered, svg } from "./drawing.js";
import { button, group, onChange, onWidth, put } from "./controls.js";

const NARROWEST = 400; // pixels of a picture
const PATIENCE = 600; // milliseconds until an answer that has not come is missed

// Lay out an explorer and keep it drawn. Returns the function that stops listening.
//   label     its name
//   names     the model's values that the inputs move
//   inputs    of `slider` and the like, each with the `name` of its value; in one grid, or in several if
//             they are an array of arrays
//   above     nodes before the picture; under: right under it; below: after the inputs
//   picture   (values, width) -> { height, marks }
//   sentence  (values) -> what the picture says
//   equations (values) -> [{ letters, numbers, result, note } or { heading }], optional;
//             beside: they are many, and stand next to the picture or below the inputs
//   update    (values) -> void, for what else the explorer keeps in step, optional
//   lead      true: the inputs stand before the picture, where they are in view with the question
// With a function of the learner's own, `values.own` is { name, step or error }, and all other
// values are those that Python answered to.
export function frame({ model, el, label, names, inputs, above = [], under = [], below = [], ...show }) {
  const set = (values) => put(model, values);
  const groups = Array.isArray(inputs[0]) ? inputs : [inputs];
  const question = html("p", { class: "rl-question", "aria-live": "polite" });
  const presets = model.get("presets").map(({ name, ...values }) => ({
    values,
    node: button(name, () => set(values)),
  }));
  const reset = button("Reset", () => set(model.get("start")));
  const title = svg("title");
  const canvas = svg("svg", { class: "rl-picture", role: "img" }, title);
  const sums = html("div", { class: "rl-equations" });
  const status = html("p", { class: "rl-status", role: "status" });
  const own = answers(model);
  const grids = groups.map((group) =>
    html("div", { class: "rl-inputs" }, ...group.map(({ node }) => node)),
  );
  el.replaceChildren(
    html(
      "section",
      { class: "rl-explorer", "aria-label": label },
      question,
      group("Try", ...presets.map(({ node }) => node), reset),
      ...above,
      own.node,
      html(
        "div",
        { class: show.beside ? "rl-body rl-beside" : "rl-body" },
        ...(show.lead ? grids : []),
        canvas,
        ...under,
        sums,
        status,
        ...(show.lead ? [] : grids),
      ),
      ...below,
    ),
  );

  const draw = () => {
    const present = Object.fromEntries(names.map((name) => [name, model.get(name)]));
    const values = own.read(present);
    groups.flat().forEach(({ name, show }) => show(present[name], present));
    show.update?.(values, present);
    const asked = model.get("question");
    if (question.textContent !== asked) question.textContent = asked;
    presets.forEach(({ node, values: preset }) =>
      node.setAttribute("aria-pressed", preset.question === asked),
    );
    title.textContent = status.textContent = show.sentence(values);
    sums.replaceChildren(...(show.equations?.(values) ?? []).map(equation));
    const width = Math.max(NARROWEST, canvas.clientWidth);
    const { height, marks } = show.picture(values, width);
    canvas.setAttribute("viewBox", `0 0 ${width} ${height}`);
    canvas.setAttribute("height", height);
    canvas.replaceChildren(title, ...marks);
  };

  draw();
  const stops = [
    onChange(model, [...names, "question", "answer"], draw),
    onWidth(el.firstChild, draw),
    own.stop,
  ];
  return () => stops.forEach((stop) => stop());
}

// letters = numbers = result; each part may be left out, and a note says what does not hold
function equation({ heading = "", letters = "", numbers = "", result = "", note = "" }) {
  if (heading) return html("div", { class: "rl-heading" }, heading);
  return html(
    "div",
    {},
    html("span", {}, ...lowered(letters)),
    html("span", {}, ...lowered(numbers)),
    html("strong", {}, result),
    ...(note ? [html("span", { class: "rl-off" }, note)] : []),
  );
}

// What is to be drawn: the present values, or those that the learner's own function answered to.
// Its node shows the function's error, what it printed, and, after a while, that no answer has come.
function answers(model) {
  const name = model.get("own");
  const node = html("div", { class: "rl-own" });
  if (!name) return { node, read: (present) => present, stop: () => {} };
  const words = "Waiting for Python, which runs it. Is the kernel alive?";
  const waiting = html("span", { role: "status" });
  const about = html("p", { class: "rl-quiet" }, `Computed in Python by your ${name}. `, waiting);
  const alert = html("p", { class: "rl-error", role: "alert", hidden: "" });
  const output = html("pre", { hidden: "" });
  node.append(about, alert, output);
  const say = (element, said) => {
    element.hidden = !said;
    // an alert that is written again would be read out again
    if (element.textContent !== said) element.textContent = said;
  };
  let timer = null;
  const read = (present) => {
    const { given, step, error, printed } = model.get("answer");
    const waits = Object.keys(given).some((key) => !same(present[key], given[key]));
    clearTimeout(timer);
    if (waits) timer = setTimeout(() => (waiting.textContent = words), PATIENCE);
    else waiting.textContent = "";
    say(alert, error ? `✗ ${error}` : "");
    say(output, printed ?? "");
    return { ...present, ...given, own: { name, step: step ?? null, error } };
  };
  return { node, read, stop: () => clearTimeout(timer) };
}

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
