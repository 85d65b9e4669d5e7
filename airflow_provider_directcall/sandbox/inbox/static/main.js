/** The page: asks for what is in view every second, and shows the reply. */

import * as dialogs from "./dialogs.js";
import { byId } from "./elements.js";
import * as keyboard from "./keyboard.js";
import * as list from "./list.js";
import { get } from "./requests.js";
import * as telephone from "./telephone.js";
import { say, useZone, wholeMoment } from "./texts.js";

const EVERY = 1000;
/** A reply that took long is not asked for at once again: the sandbox serves clients first. */
const SHARE = 5;
const live = byId("live");
let next = null;
let running = null;
let chosen = null;
let last = null;

function setLive(state) {
  if (live.dataset.state === state) return;
  live.dataset.state = state;
  live.textContent = say(state);
}

function query() {
  const [words, kind, state] = ["words", "kind", "state"].map((id) => byId(id).value.trim());
  return { words, kind, state, entry: chosen, ...list.wanted() };
}

/** Ask now; a request that is under way is given up. */
async function refresh(then = () => {}) {
  clearTimeout(next);
  running?.abort();
  const own = (running = new AbortController());
  const began = performance.now();
  let complete = true;
  try {
    const reply = await get("inbox", query(), own.signal);
    if (own !== running) return;
    performance.measure("asked", { start: began });
    complete = show(reply);
    setLive("live");
    then();
  } catch (error) {
    if (own !== running) return;
    setLive("lost");
  }
  if (document.hidden) return setLive("paused");
  next = setTimeout(refresh, complete ? Math.max(EVERY, SHARE * (performance.now() - began)) : 0);
}

function show(reply) {
  const began = performance.now();
  last = reply;
  useZone(reply.zone);
  const now = byId("now");
  now.textContent = wholeMoment(reply.now);
  byId("speed").textContent = speedOf(reply.speed);
  const complete = list.show(reply);
  telephone.show(reply.entry, chosen, reply.now);
  performance.measure("drawn", { start: began });
  return complete;
}

function speedOf(speed) {
  if (speed === 0) return say("clock_stopped");
  return speed === 1 ? say("clock_real") : say("clock_speed", { speed });
}

function select(id) {
  if (id === chosen) return;
  history[chosen === null ? "pushState" : "replaceState"](null, "", `#${encodeURIComponent(id)}`);
  follow();
}

function close() {
  if (chosen === null) return;
  history.replaceState(null, "", location.pathname + location.search);
  follow();
  byId("list").focus();
}

/** Choose the entry that the address names. */
function follow() {
  const named = decodeURIComponent(location.hash.slice(1));
  chosen = named.includes(":") ? named : null;
  byId("language").hash = location.hash;
  list.choose(chosen);
  if (chosen === null) telephone.show(undefined, null, 0);
  return refresh();
}

function search() {
  list.rewind();
  refresh();
}

list.connect({ select, move: (then) => refresh(then) });
telephone.connect({
  close,
  refresh,
  find(tag) {
    byId("words").value = tag;
    search();
    if (matchMedia("(max-width: 50rem)").matches) close();
  },
});
dialogs.connect({ refresh, party: () => last?.entry?.party });
keyboard.connect({
  step: list.step,
  read: () => byId("detail").focus(),
  answer: telephone.focusAnswer,
  open: dialogs.open,
  close,
});

let typing = null;
byId("filters").addEventListener("submit", (event) => event.preventDefault());
byId("words").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(search, 120);
});
for (const id of ["kind", "state"]) byId(id).addEventListener("change", search);
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  byId("list").focus();
});
window.addEventListener("popstate", follow);
document.addEventListener("visibilitychange", () => document.hidden || refresh());
follow();
