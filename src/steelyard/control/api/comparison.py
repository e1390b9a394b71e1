"""The offers of a task side by side on the same items: ``GET /api/comparison/{task}``.

For administrators, as all that run files tell; no item and no answer is in it.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from steelyard.control import comparison
from steelyard.control.api.readiness import offer_row
from steelyard.control.api.web import admin, control_of, listed
from steelyard.control.comparison import Comparison
from steelyard.weigh.comparison import Pair
from steelyard.weigh.stats import CONFIDENCE


@admin
async def show_comparison(request: Request) -> Response:
    """Each offer against one base; ``offers=a,b``: those only, the first one is the base."""
    named = request.query_params.get("offers", "").split(",")
    offers = list(dict.fromkeys(name for name in named if name))
    found = await comparison.look(control_of(request), request.path_params["task"], offers)
    return listed(
        [pair_row(pair) for pair in found.pairs],
        task=found.task,
        base=found.base,
        base_is=found.base_is.value,
        confidence=str(CONFIDENCE),
        offers=[paper_row(found, offer) for offer in found.papers],
        currency=found.currency,
        outdated=list(found.outdated),
        problems=list(found.problems),
    )


def pair_row(pair: Pair) -> dict[str, Any]:
    """An offer against the base; bounds are exact, as text."""
    mean, lower, upper, n = pair.difference
    return {
        "offer": pair.offer,
        "base": pair.base,
        "n": n,
        "wins": pair.wins,
        "losses": pair.losses,
        "n_unscored": pair.n_unscored,
        "n_beyond": pair.n_beyond,
        "difference": None if mean is None else float(mean),
        "lower": str(lower),
        "upper": str(upper),
        "finding": pair.finding.value,
        "text": pair.text,
    }


def paper_row(found: Comparison, offer: str) -> dict[str, Any]:
    """What one of the offers answered, with its verdict beside it where there is one."""
    paper, known = found.papers[offer], found.standings.get(offer)
    return {
        "offer": offer,
        "form_digest": paper.form_digest,
        "items": len(paper.grades),
        "newest": paper.newest,
        "verdict": None if known is None else offer_row(known),
    }


routes = [Route("/api/comparison/{task:path}", show_comparison)]
