// Optional: reading and posting work without it, and each part fails alone.
(() => {
  const part = (work) => {
    try {
      work();
    } catch (error) {
      console.error(error);
    }
  };
  const by = (id) => document.getElementById(id);
  const make = (tag, properties, ...inside) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...inside);
    return made;
  };

  // How long ago, in the room of the date, so that nothing moves.
  const lang = document.documentElement.lang || undefined;
  part(() => {
    const say = new Intl.RelativeTimeFormat(lang, { numeric: "auto" });
    const units = { year: 31557600, month: 2629800, day: 86400, hour: 3600, minute: 60 };
    const times = [...document.querySelectorAll(".reply time")];
    const rooms = times.map((time) => time.getBoundingClientRect().width);
    times.forEach((time, index) => {
      const seconds = (Date.parse(time.dateTime) - Date.now()) / 1000;
      const unit = Object.keys(units).find((one) => Math.abs(seconds) >= units[one]) || "minute";
      const ago = say.format(Math.trunc(seconds / units[unit]), unit);
      time.style.minInlineSize = `${rooms[index]}px`;
      (time.closest("a") || time).title = time.textContent;
      time.textContent = ago;
    });
  });

  const respond = by("respond");
  const form = respond && respond.querySelector("form");
  if (!form) return;
  const words = form.dataset;
  const { comment, parent } = form.elements;
  const actions = form.querySelector(".actions");
  const [post, look] = actions.querySelectorAll("button");
  const pageTitle = document.title;
  const able = window.fetch && new URL(form.action).origin === location.origin;
  const json = { Accept: "application/json" };

  // Where the browser keeps nothing, this page does.
  const kept = {};
  const store = {
    get(name) {
      if (name in kept) return kept[name];
      try {
        return JSON.parse(localStorage.getItem(`rejoinder ${name}`));
      } catch {}
    },
    set(name, value) {
      try {
        if (value) localStorage.setItem(`rejoinder ${name}`, JSON.stringify(value));
        else localStorage.removeItem(`rejoinder ${name}`);
        delete kept[name];
      } catch {
        kept[name] = value;
      }
    },
  };

  const draft = () => `draft ${form.action} ${parent.value}`;
  const restore = () => {
    comment.value = store.get(draft()) || "";
  };
  part(() => {
    if (!comment.value) restore();
    comment.addEventListener("input", () => store.set(draft(), comment.value));
  });

  // Nothing is cut: a field counts when it comes near its limit.
  part(() => {
    form.querySelectorAll("[data-max]").forEach((field) => {
      const most = +field.dataset.max;
      const count = make("output", { className: "help" });
      field.after(count);
      field.addEventListener("input", () => {
        const { length } = [...field.value];
        const [now, all] = [length, most].map((number) => number.toLocaleString(lang));
        count.textContent = length > most * 0.9 ? `${now} / ${all}` : "";
        count.classList.toggle("field-error", length > most);
      });
    });
  });

  part(() => {
    const names = ["author", "email", "url"];
    const box = make("input", { type: "checkbox", id: "remember" });
    const label = make("label", { htmlFor: "remember" }, words.remember);
    form.elements.url.parentNode.after(make("p", { className: "field choice" }, box, label));
    const me = store.get("me");
    box.checked = !!me;
    for (const name of me ? names : []) form.elements[name].defaultValue ||= me[name];
    form.addEventListener("change", () => {
      const now = names.map((name) => [name, form.elements[name].value]);
      store.set("me", box.checked && Object.fromEntries(now));
    });
  });

  const clear = () => {
    document.title = pageTitle;
    form.querySelectorAll(".error-summary, p.field-error").forEach((one) => one.remove());
    form.querySelectorAll("[aria-invalid]").forEach((field) => {
      field.removeAttribute("aria-invalid");
      const ids = field.getAttribute("aria-describedby").split(" ");
      const others = ids.filter((id) => !id.endsWith("-error")).join(" ");
      if (others) field.setAttribute("aria-describedby", others);
      else field.removeAttribute("aria-describedby");
    });
  };
  const complain = (told) => {
    clear();
    const list = make("ul");
    for (const [name, text] of Object.entries(told.errors || {})) {
      const field = form.elements[name === "parent" ? "comment" : name] || comment;
      const id = `${name}-error`;
      const prefix = make("span", { className: "visually-hidden" }, `${words.error} `);
      field.before(make("p", { id, className: "field-error" }, prefix, text));
      field.setAttribute("aria-invalid", "true");
      const ids = [field.getAttribute("aria-describedby"), id].filter(Boolean);
      field.setAttribute("aria-describedby", ids.join(" "));
      list.append(make("li", {}, make("a", { href: `#${field.id}` }, text)));
    }
    const what = list.firstChild ? list : make("p", {}, told.detail || words.unsent);
    const title = make("h2", {}, words.problem);
    const summary = make("div", { className: "error-summary", tabIndex: -1 }, title, what);
    summary.setAttribute("role", "alert");
    form.prepend(summary);
    document.title = `${words.error} ${pageTitle}`;
    summary.focus();
  };

  let leave = () => {};
  part(() => {
    const home = document.createComment("");
    respond.before(home);
    const heading = by("respond-title");
    const before = heading.textContent;
    const cancel = make("button", { type: "button", className: "button-plain", hidden: true });
    cancel.append(words.cancel);
    actions.append(cancel);
    let link;
    const move = (title, id, put) => {
      clear();
      heading.textContent = title;
      parent.value = id;
      cancel.hidden = !id;
      put(respond);
      restore();
      comment.dispatchEvent(new Event("input"));
    };
    leave = () => {
      if (!link) return;
      move(before, "", (node) => home.after(node));
      link.focus();
      link = null;
    };
    // Browsers restore a hidden field after a reload.
    const settle = () => {
      if (link || !parent.value) return;
      if (store.get(draft()) === comment.value) comment.value = "";
      parent.value = "";
      if (!comment.value) restore();
    };
    settle();
    addEventListener("pageshow", settle);
    cancel.addEventListener("click", leave);
    respond.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.isComposing) leave();
    });
    document.addEventListener("click", (event) => {
      const found = event.target.closest("#discussion a[href*='/reply/']");
      if (!found || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
      const id = found.href.split("/reply/")[1];
      const card = by(`comment-${id}`);
      if (!card) return;
      move(found.textContent.trim(), id, (node) => card.after(node));
      link = found;
      comment.focus();
      // Last: if anything fails, the link leads there.
      event.preventDefault();
    });
  });

  if (!able) return;

  const ask = async (address) => {
    const body = new URLSearchParams(new FormData(form));
    const signal = AbortSignal.timeout?.(30000);
    const answer = await fetch(address, { method: "POST", body, headers: json, signal });
    const told = await answer.json();
    if (!answer.ok) throw told;
    return told;
  };

  const place = ({ id, parent: above, html }, here) => {
    by(`own-${id}`)?.parentNode.remove();
    const item = by(`comment-${above}`)?.parentNode;
    if (!item && !here && (above || document.querySelector("link[rel=next]"))) return;
    const around = item || by("discussion");
    let list = around.querySelector(":scope > .replies");
    if (!list) around.append((list = make("ol", { className: "replies" })));
    list.append(make("li", { innerHTML: html }));
    return by(`own-${id}`);
  };
  const mine = (change) => store.set("mine", change(store.get("mine") || []));
  part(() => {
    const here = (store.get("mine") || []).filter((one) => one.page === form.action);
    here.forEach(async ({ link, at }) => {
      try {
        const answer = await fetch(link, { headers: json });
        const told = answer.ok && (await answer.json());
        const done = told ? /live|spam|declined|removed/.test(told.state) : answer.status === 404;
        if (done) mine((all) => all.filter((one) => one.link !== link));
        else if (told && !by(`comment-${told.id}`)) place(told, at === location.pathname);
      } catch (error) {
        console.error(error);
      }
    });
  });

  let preview = async () => {};
  part(() => {
    const text = make("div", { className: "e-content", dir: "auto" });
    const title = make("h3", { id: "preview-title" }, look.textContent);
    const box = make("section", { className: "quoted-reply", tabIndex: -1, hidden: true }, title, text);
    box.setAttribute("aria-labelledby", title.id);
    const said = make("p", { className: "visually-hidden" });
    said.setAttribute("role", "status");
    comment.parentNode.after(said, box);
    let turn = 0;
    let timer;
    preview = async () => {
      clearTimeout(timer);
      const now = ++turn;
      const { html } = await ask(`${form.action}/preview`);
      if (now !== turn) return;
      text.innerHTML = html;
      box.hidden = false;
      said.textContent = look.textContent;
      return box;
    };
    comment.addEventListener("input", () => {
      turn++;
      clearTimeout(timer);
      if (comment.value.trim()) timer = setTimeout(() => preview().catch(() => {}), 600);
      else box.hidden = !(said.textContent = "");
    });
  });

  part(() => {
    let busy = false;
    const work = async (button, act) => {
      busy = true;
      const label = button.textContent;
      button.textContent = words.sending;
      button.setAttribute("aria-disabled", "true");
      try {
        return await act();
      } catch (told) {
        if (told.errors?.parent) {
          const text = comment.value;
          leave();
          comment.value = text;
          store.set(draft(), text);
        }
        complain(told);
      } finally {
        busy = false;
        button.textContent = label;
        button.removeAttribute("aria-disabled");
      }
    };
    let sent;
    comment.addEventListener("input", () => (sent = null));
    const show = (told) => {
      clear();
      mine((all) => [...all, { page: form.action, link: told.link, at: location.pathname }].slice(-20));
      comment.value = "";
      comment.dispatchEvent(new Event("input"));
      leave();
      sent = place(told, true);
      sent.focus();
    };
    const send = async (button) => {
      if (button === look) {
        const box = await work(look, preview);
        if (box) clear();
        box?.focus();
        return;
      }
      const told = await work(post, () => ask(form.action));
      try {
        if (told) show(told);
      } catch {
        location = told.link;
      }
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (busy) return;
      // The second of two clicks.
      if (sent && !comment.value && event.submitter !== look) return sent.focus();
      // What fails here is posted as it is without a script.
      send(event.submitter).catch(() => {
        if (event.submitter === look) form.action = look.formAction;
        form.submit();
      });
    });
  });
})();
