"""Words of the daily work: corrections, assignment, saved views, follow-ups, cards without a recording."""
from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    "correct_turn": ("更正", "Correct"), "machine_heard": ("机器听作", "the machine heard"), "heard_words": ("实际说的话", "What was said"),
    "speaker": ("说话人", "Speaker"), "restore_turn": ("恢复机器文本", "Back to the machine's"), "cancel": ("取消", "Cancel"),
    "rescore": ("保存并重新评分", "Save and score again"), "not_corrected": ("没有保存：连接断了，请再试。", "Not saved: no connection. Try again."),
    "key_correct": ("更正这一句（Ctrl+Enter 保存，Esc 取消）", "correct this sentence (Ctrl+Enter saves, Esc leaves)"),
    "was": ("更正前", "before:"), "before_correction": ("更正文本前机器的判定", "What the machine said before the words were corrected"),
    "assignments": ("分派", "Assignment"), "hand_out": ("分派今天的录音", "Hand out today's calls"), "today": ("今天", "Today"),
    "hand_out_note": ("每位质检员每天 {} 通，其中约 {} % 来自随机抽样，其余按风险；坐席分开，避免总是同一人评同一坐席。当天没评的第二天自动收回。",
                      "{} calls a reviewer and day, about {} % of them from the random sample, the others by risk; agents are spread over "
                      "reviewers. What is not done comes back the next day."),
    "recording": ("录音", "recordings"), "live": ("旁听", "live"), "side_by_side": ("并坐", "side by side"),
    "given": ("待评", "waiting"), "given_to": ("分给", "given to"), "given_calls": ("已分派、还没评的", "Handed out, not yet reviewed"),
    "gets_none": ("暂停或跟评中，不分派", "paused or shadowing: gets none"), "no_reviewers": ("还没有质检员，请管理员添加。", "There is no reviewer yet."),
    "nobody": ("（收回）", "(nobody)"), "reassign": ("改派", "Reassign"),
    "calls.given": ("分派", "handed out"), "calls.taken_back": ("收回", "took back"),
    "turn.corrected": ("更正文本", "corrected a turn"), "card.redrafted": ("重新评分", "scored again"),
}
