"""One operation: who may be asked, what was asked already, and its explanation."""
