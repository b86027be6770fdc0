"""What stepped cells share to be fast on any device.

    a_t = W_x x_t + W_z z + W_h h_(t-1) + b

All that does not wait for h is one product before the first step (`project`), and W_z z is one for a whole sequence, also where its
steps come one by one (`Told`). The gradient of W_h is one product after the last:
where a textbook loop adds T products `[G,R] [R,H]`, each over few rows, into a matrix larger than the cache, here is one over all.
Products run in autocast's precision, everything else at least in float32.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.nn import functional


class Told:
    """What every step is told besides its own input, `vector [R,K]`, and what weights make of it.

    A product is taken when it is first asked for, and kept: one object serves one sequence and one set of weights.
    """

    def __init__(self, vector: Tensor) -> None:
        self.vector = vector
        self.products: dict[tuple[int, torch.dtype], Tensor] = {}  # by the weight's identity and the product's type

    def product(self, weight: Tensor) -> Tensor:
        """`[R,G]`: the last K columns of a weight `[G,I+K]` times the vector."""
        key = id(weight), product_dtype(weight)
        if key not in self.products:
            columns = weight[:, weight.shape[1] - self.vector.shape[1] :]
            self.products[key] = functional.linear(self.vector.to(weight.dtype), columns)
        return self.products[key]

    def beside(self, inputs: Tensor) -> Tensor:
        """`[R,T,I+K]`: the vector beside each of the inputs `[R,T,I]`."""
        return torch.cat([inputs, self.vector.to(inputs.dtype).unsqueeze(1).expand(-1, inputs.shape[1], -1)], dim=-1)

    def select(self, index: Tensor) -> Told:
        """The rows `index [R']`."""
        chosen = Told(self.vector[index])
        chosen.products = {key: product[index] for key, product in self.products.items()}
        return chosen


def project(inputs: Tensor, told: Told | None, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`[T,R,G]`: weight `[G,I+K]` times the inputs `[R,T,I]` and what every step is told, `[R,K]`."""
    given = functional.linear(inputs.transpose(0, 1), weight[:, : inputs.shape[-1]], bias)
    return given if told is None else given + told.product(weight)


def run_kernel(rnn: nn.RNNBase, inputs: Tensor, state: Any, training: bool) -> tuple[Tensor, Any]:
    """Outputs and state after inputs, by torch's own kernel of one layer, which has no dropout.

    In evaluation too it runs as in training where gradients are asked for, as by a climb through a decoder: cuDNN keeps what a
    backward pass needs in that mode only, and refuses one after the other. The numbers are the same.
    """
    rnn.training = training or torch.is_grad_enabled()
    outputs, after = rnn(inputs, state)
    return outputs, after


class RecurrentProduct:
    """`product(t, h)` is given_t + W h for t = 0, 1, ..., each t once.

    Args:
        weight: W, `[G,H]`.
        given: `[T,R,G]`, or None for zeros.
        shape: T and R where nothing is given.
    """

    def __init__(self, weight: Tensor, given: Tensor | None, shape: tuple[int, int] = (0, 0)) -> None:
        self.dtype = product_dtype(weight)
        if given is None:
            given = weight.new_zeros(1, dtype=self.dtype).expand(*shape, weight.shape[0])
        given = given.to(self.dtype)
        self.weight, self.history, self.learns = weight, list[Tensor](), torch.is_grad_enabled()
        if self.learns:
            given = _GradientAtTheEnd.apply(given, weight, self.history)
            self.weight = weight.detach().to(self.dtype)
        self.given = given.unbind(0)

    def __call__(self, t: int, h: Tensor) -> Tensor:
        """given_t + W h, `[R,G]`, for h `[R,H]`."""
        if not self.learns:  # autocast itself rounds the weight, once however many steps come one by one
            with torch.autocast(h.device.type, self.dtype, enabled=self.dtype != self.weight.dtype):
                return functional.linear(h, self.weight).add_(self.given[t])
        h = h.to(self.dtype)
        self.history.append(h.detach())
        with torch.autocast(h.device.type, enabled=False):
            return torch.addmm(self.given[t], h, self.weight.t())


class _GradientAtTheEnd(torch.autograd.Function):
    """Passes what is given through, and on the way back owes the weight its gradient over all steps."""

    @staticmethod
    def forward(ctx: Any, given: Tensor, weight: Tensor, history: list[Tensor]) -> Tensor:
        """`[T,R,G]`, as it came; `history` will hold each step's `[R,H]`."""
        ctx.history, ctx.dtype = history, weight.dtype
        return given.view_as(given)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        """Gradients of what was given and of the weight."""
        owed = None
        if ctx.needs_input_grad[1]:  # type: ignore[attr-defined]
            history = torch.cat(ctx.history)  # type: ignore[attr-defined]  # [T*R,H]
            owed = (gradient.flatten(0, 1).t() @ history).to(ctx.dtype)  # type: ignore[attr-defined]
        return gradient if ctx.needs_input_grad[0] else None, owed, None  # type: ignore[attr-defined]


def widened(state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """A state at least in float32: rounded to eight bits at each step, a memory forgets."""
    return tuple(part.to(torch.promote_types(part.dtype, torch.float32)) for part in state)


def product_dtype(tensor: Tensor) -> torch.dtype:
    """What a matrix product of `tensor` runs in: autocast's type where it is on."""
    device = tensor.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else tensor.dtype


def orthogonal_(weight: Tensor) -> None:
    """Each gate's `[H,H]` block of a recurrent weight `[4H,H]` orthogonal: what goes round keeps its length (Saxe et al. 2014)."""
    for gate in weight.chunk(weight.shape[0] // weight.shape[1]):
        nn.init.orthogonal_(gate)
