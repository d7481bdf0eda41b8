"""The examples beside every rule of the built-in pack hold."""
from __future__ import annotations

import pytest

from rules.engine import Engine
from rules.examples import run_rule
from rules.pack import load

PACK = load()
ENGINE = Engine(PACK)


@pytest.mark.parametrize("rule", PACK.rules)
def test_the_examples_beside_a_rule_come_out_as_written(rule: str) -> None:
    assert run_rule(ENGINE, PACK.rules[rule]).wrong == []


@pytest.mark.parametrize("rule", PACK.rules)
def test_a_rule_has_four_examples_of_each_kind(rule: str) -> None:
    examples = PACK.rules[rule].examples
    assert min(len(examples.passing), len(examples.failing)) >= 4
