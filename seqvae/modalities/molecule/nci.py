"""`nci`: about 4,900 molecules of the National Cancer Institute's open database, in the order of their numbers.

They come inside RDKit's own data folder, so that this data set needs no download: real chemistry of the 1950s, with metals,
radicals and salts among it.
"""

from __future__ import annotations

from pathlib import Path

from seqvae.errors import DataError


def build(folder: Path) -> Path:
    """RDKit's file; nothing is written under `folder`.

    Raises:
        DataError: this RDKit comes without it.
    """
    from rdkit import RDConfig

    path = Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi"
    if not path.is_file():
        raise DataError(f"no molecules at {path}; pip install rdkit brings them")
    return path
