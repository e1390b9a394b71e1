from pathlib import Path

import pytest

from local.conftest import CONTENT, Hub, make_model
from steelyard.domain.errors import ConfigError
from steelyard.local.files import silent
from steelyard.local.models import LocalModel
from steelyard.local.sources import FileSource, HubSource, SourceFailed, SourceSettings


def source(hub: Hub, name: str = "huggingface", **changes: object) -> HubSource:
    settings: dict[str, object] = {
        "huggingface": hub.url,
        "modelscope": hub.url,
        "retry_pause_s": 0.001,
        "answer_timeout_s": 2.0,
    }
    return HubSource(name, SourceSettings(**(settings | changes)))  # type: ignore[arg-type]


def fetch(found: HubSource, model: LocalModel, folder: Path) -> bytes:
    return found.fetch(model, folder, silent).read_bytes()


def test_the_hubs_addresses(model: LocalModel) -> None:
    settings = SourceSettings(huggingface="https://mirror.example/")
    assert HubSource("huggingface", settings).url(model) == (
        "https://mirror.example/Maker/Tiny-GGUF/resolve/main/tiny.gguf"
    )
    assert HubSource("modelscope", settings).url(model) == (
        "https://www.modelscope.cn/models/Maker/Tiny-GGUF/resolve/master/tiny.gguf"
    )


def test_a_download_reports_its_progress(hub: Hub, model: LocalModel, tmp_path: Path) -> None:
    steps: list[tuple[int, int, str]] = []
    path = source(hub).fetch(model, tmp_path, lambda *step: steps.append(step))
    assert path.read_bytes() == CONTENT
    assert steps[-1] == (len(CONTENT), len(CONTENT), "download")
    assert steps == sorted(steps)


def test_a_cut_download_goes_on_at_the_last_byte(
    hub: Hub, model: LocalModel, tmp_path: Path
) -> None:
    hub.cut_after, hub.cuts_left = 3000, 2
    assert fetch(source(hub), model, tmp_path) == CONTENT
    assert hub.downloads == [None, "bytes=3000-", "bytes=6000-"]


def test_a_later_call_resumes_at_the_other_hub(hub: Hub, model: LocalModel, tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf.part").write_bytes(CONTENT[:9000])
    assert fetch(source(hub, "modelscope"), model, tmp_path) == CONTENT
    assert hub.downloads == ["bytes=9000-"]


def test_a_hub_without_ranges_starts_anew(hub: Hub, model: LocalModel, tmp_path: Path) -> None:
    hub.has_ranges = False
    (tmp_path / "tiny.gguf.part").write_bytes(b"x" * 9000)
    assert fetch(source(hub), model, tmp_path) == CONTENT


def test_a_partial_file_that_is_too_long_starts_anew(
    hub: Hub, model: LocalModel, tmp_path: Path
) -> None:
    (tmp_path / "tiny.gguf.part").write_bytes(b"x" * 20000)
    assert fetch(source(hub), model, tmp_path) == CONTENT


def test_an_answer_of_unknown_length(hub: Hub, model: LocalModel, tmp_path: Path) -> None:
    hub.is_chunked = True
    assert fetch(source(hub), model, tmp_path) == CONTENT


def test_what_came_before_endless_cuts_is_kept(hub: Hub, model: LocalModel, tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf.part").write_bytes(CONTENT[:100])
    hub.cut_after, hub.cuts_left = 0, 99
    with pytest.raises(SourceFailed, match="stopped answering"):
        fetch(source(hub), model, tmp_path)
    assert (tmp_path / "tiny.gguf.part").read_bytes() == CONTENT[:100]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"status": 404}, "answered 404"),
        ({"content": b"<html>a login page</html>"}, "does not answer with a model file"),
        ({"content": CONTENT + b"more"}, "a file of another size, 10248 bytes"),
        ({"content": CONTENT + b"more", "is_chunked": True}, "more bytes than the file has"),
        ({"delay_s": 0.4}, "no answer within 0.1 s"),
    ],
)
def test_a_hub_that_has_not_got_it(
    hub: Hub, model: LocalModel, tmp_path: Path, fault: dict[str, object], reason: str
) -> None:
    for name, value in fault.items():
        setattr(hub, name, value)
    timeout_s = 0.1 if "delay_s" in fault else 2.0
    with pytest.raises(SourceFailed, match=reason):
        fetch(source(hub, answer_timeout_s=timeout_s), model, tmp_path)


def test_another_range_than_asked_for_is_refused(
    hub: Hub, model: LocalModel, tmp_path: Path
) -> None:
    (tmp_path / "tiny.gguf.part").write_bytes(CONTENT[:9000])
    hub.wrong_range = True
    with pytest.raises(SourceFailed, match="another range"):
        fetch(source(hub), model, tmp_path)


def test_nobody_listens(hub: Hub, model: LocalModel, tmp_path: Path) -> None:
    with pytest.raises(SourceFailed, match="no connection"):
        fetch(source(hub, huggingface="http://127.0.0.1:1"), model, tmp_path)


def test_a_hub_carries_only_what_the_catalogue_says() -> None:
    lacking = make_model(huggingface=None)
    assert not HubSource("huggingface", SourceSettings()).has(lacking)
    with pytest.raises(SourceFailed, match="does not carry"):
        HubSource("huggingface", SourceSettings()).url(lacking)


def test_a_local_file_is_copied_from_a_file_or_a_folder(tmp_path: Path, model: LocalModel) -> None:
    origin, folder = tmp_path / "origin", tmp_path / "models"
    origin.mkdir()
    folder.mkdir()
    (origin / "tiny.gguf").write_bytes(CONTENT)
    for path in (origin, origin / "tiny.gguf"):
        copy = FileSource(path).fetch(model, folder, silent)
        assert copy.read_bytes() == CONTENT
        assert (origin / "tiny.gguf").exists()


def test_a_local_file_that_is_not_there(tmp_path: Path, model: LocalModel) -> None:
    assert not FileSource(None).has(model)
    with pytest.raises(SourceFailed, match=r"no file at .*absent"):
        FileSource(tmp_path / "absent").fetch(model, tmp_path, silent)


def test_settings_come_from_the_environment() -> None:
    settings = SourceSettings.from_environment(
        {
            "STEELYARD_MODEL_SOURCE": "file",
            "STEELYARD_MODEL_PATH": "/models",
            "HF_ENDPOINT": "https://mirror.example",
        }
    )
    assert (settings.only, settings.path) == ("file", Path("/models"))
    assert settings.huggingface == "https://mirror.example"
    assert SourceSettings.from_environment({}) == SourceSettings()


def test_an_unknown_source_is_refused() -> None:
    with pytest.raises(ConfigError, match="'hub'; it is one of file, huggingface"):
        SourceSettings.from_environment({"STEELYARD_MODEL_SOURCE": "hub"})
