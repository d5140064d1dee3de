// Keyboard shortcuts of the queue. Each presses a button or link of the page, so everything also
// works without this file.

import { cards, closePanel, current, goTo, isCard, listen, say, undoLast, unsaved } from "./cards.js";

const queue = document.getElementById("queue");
const help = document.getElementById("keys");
// The page of a single reply, whose forms the browser submits.
const single = queue?.dataset.single !== undefined;

// ---- keys ----

function step(by) {
  const all = [...queue.children];
  const here = all.indexOf(current());
  if (here < 0) return goTo(cards().at(by > 0 ? 0 : -1));
  const way = by > 0 ? all.slice(here + 1) : all.slice(0, here).reverse();
  return goTo(way.find(isCard) ?? (isCard(all[here]) ? all[here] : null));
}

const press = (within, key) => {
  const found = within?.querySelector(`[data-key="${key}"]`);
  found?.click();
  return Boolean(found);
};

// A key acts on the focused card. Without one, it focuses the first.
const act = (key) => (isCard(current()) ? press(current(), key) : goTo(cards()[0]));

const keys = {
  j: () => step(1),
  k: () => step(-1),
  n: () => document.getElementById("next")?.click(),
  "/": () => {
    const search = document.querySelector("details.search");
    if (search) search.open = true;
    document.getElementById("filter-q")?.focus();
  },
  "?": () => help.showModal(),
};
for (const key of "ausdqrx") keys[key] = () => act(key);

const undo = document.getElementById("undo-last");
const undoKey = {
  z: () => (queue && !single ? undoLast() : undo.requestSubmit()),
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || help?.open) return;
  const panel = event.target.closest(".panel");
  if (event.key === "Escape" && panel) {
    event.preventDefault();
    closePanel(panel);
    return;
  }
  const known = help && queue ? { ...keys, ...undoKey } : undoKey;
  const typing = event.target.closest("textarea, select, input:not([type=checkbox], [type=radio])");
  // Shift is allowed: some keyboards need it for "?" and "/".
  if (typing || !Object.hasOwn(known, event.key)) return;
  event.preventDefault();
  known[event.key]();
}

if (undo?.dataset.shortcuts !== undefined) {
  document.addEventListener("keydown", onKey);
}

if (help && queue) {
  document.querySelector(".keys-hint").hidden = false;
  // Browsers restore the focus only if the element that had it still exists.
  help.addEventListener("close", () => {
    const here = document.activeElement;
    if (!here || here === document.body || help.contains(here)) goTo(cards()[0]);
  });
}

// ---- number of selected replies ----

function count() {
  const output = document.getElementById("selected");
  if (!output) return;
  const number = document.querySelectorAll("#queue [data-key=x]:checked:enabled").length;
  const words = number ? `${number} selected` : "None selected";
  output.hidden = false;
  // Screen readers announce every assignment, even of the same text.
  if (output.textContent !== words) output.textContent = words;
}

if (queue) {
  // The `x` key clicks the checkbox, which fires `change`; `cards.js` dispatches it when cards are
  // hidden or replaced. `pageshow`: browsers restore checkboxes when going back.
  queue.addEventListener("change", count);
  window.addEventListener("pageshow", count);
  count();
}

// ---- forms that htmx fetches into a card ----

if (queue) {
  if (!single) listen();

  document.body.addEventListener("htmx:beforeRequest", (event) => {
    const item = event.detail.elt.closest("#queue > li");
    const typed = item && unsaved(item);
    if (!typed) return;
    // Another form would replace the unsaved text.
    event.preventDefault();
    typed.focus();
  });

  document.body.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, requestConfig } = event.detail;
    if (xhr.getResponseHeader("X-Fragment")) return;
    // Not a fragment: the session has ended or there is an error. Navigate to the whole page.
    event.detail.shouldSwap = false;
    location.assign(requestConfig.elt.href);
  });

  document.body.addEventListener("htmx:sendError", () => {
    say("The service does not answer. Try again in a moment.", "problem");
  });

  document.body.addEventListener("htmx:afterSettle", (event) => {
    event.detail.elt.querySelector?.("[data-focus]")?.focus();
  });

  queue.addEventListener("click", (event) => {
    const cancel = event.target.closest(".panel [data-cancel]");
    if (!cancel) return;
    event.preventDefault();
    closePanel(cancel.closest(".panel"));
  });

  goTo(cards()[0]);
}
