"""The trained layer: how likely one turn is what a rule looks for, for wordings that no phrase list holds.

`python -m rules.meaning.train` learns `model.npz` from `data/`; `rules.meaning.predict.Meaning` reads it.
`python -m bench.meaning` prints how good it is.
"""
