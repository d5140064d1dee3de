// Submits the forms of cards: updates the card at once (optimistically), sends requests in order,
// and replaces the card by the service's response.

import { Failure, isBusy, isLast, lastJob, revokeLast, send } from "./send_queue.js";

const queue = document.getElementById("queue");
const CHANGED = "The reply changed before this was sent. Look at it, then decide again.";
const BEFORE_FAILED = "Not sent: the action before it was not applied.";

// Set when the page is left on purpose: no confirmation then.
let leaving = false;
// The latest job of each card (by id), and the cards whose job failed since the last success.
const latest = new Map();
let failures = [];

// ---- focus ----

export const isCard = (item) => Boolean(item?.matches("#queue > .card:not(.sent)"));
export const cards = () => [...queue.children].filter(isCard);
export const current = () => document.activeElement?.closest("#queue > li");

export function goTo(item) {
  const target = item?.matches(".sent")
    ? item.querySelector(".sending")
    : item?.querySelector("article, p[tabindex]");
  if (!target) return false;
  target.focus({ preventScroll: true });
  // Show the beginning of a card that is taller than the window, not its end.
  const tall = item.getBoundingClientRect().height > window.innerHeight;
  item.scrollIntoView({ block: tall ? "start" : "nearest" });
  return true;
}

export function nextCard(item) {
  const items = [...queue.children];
  return items.slice(items.indexOf(item) + 1).find(isCard);
}

// ---- messages: always for screen readers; visible for errors and for cards out of view ----

export function say(words, kind = "visually-hidden") {
  const said = document.getElementById("said");
  if (!said) return;
  said.className = kind;
  said.textContent = words;
}

function complain(item, cause) {
  const within = item.querySelector("article") ?? item;
  within.querySelector(":scope > .problem")?.remove();
  const problem = document.createElement("p");
  problem.className = "problem";
  problem.textContent = cause;
  within.prepend(problem);
}

function sayFailed(item, what, cause) {
  failures.push(item);
  const one = failures.length === 1;
  say(`${one ? `Not applied: ${what}` : `${failures.length} actions were not applied`}. ${cause}`, "problem");
  linkTo(failures[0]);
}

// Link from the message to its card, which may be out of view.
function linkTo(item) {
  const link = document.createElement("a");
  link.href = `#${item.id}`;
  link.textContent = "Show";
  document.getElementById("said")?.append(" ", link);
}

// ---- typed text ----

const isTyped = (field) =>
  field.form?.dataset.unsaved !== undefined || field.value !== field.defaultValue;

// The first field in `within` with unsaved text, ignoring the form `but`.
export const unsaved = (within, but = null) =>
  [...within.querySelectorAll(".writing textarea")].find((one) => one.form !== but && isTyped(one));

export function closePanel(panel) {
  const item = panel.closest("#queue > li");
  if (unsaved(panel) && !window.confirm("Discard your text?")) return;
  panel.replaceChildren();
  goTo(item);
}

// ---- submitting a form ----

// Whether the form removes the reply from the list.
const leaves = (form, button) =>
  form.elements.was !== undefined && ["approve", "pending", "spam", "trash"].includes(button?.value);

const nameIn = (item) => item.querySelector("h2 bdi, p bdi")?.textContent ?? "";
const labelOf = (button) => button?.firstChild?.textContent.trim() ?? "Save";
const textOf = (item) => item.querySelector("article > .text")?.innerHTML;

function act(form, button) {
  const item = form.closest("#queue > li");
  const typed = unsaved(item, form);
  if (typed) {
    say("Save or cancel your text first.", "problem");
    typed.focus();
    return;
  }
  const what = `“${labelOf(button)}”, the reply by ${nameIn(item)}`;
  const seen = textOf(item);
  const { id } = item;
  const job = { what, before: latest.get(id) };
  latest.set(id, job);
  if (leaves(form, button)) {
    const next = nextCard(item);
    hide(item, what);
    goTo(next ?? item);
    job.revoke = () => {
      show(document.getElementById(id));
      forget(id, job);
      goTo(document.getElementById(id));
      say(`Not sent: ${what}.`, "notice");
    };
  } else {
    item.setAttribute("aria-busy", "true");
  }
  job.request = () => {
    if (job.before?.failure) throw new Failure(BEFORE_FAILED);
    const now = currentForm(id, form, button);
    // A response has replaced the card since: do not decide about a text that was not shown.
    if (!now || textOf(document.getElementById(id)) !== seen) throw new Failure(CHANGED);
    const fields = new FormData(now.form, now.button);
    return { url: now.form.getAttribute("action"), body: new URLSearchParams(fields) };
  };
  job.done = (answer) => {
    forget(id, job);
    apply(answer, id, form);
  };
  job.failed = (failure) => {
    forget(id, job);
    const here = document.getElementById(id);
    if (failure.signedOut && isLast() && form.matches(".writing") && form.isConnected) {
      // Let the browser submit the form: the sign-in page preserves the typed text.
      leave();
      form.submit();
      return;
    }
    show(here);
    complain(here, failure.message);
    sayFailed(here, what, failure.message);
    if (here.contains(document.activeElement) || document.activeElement === document.body) goTo(here);
  };
  send(job);
}

// The same form and button in the current card, whose hidden fields are up to date.
function currentForm(id, form, button) {
  if (form.isConnected) return { form, button };
  const same = [...(document.getElementById(id)?.querySelectorAll("form") ?? [])].filter(
    (one) => one.getAttribute("action") === form.getAttribute("action"),
  );
  for (const one of same) {
    const found = [...one.elements].find(
      (field) => field.matches("button") && field.value === (button?.value ?? ""),
    );
    if (found) return { form: one, button: found };
  }
  return null;
}

function forget(id, job) {
  if (latest.get(id) === job) latest.delete(id);
}

function hide(item, what) {
  item.classList.add("sent");
  item.setAttribute("aria-busy", "true");
  const line = document.createElement("p");
  line.className = "sending";
  line.tabIndex = -1;
  line.textContent = `Sending ${what} …`;
  item.append(line);
  // A card that is being sent is no longer selected.
  const box = item.querySelector("[data-key=x]");
  if (box) box.disabled = true;
  queue.dispatchEvent(new Event("change"));
}

function show(item) {
  item.classList.remove("sent");
  item.removeAttribute("aria-busy");
  item.querySelector(".sending")?.remove();
  const box = item.querySelector("[data-key=x]");
  if (box) box.disabled = false;
  queue.dispatchEvent(new Event("change"));
}

// ---- responses ----

function apply(answer, id, form = null) {
  const template = document.createElement("template");
  template.innerHTML = answer.text;
  let words = "";
  let shown = null;
  for (const part of [...template.content.children]) {
    if (part.matches("li")) {
      shown = replace(document.getElementById(id), part, form);
    } else if (part.id === "said") {
      words = part.textContent.trim();
    } else {
      document.getElementById(part.id)?.replaceChildren(...part.childNodes);
    }
  }
  if (answer.ok) failures = [];
  say(words, answer.ok ? (shown ? "visually-hidden" : "notice") : "problem");
  if (!answer.ok && shown) linkTo(shown);
  queue.dispatchEvent(new Event("change"));
  return shown;
}

function replace(old, fresh, form) {
  if (!old) return null;
  const had = old.contains(document.activeElement);
  const typing = unsaved(old, form);
  if (typing) {
    // Keep the form with unsaved text when the card is replaced.
    fresh.querySelector(".panel")?.replaceChildren(...old.querySelector(".panel").childNodes);
  }
  old.replaceWith(fresh);
  // Another action on this card is still being sent.
  const later = latest.get(fresh.id);
  if (later?.revoke) hide(fresh, later.what);
  else if (later) fresh.setAttribute("aria-busy", "true");
  window.htmx.process(fresh);
  if (typing && had) typing.focus();
  else if (had) rest(fresh);
  return fresh;
}

// Restore the focus after the element that had it was replaced.
function rest(item) {
  const field = item.querySelector("[data-focus]");
  if (field) field.focus();
  else if (item.matches(".gone")) goTo(nextCard(item) ?? item);
  else goTo(item);
}

// ---- undo ----

export function undoLast() {
  if (revokeLast()) return;
  const form = document.getElementById("undo-last");
  const before = lastJob();
  send({
    request() {
      // The editor meant the last action; do not undo an older one instead.
      if (before?.failure) throw new Failure("Nothing was undone: the last action was not applied.");
      return { url: form.getAttribute("action"), body: new URLSearchParams(new FormData(form)) };
    },
    done(answer) {
      if (answer.leadsTo) {
        leave();
        location.assign(answer.leadsTo);
        return;
      }
      const row = queue.querySelector(`input[name=event][value="${answer.undone}"]`)?.closest("li");
      const id = row?.id ?? /id="(card-[0-9a-z]+)"/.exec(answer.text)?.[1];
      const shown = apply(answer, id);
      if (shown && !document.activeElement?.matches("textarea, input, select")) goTo(shown);
    },
    failed: (failure) => say(failure.message, "problem"),
  });
}

// ---- leaving ----

function leave() {
  leaving = true;
}

export function listen() {
  queue.addEventListener("submit", (event) => {
    if (!event.target.matches("#queue > li form[method=post]")) return;
    if (event.target.getAttribute("action").includes("/moderate/discussions/")) return;
    event.preventDefault();
    act(event.target, event.submitter);
  });
  window.addEventListener("beforeunload", (event) => {
    if (!leaving && (isBusy() || unsaved(queue))) event.preventDefault();
  });
}
