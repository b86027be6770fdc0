"""The import rule of ARCHITECTURE.md, and what `import seqvae` must not load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
HEAVY = ("transformers", "rdkit", "matplotlib", "sacrebleu", "accelerate", "huggingface_hub", "sentencepiece", "pyarrow", "scipy")
PARTS = ("encoder", "posterior", "prior", "decoder", "likelihood", "schedule", "rate_policy", "objective", "plan")


def loaded_by(code: str, modules: tuple[str, ...]) -> list[str]:
    """Which of `modules` a fresh interpreter holds after running `code`."""
    probe = f"import sys\n{code}\nprint(*[name for name in {modules!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_every_room_imports_only_rooms_below_it() -> None:
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_importing_the_package_is_instant() -> None:
    assert loaded_by("import seqvae", ("torch", "numpy", "pydantic", *HEAVY)) == []


@pytest.mark.parametrize("code", ["from seqvae import SeqVAE, SeqVAEError, register", "import seqvae.cli.app"])
def test_using_it_loads_nothing_heavy_before_its_time(code: str) -> None:
    assert loaded_by(code, HEAVY) == []


def test_looking_up_parts_loads_nothing_heavy() -> None:
    assert loaded_by(f"from seqvae import registry\n[registry.names(kind) for kind in {PARTS!r}]", HEAVY) == []


def test_the_public_names_are_all_there() -> None:
    import seqvae

    assert all(getattr(seqvae, name) is not None for name in seqvae.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        seqvae.nothing  # noqa: B018
