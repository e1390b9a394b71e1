"""Prices in the database: the book, the lists that fill it, exchange rates, levels."""
