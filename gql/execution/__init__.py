"""From a parsed request to the bytes of its answer: documents, their limits and costs, admission."""
