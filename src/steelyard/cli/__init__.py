"""The command line: each command asks another part one question and prints what it says.

One file per group of commands; whatever is slow to import is imported by the command that needs it,
so that ``steelyard --help`` answers at once.
"""
