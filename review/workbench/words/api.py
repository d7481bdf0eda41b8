"""Words of the API's tokens and of signing in through a provider."""
from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    "tokens": ("接口令牌", "API tokens"),
    "tokens_note": ("程序凭令牌使用接口，权限不超过令牌所代表的人。接口说明：", "Programs use the API with a token and may never do more than the person it acts as. Description:"),
    "no_tokens": ("还没有令牌。给程序单独建一个账号（不设密码），再为它发令牌。", "No tokens yet. Add a person without a password for the program, then make its token."),
    "token_once": ("“{}”的令牌，只显示这一次，请现在复制：", "The token “{}”, shown this once; copy it now:"),
    "token_name": ("名称", "Name"), "acts_as": ("代表", "Acts as"), "scopes": ("范围", "Scopes"), "days": ("有效天数", "Days"),
    "last_used": ("最近使用", "Last used"), "never": ("从未", "never"), "revoke": ("吊销", "Revoke"), "revoked": ("已吊销", "revoked"), "comma": ("、", ", "),
    "scope queue:read": ("读队列", "read the queue"), "scope cards:read": ("读评分表", "read cards"),
    "scope reviews:write": ("评分、公布", "review and publish"), "scope appeals:read": ("读申诉", "read appeals"),
    "scope appeals:write": ("申诉、裁定", "appeal and decide"),
    "token.made": ("发接口令牌", "made a token"), "token.revoked": ("吊销接口令牌", "revoked a token"),
    "sign_in_with": ("用{}登录", "Sign in with {}"), "identity.tied": ("绑定统一登录", "tied to the provider"),
    "not_known_here": ("统一登录成功，但这里没有对应的账号，请找管理员添加：{}", "The provider knows you, but there is no account here yet; ask an administrator to add: {}"),
    "provider_expired": ("登录超过 10 分钟或在别的窗口开始的，请再试一次。", "Signing in took over ten minutes or began in another window; try again."),
    "provider_state": ("统一登录没有完成，请再试一次。", "The provider did not let you in; try again."),
    "provider_provider": ("统一登录现在连不上，请用密码登录或稍后再试。", "The provider does not answer now; use your password or try later."),
    "provider_token": ("统一登录的凭证没有通过检查，请联系管理员。", "What the provider sent did not pass the checks; tell an administrator."),
}
