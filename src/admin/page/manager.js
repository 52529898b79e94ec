// Keeps the figures of the page alive. Without it the page works all the same, when it is reloaded.
"use strict";

const INTERVAL = 2000;
const live = document.getElementById("live");

function say(text) {
  if (live.textContent !== text) live.textContent = text;
}

// Cells and texts of the page carry the path of their value: data-key="shop|ajp://10.0.0.11:8009|busy".
function update(page) {
  const cells = new Map();
  for (const cell of page.querySelectorAll("[data-key]")) cells.set(cell.dataset.key, cell);
  let known = 0;
  for (const cell of document.querySelectorAll("[data-key]")) {
    const fresh = cells.get(cell.dataset.key);
    if (!fresh) continue;
    known += 1;
    if (cell.innerHTML !== fresh.innerHTML) cell.innerHTML = fresh.innerHTML;
    if (cell.className !== fresh.className) cell.className = fresh.className;
  }
  return known === cells.size && known === document.querySelectorAll("[data-key]").length;
}

// Somebody is filling in a form: what he sees must not be taken away from under his hands.
function isBusy() {
  return document.querySelector("details[open]") !== null;
}

async function refresh() {
  try {
    const answer = await fetch(location.pathname, { cache: "no-store" });
    if (!answer.ok) throw new Error(answer.status);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!update(page)) {
      // Members have come or gone.
      if (isBusy()) say("members have changed: reload the page to see them");
      else document.querySelector("main").replaceWith(page.querySelector("main"));
    } else {
      say("live");
    }
  } catch (error) {
    say("the gateway does not answer: these figures are old");
  }
}

let timer = null;
function run() {
  clearInterval(timer);
  if (!document.hidden) {
    refresh();
    timer = setInterval(refresh, INTERVAL);
  }
}
document.addEventListener("visibilitychange", run);
run();

document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !confirm(question)) event.preventDefault();
});
