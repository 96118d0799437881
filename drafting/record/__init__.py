"""What is kept, who may read it, and what may leave.

Three places with three kinds of keys: the workbench (everything unsigned, each encounter under a key pair of its own), private notes (their authors'
keys), and the record (signed notes and the rest, the practice's key). Knows no page and no engine.
"""
