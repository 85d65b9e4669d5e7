// The tab of a DAG run: its campaigns, and its other telephony tasks.

import { RunTasks, taskUrl } from "./airflow.js";
import { airflowLink, campaignPage } from "./campaign_view.js";
import { RunCampaigns } from "./campaigns.js";
import { h, numbers, table, words } from "./dom.js";
import { count, t } from "./settings.js";

const OTHERS = [
  "DirectcallPlaceCallOperator", "DirectcallSendSMSOperator", "_SMSDecoratedOperator", "DirectcallSendVoiceMessageOperator",
  "DirectcallTaggedCallSensor", "DirectcallMessageDeliverySensor", "DirectcallReplySensor", "DirectcallRecordingSensor",
  "DirectcallPlanNumberRulesOperator", "DirectcallApplyNumberRulesOperator", "DirectcallRestoreNumberRulesOperator",
  "DirectcallUpdateNumberRuleOperator", "DirectcallAddSoundOperator", "DirectcallArchiveRecordingsOperator", "DirectcallExportStatementOperator",
];

export class Run {
  constructor(dagId, runId) {
    Object.assign(this, { dagId, runId });
    this.campaigns = new RunCampaigns(dagId, runId);
    this.others = new RunTasks(dagId, runId, OTHERS);
  }
  async refresh() {
    const campaigns = await this.campaigns.refresh();
    return { campaigns, others: await this.others.refresh() };
  }
}

export function runPage({ campaigns, others }) {
  if (campaigns.length + others.length === 0) return [h("p", { class: "empty" }, t("no_run_tasks"))];
  return [campaigns.map(campaignPage), others.length ? otherTasks(others) : null];
}

// One row for each task and state, however often it is mapped.
function otherTasks(tasks) {
  const rows = new Map();
  for (const task of tasks) {
    const name = [task.task_id, task.state].join("\n");
    rows.set(name, { task, count: (rows.get(name)?.count ?? 0) + 1 });
  }
  const cells = [...rows.values()].map(({ task, count: many }) => [airflowLink(taskUrl(task), task.task_id), task.operator_name ?? task.operator, t(task.state ?? "none"), count(many)]);
  return h("section", {}, h("h2", {}, t("other_tasks")), table(t("other_tasks"), [...words(t("task"), t("what"), t("state")), ...numbers(t("tasks"))], cells));
}
