"""Charts as pictures: PNG for slides and mail, and for PDF. Drawn by matplotlib with the typeface of review/typeface.py."""
from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from review.typeface import truetype

INK, SOFT, LINE = "#1d2b33", "#576871", "#dfe5e8"
COLOURS = ("#24617f", "#c0622d", "#2f7d4f", "#7a4ea0", "#b3382f", "#8a7a1f", "#3d8f8f", "#5f6d75")
BANDS = {"excellent": "#2f7d4f", "good": "#86b89a", "needs_improvement": "#d9a441", "below_standard": "#b3382f"}
MOST_LINES = 8


def trend_png(chart: Mapping[str, Any], width: float = 9.0, height: float = 4.0) -> bytes:
    """A line a series, the interval in grey where there is but one; `chart` is trends_view.chart's. Inches at 150 dots."""
    figure, axes = _axes(width, height)
    places = list(range(len(chart["periods"])))
    series = chart["series"][:MOST_LINES]
    for one, colour in zip(series, COLOURS, strict=False):
        points = [(at, point) for at, point in zip(places, one["points"], strict=True) if point]
        at = [place for place, _ in points]
        if len(series) == 1:
            axes.fill_between(at, [point["low"] for _, point in points], [point["high"] for _, point in points], color=colour, alpha=0.15, lw=0)
        axes.plot(at, [point["value"] for _, point in points], color=colour, marker="o", ms=3.5, lw=1.6, label=one["name"])
        for mark, change in (("^", "up"), ("v", "down")):
            there = [(place, point["value"]) for place, point in points if point["change"] == change]
            axes.plot([place for place, _ in there], [value for _, value in there], mark, color=colour, ms=10)
    _labels(axes, chart["periods"])
    axes.set_ylim(bottom=0)
    axes.set_ylabel(chart["unit"])
    axes.set_title(chart["title"], loc="left", fontsize=12, color=INK)
    if len(series) > 1:
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=9)
    return _png(figure)


def volume_png(periods: Sequence[str], calls: Sequence[int], scores: Sequence[float | None], words: Mapping[str, str],
               width: float = 9.0, height: float = 3.0) -> bytes:
    """Calls as bars, their mean score as a line on an axis of its own."""
    figure, axes = _axes(width, height)
    axes.bar(range(len(periods)), calls, color="#b9cdd6", width=0.62, label=words["calls"])
    _labels(axes, periods)
    axes.set_ylabel(words["calls"])
    other = axes.twinx()
    told = [(at, score) for at, score in enumerate(scores) if score is not None]
    other.plot([at for at, _ in told], [score for _, score in told], color=COLOURS[1], marker="o", ms=3.5, lw=1.6)
    other.set_ylim(min([70.0, *(score - 2 for _, score in told)]), 100)
    other.set_ylabel(words["score"], color=COLOURS[1])
    other.tick_params(colors=SOFT, labelsize=9)
    other.spines[["top", "left"]].set_visible(False)
    return _png(figure)


def bars_png(names: Sequence[str], values: Sequence[float], unit: str, width: float = 9.0, height: float | None = None) -> bytes:
    """Bars lying, the largest on top."""
    figure, axes = _axes(width, height or 0.6 + 0.32 * max(len(names), 1))
    places = list(range(len(names)))[::-1]
    axes.barh(places, values, color=COLOURS[0], height=0.62)
    axes.set_yticks(places, names)
    axes.set_xlabel(unit)
    axes.grid(axis="y", visible=False)
    return _png(figure)


def _axes(width: float, height: float) -> tuple[Any, Any]:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import font_manager, rcParams
    from matplotlib.figure import Figure

    font_manager.fontManager.addfont(str(truetype()))
    rcParams["font.family"] = font_manager.FontProperties(fname=str(truetype())).get_name()
    rcParams["axes.unicode_minus"] = False
    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(LINE)
    axes.tick_params(colors=SOFT, labelsize=9)
    axes.yaxis.label.set_color(SOFT)
    axes.grid(axis="y", color=LINE, lw=0.7)
    axes.set_axisbelow(True)
    return figure, axes


def _labels(axes: Any, names: Sequence[str]) -> None:
    """As many names under the axis as there is room for, the last always."""
    room = max(int(90 / (max(map(len, names), default=1) + 3)), 1)
    step = -(-len(names) // room)
    shown = [at for at in range(len(names)) if (len(names) - 1 - at) % step == 0]
    axes.set_xticks(shown, [names[at] for at in shown])


def _png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", facecolor="white")
    return buffer.getvalue()
