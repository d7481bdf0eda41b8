"""Copies of recordings without card verification values ([privacy] drop_cvv and redacted); the recordings stay as they are."""
from __future__ import annotations

from pathlib import Path

from pipeline.decode import Refused, decode
from pipeline.fetching import NotHad, at_hand
from pipeline.masking.sound import stretches, write_wav
from records import Failure, Recording, Transcript
from settings import Sources


def redact(recording: Recording, said: Transcript, directory: Path, sources: Sources) -> Failure | None:
    """Writes DIRECTORY/CALL.wav with a tone over the values that `said` (before they are cut) tells of; a Failure, which may pass,
    where that cannot be done. Gives the failure rather than leave a call whose copy is missing. An object is fetched once more: its
    recognition is over, and few calls tell such a value."""
    values = stretches(said, kinds=("cvv",))
    if not values:
        return None
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with at_hand(recording.path, sources, recording.state) as file, decode(file, max_hours=24) as sound:
            write_wav(sound, values, directory / f"{said.call_id}.wav")
    except NotHad as fault:
        return Failure(call_id=said.call_id, recording=recording.path, code=fault.code, stage="redaction", retryable=fault.passes,
                       message=f"{said.call_id}: its copy without card values could not be made: {fault}")
    except (OSError, Refused) as fault:
        why = fault.strerror if isinstance(fault, OSError) and fault.strerror else str(fault)
        return Failure(call_id=said.call_id, recording=recording.path, code="not_redacted", stage="redaction", retryable=True,
                       message=f"{said.call_id}: its copy without card values could not be written to {directory} ({why}); "
                               "check the directory and run again.")
    return None
