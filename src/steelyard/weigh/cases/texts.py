"""The words of case analysis in English and Chinese; both know the same keys.

Kinds of failure have names for people here; what a grader says (its reasons) stays as it is. Used
by the report and by the commands.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

KINDS_ENGLISH = {
    "no_answer": "No answer came",
    "filtered": "Held back by the vendor's filter",
    "empty": "Empty answer",
    "not_graded": "Could not be graded",
    "cut_off": "Cut off at the longest answer allowed",
    "refusal": "Refused to answer",
    "wrong_form": "Not in the form that was asked for",
    "wrong_label": "Wrong label",
    "wrong_choice": "Wrong option",
    "wrong_slots": "Fields not right",
    "wrong_number": "Wrong number",
    "wrong_language": "Answered in another language",
    "repeats": "Repeats the question",
    "too_long": "Far too long",
    "too_short": "Far too short",
    "wrong_text": "Other words than the reference",
    "rule_broken": "Rule not kept",
    "judged": "The judge did not prefer it",
    "code_failed": "Code does not work",
    "query_failed": "Query does not work",
    "other": "Other",
}
KINDS_CHINESE = {
    "no_answer": "没有回答",
    "filtered": "被厂商的内容过滤拦下",
    "empty": "回答为空",
    "not_graded": "无法评分",
    "cut_off": "到长度上限被截断",
    "refusal": "拒绝回答",
    "wrong_form": "没有按要求的格式回答",
    "wrong_label": "分错类",
    "wrong_choice": "选错选项",
    "wrong_slots": "字段有误",
    "wrong_number": "数字不对",
    "wrong_language": "答非所用语言",
    "repeats": "重复题目",
    "too_long": "太长",
    "too_short": "太短",
    "wrong_text": "与参考答案不同",
    "rule_broken": "没有遵守要求",
    "judged": "裁判没有选它",
    "code_failed": "代码不能通过",
    "query_failed": "查询不能通过",
    "other": "其他",
}
WORDS_ENGLISH = {
    "missing": "missing {}",
    "wrong": "wrong {}",
    "extra": "made up {}",
    "fault": "{}",
    "chose": "chose {}",
    "sign": "wrong sign",
    "scale": "off by a power of ten",
    "near": "within one per cent",
    "far": "far off",
    "not_named": "something not named",
    "forbidden": "says what it must not",
    "not_found": "a pattern not met",
    "not_followed": "not followed {}",
    "too_long": "too long",
    "too_short": "too short",
    "worse": "the other one is better",
    "tie": "both are as good",
    "turned": "its opinion turned with the order",
    "cut": "all tokens went into thinking",
    "thoughts": "nothing but thoughts",
}
WORDS_CHINESE = {
    "missing": "缺少 {}",
    "wrong": "填错 {}",
    "extra": "多出 {}",
    "fault": "{}",
    "chose": "选了 {}",
    "sign": "正负号反了",
    "scale": "差了数量级（单位或小数点）",
    "near": "相差不到百分之一",
    "far": "相差较大",
    "not_named": "漏掉要点",
    "forbidden": "出现禁用的内容",
    "not_found": "缺少要求的写法",
    "not_followed": "没有遵守 {}",
    "too_long": "太长",
    "too_short": "太短",
    "worse": "对方更好",
    "tie": "不分上下",
    "turned": "换了先后顺序，看法就变了",
    "cut": "长度全部用在思考上",
    "thoughts": "只有思考过程",
}

ENGLISH = {
    "title": "Case analysis",
    "lead": "What went wrong, in clusters, with the answers side by side.",
    "floor": "floor",
    "floor_meaning": "An offer is proven when the lower bound of its quality reaches the floor"
    " ({}).",
    "items": "items",
    "quality_title": "How good each offer is",
    "offer": "Offer",
    "verdict": "Verdict",
    "quality": "Quality",
    "bounds": "95 % bounds",
    "asked": "Items asked",
    "failed": "Not fully right",
    "unscored": "Not graded",
    "cost": "Cost per accepted answer",
    "per_thousand": "{} per 1,000",
    "proven": "proven",
    "not_proven": "not yet proven",
    "stale": "stale",
    "none": "not weighed to the end",
    "failed_status": "below the floor",
    "clusters_title": "What goes wrong",
    "clusters_lead": "Each failure is in one line. The bars show which part of an offer's failures"
    " it is.",
    "kind": "What",
    "failures": "failures",
    "count": "Failures",
    "about": "items with: {}",
    "rest": "the others",
    "all_failed": "none is fully right",
    "only_one": "only {} is not fully right",
    "cases": "cases",
    "more_cases": "and {} more cases like these",
    "shown_above": "shown above, in",
    "too_large": "The cases of this cluster are left out to keep the file small.",
    "more_clusters": "and {} smaller clusters with {} failures",
    "question": "Question",
    "options": "Options",
    "reference": "Right answer",
    "no_reference": "There is no reference; the grader checks rules.",
    "answer": "Answer",
    "compared": "against the right answer:",
    "gone": "missing",
    "new": "instead",
    "right": "right",
    "wrong": "not right",
    "partly": "partly right",
    "marks": "{} of 1",
    "not_graded": "not graded",
    "no_answer": "(nothing)",
    "cut": "… {} more characters",
    "graded_part": "graded",
    "reason": "grader",
    "tags": "Tags",
    "note": "Note",
    "field": "Field",
    "no_failures": "No failures: every answer looked at got full marks.",
    "no_records": "No answers yet: weigh the task first (steelyard weigh {}).",
    "outdated": "These answers are from an older test set or prompt; today's has not been weighed.",
    "weighed": "weighed",
    "as_of": "As of",
    "zone": "times in UTC",
    "confidential": "Holds test items and answers: keep it inside.",
    "made_by": "Made by Steelyard from recorded answers; no model took part in the clustering.",
    "seconds": "s",
    "colon": ": ",
    "comma": ", ",
}
CHINESE = {
    "title": "案例分析",
    "lead": "错在哪里：按错误类型归类，各家回答并排对照。",
    "floor": "最低要求",
    "floor_meaning": "质量的置信下限不低于最低要求（{}），才算达标。",
    "items": "题",
    "quality_title": "各报价的质量",
    "offer": "报价",
    "verdict": "结论",
    "quality": "质量",
    "bounds": "95% 置信区间",
    "asked": "已答题数",
    "failed": "未得满分",
    "unscored": "未评分",
    "cost": "每个合格答案的费用",
    "per_thousand": "每千个 {}",
    "proven": "已达标",
    "not_proven": "尚未证明",
    "stale": "已过期",
    "none": "尚未测完",
    "failed_status": "未达标",
    "clusters_title": "错在哪里",
    "clusters_lead": "每个错误只归入一类。条形表示这一类占该报价全部错误的比例。",
    "kind": "错误类型",
    "failures": "个错误",
    "count": "错误数",
    "about": "题目含：{}",
    "rest": "其余",
    "all_failed": "无一全对",
    "only_one": "只有 {} 没有全对",
    "cases": "个案例",
    "more_cases": "同类案例还有 {} 个",
    "shown_above": "已在上面列出：",
    "too_large": "为控制文件大小，这一类的案例不再列出。",
    "more_clusters": "另有 {} 个较小的类，共 {} 个错误",
    "question": "题目",
    "options": "选项",
    "reference": "正确答案",
    "no_reference": "没有参考答案，由评分规则检查。",
    "answer": "回答",
    "compared": "与正确答案对照：",
    "gone": "缺少",
    "new": "写成",
    "right": "正确",
    "wrong": "不正确",
    "partly": "部分正确",
    "marks": "得分 {}",
    "not_graded": "未评分",
    "no_answer": "（空）",
    "cut": "……还有 {} 个字符",
    "graded_part": "评分依据",
    "reason": "评分说明",
    "tags": "标签",
    "note": "备注",
    "field": "字段",
    "no_failures": "没有错误：看过的回答全部得满分。",
    "no_records": "还没有回答：请先测评（steelyard weigh {}）。",
    "outdated": "这些回答来自旧的题集或提示词，当前的还没有测评。",
    "weighed": "测评日期",
    "as_of": "截至",
    "zone": "UTC 时间",
    "confidential": "含题目和回答，请勿外传。",
    "made_by": "由 Steelyard 根据已有回答生成，归类没有模型参与。",
    "seconds": "秒",
    "colon": "：",
    "comma": "、",
}
LANGUAGES: Mapping[str, Mapping[str, str]] = {"en": ENGLISH, "zh": CHINESE}
_KINDS = {"en": KINDS_ENGLISH, "zh": KINDS_CHINESE}
_WORDS = {"en": WORDS_ENGLISH, "zh": WORDS_CHINESE}


_REASONS_CHINESE = (
    (r"not named: ", "漏掉："),
    (r"must not be there: |found: ", "不应出现："),
    (r"not found: ", "没有出现："),
    (r"missing: ", "缺少："),
    (r"not followed: ", "没有遵守："),
    (r"wrong or missing: ", "填错或缺少："),
    (r"(\d+) characters, not (\d+) to (\d+)", r"\1 个字，要求 \2 到 \3 个"),
    (r"no JSON(?: object)? in the answer", "回答里没有 JSON"),
    (r"no label in the answer", "回答里没有给出类别"),
    (r"no letter of an option in the answer", "回答里没有选项字母"),
    (r"no number in the answer", "回答里没有数字"),
    (r"no query in the answer", "回答里没有查询语句"),
    (r"not one of the references", "与参考答案不一致"),
    (r"the answer holds nothing(?: but thoughts)?", "回答为空"),
    (r"the query does not run", "查询不能运行"),
    (r"other rows than the reference's", "结果与参考答案不同"),
    (r"the tests did not end", "测试没有跑完"),
    (r"the function gave None", "评分函数给出 None"),
    (r"the function gave (.+?), not a number from 0 to 1", r"评分函数给出 \1，不是 0 到 1 的数"),
    (r"the function raised (\w+)(?:: |$)", r"评分函数抛出 \1："),
    (r"the function used up its CPU time", "评分函数用完了 CPU 时间"),
    (r"the function took too long", "评分函数超时"),
    (r"the function used too much memory", "评分函数占用内存过多"),
    (r"the function wrote too much", "评分函数输出过多"),
    (r"the function's process ended with ", "评分函数的进程已退出，代码 "),
    (r"the judge answered nonsense", "裁判的回答无法解读"),
    (r"the judge's opinion turned with the order", "换了先后顺序，裁判的看法就变了"),
)
"""What the shipped graders say most, in Chinese; what is not here stays as it is."""


def reason_text(reason: str, language: str = "en") -> str:
    """What a grader says, in this language as far as it is known."""
    if language != "zh":
        return reason
    told = []
    for fault in reason.split("; "):
        for pattern, words in _REASONS_CHINESE:
            if found := re.match(pattern, fault):
                fault = found.expand(words) + fault[found.end() :]  # noqa: PLW2901
                break
        told.append(fault)
    return "；".join(told)


def kind_name(slug: str, language: str = "en") -> str:
    """What a kind is called."""
    return _KINDS[language].get(slug, slug)


def detail_name(detail: str, language: str = "en") -> str:
    """What a detail or a part is called: ``missing:days`` is ``missing: days``."""
    word, colon, text = detail.partition(":")
    wording = _WORDS[language].get(word) if colon else None
    return wording.format(text) if wording is not None else reason_text(detail, language)


def clean(text: str) -> str:
    """The text without what steers a terminal or turns a page's writing round: models wrote it.

    Line ends, tabs, all widths of space and the joiner inside emoji stay.
    """
    if text.isprintable():
        return text
    return "".join(c if _is_harmless(c) else "\N{REPLACEMENT CHARACTER}" for c in text)


def _is_harmless(char: str) -> bool:
    if char.isprintable() or char in "\n\t\N{ZERO WIDTH JOINER}":
        return True
    return unicodedata.category(char) == "Zs"
