import pytest

from seqvae.errors import RunError
from seqvae.storage import hub
from seqvae.storage.sources import locate


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def download(name):
        raise AssertionError(f"asked the hub for {name}")

    monkeypatch.setattr(hub, "download", download)


def test_a_model_folder_and_a_run(saved, tmp_path):
    assert locate(saved) == saved
    assert locate(str(tmp_path)) == saved  # it holds model/


def test_a_folder_without_a_model(tmp_path):
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(RunError, match=r"holds no model: .*config\.json is missing"):
        locate(tmp_path)


def test_a_file(tmp_path):
    (tmp_path / "x").touch()
    with pytest.raises(RunError, match="holds no model"):
        locate(tmp_path / "x")


def test_a_misspelt_run_asks_no_network(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "reviews").mkdir(parents=True)
    with pytest.raises(RunError, match=r"no run or model at runs/reviws; did you mean 'reviews'\?"):
        locate("runs/reviws")
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunError, match="no run or model at empty/x; empty holds no folder"):
        locate("empty/x")


@pytest.mark.parametrize("name", ["nowhere", "a/b/c", "owner/na me", ""])
def test_neither_a_path_nor_a_name_on_the_hub(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match=r"(no run or model at|holds no model)"):
        locate(name)


def test_a_name_on_the_hub_is_downloaded(saved, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(hub, "download", lambda name: {"me/my-vae": saved}[name])
    assert locate("me/my-vae") == saved
