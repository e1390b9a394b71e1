"""One OpenAI-compatible endpoint before every model vendor: priced, weighed, routed, booked."""

__version__ = "0.1.0"
