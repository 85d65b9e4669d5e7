// Tasks that wait without a worker: how many for what, and how old.

import { taskInstances, taskUrl } from "./airflow.js";
import { airflowLink } from "./campaign_view.js";
import { h, numbers, table, words } from "./dom.js";
import { age, count, duration, t } from "./settings.js";

const KINDS = {
  DirectcallPlaceCallOperator: "kind_call",
  DirectcallSendSMSOperator: "kind_sms",
  _SMSDecoratedOperator: "kind_sms",
  DirectcallSendVoiceMessageOperator: "kind_voice",
  DirectcallTaggedCallSensor: "kind_tagged",
  DirectcallMessageDeliverySensor: "kind_delivery",
  DirectcallReplySensor: "kind_reply",
  DirectcallRecordingSensor: "kind_recording",
  DirectcallSendCampaignOperator: "kind_send",
  DirectcallTrackCampaignOperator: "kind_track",
  DirectcallApproveCampaignOperator: "kind_approve",
  DirectcallArchiveRecordingsOperator: "kind_archive",
  DirectcallExportStatementOperator: "kind_export",
};
const STATES = ["deferred", "up_for_reschedule"];

export class Waits {
  async refresh() {
    const { found, total } = await taskInstances("~", "~", { operator: Object.keys(KINDS), state: STATES, order_by: "start_date" });
    const kinds = new Map();
    for (const task of found) {
      const kind = KINDS[task.operator] ?? task.operator;
      kinds.set(kind, [...(kinds.get(kind) ?? []), task]);
    }
    const rows = [...kinds].map(([kind, tasks]) => ({ kind, count: tasks.length, oldest: tasks[0], looks: tasks.map((task) => age(task.trigger?.created_date ?? null)) }));
    // Not all of them have arrived: ask for the number of each kind.
    if (total > found.length) for (const [kind, operators] of operatorsByKind()) await recount(rows, kind, operators);
    return { rows: rows.sort((one, other) => other.count - one.count), total, seen: found.length };
  }
}

function operatorsByKind() {
  const kinds = new Map();
  for (const [operator, kind] of Object.entries(KINDS)) kinds.set(kind, [...(kinds.get(kind) ?? []), operator]);
  return kinds;
}

async function recount(rows, kind, operators) {
  const { found, total } = await taskInstances("~", "~", { operator: operators, state: STATES, order_by: "start_date", limit: 1 });
  const row = rows.find((each) => each.kind === kind);
  if (row) row.count = total;
  else if (total) rows.push({ kind, count: total, oldest: found[0], looks: [] });
}

export function waitsPage({ rows, total, seen }) {
  if (rows.length === 0) return [h("p", { class: "empty" }, t("no_waits"))];
  const heads = [...words(t("waits_for")), ...numbers(t("tasks"), t("oldest"), t("oldest_wait")), ...words(t("oldest_task"))];
  const cells = rows.map((row) => [
    t(row.kind),
    count(row.count),
    duration(age(row.oldest.start_date)),
    duration(longest(row.looks)),
    airflowLink(taskUrl(row.oldest), `${row.oldest.dag_id} · ${row.oldest.task_id}`),
  ]);
  return [
    h("h1", {}, t("deferred_total", { count: count(total) })),
    table(t("waits"), heads, cells),
    total > seen ? h("p", { class: "faint" }, t("sample", { count: count(seen) })) : null,
    h("p", { class: "faint" }, t("subclasses")),
  ];
}

const longest = (ages) => {
  const given = ages.filter((each) => each !== null);
  return given.length ? Math.max(...given) : null;
};
