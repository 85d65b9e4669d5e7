// Airflow's public REST API, read with the user's own session; and the ways to Airflow's own pages.

const BASE = new URL("../../", document.baseURI);
const API = new URL("api/v2/", BASE);
const SECONDS = 30;
const PAGE = 100;

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

// Task instances, at most so many pages of them, and how many there are.
export async function taskInstances(dagId, runId, query, mostPages = 1) {
  const found = [];
  let total = 0;
  for (let page = 0; page < mostPages; page += 1) {
    const reply = await read(`${runPath(dagId, runId)}/taskInstances`, { limit: PAGE, offset: page * PAGE, ...query });
    found.push(...reply.task_instances);
    total = reply.total_entries;
    if (found.length >= total || reply.task_instances.length === 0) break;
  }
  return { found, total };
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
