"""Agreement of many raters against published values; leaning and trust against values worked out by hand."""
from __future__ import annotations

import pytest

from insight.agreement import gwet_ac1, gwet_ac1_of_many, krippendorff_alpha
from insight.estimates import wilson
from insight.leaning import leaning
from insight.trust import trust

# Krippendorff (2011), table of four observers and twelve units: alpha 0.743 for nominal data. irrCAC's raw4raters is the same
# table, with AC1 0.77544 for its five classes.
PUBLISHED = ["111", "2223", "3333", "3333", "2222", "1234", "4444", "1121", "2222", "555", "11", "3"]
# By hand: observed (1/3 + 1) / 2 = 2/3; p(a) = (2/3 + 0) / 2 = 1/3, chance (two classes) = 2 * 1/3 * 2/3 = 4/9; AC1 = (2/3 - 4/9)
# / (5/9) = 0.4. Alpha: coincidences alike (2*1 + 0)/2 + 3*2/2 = 4 of 6, expected unlike 1 - (2*1 + 4*3)/30 = 16/30; 1 - (2/6)/(16/30).
SMALL = ["aab", "bbb"]


@pytest.mark.parametrize(("units", "classes", "alpha", "ac1"), [(PUBLISHED, 5, 0.743, 0.77544), (SMALL, 2, 0.375, 0.4)])
def test_agreement_of_many_raters_is_the_published_one(units: list[str], classes: int, alpha: float, ac1: float) -> None:
    assert krippendorff_alpha(units) == pytest.approx(alpha, abs=5e-4)
    assert gwet_ac1_of_many(units, classes) == pytest.approx(ac1, abs=5e-6)


def test_for_two_raters_ac1_is_the_one_for_pairs() -> None:
    pairs = [("pass", "pass")] * 7 + [("pass", "fail")] * 2 + [("fail", "fail")] + [("not_applicable", "fail")]
    assert gwet_ac1_of_many(pairs, 3) == pytest.approx(gwet_ac1(pairs, 3))


def test_agreement_of_many_is_undefined_rather_than_invented() -> None:
    assert krippendorff_alpha([]) is None and krippendorff_alpha(["a", "b"]) is None and krippendorff_alpha(["aa", "aaa"]) is None
    assert gwet_ac1_of_many(["a", ""], 3) is None and gwet_ac1_of_many(["aa", "aaa"], 3) == 1.0


@pytest.mark.parametrize(("sessions", "steady"), [
    ([[5, 6, 4], [7, 5, 6]], "high"), ([[-5, -6, -4], [-7, -5, -6]], "low"),
    ([[5, 6, 4]], None),                            # one session is not steady
    ([[5, 6, 4], [-1, 0, -2]], None),               # now milder, now stricter
    ([[1, 2, 1], [2, 1, 2]], None),                 # steady, but too little to matter
    ([[20, -8, 0], [15, -9, 4]], None),             # scattered: the interval holds zero
    ([[-9, -9], [5, 6, 4], [7, 5, 6], [5, 5]], "high"),     # only the last three sessions count
])
def test_only_who_leans_steadily_and_noticeably_is_found(sessions: list[list[float]], steady: str | None) -> None:
    found = leaning(sessions, points=3.0)
    assert found and found.steady == steady


def test_a_leaning_has_students_interval() -> None:
    found = leaning([[1.0, 2.0], [3.0]], points=3.0)
    # mean 2, s = 1, t(0.975, 2) = 4.3027: 2 ± 4.3027 / sqrt 3
    assert found and (found.low, found.high) == (pytest.approx(-0.4841, abs=1e-4), pytest.approx(4.4841, abs=1e-4))
    assert leaning([[], []], 3.0) is None


@pytest.mark.parametrize(("agreed", "decided", "says"), [
    (8, 30, "lost"), (29, 30, "won"), (20, 30, None),       # 20 of 30: the interval (0.49 to 0.81) holds the threshold
    (2, 10, None), (0, 0, None)])
def test_trust_is_lost_and_won_only_beyond_chance(agreed: int, decided: int, says: str | None) -> None:
    found = trust(agreed, decided, threshold=0.7, least=20)
    assert (found.says if found else None) == says


def test_wilsons_interval_is_the_textbooks() -> None:
    # Newcombe (1998), table I: 81 of 263 gives 0.2553 to 0.3662.
    assert wilson(81, 263) == (pytest.approx(0.2553, abs=5e-5), pytest.approx(0.3662, abs=5e-5))
