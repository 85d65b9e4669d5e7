// The routing of each number as it was last planned or applied: its week, its exceptions, and a call at any time.

import { runUrl, taskInstances, xcom } from "./airflow.js";
import { airflowLink } from "./campaign_view.js";
import { h, table, words } from "./dom.js";
import { count, language, moment, t } from "./settings.js";

const RESTORE = "DirectcallRestoreNumberRulesOperator";
const OPERATORS = ["DirectcallApplyNumberRulesOperator", "DirectcallPlanNumberRulesOperator", RESTORE];
const MOST_TASKS = 60;
const MOST_NUMBERS = 12;
const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const EXCEPTIONS = ["holiday", "override", "emergency"];
const DAY_MINUTES = 24 * 60;

export class Numbers {
  #read = new Map();
  constructor() {
    this.choices = new Map();
  }
  // The newest run of each task; what it has left does not change any more.
  async refresh() {
    const { found } = await taskInstances("~", "~", { operator: OPERATORS, state: "success", order_by: "-start_date", limit: MOST_TASKS });
    const newest = new Map();
    for (const task of found) {
      const name = [task.dag_id, task.task_id, task.map_index].join("\n");
      if (!newest.has(name)) newest.set(name, task);
    }
    const all = [...newest.values()];
    const isRestore = (task) => (task.operator_name ?? task.operator) === RESTORE;
    const weeks = await this.#results(all.filter((task) => !isRestore(task)), readWeek);
    return byNumber(weeks, await this.#results(all.filter(isRestore), readRestore));
  }
  async #results(tasks, readResult) {
    const results = [];
    for (const task of tasks.slice(0, MOST_NUMBERS)) {
      const name = [task.dag_id, task.dag_run_id, task.task_id, task.map_index, task.end_date].join("\n");
      if (!this.#read.has(name)) this.#read.set(name, await readResult(task));
      results.push(this.#read.get(name));
    }
    return results.filter((each) => each !== null);
  }
}

async function readWeek(task) {
  const week = await xcom(task, "week");
  if (week === undefined) return null;
  // A plan's result may hold numbers in full; the number of its writes does not.
  const result = week.action === "applied" ? await xcom(task, "return_value") : { writes: await xcom(task, "writes") };
  // What a user has chosen stays chosen when the next run comes.
  const id = `number-${task.dag_id}-${task.task_id}-${task.map_index}`;
  return { id, task, week, writes: result?.writes ?? null, drift: result?.drift ?? null };
}

async function readRestore(task) {
  const result = await xcom(task, "return_value");
  return result?.did ? { task, did: result.did } : null;
}

// The tasks of each number, the newest first, and a restore after the last apply task. Numbers are known as masked.
function byNumber(weeks, restores) {
  const numbers = new Map();
  const newestFirst = [...weeks].sort((one, other) => new Date(other.week.made_at) - new Date(one.week.made_at));
  for (const each of newestFirst) numbers.set(each.week.did, [...(numbers.get(each.week.did) ?? []), each]);
  return [...numbers].map(([did, tasks]) => {
    const applied = tasks.filter(({ week }) => week.action === "applied");
    const isLater = (each) => each.did === did && applied.length > 0 && new Date(each.task.end_date) > new Date(applied[0].week.made_at);
    return { did, tasks, last: applied.length > 1 ? applied[0] : null, restored: restores.find(isLater) ?? null };
  });
}

export function numbersPage(all, choices, redraw) {
  if (all.length === 0) return [h("p", { class: "empty" }, t("no_numbers"))];
  return all.map(({ did, tasks, last, restored }) =>
    h(
      "section",
      { id: `of-${did}` },
      h("h2", {}, t("number", { did })),
      restored ? h("p", { class: "alert" }, `${t("restored", { time: moment(restored.task.end_date) })} `, runLink(restored.task), `. ${t("not_live")}`) : null,
      tasks.map((each) => numberCard(each, choiceOf(choices, each), each === last && !restored, redraw)),
    ),
  );
}

const runLink = (task) => airflowLink(runUrl(task.dag_id, task.dag_run_id), t("by_task", { task: task.task_id, dag: task.dag_id }));

function choiceOf(choices, { id, week }) {
  if (!choices.has(id)) choices.set(id, { isUsers: false });
  const choice = choices.get(id);
  if (!choice.isUsers) choice.at = isForToday(week) ? nowIn(week.timezone) : `${week.first_day}T12:00`;
  return choice;
}

// Rules have no dates; those that a task makes are for seven days at most.
function isForToday(week) {
  const now = nowIn(week.timezone);
  return now >= week.first_day && now < week.rules_until;
}

// Local time of a zone as "2026-12-24T15:00".
function nowIn(zone) {
  const options = { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const parts = Object.fromEntries(new Intl.DateTimeFormat("en", options).formatToParts(new Date()).map((part) => [part.type, part.value]));
  return `${parts.year}-${parts.month}-${parts.day}T${parts.hour}:${parts.minute}`;
}

// Days are counted in UTC, where none has 23 hours.
const dayOf = (text) => new Date(`${text.slice(0, 10)}T00:00Z`);
const later = (day, days) => new Date(day.getTime() + days * 86400000);
const iso = (day) => day.toISOString().slice(0, 10);
const weekday = (day) => (day.getUTCDay() + 6) % 7;
const minutes = (clock) => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3, 5));
const dayName = (day) => new Intl.DateTimeFormat(language, { day: "2-digit", month: "2-digit", timeZone: "UTC" }).format(day);
const longDay = (day) => new Intl.DateTimeFormat(language, { dateStyle: "long", timeZone: "UTC" }).format(day);

// The segments of a day: [begins, ends, answer, reason]. A day with an exception has nothing else.
export function segmentsOn(week, day) {
  const date = iso(day);
  const next = iso(later(day, 1));
  const dated = week.exceptions.filter(([begins, ends]) => begins.slice(0, 10) < next && ends > `${date}T00:00`);
  if (dated.length === 0) return week.week[weekday(day)].map(([begins, ends, answer]) => [begins, ends, answer, ""]);
  return dated.map(([begins, ends, answer, reason]) => [begins < `${date}T00:00` ? "00:00" : begins.slice(11), ends >= `${next}T00:00` ? "24:00" : ends.slice(11), answer, reason]);
}

export function answerAt(week, at) {
  const clock = at.slice(11, 16);
  return segmentsOn(week, dayOf(at)).find(([begins, ends]) => begins <= clock && clock < ends);
}

function numberCard({ id, task, week, writes, drift }, choice, isLast, redraw) {
  const made = t(week.action === "applied" ? "number_applied" : "number_planned", { time: moment(week.made_at) });
  return h(
    "section",
    { class: "card", id },
    h("h3", {}, `${made} `, runLink(task), isLast ? [" ", h("span", { class: "badge done" }, t("last_applied"))] : null),
    isForToday(week) ? null : h("p", {}, t("made_for", { first: longDay(dayOf(week.first_day)), last: longDay(later(dayOf(week.rules_until), -1)) })),
    writes === null ? null : h("p", {}, t(week.action === "applied" ? "writes_applied" : "writes_planned", { count: count(writes) })),
    drift ? driftText(drift) : null,
    question(week, choice, id, redraw),
    weekRows(week, choice, redraw),
    exceptionRows(week),
    h("details", {}, h("summary", {}, t("answers")), table(t("answers"), words(t("state"), t("in_order")), week.answers.map((each) => [stateMark(each.state), each.steps.map(inWords).join("; ")]))),
  );
}

function driftText(drift) {
  if (!drift.known) return h("p", {}, `${t("drift")}: ${t("drift_unknown")}`);
  if (drift.unexpected.length + drift.missing.length === 0) return h("p", {}, `${t("drift")}: ${t("drift_none")}`);
  return h(
    "div",
    { class: "alert" },
    h("strong", {}, t("drift")),
    h("ul", {}, drift.unexpected.map((rule) => h("li", {}, `${t("drift_unexpected")}: ${rule}`)), drift.missing.map((rule) => h("li", {}, `${t("drift_missing")}: ${rule}`))),
    drift.done ? h("p", {}, t("drift_done", { policy: drift.done })) : null,
  );
}

const stateMark = (state) => h("span", { class: `dot ${state}` }, t(state));

function question(week, choice, id, redraw) {
  const choose = (event) => {
    choice.isUsers = true;
    if (event.target.value) choice.at = event.target.value;
    redraw();
  };
  const input = h("input", { type: "datetime-local", id: `${id}-at`, value: choice.at, min: `${week.first_day}T00:00`, oninput: choose, "data-keep": choice.isUsers });
  const isBefore = choice.at < week.first_day;
  const [, , answer, reason] = (isBefore ? null : answerAt(week, choice.at)) ?? [];
  const chosen = week.answers[answer];
  return h(
    "div",
    { class: "question" },
    h("label", { for: `${id}-at` }, t("at_time")),
    input,
    h("span", { class: "faint" }, t("local_time", { zone: week.timezone })),
    h(
      "div",
      { class: "answer", "aria-live": "polite" },
      chosen ? [h("p", {}, stateMark(chosen.state), bare(reason, chosen.state) ? `: ${bare(reason, chosen.state)}` : ""), h("ol", {}, chosen.steps.map((step) => h("li", {}, inWords(step))))] : null,
      isBefore ? h("p", { class: "faint" }, t("before", { day: longDay(dayOf(week.first_day)) })) : null,
      choice.at.slice(0, 10) > week.last_day ? h("p", { class: "faint" }, t("beyond", { day: longDay(dayOf(week.last_day)) })) : null,
      isLaterThanRules(week, choice.at) ? h("p", { class: "faint" }, t("not_written_yet", { day: longDay(later(dayOf(week.rules_until), -1)) })) : null,
    ),
  );
}

// One rule of a chain. The vendor's own word stands for an action that is not known here.
function inWords({ action, target, seconds, records, ends, callers }) {
  const name = action === "sound" && ends ? "step_sound_ends" : `step_${action}`;
  const step = t(name, { target: target ?? "–", seconds: seconds ?? "–" });
  return [step === name ? action : step, records ? t("step_records") : null, callers ? t("step_callers", { callers: callers.join(", ") }) : null].filter(Boolean).join(", ");
}

const isLaterThanRules = (week, at) => week.action === "applied" && week.rules_until !== null && at >= week.rules_until.slice(0, 16);

// "holiday: Natal" beside the word for holiday is "Natal"; ordinary hours need no reason.
function bare(reason = "", state) {
  if (reason === state || !EXCEPTIONS.includes(state)) return "";
  return reason.startsWith(`${state}: `) ? reason.slice(state.length + 2) : reason;
}

function weekRows(week, choice, redraw) {
  const chosen = dayOf(choice.at);
  const monday = later(chosen, -weekday(chosen));
  const go = (days) => () => {
    choice.isUsers = true;
    choice.at = `${iso(later(dayOf(choice.at), days))}${choice.at.slice(10)}`;
    redraw(true);
  };
  const rows = WEEKDAYS.map((name, index) => {
    const day = later(monday, index);
    const parts = iso(day) < week.first_day ? [] : segmentsOn(week, day);
    return h(
      "div",
      { class: `day${iso(day) === iso(chosen) ? " chosen" : ""}` },
      h("span", { class: "name" }, `${t(name)} ${dayName(day)}`),
      h("span", { class: "hours" }, parts.map((part) => segment(week, part))),
    );
  });
  return h(
    "div",
    { class: "week", role: "group", "aria-label": t("week_of", { day: longDay(monday) }) },
    h(
      "p",
      { class: "links" },
      h("button", { type: "button", onclick: go(-7), disabled: iso(monday) <= week.first_day, "aria-label": t("earlier"), title: t("earlier") }, "‹"),
      h("strong", {}, t("week_of", { day: longDay(monday) })),
      h("button", { type: "button", onclick: go(7), "aria-label": t("later"), title: t("later") }, "›"),
    ),
    rows,
    h("p", { class: "scale", "aria-hidden": "true" }, ["0", "6", "12", "18", "24"].map((hour) => h("span", {}, hour))),
  );
}

function segment(week, [begins, ends, answer, reason]) {
  const { state } = week.answers[answer];
  const text = [`${begins}–${ends}`, t(state), bare(reason, state)].filter(Boolean).join(" ");
  return h("span", { class: `segment ${state}`, grow: (minutes(ends) - minutes(begins)) / DAY_MINUTES, title: text }, h("span", { class: "label" }, text));
}

function exceptionRows(week) {
  const special = week.exceptions.filter(([, , answer]) => EXCEPTIONS.includes(week.answers[answer].state));
  const rows = special.map(([begins, ends, answer, reason]) => [`${localTime(begins)} – ${localTime(ends)}`, stateMark(week.answers[answer].state), bare(reason, week.answers[answer].state)]);
  return h(
    "details",
    {},
    h("summary", {}, `${t("exceptions")} (${rows.length})`),
    rows.length ? table(t("exceptions"), words(t("when"), t("state"), t("why")), rows) : h("p", {}, t("no_exceptions")),
  );
}

const localTime = (text) => new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" }).format(new Date(`${text}Z`));
