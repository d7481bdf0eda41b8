"""Whisper through CTranslate2, the engine of faster-whisper, driven chunk by chunk.

faster-whisper gives the tokenizer, the features and the file layout. What is our own is the order of work: the pipeline
has cut the sound into chunks of at most 30 s of voice, so the language is given, no time tokens are decoded, and the
words' times come from one alignment a chunk. A chunk is decoded again at a higher temperature only where the first try
looks wrong.
"""
from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models import shelf, vocabulary
from models.recogniser import SAMPLE_RATE, Segment
from records import Word
from settings import Models, Speech

VERSION = 1                             # of this adapter: raise it when the same weights give other text
WINDOW = 30.0                           # seconds that the encoder was trained on
FRAMES = 3000                           # 10 ms each
# Work grows with what is encoded, so a shorter chunk is filled up only to its own length and a little silence; under some
# 10 s the encoder, trained on 30 s, becomes unreliable. Same text as with 30 s, a quarter less work.
FEWEST_FRAMES, AFTERWARDS, ROUNDING = 1000, 100, 100
TOKENS_PER_SECOND = 50                  # encoder positions, which alignment counts in
TEMPERATURES = (0.2, 0.4, 0.6)          # for a second look, as in Whisper's own decoding, without its wildest
COMPRESSION_LIMIT, LOGPROB_LIMIT = 2.4, -1.0    # Whisper's own thresholds of a failed chunk
LONGEST_TOKENS = 224                    # half of Whisper's 448 positions; 30 s of quick Mandarin are some 200
APPENDED = "\"'.。,，!！?？:：”)]}、…；;％%"


class Whisper:
    """A loaded Whisper model; see models.recogniser.Recogniser."""

    window = WINDOW

    @classmethod
    def open(cls, models: Models, speech: Speech) -> Whisper:
        """Finds the weights on the shelf, chooses device, type and workers, and loads."""
        directory = shelf.locate(models.recogniser, models)
        return cls(models.recogniser, directory, shelf.version(models.recogniser), models, speech)

    def __init__(self, name: str, directory: Path, weights: str, models: Models, speech: Speech) -> None:
        import ctranslate2
        import tokenizers
        from faster_whisper.feature_extractor import FeatureExtractor
        from faster_whisper.tokenizer import Tokenizer

        cuda = models.device == "cuda" or (models.device == "auto" and ctranslate2.get_cuda_device_count() > 0)
        kind = models.compute_type if models.compute_type != "auto" else "float16" if cuda else "int8"
        # Measured (bench/throughput.py): on a CPU a single-threaded worker a core beats batches; a GPU wants one big batch.
        self.workers = speech.workers or (1 if cuda else len(os.sched_getaffinity(0)))
        self.batch = 16 if cuda else 1
        self.name = name
        self.beam_size = speech.beam_size
        self._tokens = Tokenizer(
            tokenizers.Tokenizer.from_file(str(directory / "tokenizer.json")), True, "transcribe", speech.language)
        opening = self._opening(speech)
        smaller = vocabulary.cut(directory, opening) if speech.language == "zh" else None
        self._net = ctranslate2.models.Whisper(
            str(directory), device="cuda" if cuda else "cpu", compute_type=kind, inter_threads=self.workers, intra_threads=1,
            files=smaller.files if smaller else None)
        self._to_model, self._from_model = vocabulary.translator(smaller)
        self._features = FeatureExtractor(feature_size=self._net.n_mels)
        self._prompt = self._to_model(opening)
        self._start = self._to_model(self._tokens.sot_sequence)
        self._suppressed = self._to_model(suppressed(self._tokens))
        self.options = {"compute_type": kind, "beam_size": self.beam_size, "language": speech.language,
                        "hot_words": list(speech.hot_words), "vocabulary": vocabulary.VERSION if smaller else None}
        shaping = json.dumps([VERSION, weights, self.options], ensure_ascii=False)
        self.version = f"{name}:{hashlib.sha256(shaping.encode()).hexdigest()[:12]}"
        self.weights = weights

    def _opening(self, speech: Speech) -> list[int]:
        """The tokens that decoding begins with: hot words as what came before, then language and task."""
        tokens = self._tokens
        before: list[int] = []
        if speech.hot_words:
            before = [tokens.sot_prev, *tokens.encode(" " + "，".join(speech.hot_words))[:LONGEST_TOKENS - 1]]
        return [*before, *tokens.sot_sequence, tokens.no_timestamps]

    def recognise(self, chunks: Sequence[np.ndarray]) -> list[Segment]:
        import ctranslate2

        lengths = [min(FRAMES, -(-len(chunk) // 160)) for chunk in chunks]
        size = min(FRAMES, max(FEWEST_FRAMES, -(-(max(lengths) + AFTERWARDS) // ROUNDING) * ROUNDING))
        features = np.stack([self._mel(chunk, size) for chunk in chunks])
        encoded = self._net.encode(ctranslate2.StorageView.from_array(features))
        tries = self._decode(encoded, len(chunks), 0.0)
        for index, first in enumerate(tries):
            if failed(first):
                tries[index] = self._again(features[index:index + 1], first)
        words = self._align(encoded, [each["tokens"] for each in tries], lengths)
        return [_segment(each, found) for each, found in zip(tries, words, strict=True)]

    def _mel(self, chunk: np.ndarray, size: int) -> np.ndarray:
        """Log mel features (n_mels, size) of one chunk; what is missing is filled up as faster-whisper does."""
        features = self._features(chunk[:int(WINDOW * SAMPLE_RATE)])[:, :size]
        return np.pad(features, ((0, 0), (0, size - features.shape[1]))).astype(np.float32)

    def _decode(self, encoded: Any, count: int, temperature: float) -> list[dict[str, Any]]:
        search: dict[str, Any] = {"beam_size": self.beam_size}
        if temperature:
            search = {"beam_size": 1, "num_hypotheses": self.beam_size, "sampling_topk": 0,
                      "sampling_temperature": temperature}
        results = self._net.generate(
            encoded, [self._prompt] * count, max_length=len(self._prompt) + LONGEST_TOKENS, return_scores=True,
            return_no_speech_prob=True, suppress_tokens=self._suppressed, **search)
        return [self._try(result, temperature) for result in results]

    def _try(self, result: Any, temperature: float) -> dict[str, Any]:
        tokens = [token for token in self._from_model(result.sequences_ids[0]) if token < self._tokens.eot]
        text = self._tokens.decode(tokens).strip()
        length = len(result.sequences_ids[0])
        return {"tokens": tokens, "text": text, "temperature": temperature, "no_speech_prob": result.no_speech_prob,
                "avg_logprob": result.scores[0] * length / (length + 1), "compression_ratio": compression_ratio(text)}

    def _again(self, features: np.ndarray, first: dict[str, Any]) -> dict[str, Any]:
        """Samples a failed chunk at rising temperatures until one looks right, else the likeliest that is no loop."""
        import ctranslate2

        encoded = self._net.encode(ctranslate2.StorageView.from_array(np.ascontiguousarray(features)))
        tries = [first]
        for temperature in TEMPERATURES:
            tries += self._decode(encoded, 1, temperature)
            if not failed(tries[-1]):
                return tries[-1]
        whole = [each for each in tries if each["compression_ratio"] <= COMPRESSION_LIMIT]
        return max(whole or tries, key=lambda each: each["avg_logprob"])

    def _align(self, encoded: Any, tokens: list[list[int]], lengths: list[int]) -> list[list[Word]]:
        if not any(tokens):
            return [[] for _ in tokens]
        results = self._net.align(encoded, self._start, [self._to_model(each) for each in tokens], lengths)
        return [self._words(each, result) for each, result in zip(tokens, results, strict=True)]

    def _words(self, tokens: list[int], result: Any) -> list[Word]:
        """Words with times: a word is the fewest tokens that make whole characters."""
        if not tokens:
            return []
        texts, parts = self._tokens.split_to_word_tokens([*tokens, self._tokens.eot])
        bounds = np.concatenate(([0], np.cumsum([len(part) for part in parts[:-1]])))
        pairs = np.asarray(result.alignments)
        jumps = np.diff(pairs[:, 0], prepend=-1).astype(bool)
        times = pairs[jumps, 1] / TOKENS_PER_SECOND
        words: list[Word] = []
        for text, begin, stop in zip(texts, bounds[:-1], bounds[1:], strict=False):
            confidence = round(float(np.mean(result.text_token_probs[begin:stop])), 3)
            if words and text.strip() and all(letter in APPENDED for letter in text.strip()):
                words[-1] = words[-1].model_copy(update={"text": words[-1].text + text})
                continue
            words.append(Word(text=text, start=float(times[begin]), end=float(times[stop]), confidence=confidence))
        return words


def failed(one: dict[str, Any]) -> bool:
    """Whether a decoding looks like a loop or a guess."""
    return one["compression_ratio"] > COMPRESSION_LIMIT or (
        one["avg_logprob"] < LOGPROB_LIMIT and one["no_speech_prob"] <= 0.6)


def compression_ratio(text: str) -> float:
    """Bytes of UTF-8 over bytes after zlib, Whisper's measure of repetition; 0 for no text."""
    raw = text.encode()
    return len(raw) / len(zlib.compress(raw)) if raw else 0.0


def suppressed(tokens: Any) -> list[int]:
    """Tokens never to be decoded: marks of noise and speakers, and the control tokens."""
    control = [tokens.transcribe, tokens.translate, tokens.sot, tokens.sot_prev, tokens.sot_lm, tokens.no_speech]
    return sorted({*tokens.non_speech_tokens, *control})


def _segment(one: dict[str, Any], words: list[Word]) -> Segment:
    return Segment(
        text=one["text"], start=words[0].start if words else 0.0, end=words[-1].end if words else 0.0, words=tuple(words),
        avg_logprob=one["avg_logprob"], compression_ratio=one["compression_ratio"],
        no_speech_prob=one["no_speech_prob"], temperature=one["temperature"])
