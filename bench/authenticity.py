"""How often a swapped channel is found, and how often a genuine one is accused.

`measure()` gives the figures; `python -m bench.authenticity` prints them. Every trial draws a
reference and a suspect from the recorded pool (`steelyard/weigh/pools`, made by
`bench/record_pool.py`) and judges them at a total error of 1 %. The suspect answers 300 calls, as
`steelyard.weigh.authenticity.probes` plans them: 10 answers to each of 24 open probes, two to each
of 16 needle probes, one to each other. The reference has the rest of what was recorded of the
genuine channel (`reference` in `meta` tells how many answers). The two never share an answer.

    auth_power_swap      the 0.5B is sold as the 1.5B
    auth_power_quant     the same weights, quantised anew to Q4_0
    auth_power_mixture   each call has a chance of one in four to go to the 0.5B
    auth_power_usage     the 1.5B with prompt and completion counts inflated by 10 %, or with
                         10 prompt tokens on top of each call; the worse of the two
    auth_power_cut       the 1.5B, fed with half of each long prompt (without middle, or without
                         head), the reported counts honest or those of the whole; the worst
    auth_false_alarm     the 1.5B against itself: share of trials that accuse it

`meta` has how often each finding was an alarm, exact bounds for each share, and how well the share
of a known substitute is measured (`substitute.share_of`; here the 0.5B's recordings not drawn).

Kernel, shares of the error and lengths were fixed before the first answer was recorded. One thing
was changed after a look at verdicts: needles are asked twice, not once, since a cut with made-up
counts was often missed. Resampling from one pool does not show how models differ over days or
machines, and a channel of which little was recorded (`recorded` in `meta`) varies little; `bounds`
in `meta` are those that follow from the number of trials alone.
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
from steelyard.weigh.authenticity.pool import Pool, read_pool, shipped_pools
from steelyard.weigh.authenticity.probes import Kind, ProbeAnswer, find_probe
from steelyard.weigh.authenticity.substitute import share_of
from steelyard.weigh.authenticity.verdict import AuthenticityState, judge

SEED = 1
MODEL = "qwen2.5-coder-1.5b-instruct"
ERROR = Fraction(1, 100)
TRIALS_GENUINE = 1200
TRIALS_FOUND = 80
"""Of each way to cheat; what is found at all costs the most permutations."""
MIXED = 0.25
INFLATED = 1.1
ON_TOP = 10
_BATCH = 25

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
        for way in WAYS:
            trials = trials_genuine if way == "genuine" else trials_found
            starts = range(0, trials, _BATCH)
            parts = [range(start, min(start + _BATCH, trials)) for start in starts]
            done[way] = [found for part in pool.map(partial(_batch, way), parts) for found in part]
    shares = {way: _share(found) for way, found in done.items()}
    reference, suspect = _draw("genuine", 0)
    figures = {
        "auth_power_swap": shares["swap"],
        "auth_power_quant": shares["quant"],
        "auth_power_mixture": shares["mixture"],
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
    reference, suspect = [], []
    for probe_id, answers in _answers("genuine").items():
        n = find_probe(probe_id).samples
        mixed = draw.sample(answers, len(answers))
        reference += mixed[n:]
        suspect += WAYS[way](probe_id, mixed[:n], draw)
    return reference, suspect


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


def _other(channel: str) -> Way:
    def answer(probe_id: str, own: list[ProbeAnswer], draw: random.Random) -> list[ProbeAnswer]:
        return draw.sample(_answers(channel)[probe_id], len(own))

    return answer


def _mixture(probe_id: str, own: list[ProbeAnswer], draw: random.Random) -> list[ProbeAnswer]:
    foreign = draw.sample(_answers("swap")[probe_id], len(own))
    return [b if draw.random() < MIXED else a for a, b in zip(own, foreign, strict=True)]


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
        cut = draw.sample(_answers(channel)[probe_id], len(own))
        if is_honest:
            return cut
        return [replace(a, prompt_tokens=b.prompt_tokens) for a, b in zip(cut, own, strict=True)]

    return answer


WAYS: Mapping[str, Way] = {
    "genuine": _genuine,
    "swap": _other("swap"),
    "quant": _other("quant"),
    "mixture": _mixture,
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
