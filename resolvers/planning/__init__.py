"""What a source is asked, what is applied here, and where the order is made."""
