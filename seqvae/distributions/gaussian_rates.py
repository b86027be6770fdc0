"""KL of a full-covariance Gaussian from independent Gaussians, without the detour over a second full covariance.

    KL(N(mu, L L^T) || prod_i N(m_i, s_i^2)) = sum_i [ (|L_i|^2 + (mu_i - m_i)^2) / (2 s_i^2) - 1/2 + ln s_i - ln L_ii ]

No matrix is inverted, so the rate stays finite however ill-conditioned L is.
"""

from __future__ import annotations

from torch import Tensor
from torch.distributions import Independent, MultivariateNormal, Normal, register_kl


def _divergence(q: MultivariateNormal, p: Independent) -> Tensor:
    """Nats, `[B]`."""
    if not isinstance(p.base_dist, Normal) or len(p.event_shape) != 1:
        raise NotImplementedError
    factor = q._unbroadcasted_scale_tril
    mean, scale = p.base_dist.loc, p.base_dist.scale
    second = factor.square().sum(-1) + (q.loc - mean).square()
    log_ratio = scale.log() - factor.diagonal(dim1=-2, dim2=-1).log()
    return (0.5 * second / scale.square() - 0.5 + log_ratio).sum(-1)


register_kl(MultivariateNormal, Independent)(_divergence)
