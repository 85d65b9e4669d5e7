/** Elements of the page. Texts go in as text nodes only, so none is read as HTML. */

export const byId = (id) => document.getElementById(id);

/** Make an element: properties by name, attributes by `aria-...`, `data-...` or `role`, then its children. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name.includes("-") || name === "role") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Replace the children of an element if what they are made of has changed since the last time. */
export function redraw(place, facts, draw) {
  const known = JSON.stringify(facts);
  if (place.known === known) return;
  place.known = known;
  place.replaceChildren(...draw());
}

let hiding;

/** Show a notice for some seconds. */
export function notify(text) {
  const notice = byId("notice");
  notice.textContent = text;
  notice.classList.add("shown");
  clearTimeout(hiding);
  hiding = setTimeout(() => notice.classList.remove("shown"), 6000);
}
