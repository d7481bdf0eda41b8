"""Check digits, dates and prefixes: what tells a number of a kind from any other number."""
from __future__ import annotations

from datetime import date

PROVINCES = frozenset(["11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37", "41", "42", "43", "44", "45", "46", "50", "51", "52", "53", "54", "61", "62", "63", "64", "65", "71", "81", "82", "83"])
"""First two digits of an ID number, GB/T 2260; 83 is the residence permit of Taiwanese."""
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECK = "10X98765432"
CARD_HEADS = ("62", "60", "4", "51", "52", "53", "54", "55", "35", "34", "37", "30", "36", "38", "39", "65", "22", "9")
"""First digits of payment cards: UnionPay, Visa, MasterCard, JCB, American Express, Diners, Discover; 9 and 22 on old and
new ones."""
SURE_HEADS = ("62", "60", "4", "51", "52", "53", "54", "55", "35", "37")
LONG_CODES = frozenset(("010", *(f"02{d}" for d in "0123456789")))
"""Area codes of three digits: eight-digit numbers follow."""


def is_date(digits: str) -> bool:
    """YYYYMMDD of a person who may be alive."""
    try:
        return 1900 <= int(digits[:4]) <= 2035 and bool(date(int(digits[:4]), int(digits[4:6]), int(digits[6:])))
    except ValueError:
        return False


def id_check(digits: str) -> bool:
    """ISO 7064 MOD 11-2 over 17 digits and a digit or X (GB 11643)."""
    total = sum(int(d) * w for d, w in zip(digits[:17], WEIGHTS, strict=True))
    return CHECK[total % 11] == digits[17]


def id_shape(digits: str) -> bool:
    """18 places with a province and a date of birth."""
    return (len(digits) == 18 and digits[:17].isdigit() and digits[17] in "0123456789X" and digits[:2] in PROVINCES
            and is_date(digits[6:14]))


def old_id(digits: str) -> bool:
    """The 15 digits of before 1999: province, two-digit year, no check digit."""
    return len(digits) == 15 and digits.isdigit() and digits[:2] in PROVINCES and is_date("19" + digits[6:12])


def nearly_id(digits: str) -> bool:
    """One or two digits too many, too few or wrong, as noise leaves an ID number: a province, and the date of birth about where it
    should be."""
    if not 16 <= len(digits) <= 20 or (digits[:2] not in PROVINCES and digits[1:3] not in PROVINCES):
        return False
    return any(digits[at:at + 2] in ("19", "20") and _nearly_date(digits[at:at + 8]) for at in range(4, 9))


def dated(digits: str) -> bool:
    """A date of the twentieth or twenty-first century somewhere around the seventh place."""
    return any(is_date(digits[at:at + 8]) for at in range(4, 9))


def _nearly_date(digits: str) -> bool:
    return digits[4:6] in _MONTHS or digits[5:7] in _MONTHS or is_date(digits)


_MONTHS = frozenset(f"{month:02}" for month in range(1, 13))


def luhn(digits: str) -> bool:
    """The check digit of payment cards, ISO/IEC 7812."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def is_mobile(digits: str) -> bool:
    return len(digits) == 11 and digits[0] == "1" and digits[1] in "3456789"


def area_code(digits: str) -> int:
    """Length of the area code that a landline number begins with, 0 for none: 010 and 02x before eight digits, the four-digit
    ones (03xx to 09xx, as numbered in China) before seven or eight."""
    if digits[:3] in LONG_CODES:
        return 3 if len(digits) == 11 and digits[3] in "2345678" else 0
    if digits[:1] == "0" and digits[1:2] in tuple("3456789"):
        return 4 if len(digits) in (11, 12) and digits[4] in "2345678" else 0
    return 0


def is_company_line(digits: str) -> bool:
    """Numbers of companies, not persons: 400, 800, 95xxx, 96xxx, 10086, 12345 and the like."""
    return (digits[:3] in ("400", "800") and len(digits) == 10) or (len(digits) in (5, 6) and digits[:2] in ("95", "96", "10", "12"))
