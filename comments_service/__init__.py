"""The comments service: takes replies, keeps emails, lets editors decide, hands out what is public.

The modules import each other in one direction only (tests/test_imports.py): settings, errors,
tables, store, markup, moderation, auth, web, app, commands.
"""
