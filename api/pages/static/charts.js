// Charts of a case, drawn on canvas from numbers the service worked out; labels are text, never HTML.
"use strict";
(() => {
  const canvas = document.getElementById("heatmap");
  if (!canvas) return;
  const marks = JSON.parse(canvas.dataset.marks);
  const BEFORE = ["#0072B2", "#56B4E9"], AFTER = ["#D55E00", "#F0894A"];
  const DAY = 86400000;
  const charts = [];
  let numbers = null;
  const library = document.currentScript.dataset.echarts;

  const theme = () => {
    const style = getComputedStyle(document.documentElement);
    const of = (name) => style.getPropertyValue(name).trim();
    const dark = page.isDark();
    return { ink: of("--ink"), quiet: of("--quiet"), line: of("--line"), paper: of("--paper"), before: BEFORE[dark ? 1 : 0], after: AFTER[dark ? 1 : 0] };
  };
  const dates = (first, count) => Array.from({ length: count }, (_, i) => Date.parse(first + "T00:00Z") + i * DAY);
  const axis = (t, name, more = {}) => ({
    name, nameLocation: "middle", nameGap: 30, nameTextStyle: { color: t.quiet }, axisLabel: { color: t.quiet, hideOverlap: true },
    axisLine: { lineStyle: { color: t.line } }, axisTick: { lineStyle: { color: t.line } }, splitLine: { lineStyle: { color: t.line, opacity: 0.5 } }, ...more,
  });
  const tip = (t, more = {}) => ({ trigger: "axis", renderMode: "richText", confine: true, backgroundColor: t.paper, borderColor: t.line, textStyle: { color: t.ink, fontSize: 12 }, ...more });
  const legend = (t, more = {}) => ({ top: 0, left: 0, textStyle: { color: t.ink }, itemWidth: 16, itemHeight: 9, ...more });
  const grid = { left: 46, right: 12, top: 34, bottom: 44, containLabel: false };
  const draw = (id, option) => {
    const place = document.getElementById(id);
    if (!place) return;
    let chart = echarts.getInstanceByDom(place);
    if (!chart) {
      chart = echarts.init(place, null, { renderer: "canvas" });
      charts.push(chart);
      new ResizeObserver(() => chart.resize()).observe(place);
    }
    chart.setOption({ animation: false, textStyle: { fontFamily: "system-ui, sans-serif" }, ...option }, true);
  };
  const nothing = (id, words) => {
    const place = document.getElementById(id);
    if (place) { place.classList.add("empty"); place.textContent = words; place.removeAttribute("role"); place.removeAttribute("aria-label"); }
  };
  const onset = (t, position = "end") => ({
    silent: true, symbol: "none", animation: false,
    lineStyle: { color: t.ink, width: 1.4, type: "solid" }, label: { formatter: (one) => one.name, color: t.ink, fontSize: 11, position },
    data: [["onset", marks.onset], ["end", marks.end]].filter(([, at]) => at).map(([name, at]) => ({ name, xAxis: Date.parse(at + (at.length > 10 ? "Z" : "T00:00Z")), label: { align: !marks.end ? "center" : name === "end" ? "left" : "right" } })),
  });
  const kw = (value) => (value == null ? "–" : `${Number(value).toPrecision(3)} kW`);
  const kwh = (value) => (value == null ? "–" : `${Number(value).toPrecision(4)} kWh`);
  const tell = (id, words) => { const place = document.getElementById(id); if (place) place.textContent = words; };
  const iso = (at) => new Date(at).toISOString().slice(0, 10);

  const others = (t) => {
    const { first_day: first, kwh: own, others: course } = numbers.neighbours;
    const at = dates(first, own.length);
    const pair = (values) => values.map((value, i) => [at[i], value]);
    const series = [
      { name: "this meter", type: "line", data: pair(own), symbol: "circle", symbolSize: 2.5, lineStyle: { width: 0.8 }, itemStyle: { color: t.before }, markLine: onset(t) },
    ];
    if (course) {
      const band = course.high.map((high, i) => (high == null || course.low[i] == null ? null : high - course.low[i]));
      series.push(
        { name: "low", type: "line", data: pair(course.low), stack: "band", symbol: "none", lineStyle: { opacity: 0 }, silent: true },
        { name: "middle half", type: "line", data: pair(band), stack: "band", symbol: "none", lineStyle: { opacity: 0 }, areaStyle: { color: t.quiet, opacity: 0.25 }, itemStyle: { color: t.quiet }, silent: true },
        { name: "others, at this level", type: "line", data: pair(course.middle), symbol: "none", lineStyle: { color: t.quiet, type: "dashed", width: 1.6 }, itemStyle: { color: t.quiet } },
      );
      tell("told-others", `Dashed: median course of ${course.meters} ${course.whose}, brought to this meter's level over the days before the onset (7-day mean); band: middle half of them.`);
    } else tell("told-others", "Too few other meters with readings to compare with.");
    draw("chart-others", {
      grid, xAxis: axis(t, "", { type: "time" }), yAxis: axis(t, "kWh per day", { type: "value" }), series,
      legend: legend(t, { data: ["this meter", ...(course ? ["others, at this level"] : [])] }),
      tooltip: tip(t, { formatter: (all) => [iso(all[0].value[0]), ...all.filter((one) => !["low", "middle half"].includes(one.seriesName)).map((one) => `${one.seriesName}: ${kwh(one.value[1])}`)].join("\n") }),
    });
  };

  const feeder = (t) => {
    const { first_day: first, feeder: f } = numbers.neighbours;
    if (!f) {
      nothing("chart-feeder", "No feeder total is known: it would tell theft from a real change of use.");
      return;
    }
    const at = dates(first, f.total.length);
    const pair = (values) => values.map((value, i) => [at[i], value]);
    tell("told-feeder", `Feeder ${f.feeder_id}: its total and the sum of its ${f.meters} meters, 7-day means, days on which all are known. Right axis: what the sum lacks, in % of the total (losses are a few percent).`);
    draw("chart-feeder", {
      grid: { ...grid, right: 46 }, xAxis: axis(t, "", { type: "time" }),
      yAxis: [axis(t, "kWh per day", { type: "value", scale: true }), axis(t, "lacking, %", { type: "value", position: "right", splitLine: { show: false } })],
      legend: legend(t),
      series: [
        { name: "feeder total", type: "line", symbol: "none", data: pair(f.total), itemStyle: { color: t.ink }, lineStyle: { width: 1.5 }, markLine: onset(t) },
        { name: "sum of meters", type: "line", symbol: "none", data: pair(f.metered), itemStyle: { color: t.before }, lineStyle: { width: 1.5, type: "dashed" } },
        { name: "lacking, %", type: "line", symbol: "none", yAxisIndex: 1, data: pair(f.lacking), itemStyle: { color: t.after }, lineStyle: { width: 1 }, areaStyle: { opacity: 0.15 } },
      ],
      tooltip: tip(t, { formatter: (all) => [iso(all[0].value[0]), ...all.map((one) => `${one.seriesName}: ${one.value[1] == null ? "–" : Number(one.value[1]).toPrecision(4)}`)].join("\n") }),
    });
  };

  const histogram = (t) => {
    const { edges, sides } = numbers.histogram;
    const colours = sides.length === 2 ? [t.before, t.after] : [t.before];
    tell("told-histogram", sides.map((side) => `${side.name}: ${side.readings.toLocaleString("en")} readings${side.zero ? `, ${side.zero} % exactly 0 (not drawn)` : ""}${side.peak ? `, main peak ${Number(side.peak.share.toPrecision(2))} % high and ${Number(side.peak.width.toPrecision(2))} kWh wide at half height` : ""}`).map((words, i) => (i ? words : words[0].toUpperCase() + words.slice(1))).join("; ") + ".");
    draw("chart-histogram", {
      grid, legend: legend(t), tooltip: tip(t, { formatter: (all) => [`${Number(all[0].value[0]).toPrecision(3)} kWh`, ...all.map((one) => `${one.seriesName}: ${Number(one.value[1]).toPrecision(2)} %`)].join("\n") }),
      xAxis: axis(t, `kWh per ${numbers.step_minutes} min`, { type: "value", min: edges[0], max: edges[edges.length - 1], axisLabel: { color: t.quiet, formatter: (value) => Number(value.toPrecision(2)), hideOverlap: true } }),
      yAxis: axis(t, "share of readings, %", { type: "value" }),
      series: sides.map((side, i) => ({ name: side.name, type: "line", step: "end", symbol: "none", data: [[edges[0], side.share[0]], ...side.share.map((share, k) => [edges[k + 1], share])], itemStyle: { color: colours[i] }, lineStyle: { width: 1.3, type: i ? "dashed" : "solid" }, areaStyle: { opacity: 0.2 } })),
    });
  };

  const hours = (t) => {
    const colours = numbers.hours.length === 2 ? [t.before, t.after] : [t.before];
    const x = Array.from({ length: 24 }, (_, hour) => `${String(hour).padStart(2, "0")}`);
    draw("chart-hours", {
      grid, legend: legend(t, { data: numbers.hours.map((side) => side.name) }),
      xAxis: axis(t, "hour of the day", { type: "category", data: x, boundaryGap: false }), yAxis: axis(t, "mean power, kW", { type: "value" }),
      tooltip: tip(t, { formatter: (all) => [`${all[0].name}:00`, ...all.filter((one) => !one.seriesName.startsWith("band")).map((one) => `${one.seriesName}: ${kw(one.value)}`)].join("\n") }),
      series: numbers.hours.flatMap((side, i) => [
        { name: `band low ${i}`, type: "line", stack: `band${i}`, symbol: "none", data: side.low, lineStyle: { opacity: 0 }, silent: true },
        { name: `band ${i}`, type: "line", stack: `band${i}`, symbol: "none", data: side.high.map((high, k) => (high == null ? null : high - side.low[k])), lineStyle: { opacity: 0 }, areaStyle: { color: colours[i], opacity: 0.16 }, silent: true },
        { name: side.name, type: "line", symbol: "none", data: side.mean, itemStyle: { color: colours[i] }, lineStyle: { width: 2, type: i ? "dashed" : "solid" } },
      ]),
    });
  };

  const seasons = (t) => {
    const names = [], boxes = [], after = [];
    numbers.seasons.forEach((season, at) => {
      if (at) { names.push(""); boxes.push([]); after.push(null); }
      season.boxes.forEach((box, hour) => { names.push(`${season.name} ${String(hour).padStart(2, "0")}:00`); boxes.push(box[2] == null ? [] : box); after.push(season.after[hour]); });
    });
    const small = document.getElementById("chart-seasons").clientWidth < 700;
    draw("chart-seasons", {
      grid: { ...grid, bottom: 50 }, legend: legend(t, { data: after.some((value) => value != null) ? ["days compared", "median after the onset"] : ["days compared"] }),
      xAxis: axis(t, "", { type: "category", data: names, axisTick: { show: false }, axisLabel: { color: t.quiet, interval: 0, formatter: (name, i) => { const hour = i % 25; if (hour === 12) return `${small ? "" : "12"}\n${name.split(" ")[0]}`; return !small && (hour === 0 || hour === 6 || hour === 18) && name ? String(hour) : ""; } } }),
      yAxis: axis(t, "mean power, kW", { type: "value" }),
      tooltip: tip(t, { formatter: (all) => { const box = all.find((one) => one.seriesType === "boxplot"), line = all.find((one) => one.seriesType === "line"); return [all[0].name, ...(box && box.value.length > 5 ? [`median ${kw(box.value[3])}, quartiles ${kw(box.value[2])} to ${kw(box.value[4])}`, `whiskers ${kw(box.value[1])} to ${kw(box.value[5])}`] : []), ...(line && line.value != null ? [`after the onset: ${kw(line.value)}`] : [])].join("\n"); } }),
      series: [
        { name: "days compared", type: "boxplot", data: boxes, itemStyle: { color: t.before, borderColor: t.before, borderWidth: 1, opacity: 0.75 }, boxWidth: [2, 8] },
        { name: "median after the onset", type: "line", data: after, symbol: "none", connectNulls: false, itemStyle: { color: t.after }, lineStyle: { width: 2, type: "dashed" } },
      ],
    });
  };

  const KINDS = [["event", "events", "diamond"], ["register", "registers", "rect"], ["bill", "bills", "rect"], ["outage", "outages", "rect"], ["visit", "visits", "pin"]];
  const timeline = (t) => {
    const entries = numbers.timeline;
    const body = document.getElementById("timeline-rows");
    body.replaceChildren(...entries.map((entry) => {
      const row = document.createElement("tr");
      [entry.kind, entry.from, entry.to === entry.from ? "" : entry.to, entry.words].forEach((text, i) => {
        const cell = document.createElement("td");
        cell.textContent = text;
        if (i === 3 && entry.odd) { const mark = document.createElement("strong"); mark.className = "bad"; mark.textContent = " does not fit"; cell.append(mark); }
        row.append(cell);
      });
      return row;
    }));
    if (!entries.length) { nothing("chart-timeline", "No events, registers, bills, outages or visits are recorded."); return; }
    const lanes = KINDS.map(([, words]) => words);
    const at = (text) => Date.parse(text.replace(" ", "T") + "Z");
    const { first_day: first, kwh: own } = numbers.neighbours;
    const span = dates(first, own.length + 1);
    const points = entries.map((entry) => ({ entry, lane: KINDS.findIndex(([kind]) => kind === entry.kind) }));
    draw("chart-timeline", {
      grid: { left: 70, right: 12, top: 18, bottom: 30 },
      xAxis: axis(t, "", { type: "time", min: Math.min(span[0], ...entries.map((entry) => at(entry.from))), max: Math.max(span[span.length - 1], ...entries.map((entry) => at(entry.to))) }),
      yAxis: axis(t, "", { type: "category", data: lanes, inverse: true, splitLine: { show: true, lineStyle: { color: t.line, opacity: 0.5 } } }),
      tooltip: tip(t, { trigger: "item", formatter: (one) => { const entry = points[one.dataIndex]?.entry; return entry ? `${entry.from}${entry.to === entry.from ? "" : ` to ${entry.to}`}\n${entry.words}${entry.odd ? "\ndoes not fit" : ""}`.replace(/(.{60}\S*)\s/g, "$1\n") : ""; } }),
      series: [{
        type: "custom", markLine: onset(t, "start"),  // its axis runs downwards
        data: points.map(({ entry, lane }) => [at(entry.from), at(entry.to), lane, entry.odd ? 1 : 0]),
        encode: { x: [0, 1], y: 2 },
        renderItem: (params, api) => {
          const [x0, y] = api.coord([api.value(0), api.value(2)]), [x1] = api.coord([api.value(1), api.value(2)]);
          const fill = api.value(3) ? t.after : t.before;
          if (x1 - x0 > 5) return { type: "rect", shape: { x: x0 + 1, y: y - 6, width: x1 - x0 - 2, height: 12, r: 2 }, style: { fill, opacity: 0.65 } };
          return api.value(3) ? { type: "rect", shape: { x: x0 - 4, y: y - 4, width: 8, height: 8 }, style: { fill } } : { type: "circle", shape: { cx: x0, cy: y, r: 4 }, style: { fill } };
        },
      }],
    });
  };

  const all = () => { const t = theme(); others(t); feeder(t); histogram(t); hours(t); seasons(t); timeline(t); document.body.dataset.charts = "drawn"; };
  // Only after the heat map, which is what was clicked for: a megabyte of library takes its time to be read.
  const loaded = () => new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = library;
    script.onload = resolve;
    script.onerror = reject;
    document.head.append(script);
  });
  const begin = () => Promise.all([fetch(`/charts/courses?${canvas.dataset.query}`, { credentials: "same-origin" }), loaded()]).then(async ([response]) => {
    if (!response.ok) throw new Error(String(response.status));
    numbers = await response.json();
    all();
    document.addEventListener("themechange", all);
  }).catch((error) => {
    const words = error.message === "404" ? "There are no readings to draw." : "The numbers of this picture could not be loaded. Load the page again.";
    for (const place of document.querySelectorAll(".chart")) nothing(place.id, words);
  });
  if (canvas.dataset.drawn) begin();
  else document.addEventListener("heatmapdrawn", begin, { once: true });
})();
