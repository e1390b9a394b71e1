"""Pages for people; reads through control only."""
