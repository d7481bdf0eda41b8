"""Words of the audit log's details, and of actions that have none elsewhere."""
from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    "log_comma": ("；", "; "), "log_and": ("、", ", "), "log_more": ("{} 等 {} 项", "{} … {} in all"), "log_raw": ("原始记录", "raw entry"),
    "log_item": ("评分项“{}”", 'item "{}"'), "log_reason": ("理由：{}", "reason: {}"), "log_points": ("得分", "points"), "log_score": ("总分", "score"),
    "log_band": ("等级", "band"), "log_detail": ("详情", "detail"), "log_from": ("来自", "from"), "log_by": ("经", "by"), "log_calls": ("通话", "calls"), "log_case": ("案例", "case"),
    "log_kind": ("类型", "kind"), "log_rule": ("规则", "rule"), "log_tags": ("标签", "tags"), "log_shared": ("共享", "shared"),
    "log_starts": ("开始秒", "from second"), "log_ends": ("结束秒", "to second"), "log_granted": ("申诉成立", "granted"), "log_turn": ("第几句", "sentence"),
    "log_speaker": ("说话人", "speaker"), "log_correction": ("更正", "correction"), "log_changed": ("变动项", "items changed"),
    "log_followup": ("跟进", "follow-up"), "log_due_on": ("到期", "due on"), "log_owner": ("负责人", "owner"), "log_why": ("原因", "why"),
    "log_agreed": ("一致", "agreed"), "log_decided": ("机器已判", "machine decided"), "log_below": ("门槛", "threshold"), "log_role": ("角色", "role"),
    "log_team": ("班组", "team"), "log_agent_id": ("工号", "agent id"), "log_agent": ("坐席", "agent"), "log_name": ("名称", "name"),
    "log_scopes": ("范围", "scopes"), "log_days": ("天数", "days"), "log_seed": ("种子", "seed"), "log_population": ("总体校验码", "calls with SHA-256"),
    "log_random": ("随机通数", "random calls"), "log_issuer": ("登录系统", "provider"), "log_card": ("评分卡", "card"), "log_items": ("评分项", "items"),
    "log_sha256": ("校验码", "SHA-256"), "log_note": ("说明", "note"), "log_experienced": ("带教", "experienced"), "log_entries": ("条目", "entries"),
    "log_held": ("留存", "held"), "log_what": ("内容", "what"), "log_accounts": ("账号", "accounts"), "log_redacted": ("已删去", "redacted"),
    "person.closed": ("销户", "closed an account"), "person.erased": ("删除个人数据", "erased a person's data"),
    "person.exported": ("导出个人数据", "exported a person's data"), "sample.planned": ("抽样入队", "sampling plan into the queue"),
}
