"""Where the numbers of training go: `metrics.jsonl` always, and TensorBoard, Weights & Biases or MLflow by name.

A logger is a registered part: `training.loggers: [tensorboard]`.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from seqvae import registry
from seqvae.errors import ConfigError
from seqvae.registry import register


class Logger(Protocol):
    """Takes scalars by step."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Scalars of one step, by name."""

    def close(self) -> None:
        """Flush and let go."""


class JsonLines:
    """`metrics.jsonl`: one JSON object a line, each flushed as it is written.

    Args:
        path: the file; appended to.
        until: drop lines of later steps first, which an interrupted run wrote after its last checkpoint.
    """

    def __init__(self, path: Path, until: int | None = None) -> None:
        if until is not None and path.exists():
            kept = [line for line in path.read_text(encoding="utf-8").splitlines() if _step(line) <= until]
            path.write_text("".join(line + "\n" for line in kept), encoding="utf-8")
        self.file = path.open("a", encoding="utf-8")

    def write(self, record: Mapping[str, Any]) -> None:
        """Append one record."""
        self.file.write(json.dumps(record) + "\n")
        self.file.flush()

    def close(self) -> None:
        """Close the file."""
        self.file.close()


def _step(line: str) -> float:
    """The step of a written line; infinite for one that was cut off, by a full disk or a power cut."""
    try:
        return float(json.loads(line).get("step", 0))
    except ValueError:
        return float("inf")


def find_logger(name: str) -> Any:
    """The registered logger class of a name, once its library is known to be there.

    Raises:
        ConfigError: unknown name, or a library that is not installed.
    """
    cls: Any = registry.lookup("logger", name).cls
    if importlib.util.find_spec(cls.LIBRARY) is None:
        raise ConfigError(f"training.loggers names {name!r}, but {cls.LIBRARY} is not installed; pip install 'seqvae[tracking]'")
    return cls


@register("logger", "tensorboard")
class TensorBoard:
    """Event files under `<run>/tensorboard`."""

    LIBRARY = "tensorboard"

    def __init__(self, run: Path, config: Mapping[str, Any]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.writer: Any = SummaryWriter(run / "tensorboard")
        self.writer.add_text("recipe", json.dumps(config, indent=1))

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """One scalar a name."""
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Flush the event file."""
        self.writer.close()


@register("logger", "wandb")
class WeightsAndBiases:
    """A Weights & Biases run named after the run folder; the project comes from WANDB_PROJECT."""

    LIBRARY = "wandb"

    def __init__(self, run: Path, config: Mapping[str, Any]) -> None:
        import wandb

        self.run: Any = wandb.init(name=run.name, dir=str(run), config=dict(config))

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """All scalars of a step at once."""
        self.run.log(dict(values), step=step)

    def close(self) -> None:
        """Finish the run."""
        self.run.finish()


@register("logger", "mlflow")
class MLflow:
    """An MLflow run named after the run folder; the server comes from MLFLOW_TRACKING_URI."""

    LIBRARY = "mlflow"

    def __init__(self, run: Path, config: Mapping[str, Any]) -> None:
        import mlflow

        self.mlflow: Any = mlflow
        self.mlflow.start_run(run_name=run.name)
        self.mlflow.log_dict(dict(config), "recipe.json")

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """All scalars of a step at once."""
        self.mlflow.log_metrics(dict(values), step=step)

    def close(self) -> None:
        """End the run."""
        self.mlflow.end_run()
