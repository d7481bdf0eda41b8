"""The night's summary to people: mail, WeCom, DingTalk, any webhook, through Apprise. No names, no text: figures and reasons.

Addresses hold secrets and come from the environment (`TINGJIAN_NOTIFY__URLS`); they are never shown. Who cannot be reached is a
line in the log: a run does not fail because a mail server is down.
"""
from __future__ import annotations

import logging
import socket
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flows.job import Summary
from settings import Settings

if TYPE_CHECKING:
    from prefect import Flow
    from prefect.client.schemas.objects import FlowRun, State

log = logging.getLogger(__name__)


def wanted(settings: Settings, summary: Summary) -> bool:
    """Whether this run's end is worth a message by [notify] when."""
    if not settings.notify.urls or settings.notify.when == "never":
        return False
    bad = bool(summary.failures or summary.left)
    return bad or (settings.notify.when == "always" and bool(summary.done or summary.rescored))


def of_run(summary: Summary) -> tuple[str, str]:
    """Title and text, Chinese first, of a run that came to its end."""
    failed = len(summary.failures)
    title = f"听检：完成 {summary.done} 通" + (f"，失败 {failed} 通" if failed else "")
    pace = summary.seconds / summary.elapsed if summary.elapsed else 0.0
    lines = [
        f"完成 {summary.done} 通（{summary.seconds / 3600:.1f} 小时录音，{pace:.1f} 倍实时），重新评分 {summary.rescored} 通，"
        f"此前已完成 {summary.finished_before} 通。",
        f"致命项 {summary.fatal} 通，待人工判定 {summary.review_items} 项（{summary.review_calls} 通）。"]
    if failed:
        lines.append(f"失败 {failed} 通：{_reasons(summary)}。用 tingjian health 和 tingjian failed 查看。")
    if summary.waiting:
        lines.append(f"尚未就绪 {len(summary.waiting)} 个，下次再取。")
    if summary.left:
        lines.append(f"被停止，剩 {summary.left} 通留待下次。")
    lines.append(f"{summary.done} calls done, {summary.rescored} scored again, {failed} failed"
                 f"{f' ({_reasons(summary)})' if failed else ''}, {len(summary.waiting)} not ready yet, {summary.left} left "
                 f"({socket.gethostname()}).")
    return title, "\n".join(lines)


def of_break(kind: str, flow: str = "monitor-calls") -> tuple[str, str]:
    """Title and text of a run that broke; `kind` names the error without quoting anything."""
    return f"听检：任务中断（{flow}）", (
        f"任务 {flow} 出错中断（{kind}）。已完成的部分保留，下次运行从中断处继续；请看日志或 tingjian health。\n"
        f"A run of {flow} broke ({kind}) on {socket.gethostname()}. What it finished is kept, the next run goes on there; see its log, or "
        "tingjian health.")


def broke(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Prefect's hook: people are told that a scheduled run broke, or that its process was killed, which only its starter can tell. What
    a person started at the command line breaks before their eyes."""
    settings = Settings()
    if flow_run.deployment_id is not None and settings.notify.urls and settings.notify.when != "never":
        send(settings, *of_break(state.type.value.lower(), flow.name))


def of_reports(kinds: Sequence[str], where: str) -> tuple[str, str]:
    """Title and text of reports that were made; what they say stays where they lie, since they name agents and calls."""
    chinese = "、".join({"daily": "日报", "weekly": "周报", "monthly": "月报"}[kind] for kind in kinds)
    return f"听检：质检{chinese}已生成", f"在 {where}（{socket.gethostname()}）。\nThe {' and the '.join(kinds)} report: {where} on {socket.gethostname()}."


def send(settings: Settings, title: str, text: str) -> bool:
    """Sends to all addresses; False where some could not be reached, which is logged by number, since addresses are secret."""
    import apprise

    logging.getLogger("apprise").setLevel(logging.CRITICAL)     # its messages quote addresses
    well = True
    for number, url in enumerate(settings.notify.urls, 1):
        service = apprise.Apprise()
        sent = service.add(url.get_secret_value()) and service.notify(title=title, body=text, body_format=apprise.NotifyFormat.TEXT)
        if not sent:
            well = False
            log.warning("[notify] address %d of %d could not be reached or is no address of Apprise", number, len(settings.notify.urls))
    return well


def _reasons(summary: Summary) -> str:
    return _listed(Counter(failure.code for failure in summary.failures).most_common())


def _listed(counted: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{code} {count}" for code, count in counted)
