"""Models on the Hugging Face hub. Every way in which a network can fail becomes one line that says what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from seqvae.data.cards import is_card
from seqvae.errors import RunError
from seqvae.recipe import Recipe
from seqvae.storage.manifest import MANIFEST
from seqvae.storage.pretrained import CARD, CODEC, CONFIG, WEIGHTS, Pretrained, write

REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
FILES = [CONFIG, WEIGHTS, f"{CODEC}/*", CARD, MANIFEST]


def is_repository(name: str) -> bool:
    """Whether `name` has the form owner/name."""
    return REPOSITORY.fullmatch(name) is not None


def download(name: str) -> Path:
    """A local copy of the model `owner/name`, cached by the hub's own library.

    Raises:
        RunError: no such model, no access, or no network.
    """
    from huggingface_hub import snapshot_download

    with _explained(f"{name} is no folder here, and cannot be had from the Hugging Face hub; check the name and the network"):
        return Path(snapshot_download(name, allow_patterns=FILES))


def publish(held: Pretrained, name: str, private: bool) -> str:
    """Write a model aside and send it to `owner/name`, made where need be; its address.

    Raises:
        RunError: a name that is none, not logged in, no access, or no network.
    """
    from huggingface_hub import HfApi

    if not is_repository(name):
        raise RunError(f"{name!r} is no name on the hub; give owner/name")
    with TemporaryDirectory() as aside:
        folder = Path(aside)
        write(folder, replace(held, recipe=_without_paths(held.recipe)))
        with _explained(f"cannot upload to {name}; log in with: hf auth login"):
            api = HfApi()
            address = api.create_repo(name, private=private, exist_ok=True)
            api.upload_folder(repo_id=name, folder_path=folder, allow_patterns=FILES, commit_message="Upload a seqvae model")
    return str(address)


def _without_paths(recipe: Recipe) -> Recipe:
    """The recipe with its data by card or file name alone and no output folder: paths are nobody else's business."""
    source = recipe.data.source
    public = "://" in source or is_card(source.split(",")[0])  # several values of one card stand side by side: quickdraw/cat,owl
    data = replace(recipe.data, source=source if public else Path(source).name)
    return replace(recipe, data=data, out=None)


@contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # the library and its transport raise a dozen kinds, none of them ours to mend
        cause = next((line.strip() for line in str(error).splitlines() if line.strip()), "no further word")
        raise RunError(f"{what} ({type(error).__name__}: {cause})") from error
