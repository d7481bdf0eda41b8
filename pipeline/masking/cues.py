"""Words that say what a number is. They are looked for by sound, so that a misheard cue (证见号) still counts.

`around` gives the nearest cue on either side of a stretch: the left one within LEFT characters, the right one within RIGHT.
"""
from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from functools import cache
from typing import NamedTuple

from pipeline.masking.signs import fold, sounds
from rules.text import exact_sound_of

LEFT, RIGHT = 14, 10

WORDS = {
    "id": "身份证 身份证号 身份证号码 身份号码 身份证件 证件 证件号 证件号码 证号 公民身份 身份正 户口本 居民证 二代证 退休证 驾驶证号 驾照号",
    "card": "卡号 卡号码 银行卡 储蓄卡 信用卡 借记卡 工资卡 贷记卡 社保卡号 账号 账户 账户号 银行账号 收款账号 打款账号 存折 存折号 卡面 公务卡 这张卡 那张卡 "
            "的卡 工行卡 农行卡 建行卡 中行卡 招行卡 交行卡 邮储卡 我卡 转到 打到 退到 付款卡 扣款卡 收款卡 绑定的卡 卡片号 挂失",
    "mobile": "手机 手机号 手机号码 电话 电话号码 联系电话 电话号 联系方式 号码 号码是 微信 微信同号 打我 打给 给我打 打过来 拨打 拨我 打她 打他 联系我 联系人 来电号码 "
              "预留号码 留的号码 接收号码 绑定号码 本机 本机号码 回拨 回电 加我 充到 充值到 充值号码 给这个号 这个号 我的号 我号 换号 新号 旧号 老号 "
              "备用号 另一个号 短号 打这个 收件 家里人 打我老公的 打我老婆的",
    "landline": "座机 固话 固定电话 区号 传真 宅电 家里电话 单位电话 公司电话 办公电话 办公室电话 家庭电话 老家电话 家里打 往家里打 打家里 家里的号 市话 "
                "坐机 家电话 店里电话 店里的 单位的 家里打吧 家里固定 总机 医院电话 学校电话 本地的",
    "code": "验证码 校验码 动态码 动态密码 动态口令 动态验证 随机码 随机密码 短信码 短信验证 短信密码 确认码 码是 一次性密码 登录码 授权码 口令 支付密码 取款密码 "
            "交易密码 银行卡密码 查询密码",
    "hint": "短信 短信上 六位数 六个数 四位数字 六位数字 六位的数 四个数字 六个数字 念给 念的 我念 收到了 收到的 收到 一条 又来 发来 发过来 发给我 发的数字 过期 一分钟内 有效",
    "cvv": "安全码 背面 后三位 末三位 三位数 三位数字 三个数 三个数字 签名条 签名栏 卡背 卡后 卡片背面 反面 cvv cvc cvv2 cvn cvn2 cv码 安全代码 后面三位 后面三个",
    "order": "订单 订单号 对公账号 对公账户 公司账户 公户 对公帐号 订单编号 单号 工单 工单号 流水 流水号 快递单 快递单号 运单 运单号 物流单号 包裹号 编号 工号 坐席号 员工号 受理号 受理编号 回执号 航班 航班号 车次 "
             "发票 发票号 发票号码 发票代码 型号 序列号 机身号 设备号 串号 税号 信用代码 社会信用 合同 合同号 合同编号 保单 保单号 保单号码 病历 病历号 门诊号 就诊号 住院号 会员号 "
             "会员卡号 会员卡 积分卡号 取件码 提货码 房间号 房号 期号 股票 代码 条码 条形码 商品编码 编码 货号 款号 票号 座位 座位号 登机 学号 考号 准考证 准考证号 户号 缴费号 用户号 "
             "用户编号 客户号 客户编号 户名号 表号 电表 水表 气表 燃气表 读数 余额 金额 邮编 邮政编码 版本 版本号 编码是 批号 批次 生产批号 批准文号 国药准字 备案号 许可证 执照 注册号 "
             "排队号 排的号 排号 叫号 桌号 台号 箱号 柜号 集装箱 提单 提单号 交易号 交易单号 凭证号 参考号 报案号 案件号 立案号 案号 投诉单 投诉编号 预约号 确认号 "
             "预订号 入住号 卡券 券码 兑换码 优惠码 激活码 邀请码 充值码 二维码 店铺号 店号 商户号 终端号 设备编号 路由器 光猫 宽带账号 宽带号 宽带帐号 游戏账号 用户名 "
             "密码 密码是 有效期 有效期限 到期 到期日 经度 纬度 坐标 wifi 无线密码 页码 尺码 基金 基金代码 彩票 里程 公里数 车架号 发动机号 车架 发动机 引擎号 宽带密码 开机密码 门锁密码 门禁密码 解压密码 "
             "记录号 档案号 档案编号 项目编号 标书 采购单 出库单 入库单 货单 送货单 退货单 退款单 退单号 申请单 申请号 申请编号 服务单 维修单 派工单 凭单 小票 小票号 发货单 网单 母单 子单",
    "passport": "护照 护照号 护照号码 通行证 通行证号 回乡证 台胞证 旅行证 港澳证",
    "tail": "尾号 后四位 末四位 最后四位 后六位 前六位 前四位 前三位 后两位 开头 号段 后八位 尾数 末尾 后几位",
    "company": "客服热线 热线 服务热线 客服电话 服务电话 官方电话 投诉电话 专线 服务专线 客服专线 咨询电话 咨询热线 总台 前台电话 报警电话 救援电话 你们电话 你们的电话 我们电话 "
               "我们的电话 贵公司 你们四百 官方客服 举报电话 监督电话 营业厅电话 客服号码 门店电话 你们客服 你们公司电话 你们公司的电话 贵公司电话 你公司电话 银行客服 热线电话 报修电话 抢修电话 骚扰电话 诈骗电话",
}
BEATS = frozenset({"order", "tail", "company"})
"""Cues that say: not a person's number of any kind that its form does not prove."""


class Cue(NamedTuple):
    start: int
    end: int
    kind: str


@cache
def _compiled() -> tuple[re.Pattern[str], dict[str, list[tuple[str, str]]]]:
    known: dict[str, list[tuple[str, str]]] = {}
    for kind, words in WORDS.items():
        for word in words.split():
            known.setdefault(sounds(fold(word)), []).append((word, kind))
    return re.compile("|".join(map(re.escape, sorted(known, key=len, reverse=True)))), known


def _kind(sound: str, heard: str, known: dict[str, list[tuple[str, str]]]) -> str:
    """The kind of the cue with this sound, if what was heard is it or shares a character with it; two characters must sound
    just the same."""
    words = known[sound]
    for word, kind in words:
        if word == heard:
            return kind
    for word, kind in words:
        if any(a == b for a, b in zip(word, heard, strict=True)) and (len(word) > 2 or exact_sound_of(word) == exact_sound_of(heard)):
            return kind
    return ""


class Cues:
    """All cues of one text, in order."""

    def __init__(self, folded: str) -> None:
        pattern, known = _compiled()
        self.found = [Cue(*one.span(), kind) for one in pattern.finditer(sounds(folded)) if (kind := _kind(one[0], folded[one.start():one.end()], known))]
        for place in range(1, len(self.found)):     # 借记卡 + 号码 is the number of the card
            one, before = self.found[place], self.found[place - 1]
            if one.start <= before.end + (folded[before.end:before.end + 1] == "的") and one.kind == "mobile" and folded[one.start:one.start + 2] == "号码":
                self.found[place] = one._replace(kind=before.kind)
        self.starts = [cue.start for cue in self.found]
        self.ends = [cue.end for cue in self.found]

    def covers(self, place: int) -> bool:
        """Whether the character at `place` belongs to a cue."""
        at = bisect_right(self.ends, place)
        return at < len(self.found) and self.found[at].start <= place

    def left(self, start: int, reach: int = LEFT) -> Cue | None:
        """The nearest cue that ends at or before `start`."""
        at = bisect_right(self.ends, start) - 1
        return self.found[at] if at >= 0 and start - self.found[at].end <= reach else None

    def right(self, end: int, reach: int = RIGHT) -> Cue | None:
        """The nearest cue that begins at or after `end`."""
        at = bisect_left(self.starts, end)
        return self.found[at] if at < len(self.found) and self.found[at].start <= end + reach else None
