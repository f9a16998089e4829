// Training and promoting are asked for at the API, which decides whether a challenger is better.
"use strict";
(() => {
  const ask = async (path, body, said) => {
    const answer = await page.call("POST", path, JSON.stringify(body), { "Content-Type": "application/json" });
    if (answer) { page.say(said); setTimeout(() => location.reload(), 800); }
  };
  document.getElementById("train")?.addEventListener("submit", (event) => {
    event.preventDefault();
    const fields = event.currentTarget.elements, body = {};
    if (fields.as_of.value) body.as_of = `${fields.as_of.value}T00:00:00Z`;
    if (fields.name.value) body.name = fields.name.value;
    ask("/v1/models", body, "Training was asked for; see Jobs.");
  });
  for (const form of document.querySelectorAll(".promote")) form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask(`/v1/models/${form.dataset.model}/promote`, { reason: form.elements.reason.value }, "Promoted.");
  });
})();
