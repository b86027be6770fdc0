"""Inverse autoregressive flow: a Gaussian made flexible by steps whose Jacobians are triangular (Kingma et al. 2016, arXiv
1606.04934).

    g = sigmoid(s + 2),    z'_i = g_i z_i + (1 - g_i) m_i,    m_i and s_i functions of z_1..z_(i-1) and of a context
    log q(z') = log q(z) - sum_i log g_i

m and s come from a network with masked weights (MADE; Germain et al. 2015, arXiv 1502.03509), and the order of the dimensions is
reversed between steps, so that each sees the others. The map is parallel; its inverse goes one dimension after another, but every
hidden unit is computed once, so that both cost about the same number of operations.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

OPEN = 2.0  # the gate's bias, in the paper's range of 1 to 2: a step begins near the identity
LEAST_LOGIT = -7.0  # a gate of 0.001: the inverse divides by it
SMALL = 0.01  # standard deviation of the last layer's first weights


class MaskedNetwork(nn.Module):
    """m and s, `[...,K]` each; number i of both depends on the inputs before i and on the context alone.

    Args:
        size: K.
        hidden: hidden units. Unit u has a degree from 0 to K-1, rising with u, and reads that many inputs.
        context: width C of the context.
    """

    inner_mask: Tensor
    outer_mask: Tensor

    def __init__(self, size: int, hidden: int, context: int) -> None:
        super().__init__()
        self.size = size
        degree = torch.arange(hidden) * size // hidden
        place = torch.arange(size)
        self.bounds = [int((degree < d).sum()) for d in range(size + 1)]  # units of degree d: bounds[d] to bounds[d+1]
        self.context = nn.Linear(context, hidden)
        self.inner = nn.Parameter(torch.randn(hidden, size) * size**-0.5)
        self.outer = nn.Parameter(torch.randn(2 * size, hidden) * SMALL)
        self.bias = nn.Parameter(torch.zeros(2 * size))
        self.register_buffer("inner_mask", (place < degree[:, None]).float(), persistent=False)
        self.register_buffer("outer_mask", (degree <= place[:, None]).float().repeat(2, 1), persistent=False)

    def forward(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """m and s at z `[...,K]` and context `[...,C]`."""
        hidden = functional.elu(functional.linear(z, self.inner * self.inner_mask) + self.context(context))
        shift, logits = functional.linear(hidden, self.outer * self.outer_mask, self.bias).chunk(2, dim=-1)
        return shift, logits

    def solve(self, context: Tensor, step: Callable[[int, Tensor, Tensor], Tensor]) -> Tensor:
        """The z `[...,K]` whose numbers are `step(i, m_i, s_i)`, found in order.

        Args:
            context: `[...,C]`, of the same leading shape as what `step` gives.
            step: number i from m_i and s_i, each `[...]`.
        """
        inner, outer = self.inner * self.inner_mask, self.outer * self.outer_mask
        before = self.context(context)  # [...,units not yet computed]
        outputs, z = self.bias.expand(*before.shape[:-1], -1), []
        for i, (start, end) in enumerate(zip(self.bounds[:-1], self.bounds[1:], strict=True)):
            ready = functional.elu(before[..., : end - start])
            outputs = outputs + functional.linear(ready, outer[:, start:end])
            z.append(step(i, outputs[..., i], outputs[..., self.size + i]))
            before = before[..., end - start :] + z[-1].unsqueeze(-1) * inner[end:, i]
        return torch.stack(z, dim=-1)


class InverseAutoregressiveFlow(nn.Module):
    """Steps over a vector of `size` numbers, with reversal between them.

    Args:
        size: K.
        steps: how many.
        hidden: hidden units of each step's network.
        context: width C of the context.
    """

    def __init__(self, size: int, steps: int, hidden: int, context: int) -> None:
        super().__init__()
        self.networks = nn.ModuleList([MaskedNetwork(size, hidden, context) for _ in range(steps)])

    def forward(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """z' `[...,K]` and log |det dz'/dz| `[...]`, from z `[...,K]` and a context `[...,C]` that broadcasts."""
        determinant = z.new_zeros(z.shape[:-1])
        for number, network in enumerate(self.networks):
            if number:
                z = z.flip(-1)
            z, log_gate = gated(z, *network(z, context))
            determinant = determinant + log_gate.sum(-1)
        return z, determinant

    def inverse(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """The z that `forward` takes to the given one, `[...,K]`, and the determinant of that, `[...]`."""
        lead = torch.broadcast_shapes(z.shape[:-1], context.shape[:-1])
        z, context = z.expand(*lead, z.shape[-1]), context.expand(*lead, context.shape[-1])
        determinant = z.new_zeros(z.shape[:-1])
        for number, network in reversed(list(enumerate(self.networks))):
            log_gates: list[Tensor] = []

            def undo(i: int, shift: Tensor, logit: Tensor, target: Tensor = z, found: list[Tensor] = log_gates) -> Tensor:
                gate, log_gate = opening(logit)
                found.append(log_gate)
                return (target[..., i] - (1 - gate) * shift) / gate

            z = network.solve(context, undo)  # type: ignore[operator]
            determinant = determinant + torch.stack(log_gates).sum(0)
            if number:
                z = z.flip(-1)
        return z, determinant


def gated(z: Tensor, shift: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
    """One step of the flow from its networks' outputs: z' and log g, `[...,K]` each."""
    gate, log_gate = opening(logits)
    return gate * z + (1 - gate) * shift, log_gate


def opening(logits: Tensor) -> tuple[Tensor, Tensor]:
    """g = sigmoid(s + 2) and log g."""
    logits = (logits + OPEN).clamp(min=LEAST_LOGIT)
    return torch.sigmoid(logits), functional.logsigmoid(logits)
