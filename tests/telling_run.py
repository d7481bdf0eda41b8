"""A whole run with Prefect over calls full of personal data, good and broken, with everything it can log: SOURCE WORKSPACE."""
import sys
from collections.abc import Sequence

from flows import cluster, commands
from records import Draft, Evidence, Failure, Recording, Transcript, Turn
from tests.stand_ins import StubScorer, StubTranscriber

SAID = "我叫司马建国，手机13912345678，身份证110101199003074530，安全码317"


class Tells(StubTranscriber):
    def _outcome(self, one: Recording) -> Transcript | Failure:
        if one.call.call_id == "broken":
            raise ValueError(SAID)
        turns = (Turn(speaker="customer", text=SAID, start=0.0, end=9.0),)
        return Transcript.model_validate(one.call.model_dump() | {"turns": turns, "duration": 9.0})

    def run(self, recordings: Sequence[Recording], *_: object, **__: object):      # type: ignore[no-untyped-def]
        from pipeline.transcribe import log

        for one in recordings:
            try:
                yield one, self._outcome(one)
            except ValueError as fault:
                from pipeline import faults

                log.error("%s failed with %s\n%s", one.call.call_id, faults.told(fault), faults.trace(fault))
                yield one, Failure(call_id=one.call.call_id, recording=one.path, code="internal_error", message=faults.told(fault))


class Quotes(StubScorer):
    def draft(self, transcript: Transcript, form: str | None = None) -> Draft:
        if transcript.call_id == "unscored":
            raise KeyError(transcript.turns[0].text)
        made = super().draft(transcript, form)
        seen = Evidence(rule="taboo.privacy", turn=0, text=SAID)
        return made.model_copy(update={"findings": (made.findings[0].model_copy(update={"evidence": (seen,)}),)})


if __name__ == "__main__":
    source, workspace = sys.argv[1:]
    real = cluster.spread
    cluster.spread = lambda *given: real(*given, load=lambda _: (Tells(), Quotes()))        # type: ignore[assignment]
    sys.argv = ["tingjian", "run", source, "--workspace", workspace, "--verbose"]
    import tingjian

    assert commands.run
    tingjian.main()
