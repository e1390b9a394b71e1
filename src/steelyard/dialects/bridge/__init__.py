"""Translation between chat dialects that differ; see ``neutral`` for what it goes through."""
