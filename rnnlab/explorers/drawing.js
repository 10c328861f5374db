// What all explorers draw with: one palette, one mark for each quantity beside its colour, elements,
// scales and labels. Nothing here knows a cell.

// the same as rnnlab.plots.PALETTE, whose test measures it: 3:1 on light and on dark
export const PALETTE = {
  f: "#067BC9",
  i: "#2D7352",
  C_tilde: "#C3861D",
  o: "#A3618E",
  C: "#AE4304",
  h: "#099DDB",
  z: "#6A559D",
  r: "#8E6E2A",
  h_tilde: "#C3861D",
};

// the second mark: a quantity keeps its shape and its dashes wherever it is drawn
export const MARKS = {
  f: { shape: "square", dash: "none" },
  i: { shape: "triangle", dash: "7 3" },
  C_tilde: { shape: "drop", dash: "2 3" },
  o: { shape: "diamond", dash: "8 3 2 3" },
  C: { shape: "bar", dash: "none" },
  h: { shape: "circle", dash: "4 3" },
  z: { shape: "cross", dash: "10 4" },
  r: { shape: "star", dash: "2 2 6 2" },
  h_tilde: { shape: "drop", dash: "2 3" },
};

const SHAPES = {
  square: "M-.8 -.8H.8V.8H-.8Z",
  triangle: "M0 -1L1 .8H-1Z",
  drop: "M0 1L1 -.8H-1Z",
  diamond: "M0 -1.1L1.1 0L0 1.1L-1.1 0Z",
  bar: "M-.5 -1H.5V1H-.5Z",
  circle: "M-.9 0A.9 .9 0 1 1 .9 0A.9 .9 0 1 1 -.9 0Z",
  cross: "M-.4 -1H.4V-.4H1V.4H.4V1H-.4V.4H-1V-.4H-.4Z",
  star: "M0 -1L.3 -.3L1 0L.3 .3L0 1L-.3 .3L-1 0L-.3 -.3Z",
};

export function html(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

// children are elements or text: text is never read as markup
function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

// the colour of a quantity, for a style attribute that explorer.css reads
export function coloured(name) {
  return `--rl-gate: ${PALETTE[name]}`;
}

export function mark(name, x, y, radius) {
  return svg("path", {
    d: SHAPES[MARKS[name].shape],
    transform: `translate(${x} ${y}) scale(${radius})`,
    class: "rl-mark",
    style: coloured(name),
  });
}

// a mark outside of a picture, for the label of an input or a legend
export function swatch(name) {
  const size = { class: "rl-swatch", viewBox: "-8 -8 16 16", "aria-hidden": "true" };
  return svg("svg", size, mark(name, 0, 0, 6));
}

// as Python's `fixed`: a true minus, and no -0.00
export function fixed(value, digits = 2) {
  const written = value.toFixed(digits);
  return Number(written) === 0 ? written.replace("-", "") : written.replace("-", "−");
}

// how far a gate stands open, in words
export function openness(gate) {
  if (gate < 0.1) return "closed";
  return gate > 0.9 ? "open" : `${fixed(100 * gate, 0)} % open`;
}

// words with lowered parts, C_{t−1}: as the children of an SVG text or of an HTML element
export function lowered(words, inSvg = false) {
  return words.split(/_\{([^}]*)\}/).flatMap((part, n) => {
    if (part === "") return [];
    if (!inSvg) return [n % 2 ? html("sub", {}, part) : part];
    // an SVG has no <sub>: down for the index, and up again for what follows
    const down = n % 2 ? { dy: 3, "font-size": "0.78em" } : { dy: n ? -3 : 0 };
    return [svg("tspan", down, part)];
  });
}

export const subscript = (t) => String(t).replace(/\d/g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]);

export const raised = (n) => String(n).replace(/[-\d]/g, (sign) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(sign)]);

// a share in words: 0.25, 3.1·10⁻⁷, nothing
export function share(part) {
  if (part === 0) return "nothing";
  if (0.01 <= part && part < 1000) return part.toFixed(2);
  const [digits, power] = part.toExponential(1).split("e");
  return `${digits}·10${raised(Number(power))}`;
}

export function text(x, y, words, attributes = {}) {
  return svg("text", { x, y, ...attributes }, ...lowered(String(words), true));
}

export function line(x1, y1, x2, y2, attributes = {}) {
  return svg("line", { x1, y1, x2, y2, ...attributes });
}

export function linear([from, to], [start, end]) {
  return (value) => start + ((value - from) / (to - from)) * (end - start);
}

// move the `y` of labels apart, the least that leaves `gap` between them inside [top, bottom]
export function apart(labels, gap, top, bottom) {
  const sorted = [...labels].sort((a, b) => a.y - b.y);
  sorted.forEach((label, n) => {
    label.y = Math.max(label.y, n ? sorted[n - 1].y + gap : top);
  });
  sorted.reverse().forEach((label, n) => {
    label.y = Math.min(label.y, n ? sorted[n - 1].y - gap : bottom);
  });
  return labels;
}
