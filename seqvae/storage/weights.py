"""A module's weights as named tensors and back; what is shared (a tied embedding) is kept once, under its first name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from seqvae.errors import RunError


def module_tensors(module: nn.Module) -> dict[str, Tensor]:
    """A module's parameters and buffers, shared ones once, under their first name."""
    first: dict[int, str] = {}
    named = module.state_dict(keep_vars=True)
    for name, tensor in named.items():
        first.setdefault(id(tensor), name)
    return {name: named[name] for name in first.values()}


def load_module(module: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """The inverse of `module_tensors`.

    Raises:
        RunError: the tensors are another model's; names `source` and the first that differs.
    """
    wanted = {name: tuple(tensor.shape) for name, tensor in module_tensors(module).items()}
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    differing = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    if differing:
        name = differing[0]
        raise RunError(
            f"{source} holds the weights of another model: {name!r} is {found.get(name, 'absent')} there, "
            f"{wanted.get(name, 'absent')} in the model ({len(differing)} tensors differ)"
        )
    module.load_state_dict(dict(tensors), strict=False)  # not strict: the second name of a shared tensor is absent


def save_weights(module: nn.Module, path: Path) -> None:
    """Write a module's tensors as safetensors."""
    from safetensors.torch import save_file

    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in module_tensors(module).items()}, path)


def load_weights(module: nn.Module, path: Path) -> None:
    """Read what `save_weights` wrote into a module of the same build.

    Raises:
        RunError: the file is unreadable, or another model's.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise RunError(f"{path} cannot be read as safetensors: {error}") from None
    load_module(module, tensors, str(path))
