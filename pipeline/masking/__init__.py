"""Masking of personal data in what was said: `find`, `mask` for a text, `mask_call` for a call's turns,
`hide` for its records; `sound.stretches` and `sound.masked_blocks` for its sound. See docs/privacy.md.

Each kind is recognised in a file of its own; numbers, where only form and context tell the kinds apart, in numbers.py.
"""
from pipeline.masking.call import Masked, mask_call
from pipeline.masking.finding import KINDS, Span, find, mask
from pipeline.masking.records_of_call import cut_card_values, hide
from pipeline.masking.showing import masked

__all__ = ["KINDS", "Masked", "Span", "cut_card_values", "find", "hide", "mask", "mask_call", "masked"]
