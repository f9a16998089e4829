// The list by keyboard: j and k move, enter opens, space unfolds, a assigns, v writes a verdict.
"use strict";
(() => {
  const list = document.getElementById("list");
  const KEPT = "worklist filters";

  // Filters of one's own, kept in this browser.
  const kept = () => { try { return JSON.parse(localStorage.getItem(KEPT)) || {}; } catch { return {}; } };
  const keep = (all) => { try { localStorage.setItem(KEPT, JSON.stringify(all)); } catch { /* no room */ } };
  const showKept = () => {
    const place = document.getElementById("saved");
    if (!place) return;
    place.replaceChildren(...Object.entries(kept()).flatMap(([name, query]) => {
      const link = document.createElement("a");
      link.href = "/worklist" + query;
      link.textContent = name;
      if (query === location.search) link.setAttribute("aria-current", "true");
      const gone = document.createElement("button");
      gone.type = "button";
      gone.className = "plain";
      gone.textContent = "×";
      gone.setAttribute("aria-label", `Forget the filter ${name}`);
      gone.addEventListener("click", () => { const all = kept(); delete all[name]; keep(all); showKept(); });
      return [link, gone];
    }));
  };
  showKept();
  document.getElementById("save")?.addEventListener("click", () => {
    const name = prompt("Name of this filter");
    if (name) { keep({ ...kept(), [name.slice(0, 60)]: location.search }); showKept(); }
  });
  // Empty fields are left out of the address.
  document.getElementById("filters")?.addEventListener("submit", (event) => {
    for (const field of event.currentTarget.elements) if (field.name && !field.value) field.disabled = true;
  });
  if (!list) return;

  const rows = () => [...list.querySelectorAll("tbody tr[data-meter]")];
  let current = null;
  const go = (row) => {
    if (!row) return;
    current?.classList.remove("current");
    current?.setAttribute("tabindex", "-1");
    current = row;
    row.classList.add("current");
    row.setAttribute("tabindex", "0");
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  };
  const move = (by) => {
    const all = rows();
    const at = current && current.isConnected ? all.indexOf(current) + by : 0;
    go(all[Math.max(0, Math.min(all.length - 1, at))]);
  };

  const unfold = async (row) => {
    const button = row.querySelector(".fold");
    const incident = row.dataset.incident;
    if (!button) return;
    if (button.getAttribute("aria-expanded") === "true") {
      for (const member of rows()) if (member.dataset.of === incident) member.remove();
      button.setAttribute("aria-expanded", "false");
      button.textContent = "▸";
      return;
    }
    button.setAttribute("aria-expanded", "true");
    button.textContent = "▾";
    const response = await fetch(row.dataset.more, { headers: { "HX-Request": "true" } });
    if (!response.ok) { page.complain(response); return; }
    row.insertAdjacentHTML("afterend", await response.text());
  };

  const form = (row) => new URLSearchParams({ screening: list.dataset.screening, meter_id: row.dataset.meter });
  const post = async (path, row) => {
    const response = await fetch(path, {
      method: "POST", body: form(row), credentials: "same-origin",
      headers: { "X-CSRF-Token": page.csrf, "HX-Request": "true" },
    });
    if (!response.ok) { await page.complain(response); return null; }
    return response;
  };
  const take = async (row) => {
    const response = await post("/worklist/take" + location.search, row);
    if (!response) return;
    const made = document.createElement("tbody");
    made.innerHTML = await response.text();
    const fresh = made.querySelector("tr[data-meter]");
    if (row.dataset.of) { fresh.classList.add("member"); fresh.dataset.of = row.dataset.of; }
    row.replaceWith(fresh);
    current = null;
    go(fresh);
    page.say(`${row.dataset.incident ? "The incident" : row.dataset.meter} is yours.`);
  };
  const verdict = async (row) => {
    if (row.dataset.case) { location.href = `${row.dataset.href}#verdict`; return; }
    const response = await post("/worklist/open", row);
    if (response) location.href = `${response.headers.get("Location")}?meter=${encodeURIComponent(row.dataset.meter)}#verdict`;
  };

  list.addEventListener("click", (event) => {
    const row = event.target.closest("tr[data-meter]");
    if (!row) return;
    go(row);
    if (event.target.closest(".fold")) unfold(row);
    else if (!event.target.closest("a, button") && !getSelection().toString()) location.href = row.dataset.href;
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input, select, textarea") || document.querySelector("dialog[open]")) return;
    const onControl = event.target.matches("a, button, summary");
    const act = {
      j: () => move(1), ArrowDown: () => move(1), k: () => move(-1), ArrowUp: () => move(-1),
      Enter: onControl ? null : () => current && (location.href = current.dataset.href),
      " ": onControl ? null : () => current && unfold(current),
      a: () => current && take(current), v: () => current && verdict(current),
      "?": () => document.getElementById("help").showModal(),
      "/": () => {
        document.querySelector(".filters").open = true;
        document.querySelector("#filters [name=meter]").focus();
      },
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
})();
