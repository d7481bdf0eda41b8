"""`tingjian rules train`: a trained layer for a pack of one's own, that has learnt from its `like` and `unlike` sentences."""
from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rules.meaning.data import Sentence
    from rules.meaning.predict import Meaning
    from rules.pack import Pack


def train(
    pack: Annotated[Path | None, typer.Option("--pack", help="Directory of rule files instead of the configured one")] = None,
) -> None:
    """Teach the trained layer what `like` and `unlike` of a pack say; a few minutes on one core, the same result every time.

    Writes meaning.npz into the pack's directory. Whatever opens that pack uses it from then on.
    """
    import numpy as np

    from records import Problem
    from rules.meaning import data
    from rules.meaning.predict import PACK_MODEL, Meaning
    from rules.meaning.train import of_pack
    from rules.pack import load
    from settings import Settings

    directory = pack or Settings().scoring.rule_pack
    if directory is None:
        raise Problem("the built-in rules have their layer already; copy them (cp -r rules/zh my-rules), change the copy, and give "
                      "it with --pack my-rules")
    rules = load(directory).rules
    before = Meaning.of_pack(directory)
    new = data.unlearnt(rules, before.learnt)
    if not new and len(data.of_pack(rules)) == len(before.learnt):
        typer.echo(f"{directory}: nothing to learn, the layer knows all {len(before.learnt)} like and unlike sentences")
        return
    began = time.monotonic()
    arrays = of_pack(directory, lambda step: print(step, file=sys.stderr)).whole
    out = directory / PACK_MODEL
    with (beside := out.with_suffix(".part.npz")).open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    beside.replace(out)
    typer.echo(f"{out}: {len(new)} new sentences learnt in {time.monotonic() - began:.0f} s")
    after = Meaning.of_pack(directory)
    for sentence in new:
        typer.echo(f"  {sentence.rule}  {_likely(before, sentence)} → {_likely(after, sentence)}  {_sign(sentence)} {sentence.text}")


def not_learnt(pack: Pack, directory: Path | None) -> str:
    """A word about like and unlike sentences that the pack's layer has not learnt from; empty where there are none."""
    from rules.meaning import data
    from rules.meaning.predict import Meaning

    new = data.unlearnt(pack.rules, Meaning.of_pack(directory).learnt)
    if not new:
        return ""
    rules = ", ".join(sorted({sentence.rule for sentence in new}))
    how = "python -m rules.meaning.train" if directory is None else f"tingjian rules train --pack {directory}"
    return f"{len(new)} like and unlike sentences are not learnt yet ({rules}): {how}"


def _likely(meaning: Meaning, sentence: Sentence) -> str:
    if sentence.rule not in meaning.column:
        return "   –"
    return f"{meaning.sentence(sentence.rule, sentence.text, sentence.who):4.0%}"


def _sign(sentence: Sentence) -> str:
    return "like" if sentence.label else "unlike"
