/* The way without a camera: this device solves a puzzle, in workers, so that the page stays awake. */
import { Refusal, ask } from "./service.js";

const MOST_WORKERS = 4;

/** Return the token; `onProgress` hears how much of the most work there can be is done, 0–1. */
export async function passByWork({ binding, tries, signal, onProgress }) {
  if (!globalThis.crypto?.subtle) throw new Refusal("insecure");
  const offered = await ask("v1/work", { body: binding, signal });
  if (!offered.challenge) return dummyToken(offered);
  const solution = await solve(offered.challenge.parameters, { tries, signal, onProgress });
  return (await ask(`v1/work/${offered.id}`, { body: solution, signal })).token;
}

/** A dummy site key has no puzzle: it passes or fails at once. */
function dummyToken(offered) {
  if (offered.token) return offered.token;
  throw new Refusal(offered.reason || "refused");
}

export function solve(parameters, { tries, signal, onProgress }) {
  const count = Math.min(Math.max(navigator.hardwareConcurrency || 2, 1), MOST_WORKERS);
  const workers = Array.from({ length: count }, () => new Worker(new URL("./worker.js", import.meta.url)));
  let tried = 0;
  let exhausted = 0;
  const found = new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(new Refusal("cancelled")), { once: true });
    workers.forEach((worker, start) => {
      worker.onerror = () => reject(new Refusal("failed"));
      worker.onmessage = ({ data }) => {
        if (data.solution) resolve(data.solution);
        else if (data.exhausted && ++exhausted === count) reject(new Refusal("failed"));
        else if (data.tried) onProgress(Math.min((tried += data.tried) / tries, 1));
      };
      worker.postMessage({ parameters, start, step: count, most: tries });
    });
  });
  return found.finally(() => workers.forEach((worker) => worker.terminate()));
}
