"""`seqvae encode` and `seqvae decode`: latents as a plain `.npy` file, `[N,*event]` float32."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqvae.cli.arguments import Json, Label, Out, Run, Seed
from seqvae.cli.explore import give, load
from seqvae.cli.printing import print_json, write_file
from seqvae.cli.records import from_file
from seqvae.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor


def encode(
    run: Run,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Records, in any format that can be trained on.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The .npy file to write; replaced if it exists.")],
    draw: Annotated[bool, typer.Option("--sample", help="Draw from each posterior instead of taking its mean.")] = False,
    label: Label = None,
    seed: Seed = None,
    as_json: Json = False,
) -> None:
    """Write the latents of a file's records."""
    import numpy as np

    vae = load(run)
    latents = vae.encode(from_file(vae, file), sample=draw, seed=seed, labels=label).cpu().numpy()
    write_file(out, lambda stream: np.save(stream, latents, allow_pickle=False))
    if as_json:
        print_json({"out": str(out), "shape": list(latents.shape)})
    else:
        typer.echo(f"wrote {len(latents):,} latents of shape {list(latents.shape[1:])} to {out}")


def decode(
    run: Run,
    file: Annotated[Path, typer.Argument(metavar="Z.npy", help="Latents, as encode writes them; or a single one.")],
    label: Label = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Decode latents greedily, one record a row."""
    vae = load(run)
    give(vae, vae.decode(read_latents(file, tuple(vae.model.event_shape)), labels=label), as_json, out)


def read_latents(file: Path, event: tuple[int, ...]) -> Tensor:
    """The latents in an `.npy` file, `[N,*event]` float32.

    Raises:
        DataError: no such file, no array of numbers, another shape, or a value that is not finite.
    """
    import numpy as np
    import torch

    array = _array(file)
    wanted = f"[N, {', '.join(map(str, event))}]"
    if array.dtype.kind not in "fiu":
        raise DataError(f"{file} holds {array.dtype} values; latents are real numbers of shape {wanted}")
    if array.shape == event:
        array = array[None]
    if array.shape[1:] != event or not len(array):
        raise DataError(f"{file} has shape {list(array.shape)}; this run's latents have shape {wanted}, N at least 1")
    with np.errstate(over="ignore"):
        array = array.astype(np.float32)
    finite = np.isfinite(array)
    if not finite.all():
        first = [int(i) for i in np.argwhere(~finite)[0]]
        raise DataError(
            f"{file} holds {(~finite).sum():,} values that are not finite in float32, the first at {first}; mend or drop them"
        )
    return torch.from_numpy(array)


def _array(file: Path) -> Any:
    import numpy as np

    if not file.is_file():
        raise DataError(
            f"{file} is a folder; give an .npy file" if file.is_dir() else f"no such file: {file} (at {file.absolute()})"
        )
    try:
        array = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{file} is not an .npy file of numbers; seqvae encode writes such files") from error
    if not isinstance(array, np.ndarray):
        raise DataError(f"{file} is an archive of several arrays; give one .npy file, as seqvae encode writes it")
    return array
