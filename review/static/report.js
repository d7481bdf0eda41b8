"use strict";
// The charts of a report: calls as bars with their mean score as a line, or bars lying with the largest on top.
for (const box of document.querySelectorAll(".report-chart")) {
  const told = JSON.parse(document.getElementById(box.dataset.from).textContent), drawn = echarts.init(box);
  const common = { animation: false, aria: { enabled: true }, tooltip: { trigger: "axis" } };
  drawn.setOption(told.kind === "Volume" ? { ...common, legend: { top: 4 }, grid: { left: 70, right: 70, top: 40, bottom: 30 },
    xAxis: { type: "category", data: told.names }, 
    yAxis: [{ type: "value", minInterval: 1, name: told.words.calls, nameLocation: "middle", nameGap: 50 },
      { type: "value", name: told.words.score, nameLocation: "middle", nameGap: 40, nameTextStyle: { color: "#c0622d" }, min: (value) => Math.min(70, Math.floor(value.min - 2)), max: 100, splitLine: { show: false } }],
    series: [{ name: told.words.calls, type: "bar", barMaxWidth: 40, color: "#b9cdd6", data: told.calls },
      { name: told.words.score, type: "line", yAxisIndex: 1, color: "#c0622d", connectNulls: true, data: told.scores }] }
    : { ...common, grid: { left: 10, right: 60, top: 10, bottom: 30, containLabel: true },
      xAxis: { type: "value", name: told.unit, nameLocation: "middle", nameGap: 26 },
      yAxis: { type: "category", inverse: true, data: told.names },
      series: [{ name: told.unit, type: "bar", barMaxWidth: 20, color: "#24617f", label: { show: true, position: "right" }, data: told.values }] });
  addEventListener("resize", () => drawn.resize());
}
