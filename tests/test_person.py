"""What is held of a person is found, handed out and erased everywhere, but for what is on legal hold; the certificate says what was done."""
from __future__ import annotations

import json
import sqlite3
import zipfile
from datetime import date
from pathlib import Path

import polars as pl
import pytest

import tingjian
from records import Problem, Transcript, Turn
from review.person import Who, find, is_about
from review.workbench import intake
from store.holds import Holds
from store.lake import AudioFile, Lake, Result
from store.plans import CALLS as CALLS_OF_PLAN
from store.plans import QUOTAS, Plan, Plans
from store.reviews import audit, cards, people
from store.reviews.audit import verify
from store.reviews.calibration_tables import Case, CaseTag
from store.reviews.database import Database
from store.reviews.schema import Audit, Person
from store.reviews.work_tables import Followup, Note
from tests.stand_ins import draft, recording

NAME, PHONE = "王建国", "13912345678"
CALLS = {       # call → customer, agent, turns
    "named": (NAME, "8023", [("customer", "我的宽带坏了")]),
    "pieces": (None, "8023", [("agent", "您的电话"), ("customer", "一三九幺二三"), ("agent", "嗯"), ("customer", "四五六七八")]),
    "written": ("李梅", "8023", [("customer", "打139 1234 5678找我")]),
    "mention": ("李梅", "3105", [("customer", "我找王建国")]),
    "other": ("李梅", "3105", [("customer", "我要退订"), ("agent", "13800001111是吗")]),
}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    root = tmp_path / "w"
    lake = Lake.create(root)
    results = []
    for call_id, (customer, agent, turns) in CALLS.items():
        one = recording(tmp_path / "calls", call_id, customer_name=customer, agent_id=agent, started_at="2026-11-20T09:00:00+08:00")
        said = Transcript.model_validate(one.call.model_dump() | {"turns": [Turn(speaker=who, text=text) for who, text in turns]})   # type: ignore[arg-type]
        results.append(Result(one, AudioFile("ab" * 32, 1, 2), "stub-1", said, draft(said), scorer_version="r"))
    with lake.writing():
        lake.commit(results)
    database = Database.open(root)
    with database.writing() as session:
        for result in results:
            assert result.draft and result.transcript
            cards.put(session, intake.card(result.draft, result.transcript, 0.0), {}, [])
        person = people.add(session, "test", "sun", "孙强", "agent", "B2", "3105")
        now = person.created_at
        made = Followup(agent_id="3105", agent_name="孙强", item="greeting", title="开头语", opened_at=now, since=now, due_on="2026-12-01")
        session.add(made)
        session.flush()
        session.add(Note(followup_id=made.id, person_id=person.id, at=now, text="练习问候"))
        audit.note(session, "test", "card.seen", "named", reason="王先生很着急")
        case = Case(call_id="named", kind="good", title="先听完", why="没有打断", made_by=person.id, made_at=now)
        session.add(case)
        session.flush()
        session.add(CaseTag(case_id=case.id, tag="耐心"))
        session.add(Note(followup_id=made.id, person_id=None, at=now, text="again pieces other"))
    return root


def command(*arguments: str | Path) -> None:
    tingjian.app(["person", *map(str, arguments)], standalone_mode=False)


@pytest.mark.parametrize(("who", "calls", "mentions"), [
    (Who("customer", NAME), ["named"], ["mention"]),
    (Who("phone", PHONE), ["pieces", "written"], []),
    (Who("phone", "+86 139-1234-5678"), ["pieces", "written"], []),
    (Who("agent", "3105"), ["mention", "other"], []),
    (Who("customer", "建国"), [], ["mention"]),
    (Who("phone", "13900000000"), [], []),
])
def test_a_person_is_found_by_name_number_said_and_staff_number(who: Who, calls: list[str], mentions: list[str], workspace: Path) -> None:
    found = find(Lake.open(workspace), Database.open(workspace), who)
    assert (found.calls, found.mentions, found.cards) == (calls, mentions, len(calls))


@pytest.mark.parametrize(("kind", "value"), [("phone", "139"), ("customer", " "), ("agent", "")])
def test_a_value_that_would_match_anybody_is_refused(kind: str, value: str) -> None:
    with pytest.raises(Problem, match="whole name or number"):
        Who(kind, value)        # type: ignore[arg-type]


def test_the_bundle_has_all_that_is_held_and_the_log_says_so(workspace: Path, tmp_path: Path) -> None:
    command("export", "-w", workspace, "--customer", NAME, "--out", tmp_path / "his.zip")
    with zipfile.ZipFile(tmp_path / "his.zip") as made:
        assert set(made.namelist()) == {"README.txt", "named/transcript.json", "named/draft.json", "named/recording.wav", "reviews.json"}
        assert "我的宽带坏了" in made.read("named/transcript.json").decode() and "mention" in made.read("README.txt").decode()
        reviews = json.loads(made.read("reviews.json"))
        assert [one["call_id"] for one in reviews["card"]] == ["named"]
        assert [(one["call_id"], one["title"], one["why"]) for one in reviews["example"]] == [("named", "先听完", "没有打断")]
        assert [one["tag"] for one in reviews["example_tag"]] == ["耐心"]
    assert (tmp_path / "his.zip").stat().st_mode & 0o077 == 0
    with Database.open(workspace).reading() as session:
        [entry] = session.query(Audit).filter_by(action="person.exported")
        assert NAME not in entry.subject + entry.detail


def exported(workspace: Path, folder: Path) -> None:
    for arguments in (["export", "--drafts", folder / "d.jsonl", "--transcripts", folder / "t.jsonl", "--parquet", folder / "pq", "--excel", folder / "x.xlsx"],
                      ["page", "--out", folder / "pages"]):
        tingjian.app([*map(str, arguments), "-w", str(workspace)], standalone_mode=False)


def test_erasing_takes_everything_but_what_is_on_hold_and_certifies_it(workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exported(workspace, tmp_path / "out")
    Holds(workspace).add("call", "written", "case 118", "lawyer")
    command("erase", "-w", workspace, "--phone", PHONE, "--reason", "request 7")
    assert Lake.open(workspace).call_ids() == sorted(CALLS)         # only told what would go
    command("erase", "-w", workspace, "--phone", PHONE, "--reason", "request 7", "--yes")
    lake, database = Lake.open(workspace), Database.open(workspace)
    assert lake.call_ids() == ["mention", "named", "other", "written"]
    assert not (tmp_path / "calls" / "pieces.wav").exists() and (tmp_path / "calls" / "written.wav").exists()
    assert "pieces" not in (tmp_path / "out" / "d.jsonl").read_text("utf-8") + (tmp_path / "out" / "t.jsonl").read_text("utf-8")
    assert "pieces" not in pl.read_parquet(tmp_path / "out" / "pq" / "turns.parquet")["call_id"].to_list()
    assert not (tmp_path / "out" / "pages" / "pieces.html").exists() and (tmp_path / "out" / "pages" / "named.html").exists()
    [file] = (workspace / "certificates").glob("*.json")
    certificate = json.loads(file.read_text("utf-8"))
    assert [one["call_id"] for one in certificate["calls"]] == ["pieces"] and certificate["calls"][0]["audio_sha256"] == "ab" * 32
    assert certificate["erased"]["recordings"] == 1 and certificate["erased"]["rows_of_the_review_database"] >= 1
    assert {"what": "written", "why": "legal hold"} in certificate["kept"] and any("x.xlsx" in one["what"] for one in certificate["kept"])
    assert (tmp_path / "out" / "x.xlsx").exists() and any("backups" in one["what"] for one in certificate["kept"])
    assert is_about(certificate, Who("phone", PHONE)) and not is_about(certificate, Who("phone", "13900000000"))
    assert PHONE not in file.read_text("utf-8") and file.stat().st_mode & 0o077 == 0
    assert "删除证明" in capsys.readouterr().out
    with database.reading() as session:
        assert verify(session).broken_at is None
        assert [one.subject for one in session.query(Audit).filter_by(action="person.erased")] == [certificate["certificate"]]


def test_nothing_of_an_erased_customer_is_left_in_any_file(workspace: Path) -> None:
    command("erase", "-w", workspace, "--customer", NAME, "--mentioned", "--reason", "request 8", "--yes")
    Database.open(workspace).engine.dispose()
    for file in workspace.rglob("*"):
        if file.is_file():
            told = file.read_bytes().decode("utf-8", "ignore")
            if file.suffix == ".parquet" and "_delta_log" not in file.parts:
                told += str(pl.read_parquet(file).to_dicts())
            assert NAME not in told and "王先生很着急" not in told and "我的宽带坏了" not in told, file


def planned(workspace: Path) -> None:
    """A plan with all calls, kept twice: the first draw is set aside."""
    for seed in ("a", "b"):
        calls = pl.DataFrame([{"call_id": call_id, "day": "2026-11-20", "hour": 9, "agent_id": agent, "agent_name": f"坐席{agent}", "team": "B2",
                               "line": None, "picked": "random", "probability": 0.5 if seed == "a" else 0.6, "risk": 0.1, "reasons": ["投诉"],
                               "risky": False, "monitor": "sun", "check_on": None} for call_id, (_, agent, _) in CALLS.items()], schema=CALLS_OF_PLAN)
        quotas = pl.DataFrame([{"agent_id": agent, "agent_name": f"坐席{agent}", "team": "B2", "calls": 3, "share": 0.5, "quota": 2, "why": []}
                               for agent in ("8023", "3105")], schema=QUOTAS)
        Plans(workspace).keep(Plan("2026-W47", date(2026, 11, 16), date(2026, 11, 22), seed, "p", calls, quotas, reason="again"))


def test_an_erased_call_is_in_no_plan_report_or_note_of_the_workspace(workspace: Path, tmp_path: Path) -> None:
    planned(workspace)
    exported(workspace, workspace / "out")
    for name, told in (("daily.html", "<td>pieces</td>"), ("daily.pdf", "%PDF"), ("weekly.html", "<td>other</td>"), ("weekly.pdf", "%PDF")):
        (workspace / "reports").mkdir(exist_ok=True)
        (workspace / "reports" / name).write_text(told, "utf-8")
    command("erase", "-w", workspace, "--phone", PHONE, "--reason", "request 9", "--yes")
    plan = Plans(workspace).named("2026-W47")
    assert len(plan.calls) == len(CALLS) and {"pieces", "written"}.isdisjoint(plan.calls["call_id"]) and "other" in plan.calls["call_id"].to_list()
    assert {"pieces", "written"}.isdisjoint(Plans(workspace).named("2026-W47.1").calls["call_id"])
    assert sorted(file.name for file in (workspace / "reports").iterdir()) == ["weekly.html", "weekly.pdf"]
    assert not (workspace / "out" / "x.xlsx").exists() and not (workspace / "out" / "pages" / "index.html").exists()
    [file] = (workspace / "certificates").glob("*.json")
    erased = json.loads(file.read_text("utf-8"))["erased"]
    assert erased["rows_of_sampling_plans"] == 4 and {"daily.html", "daily.pdf", "x.xlsx"} <= {Path(one).name for one in erased["files_of_exports"]}
    with Database.open(workspace).reading() as session:
        assert [one.text for one in session.query(Note).filter(Note.person_id.is_(None))] == ["again other"]
    for file in workspace.rglob("*"):       # what the certificate says is kept: the log of deletions, certificates, the audit log
        if file.is_file() and file.name != "deletions.jsonl" and "certificates" not in file.parts and not file.name.startswith("reviews."):
            told = str(pl.read_parquet(file).to_dicts()) if file.suffix == ".parquet" and "_delta_log" not in file.parts else file.read_bytes().decode("utf-8", "ignore")
            assert "pieces" not in told, file


def test_an_erased_agent_is_in_no_plan(workspace: Path) -> None:
    planned(workspace)
    command("erase", "-w", workspace, "--agent", "3105", "--reason", "left the company", "--yes")
    for name in ("2026-W47", "2026-W47.1"):
        plan = Plans(workspace).named(name)
        assert plan.calls["agent_id"].to_list() == ["8023", "8023", "8023", "erased", "erased"]
        assert "3105" not in str([plan.calls.to_dicts(), plan.quotas.to_dicts()])


def test_a_workbook_outside_that_does_not_tell_of_the_call_is_left_alone_and_not_named(workspace: Path, tmp_path: Path) -> None:
    tingjian.app(["export", "--excel", str(tmp_path / "x.xlsx"), "-w", str(workspace)], standalone_mode=False)
    command("erase", "-w", workspace, "--customer", NAME, "--reason", "request 10", "--yes")
    tingjian.app(["export", "--excel", str(tmp_path / "x.xlsx"), "-w", str(workspace)], standalone_mode=False)
    command("erase", "-w", workspace, "--phone", "13800001111", "--reason", "request 11", "--yes")
    told = [json.loads(file.read_text("utf-8")) for file in sorted((workspace / "certificates").glob("*.json"), key=lambda one: one.stat().st_mtime_ns)]
    assert any("x.xlsx" in one["what"] and "outside the workspace" in one["what"] for one in told[1]["kept"])
    command("erase", "-w", workspace, "--agent", "0000", "--reason", "request 12", "--yes")
    assert (tmp_path / "x.xlsx").exists()


def test_an_agents_account_is_closed_and_follow_ups_go(workspace: Path) -> None:
    command("erase", "-w", workspace, "--agent", "3105", "--reason", "left the company", "--yes")
    assert Lake.open(workspace).call_ids() == ["named", "pieces", "written"]
    with Database.open(workspace).reading() as session:
        person = session.query(Person).one()
        assert (person.name, person.login, person.agent_id, person.active) == ("erased", f"erased-{person.id}", None, False)
        assert session.query(Followup).count() == session.query(Note).count() == 0
        assert verify(session).broken_at is None
    with sqlite3.connect(workspace / "reviews.sqlite") as database:
        assert "孙强" not in "".join(database.iterdump())


@pytest.mark.parametrize("options", [[], ["--customer", "a", "--phone", PHONE]])
def test_one_person_at_a_time(options: list[str], workspace: Path) -> None:
    with pytest.raises(Problem, match="Give one of"):
        command("find", "-w", workspace, *options)
