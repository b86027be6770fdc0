"""The synthetic accessibility score, 1 (easy) to 10 (hard): Ertl & Schuffenhauer 2009, J. Cheminformatics 1:8.

The score is RDKit's own. It comes with RDKit as a contributed script outside the package, so it is loaded from its file.
"""

from __future__ import annotations

from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from seqvae.errors import DataError

if TYPE_CHECKING:
    from rdkit.Chem import Mol


def synthetic_accessibility(molecule: Mol) -> float:
    """The score of a molecule with at least one atom.

    Raises:
        DataError: this RDKit comes without its contributed scripts.
    """
    return float(_scorer().calculateScore(molecule))


@cache
def _scorer() -> ModuleType:
    from rdkit import RDConfig

    path = Path(RDConfig.RDContribDir) / "SA_Score" / "sascorer.py"
    if not path.is_file():
        raise DataError(f"the SA score needs {path}, which this RDKit lacks; pip install rdkit brings it")
    spec = spec_from_file_location("sascorer", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
