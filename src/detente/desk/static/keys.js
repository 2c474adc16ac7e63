// Keys that do what buttons do. Only outside of fields, never with Ctrl, Alt or Meta, and a mark only
// for an entry that has the focus and whose text is on the screen.
"use strict";

(function () {
  function inField(target) {
    return target instanceof Element &&
      target.closest("input, textarea, select, [contenteditable]") !== null;
  }

  function focused() {
    const at = document.activeElement;
    return at === null ? null : at.closest("article.entry");
  }

  function onScreen(article) {
    const text = article.querySelector(".texts");
    if (text === null) return false;
    const box = text.getBoundingClientRect();
    const covered = Math.max(0, document.getElementById("bands").getBoundingClientRect().bottom);
    return box.top < innerHeight && box.bottom > covered && box.height > 0;
  }

  function move(step) {
    const all = Array.from(document.querySelectorAll("article.entry"));
    if (all.length === 0) return;
    const at = all.indexOf(focused());
    const next = at < 0 ? all.length - 1 : Math.min(Math.max(at + step, 0), all.length - 1);
    all[next].focus();
    all[next].scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || inField(event.target)) return;
    if (event.key === "j") return move(1);
    if (event.key === "k") return move(-1);
    const everywhere = document.querySelector('[data-page-key="' + CSS.escape(event.key) + '"]');
    if (everywhere !== null) { event.preventDefault(); everywhere.click(); return; }
    const article = focused();
    if (article === null || !onScreen(article)) return;
    const button = article.querySelector('[data-key="' + CSS.escape(event.key) + '"]');
    if (button !== null) { event.preventDefault(); button.click(); }
  });
})();
