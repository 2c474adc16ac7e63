// Authorising: the passkey signs what the page was made for, and the form carries its answer.
// The page renews itself, so the button is looked for when it is pressed.
"use strict";

document.addEventListener("click", async (event) => {
  const button = event.target instanceof Element ? event.target.closest("#authorise") : null;
  if (button === null) return;
  const form = button.closest("form");
  const trouble = document.getElementById("passkey-trouble");
  button.disabled = true;
  trouble.hidden = true;
  try {
    form.elements.answer.value = await detentePasskey.sign(JSON.parse(form.dataset.options));
    form.submit();
  } catch {
    trouble.hidden = false;
    button.disabled = false;
    button.focus();
  }
});
