from __future__ import annotations

import pytest

from seqvae.modalities.molecule import penalized_logp
from seqvae.modalities.molecule.parsing import parse
from seqvae.modalities.molecule.properties import property_function

# the molecule that the JT-VAE paper reports as its best, and its score there and in hgraph2graph's own check
JTVAE_BEST = "ClC1=CC=C2C(C=C(C(C)=O)C(C(NC3=CC(NC(NC4=CC(C5=C(C)C=CC=C5)=CC=C4)=O)=CC=C3)=O)=C2)=C1"


def value(name: str, smiles: str) -> float:
    return float(property_function(name)([smiles])[0])


@pytest.mark.parametrize("name", ["penalized_logp", "penalized_logp_gcpn", "penalized_logp_weighted_retraining"])
def test_the_best_molecule_of_jtvae(name: str) -> None:
    assert value(name, JTVAE_BEST) == pytest.approx(5.30, abs=5e-3)


def test_the_conventions_by_their_formulas() -> None:
    """From logP, SA and the rings themselves, with the constants of the two code bases written out again."""
    spiro = "C1CCCCCCC12CCCCCC2"  # rings of 8 and 7
    logp, sa = value("logp", spiro), value("sa", spiro)
    assert value("penalized_logp_raw", spiro) == pytest.approx(logp - sa)
    assert value("penalized_logp_limo", spiro) == pytest.approx(logp - sa - 2)
    gcpn = (
        (logp - 2.4570953396190123) / 1.434324401111988
        + (-sa + 3.0525811293166134) / 0.8335207024513095
        + (-2 + 0.0485696876403053) / 0.2860212110245455
    )
    assert value("penalized_logp_gcpn", spiro) == pytest.approx(gcpn)
    other = (logp - 2.45777691) / 1.43341767 + (-sa + 3.05352042) / 0.83460587 + (-2 + 0.04861121) / 0.28746695
    assert value("penalized_logp_weighted_retraining", spiro) == pytest.approx(other)


@pytest.mark.parametrize(("smiles", "excess"), [("CCC", 0), ("C1CC1", 0), ("c1ccccc1", 0), ("C1CCCCCC1", 1), ("C1CCCCCCCCC1", 4)])
def test_cycle_excess(smiles: str, excess: int) -> None:
    assert penalized_logp.cycle_excess(parse(smiles)) == excess


@pytest.mark.parametrize(
    ("smiles", "longest"),
    [
        ("O", 0),
        ("C", 1),
        ("CCCC", 4),
        ("CC(C)(CC)CCC", 6),  # two carbons, the quaternary one, three
        ("CCOCCC", 3),
        ("c1ccccc1", 0),
        ("CCc1ccccc1CCC", 3),
        ("C" * 1000, 1000),
    ],
)
def test_longest_chain(smiles: str, longest: int) -> None:
    assert penalized_logp.longest_chain(parse(smiles)) == longest


def test_chains_game_every_published_convention_and_not_the_capped_one() -> None:
    lengths = (8, 16, 32, 64)
    for name in ("gcpn", "weighted_retraining", "raw", "limo"):
        values = [value(f"penalized_logp_{name}", "C" * n) for n in lengths]
        assert values == sorted(values)
        assert values[-1] > 10
    capped = [value("penalized_logp_capped", "C" * n) for n in lengths]
    assert capped == sorted(capped, reverse=True)


def test_the_caps_spare_ordinary_molecules_and_count_both_excesses() -> None:
    drug = "CC(C)(C)c1ccc2occ(CC(=O)Nc3ccccc3F)c2c1"
    assert value("penalized_logp_capped", drug) == value("penalized_logp_gcpn", drug)
    for smiles, excess in (("C" * 9, 1), ("C" * 40, 32 + 2), ("OCC" * 15, 7)):
        assert value("penalized_logp_capped", smiles) == pytest.approx(value("penalized_logp_gcpn", smiles) - excess)
