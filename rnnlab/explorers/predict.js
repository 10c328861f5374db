// A question with choices: one click records the prediction and shows that choice's own answer.

import { html } from "./drawing.js";
import { button, onChange, put } from "./controls.js";

// `code` between backticks, all else as it stands; text is never read as markup
function words(source) {
  return source
    .split(/`([^`]+)`/)
    .map((part, n) => (n % 2 ? html("code", {}, part) : part))
    .filter((part) => part !== "");
}

function render({ model, el }) {
  const { question, choices, correct } = Object.fromEntries(
    ["question", "choices", "correct"].map((name) => [name, model.get(name)]),
  );
  const buttons = choices.map(([choice]) => {
    const node = button("", () => put(model, { choice }), { class: "rl-button rl-choice" });
    node.append(html("span", { class: "rl-tickbox", "aria-hidden": "true" }), html("span", {}, ...words(choice)));
    return { choice, node };
  });
  const answer = html("p", { class: "rl-answer", role: "status" });

  el.replaceChildren(
    html(
      "section",
      { class: "rl-explorer rl-predict", "aria-label": "Prediction" },
      html("p", { class: "rl-question" }, ...words(question)),
      html(
        "div",
        { class: "rl-choices", role: "group", "aria-label": "Choices" },
        ...buttons.map(({ node }) => node),
      ),
      answer,
    ),
  );

  const draw = () => {
    const choice = model.get("choice");
    buttons.forEach(({ choice: own, node }) => node.setAttribute("aria-pressed", own === choice));
    const chosen = choices.find(([own]) => own === choice);
    answer.hidden = !chosen;
    if (!chosen) return answer.replaceChildren();
    const right = choice === correct;
    answer.classList.toggle("rl-right", right);
    answer.replaceChildren(
      html("strong", {}, right ? "✓ Right. " : "✗ Not so. "),
      ...words(chosen[1]),
    );
  };

  draw();
  return onChange(model, ["choice"], draw);
}

export default { render };
