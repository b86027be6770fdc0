import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from seqvae.errors import RunError
from seqvae.storage.weights import load_module, load_weights, module_tensors, save_weights


class Tied(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.table = nn.Embedding(7, width)
        self.out = nn.Linear(width, 7)
        self.out.weight = self.table.weight
        self.norm = nn.BatchNorm1d(width)


def test_round_trip_with_buffers_and_shared_tensors(tmp_path):
    torch.manual_seed(0)
    module, other = Tied(), Tied()
    module.norm(torch.randn(5, 4))
    save_weights(module, tmp_path / "w")
    assert "out.weight" not in load_file(tmp_path / "w")
    load_weights(other, tmp_path / "w")
    for name, tensor in module.state_dict().items():
        assert torch.equal(other.state_dict()[name], tensor), name
    assert other.out.weight is other.table.weight


def test_precision_is_kept(tmp_path):
    module = nn.Linear(3, 3).to(torch.bfloat16)
    save_weights(module, tmp_path / "w")
    assert load_file(tmp_path / "w")["weight"].dtype == torch.bfloat16


@pytest.mark.parametrize("change", ["missing", "unknown", "shape"])
def test_another_models_tensors(change):
    tensors = dict(module_tensors(Tied()))
    if change == "missing":
        del tensors["norm.weight"]
    if change == "unknown":
        tensors["norm.weights"] = torch.zeros(2)
    if change == "shape":
        tensors["norm.weight"] = torch.zeros(5)
    with pytest.raises(RunError, match=r"there holds the weights of another model: 'norm.weight"):
        load_module(Tied(), tensors, "there")


def test_a_wrong_model_is_not_half_loaded():
    module = Tied()
    before = module.out.bias.clone()
    with pytest.raises(RunError):
        load_module(module, {**module_tensors(Tied()), "norm.weight": torch.zeros(5)}, "there")
    assert torch.equal(module.out.bias, before)


@pytest.mark.parametrize("content", [b"", b"nothing", b"\x80\x04K\x01."])
def test_no_safetensors(tmp_path, content):
    (tmp_path / "w").write_bytes(content)
    with pytest.raises(RunError, match="w cannot be read as safetensors"):
        load_weights(Tied(), tmp_path / "w")
    with pytest.raises(RunError, match="gone cannot be read as safetensors"):
        load_weights(Tied(), tmp_path / "gone")


def test_foreign_tensors_in_a_good_file(tmp_path):
    save_file({"x": torch.zeros(2)}, tmp_path / "w")
    with pytest.raises(RunError, match="another model"):
        load_weights(Tied(), tmp_path / "w")
