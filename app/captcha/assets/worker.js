/* Tries one counter after another until the key that is derived from it begins as the puzzle says (altcha v2, PBKDF2). */
const REPORT_EVERY = 16; // tries

const bytesOf = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const hexOf = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

async function derive(password, { salt, cost, keyLength }) {
  const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
  const rule = { name: "PBKDF2", hash: "SHA-256", salt, iterations: cost };
  return new Uint8Array(await crypto.subtle.deriveBits(rule, key, keyLength * 8));
}

onmessage = async ({ data: { parameters, start, step, most } }) => {
  const nonce = bytesOf(parameters.nonce);
  const password = new Uint8Array(nonce.length + 4);
  const counterAt = new DataView(password.buffer);
  const rule = { ...parameters, salt: bytesOf(parameters.salt) };
  password.set(nonce);
  let tried = 0;
  for (let counter = start; counter < most; counter += step) {
    counterAt.setUint32(nonce.length, counter);
    const derivedKey = hexOf(await derive(password, rule));
    if (derivedKey.startsWith(parameters.keyPrefix)) {
      postMessage({ solution: { counter, derivedKey } });
      return;
    }
    tried += 1;
    if (tried % REPORT_EVERY === 0) postMessage({ tried: REPORT_EVERY });
  }
  postMessage({ exhausted: true });
};
