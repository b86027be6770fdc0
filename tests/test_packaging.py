"""What is installed works: from a wheel, and editable from the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
pytest.importorskip("build")
pytest.importorskip("hatchling")

CHECKOUT = Path(__file__).parents[1]
PROBE = """
import seqvae, tokenizers
from pathlib import Path
from seqvae.data.cards import card_names
from seqvae.data.shipped import shipped
from seqvae.recipe import shipped as recipes
assert tokenizers.Tokenizer, tokenizers
assert 'ptb' in card_names() and 'text-lstm' in recipes()
print(Path(seqvae.__file__).parents[1], shipped('datasets').parent, shipped('tokenizers').parent, sep='\\n')
"""


def run(*command: str | Path, cwd: Path, path: Path | None = None) -> str:
    """What a command prints; `path` alone stands before the installed packages."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    done = subprocess.run([str(word) for word in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, CHECKOUT, cwd=folder)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def editable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The editable wheel, unpacked as an installer would."""
    folder = tmp_path_factory.mktemp("editable")
    code = f"import hatchling.build; hatchling.build.build_editable({str(folder)!r})"
    run(sys.executable, "-c", code, cwd=CHECKOUT)
    site = folder / "site"
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
        archive.extractall(site)
    return site


def test_a_wheel_holds_the_package_its_data_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"seqvae"}
    for folder in ("datasets", "tokenizers"):
        inside = {
            name.removeprefix(f"seqvae/_shipped/{folder}/") for name in names if name.startswith(f"seqvae/_shipped/{folder}/")
        }
        assert inside == {
            path.relative_to(CHECKOUT / folder).as_posix() for path in (CHECKOUT / folder).rglob("*") if path.is_file()
        }
    for folder in ("recipes", "cli"):
        ours = [p for p in (CHECKOUT / "seqvae" / folder).rglob("*") if p.is_file() and "__pycache__" not in p.parts]
        assert {p.relative_to(CHECKOUT).as_posix() for p in ours} <= set(names)


def test_an_installed_wheel_finds_its_data_and_hides_no_library(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    run(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", site, wheel, cwd=tmp_path)
    package, datasets, tokenizers = run(sys.executable, "-c", PROBE, cwd=tmp_path, path=site).split()
    assert Path(package) == site
    assert Path(datasets) == Path(tokenizers) == site / "seqvae" / "_shipped"
    assert "train" in run(sys.executable, site / "bin" / "seqvae", "--help", cwd=tmp_path, path=site)


def test_an_editable_install_finds_its_data_and_hides_no_library(editable: Path, tmp_path: Path) -> None:
    """Only the unpacked wheel's .pth leads to the checkout here: isolated mode ignores both PYTHONPATH and the folder one is in."""
    code = f"import site, sys\nsys.path[:] = [p for p in sys.path if p != {str(CHECKOUT)!r}]\nsite.addsitedir({str(editable)!r})\n"
    package, datasets, tokenizers = run(sys.executable, "-I", "-c", code + PROBE, cwd=tmp_path).split()
    assert Path(package) == CHECKOUT
    assert Path(datasets) == Path(tokenizers) == CHECKOUT
