/* Asks the service, and turns whatever is not an answer into a refusal with a code. */

export class Refusal extends Error {
  /** `wait`: seconds after which another try makes sense; 0 if it is not known. */
  constructor(code, wait = 0) {
    super(code);
    this.code = code;
    this.wait = wait;
  }
}

/** Ask a route; `body` is an object for JSON or a Blob for a frame, nothing for a GET. */
export async function ask(path, { body, headers = {}, signal } = {}) {
  const json = body !== undefined && !(body instanceof Blob);
  const options = { method: body === undefined ? "GET" : "POST", headers: { ...headers }, signal, cache: "no-store" };
  if (json) options.headers["Content-Type"] = "application/json";
  if (body !== undefined) options.body = json ? JSON.stringify(body) : body;
  const answer = await fetch(path, options).catch(() => {
    throw new Refusal(signal?.aborted ? "cancelled" : "network");
  });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refusal(said.error ?? (answer.status === 429 ? "rate-limited" : "network"), said.retry_after ?? 0);
  return said;
}

export function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal?.addEventListener("abort", () => { clearTimeout(timer); reject(new Refusal("cancelled")); }, { once: true });
  });
}
