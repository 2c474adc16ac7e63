// The desk's script. Without it every page still reads and every form still sends; with it pages
// renew themselves, keys do what buttons do, and passkeys work.
"use strict";

const body = document.body;

function unhide(root) {
  for (const part of root.querySelectorAll("[data-needs-script]")) part.hidden = false;
}

unhide(document);

// --- the page renews itself --------------------------------------------------------------------

let fetching = false;
let again = false;

async function renew() {
  if (fetching) { again = true; return; }
  fetching = true;
  try {
    const answer = await fetch(location.href, { credentials: "same-origin", redirect: "manual" });
    if (answer.type === "opaqueredirect") { location.reload(); return; }
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    replace(next);
  } catch {
    body.dataset.cut = "yes";
  } finally {
    fetching = false;
    if (again) { again = false; renew(); }
  }
}

function replace(next) {
  unhide(next);
  const main = document.getElementById("main");
  const fresh = next.getElementById("main");
  if (fresh === null || main.innerHTML === fresh.innerHTML) return swapBands(next);
  const at = document.activeElement;
  const key = at !== null && main.contains(at) ? at.closest("[id]") : null;
  const atEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 80;
  main.replaceChildren(...fresh.childNodes);
  swapBands(next);
  document.title = next.title;
  if (key !== null) document.getElementById(key.id)?.querySelector("button, a")?.focus();
  if (atEnd) scrollTo(0, document.documentElement.scrollHeight);
}

function swapBands(next) {
  for (const old of document.querySelectorAll("body > .band")) old.remove();
  for (const band of next.querySelectorAll("body > .band")) document.getElementById("main").before(band);
}

if ("live" in body.dataset) {
  const events = new EventSource("/live");
  events.addEventListener("change", renew);
  events.addEventListener("hello", () => { delete body.dataset.cut; renew(); });
  events.addEventListener("error", () => { body.dataset.cut = "yes"; });
}

// --- a one-time link: the code stands behind the # and never leaves the browser in an address ---

const code = document.getElementById("code");
if (code !== null && location.hash.length > 1) {
  code.value = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
  document.getElementById("code-form").requestSubmit();
}
