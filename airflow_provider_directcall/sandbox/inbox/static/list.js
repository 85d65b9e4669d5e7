/** The list: only the rows in view are elements, however many entries there are. */

import { byId, element } from "./elements.js";
import { moment, number, phone, say, sayCount } from "./texts.js";

const ROW = 68;
const SPARE = 15;
const list = byId("list");
const rows = byId("rows");
const newer = byId("newer");
const SIGNS = { sms: "✉", voice: "♪", call: "↗", received_sms: "✉↙", received_call: "↙" };

/** Elements by id, the rows of the last reply in order, and where they begin. */
const drawn = new Map();
let page = { offset: 0, rows: [], matching: 0 };
let selected = null;
let seenAtTop = 0;
let onSelect = () => {};
let onMove = () => {};

/** Call `select` with the id of a chosen row, and `move` when rows outside the last reply come into view. */
export function connect({ select, move }) {
  onSelect = select;
  onMove = move;
  let waiting = false;
  list.addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      noteTop();
      if (!covered()) onMove();
    });
  });
  rows.addEventListener("click", (event) => {
    const row = event.target.closest("[role=option]");
    if (row) onSelect(row.entry);
  });
  newer.addEventListener("click", () => {
    list.scrollTop = 0;
    noteTop();
    onMove();
  });
}

/** Return which rows to ask for: those in view, and some around them. */
export function wanted() {
  const first = Math.max(0, Math.floor(list.scrollTop / ROW) - SPARE);
  return { offset: first, limit: Math.ceil(list.clientHeight / ROW) + 2 * SPARE };
}

function covered() {
  const first = Math.floor(list.scrollTop / ROW);
  const last = Math.min(page.matching, Math.ceil((list.scrollTop + list.clientHeight) / ROW));
  return first >= page.offset && last <= page.offset + page.rows.length;
}

function noteTop() {
  if (list.scrollTop < ROW) seenAtTop = page.matching;
  const fresh = page.matching - seenAtTop;
  newer.hidden = fresh <= 0;
  if (fresh > 0) newer.textContent = `↑ ${sayCount("new", fresh)}`;
}

/** Go to the top, as for another search. */
export function rewind() {
  list.scrollTop = 0;
  page = { offset: 0, rows: [], matching: 0 };
  seenAtTop = Infinity;
}

/** Show a reply. Entries that came on top leave the view where it is, unless it is at the top. */
export function show(reply) {
  const shift = list.scrollTop >= ROW ? shiftOf(reply) : 0;
  page = reply;
  if (seenAtTop === Infinity) seenAtTop = reply.matching;
  rows.style.height = `${reply.matching * ROW}px`;
  if (shift) list.scrollTop += shift * ROW;
  const gone = new Set(drawn.keys());
  reply.rows.forEach((row, place) => {
    gone.delete(row.id);
    draw(row, reply.offset + place, reply);
  });
  for (const id of gone) {
    drawn.get(id).remove();
    drawn.delete(id);
  }
  noteTop();
  byId("count").textContent =
    reply.matching === reply.all
      ? sayCount("matching", reply.all)
      : say("matching_of", { count: number(reply.matching), all: number(reply.all) });
  const empty = byId("empty");
  empty.hidden = reply.matching > 0;
  empty.textContent = say(reply.all ? "nothing_found" : "nothing_yet");
  return covered();
}

/** Return by how many rows the entries in view have moved down. */
function shiftOf(reply) {
  const place = Math.max(0, Math.floor(list.scrollTop / ROW) - page.offset);
  const now = new Map(reply.rows.map((row, index) => [row.id, reply.offset + index]));
  const known = page.rows.slice(place).find((row) => now.has(row.id));
  if (!known) return Math.max(0, reply.matching - page.matching);
  return now.get(known.id) - (page.offset + page.rows.indexOf(known));
}

function draw(row, index, reply) {
  let shown = drawn.get(row.id);
  if (!shown) {
    shown = element("div", { role: "option", id: `row-${row.id}`, className: "row" });
    shown.entry = row.id;
    drawn.set(row.id, shown);
    rows.append(shown);
  }
  if (shown.index !== index) {
    shown.index = index;
    shown.style.transform = `translateY(${index * ROW}px)`;
    shown.setAttribute("aria-posinset", index + 1);
  }
  shown.setAttribute("aria-setsize", reply.matching);
  mark(shown);
  const known = JSON.stringify(row) + moment(row.at, reply.now);
  if (shown.known === known) return;
  shown.known = known;
  shown.replaceChildren(
    element("span", { className: `sign ${row.kind}`, title: say(`kind_${row.kind}`), "aria-hidden": "true" }, SIGNS[row.kind]),
    element("span", { className: "party" }, phone(row.party)),
    element("span", { className: "at" }, moment(row.at, reply.now)),
    element("span", { className: "text" }, row.text || say(`kind_${row.kind}`)),
    element("span", { className: "hidden" }, `, ${say(`kind_${row.kind}`)}, `),
    element("span", { className: `state ${row.state}` }, say(`state_${row.state}`)),
    element("span", { className: "tags" }, Object.entries(row.tags).map((tag) => tag.join("=")).join("  ")),
  );
}

function mark(row) {
  const chosen = row.entry === selected;
  row.setAttribute("aria-selected", chosen);
  if (chosen) list.setAttribute("aria-activedescendant", row.id);
}

/** Mark the chosen row. */
export function choose(id) {
  selected = id;
  list.removeAttribute("aria-activedescendant");
  for (const row of drawn.values()) mark(row);
}

/** Choose another row by the keyboard: `step` from the chosen one, or the first or last of all. */
export function step(by) {
  if (!page.matching) return;
  const place = page.rows.findIndex((row) => row.id === selected);
  const start = place < 0 ? Math.floor(list.scrollTop / ROW) - (by > 0 ? 1 : 0) : page.offset + place;
  const index = Math.max(0, Math.min(page.matching - 1, start + by));
  const top = index * ROW;
  if (top < list.scrollTop) list.scrollTop = top;
  else if (top + ROW > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW - list.clientHeight;
  const row = page.rows[index - page.offset];
  if (row) onSelect(row.id);
  else onMove(() => step(by));
}
