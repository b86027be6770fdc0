from dataclasses import replace

import huggingface_hub
import pytest
import torch
from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError, OfflineModeIsEnabled

from seqvae.errors import RunError
from seqvae.storage.hub import _without_paths
from seqvae.vae import SeqVAE


class FakeApi:
    """Keeps what was uploaded in a folder, and serves it again."""

    calls: list = []  # noqa: RUF012

    def create_repo(self, name, *, private, exist_ok):
        self.calls.append(("create", name, private, exist_ok))
        return f"https://huggingface.co/{name}"

    def upload_folder(self, *, repo_id, folder_path, allow_patterns, commit_message):
        import fnmatch
        import shutil

        for path in folder_path.rglob("*"):
            name = path.relative_to(folder_path).as_posix()
            if path.is_file() and any(fnmatch.fnmatch(name, pattern) for pattern in allow_patterns):
                (self.store / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, self.store / name)
        self.calls.append(("upload", repo_id))


@pytest.fixture
def api(tmp_path, monkeypatch):
    FakeApi.store, FakeApi.calls = tmp_path / "hub", []
    monkeypatch.setattr(huggingface_hub, "HfApi", FakeApi)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda name, allow_patterns: str(FakeApi.store))
    return FakeApi


def test_there_and_back(vae, api, sentences, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert vae.push_to_hub("me/my-vae", private=True) == "https://huggingface.co/me/my-vae"
    assert api.calls == [("create", "me/my-vae", True, True), ("upload", "me/my-vae")]
    assert torch.equal(SeqVAE.from_pretrained("me/my-vae").encode(sentences), vae.encode(sentences))


def test_paths_of_this_machine_are_not_published(vae, api, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = replace(vae.recipe.data, source="/home/somebody/secret/reviews.txt")
    vae.recipe = replace(vae.recipe, data=data, out="/home/somebody/runs/1")
    vae.push_to_hub("me/my-vae")
    published = [path.read_bytes() for path in (tmp_path / "hub").rglob("*") if path.is_file()]
    assert any(b"reviews.txt" in content for content in published)
    assert not any(b"somebody" in content for content in published)


def test_a_repository_of_another_kind(api, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(RunError, match="is not a seqvae model's"):
        SeqVAE.from_pretrained("openai-community/gpt2")


@pytest.mark.parametrize(
    "error",
    [
        LocalEntryNotFoundError("An error happened.\nPlease check your internet connection."),
        OfflineModeIsEnabled("offline mode is enabled"),
        HFValidationError("bad name"),
        ConnectionError(),
        RuntimeError("the transport's own"),
    ],
)
def test_no_network_is_one_line(error, vae, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    monkeypatch.setattr(huggingface_hub.HfApi, "create_repo", fail)
    for call in (lambda: SeqVAE.from_pretrained("me/my-vae"), lambda: vae.push_to_hub("me/my-vae")):
        with pytest.raises(RunError, match="me/my-vae") as caught:
            call()
        assert "\n" not in str(caught.value)
        assert type(error).__name__ in str(caught.value)


@pytest.mark.parametrize("name", ["my-vae", "a/b/c", "me/my vae", ""])
def test_a_name_that_is_none_is_refused_before_anything_is_sent(vae, api, name):
    with pytest.raises(RunError, match="give owner/name"):
        vae.push_to_hub(name)
    assert api.calls == []


@pytest.mark.parametrize(
    ("source", "published"),
    [("quickdraw/cat,owl", "quickdraw/cat,owl"), ("ptb", "ptb"), ("/home/ann/reviews.txt", "reviews.txt"), ("a/b/c.txt", "c.txt")],
)
def test_cards_keep_their_names_and_files_lose_their_folders(vae, source, published):
    recipe = replace(vae.recipe, data=replace(vae.recipe.data, source=source), out="/home/ann/runs/1")
    assert _without_paths(recipe).data.source == published
    assert _without_paths(recipe).out is None
