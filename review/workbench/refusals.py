"""What the workbench refuses, in English: the sentences of `Conflict` by pattern, for readers of English pages.

The API answers in Chinese as ever; a sentence that no pattern fits is shown as it stands.
"""
from __future__ import annotations

from review.reasons import Translator

PATTERNS: tuple[tuple[str, str], ...] = (
    # cards
    ("这通录音已经评完。", "This call has been reviewed already."), ("{} 正在评这通录音（到 {}）。", "{} is reviewing this call (until {})."),
    ("这通录音今天分给了 {}；组长或主管可以改派。", "This call is {}'s for today; a team leader or supervisor may give it to you."),
    ("按规定不评自己班组的录音。", "Nobody here reviews calls of their own team."), ("没有这个评分项：{}（{}）。", "There is no such item or verdict: {} ({})."),
    ("改判“{}”要写理由。", "Overriding “{}” needs a reason."), ("“{}”的分数应在 0 到 {} 之间。", "The points of “{}” are between 0 and {}."),
    ("还有 {} 项没有判定：{}。", "{} items are not decided yet: {}."), ("还有 {} 项没有判定：{}…。", "{} items are not decided yet: {} …"),
    ("更正文本后机器的判定变了，与您的不同，请复核或写明理由：{}。", "Since the words were corrected the machine differs from you: check again or give a reason for {}."),
    ("申诉期已过（结果公布后 2 天内可以申诉）。", "The time for appeals is over: it is 2 days from publication."), ("这一项没有扣分，不用申诉。", "This item cost nothing: there is nothing to appeal."), ("扣分项的申诉成立，就是撤销这一扣分。", "Granting an appeal against a deduction takes the deduction back."),
    ("申诉要写明针对哪一项、为什么。", "An appeal names the item and says why."),
    ("这一项已经申诉过。", "This item has been appealed already."), ("没有这条申诉，或者已经裁定。", "There is no such appeal, or it has been decided."),
    ("裁定要写明理由。", "A decision needs a reason."), ("裁定只能是维持原判、通过、不通过或不适用。", "A decision is upheld, pass, fail or n/a."),
    ("没有这通录音：{}。", "There is no such call: {}."), ("这通录音现在不在您手里，您的修改没有保存；请刷新后重新领取。", "The call is not with you any more and your change was not saved: reload and take it again."),
    ("这张评分表在别的窗口里改过了，请刷新后再改。", "The card was changed in another window: reload first."),
    ("您正在盲评这通录音（校准或跟评），结束前看不到机器和别人的评分。请从“校准”页打开。", "You score this call blind, so what the machine and others say is hidden until the end. Open it from the Calibration page."),
    # corrections
    ("这通录音刚刚重新识别过，请刷新后再改。", "The call has just been recognised anew: reload first."), ("没有这一句，请刷新后再改。", "There is no such sentence: reload first."),
    ("没有这样的说话人，只能是 {}。", "There is no such speaker; there are {}."), ("更正后的文本不能为空。", "The corrected words may not be empty."),
    ("后面没有可以合并的句子。", "No sentence follows that could be joined."),
    ("两句相隔 {} 秒，合并会把这段静默藏起来；{} 秒以内的才能合并。", "The two are {} s apart, and joining would hide the silence; only what is within {} s can be joined."),
    ("这样会露出隐去的个人信息，请换个位置拆分，或先改写这一句。", "This would show hidden personal data: split elsewhere, or reword the sentence first."),
    ("这一句已经改过了，请刷新后再改。", "This sentence was changed meanwhile: reload first."), ("隐去的内容（***）请原样保留，或整段重写。", "Leave what is hidden (***) as it is, or rewrite the whole."),
    ("更正后的文本不能为空，最长 {} 字。", "The corrected words have between 1 and {} characters."), ("没有可以撤销的更正。", "There is no correction to take back."),
    ("请把光标放在要拆开的两个字之间，拆开后两边都要有字。", "Put the cursor between two words, so that both halves have some."),
    ("这张评分表没有录音文本。", "This card has no words."), ("写点什么再提交。", "Write something first."), ("没有这个人。", "There is no such person."),
    ("这条辅导刚刚变过，请刷新后再改。", "The follow-up has just changed: reload first."),
    ("这通录音没有坐席工号，不能开辅导。", "The call names no agent, so no follow-up can be opened."),
    # people, live cards, views, follow-ups, assignment
    ("账号“{}”已经有人用，请换一个。", "Somebody has the login “{}” already: choose another."), ("没有“{}”这个角色。", "There is no role “{}”."),
    ("要有账号和姓名。", "A person needs a login and a name."), ("账号、姓名、班组、工号最长 {} 字。", "Login, name, team and agent id have at most {} characters each."),
    ("班组长要有班组，坐席要有工号，否则什么也看不到。", "A team leader needs a team and an agent an agent id: without it they would see nothing."), ("不能改自己的角色。", "Nobody changes their own role."),
    ("不能停用自己的账号。", "Nobody deactivates their own account."), ("要选方式、坐席工号和评分表。", "Choose how, which agent and which form."),
    ("时间要写成 {} {}。", "Write the time like {} {}."), ("到期日要写成 {}。", "Write the due day like {}."), ("开始时间在将来，请改正。", "The beginning lies in the future."),
    ("这个坐席的这一项已经有未完成的辅导。", "There is an open follow-up for this agent and item already."),
    ("视图要有名称（最长 {} 字），筛选条件也不能太长。", "A view needs a name of at most {} characters, and not too many filters."),
    ("每人最多 {} 个视图，请先删掉几个。", "At most {} views a person: remove some first."), ("这通录音已经评完，不能再分配。", "The call has been reviewed and cannot be given out."),
    ("{} 正在评这通录音，放回后才能改派。", "{} is reviewing this call; it can go to somebody else once given back."), ("{} 现在不能接新的录音。", "{} takes no new calls at present."),
    # calibration, shadowing, cases
    ("结束时间“{}”不是时间。", "“{}” is no time."), ("校准要有名称和 {} 到 {} 通录音。", "A session needs a name and {} to {} calls."),
    ("校准至少要两位参加者，或者一位参加者加标准答案。", "A session needs two participants, or one and a gold card."), ("{} 不能评分。", "{} may not score."),
    ("结束时间已经过去。", "The closing time has passed."), ("参加者中有人评过或正在评这些通话，不能盲评：{}。", "Somebody who takes part has reviewed or holds these calls: {}."),
    ("这次校准已经结束。", "The session is over."), ("校准结束以后才能看大家的评分。", "Scores are shown once the session is over."),
    ("案例要有标题、好或坏、以及一句为什么。", "A case needs a title, good or bad, and a word why."), ("片段的开始要早于结束。", "A clip begins before it ends."),
    ("片段在录音结束之后。", "The clip lies after the end of the call."), ("这通录音不在您的跟评里。", "This call is not among those you shadow."),
    ("这张盲评表不是您的。", "This blind card is not yours."), ("这张盲评表已经提交，不能再改。", "This blind card has been handed in and stays as it is."),
    ("这次校准已经结束，您的修改没有保存。", "The session is over; your change was not saved."), ("跟评已经结束，您的修改没有保存。", "Shadowing has ended; your change was not saved."))

in_english = Translator(PATTERNS).of
