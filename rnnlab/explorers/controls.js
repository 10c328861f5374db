// The inputs that all explorers share: native, named for a screen reader, and safe from JupyterLab.

import { coloured, fixed, html, lowered, swatch } from "./drawing.js";

// JupyterLab would take the arrow keys; it looks for this on the focused element itself
const OWN_KEYS = { "data-lm-suppress-shortcuts": "true" };

// `name` is spoken and shown; `symbol` (of drawing.js's palette) gives the mark and the colour
export function slider({ name, letter = "", symbol, min, max, step, digits = 0, onInput }) {
  const value = html("output", { "aria-live": "off" });
  const input = html("input", {
    type: "range",
    min,
    max,
    step,
    "aria-label": letter ? `${letter.replace(/[{}]/g, "")}, ${name}` : name,
    oninput: () => onInput(Number(input.value)),
    ...OWN_KEYS,
  });
  const words = html("span", { class: "rl-name" }, name);
  const label = letter ? [html("var", {}, ...lowered(letter)), " ", words] : [words];
  const node = html(
    "label",
    { class: "rl-slider", style: symbol ? coloured(symbol) : null },
    html("span", { class: "rl-label" }, ...(symbol ? [swatch(symbol)] : []), ...label),
    value,
    input,
  );
  const show = (number) => {
    input.value = number;
    value.textContent = fixed(number, digits);
  };
  return { node, show };
}

// one upright slider for each column of a picture, under it: `left` and `right` are its margins.
// The sliders are named `name` and the step; `onInput` gets all values.
export function columns({ name, letter, symbol, n, left, right, min, max, step, digits, onInput }) {
  const outputs = Array.from({ length: n }, () => html("output", { "aria-live": "off" }));
  const read = () => inputs.map((input) => Number(input.value));
  const inputs = outputs.map((_, k) =>
    html("input", {
      type: "range",
      min,
      max,
      step,
      "aria-label": `${name} at step ${k + 1}`,
      "aria-orientation": "vertical",
      oninput: () => onInput(read()),
      ...OWN_KEYS,
    }),
  );
  const cells = inputs.map((input, k) => html("label", {}, outputs[k], input));
  const node = html(
    "div",
    {
      class: "rl-columns",
      role: "group",
      "aria-label": `${name}, for each step`,
      style: `${coloured(symbol)}; padding: 0 ${right}px 0 0; grid-template-columns: ${left}px repeat(${n}, 1fr)`,
    },
    html("span", { class: "rl-label" }, swatch(symbol), html("var", {}, ...lowered(letter))),
    ...cells,
  );
  const show = (values) =>
    values.forEach((value, k) => {
      inputs[k].value = value;
      outputs[k].textContent = fixed(value, digits);
    });
  return { node, show };
}

export function button(words, onClick, attributes = {}) {
  const own = { type: "button", class: "rl-button", onclick: onClick, ...OWN_KEYS };
  return html("button", { ...own, ...attributes }, words);
}

// a row of buttons with a name of its own
export function group(name, ...buttons) {
  const row = { class: "rl-row", role: "group", "aria-label": name };
  return html("div", row, html("span", { class: "rl-quiet" }, name), ...buttons);
}

// one of a few, which the arrow keys step through: `options` are [value, words]
export function choice({ name, options, onInput }) {
  // the browser's name for those that exclude each other, on the whole page: each explorer has a
  // module of its own, so a counter would give two of them the same name
  const group = `rl-${Math.random()}`;
  const inputs = options.map(([value]) =>
    html("input", { type: "radio", name: group, value, oninput: () => onInput(value), ...OWN_KEYS }),
  );
  const labels = options.map(([, words], n) => html("label", { class: "rl-option" }, inputs[n], words));
  const node = html(
    "div",
    { class: "rl-row rl-options", role: "radiogroup", "aria-label": name },
    html("span", { class: "rl-quiet" }, name),
    ...labels,
  );
  const show = (chosen) => options.forEach(([value], n) => (inputs[n].checked = value === chosen));
  return { node, show };
}

// call `draw(width)` now and whenever the width of `root` changes; returns a function that stops it
export function onWidth(root, draw) {
  const observer = new ResizeObserver(() => root.clientWidth && draw(root.clientWidth));
  observer.observe(root);
  return () => observer.disconnect();
}

// call `draw` whenever one of the model's values changes; returns a function that stops it
export function onChange(model, names, draw) {
  names.forEach((name) => model.on(`change:${name}`, draw));
  return () => names.forEach((name) => model.off(`change:${name}`, draw));
}

// tell the model new values; Python hears of them when it listens
export function put(model, values) {
  Object.entries(values).forEach(([name, value]) => model.set(name, value));
  model.save_changes();
}
