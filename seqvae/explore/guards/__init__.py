"""Guards: what keeps a climb where the decoder still means something. Each is one file, and each can be switched on or off.

A guard is built as `Guard(*, ...)` and may hold a climb back in three ways (`guard.py`): a penalty on the score, a projection after
each step, a test of what was decoded.
"""
