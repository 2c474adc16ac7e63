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

// A page on which somebody writes is left as it is: its bands alone are fetched anew.
const renewing = "live" in body.dataset ? () => location.href : () => "/bands";

async function renew() {
  if (fetching) { again = true; return; }
  fetching = true;
  try {
    const answer = await fetch(renewing(), { credentials: "same-origin", redirect: "manual" });
    if (answer.type === "opaqueredirect") {
      if ("live" in body.dataset) location.reload();
      return;
    }
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    if ("live" in body.dataset) replace(next);
    swapBands(next);
  } catch {
    body.dataset.cut = "yes";
  } finally {
    fetching = false;
    if (again) { again = false; renew(); }
  }
}

const FIELDS = "input[id], textarea[id], select[id]";

// A field in which somebody writes goes over to the page as it is now, with what was typed.
function keepTyped(field, fresh, focused) {
  const other = fresh.querySelector("#" + CSS.escape(field.id));
  const typed = "defaultValue" in field && field.value !== field.defaultValue;
  if (other !== null && (typed || focused)) other.replaceWith(field);
}

function replace(next) {
  unhide(next);
  const main = document.getElementById("main");
  const fresh = next.getElementById("main");
  if (fresh === null) return;
  const folds = Array.from(main.querySelectorAll("details[open] > summary"), (one) => one.textContent);
  for (const one of fresh.querySelectorAll("details > summary")) {
    if (folds.includes(one.textContent)) one.parentElement.open = true;
  }
  if (main.innerHTML === fresh.innerHTML) return;
  const at = document.activeElement;
  const key = at !== null && main.contains(at) ? at.closest("[id]") : null;
  const caret = key !== null && key === at && at.matches(FIELDS) ? [at.selectionStart, at.selectionEnd] : [null];
  for (const field of main.querySelectorAll(FIELDS)) keepTyped(field, fresh, field === at);
  const atEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 80;
  main.replaceChildren(...fresh.childNodes);
  const back = key === null ? null : document.getElementById(key.id);
  // An entry that had the focus has it again; what was within one goes to its first control.
  if (back !== null) (at === key ? back : back.querySelector("button, a") ?? back).focus({ preventScroll: true });
  if (caret[0] !== null) at.setSelectionRange(...caret);
  if (atEnd) scrollTo(0, document.documentElement.scrollHeight);
}

const bands = document.getElementById("bands");
const SETTLE_MS = 700;

function bandsOf(page) {
  return Array.from(page.querySelectorAll("#bands > .band"));
}

// What is scrolled to or has the focus does not come to lie under what lies over the page.
function pad() {
  const over = document.getElementById("over");
  const tall = getComputedStyle(over).position === "sticky" ? over : bands;
  document.documentElement.style.scrollPaddingTop = tall.offsetHeight + 8 + "px";
}

pad();
addEventListener("resize", pad);

// A band that comes or goes lies over the page and moves nothing on it; for a moment it lets through
// the click that was on its way to what it covers.
function keepingStill(change) {
  const main = document.getElementById("main");
  const before = main.getBoundingClientRect().top;
  change();
  scrollBy(0, main.getBoundingClientRect().top - before);
  const short = before - main.getBoundingClientRect().top;
  if (short > 0) bands.style.minHeight = bands.offsetHeight + short + "px"; // there was nothing to scroll
  bands.classList.add("fresh");
  setTimeout(() => bands.classList.remove("fresh"), SETTLE_MS);
  pad();
}

// Bands that say the same stay where they are: a reader that speaks them speaks them once, and a
// button in one keeps the keyboard.
function swapBands(next) {
  const text = (bands) => bands.map((band) => band.dataset.key + band.textContent).join();
  const count = /^\(\d+\) /;
  const number = (next.title.match(count) || [""])[0];
  document.title = number + document.title.replace(count, "");
  const live = "live" in body.dataset;
  const own = (page) => bandsOf(page).filter((band) => (live && !band.classList.contains("cut-band")) || "alarm" in band.dataset);
  if (text(own(document)) === text(own(next))) return;
  keepingStill(() => {
    for (const old of own(document)) old.remove();
    bands.append(...own(next));
  });
}

// A line opens at the first entry that nobody here has seen, or at its end.
const opens = document.querySelector("[data-opens]");
if (opens !== null && location.hash === "") {
  document.getElementById(opens.dataset.opens)?.scrollIntoView({ block: opens.dataset.opens === "end" ? "end" : "start" });
}

if (body.dataset.session === "yes") {
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
