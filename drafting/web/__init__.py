"""The desk: what a browser sees of the record, and what a program may ask of it, over HTTP.

In: a practice, engines and jobs, handed in as a `Desk`. Out: pages and JSON. Knows no adapter; whatever it does to what is kept, the record's own
rooms do.
"""
