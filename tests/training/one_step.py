"""One update of a tiny model on a fixed global batch, as one process or as several: run directly or under torchrun.

    python one_step.py OUT ACCUMULATE

Noise is off (posterior means, no dropout), so that only the way the batch is shared out can make a difference.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import torch
from accelerate import Accelerator
from safetensors.torch import save_file

from seqvae import registry
from seqvae.batch import SequenceBatch, pad
from seqvae.model import SequenceModel, VaeOutput, build_model
from seqvae.rate import rate
from seqvae.steps import StepSpec
from seqvae.storage.weights import module_tensors
from seqvae.training.engine import AccelerateEngine

CONFIG = {
    "encoder": {"kind": "rnn", "embedding": 8, "hidden": 8},
    "posterior": {"kind": "diagonal", "latent": 4},
    "prior": {"kind": "standard_normal"},
    "decoder": {"kind": "rnn", "embedding": 8, "hidden": 8, "dropout": 0.0},
    "likelihood": {"kind": "categorical", "tied": True},
}
OBJECTIVE = {"preset": "elbo", "rate": {"kind": "free_bits", "variant": "dimension_batch", "nats": 0.01}}


class NoiselessModel(SequenceModel):
    """Decodes the posterior mean."""

    def forward(self, batch: SequenceBatch, samples: int = 1) -> VaeOutput:
        features, posterior = self.infer(batch)
        z = posterior.mean.unsqueeze(0)
        prior, log_px = self.prior(), self.log_likelihood(z, batch)
        return VaeOutput(posterior, prior, z, log_px, rate(posterior, prior, z), features, z)


def main(out: str, accumulate: int) -> None:
    torch.set_num_threads(1)
    accelerator = Accelerator(cpu=True)
    torch.manual_seed(0)
    model = build_model(StepSpec(20), CONFIG)
    model.__class__ = NoiselessModel
    sentences = [torch.randint(4, 20, (length,)) for length in (3, 9, 5, 7, 2, 8, 6, 4, 5, 3)]
    mine = sentences[accelerator.process_index :: accelerator.num_processes]
    size = -(-len(mine) // accumulate)
    batches = [SequenceBatch(*pad(mine[i : i + size])) for i in range(0, len(mine), size)]
    objective = registry.build("objective", OBJECTIVE)
    optimizer = registry.build("optimizer", {"kind": "sgd", "lr": 0.1})(list(model.parameters()))
    engine = AccelerateEngine(model, objective, {"joint": optimizer}, accelerator, "fp32", 5.0, None)
    for step in range(3):
        registry.build("plan", {"kind": "joint"}).step(engine, [replace(batch) for batch in batches], step)
    if accelerator.is_main_process:
        save_file({name: tensor.detach().contiguous() for name, tensor in module_tensors(model).items()}, out)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
