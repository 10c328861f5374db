// Pipes in which a value flows, as wide as it is large, and gates as valves that narrow it.

import { coloured, svg } from "./drawing.js";

// `bends` are [x, value] from the left to the right, in a pipe whose middle is at `y`; a value of 1
// is `unit` wide. Filled where the value is positive, hollow where it is negative.
export function flowAcross(symbol, y, bends, unit, more = "") {
  const at = flowing(bends).map(([x, value]) => [x, halfOf(value, unit)]);
  return flow(symbol, bends[0][1], more, [
    ...at.map(([x, half]) => [x, y - half]),
    ...at.map(([x, half]) => [x, y + half]).reverse(),
  ]);
}

// the same along a pipe whose middle is at `x`; `bends` are [y, value]
export function flowAlong(symbol, x, bends, unit, more = "") {
  const at = flowing(bends).map(([y, value]) => [y, halfOf(value, unit)]);
  return flow(symbol, bends[0][1], more, [
    ...at.map(([y, half]) => [x - half, y]),
    ...at.map(([y, half]) => [x + half, y]).reverse(),
  ]);
}

// half the width of a flow: next to nothing is still a hair wide, nothing is not there
export const halfOf = (value, unit) => value && Math.max(0.5, (unit / 2) * Math.abs(value));

// as far as something flows: a valve that is shut leaves no line behind it
function flowing(bends) {
  const end = bends.findIndex(([, value]) => value === 0);
  return end < 0 ? bends : bends.slice(0, end + 1);
}

function flow(symbol, value, more, points) {
  return svg("polygon", {
    class: `rl-flow${value < 0 ? " rl-negative" : ""}${more}`,
    style: coloured(symbol),
    points: points.map((point) => point.join()).join(" "),
  });
}

// A valve in a pipe that reaches `half` to both sides of (x, y): two plates leave open what the gate
// says, or half of it, dashed, where the gate is null. `across`: the pipe runs to the right.
export function valve(symbol, x, y, half, gate, across, long = 12) {
  const open = (gate ?? 0.5) * half;
  const style = coloured(symbol);
  // the plates slide out of a body outside of the pipe, which stays where the gate is open
  const part = (sign, from, to, wide) => {
    const [start, size] = [Math.min(sign * from, sign * to), Math.abs(to - from)];
    return across
      ? { x: x - wide / 2, y: y + start, width: wide, height: size }
      : { x: x + start, y: y - wide / 2, width: size, height: wide };
  };
  const look = gate === null ? "rl-ghost" : "rl-plate";
  return [-1, 1].flatMap((sign) => [
    svg("rect", { class: "rl-plate", style, ...part(sign, half + 1, half + 7, long + 10) }),
    svg("rect", { class: look, style, ...part(sign, open, half + 1, long) }),
  ]);
}

export const casing = (d) => svg("path", { d, class: "rl-casing" });
