"""Arguments and options that several commands share, said once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Run = Annotated[str, typer.Argument(metavar="RUN", help="A run's folder, a saved model's folder, or a hub id owner/name.")]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")]
Overrides = Annotated[
    list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Changes to the recipe: training.steps=2000.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Makes what is drawn at random repeatable.")]
Label = Annotated[
    str | None, typer.Option("--label", metavar="CLASS", help="For a model that knows classes: one, by its name or number.")
]
Temperature = Annotated[float, typer.Option("--temperature", min=1e-6, help="Below 1 more probable, above 1 more varied.")]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FILE",
        help="Write the records there, one a line, or drawn where it ends in .svg or .png; an existing file is replaced.",
    ),
]
