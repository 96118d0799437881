"""The API, version 1: a file a resource, each with its `router`.

In: JSON, and bytes of a recording. Out: JSON, problems (`web.problems`), documents. Knows no page.
"""
