"""Measuring drafts against gold: every figure is worked out by hand here, or by irrCAC where it is named."""
from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from flows.evaluate import measure, read_names
from insight.agreement import cohen_kappa, gwet_ac1
from insight.evaluation import Counts, Evaluation, LabelledCall, RuleResult, evaluate, positive_of, read_labelled
from insight.evaluation_table import print_evaluation, print_mistakes
from records import Draft, Problem, Transcript

TURNS = [{"speaker": "agent", "text": "您好"}, {"speaker": "customer", "text": "我要投诉"},
         {"speaker": "agent", "text": "不知道"}]


def labelled(call_id: str, verdicts: dict, evidence: dict | None = None, score: float | None = None) -> LabelledCall:
    return LabelledCall.model_validate({"transcript": {"call_id": call_id, "turns": TURNS},
                                        "gold": {"verdicts": verdicts, "evidence": evidence or {}, "score": score}})


def drafted(call_id: str, verdicts: dict, evidence: dict | None = None, score: float | None = None) -> Draft:
    findings = [{"rule": rule, "verdict": verdict,
                 "evidence": [{"rule": rule, "turn": turn} for turn in (evidence or {}).get(rule, [])]}
                for rule, verdict in verdicts.items()]
    return Draft.model_validate({"call_id": call_id, "form": "inbound", "form_version": "1", "rules_version": "sha256:0",
                                 "score": score, "band": None, "fatal": False, "items": [], "findings": findings})


def compared(rule: str, pairs: list[tuple[str, str]]) -> Evaluation:
    calls = [labelled(str(at), {rule: gold}) for at, (gold, _) in enumerate(pairs)]
    return evaluate(calls, [drafted(str(at), {rule: ours}) for at, (_, ours) in enumerate(pairs)], draws=200)


def only(result: Evaluation) -> RuleResult:
    (rule,) = result.rules
    return rule


def cells(table: dict[tuple[str, str], int]) -> list[tuple[str, str]]:
    return [pair for pair, times in table.items() for _ in range(times)]


PREVALENT = cells({("pass", "pass"): 118, ("pass", "fail"): 5, ("fail", "pass"): 2})
THREE = cells({("pass", "pass"): 40, ("pass", "fail"): 3, ("fail", "fail"): 12, ("fail", "pass"): 2,
               ("not_applicable", "not_applicable"): 20, ("not_applicable", "pass"): 1})
SMALL = cells({("pass", "pass"): 8, ("fail", "pass"): 1, ("fail", "fail"): 1})


@pytest.mark.parametrize(("pairs", "classes", "kappa", "ac1"), [
    (PREVALENT, 2, -0.02339, 0.94078),  # irrCAC 0.4.4: nearly all agree, kappa falls below chance and AC1 does not
    (THREE, 3, 0.87018, 0.89070),       # irrCAC 0.4.4
    (SMALL, 3, 0.61538, 0.88539),       # irrCAC 0.4.4; a class nobody used still counts among the choices
    # By hand: observed 0.7; kappa chance .5*.6 + .5*.4 = 0.5; AC1 chance 2*.55*.45 = 0.495
    (cells({("found", "found"): 4, ("found", "none"): 1, ("none", "found"): 2, ("none", "none"): 3}), 2, 0.4, 0.205 / 0.505),
    (cells({("pass", "fail"): 5, ("fail", "pass"): 5}), 2, -1.0, -1.0),
])
def test_agreement_beyond_chance(pairs, classes, kappa, ac1):
    assert cohen_kappa(pairs) == pytest.approx(kappa, abs=5e-6)
    assert gwet_ac1(pairs, classes) == pytest.approx(ac1, abs=5e-6)


def test_agreement_is_undefined_rather_than_invented():
    assert cohen_kappa([]) is None
    assert gwet_ac1([], 2) is None
    assert cohen_kappa([("pass", "pass")] * 9) is None
    assert gwet_ac1([("pass", "pass")] * 9, 3) == 1.0
    with pytest.raises(ValueError, match="3 ratings were used where 2"):
        gwet_ac1([("pass", "fail"), ("found", "fail")], 2)


@pytest.mark.parametrize(("rule", "verdicts", "positive"), [
    ("greeting.offer", ["pass", "fail"], "pass"), ("hold.consent", ["not_applicable"], "pass"),
    ("taboo.vague", ["pass"], "fail"), ("name.wrong", ["pass"], "fail"), ("hold.unannounced", ["pass"], "fail"),
    ("call.duration", ["pass"], "fail"), ("name.used", ["fail"], "pass"),
    ("hold.request", ["none"], "found"), ("customer.abusive", ["needs_review", "found"], "found"),
    ("voice.interruption", ["pass"], "fail"), ("voice.pitch", ["found"], "found"),
])
def test_the_positive_is_the_event_a_rule_looks_for(rule, verdicts, positive):
    assert positive_of(rule, verdicts) == positive


@pytest.mark.parametrize(("rule", "pairs", "event", "alarm"), [
    # act: 3 right, a pass where it failed, a pass where it did not apply, a pass called a fail
    ("greeting.offer", [("pass", "pass")] * 3 + [("fail", "pass"), ("not_applicable", "pass"), ("pass", "fail"),
                                                 ("fail", "fail"), ("not_applicable", "not_applicable")],
     Counts(3, 2, 1, 0), Counts(1, 1, 1, 0)),
    # lapse: event and alarm are the same thing
    ("taboo.vague", [("fail", "fail"), ("pass", "fail"), ("fail", "pass"), ("pass", "pass"), ("not_applicable", "fail")],
     Counts(1, 2, 1, 0), Counts(1, 2, 1, 0)),
    ("hold.request", [("found", "found"), ("none", "found"), ("none", "none")], Counts(1, 1, 0, 0), Counts(1, 1, 0, 0)),
    # left to a person: a positive is a miss and marked so, a negative costs nothing
    ("greeting.offer", [("pass", "needs_review"), ("pass", "pass"), ("fail", "needs_review"),
                        ("not_applicable", "needs_review")],
     Counts(1, 0, 1, 1), Counts(0, 0, 1, 1)),
])
def test_counts_by_hand(rule, pairs, event, alarm):
    result = only(compared(rule, pairs))
    assert (result.event, result.alarm) == (event, alarm)


def test_scope_given_leaves_out_calls_where_gold_says_not_applicable():
    result = only(compared("greeting.offer", [("pass", "pass"), ("not_applicable", "pass"), ("pass", "not_applicable")]))
    assert result.event == Counts(1, 1, 1, 0)
    assert result.in_scope == Counts(1, 0, 1, 0)


def test_ratios_of_counts():
    counts = Counts(tp=3, fp=1, fn=2)
    assert (counts.precision, counts.recall, counts.f1) == (0.75, 0.6, pytest.approx(2 / 3))
    assert Counts(fn=2).precision is None
    assert Counts(fp=2).recall is None
    assert (Counts(fp=2).f1, Counts().f1) == (0.0, None)


def test_needs_review_has_a_share_and_stays_out_of_agreement():
    pairs = [("pass", "pass"), ("fail", "fail"), ("pass", "needs_review"), ("fail", "needs_review")]
    result = compared("greeting.offer", pairs)
    assert (result.review_share, result.coverage, only(result).review_share) == (0.5, 0.5, 0.5)
    assert (only(result).kappa, only(result).confusion["pass"]) == (1.0, {"pass": 1, "needs_review": 1})


def test_a_rule_without_gold_is_skipped_and_one_without_finding_is_a_miss():
    calls = [labelled("1", {"greeting.offer": "pass"}), labelled("2", {})]
    result = evaluate(calls, [drafted("1", {"taboo.abuse": "fail"}), drafted("2", {"greeting.offer": "fail"})], draws=50)
    assert (result.verdicts, result.missing_rules) == (1, ("greeting.offer",))
    assert (only(result).event, only(result).missing) == (Counts(fn=1), 1)


def three_rules() -> Evaluation:
    gold = [{"greeting.offer": "pass", "taboo.vague": "pass", "hold.request": "none"},
            {"greeting.offer": "pass", "taboo.vague": "pass", "hold.request": "found"}]
    ours = [{"greeting.offer": "pass", "taboo.vague": "pass", "hold.request": "found"},
            {"greeting.offer": "fail", "taboo.vague": "pass", "hold.request": "found"}]
    return evaluate([labelled(str(at), one) for at, one in enumerate(gold)],
                    [drafted(str(at), one) for at, one in enumerate(ours)], draws=500)


def test_macro_is_the_mean_over_rules_with_a_value_and_micro_pools_the_counts():
    means = three_rules().means["event"]
    # offer: P 1, R 1/2; vague: undefined; hold: P 1/2, R 1
    assert (means["macro_precision"].value, means["macro_precision"].rules) == (0.75, 2)
    assert (means["macro_recall"].value, means["macro_recall"].rules) == (0.75, 2)
    assert (means["micro_precision"].value, means["micro_recall"].value) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    # alarm: offer P 0 (its one fail is false), hold P 1/2
    alarm = three_rules().means["alarm"]
    assert (alarm["macro_precision"].value, alarm["macro_recall"].rules) == (0.25, 1)


def test_intervals_hold_the_value_repeat_and_narrow_with_more_calls():
    def mean(times: int):
        pairs = [("pass", "pass"), ("pass", "pass"), ("pass", "fail")] * times
        return compared("greeting.offer", pairs).means["event"]["macro_recall"]

    few, many = mean(5), mean(80)
    assert few.low < few.value < few.high
    assert many.high - many.low < (few.high - few.low) / 2
    assert mean(5) == few


def test_rare_rules_do_not_shift_the_interval_away_from_the_mean():
    """One rule always right, and twenty rules positive once each and always missed: most draws lack some of those."""
    calls = [labelled(str(at), {"greeting.offer": "pass", f"closing.rare_{at}": "pass"}) for at in range(20)]
    drafts = [drafted(str(at), {"greeting.offer": "pass", f"closing.rare_{at}": "fail"}) for at in range(20)]
    recall = evaluate(calls, drafts, draws=300).means["event"]["macro_recall"]
    assert (recall.value, recall.low, recall.high) == (pytest.approx(1 / 21), pytest.approx(1 / 21), pytest.approx(1 / 21))


def test_evidence_is_compared_turn_by_turn_where_gold_lists_every_turn():
    calls = [labelled("1", {"taboo.refusal": "fail", "greeting.offer": "pass", "taboo.vague": "pass"},
                      {"taboo.refusal": [2, 4], "greeting.offer": [0]})]
    draft = drafted("1", {"taboo.refusal": "fail", "greeting.offer": "pass", "taboo.vague": "pass"},
                    {"taboo.refusal": [2, 6], "greeting.offer": [0], "taboo.vague": [2]})
    result = evaluate(calls, [draft], draws=50)
    by_rule = {rule.rule: rule for rule in result.rules}
    assert by_rule["taboo.refusal"].evidence == Counts(1, 1, 1)
    assert by_rule["taboo.vague"].evidence == Counts()  # a passing lapse rule claims nothing with what it shows
    assert (by_rule["greeting.offer"].evidence, by_rule["greeting.offer"].located) == (None, 1.0)
    assert result.evidence == Counts(1, 1, 1)


def test_score_error_over_the_calls_that_have_one():
    calls = [labelled(str(at), {}, score=score) for at, score in enumerate([90.0, 80.0, None, 70.0])]
    drafts = [drafted(str(at), {}, score=score) for at, score in enumerate([95.0, 79.0, 50.0, None])]
    assert evaluate(calls, drafts, draws=10).score == {
        "calls": 2, "mean_absolute": 3.0, "mean_signed": 2.0, "largest": 5.0}
    assert three_rules().score is None


def test_drafts_of_other_calls_are_refused():
    with pytest.raises(ValueError, match="draft of b stands beside call a"):
        evaluate([labelled("a", {})], [drafted("b", {})])


def test_the_tables_show_counts_intervals_and_mistakes():
    console = Console(record=True, width=200, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    print_evaluation(three_rules(), "three rules", console)
    print_mistakes(three_rules(), console)
    text = console.export_text()
    row = next(line.split() for line in text.splitlines() if line.startswith("hold.request "))
    assert row[:6] == ["hold.request", "found", "2", "1", "1", "0"]
    assert "0.750 [" in text and "n=2" in text
    assert "greeting.offer 1: gold pass at [], drafted fail" in text


@pytest.mark.parametrize(("positives", "few"), [(4, True), (5, False)])
def test_a_rule_with_too_few_cases_is_marked_so(positives: int, few: bool):
    result = compared("greeting.offer", [("pass", "pass")] * positives + [("fail", "fail")] * 9)
    assert [rule.few for rule in result.rules] == [few] and result.as_dict()["rules"][0]["few"] == few
    console = Console(record=True, width=200, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    print_evaluation(result, "", console)
    assert ("1 of 1 rules" in console.export_text()) == few


def test_json_has_ratios_beside_counts():
    plain = json.loads(json.dumps(three_rules().as_dict()))
    offer = next(rule for rule in plain["rules"] if rule["rule"] == "greeting.offer")
    assert (offer["event"]["tp"], offer["event"]["precision"], offer["event"]["recall"]) == (1, 1.0, 0.5)
    assert plain["coverage"] == 1.0


def test_noise_is_measured_on_the_same_calls_beside_the_clean_text():
    seen: list[str] = []

    def draft(transcript: Transcript) -> Draft:
        seen.append(transcript.turns[1].text)
        return drafted(transcript.call_id, {"complaint.raised": "found" if "投诉" in transcript.turns[1].text else "none"})

    calls = [labelled(str(at), {"complaint.raised": "found"}) for at in range(40)]
    results = measure(calls, draft, noise=0.5, seed=7)
    assert list(results) == ["clean", "noise 0.5 seed 7"]
    assert results["clean"].means["event"]["macro_recall"].value == 1.0
    assert 0 < results["noise 0.5 seed 7"].means["event"]["macro_recall"].value < 0.9
    assert seen[:40] == ["我要投诉"] * 40
    assert list(measure(calls, draft)) == ["clean"]


@pytest.mark.parametrize(("content", "message"), [
    ("", "No labelled calls"),
    ('{"transcript": {"call_id": "1", "turns": []}}', "line 1: gold: Field required"),
    ('\n{"transcript"', "line 2: not JSON"),
    ('{"transcript": {"call_id": "1", "turns": []}, "gold": {"verdicts": {"a": "maybe"}}}', "line 1: gold.verdicts.a"),
])
def test_files_that_are_no_labelled_calls_are_refused_by_line(tmp_path: Path, content: str, message: str):
    file = tmp_path / "gold.jsonl"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(Problem, match=message):
        read_labelled([file])


def test_files_are_read_with_or_without_bom_and_a_missing_one_is_named(tmp_path: Path):
    file = tmp_path / "gold.jsonl"
    file.write_text(labelled("1", {"a.b": "pass"}).model_dump_json(), encoding="utf-8-sig")
    assert [call.transcript.call_id for call in read_labelled([file, file])] == ["1", "1"]
    file.write_text("嘟嘟驿站\n\n汇通银行\n", encoding="utf-8")
    assert read_names(file) == ["嘟嘟驿站", "汇通银行"]
    with pytest.raises(Problem, match=r"nowhere\.jsonl: cannot be read"):
        read_labelled([tmp_path / "nowhere.jsonl"])
