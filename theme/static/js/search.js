// Searches the index that Pagefind made; without this file the form leads to the service.
const PAGE = 10;
// Scripts without spaces between words: each character is a word of the index (plugins/search).
const ALONE =
  /[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u{1b000}-\u{1b16f}\u{20000}-\u{3ffff}]/gu;
const form = document.getElementById("search");
const box = form.elements.q;
const area = document.getElementById("results");
const heading = document.getElementById("results-heading");
const status = document.getElementById("search-status");
const list = document.getElementById("search-results");
const words = area.dataset;
let engine;
let latest = 0;

const say = (text, values = {}) => text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);

const load = async (again) => {
  if (!engine || again) {
    const base = new URL(words.index, location.href);
    engine ??= await import(new URL("pagefind.js", base));
    if (again) await engine.destroy();
    await engine.options({ excerptLength: 28 });
    await engine.init();
  }
  return engine;
};

// What is in the index stands apart, character by character; a run of them is a phrase.
const asked = (text) => {
  const apart = text.normalize("NFKC").replace(ALONE, " $& ").replace(/\s+/g, " ").trim();
  const alone = text.trim().replace(ALONE, "") === "" && apart.includes(" ");
  return alone ? `"${apart}"` : apart;
};

// Between two such characters there was no space before the index put one there.
const joined = (parts) => {
  const is = (char) => char !== undefined && new RegExp(ALONE.source, "u").test(char);
  const chars = parts.flatMap(([text, hit]) => [...text].map((char) => [char, hit]));
  return chars.filter(
    ([char], at) => char !== " " || !(is(chars[at - 1]?.[0]) && is(chars[at + 1]?.[0])),
  );
};

// What the index keeps for this page of each record (plugins/search/records.py).
const FACTS = "facts:";
const facts = ({ anchors, excerpt: marked, content }) => {
  const { id } = anchors.find((one) => one.id.startsWith(FACTS));
  return { ...JSON.parse(decodeURIComponent(id.slice(FACTS.length))), marked, content };
};

// Pagefind also answers with words that what was typed merely begins like: "a" for "axolotl".
const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
const termsOf = (text) => folded(text.replace(ALONE, " $& ")).match(/[\p{L}\p{N}]+/gu) ?? [];
const fits = ({ marked, author, title }, text) => {
  const hits = [...marked.matchAll(/<mark>(.*?)<\/mark>/gs)].map((one) => one[1]).join(" ");
  const there = termsOf(`${hits} ${author} ${title}`);
  return termsOf(text).some((term) => there.some((one) => one.startsWith(term.slice(0, 3))));
};

// Pagefind's excerpt escapes all tags but its own; nothing of it is ever read as HTML here.
const flat = (text) => text.replace(/\s+/g, " ").trim();
const excerpt = (marked, content) => {
  const plain = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">");
  // Marked is the word, not the full stop behind it.
  const parts = marked.split(/<mark>(.*?)<\/mark>/s).flatMap((text, at) => {
    if (at % 2 === 0) return [[plain(text), false]];
    const [, word, rest] = plain(text).match(/^(.*?)([^\p{L}\p{N}\p{M}]*)$/su);
    return [[word, true], [rest, false]];
  });
  const shown = flat(parts.map(([text]) => text).join(""));
  const all = flat(plain(content));
  if (!all.startsWith(shown)) parts.unshift(["… ", false]);
  if (!all.endsWith(shown)) parts.push([" …", false]);
  const line = document.createElement("p");
  line.dir = "auto";
  let last;
  for (const [char, hit] of joined(parts)) {
    if (!last || last.hit !== hit) {
      const node = hit ? document.createElement("mark") : document.createTextNode("");
      line.append(node);
      last = { node, hit };
    }
    last.node.textContent += char;
  }
  return line;
};

const entry = ({ url, kind: kindOf, author: name, title: about, marked, content }) => {
  const item = document.createElement("li");
  const title = document.createElement("h3");
  const link = document.createElement("a");
  const kind = document.createElement("p");
  const reply = kindOf === "reply";
  link.href = url;
  link.dir = "auto";
  link.textContent = reply ? say(words.reply, { name, title: about }) : about;
  kind.className = "kind";
  kind.textContent = reply ? words.kindReply : words.kindArticle;
  title.append(link);
  item.append(title, kind, excerpt(marked, content));
  return item;
};

// A reply that was taken back meanwhile has no text any more; the others are shown.
const fetched = async (results, text) => {
  const loaded = await Promise.allSettled(results.map((one) => one.data()));
  const found = loaded.filter((one) => one.status === "fulfilled").map((one) => facts(one.value));
  return found.filter((one) => fits(one, text));
};

const show = (found, results, from, text) => {
  list.append(...found.map(entry));
  area.querySelector("button")?.remove();
  if (results.length > from + PAGE) {
    const more = document.createElement("button");
    more.type = "button";
    more.className = "button-plain";
    more.textContent = words.more;
    more.onclick = async () => {
      const first = list.children.length;
      const next = from + PAGE;
      const mine = latest;
      more.disabled = true;
      const found = await fetched(results.slice(next, next + PAGE), text);
      if (mine !== latest) return;
      show(found, results, next, text);
      list.children[first]?.querySelector("a").focus();
    };
    area.append(more);
  }
};

const clear = () => {
  list.replaceChildren();
  area.querySelector("button")?.remove();
};

const broken = (text) => {
  clear();
  const link = document.createElement("a");
  link.href = `${form.getAttribute("action")}?${new URLSearchParams({ q: text })}`;
  link.textContent = words.served;
  status.replaceChildren(`${words.broken} `, link);
};

const search = async (text, { focus = false, again = false } = {}) => {
  const mine = ++latest;
  clear();
  heading.hidden = !text;
  const title = text ? say(words.title, { words: text }) : form.previousElementSibling.textContent;
  document.title = `${title} – ${words.site}`;
  if (!text) {
    status.textContent = words.empty;
    return;
  }
  status.textContent = words.searching;
  try {
    const { results } = await (await load(again)).search(asked(text));
    const first = results.slice(0, PAGE);
    const found = await fetched(first, text);
    if (mine !== latest) return;
    // The index may have been replaced while it was read: once more, with the new one.
    if (first.length && !found.length && !again) return search(text, { focus, again: true });
    // The best come first: where one of these does not fit, none behind them does.
    const all = found.length < first.length ? found : results;
    show(found, all, 0, text);
    const pattern = !found.length ? words.none : all.length === 1 ? words.one : words.many;
    status.textContent = say(pattern, { words: text, number: all.length });
    if (focus) heading.focus();
  } catch {
    if (mine !== latest) return;
    if (engine && !again) return search(text, { focus, again: true });
    broken(text);
  }
};

const typed = () => new URLSearchParams(location.search).get("q")?.trim() ?? "";

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = box.value.trim();
  history.pushState(null, "", text ? `?${new URLSearchParams({ q: text })}` : location.pathname);
  search(text, { focus: Boolean(text) });
});
addEventListener("popstate", () => {
  box.value = typed();
  search(box.value);
});
box.value = typed();
if (box.value) search(box.value);
