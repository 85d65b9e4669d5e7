// The page: which view is shown, and when it is read again.

import { RequestError } from "./airflow.js";
import { campaignList, campaignPage } from "./campaign_view.js";
import { NewestCampaigns, RunCampaigns } from "./campaigns.js";
import { h, renew } from "./dom.js";
import { Numbers, numbersPage } from "./numbers.js";
import { Run, runPage } from "./run.js";
import { followAirflow, language, t, timeZone } from "./settings.js";
import { Waits, waitsPage } from "./waits.js";

// Seconds between two rounds, at least. A round that took long is followed by a longer pause, so that the page takes
// no more than a tenth of a worker of Airflow's server, even a slow one.
const PAUSES = { campaigns: 10, campaign: 10, run: 10, numbers: 60, waits: 30 };
const PAUSE_PER_ROUND = 9;
const ENDED_PAUSE = 60;
const LONGEST_PAUSE = 300;

// Airflow 3.1 leaves the "+" of a run's id as it is, so it is no space here.
function query() {
  const pairs = location.search.slice(1).split("&").filter(Boolean).map((pair) => pair.split("="));
  return Object.fromEntries(pairs.map(([name, ...value]) => [name, decodeURIComponent(value.join("="))]));
}

function viewOf({ view = "campaigns", dag, run, group }) {
  if (view === "campaign" && dag && run) {
    const one = new RunCampaigns(dag, run, group ?? "");
    const draw = (campaigns) => (campaigns.length ? campaigns.map(campaignPage) : [h("p", { class: "empty" }, t("no_campaigns"))]);
    return { name: "campaign", read: () => one.refresh(), draw, hasEnded: isOver };
  }
  if (view === "run" && dag && run) {
    const one = new Run(dag, run);
    return { name: "run", read: () => one.refresh(), draw: runPage, hasEnded: ({ campaigns, others }) => isOver(campaigns) && others.every((task) => task.end_date !== null) };
  }
  if (view === "numbers") {
    const all = new Numbers();
    return { name: "numbers", read: () => all.refresh(), draw: (data) => numbersPage(data, all.choices, redraw) };
  }
  if (view === "waits") {
    const waits = new Waits();
    return { name: "waits", read: () => waits.refresh(), draw: waitsPage };
  }
  const newest = new NewestCampaigns();
  return { name: "campaigns", read: () => newest.refresh(), draw: campaignList };
}

const isOver = (campaigns) => campaigns.every((campaign) => campaign.hasEnded && !campaign.unread);

const main = document.getElementById("main");
const notice = document.getElementById("notice");
const asked = query();
const view = viewOf(asked);
let data;
let timer;
let isReading = false;

function redraw(renewInputs = false) {
  const fresh = main.cloneNode(false);
  fresh.append(...view.draw(data).flat().filter(Boolean));
  renew(main, fresh);
  if (renewInputs) for (const input of fresh.querySelectorAll("input")) document.getElementById(input.id).value = input.value;
}

async function round() {
  if (isReading || document.hidden) return;
  isReading = true;
  const began = performance.now();
  let pause = PAUSES[view.name];
  try {
    data = await view.read();
    redraw();
    pause = Math.max(view.hasEnded?.(data) ? ENDED_PAUSE : pause, (PAUSE_PER_ROUND * (performance.now() - began)) / 1000);
    report(t("refreshed", { time: new Intl.DateTimeFormat(language, { timeStyle: "medium", timeZone }).format(new Date()), seconds: Math.round(pause) }));
  } catch (error) {
    pause = ENDED_PAUSE;
    if (error instanceof RequestError && error.isSignedOut) {
      report(t("signed_out"), "error");
      return;
    }
    report(error instanceof RequestError && error.status === 403 ? t("forbidden") : t("failed_read", { error: error.message }), "error");
  } finally {
    isReading = false;
  }
  clearTimeout(timer);
  timer = setTimeout(round, Math.min(pause, LONGEST_PAUSE) * 1000);
}

function report(text, kind = "") {
  notice.textContent = text;
  notice.className = kind;
}

function header() {
  const link = (name, href, isCurrent) => h("a", { href, "aria-current": isCurrent ? "page" : null }, t(name));
  if (view.name === "run") return [];
  return [
    h("strong", {}, t("telephony")),
    h("nav", { "aria-label": t("telephony") }, link("campaigns", "./", ["campaigns", "campaign"].includes(view.name)), link("numbers", "?view=numbers", view.name === "numbers"), link("waits", "?view=waits", view.name === "waits")),
  ];
}

followAirflow();
document.title = t("telephony");
document.getElementById("header").append(...header());
main.append(h("p", { class: "empty" }, t("loading")));
document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (document.hidden) report(t("paused"));
  else round();
});
round();
