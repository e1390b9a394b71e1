"""HTTP/1.1 and SSE mechanics; knows nothing of models."""
