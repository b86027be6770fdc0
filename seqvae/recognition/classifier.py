"""A classifier that is ready to use: a network, the codec that reads records for it, and the classes that it knows.

    folder/config.json   modality, tokenizer, settings, classes, what it was fitted on and what was measured
    folder/model.safetensors   folder/codec/   folder/manifest.json

It has a codec of its own, so that one classifier judges models of any codec by the records that they write. As with models, the
parts are built by name and nothing is a pickle.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqvae import __version__, registry
from seqvae.data.codec import Codec, source_sequences
from seqvae.encoding import record_batches
from seqvae.errors import ConfigError, DataError, RunError
from seqvae.inference import device_of, evaluating
from seqvae.recognition.network import SequenceClassifier
from seqvae.recognition.settings import ClassifierSettings, check
from seqvae.storage.manifest import verify, write_manifest
from seqvae.storage.staging import move_in, staging
from seqvae.storage.weights import load_weights, save_weights

FORMAT, VERSION = "seqvae-classifier", 1
CONFIG, WEIGHTS, CODEC = "config.json", "model.safetensors", "codec"
REMEDY = "fit it again with seqvae fit-classifier"
UNKNOWN = -1  # the class of what is no record


class Classifier:
    """Says of what class records look to be.

    Args:
        network: fitted.
        codec: fitted; what the network reads.
        modality: the name of what the records are.
        tokenizer: the codec's configuration.
        settings: of the network.
        classes: the name of each class by its number, C of them, as the data has them.
        facts: plain values that go into JSON: what it was fitted on, what was measured.
    """

    def __init__(
        self,
        network: SequenceClassifier,
        codec: Codec,
        modality: str,
        tokenizer: Mapping[str, Any],
        settings: ClassifierSettings,
        classes: Sequence[str],
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        self.network, self.codec, self.modality, self.tokenizer = network, codec, modality, dict(tokenizer)
        self.settings, self.classes, self.facts = settings, tuple(classes), dict(facts or {})

    def probabilities(self, records: Sequence[Any]) -> Tensor:
        """p(c|x), `[N,C]`, on the CPU; zeros for what the codec cannot read (an empty drawing)."""
        found = torch.zeros(len(records), len(self.classes))
        places = np.array([place for place, record in enumerate(records) if self._reads(record)], dtype=np.int64)
        if not len(places):
            return found
        with evaluating(self.network):
            readable = [records[place] for place in places]
            for rows, batch in record_batches(self.codec, readable, device_of(self.network)):
                found[torch.from_numpy(places[rows])] = self.network(batch).softmax(dim=1).cpu()
        return found

    def predict(self, records: Sequence[Any]) -> Tensor:
        """The likeliest class of each record by its number, `[N]` int64; `UNKNOWN` for what is none."""
        return likeliest(self.probabilities(records))

    def save(self, folder: Path) -> None:
        """Write the classifier's folder, or replace the one that is there.

        Raises:
            RunError: as `check_place`, or it cannot be written there.
        """
        check_place(folder)
        config = {
            "format": FORMAT,
            "format_version": VERSION,
            "seqvae_version": __version__,
            "modality": self.modality,
            "tokenizer": self.tokenizer,
            "settings": self.settings.to_config(),
            "classes": list(self.classes),
            "facts": self.facts,
        }
        with staging(folder) as staged:
            (staged / CODEC).mkdir()
            self.codec.save(staged / CODEC)
            save_weights(self.network, staged / WEIGHTS)
            (staged / CONFIG).write_text(json.dumps(config, indent=1, ensure_ascii=False), encoding="utf-8")
            write_manifest(staged)
            move_in(staged, folder)

    @classmethod
    def load(cls, folder: Path) -> Classifier:
        """What `save` wrote, on the CPU.

        Raises:
            RunError: no classifier there, or a file that is missing, damaged, foreign or of another version.
        """
        config = _read_config(folder)
        verify(folder, REMEDY)
        try:
            settings = check(config["settings"])
            codec: Codec = registry.build("tokenizer", config["tokenizer"])
            codec.load(folder / CODEC)
            with torch.random.fork_rng(devices=[]):
                network = SequenceClassifier(codec, settings, len(config["classes"]))
        except (ConfigError, DataError) as error:
            raise RunError(f"{folder} cannot be built: {error}; {REMEDY}") from error
        load_weights(network, folder / WEIGHTS)
        return cls(network.eval(), codec, config["modality"], config["tokenizer"], settings, config["classes"], config["facts"])

    def _reads(self, record: Any) -> bool:
        try:
            self.codec.encode([record])
            source_sequences(self.codec, [record])
        except DataError:
            return False
        return True


def likeliest(probabilities: Tensor) -> Tensor:
    """The number of the likeliest class in each row of `[N,C]`, `[N]` int64; `UNKNOWN` for a row of zeros."""
    return torch.where(probabilities.sum(dim=1) > 0, probabilities.argmax(dim=1), UNKNOWN)


def check_place(folder: Path) -> None:
    """Refuse to put a classifier where something else is.

    Raises:
        RunError: a file, or a folder that holds anything but a classifier.
    """
    if folder.is_dir() and (not any(folder.iterdir()) or _config_of(folder).get("format") == FORMAT):
        return
    if folder.exists():
        raise RunError(f"{folder} is there already and is no classifier; name a new folder")


def _read_config(folder: Path) -> Mapping[str, Any]:
    """The config.json of a classifier of a version that this code reads."""
    config = _config_of(folder)
    if config.get("format") != FORMAT:
        raise RunError(f"no classifier at {folder}; make one with seqvae fit-classifier RUN --out DIR")
    version = config.get("format_version")
    if version != VERSION:
        raise RunError(f"{folder / CONFIG} has format version {version!r}, this seqvae reads {VERSION}; {REMEDY}")
    return config


def _config_of(folder: Path) -> Mapping[str, Any]:
    """Whatever mapping a folder's config.json holds; an empty one where there is none."""
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return config if isinstance(config, dict) else {}
