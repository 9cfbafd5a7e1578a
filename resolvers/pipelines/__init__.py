"""Pipelines: boards, stages and their contacts."""
