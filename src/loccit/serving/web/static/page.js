// What the page does beside being read: answers as they come, sources beside them. All of it works without this
// file too, a page at a time. What is put into the page was made by the server's templates, which escape.
"use strict";

const find = (what, where = document) => where.querySelector(what);
const WIDE = "(min-width: 60rem)";
const PART = { "Loccit-Fragment": "1" };

// Asking

const form = find("[data-ask]");
let working = null;

async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    const parts = text.split("\n\n");
    text = parts.pop();
    for (const part of parts) {
      const event = /^event: (.*)$/m.exec(part), data = /^data: (.*)$/m.exec(part);
      if (event && data) yield [event[1], JSON.parse(data[1]).html];
    }
  }
}

function element(html) {
  const made = document.createElement("template");
  made.innerHTML = html;
  return made.content;
}

function failed(told, next) {
  const box = document.createElement("div");
  box.className = "failed";
  box.setAttribute("role", "alert");
  for (const text of [told, next]) {
    if (!text) continue;
    const line = document.createElement("p");
    line.textContent = text;
    box.append(line);
  }
  return box;
}

async function refusal(response) {
  if (response.status === 401) {
    location.href = "/login?next=" + encodeURIComponent(location.pathname + location.search);
  }
  const problem = await response.json().catch(() => ({}));
  return failed(problem.detail || `The server answers ${response.status}.`, problem.next_step);
}

function begin(question) {
  find("[data-hello]")?.classList.add("sr");
  const recent = find("[data-recent]");
  if (recent) recent.hidden = true;
  document.body.classList.add("answered");
  const place = document.createElement("article");
  place.className = "answer working";
  const title = document.createElement("h2");
  title.className = "question";
  title.dir = "auto";
  title.textContent = question;
  const steps = document.createElement("ol");
  steps.className = "steps";
  steps.setAttribute("role", "status");
  const first = document.createElement("li");
  first.textContent = "Searching";
  steps.append(first);
  const claims = document.createElement("ol");
  claims.className = "claims";
  const stop = document.createElement("button");
  stop.className = "small stop";
  stop.textContent = "Stop";
  stop.addEventListener("click", () => working?.abort());
  place.append(title, steps, claims, stop);
  find("[data-thread]").append(place);
  title.scrollIntoView({ block: "nearest" });
  return { place, steps, claims };
}

function settle(place, html) {
  const made = element(html);
  const answer = made.firstElementChild;
  place.replaceWith(made);
  const session = answer.dataset.session || "";
  form.elements.session.value = session;
  find("[data-question-label]").textContent = session ? "Ask a follow-up" : "Ask something else";
  form.elements.question.value = "";
  const heading = find(".question", answer);
  heading.focus({ preventScroll: true });
  answer.scrollIntoView({ block: "start" });
  if (answer.dataset.run) history.replaceState(null, "", "/runs/" + answer.dataset.run);
  document.title = heading.textContent.slice(0, 120) + " · loccit";
  const first = find("a[data-cite]", answer);
  if (first && matchMedia(WIDE).matches) open(first, { quietly: true });
}

async function ask() {
  if (working || !form.reportValidity()) return;
  working = new AbortController();
  const go = find("[data-go]"), { place, steps, claims } = begin(form.elements.question.value.trim());
  go.disabled = true;
  closeBeside();
  try {
    const response = await fetch(form.action, {
      method: "POST", body: new URLSearchParams(new FormData(form)), headers: PART, signal: working.signal,
    });
    if (!response.ok) return place.replaceChildren(find(".question", place), await refusal(response));
    for await (const [event, html] of events(response)) {
      if (event === "status") {
        const step = document.createElement("li");
        step.append(element(html));
        steps.append(step);
      } else if (event === "claim") claims.append(element(html));
      else if (event === "answer") settle(place, html);
      else if (event === "error") place.replaceChildren(find(".question", place), element(html));
    }
  } catch (error) {
    const why = error.name === "AbortError" ? "Stopped." : "The connection to the server is lost.";
    place.replaceChildren(find(".question", place), failed(why, "Ask again."));
  } finally {
    place.classList.remove("working");
    go.disabled = false;
    working = null;
  }
}

if (form) {
  const keys = find("[data-keys]");
  if (keys) keys.hidden = false;
  if (/Mac|iPhone|iPad/.test(navigator.platform)) find("[data-modifier]").textContent = "⌘";
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
  form.elements.question.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      ask();
    }
  });
}

// Sources beside the answer

const beside = find("[data-beside]");
let opener = null;

function closeBeside({ back = false } = {}) {
  if (!beside || beside.hidden) return;
  beside.hidden = true;
  beside.replaceChildren();
  document.body.classList.remove("has-beside");
  for (const one of document.querySelectorAll("a[data-cite][aria-current]")) one.removeAttribute("aria-current");
  if (back) opener?.focus();
}

async function open(link, { quietly = false } = {}) {
  const response = await fetch(link.href, { headers: PART });
  beside.replaceChildren(response.ok ? element(await response.text()) : await refusal(response));
  beside.hidden = false;
  document.body.classList.add("has-beside");
  for (const one of document.querySelectorAll("a[data-cite][aria-current]")) one.removeAttribute("aria-current");
  const same = link.closest("[data-answer]")?.querySelectorAll(`a.cite[data-cite="${link.dataset.cite}"]`) ?? [link];
  for (const one of same) one.setAttribute("aria-current", "true");
  opener = link;
  reveal(beside);
  if (!quietly) find("h2", beside)?.focus({ preventScroll: true });
}

function reveal(where) {
  const cited = find("mark.cited", where);
  if (!cited) return void (where.scrollTop = 0);
  const head = find("header", where)?.offsetHeight ?? 0;
  const room = where.clientHeight - head;
  const before = Math.max(16, Math.min(room / 4, room - cited.offsetHeight - 16));
  where.scrollTop += cited.getBoundingClientRect().top - where.getBoundingClientRect().top - head - before;
}

async function copied(text, told, what) {
  await navigator.clipboard.writeText(text);
  told.textContent = what;
}

document.addEventListener("click", (event) => {
  const target = event.target, plain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.button);
  const cite = target.closest("a[data-cite]");
  if (cite && beside && plain) {
    event.preventDefault();
    open(cite);
    return;
  }
  if (target.closest("[data-close]")) return closeBeside({ back: true });
  const local = target.closest('.beside a[href^="#L"]');
  if (local) {
    event.preventDefault();
    find(local.getAttribute("href"), beside)?.scrollIntoView({ block: "center" });
    return;
  }
  if (!navigator.clipboard || !plain) return;
  const share = target.closest("[data-share], [data-link]");
  if (share) {
    event.preventDefault();
    const told = find("[data-told]", share.closest("[data-answer]") ?? document) ?? share;
    copied(share.href, told, "Link copied");
  }
  const copy = target.closest("[data-copy]");
  if (copy) {
    event.preventDefault();
    const answer = copy.closest("[data-answer]");
    copied(find("textarea", copy.parentElement).value, find("[data-told]", answer), "Copied as Markdown");
  }
});

// What people say of answers

document.addEventListener("submit", async (event) => {
  const said = event.target.closest("[data-feedback]");
  if (!said) return;
  event.preventDefault();
  const body = new URLSearchParams(new FormData(said));
  body.set("thumb", event.submitter.value);
  const response = await fetch(said.action, { method: "POST", body, headers: PART });
  said.replaceChildren(response.ok ? element(await response.text()) : await refusal(response));
});

// Keys and themes

document.addEventListener("keydown", (event) => {
  const writes = event.target.closest("input, textarea, select");
  if (event.key === "/" && !writes && !event.ctrlKey && !event.metaKey && !event.altKey) {
    const box = find("#question, [data-search]");
    if (box) {
      event.preventDefault();
      box.focus();
    }
  }
  if (event.key === "Escape" && !(writes && writes.value)) closeBeside({ back: true });
});

find("[data-themes]").addEventListener("submit", (event) => {
  event.preventDefault();
  const to = event.submitter.value, root = document.documentElement;
  document.cookie = `loccit_theme=${to}; path=/; max-age=31536000; samesite=lax` + (location.protocol === "https:" ? "; secure" : "");
  if (to === "auto") delete root.dataset.theme;
  else root.dataset.theme = to;
  for (const each of event.target.querySelectorAll("button")) each.setAttribute("aria-pressed", String(each === event.submitter));
});

find(".top [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });

// `#L10-L20` marks lines that the address alone does not.

function markLines() {
  const match = /^#L(\d+)(?:-L(\d+))?$/.exec(location.hash);
  const source = find(".file [data-source]");
  if (!match || !source) return;
  for (const line of source.querySelectorAll(".line.cited")) line.classList.remove("cited");
  const first = Number(match[1]), last = Number(match[2] ?? match[1]);
  const cited = document.getElementById(`L${first}-L${last}`);
  if (!cited) {
    for (let number = first; number <= Math.min(last, first + 5000); number++) {
      document.getElementById(`L${number}`)?.classList.add("cited");
    }
  }
  (cited ?? document.getElementById(`L${first}`))?.scrollIntoView({ block: "center" });
}
addEventListener("hashchange", markLines);
markLines();
