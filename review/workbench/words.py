"""The workbench's words in Chinese and English; what is not here is looked up in review/wording.py."""
from __future__ import annotations

from review.wording import Language
from review.wording import say as say_elsewhere

WORDS: dict[str, tuple[str, str]] = {
    "app": ("听检 质检工作台", "Tingjian review"), "sign_in": ("登录", "Sign in"), "sign_out": ("退出", "Sign out"),
    "login": ("账号", "Login"), "password": ("密码", "Password"), "again": ("再输一次", "Once more"),
    "set_password": ("设置密码", "Set your password"), "save": ("保存", "Save"),
    "wrong_password": ("账号或密码不对。", "Name and password do not belong together."),
    "too_many": ("试错次数太多，请 15 分钟后再试。", "Too many tries; wait a quarter of an hour."),
    "not_alike": ("两次输入不一致。", "The two are not alike."),
    "too_short": ("密码至少 10 位。", "A password has at least 10 characters."),
    "link_used": ("这个链接用过了或已过期，请管理员再发一个。", "This link was used or is too old; ask for a new one."),
    "password_note": ("至少 10 位；一句记得住的话最好。", "At least 10 characters; a phrase you remember is best."),
    "queue": ("待检队列", "Queue"), "appeals": ("申诉", "Appeals"), "people": ("人员", "People"), "log": ("操作日志", "Audit log"),
    "mine": ("我的评分", "My cards"),
    "risk": ("按风险", "By risk"), "random": ("随机抽样", "Random sample"), "held": ("我手上的", "With me"),
    "appealed": ("申诉中", "Appealed"), "done": ("已评", "Reviewed"), "waiting": ("待评", "Waiting"), "any": ("全部", "All"),
    "state": ("状态", "State"), "agent": ("坐席", "Agent"), "agent_id": ("工号", "Agent id"), "rule": ("命中规则", "Rule hit"),
    "since": ("从", "From"), "until": ("到", "To"), "search": ("文本搜索", "Words said"), "apply": ("筛选", "Filter"),
    "clear": ("清除", "Clear"), "next_call": ("评下一通", "Next call"), "why_here": ("为什么在这里", "Why it is here"),
    "unsure": ("拿不准", "unsure"), "silence": ("长静默", "long silence"), "low_score": ("低分", "low score"),
    "complaint": ("投诉", "complaint"), "fatal": ("致命", "fatal"),
    "machine": ("机器", "Machine"), "human": ("人工", "Human"), "final": ("最终", "Final"),
    "machine_score": ("机评", "Draft"), "human_score": ("评分", "Score"), "with": ("在评", "With"), "by": ("评分人", "Reviewer"),
    "none_here": ("这里没有通话。换个筛选条件，或等下一批处理完。", "No calls here. Change the filter or wait for the next batch."),
    "narrow": ("搜到的太多，只显示前 500 通，请加条件。", "Too many found: only 500 are shown. Narrow it down."),
    "no_longer": ("没有权限，或没有这通录音", "Not yours to see, or not there"),
    "refused_note": ("如果您应该能看，请联系管理员。", "If you should see it, ask an administrator."),
    "back": ("返回队列", "Back to the queue"), "home": ("首页", "Home"), "conflict": ("没有保存", "Not saved"),
    "reload": ("重新打开", "Open again"),
    "claim": ("领取并评分", "Take this call"), "release": ("放回队列", "Give back"), "publish": ("完成并公布", "Finish and publish"),
    "confirm_sure": ("确认有把握的", "Confirm the sure ones"), "undecided": ("项待判定", "to decide"), "decided": ("已判定", "decided"),
    "saved": ("已保存", "saved"), "saving": ("保存中…", "saving…"), "unsaved": ("未保存，重试中…", "not saved, trying again…"),
    "pass_": ("通过", "Pass"), "fail_": ("不通过", "Fail"), "na_": ("不适用", "N/A"), "give": ("给", "Give"), "withhold": ("不给", "No"),
    "reason_needed": ("改判理由（必填）", "Why you override (needed)"), "comment": ("总评", "Comment"),
    "comment_hint": ("给坐席的话：做得好的、要改的", "For the agent: what went well, what to change"),
    "coach": ("辅导", "Coach"), "points_of": ("得分", "points"), "beside": ("另计", "beside"),
    "speed": ("语速", "Speed"), "help": ("快捷键", "Keys"), "close": ("关闭", "Close"),
    "key_play": ("播放／暂停", "play or pause"), "key_seek": ("后退／前进 5 秒", "5 seconds back or on"),
    "key_turn": ("上一句／下一句", "sentence before or after"), "key_item": ("下一个评分项（Shift 上一个）", "next item (Shift: before)"),
    "key_judge": ("通过／不通过／不适用", "pass / fail / N/A"), "key_evidence": ("下一条依据", "next evidence"),
    "key_speed": ("慢／快", "slower / faster"), "key_help": ("显示快捷键", "show the keys"),
    "waveform": ("波形：坐席在上，客户在下", "Waveform"), "no_transcript": ("这通电话没有文本", "No words in this call"),
    "acknowledge": ("我已阅知", "I have read this"), "acknowledged": ("坐席已阅", "read by the agent"),
    "appeal": ("申诉", "Appeal"), "appeal_why": ("为什么不同意？", "Why do you disagree?"), "appeal_until": ("申诉截止", "appeals until"),
    "appeal_over": ("申诉期已过", "the time for appeals is over"), "send": ("提交", "Send"),
    "decide": ("裁定", "Decide"), "upheld": ("维持原判", "upheld"), "granted": ("申诉成立", "granted"), "answer": ("裁定理由", "Your reason"),
    "pending": ("待裁定", "pending"), "no_appeals": ("没有申诉。", "No appeals."), "published": ("公布于", "published"),
    "due": ("应反馈于", "feedback due"), "name": ("姓名", "Name"), "role": ("角色", "Role"), "team": ("班组", "Team"),
    "language": ("语言", "Language"), "add": ("添加", "Add"), "new_link": ("新的登录链接", "New link"), "off": ("停用", "Deactivate"),
    "on": ("启用", "Activate"), "no_password": ("还没设密码", "no password yet"), "inactive": ("已停用", "deactivated"),
    "link_for": ("把这个链接交给 {}，24 小时内有效，只能用一次：", "Hand this link to {}; it works once, within 24 hours:"),
    "reviewer": ("质检员", "reviewer"), "team_leader": ("班组长", "team leader"), "supervisor": ("主管", "supervisor"),
    "analyst": ("分析员", "analyst"), "administrator": ("管理员", "administrator"),
    "time": ("时间", "Time"), "who": ("谁", "Who"), "action": ("操作", "Action"), "subject": ("对象", "Subject"),
    "detail": ("详情", "Detail"), "older": ("更早", "Older"), "newer": ("更新", "Newer"), "calls_n": ("通", "calls"),
    "no_cards": ("还没有公布给您的评分。", "No cards have been published to you yet."), "view": ("查看", "Open"),
    "picked_random": ("随机", "random"), "page_n": ("页", "page"),
    "card.claimed": ("领取", "claimed"), "card.released": ("放回", "gave back"), "card.seen": ("查看", "saw"),
    "card.published": ("公布", "published"), "card.acknowledged": ("已阅", "read"), "card.commented": ("写总评", "commented"),
    "item.judged": ("判定", "judged"), "appeal.made": ("申诉", "appealed"), "appeal.decided": ("裁定", "decided"),
    "sound.heard": ("听录音", "heard"), "sign_in.failed": ("登录失败", "sign-in failed"), "person.added": ("添加人员", "added"),
    "person.deactivated": ("停用人员", "deactivated"), "person.activated": ("启用人员", "activated"),
    "password.set": ("设置密码", "set a password"), "link.made": ("发登录链接", "made a link"), "queue.filled": ("入队", "queue filled"),
}


def say(word: str | None, language: Language = "zh") -> str:
    """A word in the reader's language; what has no translation stays as it is."""
    pair = WORDS.get(word or "")
    return pair[language == "en"] if pair else say_elsewhere(word, language)
