"use strict";
// Draws every trend on the page: a line a series, the interval in grey where there is but one; a point tells its figures and opens its calls.
// In the workbench a point leads to the queue (data-queue); in a file it lists the calls' ids, as links where data-calls says whereto.
(() => {
  const colours = ["#24617f", "#c0622d", "#2f7d4f", "#7a4ea0", "#b3382f", "#8a7a1f", "#3d8f8f", "#5f6d75"];
  const shown = 8;
  const escaped = (text) => String(text).replace(/[&<>"]/g, (one) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[one]);
  for (const box of document.querySelectorAll(".trend-chart")) {
    const chart = JSON.parse(document.getElementById(box.dataset.from).textContent), words = chart.words;
    const drawn = echarts.init(box), single = chart.series.length === 1;
    const series = chart.series.flatMap((one, at) => {
      const line = { name: one.name, id: `s${at}`, type: "line", color: colours[at % colours.length], symbolSize: 8, connectNulls: false,
        data: one.points.map((point) => point && { value: point.value, symbol: point.change === "up" ? "triangle" : point.change === "down" ? "pin" : "circle",
          symbolRotate: point.change === "down" ? 0 : undefined, symbolSize: point.change === "up" || point.change === "down" ? 13 : 7, itemStyle: point.partial ? { opacity: 0.45 } : {} }) };
      if (!single) return [line];
      const band = { type: "line", stack: "band", symbol: "none", silent: true, lineStyle: { opacity: 0 }, tooltip: { show: false } };
      return [{ ...band, data: one.points.map((point) => point && point.low) },
        { ...band, areaStyle: { color: "#576871", opacity: 0.16 }, data: one.points.map((point) => point && point.high - point.low) }, line];
    });
    const told = (event) => {
      const at = Number(event.seriesId.slice(1)), point = chart.series[at].points[event.dataIndex];
      return [`<b>${escaped(chart.series[at].name)}</b> ${chart.periods[event.dataIndex]}${point.partial ? " · " + words.partial : ""}`,
        `${point.value} / 1000 (${point.low}–${point.high})`, `${words.with_it} ${point.with_it} / ${words.calls} ${point.calls}`,
        point.before === null ? "" : `${words.before} ${point.before} ${point.times} q ${point.q} · ${words[point.change]}`].filter(Boolean).join("<br>");
    };
    drawn.setOption({
      animation: false, aria: { enabled: true }, tooltip: { trigger: "item", formatter: told }, grid: { left: 52, right: single ? 20 : 190, top: 30, bottom: 30 },
      legend: single ? { show: false } : { type: "scroll", orient: "vertical", right: 6, top: 20, bottom: 10, data: chart.series.map((one) => one.name),
        selected: Object.fromEntries(chart.series.map((one, at) => [one.name, at < shown])) },
      xAxis: { type: "category", data: chart.periods }, yAxis: { type: "value", min: 0, name: chart.unit, nameTextStyle: { align: "left" } }, series });
    drawn.on("click", (event) => {
      if (!/^s\d+$/.test(event.seriesId || "")) return;
      const one = chart.series[Number(event.seriesId.slice(1))], point = one.points[event.dataIndex];
      if (box.dataset.queue) {
        const by = box.dataset.by && one.group !== null ? `&${encodeURIComponent(box.dataset.by)}=${encodeURIComponent(one.group)}` : "";
        location.href = `${box.dataset.queue}&since=${chart.begins[event.dataIndex]}&until=${chart.ends[event.dataIndex]}${by}`;
        return;
      }
      const behind = box.nextElementSibling, calls = box.dataset.calls;
      behind.textContent = `${chart.periods[event.dataIndex]} ${one.name}: `;
      for (const call of point.examples) {
        const link = document.createElement(calls ? "a" : "code");
        if (calls) link.href = calls + encodeURIComponent(call);
        link.textContent = call;
        behind.append(link);
      }
    });
    addEventListener("resize", () => drawn.resize());
  }
})();
