"""The suite that every provider in the registry is judged by, unedited (DESIGN.md 1).

A further provider needs its line in `providers.registry`, its fake in `providers.apis.fakes.FAKES`, and
providers/apis/<name>/samples/*.json: bodies as its API page describes them, with where each member of a row is found.
What a table claims is judged by functions (`judgements`, `filter_judgements`) that raise NotAsDeclared; test_lies.py
sees them catch lies.
"""
