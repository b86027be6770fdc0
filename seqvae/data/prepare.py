"""From a source to encoded splits on disk, once: read, split, fit the codec, encode, write; next time, open what is there.

The folder is named by a hash of the input's content, of the codec's configuration, and of the settings that decide what comes
out; where the input lies and what it is called do not enter. It holds

    train/ valid/ test/   a `SequenceStore` each; a split without records has none
    codec/                the fitted codec's files
    rejected.jsonl        {"file", "line", "reason"} of each bad record
    prepared.json         counts and hashes
"""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqvae import registry
from seqvae.data.cache import cache_root, key_of, write_folder
from seqvae.data.codec import Codec
from seqvae.data.computed import property_functions
from seqvae.data.duplicates import described
from seqvae.data.encoding import Encoding
from seqvae.data.rejections import Rejections, check_rejections, read_rejections
from seqvae.data.settings import DataSettings
from seqvae.data.sources import ReadsFiles, Source, resolve
from seqvae.data.store import SequenceStore
from seqvae.errors import DataError

log = logging.getLogger("seqvae")
FORMAT = 5  # of all that stands in the folder; part of its name
SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Prepared:
    """A source, ready to train on.

    Attributes:
        splits: a store for each split that has records; `train` always.
        codec: fitted on the training split.
        folder: where all this lies, under the cache.
        rejected: what was left out, and why.
        classes: the name of each class label, by number; none where the records have no labels.
        duplicates: how many records recur; see `Duplicates.counts`.
        source_sha256: of each input file, by split (`all` for a file that was split by content).
        cached: whether it was there already.
    """

    splits: dict[str, SequenceStore]
    codec: Codec
    folder: Path
    rejected: Rejections
    classes: tuple[str, ...]
    duplicates: dict[str, int]
    source_sha256: dict[str, str]
    cached: bool


def prepare(settings: DataSettings, modality: ReadsFiles, codec_config: Mapping[str, Any], seed: int) -> Prepared:
    """Encode a source, or open what an earlier call encoded.

    Args:
        settings: the recipe's `data` section.
        modality: whose readers read the files.
        codec_config: the recipe's `tokenizer` section, checked: `{kind: name, **keywords}`.
        seed: for what a codec draws at random while it is fitted.

    Raises:
        DataError: no such source, nothing to train on, or more bad records than the settings allow.
        ConfigError: no such tokenizer, or no such property to compute.
    """
    source = resolve(settings, modality)
    codec: Codec = registry.build("tokenizer", codec_config)
    computed = property_functions(modality, settings.computed)
    chosen = [settings.max_length, settings.limit, settings.computed, settings.duplicates]
    key = key_of([FORMAT, modality.name, source.key, codec_config["kind"], codec.fingerprint, chosen, seed])
    folder = cache_root() / "prepared" / key
    there = folder.is_dir()  # asked before its summary is read: it may appear at any moment, but then whole
    cached = _summary(folder) is not None
    if not cached:
        if there:
            shutil.rmtree(folder, ignore_errors=True)  # damaged since
        started = time.perf_counter()
        write_folder(folder, lambda place: Encoding(source, settings, codec, place, computed).run(seed))
        log.info("prepared %s in %.1f s: %s", source.name, time.perf_counter() - started, folder)
    return _open(folder, registry.build("tokenizer", codec_config), source, settings, cached)


def _open(folder: Path, codec: Codec, source: Source, settings: DataSettings, cached: bool) -> Prepared:
    """What a prepared folder holds. The settings' rules on bad records are applied here too: they are not part of its name."""
    summary = _summary(folder)
    if summary is None:
        raise DataError(f"prepared data was removed while it was opened: {folder}; try again")
    codec.load(folder / "codec")
    rejected = read_rejections(folder / "rejected.jsonl", summary["total"], summary["rejected"])
    if rejected.count:
        check_rejections(rejected, settings)
        log.warning("%s: %s; all in %s", source.name, rejected, rejected.path)
    duplicates: dict[str, int] = summary["duplicates"]
    if duplicates:
        advice = "" if settings.duplicates == "remove" else "; data.duplicates=remove takes them out"
        log.info("%s, duplicates: %s%s", source.name, described(duplicates), advice)
    splits = {split: SequenceStore(folder / split) for split in SPLITS if split in summary["splits"]}
    return Prepared(splits, codec, folder, rejected, tuple(summary["classes"]), duplicates, source.sha256, cached)


def _summary(folder: Path) -> dict[str, Any] | None:
    try:
        summary: dict[str, Any] = json.loads((folder / "prepared.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return summary
