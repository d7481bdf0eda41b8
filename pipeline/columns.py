"""The columns of a manifest: what they may be called and how each cell is read.

Every reader takes the stripped, non-empty text of a cell and returns the value that records.Call keeps, or raises ValueError
with the second half of a sentence ("not a date; write …"): what is wrong and what to write instead.
"""
from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Mapping

REQUIRED = ("call_id", "recording")
CHINA = dt.timezone(dt.timedelta(hours=8))
EXCEL_EPOCH = dt.datetime(1899, 12, 30)  # day 0 of Excel's calendar, counting its non-existent 29 February 1900
NOTHING = {"", "-", "--", "/", "null", "none", "nan", "n/a", "na", "\\n", "无", "空"}

ALIASES: dict[str, tuple[str, ...]] = {
    "call_id": ("通话编号", "通话id", "录音编号", "呼叫编号", "流水号", "会话id"),
    "recording": ("录音文件", "录音", "录音路径", "文件", "文件名", "录音文件名"),
    "organisation": ("organization", "企业", "公司", "机构", "单位", "企业名称", "公司名称"),
    "agent_id": ("工号", "坐席工号", "座席工号", "客服工号", "坐席编号", "座席编号"),
    "agent_name": ("坐席姓名", "座席姓名", "客服姓名", "坐席", "座席", "客服", "话务员"),
    "team": ("班组", "团队", "小组", "组别"),
    "line": ("业务线", "业务", "技能组", "业务类型"),
    "customer_name": ("客户姓名", "客户名称", "用户姓名", "客户"),
    "customer_gender": ("客户性别", "性别", "用户性别"),
    "customer_tier": ("客户等级", "客户级别", "用户等级", "会员等级"),
    "direction": ("呼叫方向", "方向", "呼叫类型", "通话方向"),
    "started_at": ("开始时间", "通话时间", "呼叫时间", "来电时间", "通话开始时间"),
    "answered_after": ("振铃时长", "振铃秒数", "响铃时长", "接听等待"),
    "released_by": ("挂机方", "挂断方", "释放方", "先挂方"),
    "agent_channel": ("坐席声道", "座席声道", "客服声道"),
    "consent": ("同意", "录音同意", "同意录音", "客户同意", "授权", "质检授权"),
}

CHOICES: dict[str, dict[str, tuple[str, ...]]] = {
    "direction": {
        "inbound": ("in", "incoming", "呼入", "来电", "进线"),
        "outbound": ("out", "outgoing", "呼出", "外呼", "去电"),
    },
    "agent_channel": {"left": ("l", "左", "左声道"), "right": ("r", "右", "右声道")},
    "consent": {
        "yes": ("y", "true", "1", "是", "同意", "已同意", "已授权"),
        "no": ("n", "false", "0", "否", "不同意", "未同意", "拒绝", "未授权", "撤回"),
    },
    "customer_gender": {
        "male": ("m", "man", "男", "男性", "先生"),
        "female": ("f", "woman", "女", "女性", "女士", "小姐"),
        "": ("unknown", "未知", "保密", "不详"),
    },
    "released_by": {
        "agent": ("坐席", "座席", "客服", "坐席挂机", "座席挂机"),
        "customer": ("caller", "client", "user", "客户", "用户", "客户挂机", "用户挂机"),
        "system": ("系统", "系统挂机"),
        "": ("unknown", "未知"),
    },
}

_DATE = re.compile(
    r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?"
    r"(?:[T\s]*(\d{1,2})\s*[:：时]\s*(\d{1,2})(?:\s*[:：分]\s*(\d{1,2})(\.\d+)?)?\s*[分秒]?"
    r"\s*(Z|[+-]\d{2}:?\d{2})?)?", re.IGNORECASE)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:[T ]?(\d{2})(\d{2})(\d{2}))?")
_CLOCK = re.compile(r"(?:(\d{1,2}):)?(\d{1,2}):(\d{1,2}(?:\.\d+)?)")
_ROUNDED = re.compile(r"\d(?:\.\d+)?E\+\d+", re.IGNORECASE)


def known_columns(header: list[str]) -> tuple[dict[int, str], list[str]]:
    """Which of our columns stands where (position → name), and the headings that mean nothing to us.

    Headings are compared without case, spaces, hyphens and underscores; a column named twice raises ValueError.
    """
    names = {_plain(name): column for column, others in ALIASES.items() for name in (column, *others)}
    columns: dict[int, str] = {}
    unknown: list[str] = []
    for position, heading in enumerate(header):
        column = names.get(_plain(heading))
        if column is None:
            unknown += [heading] if heading.strip() else []
        elif column in columns.values():
            raise ValueError(f"the column {column} stands in it twice (again as “{heading.strip()}”); keep one of them")
        else:
            columns[position] = column
    return columns, unknown


def read_cell(column: str, text: str) -> object | None:
    """A cell's value, None when there is nothing in it. Raises ValueError as the module says."""
    text = text.strip()
    if text.lower() in NOTHING:
        return None
    return READERS.get(column, str)(text)


def call_id(text: str) -> str:
    if re.search(r"[/\\\x00-\x1f\x7f]", text) or text in {".", ".."}:
        raise ValueError("which cannot name the files of a call; write it without / \\ and control characters")
    if len(text) > 200:
        raise ValueError("longer than 200 characters; write a shorter one")
    if _ROUNDED.fullmatch(text):
        raise ValueError("a number that Excel has rounded; format the column as text and write the number again")
    return text


def started_at(text: str) -> str:
    """ISO 8601 with offset; a time without one is taken as China's (+08:00), a bare date as its midnight."""
    try:
        if match := _DATE.fullmatch(text):
            year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
            if match[8] and match[8].upper() != "Z":
                sign = -1 if match[8][0] == "-" else 1
                offset = sign * dt.timedelta(hours=int(match[8][1:3]), minutes=int(match[8][-2:]))
                zone = dt.timezone(offset)
            else:
                zone = dt.UTC if match[8] else CHINA
            fraction = round(float(match[7] or 0) * 1e6) % 1_000_000
            return dt.datetime(year, month, day, hour, minute, second, fraction, zone).isoformat()
        if match := _COMPACT.fullmatch(text):
            return dt.datetime(*(int(part or 0) for part in match.groups()), tzinfo=CHINA).isoformat()  # type: ignore[arg-type]
        if 36526 <= (serial := float(text)) < 73051:  # Excel's numbers for the years 2000 to 2099
            moment = EXCEL_EPOCH + dt.timedelta(seconds=round(serial * 86400))
            return moment.replace(tzinfo=CHINA).isoformat()
    except ValueError:
        pass
    raise ValueError("not a date; write 2026-11-20T09:12:00+08:00")


def answered_after(text: str) -> float:
    """Seconds of ringing; "4.2", "4,2", "4 秒" and "0:00:04" are all understood."""
    if match := _CLOCK.fullmatch(text):
        return int(match[1] or 0) * 3600 + int(match[2]) * 60 + float(match[3])
    try:
        seconds = float(re.sub(r"\s*(s|sec|秒)$", "", text, flags=re.IGNORECASE).replace(",", "."))
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < 86400:
        raise ValueError("not a number of seconds; write the seconds of ringing, such as 4.2")
    return seconds


def _choice(column: str) -> Callable[[str], str | None]:
    values = {_plain(name): value for value, others in CHOICES[column].items() for name in (value, *others) if name}
    wanted = [value for value in CHOICES[column] if value]

    def read(text: str) -> str | None:
        if (value := values.get(_plain(text))) is None:
            raise ValueError(f"none of {', '.join(wanted)}; write one of them or leave it empty")
        return value or None

    return read


def _plain(heading: str) -> str:
    return re.sub(r"[\s_\-]+", "", heading.replace("\ufeff", "")).lower()


READERS: Mapping[str, Callable[[str], object | None]] = {
    "call_id": call_id, "started_at": started_at, "answered_after": answered_after,
    **{column: _choice(column) for column in CHOICES},
}
