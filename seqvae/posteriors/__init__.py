"""Posteriors: features `[B,H]` to q(z|x), a `torch.distributions.Distribution` with batch `[B]` and event `event_shape`.

A posterior is built as `Posterior(width: int, *, ...)` and states its `event_shape`.
"""
