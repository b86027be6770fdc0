"""Fixtures that many tests share: two kinds of steps, ragged batches, and a model small enough to build in a millisecond."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
import torch

from seqvae.batch import SequenceBatch, pad
from seqvae.model import SequenceModel, build_model
from seqvae.steps import StepSpec

if TYPE_CHECKING:
    from seqvae.recipe import Recipe
    from seqvae.training.trainer import TrainResult

TOKENS = StepSpec(size=23)
STROKES = StepSpec(size=5, discrete=False, start=(0.0, 0.0, 1.0, 0.0, 0.0))


def pytest_configure() -> None:
    os.environ["HF_HUB_OFFLINE"] = "1"  # a name that is not there is not looked for on the network
    torch.set_num_threads(1)  # tiny tensors: a second thread only costs
    hypothesis.settings.register_profile("same everywhere", deadline=None, derandomize=True)  # a busy machine is no failure
    hypothesis.settings.load_profile("same everywhere")


@pytest.fixture(autouse=True)
def _same_chance_every_time() -> None:
    torch.manual_seed(0)


@pytest.fixture(params=["tokens", "strokes"])
def steps(request: pytest.FixtureRequest) -> StepSpec:
    """Both kinds of steps, one after the other."""
    return TOKENS if request.param == "tokens" else STROKES


@pytest.fixture
def tokens() -> StepSpec:
    return TOKENS


@pytest.fixture
def make_batch() -> Callable[..., SequenceBatch]:
    """`make_batch(steps, lengths, dtype=...)`: random sequences of these lengths; tokens end in EOS, padding is in place."""

    def make(
        steps: StepSpec, lengths: Sequence[int] = (5, 2, 7, 1), dtype: torch.dtype = torch.float32, seed: int = 0
    ) -> SequenceBatch:
        generator = torch.Generator().manual_seed(seed)
        if steps.discrete:
            words = [torch.randint(4, steps.size, (n,), generator=generator) for n in lengths]
            for word in words:
                word[-1] = steps.eos
            return SequenceBatch(*pad(words, steps.pad))
        vectors = [torch.randn(n, steps.size, generator=generator, dtype=torch.float64).to(dtype) for n in lengths]
        return SequenceBatch(*pad(vectors))

    return make


@pytest.fixture
def longer() -> Callable[..., SequenceBatch]:
    """`longer(batch, more)`: the same sequences with `more` further positions, and rubbish in every padded one."""

    def make(batch: SequenceBatch, more: int = 3) -> SequenceBatch:
        shape = (len(batch), batch.inputs.shape[1] + more, *batch.inputs.shape[2:])
        if batch.inputs.is_floating_point():
            rubbish = torch.full(shape, 1e3, dtype=batch.inputs.dtype)
        else:
            rubbish = torch.randint(0, int(batch.inputs.max()) + 1, shape)
        rubbish[:, : batch.inputs.shape[1]][batch.mask] = batch.inputs[batch.mask]
        return SequenceBatch(rubbish, batch.lengths)

    return make


WORDS = [f"{letter}{digit}" for letter in "abcdefgh" for digit in range(3)][:23]
SPECIALS = {
    "bert": {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"},
    "gpt2": {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"},
    "t5": {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"},
    "funnel": {"pad_token": "<pad>", "unk_token": "<unk>", "cls_token": "<cls>", "sep_token": "<sep>"},
}
NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    "bert": (
        "BertModel",
        {
            "hidden_size": 8,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 16,
            "max_position_embeddings": 20,
        },
    ),
    "gpt2": ("GPT2LMHeadModel", {"n_embd": 8, "n_layer": 2, "n_head": 2, "n_positions": 20}),
    "t5": (
        "T5ForConditionalGeneration",
        {"d_model": 8, "num_layers": 2, "num_heads": 2, "d_kv": 4, "d_ff": 16, "decoder_start_token_id": 0},
    ),
    "funnel": ("FunnelBaseModel", {"d_model": 8, "block_sizes": [1, 1], "n_head": 2, "d_head": 4, "d_inner": 16}),
}


@pytest.fixture(scope="session")
def network_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`network_folder("bert")`: a tiny random network with its tokenizer, as `save_pretrained` writes; also gpt2, t5, funnel."""

    @cache
    def make(family: str) -> Path:
        import transformers

        import tokenizers

        folder = tmp_path_factory.mktemp(family)
        specials = SPECIALS[family]
        vocabulary = {word: number for number, word in enumerate([*dict.fromkeys(specials.values()), *WORDS])}
        words = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token=specials["unk_token"]))
        words.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
        transformers.PreTrainedTokenizerFast(tokenizer_object=words, **specials).save_pretrained(folder)
        name, sizes = NETWORKS[family]
        cls = getattr(transformers, name)
        with torch.random.fork_rng():
            torch.manual_seed(1)
            cls(cls.config_class(vocab_size=len(vocabulary), **sizes)).save_pretrained(folder)
        return folder

    return make


@pytest.fixture
def train_until(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Recipe], TrainResult]:
    """`train_until(3, recipe)`: train it, told to stop once three steps are done."""

    def run(stop: int, recipe: Recipe) -> TrainResult:
        from seqvae.training.run import train
        from seqvae.training.trainer import Trainer

        step = Trainer._step

        def interrupted(trainer: Trainer, *rows: object) -> None:
            step(trainer, *rows)  # type: ignore[arg-type]
            if trainer.progress.step == stop:
                trainer.signals.received = "SIGTERM"

        with monkeypatch.context() as patched:
            patched.setattr(Trainer, "_step", interrupted)
            return train(recipe)

    return run


@pytest.fixture
def model_config() -> dict[str, Any]:
    """A `model` section of the five smallest parts, without dropout."""
    return {
        "encoder": {"kind": "rnn", "embedding": 6, "hidden": 8},
        "posterior": {"kind": "diagonal", "latent": 4},
        "prior": {"kind": "standard_normal"},
        "decoder": {"kind": "rnn", "embedding": 6, "hidden": 8, "dropout": 0.0},
        "likelihood": {"kind": "categorical"},
    }


@pytest.fixture
def make_model(model_config: dict[str, Any]) -> Callable[..., SequenceModel]:
    """`make_model(decoder={"injection": ("input",)})`: the tiny token model in float64, keys of its parts changed."""

    def make(steps: StepSpec = TOKENS, dtype: torch.dtype = torch.float64, **changes: dict[str, Any]) -> SequenceModel:
        config = {part: {**settings, **changes.get(part, {})} for part, settings in model_config.items()}
        torch.manual_seed(0)
        return build_model(steps, config).to(dtype)

    return make
