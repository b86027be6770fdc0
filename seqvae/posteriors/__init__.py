"""Posteriors: features `[B,H]` to q(z|x), a `torch.distributions.Distribution` with batch `[B]` and event `event_shape`.

A posterior is built as `Posterior(width: int, *, ...)` and states its `event_shape`, the feature `width` it reads and, where that
is not the real numbers, the `support` of its latents; one that is made for some priors only names them in `priors`. Its
distribution answers `rsample`, `log_prob` (at any point, not only at its own samples) and `mean`; where a posterior has none in
closed form, the class says which location stands for it. The divergence from a prior is registered with
`torch.distributions.register_kl`, or else estimated at the samples.
"""
