"""The figures that we promise, measured. `python -m bench` or `make bench`. Never part of the tests."""
