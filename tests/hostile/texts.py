"""Rows and files of text that are damaged or meant to do harm: manifests, transcripts, sentences, rule files, regular expressions, exports."""
from __future__ import annotations

import io
import json
import random
from collections import Counter
from pathlib import Path

import openpyxl

import tingjian
from pipeline.commands import Broken, transcripts
from pipeline.manifest import read_source
from pipeline.masking import find
from pipeline.scorecard import Scorer
from records import Draft, Problem, Transcript
from review.page import page
from review.workbook import workbook
from rules.engine import Engine
from rules.loading import read
from rules.pack import load
from settings import Scoring, Settings
from store.cells import safe
from store.lake import AudioFile, Lake, Result
from tests.hostile import Clock, Outcome, mutated
from tests.stand_ins import draft, recording, transcript

FORMULAS = ["=HYPERLINK(\"http://x\")", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "=cmd|' /C calc'!A0", "＝1+1", " =1"]
SCRIPTS = ["<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "'-alert(1)-'", "{{7*7}}", "{% raw %}", "javascript:alert(1)", "</textarea><svg onload=alert(1)>"]
HEAD = "call_id,recording,organisation,agent_id,customer_name,customer_gender,direction,started_at,answered_after,released_by,agent_channel,consent"
ROW = "c{0},a.wav,嘟嘟驿站;飞燕,8023,王建国,男,呼入,2026-11-20 09:12,4.2,客户,left,yes"


def manifests(folder: Path, scale: float) -> list[Outcome]:
    """Damaged manifests: each row is a call or a refusal, or the whole file is refused with a message."""
    chance, came, clock = random.Random(3), Counter[str](), Clock("manifests")
    (folder / "a.wav").write_bytes(b"x" * 100)
    rows = 0
    for number in range(round(400 * scale)):
        lines = [HEAD.encode(chance.choice(("utf-8", "utf-8-sig"))), *(ROW.format(at).encode() for at in range(20))]
        file = folder / f"m{number % 20}.csv"
        start = number % 4 > 0              # in one file of four the header is damaged too
        spoilt = mutated if number % 8 == 0 else _as_text       # bytes that are no text at all end a whole file
        file.write_bytes(b"\n".join(spoilt(line, chance) if at >= start and chance.random() < 0.4 else line for at, line in enumerate(lines)))
        rows += 20
        with clock.one():
            try:
                listing = read_source(file)
                came["rows taken"] += len(listing.recordings)
                came["rows refused"] += len(listing.refused)
                assert all(Path(one.path).resolve().is_relative_to(folder.resolve()) for one in listing.recordings)
            except Problem:
                came["files refused"] += 1
    return [Outcome("rows of damaged manifests", rows, _told(came), clock.slowest)]


def json_lines(folder: Path, scale: float) -> list[Outcome]:
    """Damaged transcripts for `tingjian score`: scored or named as broken."""
    chance, came, clock = random.Random(4), Counter[str](), Clock("transcripts")
    scorer = Scorer.from_settings(Settings(scoring=Scoring(meaning=False)))
    good = transcript(recording(folder, "a").call, "您好，我的手机是13912345678，请问还有什么可以帮您").model_dump_json().encode()
    lines = [_as_text(good, chance) for _ in range(round(3000 * scale))]
    lines += [b"[" * 100_000, b'{"a":' * 50_000, b"1e999", b'{"call_id":"x","turns":"\\ud800"}', b'{"call_id":"x","turns":[]}' + b" " * 10_000_000]
    for start in range(0, len(lines), 50):
        file = folder / "t.jsonl"
        file.write_bytes(b"\n".join([good, *(line.replace(b"\n", b" ").replace(b"\r", b" ") for line in lines[start:start + 50]), good]))
        with clock.one():
            for one in transcripts([file]):
                if isinstance(one, Broken):
                    came["refused"] += 1
                else:
                    scorer.draft(one)
                    came["scored"] += 1
    return [Outcome("lines of damaged transcripts", len(lines), _told(came), clock.slowest)]


def sentences(folder: Path, scale: float) -> list[Outcome]:
    """Random characters, digits and words of numbers for the recognisers of personal data: spans within the text, no hang."""
    chance, clock = random.Random(5), Clock("sentences")
    pieces = [*"零幺二三四五六七八九十百千万双个的嗯，。-@ .xX1234567890", "身份证", "卡号", "手机", "省", "市", "路", "号", "楼", "王", "qq", "点com", "\ud800", "😀", "\0", "京A"]
    for _ in range(round(4000 * scale)):
        text = "".join(chance.choices(pieces, k=chance.choice((3, 20, 80, 400))))
        with clock.one():
            assert all(0 <= start < end <= len(text) for start, end, _ in find(text))
    for text in ("1" * 20_000, "幺" * 20_000, "双" * 20_000, "省市区路号" * 4_000, "a@" * 10_000, "嗯，" * 10_000, "一百" * 10_000):
        with clock.one():
            find(text)
    return [Outcome("sentences for masking", clock.tried, "all spans lie in the text", clock.slowest)]


RULE = "rules:\n  - id: a.one\n    title: 一\n    kind: check\n    who: agent\n    why: 为了测试\n    source: [S0]\n"


def rule_files(folder: Path, scale: float) -> list[Outcome]:
    """Rule files with aliases, tags, bombs and damage: a Problem with the place, nothing executed."""
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{chr(98 + at)}: &{chr(98 + at)} [{','.join(['*' + chr(97 + at)] * 9)}]\n" for at in range(8))
    bad = {"alias bomb": bomb, "tag": "rules: !!python/object/apply:os.system ['touch pwned']\n", "tag 2": "!!python/name:os.system\n", "deep": "[" * 20_000,
           "deep map": "a: " + "{a: " * 20_000, "merge": "<<: &x {a: 1}\n", "binary": "rules: !!binary aGk=\n", "set": "rules: !!set {a}\n", "no utf-8": "rules: \udcff"}
    clock, chance = Clock("rule files"), random.Random(6)
    for name, text in bad.items():
        (folder / "r.yaml").write_bytes(text.encode("utf-8", "surrogateescape"))
        with clock.one():
            assert _refused(folder / "r.yaml"), name
    good = (Path(__file__).parents[2] / "rules" / "zh" / "greeting.yaml").read_bytes()
    refused = 0
    for _ in range(round(300 * scale)):
        (folder / "r.yaml").write_bytes(mutated(good[:4000], chance))
        with clock.one():
            refused += _refused(folder / "r.yaml")
    assert not Path("pwned").exists()
    return [Outcome("YAML aliases, tags, bombs, depth", len(bad), "refused with line", 0.0),
            Outcome("damaged rule files", clock.tried - len(bad), f"refused {refused}, the others read as plain data", clock.slowest)]


def expressions(folder: Path, scale: float) -> list[Outcome]:
    """Regular expressions that explode in a backtracking engine, on text made for it: time stays linear, or the rule is refused."""
    clock, came = Clock("expressions"), Counter[str]()
    for expression in ("(a+)+$", "(a|aa)+$", "(.*)*x", "(您+)+好$", "(a?){50}a{50}", "(x+x+)+y", "((a{1,100}){1,100}){1,100}", "(?=a)b", "(a)\\1", "[", "a{1,100000}"):
        home = folder / "pack"
        home.mkdir(exist_ok=True)
        (home / "r.yaml").write_text(RULE + f"    find: {{regex: {json.dumps(expression)}}}\n", encoding="utf-8")
        with clock.one():
            try:
                engine = Engine(load(home))
            except Problem:
                came["refused"] += 1
                continue
            said = [{"speaker": "agent", "text": one * 2000 + "!"} for one in ("a", "您", "x", "aa")]
            engine.findings(engine.view(Transcript.model_validate({"call_id": "a", "turns": said})))
            came["matched in linear time"] += 1
    assert came["matched in linear time"], came
    return [Outcome("exploding regular expressions in rules", clock.tried, _told(came), clock.slowest)]


def exports(folder: Path, scale: float) -> list[Outcome]:
    """Formulas, scripts and paths in names and words: spreadsheets, CSV and pages carry them as text, files stay in their folder."""
    hostile = [*FORMULAS, *SCRIPTS]
    lake = Lake.create(folder / "w")
    results = []
    for number, text in enumerate([*hostile, "../../escaped", "..", "a/../../b", "CON", "a" * 190]):
        one = recording(folder / "calls", f"c{number}", agent_name=text, customer_name=text, team=text)
        said = transcript(one.call.model_copy(update={"call_id": text}), text)
        results.append(Result(one, AudioFile("s", 1, 2), "x", said, draft(said), scorer_version="r"))
    with lake.writing():
        lake.commit(results)
    for command in (["export", "--excel", folder / "x.xlsx", "--drafts", folder / "d.jsonl", "--parquet", folder / "pq"], ["page", "--out", folder / "pages"]):
        tingjian.app([*map(str, command), "-w", str(lake.root)], standalone_mode=False)
    book = openpyxl.load_workbook(io.BytesIO((folder / "x.xlsx").read_bytes()))
    cells = [cell for sheet in book for row in sheet for cell in row]
    assert not any(cell.data_type == "f" for cell in cells) and not any(cell.hyperlink for cell in cells)
    assert all(safe(one).startswith("'") for one in FORMULAS)
    for file in (folder / "pages").glob("*.html"):
        text = file.read_text("utf-8")
        assert not any(bad in text for bad in SCRIPTS if "<" in bad) and "49" not in text.split("<h1>")[-1][:4], file
    inside = workbook([(one.draft, one.transcript) for one in results if one.draft and one.transcript])
    assert inside and all(page(one.draft, one.transcript, None) for one in results if isinstance(one.draft, Draft) and one.transcript)
    return [Outcome("formulas in workbook and CSV", len(FORMULAS) * 3, "text, no formula, no link"),
            Outcome("HTML and scripts in words and names of pages", len(SCRIPTS) * 3, "escaped"),
            Outcome("paths as call ids", 5, "files stay in their folder")]


def _as_text(line: bytes, chance: random.Random) -> bytes:
    """A damaged line that is text still."""
    return mutated(line, chance).decode("utf-8", "replace").replace("\0", "").replace("\r", "").encode()


def _refused(file: Path) -> bool:
    try:
        read(file)
    except Problem:
        return True
    return False


def _told(came: Counter[str]) -> str:
    return ", ".join(f"{what} {count}" for what, count in came.most_common())
