"""What leaves of the record in a shape that others read: text, PDF, FHIR, each for a profile of reader.

In: a `Document`, the `Parties` that stand over it, a profile. Out: strings and bytes, the same for the same input. Reads no store, opens no key and
knows no private note: it renders what it is handed.
"""
