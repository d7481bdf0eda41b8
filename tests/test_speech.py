"""Sound to words: cutting and putting back, the crew, and the real recogniser on silence, music and speech."""
import threading
from pathlib import Path

import numpy as np
import pytest

from models.recogniser import RECOGNISERS, Segment, open_recogniser
from models.vocabulary import cut, keeps
from models.voice_activity import STEP, Activity, Span, VoiceActivity, half_believed
from pipeline import crew as crew_module
from pipeline import speech
from pipeline.crew import Crew, Step
from pipeline.decode import Audio, decode
from pipeline.decoders import Decoders
from pipeline.transcribe import Transcriber
from records import Call, Failure, Problem, Recording, Transcript, Word
from settings import Models, Settings, Speech

SAMPLES = Path(__file__).parent.parent / "data" / "sample" / "recordings"
RATE = 16000


def activity(length, *voiced):
    probability = np.zeros(int(length / STEP), np.float32)
    for start, end in voiced:
        probability[int(start / STEP):int(end / STEP)] = 0.9
    return Activity(probability, np.full(len(probability), -25, np.float32))


@pytest.fixture(scope="module")
def transcriber():
    return Transcriber.from_settings(Settings())


def write(path: Path, samples: np.ndarray, rate: int = 8000) -> Recording:
    import soundfile
    soundfile.write(path, samples, rate, subtype="PCM_16")
    return Recording(call=Call(call_id=path.stem), path=str(path))


def transcript(transcriber: Transcriber, recording: Recording) -> Transcript:
    (_, made), = transcriber.run([recording])
    assert isinstance(made, Transcript), made
    return made


# --- cutting -------------------------------------------------------------------------------------------------------------

def test_chunks_hold_all_voice_and_none_is_longer_than_the_window():
    voiced = [(3, 20), (40, 55), (58, 140), (150, 151)]
    heard = activity(200, *voiced)
    chunks = speech.pack(heard, 1, 200.0, 30.0)
    assert all(chunk.duration <= 30.01 and chunk.channel == 1 for chunk in chunks)
    pieces = [piece for chunk in chunks for piece in chunk.pieces]
    for start, end in voiced:
        covered = sum(max(0.0, min(end, piece.end) - max(start, piece.start)) for piece in pieces)
        assert covered >= end - start - 0.1
    padding = len(voiced) * 2 * speech.PAD
    assert sum(chunk.duration for chunk in chunks) < sum(end - start for start, end in voiced) + padding + 0.1


def test_silence_has_no_chunks():
    assert speech.pack(activity(600), 0, 600.0, 30.0) == []


def test_words_are_put_back_to_where_they_were_said_and_stretch_over_no_pause():
    chunk = speech.Chunk(0, (Span(10, 12), Span(60, 63)))
    timed = [("您好", 0.5, 1.5), ("请", 1.6, 2.6), ("讲", 2.6, 4.9)]
    said = Segment("", 0, 5, tuple(Word(text=text, start=start, end=end) for text, start, end in timed))
    placed = speech.place(chunk, said, [Span(10.3, 11.6), Span(60.2, 62.0)])
    assert [(word.text, word.start, word.end) for word in placed.words] == [
        ("您好", 10.5, 11.5), ("请", 60.08, 60.6), ("讲", 61.32, 62.12)]


VOICE = [Span(10.0, 20.0), Span(21.0, 24.0)]


@pytest.mark.parametrize(("said", "expected"), [
    ([(10, 20), (21, 24)], []),                                 # all voice has words
    ([(10, 19.5), (21.2, 23.6)], []),                           # short rests are breath
    ([(10, 16)], [(16, 24.5)]),                                 # the end was left out, with the pause in it
    ([(10, 14), (16, 20), (21, 24)], [(14, 16)]),               # and what lay between
    ([(13, 20), (21, 24)], [(9.5, 13)]),
    ([], [(9.5, 24.5)]),
])
def test_voice_without_words_is_listened_to_again(said, expected):
    words = tuple(Word(text="好", start=start, end=end) for start, end in said)
    chunk = speech.Chunk(1, (Span(9.5, 24.5),))
    missed = speech.unheard(speech.Heard(chunk, Segment("", 0, 0), words), VOICE)
    assert (missed.pieces if missed else ()) == tuple(Span(*piece) for piece in expected)
    if missed:
        assert missed.channel == 1 and speech.unheard(speech.Heard(missed, Segment("", 0, 0), ()), VOICE) is None


class Forgetful:
    """Hears nothing at first and one word at the second look; notes what it was told."""

    name, version, window, workers, batch = "forgetful", "1", 30.0, 1, 1

    def __init__(self):
        self.told, self.heard = [], 0

    def recognise(self, chunks, hints=()):
        self.told += [tuple(each) for each in hints]
        self.heard += 1
        again = self.told[-1] == ()
        return [Segment("您好", 0.6, 1.0, (Word(text="您好", start=0.6, end=1.0, confidence=0.9),) if again else ())
                for _ in chunks]


def test_a_second_look_is_taken_once_without_hints_and_its_words_count():
    recogniser = Forgetful()
    transcriber = Transcriber(recogniser, VoiceActivity(), Models(), organisations=())
    call = Call(call_id="x", organisation=("天岚通信",), agent_id="6217", customer_name="王建军", customer_gender="male")
    (_, made), = transcriber.run([Recording(call=call, path=str(SAMPLES / "sample-001.wav"))])
    assert isinstance(made, Transcript) and "您好" in "".join(turn.text for turn in made.turns)
    told = [each for each in recogniser.told if each]
    assert len(told) == recogniser.heard / 2 and len(set(told)) == 1
    assert told[0] == ("天岚通信客服中心",)


def test_voice_is_found_alike_in_blocks_and_as_a_whole():
    with decode(SAMPLES / "sample-001.wav", max_hours=1) as audio:
        samples = audio.read(0)
    detector = VoiceActivity()
    whole = detector.detect([samples])
    blocks = detector.detect(samples[at:at + 512 * 100] for at in range(0, len(samples), 512 * 100))
    assert np.allclose(whole.probability, blocks.probability, atol=1e-3) and np.array_equal(whole.level, blocks.level)
    assert 20 < sum(span.end - span.start for span in whole.voiced()) < audio.duration


# --- the crew ------------------------------------------------------------------------------------------------------------

def test_the_crew_does_everything_once_and_keeps_few_calls_open():
    waiting, lock, open_now, most = list(range(20)), threading.Lock(), set(), 0

    def begin() -> bool:
        nonlocal most
        if not waiting:
            return False
        call = waiting.pop(0)
        with lock:
            open_now.add(call)
            most = max(most, len(open_now))
        crew.add([Step((call, 1), do=lambda parts, call=call: crew.add(
            [Step((call, 0), do=finish, part=call, joinable=True)]))])
        return True

    def finish(parts):
        for call in parts:
            with lock:
                open_now.discard(call)
            crew.give(call)

    crew = Crew(2, 3, begin)
    assert sorted(crew.results()) == list(range(20)) and most <= 8


def test_a_step_that_hangs_is_given_up_and_the_others_go_on(monkeypatch):
    monkeypatch.setattr(crew_module, "LOOK_AFTER", 0.05)
    waiting, released, gone = list(range(6)), threading.Event(), threading.Event()

    def begin() -> bool:
        if not waiting:
            return False
        call = waiting.pop(0)
        crew.add([Step((call,), do=lambda parts, call=call: work(call), limit=0.2, late=lambda call=call: crew.give(-call))])
        return True

    def work(call):
        if call in (1, 2):                  # both threads of the crew
            released.wait(20)
            gone.set()
        else:
            crew.give(call)

    crew = Crew(2, 1, begin)
    assert sorted(crew.results()) == [-2, -1, 0, 3, 4, 5]
    released.set()
    assert gone.wait(5)                     # what still comes of them disturbs nobody


def test_the_next_batch_is_made_ready_while_the_recogniser_works():
    waiting, ready = list(range(8)), threading.Event()
    decoded, together = [], []

    def begin() -> bool:
        if not waiting:
            return False
        call = waiting.pop(0)
        crew.add([Step((call, 1), do=lambda parts, call=call: decode_one(call))])
        return True

    def decode_one(call):
        crew.add([Step((call, 0), do=recognise, part=call, joinable=True)])
        decoded.append(call)
        if len(decoded) == 8:
            ready.set()

    def recognise(parts):
        together.append(len(parts))
        if len(together) == 1:
            assert ready.wait(5)            # the second batch's calls are decoded now
        for call in parts:
            crew.give(call)

    crew = Crew(3, 4, begin, joiners=1)
    assert sorted(crew.results()) == list(range(8)) and together == [4, 4]


@pytest.mark.parametrize("apart", [True, False])
def test_a_recording_that_hangs_in_its_decoder_fails_alone(transcriber, tmp_path, monkeypatch, apart):
    recordings = [write(tmp_path / f"{name}.wav", np.zeros(8000)) for name in ("a", "hangs", "b", "c")]
    released = threading.Event()
    pool = Decoders(program="tests.wild_decoder") if apart else None      # one of its own, or within this process
    monkeypatch.setattr(transcriber, "decoders", pool)

    def slow(path, **options):
        if Path(path).stem == "hangs":
            released.wait(30)
        return decode(path, **options)

    if not apart:
        monkeypatch.setattr("pipeline.decode.decode", slow)
    outcomes: dict[str, Transcript | Failure] = {}
    for recording, made in transcriber.run(recordings, seconds_limit=lambda duration: 600 if duration else 1.5):
        outcomes[recording.call.call_id] = made
        if len(outcomes) == len(recordings):
            released.set()              # what hangs here is waited for at the end, but nobody's outcome waits for it
    if pool:
        pool.close()
    failure = outcomes.pop("hangs")
    assert isinstance(failure, Failure) and (failure.code, failure.stage, failure.retryable) == ("time_limit", "decode", True)
    assert failure.message.startswith("hangs.wav was not decoded within 2 s")
    assert set(outcomes) == set("abc") and all(isinstance(made, Transcript) for made in outcomes.values()), outcomes


def test_a_fault_that_is_nobodys_ends_the_crew():
    def begin() -> bool:
        crew.add([Step((0,), do=lambda parts: (_ for _ in ()).throw(MemoryError()))])
        return True

    crew = Crew(2, 1, begin)
    with pytest.raises(MemoryError):
        list(crew.results())


# --- the recogniser ------------------------------------------------------------------------------------------------------

def test_an_unknown_recogniser_is_named_with_what_there_is():
    with pytest.raises(Problem, match="whisper"):
        open_recogniser(Models(recogniser="nobody-base"), Speech())
    assert "whisper" in RECOGNISERS


@pytest.mark.parametrize(("token", "kept"), [
    ("您", True), ("，", True), (" APP", True), ("8", True), (" international", False),
    ("안녕", False), ("です", False), ("привет", False)])
def test_the_vocabulary_keeps_mandarin(token, kept):
    assert keeps(token.encode()) is kept


@pytest.mark.speech
def test_the_smaller_vocabulary_keeps_every_control_token(transcriber):
    from models import shelf
    smaller = cut(shelf.locate("whisper-base", Settings().models))
    assert smaller is not None
    size = 51865
    assert set(range(50257, size)) < set(smaller.kept) and len(smaller.kept) < size / 2


@pytest.mark.speech
@pytest.mark.parametrize("kind", ["silence", "noise", "ringback", "music"])
def test_no_text_comes_out_where_nobody_speaks(kind, transcriber, tmp_path):
    time = np.arange(8000 * 25) / 8000
    step = 2 ** ((time * 2).astype(int) % 5 / 6)
    chord = sum(0.08 * np.sin(2 * np.pi * tone * step * time) * np.exp(-(time % 0.5) * 3) for tone in (262, 330, 524))
    noise = np.random.default_rng(1).normal(0, 0.01, (len(time), 2))
    sound = {
        "silence": np.zeros((len(time), 2)),
        "noise": noise,
        "ringback": noise / 10 + (0.2 * np.sin(2 * np.pi * 450 * time) * (time % 5 < 1))[:, None] * [1, 0],
        "music": noise / 10 + chord[:, None] * [1, 0],
    }[kind]
    made = transcript(transcriber, write(tmp_path / f"{kind}.wav", sound))
    assert [turn.text for turn in made.turns] == []


@pytest.mark.speech
def test_fake_stereo_is_told_apart_by_voice(transcriber, tmp_path):
    with decode(SAMPLES / "sample-004.mp3", max_hours=1) as audio:
        mono = audio.read(0, 0, 35)[::2]
    made = transcript(transcriber, write(tmp_path / "fake.wav", np.stack((mono, mono * 0.7), axis=1)))
    assert made.recognition["layout"]["kind"] == "mono" and made.recognition["diariser"]
    assert {turn.speaker for turn in made.turns} == {"agent", "customer"}


@pytest.mark.speech
def test_a_bad_call_fails_by_itself_and_the_others_go_on_and_only_their_sound_is_counted(transcriber, tmp_path):
    (tmp_path / "bad.wav").write_bytes(b"nothing like sound")
    bad = Recording(call=Call(call_id="bad"), path=str(tmp_path / "bad.wav"))
    good = write(tmp_path / "good.wav", np.zeros((8000, 2)))
    seconds: list[float] = []
    made = {recording.call.call_id: result for recording, result in transcriber.run([bad, good], on_audio=seconds.append)}
    assert isinstance(made["bad"], Failure) and made["bad"].stage == "decode" and isinstance(made["good"], Transcript)
    assert sum(seconds) == pytest.approx(made["good"].duration, abs=0.02)


@pytest.mark.speech
def test_a_call_that_takes_too_long_is_given_up_with_its_reason(transcriber):
    recording = Recording(call=Call(call_id="slow"), path=str(SAMPLES / "sample-001.wav"))
    (_, made), = transcriber.run([recording], seconds_limit=lambda duration: 0.001)
    assert isinstance(made, Failure) and made.code == "time_limit" and made.retryable


class Broken:
    name, version, window, workers, batch = "broken", "1", 30.0, 2, 1

    def __init__(self, fault: Exception):
        self.fault = fault

    def recognise(self, chunks, hints=()):
        raise self.fault


def test_an_unexpected_fault_is_a_failure_with_its_type_and_stage():
    transcriber = Transcriber(Broken(RuntimeError("boom")), VoiceActivity(), Models())
    (_, made), = transcriber.run([Recording(call=Call(call_id="x"), path=str(SAMPLES / "sample-001.wav"))])
    assert isinstance(made, Failure) and made.code == "internal_error" and made.stage == "recognition"
    assert "RuntimeError" in made.message


@pytest.mark.parametrize("fault", [MemoryError(), OSError(28, "No space left on device")])
def test_what_is_no_fault_of_the_call_is_raised(fault):
    transcriber = Transcriber(Broken(fault), VoiceActivity(), Models())
    with pytest.raises(type(fault)):
        list(transcriber.run([Recording(call=Call(call_id="x"), path=str(SAMPLES / "sample-001.wav"))]))


def test_samples_are_read_in_pieces():
    audio = Audio.from_samples(np.arange(RATE * 4, dtype=np.float32) / (RATE * 8))
    found = speech.samples(audio, speech.Chunk(0, (Span(1, 1.5), Span(3, 3.5))))
    assert len(found) == RATE and found[0] == pytest.approx(0.125, abs=1e-3) and found[-1] < 0.44


# --- a fresh ear ---------------------------------------------------------------------------------------------------------

def rising(*steps):
    """Probabilities, (seconds, value) after one another."""
    return np.concatenate([np.full(round(seconds / STEP), value, np.float32) for seconds, value in steps])


@pytest.mark.parametrize("curve, again", [
    ([(10, 0.0), (2, 0.3), (3, 0.0)], 1),               # rose out of quiet, believed by a third
    ([(10, 0.0), (2, 0.9), (3, 0.0)], 0),               # believed at once
    ([(10, 0.0), (0.1, 0.02), (3, 0.0)], 0),            # nothing there
    ([(0.3, 0.0), (2, 0.3), (3, 0.0)], 0),              # no quiet before it: the network was listening
    ([(10, 0.0), (2, 0.3), (1, 0.0), (1, 0.3)], 1),     # the second one lies in what is heard again anyway
    ([(10, 0.0), (2, 0.3), (10, 0.0), (1, 0.3)], 2),
])
def test_what_rises_out_of_quiet_and_is_half_believed_is_heard_again(curve, again):
    probability = rising(*curve)
    found = half_believed(probability)
    assert len(found) == again
    assert all(0 <= one.start < one.stop <= len(probability) for one in found)
    assert all((one.stop - one.start) * STEP <= 5.01 for one in found)


@pytest.mark.speech
def test_a_soft_answer_after_long_silence_is_found():
    with decode(SAMPLES / "sample-006.webm", max_hours=1) as audio:
        detector = VoiceActivity()
        answer = Span(22.67, 23.3)                      # 好的。, after half a minute in which the customer only listened
        def heard(found): return any(span.start < answer.end and answer.start < span.end for span in found.voiced())
        assert not heard(detector.detect([audio.read(1, 0, audio.duration)])), "one pass finds it now: half_believed may go"
        assert heard(speech.find_voice(audio, 1, detector))
