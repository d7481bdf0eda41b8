"""Words of the daily work: corrections, assignment, saved views, follow-ups, cards without a recording."""
from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    "correct_turn": ("更正", "Correct"), "machine_heard": ("机器听作", "the machine heard"), "heard_words": ("实际说的话", "What was said"),
    "speaker": ("说话人", "Speaker"), "restore_turn": ("恢复机器文本", "Back to the machine's"), "cancel": ("取消", "Cancel"),
    "rescore": ("保存并重新评分", "Save and score again"), "not_corrected": ("没有保存：连接断了，请再试。", "Not saved: no connection. Try again."),
    "key_correct": ("更正这一句（Ctrl+Enter 保存，Esc 取消）", "correct this sentence (Ctrl+Enter saves, Esc leaves)"),
    "was": ("更正前", "before:"), "before_correction": ("更正文本前机器的判定", "What the machine said before the words were corrected"),
    "turn.corrected": ("更正文本", "corrected a turn"), "card.redrafted": ("重新评分", "scored again"),
}
