// The work on a case: keys, the verdict form, what was just done.
"use strict";
(() => {
  const dress = () => {
    const form = document.getElementById("verdict-form");
    if (form && !form.dataset.dressed) {
      form.dataset.dressed = "1";
      const outcome = form.querySelector("[data-verdict=outcome]");
      const show = () => {
        for (const label of form.querySelectorAll("[data-for]")) {
          const wanted = label.dataset.for.split(" ").includes(outcome.value);
          const field = label.querySelector("input, select");
          label.hidden = !wanted;
          field.disabled = !wanted;
          field.required = wanted && (field.name === "cause" || outcome.value === "fraud_confirmed");
        }
      };
      outcome.addEventListener("change", show);
      show();
      const today = form.querySelector("[data-verdict=today]");
      const now = new Date();
      today.max = new Date(now.getTime() - now.getTimezoneOffset() * 60000).toISOString().slice(0, 10);
      today.value = today.max;
    }
    const said = document.querySelector(".said");
    if (said) { page.say(`${said.dataset.said[0].toUpperCase()}${said.dataset.said.slice(1)}.`); said.remove(); }
  };
  const toVerdict = () => {
    const box = document.getElementById("verdict");
    if (!box) return;
    box.open = true;
    box.scrollIntoView({ block: "start" });
    box.querySelector("select")?.focus({ preventScroll: true });
  };
  dress();
  document.addEventListener("htmx:after:swap", dress);
  if (location.hash === "#verdict") toVerdict();
  addEventListener("hashchange", () => { if (location.hash === "#verdict") toVerdict(); });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea, canvas")) return;
    if (event.key === "v") { event.preventDefault(); toVerdict(); }
    if (event.key === "a") document.querySelector("button[data-key=a]")?.click();
    if (event.key === "u") location.href = "/worklist";
  });
})();
