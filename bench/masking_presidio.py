"""Presidio's analyser on the sentences of bench/masking.py, to compare: its own recognisers, Chinese patterns in its manner, and ours
inside it. Presidio is no dependency of Tingjian:

    pip install presidio-analyzer && python bench/masking_presidio.py [labelled.jsonl …] [--rate 0.1]
"""
from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import spacy
from masking import HELD, OWN, Labelled, Score, read, with_noise
from presidio_analyzer import AnalyzerEngine, EntityRecognizer, Pattern, PatternRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts, SpacyNlpEngine
from presidio_analyzer.predefined_recognizers import CreditCardRecognizer, EmailRecognizer, PhoneRecognizer
from presidio_analyzer.recognizer_registry import RecognizerRegistry

from pipeline.masking import Span, find
from pipeline.masking.checks import id_check, id_shape

KINDS = {"CREDIT_CARD": "bank_card", "PHONE_NUMBER": "mobile", "EMAIL_ADDRESS": "email"}
LEAST = 0.35        # score from which a result counts: Presidio's patterns without context score 0.3 to 0.5


class ChineseEngine(SpacyNlpEngine):
    """spaCy's tokeniser without a model: none for Chinese can be had from a registry; patterns need none."""

    def __init__(self) -> None:
        super().__init__()
        self.nlp = {"zh": spacy.blank("zh")}


class Identity(PatternRecognizer):
    def __init__(self) -> None:
        super().__init__("id_card", patterns=[Pattern("18", r"(?<!\d)\d{17}[\dXx](?!\d)", 0.4)], context=["身份证", "证件"], supported_language="zh")

    def validate_result(self, pattern_text: str) -> bool | None:
        digits = pattern_text.upper()
        return id_shape(digits) and id_check(digits)


class Ours(EntityRecognizer):
    """All of ours as one recogniser of Presidio's."""

    def __init__(self) -> None:
        super().__init__(supported_entities=sorted({kind for kinds in HELD.values() for kind in kinds} | {
            "plate", "passport", "email", "address", "person_name", "verification_code", "cvv"}), supported_language="zh", name="ours")

    def load(self) -> None:
        """Nothing to load."""

    def analyze(self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None) -> list[RecognizerResult]:
        return [RecognizerResult(kind, start, end, 1.0) for start, end, kind in find(text)]


def patterns() -> list[EntityRecognizer]:
    """Chinese numbers as Presidio's users write them: a pattern, a check where there is one, words of context."""
    table = [("mobile", r"(?<!\d)1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?!\d)", 0.5, ["手机", "电话"]),
             ("landline", r"(?<!\d)0\d{2,3}[ -]?\d{4}[ -]?\d{3,4}(?!\d)", 0.4, ["座机", "固话", "电话"]),
             ("plate", r"[\u4e00-\u9fff][A-Z]·?[A-Z0-9]{5,6}", 0.4, ["车牌"]), ("passport", r"[EG][A-Z]?\d{7,8}", 0.4, ["护照"]),
             ("verification_code", r"(?<!\d)\d{4,6}(?!\d)", 0.1, ["验证码", "短信"]), ("cvv", r"(?<!\d)\d{3}(?!\d)", 0.1, ["安全码", "背面"])]
    return [Identity(), *(PatternRecognizer(kind, patterns=[Pattern(kind, regex, score)], context=context, supported_language="zh")
                          for kind, regex, score, context in table)]


def analyser(recognisers: Sequence[EntityRecognizer]) -> Callable[[str], list[Span]]:
    engine = AnalyzerEngine(registry=RecognizerRegistry(list(recognisers), supported_languages=["zh"]), nlp_engine=ChineseEngine(), supported_languages=["zh"])

    def spans(text: str) -> list[Span]:
        return [(one.start, one.end, KINDS.get(one.entity_type, one.entity_type)) for one in engine.analyze(text, language="zh", score_threshold=LEAST)]
    return spans


def told(name: str, spans: Callable[[str], list[Span]], sentences: Sequence[Labelled]) -> None:
    scores = {group: Score() for group in HELD}
    began = time.process_time()
    answers = [spans(text) for text, _ in sentences]
    speed = sum(len(text) for text, _ in sentences) / (time.process_time() - began)
    for (_, labels), found in zip(sentences, answers, strict=True):
        for group, kinds in HELD.items():
            mine, theirs = [one for one in found if one[2] in kinds], [one for one in labels if one[2] in kinds]
            score = scores[group]
            score.found, score.labels = score.found + len(mine), score.labels + len(theirs)
            score.right += sum(any(a[0] < b[1] and b[0] < a[1] for b in theirs) for a in mine)
            score.overlap += sum(any(a[0] < b[1] and b[0] < a[1] for b in mine) for a in theirs)
    figures = "  ".join(f"{group} {score.right / max(score.found, 1):.3f} / {score.overlap / max(score.labels, 1):.3f}" for group, score in scores.items())
    print(f"{name:<34} {figures}  {speed:>9,.0f} characters a second")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="*", default=[OWN])
    parser.add_argument("--rate", type=float, default=0.1)
    options = parser.parse_args()
    clean = read(options.files)
    built_in = [CreditCardRecognizer(supported_language="zh"), PhoneRecognizer(supported_language="zh", supported_regions=("CN",)), EmailRecognizer(supported_language="zh")]
    ways = {"Presidio's own recognisers": analyser(built_in), "with Chinese patterns": analyser([CreditCardRecognizer(supported_language="zh"), *patterns()]),
            "ours inside Presidio": analyser([Ours()]), "ours": find}
    for title, sentences in (("clean", clean), (f"{options.rate:.0%} of characters wrong", with_noise(clean, options.rate, 1))):
        print(f"{title}: precision / recall by overlap")
        for name, spans in ways.items():
            told(name, spans, sentences)


if __name__ == "__main__":
    main()
