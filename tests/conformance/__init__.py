"""The suite that every provider in the registry is judged by, unedited (DESIGN.md 1, STYLE.md)."""
