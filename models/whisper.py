"""Whisper through CTranslate2, the engine of faster-whisper, driven chunk by chunk.

faster-whisper gives the tokenizer, the features and the file layout. What is our own is the order of work: the pipeline
has cut the sound into chunks of at most 30 s of voice, so the language is given, no time tokens are decoded, and the
words' times come from one alignment a chunk. A chunk is decoded again only where the first try looks wrong.
"""
from __future__ import annotations

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from models import confidence, hinting, machine, shelf, vocabulary
from models.machine import Plan
from models.recogniser import SAMPLE_RATE, Segment, compression_ratio, signature
from records import Word
from settings import Models, Speech

VERSION = 2                             # of this adapter: raise it when the same weights give other text
WINDOW = 30.0                           # seconds that the encoder was trained on
FRAMES = 3000                           # 10 ms each
# Work grows with what is encoded, so a shorter chunk is filled up only to its own length and a little silence; under some
# 10 s the encoder, trained on 30 s, becomes unreliable. Same text as with 30 s, a quarter less work.
FEWEST_FRAMES, AFTERWARDS, ROUNDING = 1000, 100, 100
TOKENS_PER_SECOND = 50                  # encoder positions, which alignment counts in
TEMPERATURES = (0.2, 0.4, 0.6)          # for a third look, as in Whisper's own decoding, without its wildest
COMPRESSION_LIMIT, LOGPROB_LIMIT = 2.4, -1.0    # Whisper's own thresholds of a failed chunk
LONGEST_TOKENS = 224                    # half of Whisper's 448 positions; 30 s of quick Mandarin are some 200
PASSES = 4                              # a GPU is handed so many passes at once, to sort them by length
APPENDED = "\"'.。,，!！?？:：”)]}、…；;％%"
FILLER = "，"                           # evens out the lengths of what comes before the chunks of one pass


class Whisper:
    """A loaded Whisper model; see models.recogniser.Recogniser."""

    window = WINDOW

    @classmethod
    def open(cls, models: Models, speech: Speech) -> Whisper:
        """Finds the weights on the shelf, chooses device, type and workers (models.machine), and loads."""
        directory = shelf.locate(models.recogniser, models)
        size = sum(path.stat().st_size for path in directory.iterdir())
        plan = machine.plan(models, speech, machine.inspect(), size)
        return cls(models.recogniser, directory, shelf.version(models.recogniser), speech, plan)

    def __init__(self, name: str, directory: Path, weights: str, speech: Speech, plan: Plan) -> None:
        import ctranslate2
        import tokenizers
        from faster_whisper.feature_extractor import FeatureExtractor
        from faster_whisper.tokenizer import Tokenizer

        self.name, self.weights, self.workers = name, weights, plan.workers
        self._pass = plan.batch
        self.batch = plan.batch * PASSES if plan.batch > 1 else 1
        self.beam_size = speech.beam_size
        self._hot_words = tuple(speech.hot_words)
        self._tokens = Tokenizer(
            tokenizers.Tokenizer.from_file(str(directory / "tokenizer.json")), True, "transcribe", speech.language)
        smaller = vocabulary.cut(directory, self._opening(())) if speech.language == "zh" else None
        self._net = ctranslate2.models.Whisper(
            str(directory), device=plan.device, compute_type=plan.compute_type, inter_threads=self.workers,
            intra_threads=plan.threads, files=smaller.files if smaller else None)
        self._to_model, self._from_model = vocabulary.translator(smaller)
        self._features = FeatureExtractor(feature_size=self._net.n_mels)
        # A GPU waits for the spectra of a whole pass, which one core makes no faster than the GPU decodes them.
        self._map: Any = ThreadPoolExecutor(os.cpu_count(), "spectra").map if plan.batch > 1 else map
        self._start = self._to_model(self._tokens.sot_sequence)
        self._suppressed = self._to_model(suppressed(self._tokens))
        self._calibration = confidence.load(name)
        self.options = options(name, speech, plan) | {"vocabulary": vocabulary.VERSION if smaller else None}
        self.version = signature(name, weights, VERSION, self.options)

    def _opening(self, hints: Sequence[str]) -> list[int]:
        """The tokens that decoding begins with: hot words and hints as what came before, then language and task."""
        tokens = self._tokens
        told = hinting.opening([*self._hot_words, *hints])
        before = [tokens.sot_prev, *tokens.encode(" " + told)[:hinting.MOST_TOKENS]] if told else []
        return [*before, *tokens.sot_sequence, tokens.no_timestamps]

    def recognise(self, chunks: Sequence[np.ndarray], hints: Sequence[Sequence[str]] = ()) -> list[Segment]:
        """As models.recogniser.Recogniser; more chunks than fit one pass are sorted by length, so that little is padded."""
        told = list(hints) if hints else [()] * len(chunks)
        order = sorted(range(len(chunks)), key=lambda index: -len(chunks[index]))
        found: dict[int, Segment] = {}
        for begin in range(0, len(order), self._pass):
            part = order[begin:begin + self._pass]
            found |= zip(part, self._together([chunks[at] for at in part], [told[at] for at in part]), strict=True)
        return [found[index] for index in range(len(chunks))]

    def _together(self, chunks: list[np.ndarray], hints: list[Sequence[str]]) -> list[Segment]:
        """One pass: the chunks are encoded, decoded and aligned as one batch."""
        import ctranslate2

        lengths = [min(FRAMES, -(-len(chunk) // 160)) for chunk in chunks]
        size = min(FRAMES, max(FEWEST_FRAMES, -(-(max(lengths) + AFTERWARDS) // ROUNDING) * ROUNDING))
        features = np.stack(list(self._map(lambda chunk: self._mel(chunk, size), chunks)))
        encoded = self._net.encode(ctranslate2.StorageView.from_array(features))
        tries = self._decode(encoded, self._prompts(hints))
        told = [[*self._hot_words, *each] for each in hints]
        doubtful = [index for index, first in enumerate(tries)
                    if failed(first) or hinting.echoes(first["text"], told[index])]
        again = self._again(features, {index: tries[index] for index in doubtful}, {index for index in doubtful if told[index]})
        for index, better in again.items():
            tries[index] = better
        words = self._align(encoded, [each["tokens"] for each in tries], lengths)
        return [_segment(each, self._calibration.applied(found, each, chunk))
                for each, found, chunk in zip(tries, words, chunks, strict=True)]

    def _prompts(self, hints: Sequence[Sequence[str]]) -> list[list[int]]:
        """What each chunk's decoding begins with, all of one length, as CTranslate2 wants the prompts of a batch."""
        prompts = [self._to_model(self._opening(each)) for each in hints]
        longest = max(len(prompt) for prompt in prompts)
        if all(len(prompt) == longest for prompt in prompts):
            return prompts
        previous = self._to_model([self._tokens.sot_prev])
        filler = self._to_model(self._tokens.encode(FILLER))[:1]
        even = []
        for prompt in prompts:
            body = prompt[1:] if prompt[:1] == previous else prompt
            even.append([*previous, *filler * (longest - 1 - len(body)), *body] if len(prompt) < longest else prompt)
        return even

    def _mel(self, chunk: np.ndarray, size: int) -> np.ndarray:
        """Log mel features (n_mels, size) of one chunk; what is missing is filled up as faster-whisper does."""
        features = self._features(chunk[:int(WINDOW * SAMPLE_RATE)])[:, :size]
        return np.pad(features, ((0, 0), (0, size - features.shape[1]))).astype(np.float32)

    def _decode(self, encoded: Any, prompts: list[list[int]], temperature: float = 0.0) -> list[dict[str, Any]]:
        search: dict[str, Any] = {"beam_size": self.beam_size}
        if temperature:
            search = {"beam_size": 1, "num_hypotheses": self.beam_size, "sampling_topk": 0,
                      "sampling_temperature": temperature}
        results = self._net.generate(
            encoded, prompts, max_length=len(prompts[0]) + LONGEST_TOKENS, return_scores=True,
            return_no_speech_prob=True, suppress_tokens=self._suppressed, **search)
        return [self._try(result, temperature) for result in results]

    def _try(self, result: Any, temperature: float) -> dict[str, Any]:
        tokens = [token for token in self._from_model(result.sequences_ids[0]) if token < self._tokens.eot]
        text = self._tokens.decode(tokens).strip()
        length = len(result.sequences_ids[0])
        return {"tokens": tokens, "text": text, "temperature": temperature, "no_speech_prob": result.no_speech_prob,
                "avg_logprob": result.scores[0] * length / (length + 1), "compression_ratio": compression_ratio(text)}

    def _again(self, features: np.ndarray, first: dict[int, dict[str, Any]], told: set[int]) -> dict[int, dict[str, Any]]:
        """The failed or doubtful chunks of a pass once more, together: those that were `told` something without it, then all at
        rising temperatures, each until one try of it looks right; else its likeliest that is no loop. A chunk that only needed to
        be heard without hints is not sampled. `first` are their first tries by place in `features`; so is what comes back."""
        import ctranslate2

        bare = self._to_model([*self._tokens.sot_sequence, self._tokens.no_timestamps])
        tries = {index: [] if index in told else [one] for index, one in first.items()}
        found: dict[int, dict[str, Any]] = {}
        encoded, held = None, []
        for temperature in (0.0, *TEMPERATURES):
            left = [index for index in tries if index not in found and (temperature or index in told)]
            if not left:
                continue
            if left != held:
                encoded, held = self._net.encode(ctranslate2.StorageView.from_array(features[left])), left
            for index, one in zip(left, self._decode(encoded, [bare] * len(left), temperature), strict=True):
                tries[index].append(one)
                if not failed(one):
                    found[index] = one
        for index in tries.keys() - found.keys():
            whole = [each for each in tries[index] if each["compression_ratio"] <= COMPRESSION_LIMIT]
            found[index] = max(whole or tries[index], key=lambda each: each["avg_logprob"])
        return found

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
            confidence = mean_probability(result.text_token_probs[begin:stop])
            if words and text.strip() and all(letter in APPENDED for letter in text.strip()):
                words[-1] = words[-1].model_copy(update={"text": words[-1].text + text})
                continue
            words.append(Word(text=text, start=float(times[begin]), end=float(times[stop]), confidence=confidence))
        return words


def mean_probability(probabilities: Sequence[float]) -> float | None:
    """Mean probability of a word's tokens; None where the net gives none: half precision makes NaN of a few, and an average of
    nothing is NaN, too, which would spread over the neighbours (models/confidence.py) and into every mean."""
    known = [one for one in probabilities if math.isfinite(one)]
    return round(sum(known) / len(known), 3) if known else None


def failed(one: dict[str, Any]) -> bool:
    """Whether a decoding looks like a loop or a guess."""
    return one["compression_ratio"] > COMPRESSION_LIMIT or (
        one["avg_logprob"] < LOGPROB_LIMIT and one["no_speech_prob"] <= 0.6)


def version(models: Models, speech: Speech, weights: str) -> str:
    """The version of an opened Whisper, told without opening it."""
    plan = machine.plan(models, speech, machine.inspect(), 0)
    cut = {"vocabulary": vocabulary.VERSION if speech.language == "zh" else None}
    return signature(models.recogniser, weights, VERSION, options(models.recogniser, speech, plan) | cut)


def options(name: str, speech: Speech, plan: Plan) -> dict[str, Any]:
    """What shapes the text besides the weights."""
    return {"compute_type": plan.compute_type, "beam_size": speech.beam_size, "language": speech.language,
            "hot_words": list(speech.hot_words), "confidence": confidence.load(name).version}


def suppressed(tokens: Any) -> list[int]:
    """Tokens never to be decoded: marks of noise and speakers, and the control tokens."""
    control = [tokens.transcribe, tokens.translate, tokens.sot, tokens.sot_prev, tokens.sot_lm, tokens.no_speech]
    return sorted({*tokens.non_speech_tokens, *control})


def _segment(one: dict[str, Any], words: list[Word]) -> Segment:
    return Segment(
        text=one["text"], start=words[0].start if words else 0.0, end=words[-1].end if words else 0.0, words=tuple(words),
        avg_logprob=one["avg_logprob"], compression_ratio=one["compression_ratio"],
        no_speech_prob=one["no_speech_prob"], temperature=one["temperature"])
