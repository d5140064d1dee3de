// Sends requests one at a time, in order. Every job gets exactly one callback: done() or failed().
//
// A job has: request() -> {url, body}, which may throw a Failure; done(answer); failed(failure);
// and revoke(), if it can be cancelled before it is sent.

const TIMEOUT_MS = 30_000;
const NO_ANSWER = "The service does not answer. Your change may not have been applied; try again.";
const SIGNED_OUT = "You have been signed out. Sign in again; your change was not applied.";

export class Failure extends Error {
  // `fatal`: later requests would fail too. `signedOut`: the session has ended.
  constructor(message, { fatal = false, signedOut = false } = {}) {
    super(message);
    Object.assign(this, { fatal, signedOut });
  }
}

const waiting = [];
let sending = null;

export const isBusy = () => sending !== null;
export const isLast = () => waiting.length === 0;
// The most recent job that has no response yet.
export const lastJob = () => waiting.at(-1) ?? sending;

export function send(job) {
  waiting.push(job);
  if (!sending) work();
}

// Cancel the most recent job if it is not sent yet; returns whether there was one.
export function revokeLast() {
  const last = waiting.at(-1);
  if (!last?.revoke) return false;
  waiting.pop();
  last.revoke();
  return true;
}

async function work() {
  // For styles and tests: set while a request is being sent.
  document.documentElement.toggleAttribute("data-sending", true);
  while ((sending = waiting.shift() ?? null)) {
    try {
      const answer = await post(sending.request());
      sending.failure = answer.ok ? null : new Failure("It was refused.");
      sending.done(answer);
    } catch (error) {
      const failure = error instanceof Failure ? error : new Failure(String(error));
      fail(sending, failure);
      if (failure.fatal) waiting.splice(0).forEach((job) => fail(job, failure));
    }
  }
  document.documentElement.toggleAttribute("data-sending", false);
}

function fail(job, failure) {
  job.failure = failure;
  job.failed(failure);
}

async function post({ url, body }) {
  let response;
  let text;
  try {
    response = await fetch(url, {
      method: "POST",
      body,
      headers: { "HX-Request": "true" },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    text = await response.text();
  } catch {
    throw new Failure(NO_ANSWER, { fatal: true });
  }
  const { headers } = response;
  if (headers.get("HX-Redirect")) return { ok: true, leadsTo: headers.get("HX-Redirect") };
  if (!headers.get("X-Fragment")) throw failureOf(response, text);
  return { ok: response.ok, text, undone: headers.get("X-Undone") };
}

// The response was a whole page instead of a fragment: use its error message.
function failureOf(response, text) {
  if (response.redirected || response.status === 401 || response.status === 403) {
    return new Failure(SIGNED_OUT, { fatal: true, signedOut: true });
  }
  const said = new DOMParser().parseFromString(text, "text/html").querySelector("main [role=alert]");
  return new Failure(said?.textContent.trim() || `The service answered with error ${response.status}.`);
}
