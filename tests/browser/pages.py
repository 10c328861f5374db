"""What the browser tests share: a widget on a blank page, and what may not be seen there."""

from __future__ import annotations

import json
from typing import Any

# what anywidget hands to a module, and no more; `trait` values are kept in window.state
RENDER = """async ([source, css, json]) => {
  const state = JSON.parse(json);
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const { default: widget } = await import(url);
  const listeners = {};
  window.state = state;
  window.saved = 0;
  window.model = {
    get: (name) => state[name],
    set(name, value) {
      state[name] = value;
      (listeners[`change:${name}`] ?? []).forEach((listener) => listener());
    },
    save_changes: () => window.saved++,
    on: (event, listener) => (listeners[event] ??= []).push(listener),
    off(event, listener) {
      listeners[event] = listeners[event].filter((known) => known !== listener);
    },
  };
  window.listening = () => Object.values(listeners).flat().length;
  const el = document.createElement("div");
  document.head.append(Object.assign(document.createElement("style"), { textContent: css }));
  document.body.replaceChildren(el);
  window.stop = widget.render({ model: window.model, el });
}"""


def show(page: Any, widget: Any) -> Any:
    """Render the widget from its state alone, as a front end does."""
    state = {name: value for name, value in widget.get_state().items() if name[0] != "_"}
    del state["layout"]
    # as text, for playwright takes long over each number of a nested list
    page.evaluate(RENDER, [widget._esm, str(widget._css), json.dumps(state)])
    return page


OVERLAPS = """() => {
  const shown = [...document.querySelectorAll("svg.rl-picture text")];
  const boxes = shown.map((text) => {
    const { left, right, top, bottom } = text.getBoundingClientRect();
    return { words: text.textContent, left, right, top: top + 1.5, bottom: bottom - 1.5 };
  });
  const frame = document.querySelector("svg.rl-picture").getBoundingClientRect();
  const found = boxes.filter((a) => a.left < frame.left - 1 || a.right > frame.right + 1);
  boxes.forEach((a, n) => boxes.slice(n + 1).forEach((b) => {
    const meet = a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
    if (meet) found.push([a.words, b.words]);
  }));
  if (document.documentElement.scrollWidth > innerWidth) found.push("wider than the page");
  return found;
}"""


def check_labels(page: Any, widget: Any) -> None:
    """Show the widget at the page's width: no label overlaps another or leaves the picture."""
    show(page, widget)
    page.wait_for_function("document.querySelector('svg.rl-picture').clientWidth > 0")
    assert page.evaluate(OVERLAPS) == [], f"{widget!r} at {page.viewport_size}"


def check_inputs(page: Any) -> None:
    """Every input that can be focused is named, keeps its keys, and shows that it has the focus."""
    focusable = page.locator("input, button, select, textarea, a, [tabindex]")
    assert focusable.count() > 1
    for n in range(focusable.count()):
        element = focusable.nth(n)
        assert element.get_attribute("data-lm-suppress-shortcuts") == "true"
        name = element.evaluate(
            "(e) => e.getAttribute('aria-label') || e.labels?.[0]?.innerText || e.innerText"
        )
        assert name.strip()
        if element.is_enabled():
            element.focus()
            page.keyboard.press("Shift")  # a key makes the focus visible
            style = element.evaluate("(e) => getComputedStyle(e).outlineStyle")
            assert style == "solid", name


def check_presets(page: Any, widget: Any) -> None:
    """3 to 4 presets that each ask and set their values by a key; reset returns to the start."""
    show(page, widget)
    first = page.evaluate("({ ...state.start })")
    assert 3 <= len(widget.presets) <= 4
    for preset in widget.presets:
        assert "?" in preset["question"]
        button = page.get_by_role("button", name=preset["name"], exact=True)
        button.press("Enter")
        assert page.locator(".rl-question").inner_text() == preset["question"]
        assert button.get_attribute("aria-pressed") == "true"
        for name in set(preset) - {"name"}:
            assert page.evaluate(f"state.{name}") == preset[name]
        check_drawn(page)
    page.get_by_role("button", name="Reset", exact=True).press("Enter")
    now = "Object.fromEntries(Object.keys(state.start).map((name) => [name, state[name]]))"
    assert page.evaluate(now) == first


def check_drawn(page: Any) -> None:
    """No number is missing, and the picture's title is the sentence that is read out."""
    content = page.content()
    assert not any(wrong in content for wrong in ("NaN", "undefined", "null", "Infinity"))
    title = page.locator("svg.rl-picture > title").text_content()
    assert title == page.locator(".rl-status").text_content() and title


def check_key(page: Any, name: str, trait: str, key: str = "ArrowRight") -> None:
    """A key on the slider of this name moves its value once, and the picture with it."""
    slider = page.get_by_role("slider", name=name, exact=True)
    drawn = page.locator(".rl-picture").inner_html()
    before, saved = page.evaluate(f"[JSON.stringify(state.{trait}), saved]")
    slider.press(key)
    after, saved_now = page.evaluate(f"[JSON.stringify(state.{trait}), saved]")
    assert after != before and saved_now == saved + 1
    assert page.locator(".rl-picture").inner_html() != drawn
    check_drawn(page)
