"""Random walks through the gateway over HTTP, judged by a reference that shares no code with the engine.

    python -m tests.differential --walks 2000 --seed 1

`people` are the contacts and what an operator means on one, `upstream` four small servers by the APIs' pages that can
lie, `walks` asks the gateway and judges what comes. `test_differential.py` runs a short form of it.
"""
