/** The dialogs: ring in, switches, account, keyboard. Each reads its facts when it opens. */

import { byId, element, notify } from "./elements.js";
import { get, send } from "./requests.js";
import { language, number, phone, say, sayCount } from "./texts.js";

const SHORT_NUMBER = "27000";
let setup = { numbers: [], endpoints: [], quirks: [], faults: [], effects: {}, requests: {} };
/** Counts the reads and changes: a read that a later one or a change has overtaken is not shown. */
let asked = 0;
let refresh = () => {};
let party = () => null;

/** Set what refreshes the list, and what returns the number of the chosen entry. */
export function connect(given) {
  refresh = given.refresh;
  party = given.party;
  for (const button of document.querySelectorAll("[data-opens]")) button.onclick = () => open(button.dataset.opens);
  for (const button of document.querySelectorAll("[data-closes]")) button.onclick = () => button.closest("dialog").close();
  for (const button of document.querySelectorAll("[data-advance]")) button.onclick = () => advance(Number(button.dataset.advance));
  for (const radio of document.querySelectorAll("[name=what]")) radio.onchange = () => {
    byId("ring-form").elements.number.value = "";
    drawNumbers();
  };
  byId("ring-form").onsubmit = (event) => {
    event.preventDefault();
    ring(new FormData(event.target)).catch(refused);
  };
  byId("switch-form").onsubmit = (event) => event.preventDefault();
  byId("switch-words").oninput = drawSwitches;
  byId("only-on").onchange = drawSwitches;
  byId("reset").onclick = () => reset().catch(refused);
  read().catch(refused);
}

export const refused = (error) => notify(say("failed_request", { reason: error.message }));

/** Open a dialog by its id. */
export async function open(id) {
  if (document.querySelector("dialog[open]")) return;
  byId(id).showModal();
  if (id === "help") return;
  await read().catch(refused);
  if (id === "ring" && party()) byId("ring-form").elements.source.value = party();
}

async function read() {
  const own = ++asked;
  const reply = await get("setup", { language });
  if (own !== asked) return;
  setup = reply;
  drawNumbers();
  drawEndpoints();
  drawSwitches();
  drawAccount();
}

function options(select, values) {
  const before = select.value;
  select.replaceChildren(...values.map(([value, text]) => element("option", { value }, text)));
  if (values.some(([value]) => value === before)) select.value = before;
}

const what = () => document.querySelector("[name=what]:checked").value;

function drawNumbers() {
  const dids = setup.numbers.map(({ did }) => [did, phone(`55${did}`)]);
  byId("ring-text").hidden = what() !== "sms";
  options(byId("ring-form").elements.number, what() === "sms" ? [[SHORT_NUMBER, SHORT_NUMBER], ...dids] : dids);
}

async function ring(fields) {
  const [source, chosen] = [fields.get("source"), fields.get("number")];
  let said;
  if (fields.get("what") === "sms") {
    const destination = chosen === SHORT_NUMBER ? chosen : `55${chosen}`;
    await send("POST", "messages", { origin: source, destination, text: fields.get("text") });
    said = say("rang_sms", { number: phone(destination) });
  } else {
    const phones = setup.numbers.find(({ did }) => did === chosen).phones;
    const unanswered = fields.get("what") === "missed" ? phones : [];
    const answer = await send("POST", "incoming", { did: chosen, source, unanswered });
    said = say(`rang_${answer.action ?? "none"}`, { phone: phone(answer.phone ?? ""), rule: answer.rule_id });
  }
  byId("ring").close();
  notify(said);
  refresh();
}

function drawEndpoints() {
  options(byId("fault-endpoint"), setup.endpoints.map((name) => [name, name === "*" ? say("fault_any") : name]));
}

function drawSwitches() {
  const words = byId("switch-words").value.toLocaleLowerCase().split(/\s+/);
  const onOnly = byId("only-on").checked;
  const wanted = ({ name, description }, on) =>
    (on || !onOnly) && words.every((word) => `${name} ${description}`.toLocaleLowerCase().includes(word));
  const faults = setup.faults.map((fault) => ({ ...fault, on: fault.in_force.length > 0, flip: flipFault }));
  const quirks = setup.quirks.map((quirk) => ({ ...quirk, flip: flipQuirk }));
  byId("faults").replaceChildren(...faults.filter((each) => wanted(each, each.on)).map(switchOf));
  byId("quirks").replaceChildren(...quirks.filter((each) => wanted(each, each.on)).map(switchOf));
  const on = [...faults, ...quirks].filter((each) => each.on).length;
  byId("switched").hidden = !on;
  byId("switched").textContent = sayCount("on", on);
}

function switchOf({ name, description, on, in_force, flip }) {
  const box = element("input", { type: "checkbox", role: "switch", checked: on, onchange: () => flip(name, box.checked).catch(refused) });
  const force = (in_force ?? []).map(({ endpoint, times, fired }) =>
    element("span", { className: "force" }, say("fault_on", {
      endpoint: endpoint === "*" ? say("fault_any") : endpoint,
      times: times === null ? say("fault_always") : say("fault_times_of", { count: number(times) }),
      fired: number(fired),
    })));
  return element("li", {}, element("label", {}, box, element("code", {}, name), element("span", {}, description.replaceAll("`", "")), ...force));
}

async function flipFault(kind, on) {
  asked += 1;
  const times = byId("fault-times").valueAsNumber;
  const fault = { kind, endpoint: byId("fault-endpoint").value, times: Number.isNaN(times) ? null : times };
  await (on ? send("POST", "faults", fault) : send("DELETE", "faults", { kind }));
  await read();
}

async function flipQuirk(name, on) {
  asked += 1;
  const rest = setup.quirks.filter((quirk) => quirk.on && quirk.name !== name).map((quirk) => quirk.name);
  await send("POST", "settings", { quirks: on ? [...rest, name] : rest });
  await read();
}

function drawAccount() {
  const rules = setup.numbers.flatMap(({ rules: all }) => all);
  byId("rules").replaceChildren(table(["number", "priority", "action", "data"], rules.map((rule) => [
    phone(`55${rule.did}`), rule.priority, rule.action, Object.entries(rule.data).map((each) => each.join("=")).join(" ")])));
  for (const part of ["effects", "requests"]) {
    const counts = Object.entries(setup[part]).sort();
    byId(part).replaceChildren(table(["name", "count"], counts.map(([name, times]) => [name, number(times)])));
  }
}

function table(columns, rows) {
  if (!rows.length) return element("p", {}, say("none"));
  const head = columns.map((name) => element("th", { scope: "col" }, say(`column_${name}`)));
  const body = rows.map((cells) => element("tr", {}, ...cells.map((cell) => element("td", {}, String(cell)))));
  return element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...body));
}

async function advance(seconds) {
  await send("POST", "clock", { advance: seconds }).catch(refused);
  refresh();
}

async function reset() {
  if (!window.confirm(say("reset_sure"))) return;
  await send("POST", "reset");
  byId("account").close();
  await read();
  refresh();
}
