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

// Pagefind's excerpt escapes all tags but its own; nothing of it is ever read as HTML here.
const excerpt = (marked) => {
  const plain = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">");
  const parts = marked
    .split(/<mark>(.*?)<\/mark>/s)
    .map((text, at) => [plain(text), at % 2 === 1]);
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

const FACTS = "facts:";
const entry = ({ anchors, excerpt: marked }) => {
  const { id } = anchors.find((one) => one.id.startsWith(FACTS));
  const { url, kind: kindOf, author: name, title: about } = JSON.parse(decodeURIComponent(id.slice(FACTS.length)));
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
  item.append(title, kind, excerpt(marked));
  return item;
};

// A reply that was taken back meanwhile has no text any more; the others are shown.
const show = async (results, from) => {
  const loaded = await Promise.allSettled(results.slice(from, from + PAGE).map((one) => one.data()));
  const items = loaded.filter((one) => one.status === "fulfilled").map((one) => entry(one.value));
  list.append(...items);
  area.querySelector("button")?.remove();
  if (results.length > from + PAGE) {
    const more = document.createElement("button");
    more.type = "button";
    more.textContent = words.more;
    more.onclick = async () => {
      const first = list.children.length;
      await show(results, from + PAGE);
      list.children[first]?.querySelector("a").focus();
    };
    area.append(more);
  }
  return items.length;
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
    if (mine !== latest) return;
    const shown = await show(results, 0);
    // The index was replaced while it was read: once more, with the new one.
    if (results.length && !shown && !again) return search(text, { focus, again: true });
    const pattern = !shown ? words.none : results.length === 1 ? words.one : words.many;
    status.textContent = say(pattern, { words: text, number: results.length });
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
