"""Tables that other systems deliver as CSV: who works here, assessments, volumes, work orders. Checked row by row.

A row that cannot be used is listed with file, line, column, what stands there and what to write instead; the others are used.
UTF-8 with or without BOM, or GB 18030, as Excel in Chinese saves it. Columns go by their name, English or Chinese, in any order;
others are ignored.
"""
from __future__ import annotations

from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Literal

import polars as pl

from records import Problem

Kind = Literal["text", "date", "moment", "month", "number", "count", "yes_no", "choice"]
TRUE, FALSE = ("yes", "y", "true", "1", "是"), ("no", "n", "false", "0", "否")
MONTH = r"^(\d{4})[-/.年]?(\d{1,2})月?$"
DAY = r"^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})$"
MOMENT = r"^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})[ T](\d{1,2}):(\d{2})(?::(\d{2}))?(?:\.\d+)?(Z|[+-]\d{2}:?\d{2})?$"
CENTRE = "+08:00"           # China has one time zone
REFUSED = {"file": pl.String, "line": pl.Int64, "column": pl.String, "value": pl.String, "reason": pl.String, "remedy": pl.String}
REMEDY: dict[str, str] = {
    "date": "write it as 2026-11-20", "moment": "write it as 2026-11-20T09:12:00+08:00 (without an offset it is +08:00)",
    "month": "write it as 2026-11", "number": "write a number", "count": "write a whole number, 0 or more",
    "yes_no": "write yes or no"}


@dataclass(frozen=True)
class Column:
    """`kind` says what the cell becomes: text, Date, Datetime (UTC), month ("2026-11"), Float64, Int64, Boolean. `low` and
    `high` bound a number; `not_before` names a column whose time must not be later."""

    name: str
    chinese: str
    kind: Kind
    required: bool = False
    meaning: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    not_before: str = ""


@dataclass(frozen=True)
class Sheet:
    """A kind of file. `key`: rows that say the same in these columns tell of one thing twice; the first counts."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]


@dataclass(frozen=True)
class Read:
    """Good rows, typed, with `line` (of the file); and the refused ones, a fault a row, columns as REFUSED."""

    rows: pl.DataFrame
    refused: pl.DataFrame

    def messages(self) -> list[str]:
        """`agents.csv line 17: hired_on is "2026/13/2", not a date; write it as 2026-11-20`, and how many others go on."""
        told = [f'{row["file"]} line {row["line"]}: {row["column"]} {row["reason"]}; {row["remedy"]}'
                for row in self.refused.iter_rows(named=True)]
        return [*told, f"The other {len(self.rows)} rows are used."] if told else []


AGENTS = Sheet("agents", "who works here", (
    Column("agent_id", "工号", "text", True, "as in the calls"), Column("agent_name", "姓名", "text"), Column("team", "班组", "text"),
    Column("hired_on", "入职日期", "date", False, "new agents are heard more"), Column("left_on", "离职日期", "date"),
    Column("grade", "等级", "choice", False, "of the last month; C and D are heard more", choices=("A", "B", "C", "D")),
), ("agent_id",))
ASSESSMENTS = Sheet("assessments", "scores of the monthly assessment", (
    Column("agent_id", "工号", "text", True), Column("month", "月份", "month", True),
    Column("score", "考核得分", "number", True, "0 to 100", 0, 100)), ("agent_id", "month"))
VOLUMES = Sheet("volumes", "calls taken, from the switch; without this file the calls in the workspace are counted", (
    Column("agent_id", "工号", "text", True), Column("month", "月份", "month", True),
    Column("calls", "话务量", "count", True, "", 0),
    Column("talk_seconds", "平均通话时长", "number", False, "average; without it that of the calls in the workspace", 0)),
    ("agent_id", "month"))
WORK_ORDERS = Sheet("work_orders", "complaints and other work orders", (
    Column("order_id", "工单号", "text", True), Column("opened_at", "受理时间", "moment", True),
    Column("agent_id", "工号", "text", False, "whom a complaint is about; empty: nobody"),
    Column("call_id", "通话编号", "text", False, "the call it came from"),
    Column("customer_tier", "客户级别", "text", False, "VIP, 全球通, others"),
    Column("complaint", "投诉", "yes_no", False, "empty: yes"),
    Column("upheld", "有责", "yes_no", False, "no: the agent was not at fault, it is not counted in the appraisal; empty: counts"),
    Column("major", "重大投诉", "yes_no", False, "empty: no"),
    Column("first_reply_at", "首次回复时间", "moment", not_before="opened_at"),
    Column("effective_reply_at", "有效回复时间", "moment", not_before="opened_at"),
    Column("due_at", "要求完成时间", "moment", not_before="opened_at"), Column("closed_at", "完成时间", "moment", not_before="opened_at"),
    Column("solved_on_the_spot", "现场解决", "yes_no"), Column("satisfied", "满意", "yes_no", False, "empty: not asked"),
), ("order_id",))
SHEETS = (AGENTS, ASSESSMENTS, VOLUMES, WORK_ORDERS)


def read(path: str | Path, sheet: Sheet) -> Read:
    """A delivered file. Problem where it cannot be read at all or lacks a required column."""
    path = Path(path)
    raw = _raw(path)
    names = {alias: column.name for column in sheet.columns for alias in (column.name, column.chinese)}
    raw = raw.rename({name: names[name.strip()] for name in raw.columns if name.strip() in names and names[name.strip()] != name},
                     strict=False)
    if lacking := [column.name for column in sheet.columns if column.required and column.name not in raw.columns]:
        raise Problem(f"{path} has no column {' and no '.join(lacking)}; a file of {sheet.meaning} needs "
                      f"{', '.join(column.name for column in sheet.columns if column.required)} (docs/insight.md lists all).")
    columns = [column for column in sheet.columns if column.name in raw.columns]
    cells = raw.with_columns(pl.col(column.name).str.strip_chars().replace("", None) for column in columns)
    parsed = cells.select("line", *(_parsed(column).alias(column.name) for column in columns)).with_columns(
        pl.lit(None, dtype=_dtype(column)).alias(column.name) for column in sheet.columns if column not in columns)
    faults = pl.concat([_empty(), *(_faults(cells, parsed, column) for column in columns),
                        *(_early(cells, parsed, column) for column in columns if column.not_before)])
    good = parsed.join(faults.select("line"), on="line", how="anti", maintain_order="left")
    again = good.filter(~pl.struct(sheet.key).is_first_distinct())
    faults = pl.concat([faults, _repeated(good, again, sheet)]).with_columns(file=pl.lit(path.name)).select(list(REFUSED))
    good = good.join(again.select("line"), on="line", how="anti", maintain_order="left")
    return Read(good.select("line", *(column.name for column in sheet.columns)), faults.sort("line", maintain_order=True))


def nothing(sheet: Sheet) -> Read:
    """What stands for a file that was not given."""
    return Read(pl.DataFrame(schema={"line": pl.Int64} | {column.name: _dtype(column) for column in sheet.columns}), _empty())


def _raw(path: Path) -> pl.DataFrame:
    """Every cell as text, with `line`: the line of the file on which the row begins. Rows with no cell filled are left out."""
    try:
        data = path.read_bytes()
    except OSError as fault:
        raise Problem(f"{path} cannot be read ({fault.strerror or fault}); give a CSV file.") from fault
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = data.decode("gb18030")
        except UnicodeDecodeError:
            raise Problem(f"{path} is neither UTF-8 nor GB 18030; save it as “CSV UTF-8”.") from None
    try:
        raw = pl.read_csv(StringIO(text.replace("\r\n", "\n")), infer_schema=False, truncate_ragged_lines=True)
    except pl.exceptions.PolarsError as fault:
        raise Problem(f"{path} is no CSV table ({str(fault).splitlines()[0]}); its first line must name the columns.") from fault
    breaks = pl.sum_horizontal(pl.col(pl.String).str.count_matches("\n").fill_null(0)).cast(pl.Int64)
    raw = raw.with_columns(line=pl.int_range(pl.len()) + 2 + breaks.cum_sum() - breaks)
    return raw.filter(pl.any_horizontal(pl.exclude("line").is_not_null()))


def _dtype(column: Column) -> pl.DataType | type[pl.DataType]:
    kinds: dict[str, pl.DataType | type[pl.DataType]] = {
        "date": pl.Date, "moment": pl.Datetime("us", "UTC"), "number": pl.Float64, "count": pl.Int64, "yes_no": pl.Boolean}
    return kinds.get(column.kind, pl.String)


def _parsed(column: Column) -> pl.Expr:
    """The typed cell; null where it is empty or wrong."""
    cell = pl.col(column.name)
    if column.kind == "yes_no":
        low = cell.str.to_lowercase()
        return pl.when(low.is_in(TRUE)).then(True).when(low.is_in(FALSE)).then(False)
    if column.kind == "choice":
        upper = cell.str.to_uppercase()
        return pl.when(upper.is_in(column.choices)).then(upper)
    if column.kind == "month":
        year, month = cell.str.extract(MONTH, 1), cell.str.extract(MONTH, 2).cast(pl.Int8, strict=False)
        return pl.when(month.is_between(1, 12)).then(pl.concat_str(year, pl.lit("-"), month.cast(pl.String).str.zfill(2)))
    if column.kind == "date":
        parts = [cell.str.extract(DAY, n).str.zfill(2) for n in (1, 2, 3)]
        return pl.concat_str(parts, separator="-").str.to_date("%Y-%m-%d", strict=False)
    if column.kind == "moment":
        return _moment(cell)
    if column.kind in ("number", "count"):
        number = cell.cast(_dtype(column), strict=False)
        fits = number.is_between(pl.lit(-1e12 if column.low is None else column.low), pl.lit(1e12 if column.high is None else column.high))
        return pl.when(fits).then(number)
    return cell


def _moment(cell: pl.Expr) -> pl.Expr:
    parts = [cell.str.extract(MOMENT, n).str.zfill(2) for n in range(1, 6)]
    seconds = cell.str.extract(MOMENT, 6).fill_null("00")
    offset = cell.str.extract(MOMENT, 7).fill_null(CENTRE).replace("Z", "+00:00").str.replace(":", "", literal=True)
    text = pl.concat_str([*parts, seconds, offset], separator=" ")
    return text.str.to_datetime("%Y %m %d %H %M %S %z", strict=False, time_unit="us", time_zone="UTC")


def _faults(cells: pl.DataFrame, parsed: pl.DataFrame, column: Column) -> pl.DataFrame:
    told = pl.DataFrame({"line": cells["line"], "cell": cells[column.name], "good": parsed[column.name].is_not_null()})
    wrong = told.filter((pl.col("cell").is_not_null() | pl.lit(column.required)) & ~pl.col("good"))
    kind = "one of " + ", ".join(column.choices) if column.kind == "choice" else {
        "yes_no": "yes or no", "moment": "a time", "count": "a whole number"}.get(column.kind, f"a {column.kind}")
    bounds = f" from {column.low:g} to {column.high:g}" if column.low is not None and column.high is not None else (
        f" from {column.low:g} up" if column.low is not None else "")
    remedy = f"write one of {', '.join(column.choices)}" if column.kind == "choice" else REMEDY.get(column.kind, "fill it in")
    empty = pl.col("cell").is_null()
    return wrong.select(
        pl.lit("").alias("file"), "line", pl.lit(column.name).alias("column"), pl.col("cell").alias("value"),
        pl.when(empty).then(pl.lit("is empty")).otherwise(
            pl.format('is "{}", not {}', pl.col("cell"), pl.lit(kind + bounds))).alias("reason"),
        pl.when(empty & pl.lit(column.kind == "text")).then(pl.lit("fill it in")).otherwise(pl.lit(remedy)).alias("remedy"))


def _early(cells: pl.DataFrame, parsed: pl.DataFrame, column: Column) -> pl.DataFrame:
    early = (parsed[column.name] < parsed[column.not_before]).fill_null(False)
    return cells.filter(early).select(
        pl.lit("").alias("file"), "line", pl.lit(column.name).alias("column"), pl.col(column.name).alias("value"),
        pl.format('is "{}", before ' + column.not_before, column.name).alias("reason"),
        pl.lit(f"see which of the two is wrong, {column.not_before} or {column.name}").alias("remedy"))


def _repeated(good: pl.DataFrame, again: pl.DataFrame, sheet: Sheet) -> pl.DataFrame:
    first = good.unique(sheet.key, keep="first", maintain_order=True).select(*sheet.key, first="line")
    value = pl.concat_str(sheet.key, separator=" ")
    return again.join(first, on=list(sheet.key), how="left", maintain_order="left").select(
        pl.lit("").alias("file"), "line", pl.lit(" ".join(sheet.key)).alias("column"), value.alias("value"),
        pl.format('is "{}" as on line {} already', value, "first").alias("reason"),
        pl.lit("remove one of the two; the first is used").alias("remedy"))


def _empty() -> pl.DataFrame:
    return pl.DataFrame(schema=REFUSED)
