"""Made-up people, and how each API happens to have written them down."""
