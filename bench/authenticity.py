"""How often a swapped channel is found, and how often a genuine one is accused.

`measure()` gives the figures; `python -m bench.authenticity` prints them. Every trial draws a
reference and a suspect from the recorded pool (`steelyard/weigh/pools`, made by
`bench/record_pool.py`) and judges them at a total error of 1 %. The suspect answers 300 calls, as
`steelyard.weigh.authenticity.probes` plans them: 6 answers to each of 24 open probes, 6 to each of
16 steady probes, two to each of 16 needle probes, one to each other. The reference has the rest of
what was recorded of the genuine channel (`reference` in `meta` tells how many answers). The two
never share an answer. What another model says at temperature 0 was recorded a few times only, since
it hardly varies: it is drawn with replacement. Of the genuine channel nothing is.

    auth_power_swap      the 0.5B is sold as the 1.5B
    auth_power_quant     the same weights, quantised anew to Q4_0
    auth_power_quant_blind  the same, and the channel gives no log-probabilities
    auth_power_mixture   each call has a chance of one in four to go to the 0.5B
    auth_power_usage     the 1.5B with prompt and completion counts inflated by 10 %, or with
                         10 prompt tokens on top of each call; the worse of the two
    auth_power_cut       the 1.5B, fed with half of each long prompt (without middle, or without
                         head), the reported counts honest or those of the whole; the worst
    auth_false_alarm     the 1.5B against itself: share of trials that accuse it
    auth_mixture_prompts_95  calls in all by which 95 in 100 such mixtures are found; of the sizes
                         of a test that are tried (see `_prompts`)

`one steady prompt in 20 turned` in `meta` is an honest seller whose other hardware turns ties: the
0.5B's answers stand for what the model would say then.

`meta` has how often each finding was an alarm, exact bounds for each share, and how well the share
of a known substitute is measured (`substitute.share_of`; here the 0.5B's recordings not drawn).

Kernel, shares of the error and lengths were fixed before the first answer was recorded. What was
changed after a look at verdicts: needles are asked twice, not once, since a cut with made-up counts
was often missed; and steady probes were added, with a statistic that was chosen on half of these
recordings (`docs/design/authenticity.md`). Resampling from one pool does not show how models differ
over days or machines, and a channel of which little was recorded (`recorded` in `meta`) varies
little; `bounds` in `meta` are those that follow from the number of trials alone.
"""

import math
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from fractions import Fraction
from functools import cache, partial
from multiprocessing import get_context
from statistics import fmean

from rich.console import Console

from steelyard.weigh.authenticity.pairs import of_kind, paired
from steelyard.weigh.authenticity.pool import GENUINE, Pool, read_pool, shipped_pools
from steelyard.weigh.authenticity.probes import Kind, Probe, ProbeAnswer, find_probe, probes
from steelyard.weigh.authenticity.substitute import share_of
from steelyard.weigh.authenticity.verdict import AuthenticityState, judge

SEED = 1
MODEL = "qwen2.5-coder-1.5b-instruct"
ERROR = Fraction(1, 100)
TRIALS_GENUINE = 1200
TRIALS_FOUND = 80
"""Of each way to cheat; what is found at all costs the most permutations."""
MIXED = 0.25
_MOST = 0.95
INFLATED = 1.1
ON_TOP = 10
TURNED = 0.05
"""Share of steady prompts that an honest seller's other hardware answers otherwise, every time."""
_OPEN_ALONE = 10
_BATCH = 25
_FEWER = "mixture in calls: "
_FEWER_CALLS = {140: 2, 180: 3, 220: 4, 260: 5}
"""Calls of a test in which steady and open probes are asked so many times each, instead of six."""

Answers = dict[str, list[ProbeAnswer]]
Outcome = tuple[str, tuple[str, ...]]
"""State of the verdict, names of its alarms."""


def measure(
    trials_genuine: int = TRIALS_GENUINE, trials_found: int = TRIALS_FOUND, processes: int = 2
) -> tuple[dict[str, float], dict[str, object]]:
    """Runs all trials; the figures, and what stands behind them.

    Args:
        trials_genuine: how often the genuine channel is judged.
        trials_found: how often each way to cheat is judged.
        processes: how many at a time.
    """
    done: dict[str, list[Outcome]] = {}
    with ProcessPoolExecutor(processes, mp_context=get_context("fork")) as pool:
        for way in (*WAYS, *(f"{_FEWER}{calls}" for calls in _FEWER_CALLS)):
            trials = trials_genuine if way == GENUINE else trials_found
            starts = range(0, trials, _BATCH)
            parts = [range(start, min(start + _BATCH, trials)) for start in starts]
            done[way] = [found for part in pool.map(partial(_batch, way), parts) for found in part]
    shares = {way: _share(found) for way, found in done.items()}
    reference, suspect = _draw("genuine", 0)
    figures = {
        "auth_power_swap": shares["swap"],
        "auth_power_quant": shares["quant"],
        "auth_power_quant_blind": shares["quant, no log-probabilities"],
        "auth_power_mixture": shares["mixture"],
        "auth_mixture_prompts_95": _prompts(shares),
        "auth_power_usage": min(shares["usage factor"], shares["usage constant"]),
        "auth_power_cut": min(share for way, share in shares.items() if way.startswith("cut")),
        "auth_false_alarm": shares["genuine"],
    }
    return figures, {
        "error": float(ERROR),
        "calls": len(suspect),
        "reference": len(reference),
        "recorded": {name: len(entry.answers) for name, entry in _pool().channels.items()},
        "share_of_known_substitute": _shares_of_mixtures(trials_found),
        "ways": {way: _row(found) for way, found in done.items()},
    }


def _prompts(shares: Mapping[str, float]) -> int:
    """Calls by which 95 in 100 mixtures are found.

    Of one test, if 300 are enough; else of as many tests as it takes if each finds it anew, which
    is not free: each test has an error of its own.
    """
    whole = sum(probe.samples for probe in probes())
    by_calls = {calls: shares[f"{_FEWER}{calls}"] for calls in _FEWER_CALLS}
    by_calls[whole] = shares["mixture"]
    enough = [n for n in by_calls if all(by_calls[more] >= _MOST for more in by_calls if more >= n)]
    if enough:
        return min(enough)
    missed = 1 - max(shares["mixture"], 1 / TRIALS_FOUND)
    return whole * math.ceil(math.log(1 - _MOST) / math.log(missed))


def _shares_of_mixtures(trials: int) -> dict[str, float]:
    """How well the swapped share is measured with the substitute's recordings at hand."""
    found = []
    for trial in range(trials):
        reference, suspect = _draw("mixture", trial)
        taken = set(map(id, suspect))
        others = [answer for answer in _pool().channels["swap"].answers if id(answer) not in taken]
        share = share_of(of_kind(paired(reference, suspect), Kind.OPEN), others)
        if share is not None:
            found.append(share)
    return {
        "true": MIXED,
        "mean": round(fmean(share.estimate for share in found), 3),
        "held_by_its_bounds": round(fmean(s.lower <= MIXED <= s.upper for s in found), 3),
        "width": round(fmean(share.upper - share.lower for share in found), 3),
    }


def _batch(way: str, trials: Sequence[int]) -> list[Outcome]:
    return [_judged(way, trial) for trial in trials]


def _judged(way: str, trial: int) -> Outcome:
    reference, suspect = _draw(way, trial)
    # The permutations are the same for all trials of a batch, which saves making them; they are
    # fixed before any answer is seen, so each trial keeps its error.
    verdict = judge(reference, suspect, error=ERROR, seed=SEED + trial // _BATCH)
    return verdict.state.value, tuple(alarm.name for alarm in verdict.alarms)


def _draw(way: str, trial: int) -> tuple[list[ProbeAnswer], list[ProbeAnswer]]:
    """A reference and a suspect that shares no answer with it."""
    draw = random.Random(f"{SEED} {way} {trial}")  # noqa: S311 - a trial, not a secret
    name, _, calls = way.partition(_FEWER)
    most = _FEWER_CALLS[int(calls)] if calls else None
    reference, suspect = [], []
    for probe_id, answers in _answers("genuine").items():
        n = _samples(find_probe(probe_id))
        mixed = draw.sample(answers, len(answers))
        reference += mixed[n:]
        own = mixed[: n if most is None else min(n, most)]
        suspect += WAYS[name or "mixture"](probe_id, own, draw)
    return reference, suspect


def _samples(probe: Probe) -> int:
    """How often a suspect is asked; without steady answers those calls go to the open."""
    has_steady = any(probe_id.startswith("steady") for probe_id in _answers(GENUINE))
    if probe.kind is Kind.OPEN and not has_steady:
        return _OPEN_ALONE
    return probe.samples


@cache
def _pool() -> Pool:
    return read_pool(shipped_pools()[MODEL])


@cache
def _answers(channel: str) -> Answers:
    by_probe: Answers = defaultdict(list)
    for answer in _pool().channels[channel].answers:
        by_probe[answer.probe_id].append(answer)
    return dict(by_probe)


Way = Callable[[str, list[ProbeAnswer], random.Random], list[ProbeAnswer]]


def _genuine(probe_id: str, own: list[ProbeAnswer], draw: random.Random) -> list[ProbeAnswer]:
    return own


def _from(channel: str, probe_id: str, n: int, draw: random.Random) -> list[ProbeAnswer]:
    """Recorded answers of another channel; at temperature 0 a few stand for any number of them."""
    recorded = _answers(channel).get(probe_id, [])
    if find_probe(probe_id).kind is Kind.STEADY and recorded:
        return draw.choices(recorded, k=n)
    return draw.sample(recorded, min(n, len(recorded)))


def _other(channel: str, *, is_blind: bool = False) -> Way:
    def answer(probe_id: str, own: list[ProbeAnswer], draw: random.Random) -> list[ProbeAnswer]:
        found = _from(channel, probe_id, len(own), draw)
        return [replace(each, logprobs=None) for each in found] if is_blind else found

    return answer


def _turned(probe_id: str, own: list[ProbeAnswer], draw: random.Random) -> list[ProbeAnswer]:
    """As other hardware would: a whole prompt answered otherwise, or not at all."""
    is_turned = find_probe(probe_id).kind is Kind.STEADY and draw.random() < TURNED
    return (_from("swap", probe_id, len(own), draw) or own) if is_turned else own


def _mixed(share: float) -> Way:
    def answer(probe_id: str, own: list[ProbeAnswer], draw: random.Random) -> list[ProbeAnswer]:
        foreign = _from("swap", probe_id, len(own), draw)
        if not foreign:
            return own
        return [b if draw.random() < share else a for a, b in zip(own, foreign, strict=True)]

    return answer


def _by_factor(probe_id: str, own: list[ProbeAnswer], draw: random.Random) -> list[ProbeAnswer]:
    return [
        replace(
            answer,
            prompt_tokens=round((answer.prompt_tokens or 0) * INFLATED),
            completion_tokens=round((answer.completion_tokens or 0) * INFLATED),
        )
        for answer in own
    ]


def _by_constant(probe_id: str, own: list[ProbeAnswer], draw: random.Random) -> list[ProbeAnswer]:
    return [replace(answer, prompt_tokens=(answer.prompt_tokens or 0) + ON_TOP) for answer in own]


def _cut(channel: str, *, is_honest: bool) -> Way:
    def answer(probe_id: str, own: list[ProbeAnswer], draw: random.Random) -> list[ProbeAnswer]:
        if find_probe(probe_id).kind is not Kind.NEEDLE:
            return own
        cut = _from(channel, probe_id, len(own), draw)
        if is_honest:
            return cut
        return [replace(a, prompt_tokens=b.prompt_tokens) for a, b in zip(cut, own, strict=True)]

    return answer


WAYS: Mapping[str, Way] = {
    "genuine": _genuine,
    "one steady prompt in 20 turned": _turned,
    "swap": _other("swap"),
    "quant": _other("quant"),
    "quant, no log-probabilities": _other("quant", is_blind=True),
    "mixture": _mixed(MIXED),
    "mixture of a tenth": _mixed(0.1),
    "usage factor": _by_factor,
    "usage constant": _by_constant,
    "cut middle, honest count": _cut("cut-middle", is_honest=True),
    "cut middle, count of the whole": _cut("cut-middle", is_honest=False),
    "cut head, honest count": _cut("cut-head", is_honest=True),
    "cut head, count of the whole": _cut("cut-head", is_honest=False),
}


def _share(found: Sequence[Outcome]) -> float:
    accused = sum(state == AuthenticityState.NOT_GENUINE for state, _ in found)
    return round(accused / len(found), 4)


def _row(found: Sequence[Outcome]) -> dict[str, object]:
    n = len(found)
    accused = sum(state == AuthenticityState.NOT_GENUINE for state, _ in found)
    return {
        "trials": n,
        "accused": accused,
        "unsure": sum(state == AuthenticityState.UNSURE for state, _ in found),
        "bounds_95": [round(bound, 4) for bound in clopper_pearson(accused, n, 0.05)],
        "alarms": dict(Counter(name for _, names in found for name in names).most_common()),
    }


def clopper_pearson(hits: int, n: int, error: float) -> tuple[float, float]:
    """Exact two-sided bounds of a probability after `hits` in `n` trials, by bisection."""

    def reaches(p: float, least: int) -> float:
        """Probability of at least so many hits; by logarithms, since the binomials are huge."""
        if not 0 < p < 1:
            return float(least == 0 or p >= 1)
        return math.fsum(
            math.exp(
                math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
                + k * math.log(p) + (n - k) * math.log1p(-p)
            )
            for k in range(least, n + 1)
        )  # fmt: skip

    def solve(goal: float, least: int) -> float:
        low, high = 0.0, 1.0
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (middle, high) if reaches(middle, least) < goal else (low, middle)
        return low

    lower = solve(error / 2, hits) if hits else 0.0
    upper = solve(1 - error / 2, hits + 1) if hits < n else 1.0
    return lower, upper


def main() -> int:
    """Print the figures; return the exit code."""
    figures, meta = measure()
    Console().print(figures, meta)
    return 0


if __name__ == "__main__":
    sys.exit(main())
