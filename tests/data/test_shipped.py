from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from seqvae.data.shipped import PACKAGE, shipped

CHECKOUT = Path(__file__).parents[2]


def test_a_checkout_has_them_beside_the_package() -> None:
    assert shipped("datasets") == CHECKOUT / "datasets"
    assert shipped("tokenizers") == CHECKOUT / "tokenizers"
    assert PACKAGE == CHECKOUT / "seqvae"


def test_a_wheel_has_them_inside_and_is_not_fooled_by_a_library_of_that_name(tmp_path: Path) -> None:
    package = tmp_path / "seqvae"
    (package / "_shipped" / "datasets").mkdir(parents=True)
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "__init__.py").touch()
    assert shipped("datasets", package) == package / "_shipped" / "datasets"
    (package / "_shipped" / "datasets").rmdir()
    with pytest.raises(FileNotFoundError, match="reinstall"):
        shipped("datasets", package)


@pytest.mark.parametrize("name", ["datasets", "tokenizers"])
def test_they_hold_no_python(name: str) -> None:
    assert [path for path in (CHECKOUT / name).rglob("*") if path.suffix in (".py", ".pyc", ".pyi")] == []


PROBE = """
import importlib.metadata, importlib.util
import tokenizers
assert tokenizers.Tokenizer and 'site-packages' in tokenizers.__file__, tokenizers
# Without an __init__.py our folder is at most an empty namespace, and any installed library of the name comes before it.
spec = importlib.util.find_spec('datasets')
try:
    importlib.metadata.version('datasets')
    assert 'site-packages' in spec.origin, spec
except importlib.metadata.PackageNotFoundError:
    assert spec is None or spec.origin is None, spec
"""


def test_they_shadow_nothing_for_python_run_from_the_checkout() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
