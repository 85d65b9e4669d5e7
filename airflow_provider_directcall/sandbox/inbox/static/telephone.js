/** One entry: the telephone of the number with its conversation, and what the account knows. */

import { byId, element, notify, redraw } from "./elements.js";
import { send } from "./requests.js";
import { moment, phone, price, say, sayCount, timeOfDay, wholeMoment } from "./texts.js";

const QUICK = ["1", "2", "PARE"];
const NOT_ARRIVED = new Set(["scheduled", "queued", "failed", "cancelled"]);
const detail = byId("detail");
let shown = null;
let parts = {};
let actions = {};

/** Set what `close` (back to the list), `find` (search a tag) and `refresh` do. */
export function connect(given) {
  actions = given;
}

/** Show an entry as it is now; null when it is gone, undefined when none is chosen. */
export function show(entry, id, now) {
  document.body.classList.toggle("reads", id !== null);
  if (!entry) {
    shown = null;
    redraw(detail, [id], () => [element("p", { className: "empty" }, say(id === null ? "choose" : "gone"))]);
    return;
  }
  if (shown !== id) {
    shown = id;
    build(entry);
  }
  redraw(parts.title, [entry.party, entry.kind, entry.state], () => titleOf(entry));
  const facts = [entry.conversation, entry.id];
  const grew = parts.screen.known !== JSON.stringify(facts);
  redraw(parts.screen, facts, () => entry.conversation.flatMap((each) => bubblesOf(each, entry, now)));
  // The end first, so that of a message longer than the screen the beginning is shown.
  if (grew) for (const bubble of [...parts.screen.querySelectorAll(".chosen")].reverse()) bubble.scrollIntoView({ block: "nearest" });
  const { conversation, ...rest } = entry;
  redraw(parts.facts, rest, () => factsOf(entry));
}

export function focusAnswer() {
  parts.answer?.querySelector("input")?.focus();
}

function build(entry) {
  parts = {
    title: element("h2"),
    screen: element("div", { className: "screen", tabIndex: 0, role: "log", "aria-label": say("phone_of", { number: phone(entry.party) }) }),
    facts: element("dl", { className: "facts" }),
    answer: entry.reply_to ? answerForm(entry) : null,
  };
  detail.known = null;
  detail.replaceChildren(
    element("p", { className: "detail-head" },
      element("button", { type: "button", className: "back", onclick: () => actions.close(), "aria-label": say("back") }, "←"), parts.title),
    element("div", { className: "both" },
      element("div", { className: "phone" },
        element("p", { className: "phone-top", "aria-hidden": "true" }, phone(entry.party)), parts.screen, ...(parts.answer ? [parts.answer] : [])),
      parts.facts),
  );
}

function titleOf(entry) {
  return [
    `${say(`kind_${entry.kind}`)}, ${phone(entry.party)} `,
    element("span", { className: `state ${entry.state}` }, say(`state_${entry.state}`)),
  ];
}

function bubblesOf(each, entry, now) {
  const chosen = each.id === entry.id;
  const when = element("span", { className: "when" }, `${moment(each.at, now)} · ${say(`state_${each.state}`)}`);
  if (each.kind === "call" || each.kind === "received_call") {
    const text = `☎ ${say(`kind_${each.kind}`)}`;
    return [element("p", { className: `call-note ${chosen ? "chosen" : ""}`, "aria-current": chosen ? "true" : null }, text, when)];
  }
  const own = each.kind === "received_sms" ? "own" : "";
  const away = NOT_ARRIVED.has(each.state) ? "away" : "";
  return each.parts.map((text, place) => {
    const last = place === each.parts.length - 1;
    const label = each.parts.length > 1 ? say("part_of", { part: place + 1, parts: each.parts.length }) : null;
    const note = away && last ? element("span", { className: "when" }, say("not_on_phone")) : null;
    return element("div", { className: `bubble ${own} ${away} ${chosen ? "chosen" : ""}`, "aria-current": chosen && last ? "true" : null },
      label && element("span", { className: "part" }, label),
      each.kind === "voice" ? element("span", { className: "part" }, `♪ ${say("kind_voice")}`) : null,
      element("p", {}, text || say(each.kind === "voice" ? "audio_file" : "no_text")),
      note, last ? when : null);
  });
}

function factsOf(entry) {
  const facts = [
    ["fact_from", phone(entry.origin)],
    ["fact_to", phone(entry.destination)],
    ["fact_state", entry.word && say("vendor_word", { word: entry.word })],
    ["fact_tags", tagsOf(entry.tags)],
    ["fact_charged", entry.kind === "sms" && [
      `${sayCount("charged_parts", entry.charged_parts)} ${say(`counting_${entry.counting}`)}`,
      element("br"), `${sayCount("characters", entry.characters)}, ${sayCount("network_parts", entry.network_parts)}`]],
    ["fact_alphabet", entry.kind === "sms" && say(`alphabet_${entry.alphabet}`)],
    ["fact_attempts", entry.attempts && String(entry.attempts)],
    ["fact_talk", entry.talk_seconds !== undefined && say("seconds", { count: Math.round(entry.talk_seconds) })],
    ["fact_recorded", entry.recorded !== undefined && say(entry.recorded ? "yes" : "no")],
    ["fact_price", entry.price && price(entry.price)],
    ["fact_callerid", entry.callerid && [element("code", {}, entry.callerid)]],
    ["fact_times", timesOf(entry.times)],
  ];
  return facts.filter(([, value]) => value && value.length).flatMap(([name, value]) => [
    element("dt", {}, say(name)),
    element("dd", {}, ...(Array.isArray(value) ? value : [value])),
  ]);
}

function tagsOf(tags) {
  return Object.entries(tags).map(([name, value]) => {
    const tag = `${name}=${value}`;
    return element("button", { type: "button", className: "tag", title: say("find_tag", { tag }), onclick: () => actions.find(tag) }, tag);
  });
}

function timesOf(times) {
  return Object.entries(times).map(([name, at]) =>
    element("span", { className: "moment", title: wholeMoment(at) }, `${timeOfDay(at)} ${say(`time_${name}`)}`));
}

function answerForm(entry) {
  const text = element("input", { type: "text", maxLength: 700, required: true, autocomplete: "off", "aria-label": say("answer_text"), placeholder: say("answer") });
  const answer = async (said) => {
    await send("POST", "messages", { origin: entry.party, destination: entry.reply_to, text: said });
    text.value = "";
    notify(say("answer_sent", { number: phone(entry.reply_to) }));
    actions.refresh();
  };
  const quick = QUICK.map((said) =>
    element("button", { type: "button", onclick: () => answer(said), "aria-label": say("answer_with", { text: said }) }, said));
  const form = element("form", { className: "answer", "aria-label": say("answer") },
    element("span", { className: "quick" }, ...quick), text, element("button", { type: "submit" }, say("send")));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    answer(text.value);
  });
  return form;
}
