import socket
import sys
from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace

import pytest

from steelyard.local import engine


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text("sk-engine\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def start(
    tmp_path: Path,
    key_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> object:
    """Run the engine's main in this process; return its exit code and its one line."""
    # Otherwise the test process would ask the kernel to die with its own parent.
    monkeypatch.setattr(engine, "die_with_parent", lambda pid: None)
    model = tmp_path / "tiny.gguf"
    model.write_bytes(b"GGUF, but no model follows")

    def run(*more: str) -> tuple[int, str]:
        plain = ["--name", "tiny", "--model", str(model), "--key-file", str(key_file)]
        code = engine.main([*plain, "--port", "0", *more])
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
        return code, err

    return run


def test_the_key_must_be_the_owners_alone(start, key_file: Path) -> None:  # type: ignore[no-untyped-def]
    key_file.chmod(0o640)
    code, line = start()
    assert code == 2
    assert f"{key_file} is open to others; run: chmod 600 {key_file}" in line


def test_the_key_must_be_there(start, key_file: Path) -> None:  # type: ignore[no-untyped-def]
    key_file.write_text(" \n")
    assert start() == (2, f"steelyard engine tiny: the key file {key_file} is empty\n")
    key_file.unlink()
    assert start() == (2, f"steelyard engine tiny: cannot read the key file {key_file}\n")


def test_the_key_is_read(key_file: Path) -> None:
    assert engine.read_key(key_file) == "sk-engine"


def test_a_port_that_is_taken(start) -> None:  # type: ignore[no-untyped-def]
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        expected = f"steelyard engine tiny: port {port} is taken; choose another\n"
        assert start("--port", str(port)) == (3, expected)


def test_a_model_that_is_missing(start, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code, line = start("--model", str(tmp_path / "none.gguf"))
    assert (code, "there is no model file at" in line) == (2, True)


def test_a_file_that_is_no_model(start, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "tiny.gguf").write_bytes(b"PK")
    code, line = start()
    assert (code, "is not a GGUF model file" in line) == (2, True)


def test_too_little_memory(start, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(engine, "memory_available_bytes", lambda: 100 << 20)
    code, line = start()
    assert (code, "tiny needs about 256 MiB of memory, 100 MiB are free" in line) == (3, True)


def test_an_engine_that_is_not_installed(start, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    code, line = start()
    assert (code, "run: pip install 'steelyard[local]'" in line) == (2, True)


def test_an_orphan_says_so(start, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    def orphaned(pid: int | None) -> None:
        raise engine.ModelError(
            "the process that started this engine is gone", code="engine_orphaned"
        )

    monkeypatch.setattr(engine, "die_with_parent", orphaned)
    assert start()[0] == 3


def test_slots_are_few(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        engine.main(
            ["--name", "a", "--model", "b", "--port", "0", "--key-file", "c", "--slots", "3"]
        )
    assert "invalid choice: 3" in capsys.readouterr().err


class NativeServer:
    """What xllamacpp.Server looks like from here."""

    listening_address = "http://127.0.0.1:4567"
    is_broken = False

    def __init__(self, params: SimpleNamespace) -> None:
        if self.is_broken:
            raise RuntimeError("Failed to init server, please check the input params.")
        self.params = params


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Namespace:
    def params() -> SimpleNamespace:
        nested = ("model", "cpuparams", "cpuparams_batch")
        return SimpleNamespace(**{name: SimpleNamespace() for name in nested})

    native = SimpleNamespace(CommonParams=params, Server=NativeServer)
    monkeypatch.setitem(sys.modules, "xllamacpp", native)
    model = tmp_path / "tiny.gguf"
    model.write_bytes(b"GGUF")
    return Namespace(name="tiny", model=model, slots=2, threads=3, context=512)


def test_the_native_server_is_shut_to_all_but_this_process(options: Namespace) -> None:
    first, second = engine.load(options), engine.load(options)
    params = first.server.params
    assert params.hostnames == ["127.0.0.1"]
    assert params.api_keys == [first.key]
    assert len(first.key) >= 32
    assert first.key != second.key
    assert first.port == 4567
    assert not (params.endpoint_slots or params.endpoint_metrics or params.ui)


def test_the_native_server_gets_what_was_asked_for(options: Namespace) -> None:
    params = engine.load(options).server.params
    assert params.model_alias == {"tiny"}
    assert (params.n_parallel, params.n_ctx) == (2, 1024)
    assert params.cpuparams.n_threads == params.cpuparams_batch.n_threads == 3
    assert params.n_batch <= 256, "a lost client's prompt would be read on for seconds"


def test_a_file_the_native_server_refuses(
    options: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NativeServer, "is_broken", True)
    with pytest.raises(
        engine.ModelError, match="is damaged, or no model for this engine"
    ) as caught:
        engine.load(options)
    assert engine.EXIT_CODES[caught.value.code] == 2
