// Updates the page: loads it every two seconds and replaces what has changed. Without this script the page shows new
// figures when it is reloaded.
"use strict";

const INTERVAL = 2000;
const PATIENCE = 8000;
const live = document.getElementById("live");

function say(text, state) {
  if (live.textContent !== text) live.textContent = text;
  live.className = `live ${state}`;
}

// A form that is open may be edited: nothing in it is replaced, and its member is not removed from the page.
function isHeld(element) {
  return element.matches("details[open]") || element.querySelector("details[open]") !== null;
}

function blocks(list) {
  return [...list.children].filter((child) => child.dataset.block !== undefined);
}

// Balancers of the page, or members of a table: new ones are inserted at their place, and removed ones are removed.
function align(list, fresh) {
  let last = list.querySelector(":scope > thead");
  const wanted = blocks(fresh);
  for (const block of wanted) {
    const name = block.dataset.block;
    const own = blocks(list).find((it) => it.dataset.block === name) ?? document.importNode(block, true);
    if (own.parentElement !== list || own.previousElementSibling !== last) {
      if (last) last.after(own);
      else list.prepend(own);
    }
    last = own;
  }
  const names = new Set(wanted.map((block) => block.dataset.block));
  for (const block of blocks(list)) {
    if (!names.has(block.dataset.block) && !isHeld(block)) block.remove();
  }
}

function byKey(root, key) {
  return new Map([...root.querySelectorAll(`[data-${key}]`)].map((it) => [it.dataset[key], it]));
}

function freshen(page) {
  align(document.querySelector("main"), page.querySelector("main"));
  const sections = byKey(page, "block");
  for (const table of document.querySelectorAll("main table")) {
    const section = sections.get(table.closest("section").dataset.block);
    if (section) align(table, section.querySelector("table"));
  }
  const cells = byKey(page, "key");
  for (const [key, cell] of byKey(document, "key")) {
    const fresh = cells.get(key);
    if (fresh && cell.innerHTML !== fresh.innerHTML) replaceContent(cell, fresh);
  }
  const forms = byKey(page, "form");
  for (const [key, form] of byKey(document, "form")) {
    const fresh = forms.get(key);
    if (fresh && !isHeld(form) && form.innerHTML !== fresh.innerHTML) replaceContent(form, fresh);
  }
}

// A button or link that has the keyboard focus keeps it.
function replaceContent(element, fresh) {
  const controls = (root) => [...root.querySelectorAll("a, button, summary")];
  const at = controls(element).indexOf(document.activeElement);
  element.replaceChildren(...document.importNode(fresh, true).childNodes);
  if (at >= 0) controls(element)[at]?.focus();
}

async function refresh() {
  try {
    const signal = AbortSignal.timeout(PATIENCE);
    const answer = await fetch(location.pathname, { cache: "no-store", signal });
    if (!answer.ok) throw new Error(`${answer.status}`);
    freshen(new DOMParser().parseFromString(await answer.text(), "text/html"));
    say("live, every 2 s", "on");
  } catch (error) {
    say("the gateway does not answer: these figures are old", "lost");
  }
}

let timer = null;
async function run() {
  clearTimeout(timer);
  if (document.hidden) return;
  await refresh();
  clearTimeout(timer);
  timer = setTimeout(run, INTERVAL);
}
document.addEventListener("visibilitychange", run);
run();

// The result of a change is shown once, and not again when the page is reloaded.
if (location.search) history.replaceState(null, "", location.pathname);

document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.confirm;
  if (question && !confirm(question)) event.preventDefault();
});
