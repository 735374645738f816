// Asking the API. The key is kept for the tab only (sessionStorage), and travels in a header only, never in an address.

const STORED = "scout-api-key";
const PATIENCE_MS = 5000;

/** An answer that is none: `status` 0 when nobody answered; `detail` is a sentence. */
export class Refused extends Error {
  constructor(status, detail, retryAfter) {
    super(detail);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

export function hasKey() {
  return key() !== null;
}

export function forgetKey() {
  sessionStorage.removeItem(STORED);
}

/** Keep a key for this tab; false when it can't be one: keys are visible ASCII characters. */
export function keepKey(text) {
  const usable = /^[\x21-\x7e]+$/.test(text);
  if (usable) sessionStorage.setItem(STORED, text);
  return usable;
}

/** The JSON of `GET path`, relative to the API's root; throws Refused. */
export async function get(path) {
  const headers = { Accept: "application/json" };
  if (hasKey()) headers.Authorization = `Bearer ${key()}`;
  let response;
  try {
    response = await fetch(path, { headers, cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
    if (response.ok) return await response.json();
  } catch {
    throw new Refused(0, "The API does not answer.", null);
  }
  const problem = await response.json().catch(() => ({}));
  throw new Refused(response.status, problem.detail ?? response.statusText, Number(response.headers.get("Retry-After")) || null);
}

function key() {
  return sessionStorage.getItem(STORED);
}
