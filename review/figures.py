"""Frames as a workbook: a sheet each, headings in Chinese, nothing taken for a formula."""
from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import xlsxwriter

from review.wording import say
from review.workbook import safe

HEADINGS = {
    "assessment": "考核得分", "monitoring": "监听得分", "cards": "评分卡数", "appeals": "申诉中", "result": "月度绩效", "grade": "等级",
    "result_before": "上月绩效", "two_low": "连续两月低于70", "complaints": "投诉", "major": "重大投诉", "deduction": "投诉扣分",
    "bonus_share": "奖金比例", "dismissal": "建议辞退", "calls": "话务量", "volume_mean": "平均话务量", "volume_under": "低于均值",
    "volume_points": "话务量得分", "talk_seconds": "平均通话时长（秒）", "talk_mean": "全中心均值（秒）", "talk_over": "超出均值（秒）",
    "talk_points": "通话时长得分", "points": "得分合计", "lacks": "缺少", "agents": "人数", "share": "占比（%）", "low": "应不低于（%）",
    "high": "应不高于（%）", "inside": "在范围内", "how": "计算过程", "figure": "指标", "source": "依据", "value": "数值", "counted": "计入",
    "note": "说明", "file": "文件", "line": "行", "column": "列", "reason": "原因", "remedy": "改法", "met": "达标", "target": "目标",
    "numerator": "分子", "denominator": "分母", "order_id": "工单号", "what": "指标", "opened_at": "受理时间", "hours": "小时",
    "customer_tier": "客户级别", "tier": "级别", "case": "个案", "indicator": "指标"}
WIDTHS = {"how": 60, "source": 32, "note": 30, "reason": 40, "remedy": 40, "lacks": 30, "what": 36, "indicator": 36, "case": 24}


@dataclass(frozen=True)
class Sheet:
    """A frame and the name of its sheet, at most 31 characters."""

    name: str
    table: pl.DataFrame


def figures(sheets: Sequence[Sheet]) -> bytes:
    """The bytes of an .xlsx file. Text is text, also where it begins like a formula; lists are joined; times are the centre's (+08:00)."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False,
                                        "nan_inf_to_errors": True})
    heading = book.add_format({"bold": True, "bg_color": "#29434E", "font_color": "#FFFFFF", "text_wrap": True, "valign": "vcenter"})
    plain = book.add_format({"valign": "top", "text_wrap": True})
    time = book.add_format({"valign": "top", "align": "left", "num_format": "yyyy-mm-dd hh:mm"})
    for sheet in sheets:
        page = book.add_worksheet(sheet.name)
        for position, column in enumerate(sheet.table.columns):
            page.set_column(position, position, WIDTHS.get(column, 12))
            page.write_string(0, position, HEADINGS.get(column) or say(column), heading)
        for number, row in enumerate(sheet.table.iter_rows(), 1):
            for position, value in enumerate(row):
                _cell(page, number, position, value, plain, time)
        page.freeze_panes(1, 1)
        page.autofilter(0, 0, max(sheet.table.height, 1), max(sheet.table.width - 1, 0))
    book.close()
    return buffer.getvalue()


def _cell(page: Any, row: int, column: int, value: Any, plain: Any, time: Any) -> None:
    if value is None:
        return
    if isinstance(value, bool):
        page.write_string(row, column, "是" if value else "否", plain)
    elif isinstance(value, int | float):
        page.write_number(row, column, value, plain)
    elif isinstance(value, datetime):
        from zoneinfo import ZoneInfo

        local = value.astimezone(ZoneInfo("Asia/Shanghai")) if value.tzinfo else value.replace(tzinfo=UTC)
        page.write_datetime(row, column, local.replace(tzinfo=None), time)
    elif isinstance(value, date):
        page.write_string(row, column, value.isoformat(), plain)
    elif isinstance(value, list):
        page.write_string(row, column, safe("；".join(str(one) for one in value)), plain)
    else:
        page.write_string(row, column, safe(str(value)), plain)
