"""Columns of the review database whose values are sealed at rest (store/sealing.py): what people wrote and what was quoted to them.

The keys are those of the settings when the database was opened; without any, values are stored as they are. A sealed column can be
neither searched nor sorted in SQL, only compared with "" and NULL, which stay.
"""
from __future__ import annotations

from pathlib import Path

from sqlalchemy import Dialect, LargeBinary, Text, TypeDecorator

from store import sealing

COLUMN = "reviews"      # what the values are bound to
_keys = sealing.Ring()
_searchable = True


def use(workspace: Path) -> None:
    """From now on with the keys of the settings; raises Problem where they do not open what the workspace holds."""
    global _keys, _searchable
    _keys, _searchable = sealing.of_workspace(workspace), sealing.may_search()
    sealing.note_use(workspace, _keys)


def searchable() -> bool:
    """Whether what was said may stand here in the clear."""
    return _searchable


class SealedText(TypeDecorator[str]):
    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return value and _keys.seal(value, COLUMN)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return value and _keys.unseal(value, COLUMN)


class SealedBytes(TypeDecorator[bytes]):
    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        return _keys.seal_blob(value, COLUMN)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        return _keys.unseal_blob(value, COLUMN)
