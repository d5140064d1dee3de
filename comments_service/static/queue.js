// Keys for the queue. Everything they do is a button or a link of the page: without this file the
// same things are done by clicking them.

"use strict";

const queue = document.getElementById("queue");
const help = document.getElementById("keys");
const cards = () => [...document.querySelectorAll("#queue > .card")];
const current = () => document.activeElement?.closest("#queue > li");

// ---- focus: it is always somewhere sensible ----

function goTo(item) {
  const target = item?.querySelector("article, p[tabindex]");
  if (!target) return false;
  target.focus({ preventScroll: true });
  item.scrollIntoView({ block: "nearest" });
  return true;
}

function step(by) {
  const all = cards();
  const here = current();
  let index = all.indexOf(here);
  if (index < 0 && here) {
    // From a line that says what was done, to the card before or after it.
    const items = [...queue.children];
    const place = items.indexOf(here);
    const next = by > 0
      ? items.slice(place + 1).find((one) => one.matches(".card"))
      : items.slice(0, place).reverse().find((one) => one.matches(".card"));
    return goTo(next);
  }
  index = index < 0 ? (by > 0 ? 0 : all.length - 1) : index + by;
  return goTo(all[Math.min(Math.max(index, 0), all.length - 1)]);
}

// ---- keys ----

const press = (within, key) => {
  const found = within?.querySelector(`[data-key="${key}"]`);
  found?.click();
  return Boolean(found);
};

function undoLast() {
  const gone = document.querySelectorAll("#queue > .gone");
  const last = [...gone].sort((a, b) => (a.dataset.at ?? 0) - (b.dataset.at ?? 0)).pop();
  return press(last, "z") || press(document.querySelector(".flash"), "z");
}

const keys = {
  j: () => step(1),
  k: () => step(-1),
  z: undoLast,
  n: () => document.getElementById("next")?.click(),
  "/": () => {
    const search = document.querySelector("details.search");
    if (search) search.open = true;
    document.getElementById("filter-q")?.focus();
  },
  "?": () => help.showModal(),
};
for (const key of "ausdqrx") {
  keys[key] = () => press(current()?.matches(".card") ? current() : cards()[0], key);
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || help.open) return;
  const typing = event.target.closest("textarea, select, input:not([type=checkbox])");
  if (event.key === "Escape" && typing?.closest(".writing")) {
    typing.closest(".writing").querySelector("[data-cancel]").click();
    return;
  }
  // Shift is a part of "?" and of "/" on some keyboards, never of a letter's key.
  if (typing || !(event.key in keys)) return;
  event.preventDefault();
  keys[event.key]();
}

if (help && queue) {
  document.querySelector(".keys-hint").hidden = false;
  document.addEventListener("keydown", onKey);
  // The browser gives the focus back to where it was, if that is still there.
  help.addEventListener("close", () => {
    const here = document.activeElement;
    if (!here || here === document.body || help.contains(here)) goTo(cards()[0]);
  });
}

// ---- how many are selected ----

function count() {
  const told = document.getElementById("selected");
  if (!told) return;
  const number = document.querySelectorAll("#queue [data-key=x]:checked").length;
  const words = number ? `${number} selected` : "None selected";
  told.hidden = false;
  // What says nothing new is not read out again.
  if (told.textContent !== words) told.textContent = words;
}

if (queue) {
  // A key presses the box, so it changes as it does under a pointer.
  queue.addEventListener("change", count);
  // A decided reply takes its box along; and who comes back finds the boxes as they were.
  document.body.addEventListener("htmx:afterSettle", count);
  window.addEventListener("pageshow", count);
  count();
}

// ---- answers ----

if (queue) {
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, requestConfig } = event.detail;
    // Whoever asked; `detail.elt` is what the answer would replace.
    const { elt } = requestConfig;
    if (xhr.getResponseHeader("X-Fragment") || elt.id === "progress") return;
    // Not a card: the session ended, or something else is wrong. The browser shows that page whole,
    // and sends along what was typed.
    event.detail.shouldSwap = false;
    const form = elt.closest("form");
    if (form) {
      withButton(form, requestConfig.triggeringEvent?.submitter).submit();
    } else {
      location.assign(elt.href);
    }
  });

  const withButton = (form, button) => {
    if (button?.name) {
      const field = document.createElement("input");
      field.type = "hidden";
      field.name = button.name;
      field.value = button.value;
      form.append(field);
    }
    return form;
  };

  // No answer at all: say so, and leave what was typed where it is.
  document.body.addEventListener("htmx:sendError", () => {
    document.getElementById("said").textContent =
      "The service does not answer. Nothing was changed; try again in a moment.";
    document.getElementById("said").className = "problem";
  });

  let leaving = null;
  document.body.addEventListener("htmx:beforeRequest", (event) => {
    leaving = event.detail.elt.closest("#queue > li")?.id ?? null;
  });
  document.body.addEventListener("htmx:afterSettle", (event) => {
    const { elt } = event.detail;
    const field = elt.querySelector?.("[data-focus]");
    if (field) {
      field.focus();
      return;
    }
    const item = leaving && document.getElementById(leaving);
    if (!item || event.detail.target?.id === "said") return;
    leaving = null;
    if (item.matches(".gone")) {
      item.dataset.at = Date.now();
      // One key a decision: the next one is at hand.
      const items = [...queue.children];
      const next = items.slice(items.indexOf(item) + 1).find((one) => one.matches(".card"));
      goTo(next ?? item);
    } else {
      goTo(item);
    }
  });

  // Leaving a form puts the focus back on its card, and takes nothing of the page away.
  queue.addEventListener("click", (event) => {
    const cancel = event.target.closest(".panel [data-cancel]");
    if (!cancel) return;
    event.preventDefault();
    const item = cancel.closest("#queue > li");
    cancel.closest(".panel").replaceChildren();
    goTo(item);
  });

  goTo(cards()[0]);
}
