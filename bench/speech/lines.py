"""A spoken call under a condition of the line: two clean ends in, the recording's channels out (8 kHz, float32)."""
from __future__ import annotations

from typing import NamedTuple

import music
import numpy as np
import telephone
from telephone import RATE

ECHO_DELAY = 0.11       # seconds: the round trip over a voice-over-IP trunk


class Condition(NamedTuple):
    """`snr`: active speech over line noise, dB. `crosstalk` and `echo`: how many dB lower the other side leaks in, at once (4 ms)
    and after the round trip. `loss`: share of 20 ms packets. `talker`: how many dB lower somebody else talks behind the customer.
    `room`: how many dB under the agent's speech the murmur of the call centre lies."""

    mono: bool = False
    snr: float = 25.0
    crosstalk: float | None = None
    echo: float | None = None
    loss: float = 0.0
    talker: float | None = None
    room: float | None = None


CONDITIONS = {
    "stereo 30 dB": Condition(snr=30),
    "stereo 20 dB": Condition(snr=20),
    "stereo 10 dB": Condition(snr=10),
    "mono 20 dB": Condition(mono=True, snr=20),
    "mono 10 dB": Condition(mono=True, snr=10),
    "crosstalk": Condition(crosstalk=18, echo=24),
    "packet loss": Condition(loss=0.03),
    "second talker": Condition(talker=12, room=24),
}


def record(sides: dict[str, np.ndarray], levels: dict[str, float], condition: Condition, agent_channel: int,
           rng: np.random.Generator, talker: np.ndarray | None = None) -> np.ndarray:
    """The recording (channels, n): `sides` are the clean ends "agent" and "customer", `levels` their speech in dBFS.

    `talker` is the voice of somebody in the customer's room at any level, repeated as often as it takes.
    """
    clean = dict(sides)
    if condition.room is not None:
        murmur = music.crowd(len(clean["agent"]) / RATE, levels["agent"] - condition.room, rng)
        clean["agent"] = _add(clean["agent"], murmur)
    if condition.talker is not None and talker is not None:
        behind = np.resize(telephone.at_level(talker, levels["customer"] - condition.talker), len(clean["customer"]))
        clean["customer"] = _add(clean["customer"], behind)
    ends = {}
    for side, other in (("agent", "customer"), ("customer", "agent")):
        sound = clean[side]
        if condition.crosstalk is not None:
            sound = telephone.crosstalk(sound, clean[other], condition.crosstalk)
        if condition.echo is not None:
            sound = telephone.crosstalk(sound, clean[other], condition.echo, ECHO_DELAY)
        sound = sound + telephone.line_noise(len(sound), levels[side] - condition.snr, rng)
        if condition.loss:
            sound = telephone.packet_loss(sound, condition.loss, rng)
        ends[side] = telephone.a_law(np.clip(sound, -0.98, 0.98))
    if condition.mono:
        return np.clip(ends["agent"] + ends["customer"], -0.98, 0.98)[None]
    return np.stack([ends["agent"], ends["customer"]][:: 1 if agent_channel == 0 else -1])


def _add(sound: np.ndarray, other: np.ndarray) -> np.ndarray:
    return (sound + other[: len(sound)]).astype(np.float32)
