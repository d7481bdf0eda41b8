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
    "followups": ("辅导跟踪", "Follow-ups"), "followup": ("辅导", "Follow-up"), "open_followup": ("开辅导", "Open a follow-up"),
    "followup_open": ("进行中", "open"), "followup_closed": ("已结束", "closed"), "due_on": ("到期", "due"), "owner": ("负责人", "Owner"),
    "overdue": ("逾期", "Overdue"), "returned": ("复发", "Came back"), "open": ("进行中", "Open"), "closed": ("已结束", "Closed"),
    "problem": ("问题", "Problem"), "good_calls": ("连续做到", "Calls in a row"), "opened": ("开始", "Opened"),
    "followups_note": ("评分公布后，不通过的项目自动开辅导；之后连续 {} 通没有再犯就自己结束，再犯会重新打开。机器草稿和人工结果都算。",
                       "A failed item of a published card opens one. {} later calls in a row without the problem close it; when the problem "
                       "comes back, it opens again. Drafts of the machine count where no person has decided."),
    "no_followups": ("这里没有辅导。", "None here."), "todo": ("要做什么", "What to do"), "later_calls": ("之后的通话", "The calls since"),
    "no_later": ("还没有之后的通话。", "No call since yet."), "first_call": ("起因", "It began with"), "notes": ("记录", "Notes"),
    "by_person": ("人工", "a person"), "by_machine": ("机器草稿", "the draft"), "problem_there": ("又出现", "there again"), "problem_away": ("没有", "not there"),
    "write_note": ("写一条", "Write a note"), "mark_done": ("我已完成", "I have done this"), "agent_done": ("坐席已完成", "done by the agent"),
    "close_it": ("结束辅导", "Close it"), "no_owner": ("（无）", "(nobody)"), "in_days": ("天内", "days"),
    "stayed_away": ("问题没有再出现，自动结束", "closed by itself: the problem stayed away"), "by_hand": ("人工结束", "closed by hand"),
    "withdrawn": ("判定已改，撤回", "taken back: the verdict no longer stands"), "closed_stayed_away": ("问题没有再出现，自动结束", "closed by itself: the problem stayed away"),
    "closed_by_hand": ("人工结束", "closed by hand"), "closed_withdrawn": ("判定已改，撤回", "taken back: the verdict no longer stands"),
    "done_by_agent": ("坐席标记完成", "the agent has done it"), "itself": ("系统", "by itself"),
    "followup.opened": ("开辅导", "opened a follow-up"), "followup.changed": ("改辅导", "changed a follow-up"), "followup.done": ("完成辅导", "did a follow-up"),
    "followup.note": ("写辅导记录", "noted on a follow-up"), "followup.returned": ("问题复发", "problem came back"), "followup.closed": ("结束辅导", "closed a follow-up"),
    "turn.corrected": ("更正文本", "corrected a turn"), "card.redrafted": ("重新评分", "scored again"),
}
