"""Pre-norm transformer blocks with rotary positions, for encoders and decoders alike.

    h <- h + W_O softmax(q k^T / sqrt(d)) v,  q, k, v = W norm(h)      h <- h + W_2 gelu(W_1 norm(h))

Pre-norm (Xiong et al. 2020, arXiv 2002.04745) trains without delicate warm-up; rotary positions (Su et al. 2021, arXiv 2104.09864)
turn queries and keys by an angle that grows with their position, so scores depend on distances alone and no length is too long.

What came before the present positions enters as keys and values: the cache of generation, and a latent's memory slot, in one form.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

KeyValue = tuple[Tensor, Tensor]  # keys and values of one layer, each [R,heads,P,d]
ROTARY_BASE = 10_000.0


class TransformerBlocks(nn.Module):
    """`layers` blocks and a closing norm: `[R,T,width]` to `[R,T,width]`.

    Args:
        width: of the residual stream.
        layers: how many blocks.
        heads: attention heads; each takes an even share of `width`.
        feed_forward: inner width of the feed-forward network.
        dropout: on the input and on what each sublayer adds.

    Raises:
        ValueError: `width` is no multiple of `2 * heads`.
    """

    def __init__(self, width: int, layers: int, heads: int, feed_forward: int, dropout: float) -> None:
        super().__init__()
        self.head_width = width // heads
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(width, heads, feed_forward, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width, bias=False)
        for name, weight in self.named_parameters():
            if weight.dim() > 1:  # GPT-2's scheme: what writes into the stream is scaled down by the number of its writers
                nn.init.normal_(weight, std=0.02 / (2 * layers) ** 0.5 if name.endswith("out.weight") else 0.02)

    def forward(
        self, states: Tensor, past: tuple[KeyValue, ...] | None, mask: Tensor | None, position: int = 0
    ) -> tuple[Tensor, tuple[KeyValue, ...]]:
        """States `[R,T,width]` after all blocks, and each block's keys and values, those of the past included.

        Args:
            states: `[R,T,width]` at positions `position`, `position + 1`, ...
            past: keys and values that every position attends besides, one pair a block.
            mask: bool, `[T,P+T]` or `[R,1,1,P+T]`, true where attention is allowed; None allows everything.
        """
        turn = rotation(position, states.shape[1], self.head_width, states.device)
        states = self.dropout(states)
        after: list[KeyValue] = []
        for number, block in enumerate(self.blocks):
            states, held = block(states, turn, past[number] if past else None, mask)
            after.append(held)
        return self.norm(states), tuple(after)


class Block(nn.Module):
    """One pre-norm block: attention, then the feed-forward network."""

    def __init__(self, width: int, heads: int, feed_forward: int, dropout: float) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width, bias=False)
        self.attention = Attention(width, heads)
        self.feed_norm = nn.LayerNorm(width, bias=False)
        self.inner = nn.Linear(width, feed_forward, bias=False)
        self.out = nn.Linear(feed_forward, width, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor, turn: KeyValue, past: KeyValue | None, mask: Tensor | None) -> tuple[Tensor, KeyValue]:
        """States `[R,T,width]` and the keys and values attended."""
        attended, held = self.attention(self.attention_norm(states), turn, past, mask)
        states = states + self.dropout(attended)
        fed = self.out(functional.gelu(self.inner(self.feed_norm(states)), approximate="tanh"))
        return states + self.dropout(fed), held


class Attention(nn.Module):
    """Multi-head self-attention over the past and the present."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.head_width = heads, width // heads
        self.query_key_value = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def forward(self, states: Tensor, turn: KeyValue, past: KeyValue | None, mask: Tensor | None) -> tuple[Tensor, KeyValue]:
        """What attention adds, `[R,T,width]`, and the keys and values, `[R,heads,P+T,d]` each."""
        projected = self.query_key_value(states).unflatten(-1, (3, self.heads, self.head_width)).transpose(1, 3)  # [R,heads,3,T,d]
        query, key = rotate(projected[:, :, :2], turn).unbind(2)
        value = projected[:, :, 2]
        if past is not None:
            key = torch.cat([past[0].to(key.dtype), key], dim=2)
            value = torch.cat([past[1].to(value.dtype), value], dim=2)
        return self.out(attend(query, key, value, mask).transpose(1, 2).flatten(2)), (key, value)


def select_rows(layers: tuple[KeyValue, ...], index: Tensor) -> tuple[KeyValue, ...]:
    """The rows `index [R']` of each layer's keys and values."""
    return tuple((key[index], value[index]) for key, value in layers)


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    """softmax(q k^T / sqrt(d)) v, `[R,heads,T,d]`.

    In bf16 on a CPU as three plain operations: at the lengths of sentences the fused kernel makes a training step a sixth slower
    there (1,900 against 2,300 tokens per second and core at 4 + 4 layers of width 256). The softmax sums in float32.
    """
    if query.device.type != "cpu" or query.dtype != torch.bfloat16:
        return functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)  # [R,heads,T,P]
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return torch.softmax(scores, dim=-1, dtype=torch.float32).to(value.dtype) @ value


def causal_mask(steps: int, past: int, device: torch.device) -> Tensor | None:
    """`[T,P+T]` bool: position t attends the whole past and the present up to itself (aligned to the lower right).

    None for one step, which attends everything.
    """
    if steps == 1:
        return None
    return torch.ones(steps, past + steps, dtype=torch.bool, device=device).tril(past)


def rotation(position: int, steps: int, width: int, device: torch.device) -> KeyValue:
    """Cosines and sines `[T,d/2]` of the rotary angles, t * base^(-2i/d), in float64."""
    frequency = ROTARY_BASE ** -(torch.arange(0, width, 2, dtype=torch.float64, device=device) / width)
    angle = torch.arange(position, position + steps, dtype=torch.float64, device=device)[:, None] * frequency
    return angle.cos(), angle.sin()


def rotate(states: Tensor, turn: KeyValue) -> Tensor:
    """Turn each pair (i, i + d/2) of `[...,T,d]` by its position's angle."""
    cosine, sine = (part.to(states.dtype) for part in turn)
    first, second = states.chunk(2, dim=-1)
    return torch.cat([first * cosine - second * sine, second * cosine + first * sine], dim=-1)
