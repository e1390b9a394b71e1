"""The data-plane worker: an immutable snapshot in, a journal out."""
