"""The worst requests known: what each must come to, and what it costs (`python -m bench.worst.run`)."""
