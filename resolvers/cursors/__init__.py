"""Cursors: their text, and the bookmarks in them."""
