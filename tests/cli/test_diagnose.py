"""`seqvae diagnose` on the tiny run, and on one that was made to collapse."""

from __future__ import annotations

import pytest


def test_one_json_object_with_a_verdict(seqvae, run_folder):
    told = seqvae("diagnose", run_folder, "--json").json
    assert told["split"] == "valid"
    assert told["collapsed"] is False
    assert len(told["rate_per_dimension"]) == told["latent_dim"] == 4
    assert sum(told["rate_per_dimension"]) == pytest.approx(told["rate_nats"], rel=1e-6)
    assert told["decoder_sensitivity_nats"] > 0.1
    assert told["mi_nats"] <= told["mi_bound_nats"] + 1e-9
    assert told["round_trip_prior"] <= 1


def test_the_text_has_numbers_bars_and_the_verdict_last(seqvae, run_folder):
    lines = seqvae("diagnose", run_folder, "--split", "test").lines
    shown = {line.split()[0] for line in lines if line.strip()}
    assert {"mi_nats", "aggregated_kl_nats", "decoder_sensitivity_nats", "round_trip_prior", "active_units"} <= shown
    bars = lines[lines.index("rate per dimension, nats") + 1 :][:4]
    rates = [float(line.split()[1]) for line in bars]
    assert rates == sorted(rates, reverse=True)
    assert bars[0].endswith("#" * 24)
    assert any(line.startswith("Not collapsed") for line in lines[-2:])


def test_a_collapsed_run_gets_one_change_to_try_that_can_be_typed(seqvae, recipe, tmp_path):
    run = tmp_path / "run"
    seqvae("train", recipe, f"out={run}", "training.steps=1", "objective.beta=1000", "model.encoder.pooling=last")
    result = seqvae("diagnose", run)
    assert any(line.startswith("Collapsed") for line in result.lines)
    assert result.lines[-1].startswith("Try first: objective.rate=free_bits")
    change = seqvae("diagnose", run, "--json").json["try_first"].split()
    assert seqvae("train", recipe, f"out={tmp_path / 'cured'}", "training.steps=1", *change).code == 0


def test_what_it_cannot_do_is_one_line(seqvae, refused, recipe, tmp_path):
    assert "nowhere" in refused("diagnose", tmp_path / "nowhere")
    run = tmp_path / "run"
    seqvae("train", recipe, f"out={run}", "data.valid=0", "training.steps=1")
    assert "no valid records" in refused("diagnose", run)
