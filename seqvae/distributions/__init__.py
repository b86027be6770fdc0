"""Distributions that torch lacks, as `torch.distributions.Distribution`: they declare their support and their parameters' domains.

| module | what |
|---|---|
| `sphere` | the unit sphere as a support, and the uniform distribution on it |
| `bessel` | the normaliser of the von Mises-Fisher distribution and its derivative |
| `von_mises_fisher`, `power_spherical` | a direction and a concentration |
| `point_mass` | all mass on one point: a posterior without a density |
| `autoregressive_normal` | AR(1): a sequence of latents, each a step from the last |
| `inverse_autoregressive` | a Gaussian pushed through autoregressive maps |
| `gaussian_rates` | KL(full-covariance Gaussian || independent Gaussians) |

Closed-form divergences are registered with `torch.distributions.register_kl`, where `seqvae.rate` finds them.
"""
