"use strict";
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const root = document.documentElement;
  const config = {
    displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
  };
  const chosenView = {};
  const PRINT_WIDTH = 700, NARROW = 600, LEGEND_ROW = 20;

  // A packed column holds its first value and every step after it, in whole units; pairs are segments of a line.
  const unpacked = ({ steps, unit, over = 1, pairs }) => {
    const column = [];
    let sum = 0;
    steps.forEach((step, k) => {
      if (pairs && k && k % 2 === 0) column.push(null);
      sum += step;
      column.push((sum * unit) / over);
    });
    return column;
  };

  // Turn packed columns and names of colours into what plotly.js takes.
  const resolved = (value, style) => {
    if (Array.isArray(value)) return value.map((one) => resolved(one, style));
    if (value !== null && typeof value === "object") {
      if ("steps" in value) return unpacked(value);
      return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, resolved(one, style)]));
    }
    const color = typeof value === "string" && /^var\((--[a-z0-9-]+)\)$/.exec(value);
    return color ? style.getPropertyValue(color[1]).trim() : value;
  };

  // Ticks of a time axis by what is seen of it: plotly.js spaces them by the calendar, and a gap of years swallows all.
  const SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
  const STEPS = [
    ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND), ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
    ...[1, 2, 3, 6, 12].map((n) => n * HOUR), ...[1, 2, 7, 14, 30, 91, 182, 365, 730, 1826, 3652].map((n) => n * DAY),
  ];
  const TICK_WIDTH = 92;

  const stretches = (begin, end, gaps) => {
    const found = [];
    for (const [from, to] of gaps) {
      if (from > begin && from < end) found.push([begin, from]);
      begin = Math.max(begin, Math.min(to, end));
    }
    if (begin < end) found.push([begin, end]);
    return found;
  };

  const ticksOf = (begin, end, gaps, width) => {
    const open = stretches(begin, end, gaps);
    const room = open.reduce((sum, [from, to]) => sum + to - from, 0) / Math.max(2, Math.floor(width / TICK_WIDTH));
    const step = STEPS.find((one) => one >= room) || STEPS[STEPS.length - 1];
    const ticks = [];
    let passed = 0, day = "";
    for (const [from, to] of open) {
      let first = true;
      for (let time = Math.ceil(from / step) * step; time <= to; time += step) {
        const place = passed + time - from;
        if (first && ticks.length && place - ticks[ticks.length - 1].place < 0.8 * room) ticks.pop();
        const stamp = new Date(time).toISOString();
        ticks.push({ place, time, stamp });
        first = false;
      }
      passed += to - from;
    }
    const texts = ticks.map(({ stamp }) => {
      const clock = stamp.slice(11, step < MINUTE ? 19 : 16);
      const date = stamp.slice(0, 10);
      if (step >= DAY) return date;
      const text = date === day ? clock : `${clock}<br>${date}`;
      day = date;
      return text;
    });
    return { tickvals: ticks.map((tick) => tick.time), ticktext: texts };
  };

  const setTicks = (plot) => {
    const axis = plot._fullLayout.xaxis;
    const gaps = (plot.layout.xaxis.rangebreaks || []).map((gap) => gap.bounds);
    if (axis.type !== "date") return;
    const [begin, end] = axis.range.map((time) => axis.r2l(time));
    const { tickvals, ticktext } = ticksOf(begin, end, gaps, axis._length);
    if (String(tickvals) === String(plot.layout.xaxis.tickvals)) return;
    window.Plotly.relayout(plot, { "xaxis.tickmode": "array", "xaxis.tickvals": tickvals, "xaxis.ticktext": ticktext });
  };

  // On a narrow page the legend is a column of its own: it gets its room, axis titles give up theirs.
  const narrow = (data, layout) => {
    const named = data.filter((trace) => trace.showlegend !== false).length;
    if (layout.showlegend !== false && named > 1) layout.height += LEGEND_ROW * named;
    layout.margin = { ...layout.margin, l: 8, r: 8 };
    layout.font.size = 12;
    for (const name of ["yaxis", "yaxis2"]) if (layout[name]) layout[name].title = { text: "" };
  };

  const draw = (plot) => {
    const figure = figures[plot.dataset.figure];
    const isNarrow = plot.clientWidth < NARROW && !root.dataset.printing;
    const { data, layout } = resolved({ data: figure.data, layout: figure.layout }, getComputedStyle(root));
    const view = figure.views[chosenView[plot.id] || 0];
    if (view) for (const [name, range] of Object.entries(view.ranges)) layout[name.split(".")[0]].range = range.slice();
    layout.uirevision = plot.dataset.figure;
    layout.width = root.dataset.printing ? PRINT_WIDTH : plot.clientWidth || PRINT_WIDTH;
    if (isNarrow) narrow(data, layout);
    const zooms = layout.xaxis.type === "date" && !isNarrow;
    layout.dragmode = zooms ? "zoom" : false;
    plot.setAttribute("aria-label", figure.summary);
    window.Plotly.react(plot, data, layout, { ...config, displayModeBar: zooms ? "hover" : false });
    setTicks(plot);
  };
  const plots = [...document.querySelectorAll(".plot")];
  const drawAll = () => plots.forEach(draw);

  for (const button of document.querySelectorAll(".views button")) {
    button.addEventListener("click", () => {
      const plot = button.closest("figure").querySelector(".plot");
      chosenView[plot.id] = Number(button.dataset.view);
      for (const other of button.parentElement.children) other.setAttribute("aria-pressed", String(other === button));
      const { ranges } = figures[plot.dataset.figure].views[chosenView[plot.id]];
      window.Plotly.relayout(plot, Object.fromEntries(Object.entries(ranges).map(([name, range]) => [name, range.slice()])));
    });
  }

  for (const select of document.querySelectorAll("select[data-plot]")) {
    select.addEventListener("change", () => {
      const plot = document.getElementById(select.dataset.plot);
      plot.dataset.figure = select.value;
      document.getElementById("shown").textContent = figures[select.value].summary;
      draw(plot);
    });
  }

  // Sort a table by a column: numbers as numbers, everything else as text; a second click turns the order.
  const sortBy = (table, header, column) => {
    const body = table.tBodies[0];
    const sign = header.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    const keyed = [...body.rows].map((row) => {
      const words = row.cells[column].textContent;
      const number = Number(words.replace(/[,+%\s]/g, ""));
      return [Number.isNaN(number) ? words : number, row];
    });
    keyed.sort(([a], [b]) => sign * (a < b ? -1 : a > b ? 1 : 0));
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    body.append(...keyed.map(([, row]) => row));
  };
  const trades = document.getElementById("trade-list");
  if (trades) {
    [...trades.tHead.rows[0].cells].forEach((header, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = header.textContent;
      header.replaceChildren(button);
      button.addEventListener("click", () => sortBy(trades, header, column));
    });
  }

  let pending = 0, width = root.clientWidth;
  window.addEventListener("resize", () => {
    clearTimeout(pending);
    pending = setTimeout(() => {
      if (root.clientWidth !== width) drawAll();
      width = root.clientWidth;
    }, 120);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  const folded = [...document.querySelectorAll("details:not([open])")];
  window.addEventListener("beforeprint", () => {
    root.dataset.printing = "yes";
    folded.forEach((part) => { part.open = true; });
    drawAll();
  });
  window.addEventListener("afterprint", () => {
    delete root.dataset.printing;
    folded.forEach((part) => { part.open = false; });
    drawAll();
  });
  drawAll();
  for (const plot of plots) plot.on("plotly_relayout", () => setTicks(plot));
})();
