"""Reading a stretch of a list, or all of it, whatever page sizes the source gives."""
