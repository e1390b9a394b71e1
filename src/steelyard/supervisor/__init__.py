"""Starts, watches, restarts and drains the processes of one state folder.

``serve`` is the entry; the command line gives it settings and a teller. Nothing here looks into a
call, a price or the database: what the supervisor knows about them it reads from control's API.
"""
