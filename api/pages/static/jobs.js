// A screening is asked for at the API; the list of jobs then renews itself while anything runs.
"use strict";
document.getElementById("screen")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const fields = event.currentTarget.elements;
  const body = { open_cases: Number(fields.open_cases.value || 0) };
  if (fields.from.value) body.from = fields.from.value;
  if (fields.to.value) body.to = fields.to.value;
  if (fields.prevalence.value) body.prevalence = Number(fields.prevalence.value) / 100;
  const answer = await page.call("POST", "/v1/screenings", JSON.stringify(body), { "Content-Type": "application/json" });
  if (answer) location.reload();
});
