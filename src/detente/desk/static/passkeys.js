// Passkeys: what the server asks goes to the authenticator, what it answers goes back. Bytes travel
// as base64url text, both ways. detentePasskey.create() registers a key, .sign() signs a statement.
"use strict";

(function () {
  function bytes(text) {
    const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, (one) => one.charCodeAt(0));
  }

  function text(buffer) {
    let plain = "";
    for (const one of new Uint8Array(buffer)) plain += String.fromCharCode(one);
    return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }

  function keys(list) {
    return (list || []).map((one) => ({ ...one, id: bytes(one.id) }));
  }

  async function post(url, token, values) {
    const form = new URLSearchParams(values);
    const answer = await fetch(url, {
      method: "POST", body: form, credentials: "same-origin", redirect: "manual",
      headers: { "x-form-token": token, accept: "application/json" },
    });
    if (answer.type === "opaqueredirect") return {};
    const said = await answer.json();
    if (!answer.ok) throw new Error(said.refused || String(answer.status));
    return said;
  }

  // Has the browser sign; returns the answer as JSON text for a hidden field of a form.
  async function sign(options) {
    const made = await navigator.credentials.get({ publicKey: {
      ...options, challenge: bytes(options.challenge), allowCredentials: keys(options.allowCredentials),
    } });
    const said = made.response;
    return JSON.stringify({
      id: made.id, rawId: text(made.rawId), type: made.type,
      response: {
        clientDataJSON: text(said.clientDataJSON), authenticatorData: text(said.authenticatorData),
        signature: text(said.signature), userHandle: said.userHandle ? text(said.userHandle) : null,
      },
    });
  }

  // Makes a passkey: asks optionsUrl, then sends answer and extra values to submitUrl.
  async function create(optionsUrl, submitUrl, token, values) {
    const options = await post(optionsUrl, token, {});
    const made = await navigator.credentials.create({ publicKey: {
      ...options, challenge: bytes(options.challenge),
      user: { ...options.user, id: bytes(options.user.id) },
      excludeCredentials: keys(options.excludeCredentials),
    } });
    return post(submitUrl, token, { ...values, answer: JSON.stringify({
      id: made.id, rawId: text(made.rawId), type: made.type,
      response: {
        clientDataJSON: text(made.response.clientDataJSON),
        attestationObject: text(made.response.attestationObject),
      },
    }) });
  }

  window.detentePasskey = { create, sign, post };

  // --- forms that need a passkey: one signs on its way out, one makes a key ---

  function say(form, error) {
    const said = form.querySelector("[data-said]");
    const why = error.name === "Error" ? error.message : form.dataset.unsigned;
    said.textContent = why;
  }

  for (const form of document.querySelectorAll("form[data-passkey-sign]")) {
    form.addEventListener("submit", async (event) => {
      if (form.elements.answer.value) return;
      event.preventDefault();
      try {
        const options = await post(form.dataset.passkeySign, "", {});
        form.elements.statement.value = options.statement;
        form.elements.answer.value = await sign(options);
        form.submit();
      } catch (error) { say(form, error); }
    });
  }

  // At the door one key is enough: Enter asks for the passkey.
  const first = document.querySelector("form[data-first] button");
  if (first !== null && document.activeElement === document.body) first.focus();

  for (const form of document.querySelectorAll("form[data-passkey-create]")) {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        await create(form.dataset.passkeyCreate, form.getAttribute("action"),
          form.elements.form_token.value, { label: form.elements.label.value });
        location.reload();
      } catch (error) { say(form, error); }
    });
  }
})();
