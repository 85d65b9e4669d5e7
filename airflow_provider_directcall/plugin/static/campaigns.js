// Campaigns as data: which task instances belong together, and what their XComs add up to. Nothing here draws.

import { RunTasks, taskInstances, xcom } from "./airflow.js";

const PLAN = "DirectcallPlanCampaignOperator";
const APPROVE = "DirectcallApproveCampaignOperator";
const SEND = "DirectcallSendCampaignOperator";
const TRACK = "DirectcallTrackCampaignOperator";
const REPORTS = ["CampaignReportOperator", "DirectcallReportCampaignOperator"];
const OPERATORS = [PLAN, APPROVE, SEND, TRACK, ...REPORTS];
const ENDED = new Set(["success", "failed", "upstream_failed", "skipped", "removed"]);
const RESTING = new Set(["deferred", "up_for_reschedule", "up_for_retry"]);
const LISTED = 10;
// XComs of one round, whatever the number of chunks. The ones with the oldest values come first.
export const READS_A_ROUND = 8;
const FIRST_READS = 24;

const groupOf = (taskId) => taskId.slice(0, Math.max(0, taskId.lastIndexOf(".")));

// So many XComs may still be read in this round.
export class Allowance {
  constructor(reads) {
    this.left = reads;
  }
  take() {
    this.left -= 1;
    return this.left >= 0;
  }
}

// XComs of ended tasks are read once, those of others again when their turn comes.
class Values {
  #known = new Map();
  #name = (task, key) => [task.task_id, task.map_index, key].join("\n");
  #stamp = (task) => [task.try_number, task.state, task.end_date].join("\n");

  get(task, key) {
    return this.#known.get(this.#name(task, key))?.value;
  }
  isCurrent(task, key) {
    const known = this.#known.get(this.#name(task, key));
    return known !== undefined && ENDED.has(task.state) && known.stamp === this.#stamp(task);
  }
  readAt(task, key) {
    return this.#known.get(this.#name(task, key))?.at ?? 0;
  }
  async read(task, key, allowance) {
    if (this.isCurrent(task, key) || !allowance.take()) return;
    const value = await xcom(task, key);
    const known = this.#known.get(this.#name(task, key));
    // A task that begins again has lost its XComs, and its last counts are still the best ones.
    this.#known.set(this.#name(task, key), { value: value ?? known?.value, at: Date.now(), stamp: this.#stamp(task) });
  }
}

export class Campaign {
  #values = new Values();
  constructor(dagId, runId, group) {
    Object.assign(this, { dagId, runId, group, tasks: [] });
  }

  #first(...operators) {
    return this.tasks.find((task) => operators.includes(task.operator));
  }
  #mapped(operator) {
    return this.tasks.filter((task) => task.operator === operator && task.map_index >= 0 && task.state !== "removed");
  }
  get plan() {
    return this.#first(PLAN);
  }
  get report() {
    return this.#first(...REPORTS);
  }
  get hasEnded() {
    const last = this.report;
    return last !== undefined && ENDED.has(last.state);
  }

  // Takes over the newest states of its tasks, and reads what has changed of their XComs.
  async refresh(tasks, allowance) {
    this.tasks = tasks.filter((task) => groupOf(task.task_id) === this.group);
    const reads = [];
    if (this.plan !== undefined && this.plan.state === "success") reads.push([this.plan, "return_value"]);
    if (this.hasEnded && this.report.state !== "skipped") reads.push([this.report, "report"]);
    const chunks = [...this.#mapped(SEND).flatMap((task) => this.#sendKeys(task)), ...this.#mapped(TRACK).map((task) => [task, trackKey(task)])];
    const due = chunks.filter(([task, key]) => key !== null && !this.#values.isCurrent(task, key));
    due.sort((one, other) => this.#values.readAt(...one) - this.#values.readAt(...other));
    for (const [task, key] of [...reads, ...due]) await this.#values.read(task, key, allowance);
    this.unread = due.filter(([task, key]) => this.#values.readAt(task, key) === 0).length;
  }

  // Which XComs say the most about a send task in its state. The reasons of an ended one are in its last progress.
  #sendKeys(task) {
    if (task.state === "running") return [[task, "progress"]];
    if (RESTING.has(task.state) || task.state === "failed") return [[task, "outcome"]];
    if (task.state !== "success") return [];
    const states = this.#values.get(task, "return_value")?.states ?? {};
    const needsReasons = !this.hasEnded && refusedIn(states) > 0;
    return [[task, "return_value"], ...(needsReasons ? [[task, "progress"]] : [])];
  }

  get status() {
    const states = (operator) => this.#mapped(operator).map((task) => task.state);
    const sending = states(SEND);
    const approval = this.#first(APPROVE)?.state;
    if (this.hasEnded) return { success: "done", skipped: "nothing" }[this.report.state] ?? "failed";
    if (["failed", "upstream_failed"].includes(this.plan?.state)) return "failed";
    if (this.report?.state === "running") return "reporting";
    if (sending.includes("running")) return "sending";
    if (sending.some((state) => RESTING.has(state))) return "waiting";
    if (sending.some((state) => state && !ENDED.has(state))) return "sending";
    if (states(TRACK).some((state) => state && !ENDED.has(state))) return "following";
    if (["running", "deferred"].includes(approval)) return "approval";
    return this.plan?.state === "success" ? "planned" : "planning";
  }

  get chunks() {
    const tracks = new Map(this.#mapped(TRACK).map((task) => [task.map_index, task]));
    const names = this.summary?.chunks ?? [];
    return this.#mapped(SEND).map((task) => this.#chunk(task, tracks.get(task.map_index), names[task.map_index]));
  }
  get summary() {
    return this.plan && this.#values.get(this.plan, "return_value");
  }

  #chunk(task, track, name) {
    const progress = this.#values.get(task, "progress");
    const outcome = ENDED.has(task.state) && task.state === "success" ? this.#values.get(task, "return_value") : this.#values.get(task, "outcome");
    const followed = track && (this.#values.get(track, "return_value") ?? this.#values.get(track, "progress"));
    const isRunning = task.state === "running";
    const sent = isRunning || !outcome ? (progress?.sent ?? 0) : (outcome.states.sent ?? 0);
    return {
      name: name ?? String(task.map_index),
      state: task.state ?? "none",
      tracked: track?.state ?? null,
      sent,
      total: progress?.total ?? (outcome ? sum(Object.values(outcome.states)) + (outcome.waiting ?? 0) : null),
      rate: isRunning ? (progress?.per_second ?? null) : null,
      secondsLeft: isRunning ? (progress?.seconds_left ?? null) : null,
      states: { ...(outcome && !isRunning ? outcome.states : sent ? { sent } : {}), ...renamed(followed) },
      failures: progress?.failures ?? {},
      notReached: isRunning || !outcome ? sum(Object.values(progress?.failures ?? {})) : refusedIn(outcome.states),
      parts: isRunning ? null : (outcome?.parts ?? null),
      cost: isRunning ? null : (outcome?.cost_brl ?? null),
      stopped: isRunning ? null : (outcome?.stopped ?? null),
    };
  }

  // All chunks together; the report's counts as soon as there is one.
  get totals() {
    const plan = this.summary;
    const report = this.report && this.#values.get(this.report, "report");
    const chunks = this.chunks;
    const sent = sum(chunks.map((chunk) => chunk.sent));
    const rate = sum(chunks.map((chunk) => chunk.rate ?? 0));
    const failures = added(chunks.map((chunk) => chunk.failures));
    const total = plan?.accepted ?? null;
    const notReached = sum(chunks.map((chunk) => chunk.notReached));
    const open = total === null ? null : Math.max(0, total - sent - notReached);
    const states = report?.states ?? { ...withoutAccepted(plan?.states), ...added(chunks.map((chunk) => chunk.states)) };
    return {
      total,
      // The chunks of an ended campaign are read after its report.
      sent: report !== undefined && this.unread ? null : sent,
      rate: this.hasEnded ? null : rate || null,
      secondsLeft: rate && open ? open / rate : null,
      states,
      contacts: report?.contacts ?? sum(Object.values(states)),
      reasons: report?.reasons ?? Object.entries(failures).map(([reason, contacts]) => ["", reason, contacts]),
      leftOut: Object.entries(plan?.reasons ?? {}),
      notReached,
      parts: report ? report.parts : known(chunks.map((chunk) => chunk.parts)),
      cost: report ? report.cost_brl : known(chunks.map((chunk) => chunk.cost)),
      plannedParts: plan?.parts ?? null,
      plannedCost: plan?.cost_brl ?? null,
      isFinal: report !== undefined,
      stopped: [...new Set(chunks.map((chunk) => chunk.stopped).filter(Boolean))],
      html: report?.html ?? null,
      curve: report?.curve ?? null,
      hours: report?.hours ?? [],
      timezone: report?.timezone ?? null,
    };
  }
}

// A track task has written its progress before it defers.
function trackKey(task) {
  return { success: "return_value", deferred: "progress" }[task.state] ?? null;
}

const refusedIn = (states) => (states.refused ?? 0) + (states.unknown ?? 0);

// What the statement says of contacts takes the place of "sent"; their sum stays the same.
function renamed(followed) {
  return followed && Object.keys(followed.states ?? {}).length ? { sent: 0, ...followed.states } : {};
}

const sum = (values) => values.reduce((total, value) => total + Number(value), 0);
const known = (values) => (values.some((value) => value !== null) ? sum(values.filter((value) => value !== null)) : null);
const withoutAccepted = (states = {}) => Object.fromEntries(Object.entries(states).filter(([state]) => state !== "accepted"));

function added(counts) {
  const total = {};
  for (const each of counts) for (const [name, value] of Object.entries(each)) total[name] = (total[name] ?? 0) + value;
  return total;
}

// The campaigns of one run.
export class RunCampaigns {
  #known = new Map();
  #isFirst = true;
  constructor(dagId, runId, group = null) {
    Object.assign(this, { dagId, runId, group, tasks: new RunTasks(dagId, runId, OPERATORS) });
  }
  async refresh(allowance = new Allowance(this.#isFirst ? FIRST_READS : READS_A_ROUND)) {
    this.#isFirst = false;
    const found = await this.tasks.refresh();
    for (const plan of found.filter((task) => task.operator === PLAN)) {
      const group = groupOf(plan.task_id);
      if (this.group !== null && this.group !== group) continue;
      if (!this.#known.has(group)) this.#known.set(group, new Campaign(this.dagId, this.runId, group));
    }
    for (const campaign of this.#known.values()) await campaign.refresh(found, allowance);
    return [...this.#known.values()];
  }
}

// The newest campaigns of all DAGs. Those that have ended are read once, of the others one after the other.
export class NewestCampaigns {
  #runs = new Map();
  #ended = new Set();
  #next = 0;
  async refresh() {
    const { found, total } = await taskInstances("~", "~", { operator: PLAN, order_by: "-start_date", limit: LISTED });
    const started = found.filter((plan) => plan.start_date);
    const names = started.map((plan) => [plan.dag_id, plan.dag_run_id].join("\n"));
    const open = [...new Set(names)].filter((name) => !this.#ended.has(name));
    const unread = open.filter((name) => !this.#runs.has(name));
    const turn = open[this.#next++ % Math.max(1, open.length)];
    const allowance = new Allowance(READS_A_ROUND + unread.length * 2);
    for (const name of new Set([...unread, turn].filter((each) => each !== undefined))) {
      const run = this.#runs.get(name)?.run ?? new RunCampaigns(...name.split("\n"));
      const campaigns = await run.refresh(allowance);
      this.#runs.set(name, { run, campaigns });
      if (campaigns.every((campaign) => campaign.hasEnded && !campaign.unread)) this.#ended.add(name);
    }
    const all = started.flatMap((plan, index) => (this.#runs.get(names[index])?.campaigns ?? []).filter((campaign) => campaign.group === groupOf(plan.task_id)));
    return { campaigns: all, total };
  }
}
