"""Hostile input of every kind, in short; `make test-hostile` tries it at full length (tests/hostile/)."""
from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests import benches
from tests.hostile import Kind, only_within, sounds, texts, web

SHARE = {sounds.damaged: 0.05, texts.json_lines: 0.03, texts.sentences: 0.02, texts.manifests: 0.1}


@pytest.mark.parametrize("kind", [sounds.damaged, sounds.disguised, texts.manifests, texts.json_lines, texts.rule_files, texts.expressions,
                                  texts.exports, web.filters, web.paths, web.headers, web.requests], ids=lambda kind: kind.__name__)
def test_it_is_withstood_and_nothing_is_written_elsewhere(kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    benches._made()         # what all tests share is made outside the folder that is watched
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with only_within(tmp_path):
        outcomes = kind(tmp_path, SHARE.get(kind, 0.03))
    assert outcomes and all(one.tried for one in outcomes)


def test_writing_elsewhere_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    with pytest.raises(AssertionError, match="written outside"), only_within(tmp_path / "inside"):
        (tmp_path / "elsewhere").write_text("x")
