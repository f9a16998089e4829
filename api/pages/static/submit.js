// A file to the API, and what became of each of its rows.
"use strict";
(() => {
  const form = document.getElementById("submit");
  const drop = document.getElementById("drop");
  const waiting = document.getElementById("waiting");
  const kind = form.elements.kind, file = form.elements.file, button = form.querySelector("button[type=submit]");
  const MEANING = {
    read: "readings in the file", accepted: "new in the record", corrected: "replaced another value",
    folded: "second pass of a repeated hour", duplicate: "twice in this file", repeated: "in the record already, the same",
    conflicting: "another value is known; turned away", missing: "there, but blank", rejected: "not readable",
    meters: "meters", rows: "rows in the file", changed: "changed",
  };
  const TYPES = { csv: "text/csv", txt: "text/csv", parquet: "application/vnd.apache.parquet", arrow: "application/vnd.apache.arrow.stream", zip: "application/zip", gz: "application/gzip", json: "application/json" };

  const show = () => {
    const chosen = kind.selectedOptions[0];
    document.getElementById("columns").textContent = `Columns: ${chosen.dataset.columns}.`;
    for (const label of form.querySelectorAll("[data-for]")) {
      const wanted = label.dataset.for.split(" ").includes(kind.value);
      label.hidden = !wanted;
      label.querySelector("input, select").disabled = !wanted;
    }
  };
  kind.addEventListener("change", show);
  show();
  const size = (bytes) => (bytes < 1024 ? `${bytes} bytes` : bytes < 1048576 ? `${(bytes / 1024).toFixed(1)} KB` : `${(bytes / 1048576).toFixed(1)} MB`);
  const chosen = () => {
    const one = file.files[0];
    button.disabled = !one;
    drop.querySelector("span").textContent = one ? `${one.name}, ${size(one.size)}` : "Drag a file here, or choose one";
  };
  file.addEventListener("change", chosen);
  for (const name of ["dragover", "dragenter"]) drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.remove("over"); });
  drop.addEventListener("drop", (event) => {
    if (!event.dataTransfer.files.length) return;
    file.files = event.dataTransfer.files;
    chosen();
  });

  const cell = (row, text, of = "td") => { const made = document.createElement(of); made.textContent = text; row.append(made); return made; };
  const table = (title, names, rows) => {
    const part = document.createElement("section"), head = document.createElement("h3"), box = document.createElement("div"), made = document.createElement("table");
    head.textContent = title;
    box.className = "scroll";
    made.className = "list";
    const top = made.createTHead().insertRow();
    names.forEach((name) => { cell(top, name, "th").scope = "col"; });
    const body = made.createTBody();
    rows.forEach((values) => { const row = body.insertRow(); values.forEach((value) => cell(row, value ?? "–")); });
    box.append(made);
    part.append(head, box);
    return part;
  };
  const report = (answer, name) => {
    const place = document.getElementById("report");
    const bad = (answer.rejected || 0) + (answer.conflicting || 0);
    document.getElementById("report-said").textContent = `${name}: ${bad ? `${bad === 1 ? "1 row was" : `${bad.toLocaleString("en")} rows were`} turned away, all others are in the record` : "every row has found its place"}.`;
    const body = place.querySelector("tbody");
    body.replaceChildren(...Object.entries(answer).filter(([, value]) => typeof value === "number").map(([key, value]) => {
      const row = document.createElement("tr");
      cell(row, key.replaceAll("_", " "), "th").scope = "row";
      cell(row, value.toLocaleString("en")).className = "n";
      cell(row, MEANING[key] || "").className = "quiet";
      return row;
    }));
    const more = [];
    if (answer.reasons?.length) more.push(table("Turned away", ["line", "reason", "text"], answer.reasons.map((one) => [one.line, one.reason, one.text])));
    if (answer.conflicts?.length) more.push(table("Conflicts with the record", Object.keys(answer.conflicts[0]), answer.conflicts.map((one) => Object.values(one))));
    if (answer.warnings?.length) more.push(table("Warnings", ["warning"], answer.warnings.map((one) => [one])));
    document.getElementById("report-more").replaceChildren(...more);
    place.hidden = false;
    place.scrollIntoView({ block: "nearest" });
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const one = file.files[0];
    const query = new URLSearchParams();
    for (const name of ["timezone", "unit", "format", "decimal", "correct"]) {
      const field = form.elements[name];
      if (!field.disabled && field.value && (field.type !== "checkbox" || field.checked)) query.set(name, field.value);
    }
    let path = kind.value;
    if (path === "feeders") { path = "readings"; query.set("kind", "feeder"); }
    for (const name of ["unit", "format", "decimal"]) if (path !== "readings") query.delete(name);
    const suffix = one.name.split(".").pop().toLowerCase();
    button.setAttribute("aria-busy", "true");
    const begun = Date.now();
    const clock = setInterval(() => {
      const seconds = Math.round((Date.now() - begun) / 1000);
      if (seconds < 3) return;
      waiting.hidden = false;
      waiting.textContent = `The service is reading ${one.name}: ${seconds} s. The first file after an installation takes longer: the reader is compiled once.`;
    }, 1000);
    const answer = await page.call("POST", `/v1/${path}?${query}`, one, { "Content-Type": TYPES[suffix] || "text/csv" });
    clearInterval(clock);
    waiting.hidden = true;
    button.removeAttribute("aria-busy");
    if (answer) report(answer, one.name);
  });
})();
