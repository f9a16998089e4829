// Visits are drawn by the API, which keeps why each meter was chosen.
"use strict";
document.getElementById("propose")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.currentTarget;
  const body = { visits: Number(form.elements.visits.value), screening: Number(form.dataset.screening) };
  const answer = await page.call("POST", "/v1/visits", JSON.stringify(body), { "Content-Type": "application/json" });
  if (answer) location.reload();
});
