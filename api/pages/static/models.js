// Training, scoring, promoting: asked for at the API, which decides whether a challenger is better.
"use strict";
(() => {
  const ask = async (path, body, said) => {
    const answer = await page.call("POST", path, JSON.stringify(body), { "Content-Type": "application/json" });
    if (answer) { page.say(said); setTimeout(() => location.reload(), 800); }
  };
  const when = (selector, act) => {
    for (const form of document.querySelectorAll(selector)) {
      form.addEventListener("submit", (event) => { event.preventDefault(); act(form, form.elements); });
    }
  };
  when("#train", (form, fields) => {
    const body = {};
    if (fields.as_of.value) body.as_of = `${fields.as_of.value}T00:00:00Z`;
    if (fields.name.value) body.name = fields.name.value;
    for (const name of ["populations", "iterations"]) {
      if (fields[name].value) body[name] = Number(fields[name].value);
    }
    ask("/v1/models", body, "Training was asked for; the page Jobs tells how far it is.");
  });
  when(".score", (form) => ask(`/v1/models/${form.dataset.model}/scores`, {}, "Scoring was asked for; see Jobs."));
  when(".promote", (form, fields) => {
    const body = { reason: fields.reason.value, force: fields.force.checked };
    ask(`/v1/models/${form.dataset.model}/promotion`, body, "Promoted.");
  });
  when("#roll-back", (form, fields) => ask("/v1/models/rollback", { reason: fields.reason.value }, "Rolled back."));
})();
