"""An expression runs where one of its needles was said, and never matches where none was."""
from __future__ import annotations

import doctest

import pytest

import rules.needles
from rules.needles import needles
from rules.pack import load


@pytest.mark.parametrize(("expression", "found"), [
    ("没有权(?:限)?", {"没有权", "没有权限"}), ("[退改]不了", {"退不了", "改不了"}), ("(?:这里是|我是)[^。]{1,8}公司", {"公司"}),
    ("(?m)^(?:好的)?[0-9]{3}", set("0123456789")), ("嗯+", {"嗯"}), (r"\p{Han}{2}中心", {"中心"}),
])
def test_what_a_match_cannot_do_without(expression: str, found: set[str]) -> None:
    assert needles(expression) == found


@pytest.mark.parametrize("expression", ["[^。]{3}", "(?:好的)?.", "好的|.{3}", r"(?P<bad"])
def test_an_expression_of_which_nothing_is_certain_has_none(expression: str) -> None:
    assert needles(expression) is None


def test_the_example_holds() -> None:
    assert doctest.testmod(rules.needles).failed == 0


def test_every_match_in_the_packs_examples_holds_a_needle() -> None:
    pack = load()
    said = [example if isinstance(example, str) else example.say for rule in pack.rules.values()
            for example in (*rule.examples.passing, *rule.examples.failing)]
    checked = 0
    for rule in pack.rules.values():
        waiting = [rule.find] if rule.find else []
        while waiting:
            part = waiting.pop()
            waiting += [*part.any, *part.all, *part.none]
            if part.regex and (words := needles(part.regex)) is not None:
                compiled = next(c for leaf, c in pack.plan.regexes.items()
                                if pack.plan.leaves[leaf].rule == rule.id and c.pattern == part.regex.encode())
                for text in said:
                    for match in compiled.finditer(text.encode()):
                        checked += 1
                        assert any(word in match.group().decode() for word in words), (rule.id, text)
    assert checked > 100
