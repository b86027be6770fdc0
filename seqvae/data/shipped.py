"""Where the data folders that ship with the package are: `datasets/` (cards) and `tokenizers/`.

In a checkout and in an editable install they stand beside the package; in a wheel they are package data under
`seqvae/_shipped/`. Neither is a Python package: under these names they would shadow Hugging Face's `datasets` and `tokenizers`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

PACKAGE = Path(__file__).resolve().parents[1]


def shipped(folder: Literal["datasets", "tokenizers"], package: Path = PACKAGE) -> Path:
    """The folder of that name.

    Raises:
        FileNotFoundError: the installation is incomplete, which is no user's mistake.
    """
    beside = package.parent / folder
    for candidate in (package / "_shipped" / folder, beside):
        # site-packages/datasets may be Hugging Face's library, which has an __init__.py
        if candidate.is_dir() and not (candidate / "__init__.py").exists():
            return candidate
    raise FileNotFoundError(f"{folder}/ stands neither in {package / '_shipped'} nor beside {package}; reinstall seqvae")
