"""The figures of a run, in the order in which they are shown: for the terminal and for Prefect's table."""
from __future__ import annotations

from collections import Counter
from typing import Any

from flows.job import Summary
from insight.backtest import Scores

BANDS = {"excellent": "excellent 优秀", "good": "good 良好", "needs_improvement": "needs improvement 需改进",
         "below_standard": "below standard 未达标", "not_scored": "not scored 未评分"}


def rows(summary: Summary) -> list[dict[str, Any]]:
    """One row per figure: `what` and `value`."""
    pace = summary.seconds / summary.elapsed if summary.elapsed else 0.0
    figures: list[tuple[str, str]] = [("calls", str(summary.done))]
    if summary.rescored:
        figures.append(("scored again, not recognised again", str(summary.rescored)))
    if summary.finished_before:
        figures.append(("finished before", str(summary.finished_before)))
    figures += [("minutes of audio", f"{summary.seconds / 60:.1f}"),
                ("speed", f"{pace:.1f} × real time, {summary.elapsed:.1f} s")]
    figures += [(title, str(summary.bands[band])) for band, title in BANDS.items() if summary.bands[band]]
    figures += [("fatal", str(summary.fatal)),
                ("for review", f"{summary.review_items} items in {summary.review_calls} calls"),
                ("failed", str(len(summary.failures)))]
    reasons = Counter(failure.code for failure in summary.failures)
    figures += [(f"  {code}", str(count)) for code, count in reasons.most_common()]
    if summary.waiting:
        figures.append(("not ready yet", str(len(summary.waiting))))
    if summary.erased:
        figures.append(("erased before, left alone", str(summary.erased)))
    if summary.left:
        figures.append(("left for the next run", str(summary.left)))
    return [{"what": what, "value": value} for what, value in figures]


def rescored_rows(scores: Scores, current: int, undated: int, failed: int) -> list[dict[str, Any]]:
    """The same for a rescore: what its calls' scores and bands became."""
    same = scores.calls - scores.up - scores.down
    figures = [("scored again, not recognised again", str(scores.calls)), ("current before", str(current))]
    if undated:
        figures.append(("without a day, left out", str(undated)))
    figures += [("score up", str(scores.up)), ("score down", str(scores.down)), ("score as before", str(same))]
    if means := scores.means:
        figures.append(("mean score", f"{means[0]:.1f} → {means[1]:.1f}"))
    figures += [(f"{BANDS[old or 'not_scored']} → {BANDS[new or 'not_scored']}", str(count))
                for old, new, count in scores.moved]
    figures += [("newly fatal", str(scores.newly_fatal)), ("no longer fatal", str(scores.no_longer_fatal)),
                ("failed", str(failed))]
    return [{"what": what, "value": value} for what, value in figures]
