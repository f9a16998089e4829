// Name and password become a session.
"use strict";
document.getElementById("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.currentTarget;
  const error = document.getElementById("sign-in-error");
  const button = form.querySelector("button");
  button.setAttribute("aria-busy", "true");
  error.hidden = true;
  try {
    const response = await fetch("/v1/session", {
      method: "POST", credentials: "same-origin",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ name: form.elements.name.value, password: form.elements.password.value }),
    });
    if (response.ok) { location.href = form.dataset.target; return; }
    const problem = await response.json();
    error.textContent = problem.detail || problem.title;
  } catch {
    error.textContent = "The service does not answer.";
  }
  error.hidden = false;
  button.removeAttribute("aria-busy");
});
