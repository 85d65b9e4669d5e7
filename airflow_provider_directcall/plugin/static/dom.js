// Small helpers to build and renew the page. Texts become text nodes only, never markup.

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "grow") element.style.flexGrow = String(value); // a style attribute would be refused by the policy
    else if (typeof value === "function") element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// Renews a tree in place, so that focus, scrolling and selections stay where they are.
export function renew(old, fresh) {
  for (const name of old.getAttributeNames()) if (!fresh.hasAttribute(name) && name !== "style") old.removeAttribute(name);
  for (const name of fresh.getAttributeNames()) {
    if (name !== "style" && old.getAttribute(name) !== fresh.getAttribute(name)) old.setAttribute(name, fresh.getAttribute(name));
  }
  if (old.style && old.style.flexGrow !== fresh.style.flexGrow) old.style.flexGrow = fresh.style.flexGrow;
  if (fresh.onclick) old.onclick = fresh.onclick;
  const before = [...old.childNodes];
  const after = [...fresh.childNodes];
  after.forEach((child, index) => {
    const current = before[index];
    if (current === undefined) old.append(child);
    else if (!isAlike(current, child)) current.replaceWith(child);
    else if (child.nodeType === Node.TEXT_NODE) {
      if (current.data !== child.data) current.data = child.data;
    } else if (!child.hasAttribute("data-keep")) renew(current, child);
  });
  before.slice(after.length).forEach((child) => child.remove());
}

function isAlike(one, other) {
  return one.nodeType === other.nodeType && one.nodeName === other.nodeName && one.id === other.id;
}

export function table(caption, heads, rows) {
  const cells = (row) =>
    row.map((cell, index) => h(index ? "td" : "th", { scope: index ? null : "row", class: heads[index].isNumber ? "number" : null }, cell));
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h(
      "table",
      {},
      h("caption", {}, caption),
      h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col", class: head.isNumber ? "number" : null }, head.text)))),
      h("tbody", {}, rows.map((row) => h("tr", {}, cells(row)))),
    ),
  );
}

export const words = (...texts) => texts.map((text) => ({ text }));
export const numbers = (...texts) => texts.map((text) => ({ text, isNumber: true }));

export function figures(pairs) {
  return h("dl", { class: "figures" }, pairs.map(([name, value, note]) => h("div", {}, h("dt", {}, name), h("dd", {}, value, note ? h("small", {}, note) : null))));
}

// A plot of columns, as high as their values; what is beside it says the same in words.
// The scale has a text for each column, or those of the first and the last.
export function columns(values, highest, label, scale) {
  const column = (value) => h("span", { class: "column" }, h("span", { grow: highest - value }), h("span", { class: "part", grow: value }));
  const ends = h("p", { class: scale.length === values.length ? "scale-of-columns each faint" : "scale-of-columns faint" }, scale.map((text) => h("span", {}, text)));
  return h("div", { class: "plot" }, h("div", { class: "columns", role: "img", "aria-label": label }, values.map(column)), ends);
}

// A bar of shares; the table beside it says the same in words.
export function bar(parts, label) {
  return h("div", { class: "bar", role: "img", "aria-label": label }, parts.filter((part) => part.count > 0).map((part) => h("span", { class: `part ${part.kind}`, grow: part.count, title: part.label })));
}
