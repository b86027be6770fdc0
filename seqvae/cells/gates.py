"""The LSTM's arithmetic after its matrix product (Hochreiter & Schmidhuber 1997), gates in torch's order i, f, g, o.

    c_t = sigma(f) c_(t-1) + sigma(i) m tanh(g),     h_t = sigma(o) tanh(c_t)

m is recurrent dropout without loss of memory: only what would be written is dropped (Semeniuta et al. 2016, arXiv 1603.05118).

tanh(x) is taken as 2 sigma(2x) - 1: torch's own is eight times slower than its logistic function on a CPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def remember(gates: Tensor, cell: Tensor, keep: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The new c `[R,H]` and sigma(o) `[R,H]`, from gates `[R,4H]` before their nonlinearities, c `[R,H]` and m `[R,H]`."""
    new_cell, opened = _Remember.apply(gates, cell, keep)
    return new_cell, opened


def tanh(x: Tensor) -> Tensor:
    """The hyperbolic tangent, by the logistic function."""
    return 2 * torch.sigmoid(2 * x) - 1


def keep_masks(shape: tuple[int, ...], dropout: float, like: Tensor) -> Tensor:
    """Masks of `shape`, 0 with probability `dropout` and else 1 / (1 - dropout), in `like`'s type and place.

    The probability is rounded to 1/65,536: four numbers of 16 bits come out of one draw, three times faster on a CPU.
    """
    count = torch.Size(shape).numel()
    bits = torch.empty((count + 3) // 4, dtype=torch.int64, device=like.device).random_(-(2**63), None)
    dropped = round(dropout * 65_536) - 32_768  # of the 65,536 values from -32,768
    return (bits.view(torch.int16)[:count].view(shape) >= dropped).to(like.dtype).div_(1 - dropout)


def keep_steps(steps: int, dropout: float, like: Tensor) -> Sequence[Tensor | None]:
    """A mask of `like`'s shape for each step; None where nothing is dropped."""
    return keep_masks((steps, *like.shape), dropout, like).unbind(0) if dropout else [None] * steps


class _Remember(torch.autograd.Function):
    """One node where autograd would make a dozen, and half of their memory traffic."""

    @staticmethod
    def forward(ctx: Any, gates: Tensor, cell: Tensor, keep: Tensor | None) -> tuple[Tensor, Tensor]:
        """See `remember`."""
        opened = gates.to(cell.dtype, copy=True)  # [R,4H]
        hidden = cell.shape[-1]
        candidate = opened[:, 2 * hidden : 3 * hidden]
        candidate.mul_(2)
        opened.sigmoid_()
        candidate.mul_(2).sub_(1)
        i, f, g, o = opened.chunk(4, dim=-1)
        written = g if keep is None else g * keep
        ctx.save_for_backward(opened, cell, keep)
        ctx.gates_dtype = gates.dtype
        return (f * cell).addcmul_(i, written), o.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_cell: Tensor, d_opened: Tensor) -> tuple[Tensor, Tensor, None]:
        """Gradients of the gates and of c."""
        opened, cell, keep = ctx.saved_tensors
        i, f, g, _ = opened.chunk(4, dim=-1)
        d_gates = opened - opened.square()  # sigma' = sigma (1 - sigma)
        d_i, d_f, d_g, d_o = d_gates.chunk(4, dim=-1)
        d_written = d_cell if keep is None else d_cell * keep
        d_i.mul_(d_written).mul_(g)
        d_f.mul_(d_cell).mul_(cell)
        torch.addcmul(d_written, d_written * g, g, value=-1, out=d_g).mul_(i)  # tanh' = 1 - tanh^2
        d_o.mul_(d_opened)
        return d_gates.to(ctx.gates_dtype), d_cell * f, None
