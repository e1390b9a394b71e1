"""Requests of consenting accounts, kept to draw test items from."""
