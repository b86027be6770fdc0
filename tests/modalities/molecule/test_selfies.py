from __future__ import annotations

import random
import sys

import pytest

from seqvae.errors import ConfigError, DataError
from seqvae.modalities.molecule.parsing import canonical, parse
from seqvae.modalities.molecule.selfies import SelfiesCodec

pytest.importorskip("selfies")
MOLECULES = ["C[C@H](N)C(=O)[O-]", "CC(C)(C)c1ccc2occ(CC(=O)Nc3ccccc3F)c2c1", "F/C=C/F", "c1ccc2[nH]ccc2c1", "O=S(=O)(Cl)Br"]


@pytest.fixture
def codec() -> SelfiesCodec:
    codec = SelfiesCodec()
    codec.fit(MOLECULES, seed=0)
    return codec


def test_molecules_come_back_canonical(codec: SelfiesCodec) -> None:
    assert codec.decode(codec.encode(MOLECULES)) == [canonical(smiles) for smiles in MOLECULES]


def test_any_symbols_are_a_molecule_or_nothing(codec: SelfiesCodec) -> None:
    chance = random.Random(0)
    for _ in range(300):
        smiles = codec.join(chance.choices(codec.pieces, k=chance.randint(1, 25)))
        assert smiles == "" or parse(smiles) is not None, smiles


def test_what_it_cannot_say_is_refused_by_name(codec: SelfiesCodec) -> None:
    for smiles in ("O=[Cl](=O)(=O)(=O)O", "*CC"):
        with pytest.raises(DataError, match="SELFIES cannot say"):
            codec.encode([smiles])
    with pytest.raises(DataError, match="does not occur in the training records"):
        codec.encode(["CP"])


def test_without_the_package_the_message_says_what_to_install(codec: SelfiesCodec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "selfies", None)
    with pytest.raises(ConfigError, match=r"pip install 'seqvae\[selfies\]'"):
        codec.encode(["CC"])


def test_units_are_heavy_atoms(codec: SelfiesCodec) -> None:
    assert codec.units("C[NH3+]") == 2
