"""Personal data are found whatever way they are said, nothing else is, and what is masked stays masked."""
from __future__ import annotations

import io
import json
from itertools import pairwise
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tingjian
from flows.job import Job, run_batches
from pipeline.masking import KINDS, cut_card_values, find, hide, mask, mask_call
from pipeline.masking.checks import area_code, id_check, luhn
from records import Draft, Evidence, Finding, Item, Problem, Transcript, Turn, Word
from settings import Privacy, Settings
from store.lake import AudioFile, Lake, Result
from store.reviews.database import Database
from store.reviews.schema import Audit
from tests.stand_ins import StubScorer, StubTranscriber, recording


def marked(text: str) -> str:
    """The text with its spans in brackets."""
    for start, end, kind in reversed(find(text)):
        text = f"{text[:start]}[{text[start:end]} {kind}]{text[end:]}"
    return text


@pytest.mark.parametrize("told", [
    # ID: check digit, old ones, spoken, with pauses, fillers, X, misheard digits
    "身份证[110105197403153728 id_card]，查一下",
    "我身份证号[三七零二零二一九九零幺二零五四三幺二 id_card]",
    "身份证，[440306，嗯，19880214，然后，3074 id_card]，记好了吗",
    "证件号[510104196311072828 id_card]",
    "证号[五幺零幺零四 一九六三幺幺零七 二八二八 id_card]",
    "以前十五位的身份证[310115520408117 id_card]还能用吗",
    "身份证号[二幺零幺零二要九八八零二幺四三零起五 id_card]",
    # cards: BIN and Luhn, groups
    "卡号[六二二八四八零零三零零零零一二三四幺幺 bank_card]",
    "退到[4392260012345672 bank_card]这张信用卡",
    # phones
    "打[13900001234 mobile]", "电话[一三九 零零零零 一二三四 mobile]，微信同号", "[一三九四个零一二三四 mobile]，好记",
    "电话是[一百三十九零零零零幺二三四 mobile]", "号码[幺三九，嗯，双零双零，幺二三四 mobile]", "拨[要三九零零灵零要二三四 mobile]吧",
    "家里座机[010-62345678 landline]", "单位电话[零七五五 二六七八 九零幺二 landline]", "家里电话[六二三四五六七 landline]，本地的",
    # plates, passports, e-mail
    "车牌[京A12B45 plate]", "我的车[粤B·D12345 plate]堵住了", "[沪C 幺二三四五 plate]，白色", "教练车[鲁B1234学 plate]",
    "护照[E12345678 passport]", "护照号[易一二三四五六七八 passport]", "护照[EA1234567 passport]", "通行证[C12345678 passport]",
    "邮箱[zhang.san@163.com email]", "发[zhang点san艾特qq点com email]", "是[一二三四五艾特一二六点com email]",
    # addresses
    "送到[人民路一百二十号三栋二单元五零二 address]", "寄[浙江省杭州市西湖区文二路38号2幢301 address]", "在[柳树村三组十八号 address]",
    # names
    "我叫[王建国 person_name]", "收件人[欧阳小雪 person_name]", "请问是[李秀兰 person_name]女士吗", "名字是[古丽娜尔·买买提 person_name]",
    "拼音[li xiao ming person_name]",
    # codes
    "验证码[482913 verification_code]", "动态密码是[双八三零四二 verification_code]", "安全码[317 cvv]", "背面后三位[五零八 cvv]", "CVV2[零四六 cvv]",
])
def test_personal_data_are_found_as_they_are_said(told: str) -> None:
    plain = told
    for kind in KINDS:
        plain = plain.replace(f" {kind}]", "]")
    assert marked(plain.replace("[", "").replace("]", "")) == told


@pytest.mark.parametrize("text", [
    "订单号202611190038471526", "工单号六二二八四八零零三零零零", "快递单号75331904482611", "流水号二零二六幺幺二零零零幺七", "保单号P20231104400877265",
    "我拨的是一零零八六", "九五五八八打来的", "客服电话400-810-3377", "四零零八二零八八二零是你们的吗", "客服热线零幺零六二三四五六七八",
    "工号八零二三号为您服务", "我是客服小林，工号6012", "一共一千三百八十元", "二零二六年十一月二十号", "下午三点二十五", "尾号七三九零", "身份证后四位三二九八",
    "取件码5-2-3108", "房间号二零一八", "股票代码六零零五一九", "密码是八个八", "验证码收不到", "邮编一零零零二九", "航班MU5137", "型号ZX-5502B",
    "三三两两的", "要五六个人才搬得动", "七七八八加起来两百", "王先生您好", "张女士请稍等", "我姓王，三横王", "谢谢张先生", "马上处理", "高速上没信号", "方便吗", "那张卡",
    "滨江路营业厅几点开门", "三栋有人放鞭炮", "楼层是十八楼", "3号线停运了", "北京路上那家店", "税号91330106MA2KX4T47R", "经度120.153576", "",
])
def test_what_is_no_persons_number_name_or_address_stays(text: str) -> None:
    assert marked(text) == text and mask(text) == text


@pytest.mark.parametrize(("text", "shown"), [
    ("卡号6228480030000123411", "卡号622848*********3411"),
    ("打13900001234", "打139****1234"), ("打幺三九 零零零零 幺二三四", "打幺三九 **** 幺二三四"),
    ("座机010-62345678", "座机010-******78"), ("身份证110105197403153728", "身份证" + "*" * 18), ("安全码317", "安全码***"), ("验证码482913", "验证码******"),
    ("我叫欧阳小雪", "我叫欧阳**"), ("车牌京A12B45", "车牌京******"), ("寄浙江省杭州市西湖区文二路38号2幢301", "寄浙江省杭州市西湖区" + "*" * 11),
])
def test_as_much_stays_readable_as_the_kind_allows(text: str, shown: str) -> None:
    assert mask(text) == shown and len(shown) == len(text)


def test_check_digits_and_area_codes() -> None:
    assert id_check("11010519491231002X") and not id_check("110105194912310021")        # the example of GB 11643
    assert luhn("4111111111111111") and not luhn("4111111111111112")
    assert [area_code(one) for one in ("01062345678", "075526789012", "02162345678", "01012345678", "13900001234")] == [3, 4, 3, 0, 0]


PIECES = st.sampled_from(["一", "二", "幺", "零", "8", "3", "139", "身份证", "卡号", "，", " ", "嗯", "双", "三个", "十", "百", "X", "京A", "王", "小雪", "路", "号", "栋", "艾特", "点com", "@",
                          "验证码", "·", "E", "\n", "*", "是", "要", "北京市", "单元", "女士", "叫", "\ud800", "😀", "𠮷", "-", "("])


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=30).map("".join)))
def test_any_text_gives_ordered_spans_within_it_and_is_masked_once(text: str) -> None:
    spans = find(text)
    assert all(0 <= start < end <= len(text) and kind in KINDS for start, end, kind in spans)
    assert all(one[1] <= other[0] for one, other in pairwise(spans))
    hidden = mask(text)
    assert len(hidden) == len(text)
    assert all(one == now or (now == "*" and any(start <= at < end for start, end, _ in spans))
               for at, (one, now) in enumerate(zip(text, hidden, strict=True)))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["agent", "customer", "unknown", "ivr"]), st.lists(PIECES, max_size=8).map("".join)), max_size=8))
def test_any_call_can_be_masked(turns: list[tuple[str, str]]) -> None:
    for (_, text), one in zip(turns, mask_call([text for _, text in turns], [who for who, _ in turns]), strict=True):
        assert len(one.text) == len(text) and all(0 <= start < end <= len(text) for start, end, _ in one.spans)


def test_masked_sentences_are_masked_already() -> None:
    own = Path(__file__).parent.parent / "data" / "masking" / "sentences.jsonl"
    texts = [json.loads(line)["text"] for line in own.read_text(encoding="utf-8").splitlines()]
    again = [hidden for text in texts if mask(hidden := mask(text)) != hidden]
    assert again == []


def test_the_labelled_sentences_hold_the_targets() -> None:
    """The whole of `make evaluate-masking` without noise; bench/masking.py has the figures with noise."""
    own = Path(__file__).parent.parent / "data" / "masking" / "sentences.jsonl"
    labelled = [json.loads(line) for line in own.read_text(encoding="utf-8").splitlines()]
    assert len(labelled) >= 400
    for kinds in ({"id_card"}, {"bank_card"}, {"mobile", "landline"}):
        wanted = {(n, *span) for n, one in enumerate(labelled) for span in one["spans"] if span[2] in kinds}
        found = {(n, *span) for n, one in enumerate(labelled) for span in find(one["text"]) if span[2] in kinds}
        assert len(wanted & found) >= 0.95 * len(wanted) and len(found - wanted) <= 0.05 * len(found)


@pytest.mark.parametrize(("told", "hidden"), [
    ("你记一下我电话，一三八零双九八，哎不对不对，是一三八零双九八六三个四", "一三八零双九八"),     # taken back
    ("信用卡号是5309，2248，不对，2248，8238，5142", "8238"),                              # a group said again
    ("身份证四二零，一零六，一九五八，一二零八，四零一，尾号是四", "四零一"),
    ("身份证650102，览后，1987，嗯，0925，最后是5250", "5250"),                            # 然后 misheard
    ("不是这个我说的三五零二零三然后一九八五零八二二再是零幺六X", "零幺六X"),
])
def test_a_number_taken_back_or_said_in_parts_is_hidden_whole(told: str, hidden: str) -> None:
    assert hidden in told and hidden not in mask(told)


@pytest.mark.parametrize("between", ["还有吗", "", "等等，您说慢点", "六儿二八对吧", "嗯嗯六二二八"])
def test_what_the_other_puts_in_does_not_end_a_number(between: str) -> None:
    texts = ["绑的是这张卡，六二二八", between, "四八九零三四", "好", "三七五三五八", "嗯", "七零二"]
    told = mask_call(texts, ["customer", "agent"] * 3 + ["customer"])
    assert not any(piece in one.text for one, piece in zip(told[::2], ("六二二八", "四八九零三四", "三七五三五八", "七零二"), strict=True))


def test_another_question_ends_a_number() -> None:
    told = mask_call(["我手机一三八零零一三八零零零", "您要退多少钱", "三百八十五", "订单号是多少", "二零二六零五一二"], ["customer", "agent"] * 2 + ["customer"])
    assert [one.text for one in told[1:]] == ["您要退多少钱", "三百八十五", "订单号是多少", "二零二六零五一二"]


@pytest.mark.parametrize("part", ["A:工号八六三二为您服务", "C:订单，六二二八，四八零零，三三一，查一下", "C:一共一千一百三十八块五，去年十二月三十一号买的"])
def test_calls_without_personal_numbers_stay(part: str) -> None:
    assert mask_call([part[2:], "好的"], ["agent" if part[0] == "A" else "customer", "customer"])[0].text == part[2:]


CALL = [
    ("agent", "您好，我是李娜，工号8023，请报一下您的银行卡号"), ("customer", "六二二八四八"), ("agent", "嗯"), ("customer", "零零三零零零"), ("agent", "零零三零零零"),
    ("customer", "零一二三四幺幺"), ("agent", "尾号三四幺幺，对吧"), ("customer", "对，我叫王建国"), ("agent", "王建国先生，您的订单号是62284800300"),
]


def masked_call(turns: list[tuple[str, str]]) -> list[str]:
    return [one.text for one in mask_call([text for _, text in turns], [who for who, _ in turns], ["李娜"])]


def test_a_number_in_pieces_is_hidden_with_its_echoes_and_a_name_wherever_it_is_said() -> None:
    assert masked_call(CALL) == [
        CALL[0][1], "******", "嗯", "******", "******", "*******", "尾号三四幺幺，对吧", "对，我叫王**", "王**先生，您的订单号是62284800300"]


@pytest.mark.parametrize("asked", ["您的订单号是多少", "报一下快递单号"])
def test_the_question_says_that_pieces_are_no_card(asked: str) -> None:
    turns = [("agent", asked), *CALL[1:6]]
    assert masked_call(turns) == [text for _, text in turns]


def test_another_subject_ends_a_number() -> None:
    turns = [("customer", "幺三九"), ("agent", "您别急，我先帮您查一下昨天的记录，大概需要两分钟"), ("customer", "零零零零幺二三四")]
    assert masked_call(turns) == [text for _, text in turns]


def records(text: str, **told: str) -> tuple[Transcript, Draft]:
    turns = (Turn(speaker="agent", text="请讲", start=0.0, end=1.0),
             Turn(speaker="customer", text=text, start=1.0, end=5.0, words=tuple(Word(text=one, start=1.0, end=1.1) for one in text)))
    said = Transcript.model_validate({"call_id": "a", "agent_name": "李娜", "turns": turns, **told})
    seen = Evidence(rule="taboo.privacy", turn=1, speaker="customer", text=text[2:])
    item = Item(id="privacy", title="隐私", section="服务", mode="auto", verdict="fail", max_points=5, rules=("taboo.privacy",), evidence=(seen,), reason=f"听到{text}")
    card = Draft(call_id="a", form="inbound", form_version="1", rules_version="r", score=0.0, band="below_standard", fatal=True,
                 items=(item,), findings=(Finding(rule="taboo.privacy", verdict="fail", evidence=(seen,)),))
    return said, card


def test_records_are_hidden_in_text_words_evidence_reasons_and_metadata() -> None:
    said, card = hide(*records("手机13900001234，王建国", customer_name="王建国"))
    assert said.turns[1].text == "手机139****1234，王**" and "".join(word.text for word in said.turns[1].words) == said.turns[1].text
    assert card.items[0].evidence[0].text == card.findings[0].evidence[0].text == "139****1234，王**"
    assert card.items[0].reason == "听到手机139****1234，王**" and said.customer_name == "王**" and said.agent_name == "李娜"
    for whole in (said.model_dump_json(), card.model_dump_json()):
        assert "0000" not in whole and "建国" not in whole


def test_cutting_card_values_leaves_all_else() -> None:
    said, card = cut_card_values(*records("卡号6228480030000123411，安全码317"))
    assert said.turns[1].text == "卡号6228480030000123411，安全码***" and "317" not in card.model_dump_json()
    before = records("没有")
    assert cut_card_values(*before) == before


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    lake = Lake.create(tmp_path / "workspace")
    said, card = records("手机13900001234", customer_name="王建国")
    one = recording(tmp_path, "a")
    with lake.writing():
        lake.commit([Result(one, AudioFile("sha", 1, 2), "stub-1", said, card, scorer_version="r")])
    return tmp_path / "workspace"


def entries(workspace: Path) -> list[tuple[str, str]]:
    """What the audit log says, if there is one."""
    if not (workspace / "reviews.sqlite").exists():
        return []
    with Database.open(workspace).reading() as session:
        return [(one.action, one.subject) for one in session.query(Audit).order_by(Audit.id)]


def command(*arguments: str | Path) -> None:
    tingjian.app([str(argument) for argument in arguments], standalone_mode=False)


def test_what_people_look_at_and_take_out_is_masked_unless_the_settings_leave_files_alone(
        workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    command("show", "a", "-w", workspace)
    command("page", "-w", workspace, "-o", tmp_path / "pages")
    command("export", "-w", workspace, "--excel", tmp_path / "x.xlsx", "--drafts", tmp_path / "d.jsonl", "--transcripts", tmp_path / "t.jsonl", "--parquet", tmp_path / "pq")
    book = openpyxl.load_workbook(io.BytesIO((tmp_path / "x.xlsx").read_bytes()))
    seen = [capsys.readouterr().out, (tmp_path / "pages" / "a.html").read_text("utf-8"), (tmp_path / "d.jsonl").read_text("utf-8"), (tmp_path / "t.jsonl").read_text("utf-8"),
            str([cell.value for sheet in book for row in sheet for cell in row]),
            str([pl.read_parquet(file).to_dicts() for file in sorted((tmp_path / "pq").glob("*.parquet"))])]
    for text in seen:
        assert "139****1234" in text and "13900001234" not in text and "王建国" not in text
    assert entries(workspace) == []
    monkeypatch.setenv("TINGJIAN_PRIVACY__MASKING", "display")
    command("export", "-w", workspace, "--drafts", tmp_path / "plain.jsonl", "--parquet", tmp_path / "plain")
    assert "13900001234" in (tmp_path / "plain.jsonl").read_text("utf-8") and entries(workspace) == [("exported_in_full", "")]
    assert set(pl.read_parquet(tmp_path / "pq" / "turns.parquet").columns) == set(pl.read_parquet(tmp_path / "plain" / "turns.parquet").columns)
    command("export", "-w", workspace, "--masked", "--drafts", tmp_path / "all.jsonl")
    assert "13900001234" not in (tmp_path / "all.jsonl").read_text("utf-8")


def test_unmasked_needs_the_setting(workspace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Problem, match="unmasked = true"):
        command("show", "a", "-w", workspace, "--unmasked")
    monkeypatch.setenv("TINGJIAN_PRIVACY__UNMASKED", "true")
    command("show", "a", "-w", workspace, "--unmasked")
    assert "13900001234" in capsys.readouterr().out and entries(workspace) == [("card.shown_in_full", "a")]
    command("export", "-w", workspace, "--unmasked", "--drafts", "-")
    assert entries(workspace)[1:] == [("exported_in_full", "")]


@pytest.mark.parametrize(("drop", "stored"), [(False, "您好，安全码317"), (True, "您好，安全码***")])
def test_card_values_are_never_stored_where_the_settings_say_so(drop: bool, stored: str, tmp_path: Path) -> None:
    (tmp_path / "calls").mkdir()
    (tmp_path / "calls" / "a.wav").write_text("安全码317")
    wanted = Settings(privacy=Privacy(drop_cvv=drop))
    with Job(tmp_path / "calls", tmp_path / "w", wanted, load=lambda _: (StubTranscriber(), StubScorer())) as job:
        run_batches(job, pause=0.0)
    assert Lake.open(tmp_path / "w").transcript("a").turns[0].text == stored


def answers(tmp_path: Path, lines: str, capsysbinary: pytest.CaptureFixture[bytes]) -> tuple[int, list[dict[str, object]], str]:
    file = tmp_path / "in.jsonl"
    file.write_bytes(lines.encode("utf-8-sig"))
    code = tingjian.app(["mask", str(file)], standalone_mode=False) or 0
    out, told = capsysbinary.readouterr()
    return code, [json.loads(line) for line in out.splitlines()], told.decode()


def test_the_command_answers_each_line_in_order(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    code, found, told = answers(tmp_path, '{"text": "打13900001234"}\n\n{"text": ""}\n{"text": "我叫王建国", "staff": ["王建国"]}\n', capsysbinary)
    assert (code, told) == (0, "")
    assert found == [{"masked": "打139****1234", "spans": [[1, 12, "mobile"]]}, {"masked": "", "spans": []}, {"masked": "我叫王建国", "spans": []}]


@pytest.mark.parametrize("line", ["x", "[]", "{}", '{"text": 3}', '{"text": "a", "staff": "b"}', "[" * 5000])
def test_a_bad_line_is_named_and_the_others_go_on(line: str, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    code, found, told = answers(tmp_path, line + '\n{"text": "打13900001234"}\n', capsysbinary)
    assert code == 1 and len(found) == 1 and "in.jsonl line 1" in told and "The other lines go on" in told


def test_a_missing_file_is_a_message(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"nothing\.jsonl cannot be read"):
        command("mask", tmp_path / "nothing.jsonl")


def test_a_sentence_of_the_engine_hides_the_customers_name_also_where_another_call_had_nothing_to_hide_in_it() -> None:
    """What nothing was found in is not looked through again, but each call's own customer still is."""
    def shown(customer: str | None) -> str:
        one = Transcript(call_id="c", customer_name=customer, turns=(Turn(speaker="agent", text="您好"),))
        finding = Finding(rule="x", verdict="fail", confidence=0.9, reason="说到玄武岩三次")
        draft = Draft(call_id="c", form="f", form_version="", rules_version="", score=None, band=None, fatal=False, items=(), findings=(finding,))
        return hide(one, draft)[1].findings[0].reason

    assert shown(None) == "说到玄武岩三次"
    assert shown("玄武岩") == "说到***三次"
    assert shown(None) == "说到玄武岩三次"
