// Campaigns as they are shown: a list of cards, and one campaign in full.

import { openInAirflow, runUrl, taskUrl } from "./airflow.js";
import { bar, columns, figures, h, numbers, table, words } from "./dom.js";
import { count, decimal, duration, moment, money, share, t } from "./settings.js";

const LISTED_CHUNKS = 50;
// State -> the colour of its part of a bar.
const KINDS = {
  delivered: "good",
  answered: "good",
  sent: "calm",
  failed: "bad",
  refused: "bad",
  unknown: "doubt",
  busy: "warn",
  no_answer: "warn",
  voicemail: "warn",
  cancelled: "warn",
  stopped: "doubt",
};

const SENDING = new Set(["planned", "sending", "waiting"]);

// A message that was sent has no known end only once the campaign is over.
const label = (state, isFinal) => t(state === "sent" ? (isFinal ? "sent_final" : "sent_state") : state);

export function campaignHref(campaign) {
  return `?${new URLSearchParams({ view: "campaign", dag: campaign.dagId, run: campaign.runId, group: campaign.group })}`;
}

export function campaignList({ campaigns, total }) {
  if (campaigns.length === 0) return [h("p", { class: "empty" }, t("no_campaigns"))];
  return [
    total > campaigns.length ? h("p", { class: "faint" }, t("newest", { count: campaigns.length, total: count(total) })) : null,
    h("ul", { class: "cards" }, campaigns.map(card)),
  ];
}

function card(campaign) {
  const totals = campaign.totals;
  return h(
    "li",
    { class: "card" },
    h("h2", {}, h("a", { href: campaignHref(campaign) }, campaign.dagId, campaign.group ? ` · ${campaign.group}` : "")),
    h("p", {}, badge(campaign), " ", h("span", { class: "faint" }, moment(campaign.plan?.start_date))),
    progress(totals, campaign.status),
    outcomeBar(totals),
    h("p", { class: "faint" }, [progressText(totals), totals.rate ? t("a_second", { rate: decimal(totals.rate) }) : null, totals.secondsLeft ? duration(totals.secondsLeft) : null, money(totals.cost ?? totals.plannedCost)].filter((each) => each && each !== "–").join(" · ")),
  );
}

function badge(campaign) {
  return h("span", { class: `badge ${campaign.status}` }, t(`status_${campaign.status}`));
}

const progressText = (totals) => (totals.total === null || totals.sent === null ? null : t("progress", { sent: count(totals.sent), total: count(totals.total) }));

function progress(totals, status) {
  if (!SENDING.has(status) || !totals.total) return null;
  return h("progress", { max: totals.total, value: totals.sent, "aria-label": progressText(totals) });
}

function outcomeBar(totals) {
  const states = sorted(totals.states);
  const parts = states.map(([state, contacts]) => ({ kind: KINDS[state] ?? "other", count: contacts, label: `${label(state, totals.isFinal)}: ${count(contacts)}` }));
  return parts.length ? bar(parts, parts.map((part) => part.label).join(", ")) : null;
}

const sorted = (counts) => Object.entries(counts).filter(([, contacts]) => contacts > 0).sort((one, other) => other[1] - one[1]);

export function campaignPage(campaign) {
  const totals = campaign.totals;
  return h(
    "article",
    {},
    h("h1", {}, campaign.dagId, campaign.group ? ` · ${campaign.group}` : ""),
    h("p", {}, badge(campaign), " ", airflowLink(runUrl(campaign.dagId, campaign.runId), campaign.runId)),
    totals.stopped.map((reason) => h("p", { class: "alert" }, `${t("stopped")}: ${reason}`)),
    progress(totals, campaign.status),
    summary(totals, campaign),
    outcomes(totals),
    failures(totals),
    curve(totals),
    hours(totals),
    leftOut(totals),
    chunks(campaign),
    report(totals, campaign),
  );
}

function summary(totals, campaign) {
  const isRunning = SENDING.has(campaign.status);
  const planned = (value, shown) => (value === null ? null : t("planned", { value: shown(value) }));
  return figures([
    [t("sent"), count(totals.sent), totals.total === null ? null : t("of", { total: count(totals.total) })],
    ...(isRunning ? [[t("rate"), totals.rate ? t("a_second", { rate: decimal(totals.rate) }) : "–"], [t("time_left"), duration(totals.secondsLeft)]] : []),
    [t("parts"), count(totals.parts), planned(totals.plannedParts, count)],
    [t("cost"), money(totals.cost), planned(totals.plannedCost, money)],
    ...(totals.isFinal ? [] : [[t("not_reached"), count(totals.notReached)]]),
  ]);
}

function outcomes(totals) {
  const states = sorted(totals.states);
  if (states.length === 0) return null;
  const rows = states.map(([state, contacts]) => [h("span", { class: `dot ${KINDS[state] ?? "other"}` }, label(state, totals.isFinal)), count(contacts), share(contacts, totals.contacts)]);
  return h("section", {}, h("h2", {}, t("outcomes")), outcomeBar(totals), table(t("outcomes"), [...words(t("outcome")), ...numbers(t("contacts"), t("share"))], rows));
}

// How many contacts had been sent to, over the time.
function curve({ curve: plotted }) {
  if (!plotted) return null;
  const total = plotted.sent.at(-1);
  const label = `${t("sent_over_time")}: ${moment(plotted.since)} – ${moment(plotted.until)}, ${count(total)}`;
  const ends = [plotted.since, plotted.until].map(moment);
  return h("section", {}, h("h2", {}, t("sent_over_time")), columns(plotted.sent, total, label, ends));
}

function hours({ hours: rows, timezone }) {
  if (rows.length === 0) return null;
  const title = `${t("by_hour")} (${timezone})`;
  const heads = [...words(t("hour")), ...numbers(t("requests"), t("reached"), t("share"))];
  const shown = rows.map(([hour, requests, reached]) => [`${String(hour).padStart(2, "0")}:00`, count(requests), count(reached), share(reached, requests)]);
  const plotted = columns(rows.map(([, requests, reached]) => reached / requests), 1, t("reached"), rows.map(([hour]) => String(hour)));
  return h("section", {}, h("h2", {}, title), plotted, table(title, heads, shown));
}

function failures(totals) {
  if (totals.reasons.length === 0) return null;
  // Only the report says which outcome a reason had.
  const named = (cell) => (totals.isFinal ? [cell] : []);
  const rows = totals.reasons.map(([state, reason, contacts]) => [reason, ...named(label(state, true)), count(contacts)]);
  const heads = [...words(t("reason"), ...named(t("outcome"))), ...numbers(t("contacts"))];
  return h("section", {}, h("h2", {}, t("failures")), table(t("failures"), heads, rows));
}

function leftOut(totals) {
  // The report's reasons have those of the plan.
  if (totals.leftOut.length === 0 || totals.isFinal) return null;
  const rows = totals.leftOut.map(([reason, contacts]) => [reason, count(contacts)]);
  return h("section", {}, h("h2", {}, t("left_out")), table(t("left_out"), [...words(t("reason")), ...numbers(t("contacts"))], rows));
}

function chunks(campaign) {
  const all = campaign.chunks;
  if (all.length === 0) return null;
  const heads = [...words(t("chunk"), t("state"), t("following")), ...numbers(t("sent"), t("rate"), t("time_left"), t("parts"), t("cost"))];
  const rows = all.slice(0, LISTED_CHUNKS).map((chunk) => [
    chunk.name.replace(/^chunks\/|\.parquet$/g, ""),
    t(chunk.state),
    chunk.tracked ? t(chunk.tracked) : "–",
    `${count(chunk.sent)} / ${count(chunk.total)}`,
    chunk.rate === null ? "–" : t("a_second", { rate: decimal(chunk.rate) }),
    duration(chunk.secondsLeft),
    count(chunk.parts),
    money(chunk.cost),
  ]);
  const more = all.length - rows.length;
  return h(
    "section",
    {},
    h("h2", {}, t("chunks")),
    table(t("chunks"), heads, rows),
    more > 0 ? h("p", { class: "faint" }, t("more_chunks", { count: count(more) })) : null,
    campaign.unread ? h("p", { class: "faint" }, t("unread", { count: count(campaign.unread) })) : null,
  );
}

function report(totals, campaign) {
  const links = [
    campaign.plan ? airflowLink(taskUrl(campaign.plan), t("plan_task")) : null,
    campaign.report ? airflowLink(taskUrl(campaign.report), t("report_task")) : null,
  ];
  return h("section", {}, h("h2", {}, t("report")), totals.html ? place(totals.html) : null, h("p", { class: "links" }, links));
}

// Storage is where the workers reach it, which a browser seldom does.
function place(uri) {
  const isWeb = /^https?:\/\//.test(uri);
  return h("p", {}, `${t("report_at")} `, isWeb ? h("a", { href: uri, target: "_blank", rel: "noreferrer" }, uri) : h("code", {}, uri), " ", copyButton(uri));
}

function copyButton(text) {
  const copy = async (event) => {
    const button = event.currentTarget;
    await navigator.clipboard.writeText(text);
    button.textContent = t("copied");
  };
  return h("button", { type: "button", onclick: copy }, t("copy"));
}

export function airflowLink(href, text) {
  return h("a", { href, onclick: openInAirflow }, text);
}
