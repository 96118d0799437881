"""What the record holds to, measured: a room for each figure, on SQLite and on PostgreSQL. Run by `python -m bench.record`."""
