"""The baseline: BERT and GPT-2 joined by a small latent in a plain PyTorch loop, as a tutorial would write it.

Float32, random batches padded to their longest sentence, `labels` with -100 at padding, the transformers library's own loss, and
`torch.optim.AdamW` as it comes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from seqvae.steps import StepSpec


class PaddedTransformerVae(nn.Module):
    """Sentences `[B,T]` to the mean loss of a token plus the mean KL of a sentence, as the published scripts reduce them."""

    def __init__(self, spec: StepSpec, width: int, layers: int, heads: int, latent: int = 32) -> None:
        super().__init__()
        from transformers import BertConfig, BertModel, GPT2Config, GPT2LMHeadModel

        sizes = {"vocab_size": spec.size, "hidden_size": width, "num_hidden_layers": layers, "num_attention_heads": heads}
        self.spec = spec
        self.encoder = BertModel(BertConfig(**sizes, intermediate_size=4 * width), add_pooling_layer=False)
        self.posterior = nn.Linear(width, 2 * latent)
        self.decoder = GPT2LMHeadModel(GPT2Config(**sizes, bos_token_id=spec.bos, eos_token_id=spec.eos))
        self.told = nn.Linear(latent, width, bias=False)

    def forward(self, words: Tensor) -> Tensor:
        """The loss of a batch padded with the pad id."""
        mask = words != self.spec.pad
        states = self.encoder(input_ids=words, attention_mask=mask.long()).last_hidden_state
        mean, log_variance = self.posterior(states[:, 0]).chunk(2, dim=-1)
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(-1)
        starts = torch.full_like(words[:, :1], self.spec.bos)
        inputs = torch.cat([starts, words], dim=1)
        embedded = self.decoder.transformer.wte(inputs) + self.told(z).unsqueeze(1)
        seen = functional.pad(mask, (1, 0), value=True)
        labels = inputs.masked_fill(~seen, -100)
        labels[:, 0] = -100  # the library shifts them
        return self.decoder(inputs_embeds=embedded, attention_mask=seen.long(), labels=labels).loss + kl.mean()


def padded(sentences: list[Tensor], pad: int) -> Tensor:
    """Sentences `[T_i]` as one `[B,T]`."""
    return nn.utils.rnn.pad_sequence(sentences, batch_first=True, padding_value=pad)
