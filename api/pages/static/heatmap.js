// The day x hour heat map: one pixel for each reading, stretched to the canvas. Nothing of it waits for a
// chart library: a meter-year is a picture of 365 x 48 pixels.
"use strict";
(() => {
  const canvas = document.getElementById("heatmap");
  if (!canvas) return;
  const marks = JSON.parse(canvas.dataset.marks);
  const told = document.getElementById("heatmap-told");
  const DAY = 86400000;
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  // Pale yellow to deep blue, as in the printed pictures (ColorBrewer YlGnBu).
  const STOPS = [[247, 252, 201], [199, 233, 180], [127, 205, 187], [65, 182, 196], [29, 145, 192], [34, 94, 168], [37, 52, 148], [8, 29, 88]];
  const colour = (share) => {
    const at = Math.max(0, Math.min(0.9999, share)) * (STOPS.length - 1);
    const low = STOPS[Math.floor(at)], high = STOPS[Math.floor(at) + 1], part = at - Math.floor(at);
    return low.map((value, i) => Math.round(value + (high[i] - value) * part));
  };
  const NONE = [222, 222, 222], ZERO = [255, 255, 255], NEGATIVE = [204, 121, 167];
  let data = null;
  let picture = null;
  let cursor = null;

  const read = (buffer) => {
    const size = new DataView(buffer).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, size)));
    return { ...header, kwh: new Float32Array(buffer, 4 + size), start: Date.parse(header.first_day + "T00:00Z") };
  };

  const paint = () => {
    const { days, slots, kwh, step_minutes: step } = data;
    const power = 60 / step;
    const positive = Float32Array.from(kwh.filter((value) => value > 0)).sort();
    data.top = positive.length ? positive[Math.min(positive.length - 1, Math.floor(positive.length * 0.99))] * power : 1;
    data.seen = { none: false, zero: false, negative: false };
    const skipped = new Set(data.skipped.map(([day, slot]) => day * slots + slot));
    const scale = Array.from({ length: 256 }, (_, i) => colour(i / 255));
    const image = new ImageData(days, slots);
    for (let day = 0; day < days; day += 1) {
      for (let slot = 0; slot < slots; slot += 1) {
        const value = kwh[day * slots + slot];
        let rgb;
        if (Number.isNaN(value)) { rgb = NONE; if (!skipped.has(day * slots + slot)) data.seen.none = true; }
        else if (value === 0) { rgb = ZERO; data.seen.zero = true; }
        else if (value < 0) { rgb = NEGATIVE; data.seen.negative = true; }
        else rgb = scale[Math.min(255, Math.floor((value * power / data.top) * 255))];
        const at = 4 * ((slots - 1 - slot) * days + day);
        image.data[at] = rgb[0]; image.data[at + 1] = rgb[1]; image.data[at + 2] = rgb[2]; image.data[at + 3] = 255;
      }
    }
    picture = document.createElement("canvas");
    picture.width = days;
    picture.height = slots;
    picture.getContext("2d").putImageData(image, 0, 0);
  };

  const place = () => {
    const box = canvas.getBoundingClientRect();
    const small = box.width < 560;
    const lanes = marks.spans.length;
    return { width: box.width, height: box.height, left: 42, right: small ? 8 : 92, top: 20 + lanes * 10, bottom: small ? 58 : 34, small, lanes };
  };
  const dayOf = (text) => (Date.parse(text + (text.length > 10 ? "Z" : "T00:00Z")) - data.start) / DAY;

  const draw = () => {
    if (!data) return;
    const p = place();
    const ratio = devicePixelRatio || 1;
    canvas.width = Math.round(p.width * ratio);
    canvas.height = Math.round(p.height * ratio);
    const c = canvas.getContext("2d");
    c.scale(ratio, ratio);
    const style = getComputedStyle(document.documentElement);
    const ink = style.getPropertyValue("--ink").trim(), quiet = style.getPropertyValue("--quiet").trim();
    const wide = p.width - p.left - p.right, high = p.height - p.top - p.bottom;
    c.imageSmoothingEnabled = data.days > wide * ratio;
    c.drawImage(picture, p.left, p.top, wide, high);
    c.font = "12px system-ui, sans-serif";
    c.fillStyle = quiet;
    c.textAlign = "right";
    c.textBaseline = "middle";
    for (let hour = 0; hour <= 24; hour += 6) {
      c.fillText(`${String(hour).padStart(2, "0")}:00`, p.left - 4, p.top + high * (1 - hour / 24));
    }
    c.textAlign = "left";
    c.textBaseline = "top";
    ticks(wide).forEach(([day, words]) => {
      const x = p.left + wide * day / data.days;
      c.fillRect(x, p.top + high, 1, 4);
      c.fillText(words, x + 1, p.top + high + 6);
    });
    const x = (text) => p.left + wide * Math.max(0, Math.min(data.days, dayOf(text))) / data.days;
    if (marks.low && marks.high) {
      c.fillStyle = "rgba(20, 20, 20, 0.22)";
      c.fillRect(x(marks.low), p.top, Math.max(1, x(marks.high) - x(marks.low)), high);
    }
    [["onset", marks.onset, []], ["end", marks.end, [5, 3]]].forEach(([name, text, dashes]) => {
      if (!text) return;
      c.strokeStyle = "#d11";
      c.lineWidth = 2;
      c.setLineDash(dashes);
      c.beginPath();
      c.moveTo(x(text), p.top - 3);
      c.lineTo(x(text), p.top + high);
      c.stroke();
      c.setLineDash([]);
      c.fillStyle = ink;
      c.textBaseline = "top";
      // Beside its line; the onset before its line where the end would be written over it.
      const near = name === "onset" && marks.end && x(marks.end) - x(text) < c.measureText(`onset ${text.slice(0, 10)}`).width + 8;
      const room = c.measureText(`${name} ${text.slice(0, 10)}`).width + 8;
      const late = near ? x(text) - p.left > room : x(text) > p.width - room;
      c.textAlign = late ? "right" : "left";
      c.fillText(`${name} ${text.slice(0, 10)}`, x(text) + (late ? -4 : 4), 2);
    });
    c.textAlign = "right";
    c.textBaseline = "middle";
    marks.spans.forEach(([number, first, last], lane) => {
      const y = 22 + lane * 10, from = x(first);
      c.fillStyle = "#D55E00";
      c.fillRect(from, y - 2, Math.max(3, x(last) - from), 4);
      c.fillStyle = ink;
      c.font = "10px system-ui, sans-serif";
      c.fillText(String(number), from - 3, y);
    });
    c.font = "12px system-ui, sans-serif";
    key(c, p, wide, high, ink, quiet);
    if (cursor) {
      c.strokeStyle = "#d11";
      c.lineWidth = 1.5;
      const w = wide / data.days, h = high / data.slots;
      c.strokeRect(p.left + cursor.day * w - 2, p.top + high - (cursor.slot + 1) * h - 2, Math.max(w, 2) + 4, Math.max(h, 2) + 4);
    }
  };

  // The scale, and the colours that are outside it.
  const key = (c, p, wide, high, ink, quiet) => {
    const names = [];
    if (data.seen.none) names.push([NONE, "no reading"]);
    if (data.seen.zero) names.push([ZERO, "exactly 0"]);
    if (data.seen.negative) names.push([NEGATIVE, "negative"]);
    c.textBaseline = "middle";
    c.textAlign = "left";
    if (p.small) {
      const y = p.height - 12;
      for (let i = 0; i < 80; i += 1) { c.fillStyle = `rgb(${colour(i / 79)})`; c.fillRect(p.left + i, y - 5, 1, 10); }
      c.fillStyle = quiet;
      c.fillText(`0 to ${data.top.toPrecision(2)} kW`, p.left + 86, y);
      let at = p.left + 178;
      names.forEach(([rgb, words]) => {
        c.fillStyle = `rgb(${rgb})`; c.fillRect(at, y - 5, 10, 10);
        c.strokeStyle = quiet; c.lineWidth = 0.6; c.strokeRect(at, y - 5, 10, 10);
        c.fillStyle = quiet; c.fillText(words, at + 13, y);
        at += 20 + c.measureText(words).width;
      });
      return;
    }
    const left = p.left + wide + 10, tall = high * 0.6;
    for (let i = 0; i < tall; i += 1) { c.fillStyle = `rgb(${colour(1 - i / tall)})`; c.fillRect(left, p.top + 14 + i, 12, 1.5); }
    c.fillStyle = quiet;
    c.fillText("kW", left, p.top + 4);
    [[1, data.top], [0.5, data.top / 2], [0, 0]].forEach(([share, value]) => {
      c.fillText(value ? value.toPrecision(2) : "0", left + 16, p.top + 14 + tall * (1 - share));
    });
    names.forEach(([rgb, words], i) => {
      const y = p.top + 32 + tall + i * 15;
      c.fillStyle = `rgb(${rgb})`; c.fillRect(left, y - 5, 10, 10);
      c.strokeStyle = quiet; c.lineWidth = 0.6; c.strokeRect(left, y - 5, 10, 10);
      c.fillStyle = quiet; c.fillText(words, left + 14, y);
    });
  };

  // At most as many round dates as there is room for: days, months or years.
  const ticks = (wide) => {
    const most = Math.max(2, Math.floor(wide / 62));
    const out = [];
    const first = new Date(data.start), end = data.start + data.days * DAY;
    if (data.days <= 100) {
      const step = [1, 2, 7, 14, 28, 56].find((days) => data.days / days <= most) || 56;
      for (let day = 0; day < data.days; day += step) {
        const date = new Date(data.start + day * DAY);
        out.push([day, `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`]);
      }
      return out;
    }
    const months = data.days / 30.4;
    const step = [1, 2, 3, 6, 12, 24, 60, 120].find((count) => months / count <= most) || 120;
    for (let month = 0; ; month += 1) {
      const date = Date.UTC(first.getUTCFullYear(), month, 1);
      if (date >= end) break;
      if (date < data.start || month % step) continue;
      const at = new Date(date);
      const name = step >= 12 ? "" : MONTHS[at.getUTCMonth()];
      const year = step >= 12 || at.getUTCMonth() === 0 || !out.length ? ` ${at.getUTCFullYear()}` : "";
      out.push([(date - data.start) / DAY, (name + year).trim()]);
    }
    return out;
  };

  const tell = () => {
    if (!cursor) return;
    const value = data.kwh[cursor.day * data.slots + cursor.slot];
    const date = new Date(data.start + cursor.day * DAY + cursor.slot * data.step_minutes * 60000);
    const when = `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()} ${date.toISOString().slice(11, 16)}`;
    const what = Number.isNaN(value) ? "no reading" : `${(value * 60 / data.step_minutes).toPrecision(3)} kW, ${value.toPrecision(3)} kWh in ${data.step_minutes} min`;
    told.textContent = `${when}: ${what}`;
  };
  const point = (event) => {
    if (!data) return;
    const p = place(), box = canvas.getBoundingClientRect();
    const wide = p.width - p.left - p.right, high = p.height - p.top - p.bottom;
    const day = Math.floor((event.clientX - box.left - p.left) / wide * data.days);
    const slot = data.slots - 1 - Math.floor((event.clientY - box.top - p.top) / high * data.slots);
    if (day < 0 || day >= data.days || slot < 0 || slot >= data.slots) return;
    cursor = { day, slot };
    tell();
  };
  canvas.addEventListener("pointermove", point);
  canvas.addEventListener("pointerdown", (event) => { point(event); draw(); });
  canvas.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1], PageUp: [30, 0], PageDown: [-30, 0] }[event.key];
    if (!by || !data) return;
    event.preventDefault();
    told.setAttribute("aria-live", "polite");
    cursor = cursor || { day: Math.floor(data.days / 2), slot: Math.floor(data.slots / 2) };
    cursor.day = Math.max(0, Math.min(data.days - 1, cursor.day + by[0]));
    cursor.slot = Math.max(0, Math.min(data.slots - 1, cursor.slot + by[1]));
    tell();
    draw();
  });

  fetch(`/charts/readings?${canvas.dataset.query}`, { credentials: "include" }).then(async (response) => {
    if (!response.ok) throw new Error(String(response.status));
    data = read(await response.arrayBuffer());
    paint();
    draw();
    canvas.dataset.drawn = String(Math.round(performance.now()));
    performance.mark("heatmap");
    document.dispatchEvent(new Event("heatmapdrawn"));
    new ResizeObserver(draw).observe(canvas);
    document.addEventListener("themechange", draw);
  }).catch((error) => {
    document.dispatchEvent(new Event("heatmapdrawn"));
    canvas.parentElement.hidden = true;
    told.textContent = error.message === "404" ? "There are no readings of this meter." : "The readings could not be loaded.";
  });
})();
