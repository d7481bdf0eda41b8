"""Who speaks: a speaker is one of Kokoro's Mandarin voices, as it is or with pitch and formants shifted together.

The shift is a change of sampling rate (the voice is asked to speak the slower, so that the pace stays): 6 % up or down makes of
eight voices two dozen that a listener, and a speaker model, takes for different people. They share the articulation of the
eight, so they are no substitute for two dozen people.
"""
from __future__ import annotations

import random
import zlib
from typing import NamedTuple

from dialogue import Script, Voice

WOMEN = ("zf_xiaobei", "zf_xiaoni", "zf_xiaoxiao", "zf_xiaoyi")
MEN = ("zm_yunjian", "zm_yunxi", "zm_yunxia", "zm_yunyang")
SHIFTS = (1.0, 1.0, 0.94, 1.06)
ALIKE_EVERY = 3         # every third call has two speakers of one sex: two women and two men in turn
AGENT_SPEEDS, CUSTOMER_SPEEDS = (0.9, 1.0, 1.1), (0.85, 1.0, 1.15)
MARK = "*"


class Cast(NamedTuple):
    """Speaker by name of the script's `voices`; `alike` says that agent and customer are of one sex."""

    voices: dict[str, Voice]
    alike: str


def speaker(voice: str, shift: float) -> str:
    """The name of a speaker: the voice, and the shift when there is one ("zf_xiaoni*1.06")."""
    return voice if shift == 1.0 else f"{voice}{MARK}{shift:g}"


def parts(name: str) -> tuple[str, float]:
    """Voice and shift of a speaker's name."""
    voice, _, shift = name.partition(MARK)
    return voice, float(shift or 1.0)


def cast(script: Script, index: int, seed: int) -> Cast:
    """Speakers for call number `index`. The customer's sex is that of the script; the agent's follows from ALIKE_EVERY."""
    draw = random.Random(zlib.crc32(f"{seed} {script.call_id}".encode()))
    given = {"female": WOMEN, "male": MEN}.get(script.call.get("customer_gender") or "")
    alike = index % ALIKE_EVERY == ALIKE_EVERY - 1
    customers = given or (WOMEN, MEN)[(index // ALIKE_EVERY if alike else index) % 2]
    agents = customers if alike else WOMEN if customers is MEN else MEN
    free = {WOMEN: list(WOMEN), MEN: list(MEN)}
    for pool in free.values():
        draw.shuffle(pool)
    voices: dict[str, Voice] = {}
    for name, own in script.voices.items():
        of_script = WOMEN if own.voice in WOMEN else MEN        # third parties keep their sex: somebody's husband is a man
        pool = free[{"agent": agents, "customer": customers}.get(name, of_script)]
        speeds = CUSTOMER_SPEEDS if name == "customer" else AGENT_SPEEDS
        voices[name] = own.model_copy(update={"voice": speaker(pool.pop(), draw.choice(SHIFTS)), "speed": draw.choice(speeds)})
    return Cast(voices, ("women" if customers is WOMEN else "men") if alike and {"agent", "customer"} <= set(voices) else "")
