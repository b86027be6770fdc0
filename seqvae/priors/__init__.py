"""Priors: p(z), a `torch.distributions.Distribution` over the posterior's event.

A prior is built as `Prior(event_shape: torch.Size, *, ...)`; calling it gives the distribution.
"""
