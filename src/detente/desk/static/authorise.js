// Authorising: the passkey signs what the page was made for, and the form carries its answer.
// The page renews itself, also while a person touches the key: button and form are looked for anew, and
// what was signed for another form than the one on the screen is not sent.
"use strict";

document.addEventListener("click", async (event) => {
  const button = event.target instanceof Element ? event.target.closest("#authorise") : null;
  if (button === null) return;
  const form = button.closest("form");
  const trouble = document.getElementById("passkey-trouble");
  button.disabled = true;
  trouble.hidden = true;
  try {
    const asked = form.dataset.options;
    const answer = await detentePasskey.sign(JSON.parse(asked));
    const now = document.getElementById("authorise-form");
    if (now === null || now.dataset.options !== asked) { location.reload(); return; }
    now.elements.answer.value = answer;
    now.submit();
  } catch {
    trouble.hidden = false;
    button.disabled = false;
    button.focus();
  }
});
