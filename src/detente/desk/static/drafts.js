// A draft is kept every few seconds while somebody types, as if the form had been sent.
"use strict";

(function () {
  const EVERY_MS = 3000;
  const form = document.getElementById("draft-form");
  const said = document.getElementById("kept");
  let last = null;
  let busy = false;

  function values() {
    const found = new URLSearchParams();
    for (const [name, value] of new FormData(form)) found.append(name, value);
    return found;
  }

  function typed() {
    const found = values();
    found.delete("version");
    return found.toString();
  }

  async function keep() {
    const now = typed();
    if (busy || now === last) return;
    busy = true;
    try {
      const answer = await fetch(form.action, {
        method: "POST", body: values(), credentials: "same-origin", redirect: "manual",
        headers: { "x-form-token": form.elements.form_token.value, accept: "application/json" },
      });
      const kept = answer.ok ? await answer.json() : null;
      if (kept === null || kept.version === undefined) throw new Error("not kept");
      form.elements.version.value = kept.version;
      form.action = kept.at;
      history.replaceState(null, "", form.action);
      last = now;
      const time = new Date(kept.kept_s * 1000).toISOString().slice(11, 19) + "Z";
      said.textContent = said.dataset.kept.replace("{time}", time);
      said.classList.remove("alert");
    } catch {
      said.textContent = said.dataset.notKept;
      said.classList.add("alert");
    } finally {
      busy = false;
    }
  }

  if (form !== null) {
    last = typed();
    setInterval(keep, EVERY_MS);
  }
})();
