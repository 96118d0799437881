"""What the desk holds to, measured: a room for each figure. Run by `python -m bench.service`."""
