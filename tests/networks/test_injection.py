"""How a latent becomes a decoder's first state."""

from __future__ import annotations

import torch

from seqvae.networks.injection import AttentionState, LatentInjection


def test_each_layer_has_a_slot_of_its_own_as_key_and_value() -> None:
    injection = LatentInjection(3, ("memory",), width=8, layers=2, heads=2, head_width=4)
    z = torch.randn(5, 3)
    state = injection(z)
    slots = (z @ injection.memory.weight.T).view(5, 2, 2, 1, 4)
    for layer, (key, value) in enumerate(state.layers):
        torch.testing.assert_close(key, slots[:, layer])
        assert key is value
    assert (state.position, state.memory) == (0, 1)
    assert state.shift.shape == (5, 8)
    assert state.shift.abs().max() == 0


def test_an_embedding_alone_leaves_the_attention_as_it_was() -> None:
    injection = LatentInjection(3, ("embedding",), width=8, layers=2, heads=2, head_width=4)
    z = torch.randn(5, 3)
    state = injection(z)
    assert [key.shape for key, _ in state.layers] == [(5, 2, 0, 4)] * 2
    torch.testing.assert_close(state.shift, z @ injection.embedding.weight.T)
    assert (state.position, state.memory) == (0, 0)


def test_selecting_rows_selects_them_everywhere() -> None:
    state = LatentInjection(3, ("memory", "embedding"), width=8, layers=2, heads=2, head_width=4)(torch.randn(5, 3))
    index = torch.tensor([4, 4, 0])
    chosen = state.select(index)
    assert isinstance(chosen, AttentionState)
    assert torch.equal(chosen.shift, state.shift[index])
    assert torch.equal(chosen.layers[1][0], state.layers[1][0][index])
