import torch
from torch import nn

from seqvae.inference import device_of, evaluating, seeded


def test_evaluating_puts_every_mode_back():
    model = nn.Sequential(nn.Dropout(0.5), nn.Sequential(nn.Dropout(0.5), nn.Linear(2, 2)))
    model[1].eval()
    with evaluating(model):
        assert not any(module.training for module in model.modules())
        assert not model(torch.ones(1, 2)).requires_grad
        assert torch.equal(model[0](torch.ones(50)), torch.ones(50))
    assert [module.training for module in model.modules()] == [True, True, False, False, False]
    assert model(torch.ones(1, 2)).requires_grad


def test_what_comes_out_can_be_climbed_by_gradients():
    model = nn.Linear(2, 2)
    with evaluating(model):
        z = model(torch.ones(1, 2))
    z.requires_grad_()
    model(z).sum().backward()
    assert z.grad is not None


def test_a_seed_leaves_the_global_stream_alone():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    with seeded(7):
        first = torch.rand(3)
    assert torch.equal(torch.rand(3), expected)
    with seeded(7):
        assert torch.equal(torch.rand(3), first)
    torch.manual_seed(7)
    assert torch.equal(torch.rand(3), first)


def test_no_seed_is_the_global_stream():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    with seeded(None):
        assert torch.equal(torch.rand(3), expected)


def test_device_of_a_model_without_parameters():
    assert device_of(nn.Identity()) == torch.device("cpu")
    assert device_of(nn.Linear(1, 1, device="meta")) == torch.device("meta")
