"""The evidence of a test as one page of HTML, in Chinese and English, that needs no network.

Pure; everything that came from outside is escaped. What a page leaves out, such as the whole of a
long prompt, stands in the document beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from html import escape
from typing import Any

from steelyard.domain.money import format_pico

__all__ = ["page"]

_PROMPT_MAX, _ANSWER_MAX = 300, 200
_STATES = {
    "genuine": ("genuine", "属实：未发现异常"),
    "not_genuine": ("not the model that it is sold as", "对不对版：与所售模型不符"),
    "unsure": ("not sure; more answers are needed", "尚不能确定，需要更多回答"),
}
_FINDINGS = {
    "steady_differ": "温度为 0 时的回答与参照不同：全部或部分由别的模型或别的权重回答",
    "answers_differ": "回答的分布与参照不同",
    "part_swapped": "部分流量由别的模型回答",
    "answer_length": "回答的长度与参照不同",
    "prompt_count": "上报的输入词元数与参照不符",
    "completion_count": "上报的输出词元数与参照不符",
    "context_cut": "长文中找到的内容少于参照：上下文被截断，或模型较弱",
    "limit_ignored": "不遵守 max_tokens",
    "logprobs_differ": "对数概率与参照不同",
}
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#111}
table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}
td,th{border:1px solid #bbb;padding:.3rem .5rem;text-align:left;vertical-align:top}
td{overflow-wrap:break-word;max-width:32rem}h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}
.alarm{background:#fde8e6}.small{color:#555;font-size:.85rem}
"""


def page(document: Mapping[str, Any]) -> str:
    """The whole page; ``document`` is evidence as ``evidence`` reads it."""
    bought, verdict = document["bought"], document["verdict"]
    english, chinese = _STATES.get(verdict["state"], (verdict["state"],) * 2)
    parts = [
        "<!doctype html><html lang='zh'><head><meta charset='utf-8'>",
        f"<title>{_t(bought['offer'])}: {_t(english)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{_t(bought['offer'])}: {_t(english)} / {_t(chinese)}</h1>",
        f"<p>{_t(verdict['why'])}</p>",
        *_found(verdict),
        *_promise(document),
        *_bought(document),
        *_findings(verdict),
        *_method(document),
        *_sides(document),
        *_ledger(document["ledger"]),
        "</body></html>",
    ]
    return "\n".join(parts)


def _found(verdict: Mapping[str, Any]) -> Iterable[str]:
    """What is wrong, in Chinese; figures stand in the English sentences and in the table."""
    wrong = [_FINDINGS.get(f["name"], f["name"]) for f in verdict["findings"] if f["is_alarm"]]
    if wrong:
        yield f"<p>检测发现：{_t('。'.join(wrong))}。（数值见下表）</p>"


def _promise(document: Mapping[str, Any]) -> Iterable[str]:
    share = _percent(document["method"]["error"])
    yield (
        "<p>This test calls a seller that really serves the model something else with a"
        f" probability of at most {share}.</p>"
        f"<p>若商家确实提供该模型，本检测误判其为“不对版”的概率不超过 {share}。</p>"
    )


def _bought(document: Mapping[str, Any]) -> Iterable[str]:
    bought, reference, paid = document["bought"], document["reference"], document["paid"]
    yield "<h2>What was bought / 购买内容</h2>"
    against = " ".join(f"{name}: {value}" for name, value in reference.items())
    cost = f"{format_pico(int(paid['cost_pico']))} {paid['currency']}"
    yield _table(
        (),
        [
            ("offer / 报价", bought["offer"]),
            ("model sold / 所售模型", bought["model"]),
            ("model asked for / 请求的模型名", bought["upstream_model"]),
            ("seller / 商家", f"{bought['vendor']} ({bought['channel']}) {bought['address']}"),
            ("compared with / 参照", against),
            ("from, to (UTC) / 起止时间", f"{document['began']}, {document['ended']}"),
            ("calls, cost / 调用次数与费用", f"{paid['calls']}, {cost}"),
        ],
    )
    yield "<h2>Contract prices / 合同价格</h2>"
    yield _table(
        ("item / 项目", "price / 价格", "condition / 条件", "from / 生效", "source / 来源"),
        [
            (
                *(p["item"], f"{_amount(p['amount'])} {p['currency']} per {p['per']}"),
                *(p["condition"], p["from"], p["source"]),
            )
            for p in bought["prices"]
        ],
    )
    yield "<p class='small'>mtok: a million tokens / 百万词元</p>"


def _findings(verdict: Mapping[str, Any]) -> Iterable[str]:
    yield "<h2>Findings / 检测结果</h2>"
    yield (
        "<p class='small'>p: how likely so large a difference is if both are the same model; an"
        " alarm is raised below the share of the error that a test holds. / p"
        " 值：若两边是同一模型，出现如此差异的概率；低于该检验分得的误判率即报警。</p>"
    )
    rows = [
        (
            *(f["name"], _FINDINGS.get(f["name"], ""), f["words"], _number(f["p_value"])),
            *(_percent(f["error"]), f["n"], "alarm / 报警" if f["is_alarm"] else ""),
        )
        for f in (*verdict["findings"], *verdict["hints"])
    ]
    titles = ("test / 检验", "含义", "words / 说明", "p", "error / 误判率", "answers / 回答数", "")
    yield _table(titles, rows, marked=[bool(row[-1]) for row in rows])


def _method(document: Mapping[str, Any]) -> Iterable[str]:
    method = document["method"]
    yield "<h2>Method / 方法</h2>"
    yield (
        "<p>Both sides are asked the same public questions with the same sampling, in random order,"
        " some of them at temperature 0. Answers are compared as distributions by permutation"
        " tests; token counts, obedience to max_tokens and long contexts are compared with the"
        " reference. The shares of the error add up to the whole.</p><p>两边以相同参数、随机顺序"
        "回答同一组公开问题，其中一部分温度为 0；用置换检验比较回答的分布，并与参照比对词元计数、"
        "max_tokens 的遵守情况和长上下文。各检验的误判率之和不超过总误判率。</p>"
    )
    told = [(name, _plain(name, value)) for name, value in method.items()]
    yield _table((), [*told, ("made by / 软件", document["made_by"])])
    yield (
        "<p class='small'>To check: <code>steelyard authenticity check FILE</code> judges the"
        " answers in evidence.json again. / 复核：该命令用 evidence.json 中的回答重新计算。</p>"
    )


def _sides(document: Mapping[str, Any]) -> Iterable[str]:
    answers = document["answers"]
    by_probe: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    for side in ("reference", "suspect"):
        for row in answers[side]:
            by_probe.setdefault(row["probe_id"], {}).setdefault(side, []).append(row)
    yield "<h2>Questions and answers / 问题与回答</h2>"
    titles = ("question / 问题", "reference / 参照", "bought / 所购")
    rows = [
        (f"{p['id']}: {_cut(p['prompt'], _PROMPT_MAX)}", *(_side(found.get(s, ())) for s in _SIDES))
        for p in document["probes"]
        if (found := by_probe.get(p["id"], {}))
    ]
    yield _table(titles, rows)


_SIDES = ("reference", "suspect")


def _side(rows: Sequence[Mapping[str, Any]]) -> str:
    """What one side answered to one question, the most frequent first."""
    counted = Counter(
        (row["text"], row["prompt_tokens"], row["completion_tokens"], row["finish_reason"])
        for row in rows
    )
    lines = []
    for (text, tokens_in, tokens_out, finish), count in counted.most_common():
        often = f"{count} × " if count > 1 else ""
        said = _cut(text.strip(), _ANSWER_MAX) or "(nothing / 空)"
        lines.append(f"{often}{said} [{tokens_in}→{tokens_out}, {finish}]")
    return "\n".join(lines)


def _ledger(lines: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    yield "<h2>What was booked / 记账明细</h2>"
    titles = ("call / 调用", "UTC", "vendor's id / 商家编号", "model / 模型", "in", "out", "cost")
    yield _table(
        titles,
        [
            (
                *(line["attempt_id"], line["called_at"], line["vendor_call_id"]),
                *(line["model_answered"], line["input_tokens"], line["output_tokens"]),
                f"{format_pico(int(line['cost_pico']))} {line['currency']}",
            )
            for line in lines
        ],
    )


def _table(
    titles: Sequence[str], rows: Iterable[Sequence[Any]], marked: Sequence[bool] = ()
) -> str:
    head = "".join(f"<th>{_t(title)}</th>" for title in titles)
    body = []
    for number, row in enumerate(rows):
        cells = "".join(f"<td>{_t(cell)}</td>" for cell in row)
        mark = " class='alarm'" if number < len(marked) and marked[number] else ""
        body.append(f"<tr{mark}>{cells}</tr>")
    return f"<table>{f'<tr>{head}</tr>' if head else ''}{''.join(body)}</table>"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _percent(share: Any) -> str:
    """A share of the error; none where a finding decides nothing."""
    value = 100 * float(Fraction(str(share)))
    return f"{value:.3g} %" if value else ""


def _amount(text: str) -> str:
    """A price as people read it; one that no decimal says whole is told with its fraction."""
    if "/" not in text:
        return text
    return f"{Decimal(f'{float(Fraction(text)):.6g}'):f} ({text})"


def _plain(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {each}" for key, each in value.items())
    return _percent(value) if name == "error" else str(value)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}…"


def _t(value: Any) -> str:
    text = "" if value is None else str(value)
    shown = "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)
    return escape(shown).replace("\n", "<br>")
