// Each heading of the table becomes a button that sorts by its column, and by it the other way.
const table = document.getElementById("points");
const body = table.tBodies[0];
const heads = [...table.querySelectorAll("th[data-column]")];
const value = (row, column) => {
  const text = row.cells[column].textContent;
  return column === 0 ? text : text === "" ? -1 : Number(text);
};
const compare = new Intl.Collator(undefined, { numeric: true }).compare;
for (const head of heads) {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...head.childNodes);
  head.append(button);
  const column = Number(head.dataset.column);
  button.addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of heads) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...body.rows].map((row) => [value(row, column), row]);
    rows.sort(([a], [b]) => (down ? -1 : 1) * (column === 0 ? compare(a, b) : a - b));
    body.remove(); // outside of the page, thousands of rows move at no cost
    for (const [, row] of rows) body.append(row);
    table.append(body);
  });
}
