"""A report's blocks as one HTML file with its charts, as a workbook, and as PDF whose text can be selected."""
from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import xlsxwriter

from review.page import environment
from review.report_blocks import Bars, Grid, Numbers, Told, Volume
from review.trend_words import say
from review.trends_page import echarts
from review.wording import Language
from review.workbook import safe

INK, SOFT, LINE, HEAD = (29, 43, 51), (87, 104, 113), (223, 229, 232), (236, 241, 243)
WIDTH = 190.0           # millimetres of A4 between the margins


def html(told: Told, language: Language, made: str, calls: str = "") -> str:
    """The page as text; `made` says when, `calls` is an address that call ids are put behind."""
    return environment().get_template("report.html").render(
        told=told, blocks=[(type(block).__name__, block) for block in told.blocks], made=made, calls=calls, echarts=echarts(),
        lang="zh-CN" if language == "zh" else "en", say=lambda word: say(word, language))


def workbook(told: Told, language: Language) -> bytes:
    """A sheet a table, the main figures and charts first; text goes in as text, never as a formula."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False})
    heading = book.add_format({"bold": True, "bg_color": "#29434E", "font_color": "#FFFFFF", "valign": "top"})
    wrapped, bold = book.add_format({"text_wrap": True, "valign": "top"}), book.add_format({"bold": True, "font_size": 14})
    number = book.add_format({"num_format": "#,##0.##", "valign": "top"})
    first = book.add_worksheet(say("figures", language))
    first.set_column(0, 0, 26)
    first.set_column(1, 2, 16)
    first.write_string(0, 0, safe(told.title), bold)
    first.write_string(1, 0, safe(told.subtitle))
    line = 3
    for block in told.blocks:
        if isinstance(block, Numbers):
            for row in block.rows:
                for at, cell in enumerate(row):
                    first.write_string(line, at, safe(cell))
                line += 1
        elif isinstance(block, Volume):
            line = _volume(book, first, block, line + 1, heading)
        elif isinstance(block, Grid):
            sheet = book.add_worksheet(_sheet_name(block.title, book))
            for at, (name, width, _) in enumerate(block.columns):
                sheet.set_column(at, at, 9 * width)
                sheet.write_string(0, at, name, heading)
            for down, row in enumerate(block.rows, 1):
                for at, cell in enumerate(row):
                    if isinstance(cell, int | float):
                        sheet.write_number(down, at, cell, number)
                    elif cell is not None:
                        sheet.write_string(down, at, safe(" ".join(cell) if isinstance(cell, list) else str(cell)), wrapped)
            sheet.freeze_panes(1, 1)
            if block.rows:
                sheet.autofilter(0, 0, len(block.rows), len(block.columns) - 1)
    first.write_string(line + 1, 0, safe(told.note))
    book.close()
    return buffer.getvalue()


def _volume(book: Any, sheet: Any, block: Volume, line: int, heading: Any) -> int:
    """The numbers of the chart, and the chart itself beside them; gives the next free line."""
    for at, name in enumerate(("", block.words["calls"], block.words["score"])):
        sheet.write_string(line, at, name, heading)
    for down, (name, calls, score) in enumerate(zip(block.names, block.calls, block.scores, strict=True), line + 1):
        sheet.write_string(down, 0, name)
        sheet.write_number(down, 1, calls)
        if score is not None:
            sheet.write_number(down, 2, score)
    last = line + len(block.names)
    bars, course = book.add_chart({"type": "column"}), book.add_chart({"type": "line"})
    for chart, column, more in ((bars, 1, {"fill": {"color": "#B9CDD6"}}), (course, 2, {"y2_axis": True, "line": {"color": "#C0622D"}})):
        chart.add_series({"name": [sheet.name, line, column], "categories": [sheet.name, line + 1, 0, last, 0], "values": [sheet.name, line + 1, column, last, column]} | more)
    bars.combine(course)
    bars.set_title({"name": block.title})
    sheet.insert_chart(line, 4, bars, {"x_scale": 1.4, "y_scale": 1.1})
    return last + 1


def _sheet_name(title: str, book: Any) -> str:
    """A name that Excel takes: 31 characters, none of []:*?/\\ and no other sheet's."""
    plain = "".join(one for one in title if one not in "[]:*?/\\'")[:28] or "-"
    taken = {sheet.name.lower() for sheet in book.worksheets()}
    return next(name for name in (plain, *(f"{plain} {number}" for number in range(2, 99))) if name.lower() not in taken)


def pdf(told: Told, language: Language, made: str) -> bytes:
    """A4 pages; the typeface's used characters are embedded, tables go on over pages with their headings."""
    from fpdf import FPDF

    from review.typeface import truetype

    class Paper(FPDF):
        def footer(self) -> None:
            self.set_y(-12)
            self.set_font("noto", size=8)
            self.set_text_color(*SOFT)
            self.cell(0, 6, f"{told.title} · {told.subtitle} · {made} · {self.page_no()}", align="C")

    paper = Paper(format="A4")
    paper.set_title(f"{told.title} {told.subtitle}")
    paper.set_lang("zh-CN" if language == "zh" else "en")
    paper.add_font("noto", fname=str(truetype()))
    paper.set_auto_page_break(True, margin=16)
    paper.set_margins(10, 12, 10)
    paper.add_page()
    _line(paper, told.title, 18, INK)
    _line(paper, f"{told.subtitle} · {made}", 10, SOFT)
    _line(paper, told.note, 8.5, SOFT)
    for block in told.blocks:
        if isinstance(block, Numbers):
            _figures(paper, block)
        elif isinstance(block, Grid):
            _grid(paper, block, language)
        else:
            _picture(paper, block)
    return bytes(paper.output())


def _line(paper: Any, text: str, size: float, colour: tuple[int, int, int], above: float = 0.0) -> None:
    from fpdf.enums import WrapMode, XPos, YPos

    paper.ln(above)
    paper.set_font("noto", size=size)
    paper.set_text_color(*colour)
    paper.multi_cell(0, size * 0.5, text, wrapmode=WrapMode.CHAR, new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _figures(paper: Any, block: Numbers) -> None:
    """The main figures side by side, each with what it was before."""
    paper.ln(3)
    top, width = paper.get_y(), WIDTH / max(len(block.rows), 1)
    for at, (name, value, before) in enumerate(block.rows):
        left = 10 + at * width
        paper.set_draw_color(*LINE)
        paper.rect(left, top, width - 2, 21)
        for text, size, colour, down in ((name, 7.5, SOFT, 1.5), (value or "–", 15, INK, 6.5), (before, 7, SOFT, 14.5)):
            paper.set_xy(left + 1, top + down)
            paper.set_font("noto", size=size)
            paper.set_text_color(*colour)
            paper.cell(width - 4, 5, text)
    paper.set_xy(10, top + 23)


def _picture(paper: Any, block: Volume | Bars) -> None:
    from review.picture import bars_png, volume_png

    drawn = volume_png(block.names, block.calls, block.scores, block.words) if isinstance(block, Volume) else bars_png(block.names, block.values, block.unit)
    height = WIDTH * (3.0 if isinstance(block, Volume) else 0.6 + 0.32 * max(len(block.names), 1)) / 9.0
    if paper.get_y() + height + 12 > paper.h - 16:
        paper.add_page()
    _line(paper, block.title, 12, INK, 3)
    paper.image(io.BytesIO(drawn), w=WIDTH, alt_text=block.title)


def _grid(paper: Any, block: Grid, language: Language) -> None:
    from fpdf.enums import TableBordersLayout, WrapMode
    from fpdf.fonts import FontFace

    if paper.get_y() > paper.h - 50:
        paper.add_page()
    _line(paper, block.title, 12, INK, 3)
    if not block.rows:
        _line(paper, block.empty, 9, SOFT)
        return
    paper.set_font("noto", size=8)
    paper.set_draw_color(*LINE)
    paper.set_text_color(*INK)
    with paper.table(col_widths=tuple(width for _, width, _ in block.columns), width=WIDTH, line_height=4.6, padding=(0.8, 1),
                     text_align=tuple("RIGHT" if numeric else "LEFT" for _, _, numeric in block.columns),
                     wrapmode=WrapMode.CHAR if language == "zh" else WrapMode.WORD,
                     borders_layout=TableBordersLayout.HORIZONTAL_LINES,
                     headings_style=FontFace(color=SOFT, fill_color=HEAD, size_pt=7.5)) as table:
        table.row([name for name, _, _ in block.columns])
        for row in block.rows:
            table.row([_cell(cell) for cell in row])
    if block.note:
        _line(paper, block.note, 7.5, SOFT, 1)


def _cell(cell: Any) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, list):
        return " ".join(cell)
    return f"{cell:,}" if isinstance(cell, int | float) else str(cell)


FORMATS: Sequence[str] = ("html", "xlsx", "pdf")
