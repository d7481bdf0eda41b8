"""What is known of a recording of the corpus: its words, who said them when, and what a reviewer would decide."""
from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from records import Record, Transcript, Turn, Verdict

MARGIN = 0.5        # seconds around a turn that belong to it: recognisers' word times are no finer


class Noise(Record):
    """A stretch without speech: what is heard there, and on which channel."""

    kind: str
    start: float
    end: float
    channel: int = 0


class Truth(Record):
    """`transcript.turns` have exact times and the channel they lie on; `voices` names the speaker of each of them.

    `alike` is "women" or "men" when agent and customer are of one sex. `agent_channel` is None when there is but one channel.
    `verdicts` are a reviewer's, rule by rule; empty for sound that is no call.
    """

    name: str
    path: str = ""
    script: str = ""
    condition: str
    mono: bool
    alike: str = ""
    transcript: Transcript
    verdicts: dict[str, Verdict] = Field(default_factory=dict)
    voices: tuple[str, ...] = ()
    agent_channel: int | None = None
    sounds: tuple[Noise, ...] = ()
    seconds: float

    @property
    def channels(self) -> tuple[int, ...]:
        return (0,) if self.mono else (0, 1)

    def said(self, channel: int | None = None) -> list[Turn]:
        """The true turns, of one channel or of all."""
        return [turn for turn in self.transcript.turns if channel is None or turn.channel == channel]

    def quiet(self, channel: int) -> Iterator[tuple[float, float]]:
        """Stretches (start, end) of a channel where nobody speaks, MARGIN away from every turn."""
        last = 0.0
        for start, end in [*sorted((turn.start or 0.0, turn.end or 0.0) for turn in self.said(channel)), (self.seconds + MARGIN, 0)]:
            if start - MARGIN > last:
                yield last, start - MARGIN
            last = max(last, end + MARGIN)
