/** Keys, unless a field or a dialog has them. */

import { byId } from "./elements.js";

/** Bind the keys; `actions` has step, first, last, read, answer, open and close. */
export function connect(actions) {
  const keys = {
    "/": () => byId("words").focus(),
    j: () => actions.step(1),
    k: () => actions.step(-1),
    ArrowDown: () => actions.step(1),
    ArrowUp: () => actions.step(-1),
    PageDown: () => actions.step(8),
    PageUp: () => actions.step(-8),
    Home: () => actions.step(-Infinity),
    End: () => actions.step(Infinity),
    Enter: () => actions.read(),
    r: () => actions.answer(),
    c: () => actions.open("ring"),
    f: () => actions.open("switches"),
    a: () => actions.open("account"),
    "?": () => actions.open("help"),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    // A field keeps the focus for a moment after its dialog has closed.
    const typing = event.target.closest("input, textarea, select")?.checkVisibility();
    if (event.key === "Escape") {
      if (typing) byId("list").focus();
      else actions.close();
    } else if (typing && event.target.id === "words" && event.key === "ArrowDown") {
      event.preventDefault();
      byId("list").focus();
      actions.step(1);
    } else if (!typing && keys[event.key] && !(event.key === "Enter" && event.target.closest("button, a")) && !scrolls(event)) {
      event.preventDefault();
      keys[event.key]();
    }
  });
}

/** Return whether a key scrolls the telephone's screen that has the focus. */
function scrolls(event) {
  return event.target.closest(".screen") && /^(Arrow|Page|Home|End)/.test(event.key);
}
