"""Pages read in English: the rules' texts, the forms' titles and the engine's reasons."""
from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.scorecard import Scorer
from records import Draft, Problem, Transcript
from review.reasons import Reasons
from review.workbench.refusals import in_english
from rules import english
from rules.examples import call_of
from settings import Settings

ROOT = Path(__file__).parents[1]
HAN = re.compile("[\u4e00-\u9fff]")
HEARD = re.compile(r"“[^”]*”|name is [\u4e00-\u9fff]+")      # what was said stays Chinese
# Reasons in which words, not numbers, are filled in, spelt out with each.
WORDS_FILLED_IN = {
    "1 处，要求1 处": ("1 处，要求至少 2 处", "3 处，要求至多 2 处"), "1，都做到了": ("请客户等待 2 次，都做到了",), "1，1 次没有做到": ("请客户等待 2 次，1 次没有做到",),
    "1 1 不检查此项": ("业务线 broadband 不检查此项", "单位 Acme 不检查此项"),
    "1 次等待11": ("2 次等待，其中 1 次没有征求同意", "1 次等待，没有得到客户同意", "2 次等待，其中 2 次没有说全原因和时长", "1 次等待，回来时没有感谢或致歉",
               "1 次等待，征求了同意", "2 次等待都得到了客户同意", "2 次等待都说明了原因和时长", "2 次等待都回来时感谢或致歉了：感谢等待、为等待致歉"),
    "1 1 1，上限 1 1": ("振铃时长 12 秒，上限 10 秒", "通话时长 312 秒，上限 300 秒"), "称“1”，客户是1性": ("称“先生”，客户是女性", "称“女士”，客户是男性"),
    "没有1的声音": ("没有坐席的声音", "没有客户的声音"), "抢话 1 秒，1": ("抢话 1.2 秒，客户停下了", "抢话 1.2 秒，客户继续说")}
SAYS = {"Outcome", "_turn_hit", "Mistake", "marked", "_replace", "Hit"}


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer.from_settings(Settings())


@pytest.fixture(scope="module")
def reasons(scorer: Scorer) -> Reasons:
    return Reasons({rule.id: (rule.title, rule.title_en) for rule in scorer.engine.pack.rules.values()})


def test_every_rule_says_in_english_why_it_is_there_and_what_to_coach(scorer: Scorer) -> None:
    rules = scorer.engine.pack.rules
    texts = english.load(None, rules)
    assert [one.id for one in rules.values() if not texts[one.id].why or bool(one.coach) != bool(texts[one.id].coach)] == []


def test_every_form_and_section_has_an_english_title(scorer: Scorer) -> None:
    named = [one for form in scorer.forms.values() for one in (form, *form.sections, *form.adjustments, *(item for section in form.sections for item in section.items))]
    assert [one.title for one in named if not one.title_en or HAN.search(one.title_en)] == []


@pytest.mark.parametrize(("written", "told"), [
    ("rules:\n  greeting.salutation: {why: so}\n  greeting.salutatoin: {why: so}\n", "line 3, rules.greeting.salutatoin: there is no rule"),
    ("rules:\n  greeting.salutation:\n    whi: so\n", "line 3, rules.greeting.salutation.whi: no such field"),
    ("- greeting.salutation\n", "line 1: the file is `rules:`")])
def test_a_mistake_in_a_packs_english_texts_is_told_with_its_line(tmp_path: Path, written: str, told: str) -> None:
    (tmp_path / "english").mkdir()
    (tmp_path / english.FILE).write_text(written)
    with pytest.raises(Problem) as problem:
        english.load(tmp_path, {"greeting.salutation"})
    assert told in str(problem.value)


def test_a_pack_without_english_texts_has_none(tmp_path: Path) -> None:
    assert english.load(tmp_path, {"greeting.salutation"}) == {}


def test_what_the_rules_say_of_their_examples_and_the_blind_calls_is_told_in_english(scorer: Scorer, reasons: Reasons) -> None:
    left = set()
    for draft in drafts(scorer):
        said = [*(one.reason for one in draft.findings), *(piece.note for one in draft.findings for piece in one.evidence)]
        left |= {text for text in said if untold(reasons.of(text))} | {line.reason for line in draft.items if untold(reasons.item(line, draft))}
    assert left == set()


def test_every_reason_written_in_the_engine_has_an_english_pattern(reasons: Reasons) -> None:
    assert {text for text in written_reasons() if untold(reasons.of(text))} == WORDS_FILLED_IN.keys()


@pytest.mark.parametrize("spelt_out", [text for texts in WORDS_FILLED_IN.values() for text in texts])
def test_a_reason_with_words_filled_in_is_told_in_english(reasons: Reasons, spelt_out: str) -> None:
    assert not untold(reasons.of(spelt_out))


def test_every_refusal_of_the_workbench_has_an_english_pattern() -> None:
    assert {text for text in refusals() if untold(in_english(text))} == set()


def refusals() -> Iterator[str]:
    for path in sorted([*(ROOT / "review" / "workbench").glob("*.py"), *(ROOT / "store" / "reviews").glob("*.py")]):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            name = call.func.attr if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) else getattr(getattr(call, "func", None), "id", "")
            if isinstance(call, ast.Call) and name == "Conflict":
                yield from (filled(given) for given in call.args)


def untold(text: str) -> bool:
    return HAN.search(HEARD.sub("", text)) is not None


def drafts(scorer: Scorer) -> Iterator[Draft]:
    for rule in scorer.engine.pack.rules.values():
        for example in (*rule.examples.passing, *rule.examples.failing, *rule.examples.known_miss):
            yield scorer.draft(call_of(rule, example))
    for line in (ROOT / "data" / "blind" / "calls.jsonl").read_text("utf-8").splitlines():
        yield scorer.draft(Transcript.model_validate(json.loads(line)["transcript"]))


def written_reasons() -> Iterator[str]:
    """The Chinese sentences that stand in calls that make an outcome or a hit, with 1 in the place of what is filled in."""
    for path in [ROOT / "rules" / "deciding.py", *sorted((ROOT / "rules" / "operators").glob("*.py"))]:
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            name = call.func.attr if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) else getattr(getattr(call, "func", None), "id", "")
            if isinstance(call, ast.Call) and name in SAYS:
                for given in (*call.args, *(one.value for one in call.keywords)):
                    text = filled(given)
                    if HAN.search(text):
                        yield text


def filled(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(one.value) if isinstance(one, ast.Constant) else "1" for one in node.values)
    return ""
