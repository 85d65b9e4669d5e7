// Airflow's public REST API, read with the user's own session; and the ways to Airflow's own pages.

const BASE = new URL("../../", document.baseURI);
const API = new URL("api/v2/", BASE);
const SECONDS = 30;
// Airflow's limit.
const PAGE = 100;
const PAGES_A_ROUND = 2;
// A thousand chunks with their tracks; by default, Airflow maps a task to no more.
const MOST_PAGES = 22;
const ACTIVE = ["running", "queued", "scheduled", "deferred", "up_for_reschedule", "up_for_retry"];

export class RequestError extends Error {
  constructor(status) {
    super(`HTTP ${status}`);
    this.status = status;
  }
  get isSignedOut() {
    return this.status === 401 || this.status === 0;
  }
}

export async function read(path, query = {}) {
  const url = new URL(path, API);
  for (const [name, value] of Object.entries(query)) [value].flat().forEach((each) => url.searchParams.append(name, String(each)));
  const options = { headers: { Accept: "application/json" }, credentials: "same-origin", cache: "no-store" };
  // A proxy may answer with the way to its login page: status 0.
  const response = await fetch(url, { ...options, redirect: "manual", signal: AbortSignal.timeout(SECONDS * 1000) });
  if (!response.ok) throw new RequestError(response.status);
  return response.json();
}

const runPath = (dagId, runId) => `dags/${encodeURIComponent(dagId)}/dagRuns/${encodeURIComponent(runId)}`;

// A page of task instances, and how many there are.
export async function taskInstances(dagId, runId, query, page = 0) {
  const reply = await read(`${runPath(dagId, runId)}/taskInstances`, { limit: PAGE, offset: page * PAGE, ...query });
  return { found: reply.task_instances, total: reply.total_entries };
}

// All task instances of a run with certain operators. Once they are known, a round reads those that may have changed,
// and two pages of all, in turn: so a thousand chunks cost no more than a hundred.
export class RunTasks {
  #known = new Map();
  #pages = 1;
  #next = 0;
  constructor(dagId, runId, operators) {
    Object.assign(this, { dagId, runId, operators });
  }
  async refresh() {
    const isFirst = this.#known.size === 0;
    if (!isFirst && this.#pages > PAGES_A_ROUND) await this.#read({ state: ACTIVE }, 0);
    const most = isFirst ? MOST_PAGES : PAGES_A_ROUND;
    for (let read = 0; read < Math.min(most, this.#pages); read += 1) {
      const total = await this.#read({}, this.#next);
      this.#pages = Math.min(MOST_PAGES, Math.max(1, Math.ceil(total / PAGE)));
      this.#next = (this.#next + 1) % this.#pages;
    }
    return [...this.#known.values()].sort((one, other) => one.map_index - other.map_index);
  }
  async #read(query, page) {
    const { found, total } = await taskInstances(this.dagId, this.runId, { operator: this.operators, ...query }, page);
    for (const task of found) this.#known.set([task.task_id, task.map_index].join("\n"), task);
    return total;
  }
}

// The value of an XCom; undefined where there is none, or where the user may not see it.
export async function xcom(task, key) {
  const path = `${runPath(task.dag_id, task.dag_run_id)}/taskInstances/${encodeURIComponent(task.task_id)}/xcomEntries/${encodeURIComponent(key)}`;
  try {
    const reply = await read(path, { map_index: task.map_index, deserialize: false, stringify: false });
    return reply.value;
  } catch (error) {
    if (error instanceof RequestError && (error.status === 404 || error.status === 403)) return undefined;
    throw error;
  }
}

export function taskUrl(task) {
  const mapped = task.map_index >= 0 ? `/mapped/${task.map_index}` : "";
  return new URL(`${runUrl(task.dag_id, task.dag_run_id)}/tasks/${encodeURIComponent(task.task_id)}${mapped}`, BASE).href;
}

export function runUrl(dagId, runId) {
  return new URL(`dags/${encodeURIComponent(dagId)}/runs/${encodeURIComponent(runId)}`, BASE).href;
}

// The frame may not navigate the window around it, but that window's router listens to its history.
export function openInAirflow(event) {
  if (window.parent === window || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  window.parent.history.pushState(null, "", event.currentTarget.href);
  window.parent.dispatchEvent(new window.parent.PopStateEvent("popstate", { state: null }));
}
