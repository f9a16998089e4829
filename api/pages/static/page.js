// What every page needs: the token of writes, words for errors, light and dark, signing out.
"use strict";
const page = {
  csrf: document.querySelector("meta[name=csrf]").content,

  isDark() {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  },

  say(words, bad = false) {
    const notice = document.getElementById("notice");
    notice.textContent = words;
    notice.className = bad ? "bad" : "";
    notice.hidden = false;
    clearTimeout(page.timer);
    page.timer = setTimeout(() => { notice.hidden = true; }, bad ? 12000 : 4000);
  },

  // The words of a problem+json answer.
  async complain(response) {
    if (response.status === 401) {
      location.href = "/sign-in?next=" + encodeURIComponent(location.pathname + location.search);
      return;
    }
    let words = `The service answered ${response.status}.`;
    try {
      const problem = await response.json();
      words = problem.detail || problem.title || words;
      if (problem.status === 412) words += ". Load the page again to see how it stands.";
    } catch { /* not our kind of answer */ }
    page.say(words, true);
  },

  // A JSON call of our own API; null where it failed (and was complained about).
  async call(method, path, body, headers = {}) {
    let response;
    try {
      response = await fetch(path, {
        method, body, credentials: "same-origin",
        headers: { "X-CSRF-Token": page.csrf, Accept: "application/json", ...headers },
      });
    } catch {
      page.say("The service does not answer.", true);
      return null;
    }
    if (!response.ok) { await page.complain(response); return null; }
    return response.status === 204 ? {} : response.json();
  },
};

document.addEventListener("htmx:config:request", (event) => {
  const request = event.detail.ctx.request;
  request.headers["X-CSRF-Token"] = page.csrf;
  // A choice that is left empty is not sent where the service expects a number or nothing.
  for (const field of event.detail.ctx.sourceElement.querySelectorAll?.("[data-drop-empty]") ?? []) {
    if (!field.value) request.body.delete(field.name);
  }
});
document.addEventListener("htmx:before:response", (event) => {
  const raw = event.detail.ctx.response.raw;
  if (raw.status >= 400) {
    event.preventDefault();
    page.complain(raw);
  }
});
document.addEventListener("htmx:error", () => page.say("The service does not answer.", true));

document.getElementById("theme")?.addEventListener("click", () => {
  const theme = page.isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  try { localStorage.setItem("theme", theme); } catch { /* then it holds for this page */ }
  document.dispatchEvent(new Event("themechange"));
});
document.getElementById("sign-out")?.addEventListener("click", async () => {
  if (await page.call("DELETE", "/v1/session")) location.href = "/sign-in";
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  document.dispatchEvent(new Event("themechange"));
});
