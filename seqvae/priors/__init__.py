"""Priors: p(z), a `torch.distributions.Distribution` over the posterior's event.

A prior is built as `Prior(event_shape: torch.Size, posterior: nn.Module, *, ...)`; most take the event's shape alone. Calling it
gives the distribution. It states the `support` of its latents where that is not the real numbers.
"""
