"use strict";
// Cards by band and week as stacked bars, the mean of the random sample as a line; a bar opens its week's calls.
(() => {
  const box = document.getElementById("chart");
  if (!box) return;
  const { weeks, means, bands } = JSON.parse(box.dataset.chart), names = JSON.parse(box.dataset.names);
  const colours = { excellent: "#2f7d4f", good: "#86b89a", needs_improvement: "#d9a441", below_standard: "#b3382f" };
  const chart = echarts.init(box);
  chart.setOption({
    animation: false, tooltip: { trigger: "axis" }, legend: { top: 0 }, grid: { left: 44, right: 44, top: 56, bottom: 26 },
    xAxis: { type: "category", data: weeks }, yAxis: [{ type: "value", minInterval: 1, name: names.cards, nameTextStyle: { align: "left", padding: [0, 0, 0, -30] } },
      { type: "value", min: 0, max: 100, splitLine: { show: false }, name: names.mean, nameTextStyle: { align: "right", padding: [0, -30, 0, 0] } }],
    series: [...Object.entries(bands).map(([band, counts]) => ({ name: names[band], id: band, type: "bar", stack: "bands", barMaxWidth: 46, color: colours[band], data: counts })),
      { name: names.mean, type: "line", yAxisIndex: 1, color: "#1d2b33", connectNulls: true, data: means }],
  });
  chart.on("click", (event) => {
    const end = new Date(`${event.name}T00:00:00Z`);
    end.setUTCDate(end.getUTCDate() + 6);
    const band = event.seriesType === "bar" ? `&final=${event.seriesId}` : "";
    location.href = `/queue?picked=${band ? "" : "random"}&state=done&since=${event.name}&until=${end.toISOString().slice(0, 10)}${band}`;
  });
  addEventListener("resize", () => chart.resize());
})();
