"""What `tingjian doctor` finds: the machine, the packages, the models, and what would stop the main job."""
from __future__ import annotations

import importlib.metadata
import sys
from datetime import date
from typing import Any

from days import Days
from models import catalogue, confidence, diariser, machine, recogniser, shelf, sources
from records import Problem
from settings import Settings

PACKAGES = ("ctranslate2", "faster-whisper", "onnxruntime", "av", "numpy", "scipy", "torch", "torchaudio", "speechbrain",
            "pyannote.audio", "onnx", "transformers", "sherpa-onnx")
OPTIONAL = {"torch": "diarize", "torchaudio": "diarize", "speechbrain": "diarize", "pyannote.audio": "diarize",
            "onnx": "convert", "transformers": "convert", "sherpa-onnx": "sherpa"}


def examine(settings: Settings, today: date | None = None) -> dict[str, Any]:
    """Everything as plain data for `--json`. `problems` would stop `tingjian run`; `advice` would make it better.

    Nothing is fetched or loaded. Each problem and each piece of advice ends with the one command that helps.
    """
    problems: list[str] = []
    advice: list[str] = []
    here = machine.inspect()
    report: dict[str, Any] = {
        "python": sys.version.split()[0], "packages": _packages(),
        "machine": {"cores": here.cores, "memory": here.memory, "gpus": list(here.gpus), "processor": here.processor,
                    "instructions": list(here.instructions)},
        "environment": sources.environment(),
    }
    problems += [f"{name} is missing or broken: pip install 'tingjian'" for name, found in report["packages"].items()
                 if found is None and name not in OPTIONAL]
    try:
        known = catalogue.models(settings.models.directory)
    except Problem as fault:
        known = catalogue.built_in()
        problems.append(str(fault))
    report["models"] = {name: _model(name, model, settings) for name, model in known.items()}
    choice = machine.choose(settings.models, here, lambda name: recogniser.here(name, settings.models))
    _recogniser(choice.name, settings, report, problems, advice)
    weights = known[choice.name].size if choice.name in known else 0
    plan = machine.plan(settings.models, settings.speech, here, weights)
    report["recognition"] = {"recogniser": choice.name, "chosen": choice.why, **plan._asdict(),
                             "confidence": "calibrated" if confidence.load(choice.name).version else "the recogniser's own"}
    if plan.device == "cuda" and not here.gpus:
        problems.append("models.device is cuda, but CTranslate2 sees no GPU: pip install 'tingjian[gpu]', or set it to auto")
    report["diariser"] = _diariser(settings, problems, advice)
    calendar = Days(settings.calendar)
    report["calendar"] = {"until": calendar.until.isoformat()}
    if ending := calendar.ending(today or date.today()):
        advice.append(ending)
    report["problems"], report["advice"] = problems, advice
    return report


def _packages() -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def _model(name: str, model: catalogue.Model, settings: Settings) -> dict[str, Any]:
    """One model: where it is, how far its files are trusted, its licence, and where it could be had."""
    entry: dict[str, Any] = {"kind": model.kind, "about": model.about, "size": model.size, "licence": model.licence,
                             "state": "absent", "path": None, "version": None,
                             "sources": [source.label for source in model.sources]}
    try:
        found = shelf.find(name, settings.models)
    except Problem as fault:
        return entry | {"state": "refused", "fault": str(fault)}
    if found is None:
        return entry
    licence = found.source.licence if found.source and found.source.licence else model.licence
    return entry | {"state": found.trust, "path": str(found.path), "version": found.version, "licence": licence}


def _recogniser(name: str, settings: Settings, report: dict[str, Any], problems: list[str], advice: list[str]) -> None:
    models = report["models"]
    entry = models.get(name)
    if name.split("-")[0] in ("sensevoice", "paraformer") and report["packages"]["sherpa-onnx"] is None:
        problems.append(f"{name} runs through sherpa-onnx, which is not installed: pip install 'tingjian[sherpa]'")
    if entry is None:
        recognisers = [other for other, one in models.items() if one["kind"] == "recogniser"]
        problems.append(f"models.recogniser is {name!r}, which is not known: set it to one of {', '.join(recognisers)}")
    elif entry["kind"] != "recogniser":
        problems.append(f"models.recogniser is {name!r}, which recognises no speech: set it to whisper-base")
    elif entry["state"] == "refused":
        problems.append(entry["fault"])
    elif entry["state"] == "absent" and not settings.models.sources:
        problems.append(f"The weights of {name} are not here and models.sources forbids fetching: on a connected machine run"
                        f" `tingjian models fetch {name} --into models`, and set TINGJIAN_MODELS__DIRECTORY to the copied"
                        f" folder")
    elif entry["state"] == "absent":
        advice.append(f"The weights of {name} ({entry['size'] / 1e6:,.0f} MB) are fetched at the first run, or now by: "
                      f"tingjian models fetch {name}")


def _diariser(settings: Settings, problems: list[str], advice: list[str]) -> dict[str, Any]:
    """Which diariser mono calls will get; a weaker one is advice, since stereo calls need none."""
    try:
        choice = diariser.choose(settings.models)
    except Problem as fault:
        problems.append(str(fault))
        return {"name": None, "why": str(fault), "embedding": None}
    embedding = "ecapa"
    if choice.name == "clustering" and diariser.embedding_lacks(settings.models):
        embedding = "timbre"
        advice.append("Mono calls are told apart by the timbre of voices alone, which is weaker and fails for alike voices; "
                      "stereo calls are not concerned. Better: pip install 'tingjian[diarize]'")
    return {"name": choice.name, "why": choice.why, "embedding": embedding}
