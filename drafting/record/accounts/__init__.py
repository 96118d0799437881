"""Accounts: who may log in (`logins`, `passkeys`), for how long (`sessions`), and how often a wrong word is heard (`throttling`).

In: a practice. Out: persons' ids, sessions, opened keys. Knows no page and no note. What a login is checked by opens nothing: a person's keys are
under a passphrase of their own (`keys.passphrases`).
"""
