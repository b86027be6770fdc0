"""Priors: p(z), a `torch.distributions.Distribution` over the posterior's event.

A prior is built as `Prior(event_shape: torch.Size, *, ...)`, and may ask for the model's `posterior` by a second positional
parameter of that name. Calling it gives the distribution. It states the `support` of its latents where that is not the real
numbers.
"""
