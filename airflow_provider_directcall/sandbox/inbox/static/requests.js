/** Requests to the sandbox's control endpoints. */

const BASE = "/_sandbox/";

async function read(response) {
  const reply = await response.json();
  if (!response.ok) throw new Error(reply.error);
  return reply;
}

/** Read an endpoint; parameters without a value are left out. */
export async function get(name, parameters = {}, signal = undefined) {
  const given = Object.entries(parameters).filter(([, value]) => value !== "" && value !== null);
  return read(await fetch(`${BASE}${name}?${new URLSearchParams(given)}`, { signal }));
}

/** Change something through an endpoint. */
export async function send(method, name, body = {}) {
  return read(await fetch(BASE + name, { method, body: JSON.stringify(body) }));
}
