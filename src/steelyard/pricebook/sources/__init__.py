"""Parsers of published price lists, one file each; pure."""
