import hashlib
import json
import pickle
import shutil
from pathlib import Path

import pytest
import torch

from seqvae import __version__
from seqvae.errors import RunError
from seqvae.storage.manifest import write_manifest
from seqvae.vae import SeqVAE


def altered(folder, **changes):
    """Rewrite config.json with a valid manifest, as another version of the program would have."""
    config = json.loads((folder / "config.json").read_text())
    config = {key: value for key, value in {**config, **changes}.items() if value is not None}
    (folder / "config.json").write_text(json.dumps(config))
    write_manifest(folder)


@pytest.mark.parametrize("overrides", [[], ["tokenizer={kind: sentencepiece, vocab_size: 290}"], ["model.likelihood.tied=false"]])
def test_round_trip_bit_for_bit(make_vae, sentences, tmp_path, overrides):
    vae = make_vae(*overrides)
    vae.save_pretrained(tmp_path / "deep" / "model")
    back = SeqVAE.from_pretrained(tmp_path / "deep" / "model", device="cpu")
    for name, tensor in vae.model.state_dict().items():
        assert torch.equal(back.model.state_dict()[name], tensor), name
    assert torch.equal(back.encode(sentences), vae.encode(sentences))
    z = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    assert back.decode(z) == vae.decode(z)
    assert len(set(vae.decode(z))) > 3
    assert back.sample(5, seed=1) == vae.sample(5, seed=1)
    assert (back.recipe, back.max_length, back.metrics) == (vae.recipe, 12, vae.metrics)
    assert back.codec.fingerprint == vae.codec.fingerprint
    assert not back.model.training


def test_what_is_shared_stays_shared(saved):
    back = SeqVAE.from_pretrained(saved)
    assert back.model.likelihood.weight is back.model.decoder.embedding.table.weight


def test_the_files_are_those_promised(saved):
    files = {path.relative_to(saved).as_posix() for path in saved.rglob("*") if path.is_file()}
    assert files == {"config.json", "model.safetensors", "codec/words.json", "README.md", "manifest.json"}
    manifest = json.loads((saved / "manifest.json").read_text())
    assert manifest == {name: hashlib.sha256((saved / name).read_bytes()).hexdigest() for name in files - {"manifest.json"}}
    config = json.loads((saved / "config.json").read_text())
    assert list(config) == ["format", "format_version", "seqvae_version", "recipe", "max_length", "metrics", "ex_post"]
    assert (config["format"], config["format_version"], config["seqvae_version"]) == ("seqvae", 1, __version__)


def test_nothing_is_ever_unpickled(vae, tmp_path, monkeypatch):
    def forbidden(*args, **kwargs):
        raise AssertionError("a pickle was touched")

    for module, names in ((torch, ("load", "save")), (pickle, ("load", "loads", "dump", "dumps", "Unpickler", "Pickler"))):
        for name in names:
            monkeypatch.setattr(module, name, forbidden)
    vae.save_pretrained(tmp_path / "model")
    SeqVAE.from_pretrained(tmp_path / "model")


def test_loading_leaves_the_random_stream_alone(saved):
    state = torch.get_rng_state()
    SeqVAE.from_pretrained(saved)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_run_folder_means_its_model(saved, tmp_path, sentences):
    run = tmp_path / "run"
    run.mkdir()
    (run / "recipe.yaml").write_text("modality: text")
    with pytest.raises(RunError, match=r"run is a run without a model yet"):
        SeqVAE.from_pretrained(run)
    shutil.copytree(saved, run / "model")
    assert torch.equal(SeqVAE.from_pretrained(str(run)).encode(sentences), SeqVAE.from_pretrained(saved).encode(sentences))


def test_saving_again_replaces_the_model_and_nothing_else(make_vae, saved, sentences):
    (saved / "notes.txt").write_text("mine")
    other = make_vae(seed=1)
    other.save_pretrained(saved)
    assert torch.equal(SeqVAE.from_pretrained(saved).encode(sentences), other.encode(sentences))
    assert (saved / "notes.txt").read_text() == "mine"
    assert sorted(path.name for path in saved.iterdir()) == [
        "README.md", "codec", "config.json", "manifest.json", "model.safetensors", "notes.txt"
    ]  # fmt: skip


def test_a_save_that_fails_leaves_the_old_model(vae, saved, sentences, monkeypatch):
    before = vae.encode(sentences)

    def full(folder):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(vae.codec, "save", full)
    with pytest.raises(RunError, match=r"cannot write .*model: No space left on device"):
        vae.save_pretrained(saved)
    assert torch.equal(SeqVAE.from_pretrained(saved).encode(sentences), before)
    assert not list(saved.glob(".partial*"))


def test_a_replacement_cut_short_is_known_as_such(make_vae, saved, monkeypatch):
    replace = Path.replace

    def cut_short(path, target):
        if path.name == "model.safetensors":
            raise OSError(5, "Input/output error")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", cut_short)
    with pytest.raises(RunError, match="cannot write"):
        make_vae(seed=1).save_pretrained(saved)
    with pytest.raises(RunError, match=r"manifest\.json is missing, so .* is incomplete"):
        SeqVAE.from_pretrained(saved)


def test_a_file_in_the_way(vae, tmp_path):
    (tmp_path / "model").write_text("a file")
    with pytest.raises(RunError, match="cannot write"):
        vae.save_pretrained(tmp_path / "model")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "codec/words.json", "README.md", "manifest.json"])
def test_a_missing_file_is_named(saved, name):
    (saved / name).unlink()
    with pytest.raises(RunError, match=rf"{name} is missing"):
        SeqVAE.from_pretrained(saved)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "codec/words.json", "README.md"])
def test_an_altered_byte_is_seen(saved, name):
    data = bytearray((saved / name).read_bytes())
    place = data.find(b"0") if name == "config.json" else len(data) // 2
    data[place] ^= 1
    (saved / name).write_bytes(data)
    with pytest.raises(RunError, match=rf"{name} was altered"):
        SeqVAE.from_pretrained(saved)


@pytest.mark.parametrize("content", ['{"model_type": "bert"}', "[]", '{"format": "other", "format_version": 1}'])
def test_a_foreign_config(saved, content):
    (saved / "config.json").write_text(content)
    write_manifest(saved)
    with pytest.raises(RunError, match=r"config\.json is not a seqvae model's"):
        SeqVAE.from_pretrained(saved)


def test_a_config_that_is_no_json(saved):
    (saved / "config.json").write_text("{")
    with pytest.raises(RunError, match=r"config\.json is not JSON"):
        SeqVAE.from_pretrained(saved)


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_another_format_version(saved, version):
    altered(saved, format_version=version, seqvae_version="9.9")
    with pytest.raises(RunError, match=r"has format version .* reads 1; use seqvae 9\.9"):
        SeqVAE.from_pretrained(saved)


def test_a_config_without_a_recipe(saved):
    altered(saved, recipe=None)
    with pytest.raises(RunError, match=r"config\.json lacks recipe"):
        SeqVAE.from_pretrained(saved)


def test_a_part_that_is_not_installed(saved):
    recipe = json.loads((saved / "config.json").read_text())["recipe"]
    recipe["model"]["encoder"] = {"kind": "someones_own"}
    altered(saved, recipe=recipe)
    with pytest.raises(RunError, match=r"unknown encoder 'someones_own'.* import the module that registers"):
        SeqVAE.from_pretrained(saved)


def test_weights_of_another_size(saved):
    recipe = json.loads((saved / "config.json").read_text())["recipe"]
    recipe["model"]["posterior"]["latent"] = 5
    altered(saved, recipe=recipe)
    with pytest.raises(RunError, match=r"model\.safetensors holds the weights of another model: 'decoder.initial_state.weight'"):
        SeqVAE.from_pretrained(saved)


def test_weights_that_are_none(saved):
    (saved / "model.safetensors").write_bytes(b"PK\x03\x04 a torch.save file")
    write_manifest(saved)
    with pytest.raises(RunError, match=r"model\.safetensors cannot be read as safetensors"):
        SeqVAE.from_pretrained(saved)


def test_a_device_that_is_not_there(saved):
    from seqvae.errors import ConfigError

    with pytest.raises(ConfigError, match="device=abacus"):
        SeqVAE.from_pretrained(saved, device="abacus")
