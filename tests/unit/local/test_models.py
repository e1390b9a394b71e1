from importlib import resources
from pathlib import Path

import pytest

from steelyard.domain.errors import ModelError
from steelyard.local.models import catalogue, find, own_model, read_catalogue


def test_the_catalogue_holds_three_models_smallest_first() -> None:
    models = list(catalogue().values())
    assert [model.alias for model in models] == ["small", "medium", "large"]
    assert [model.bytes_total for model in models] == [98362432, 491400064, 1117320768]


@pytest.mark.parametrize("model", catalogue().values(), ids=lambda m: m.alias)
def test_every_model_can_be_checked_priced_and_fetched(model) -> None:  # type: ignore[no-untyped-def]
    assert len(bytes.fromhex(model.sha256)) == 32
    assert model.licence == "Apache-2.0"
    assert model.speed.prefill_tok_s > model.speed.decode_tok_s > 0
    assert model.context_tokens >= 8192
    assert model.languages
    assert all(len(bytes.fromhex(wheel.sha256)) == 32 for wheel in model.wheels)
    assert len({wheel.sha256 for wheel in model.wheels}) == len(model.wheels)


def test_pieces_stand_in_the_order_of_their_numbers() -> None:
    names = [wheel.name.rpartition("part")[2] for wheel in find("large").wheels]
    assert names == [str(n) for n in range(1, 23)]


def test_a_model_is_found_by_name_and_by_alias() -> None:
    assert find("small") is find("smollm2-135m-instruct")


def test_an_unknown_name_gets_the_nearest_ones() -> None:
    with pytest.raises(ModelError, match=r"known: qwen2\.5-coder-0\.5b-instruct") as caught:
        find("qwen2.5-coder-0.5b")
    assert caught.value.code == "model_unknown"


def test_a_name_like_none_gets_all_of_them() -> None:
    with pytest.raises(ModelError, match="large, medium, qwen"):
        find("zzzzzzzzzz")


def test_what_a_source_transfers() -> None:
    small, medium = find("small"), find("medium")
    assert small.download_bytes("packages") == 92871040
    assert small.download_bytes("huggingface") == 0
    assert medium.download_bytes("packages") == 477610024
    assert medium.download_bytes("modelscope") == medium.bytes_total


def test_pieces_that_do_not_add_up_are_refused() -> None:
    text = resources.files("steelyard.local").joinpath("models.yaml").read_text()
    with pytest.raises(ValueError, match=r"smollm2.*pieces of 98362432 bytes for 98362433"):
        read_catalogue(text.replace("bytes: 98362432\n", "bytes: 98362433\n"))


def test_a_file_of_the_users_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.gguf"
    path.write_bytes(b"GGUFabc")
    model = own_model("mine", path)
    assert (model.name, model.own_path, model.bytes_total) == ("mine", path, 7)
    assert model.speed is None


def test_a_file_of_the_users_own_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no model file at .*mine\.gguf; correct the path"):
        own_model("mine", tmp_path / "mine.gguf")
