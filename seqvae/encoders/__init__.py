"""Encoders: a batch of sequences to one feature vector each, `[B,H]`.

An encoder is built as `Encoder(steps: StepSpec, *, ...)`, called with a `SequenceBatch`, and states its feature `width`.
"""
