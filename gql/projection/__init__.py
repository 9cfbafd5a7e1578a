"""Compiled projection: answers from plain records without a Python call per field."""
