/* Asks the service, and turns whatever is not an answer into a refusal with a code. */

const PATIENCE = 8000; // milliseconds until a request that hangs counts as lost

export class Refusal extends Error {
  /** `wait`: seconds after which another try makes sense; 0 if it is not known. */
  constructor(code, wait = 0) {
    super(code);
    this.code = code;
    this.wait = wait;
  }
}

/** Ask a route; `body` is an object for JSON or a Blob for a frame, nothing for a GET. No answer, or half of one, is "network". */
export async function ask(path, { body, headers = {}, signal } = {}) {
  const line = new AbortController();
  const hangUp = () => line.abort();
  const timer = setTimeout(hangUp, PATIENCE);
  signal?.addEventListener("abort", hangUp);
  try {
    if (signal?.aborted) hangUp();
    return await read(await fetch(path, request(body, headers, line.signal)));
  } catch (error) {
    throw error instanceof Refusal ? error : new Refusal(signal?.aborted ? "cancelled" : "network");
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", hangUp);
  }
}

function request(body, headers, signal) {
  const options = { method: body === undefined ? "GET" : "POST", headers: { ...headers }, signal, cache: "no-store" };
  if (body === undefined) return options;
  if (body instanceof Blob) return { ...options, body };
  options.headers["Content-Type"] = "application/json";
  return { ...options, body: JSON.stringify(body) };
}

async function read(answer) {
  if (answer.ok) return answer.json();
  const said = await answer.json().catch(() => ({})); // a proxy on the way may answer in HTML
  throw new Refusal(said.error ?? (answer.status === 429 ? "rate-limited" : "network"), said.retry_after ?? 0);
}

export function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal?.addEventListener("abort", () => { clearTimeout(timer); reject(new Refusal("cancelled")); }, { once: true });
  });
}
