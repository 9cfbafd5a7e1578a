"""Calls that fail, are repeated, limited or left out."""
