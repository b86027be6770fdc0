import re

import pytest
import yaml

from seqvae import recipe as recipes
from seqvae.storage.model_card import model_card


def test_the_header_is_the_hubs(vae):
    card = model_card(vae.recipe, vae.metrics)
    header = yaml.safe_load(card.split("---\n")[1])
    assert header == {"library_name": "seqvae", "tags": ["variational-autoencoder", "text"]}


def test_numbers_carry_their_units_and_lists_are_left_out(vae):
    card = model_card(vae.recipe, vae.metrics)
    assert "| elbo_nats | -12.5 | nats per sequence | evidence lower bound" in card
    assert "| step | 7 | optimiser steps |" in card
    assert card.index("Validation:") < card.index("elbo_nats")
    assert "rate_per_dimension" not in card


def test_the_split_is_said(vae):
    assert "| split | test |" in model_card(vae.recipe, {"split": "test", "nll_nats": 31.41592653})
    assert "| nll_nats | 31.416 |" in model_card(vae.recipe, {"split": "test", "nll_nats": 31.41592653})


@pytest.mark.parametrize(
    ("metrics", "words"),
    [
        ({"collapsed": True}, "The posterior has collapsed"),
        ({"test": {"collapsed": True}}, "The posterior has collapsed"),
        ({"collapsed": False}, "has not collapsed"),
    ],
)
def test_a_verdict_is_passed_on(vae, metrics, words):
    assert words in model_card(vae.recipe, metrics)


def test_without_numbers_it_says_so(vae):
    card = model_card(vae.recipe, {})
    assert "Nothing yet" in card
    assert "collapsed" not in card


def test_the_recipe_in_it_is_the_recipe(vae, tmp_path):
    card = model_card(vae.recipe, vae.metrics)
    (tmp_path / "recipe.yaml").write_text(re.search(r"```yaml\n(.*?)```", card, re.DOTALL)[1])
    assert recipes.load(tmp_path / "recipe.yaml") == vae.recipe
    assert "seqvae train recipe.yaml" in card


def test_its_example_runs(saved, capsys):
    code = re.search(r"```python\n(.*?)```", (saved / "README.md").read_text(), re.DOTALL)[1]
    assert "this folder, or its name on the hub" in code
    exec(code.replace("this folder, or its name on the hub", str(saved)), {})
    assert len(capsys.readouterr().out.splitlines()) == 4
