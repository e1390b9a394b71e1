"""The page's words in English and Chinese; both know the same keys."""

from __future__ import annotations

from collections.abc import Mapping

ENGLISH = {
    "title": "Steelyard",
    "tagline": "Every model vendor behind one address: priced, weighed, routed, booked.",
    "other_language": "中文",
    "all_well": "All models answer",
    "on_the_way": "Some models are still on the way",
    "trouble": "Needs attention",
    "models": "Models and offers",
    "model": "Model",
    "offer": "Offer",
    "vendor": "Vendor",
    "state": "State",
    "price": "Price",
    "proven_for": "Proven for",
    "up": "answers",
    "loading": "loading",
    "fetching": "fetching",
    "down": "down",
    "disabled": "switched off",
    "no_price": "no price: calls are refused",
    "proofs": "Quality, proven on test sets",
    "task": "Task",
    "quality": "Quality",
    "bounds": "95 % bounds",
    "floor": "Floor",
    "samples": "Samples",
    "verdict": "Verdict",
    "proven": "proven",
    "not_proven": "not yet proven",
    "failed": "below the floor",
    "no_proofs": "Nothing has been weighed yet. Local models are weighed while nobody calls;"
    " steelyard weigh TASK does it now.",
    "costs": "Costs by account",
    "account": "Account",
    "calls": "Calls",
    "today": "Today",
    "this_month": "This month",
    "no_costs": "No calls this month.",
    "last_calls": "Last calls",
    "time": "Time",
    "outcome": "Outcome",
    "tokens": "Tokens in / out",
    "cost": "Cost",
    "no_calls": "No calls yet. Try this one:",
    "try_it": "Try it",
    "zone": "Days and times are those of {zone}. Parts of a currency below a cent are shown"
    " where they matter; point at an amount for all its digits.",
    "nested": "An account's line contains those of the accounts below it.",
    "input": "input",
    "output": "output",
    "cache_read": "cached input",
    "cache_write": "cache write",
    "reasoning": "reasoning",
    "request": "request",
    "weighing_now": "Being weighed now",
    "workers": "Workers",
    "revision": "Revision",
    "keys": "Keys",
    "completed": "completed",
    "not_sent": "not sent",
    "refused": "refused by the vendor",
    "uncertain": "uncertain: booked at its upper bound",
    "cut": "broken off",
    "client_gone": "client left",
    "cached": "from the cache",
    "open": "under way",
    "estimated": "estimated",
}

CHINESE = {
    "title": "Steelyard 秤衡",
    "tagline": "一个入口接通所有大模型厂商：有价可查、质量可证、择优调用、逐笔入账。",
    "other_language": "English",
    "all_well": "所有模型均可用",
    "on_the_way": "部分模型正在就绪",
    "trouble": "需要处理",
    "models": "模型与报价",
    "model": "模型",
    "offer": "报价",
    "vendor": "厂商",
    "state": "状态",
    "price": "价格",
    "proven_for": "已达标任务",
    "up": "可用",
    "loading": "加载中",
    "fetching": "下载中",
    "down": "不可用",
    "disabled": "已停用",
    "no_price": "没有价格，调用会被拒绝",
    "proofs": "质量评测（基于测试集）",
    "task": "任务",
    "quality": "得分",
    "bounds": "95% 置信区间",
    "floor": "最低要求",
    "samples": "样本数",
    "verdict": "结论",
    "proven": "已达标",
    "not_proven": "尚未证明",
    "failed": "未达标",
    "no_proofs": "还没有评测结果。空闲时会自动评测本地模型；"
    "也可以运行 steelyard weigh 任务名 立即评测。",
    "costs": "各账户费用",
    "account": "账户",
    "calls": "调用次数",
    "today": "今日",
    "this_month": "本月",
    "no_costs": "本月还没有调用。",
    "last_calls": "最近的调用",
    "time": "时间",
    "outcome": "结果",
    "tokens": "输入 / 输出 token",
    "cost": "费用",
    "no_calls": "还没有调用，可以试试：",
    "try_it": "试一试",
    "zone": "日期与时间按 {zone} 计。不足一分的金额在有意义时照实显示；"
    "鼠标停在金额上可看到全部位数。",
    "nested": "上级账户的金额已包含其下级账户。",
    "input": "输入",
    "output": "输出",
    "cache_read": "缓存命中",
    "cache_write": "缓存写入",
    "reasoning": "推理",
    "request": "每次请求",
    "weighing_now": "正在评测",
    "workers": "工作进程",
    "revision": "版本",
    "keys": "密钥",
    "completed": "完成",
    "not_sent": "未发出",
    "refused": "厂商拒绝",
    "uncertain": "结果不明，按上限入账",
    "cut": "中途断开",
    "client_gone": "客户端已离开",
    "cached": "来自缓存",
    "open": "进行中",
    "estimated": "估算",
}

TEXTS: Mapping[str, Mapping[str, str]] = {"en": ENGLISH, "zh": CHINESE}


def choose_language(wanted: str, accept_language: str) -> str:
    """``en`` or ``zh``: what the link asks for, else what the browser likes best."""
    if wanted in TEXTS:
        return wanted
    best, best_weight = "en", 0.0
    for part in accept_language.split(","):
        tag, _, weight_text = part.strip().partition(";q=")
        language = tag.strip().lower().partition("-")[0]
        try:
            weight = float(weight_text) if weight_text else 1.0
        except ValueError:
            continue
        if language in TEXTS and weight > best_weight:
            best, best_weight = language, weight
    return best
