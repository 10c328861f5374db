// What a page without a kernel lays under an explorer's module: a model that only remembers.

function live(render, state, el) {
  const listeners = {};
  const model = {
    get: (name) => state[name],
    set(name, value) {
      state[name] = value;
      (listeners[`change:${name}`] ?? []).forEach((listener) => listener());
    },
    save_changes() {},
    on: (event, listener) => (listeners[event] ??= []).push(listener),
    off(event, listener) {
      listeners[event] = listeners[event].filter((known) => known !== listener);
    },
  };
  render({ model, el });
}
