"""Whether an offer is the model that it is sold as: asked live, judged, written down.

``run`` is the way in. What the answers say is decided in ``steelyard.weigh.authenticity``; here is
who is asked, in which order, with whose key and money, and what becomes of the verdict.
"""
