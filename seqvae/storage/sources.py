"""Where a name leads: a run, a model's folder, or a model on the hub."""

from __future__ import annotations

from pathlib import Path

from seqvae.errors import RunError, nearest
from seqvae.storage import hub
from seqvae.storage.pretrained import find


def locate(source: str | Path) -> Path:
    """The model folder that `source` names, downloaded first where it is one on the hub.

    What looks like owner/name is a path all the same when a folder `owner` is here: a misspelt `runs/mine` asks no network.

    Raises:
        RunError: nothing is there, or something else is.
    """
    path = Path(source).expanduser()
    if path.exists():
        return find(path)
    beside = path.parent
    if beside != Path() and beside.is_dir():
        folders = [entry.name for entry in beside.iterdir() if entry.is_dir()]
        raise RunError(f"no run or model at {path}; {nearest(path.name, folders) if folders else f'{beside} holds no folder'}")
    if isinstance(source, str) and hub.is_repository(source):
        return find(hub.download(source))
    raise RunError(f"no run or model at {path}; give a run folder, a model's folder, or owner/name of a model on the hub")
