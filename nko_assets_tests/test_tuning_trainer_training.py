"""A training from files to a model: what it leaves, that it learns, and that a kill costs nothing."""

import json
import shutil
import subprocess
import sys
import textwrap
from itertools import islice

import pytest

from nko_assets.failures import ConfigurationError, PermanentFailure
from nko_assets.tuning.trainer.curves import read_curve
from nko_assets_tests.tuning_models import small, translations, write_rows

torch = pytest.importorskip("torch", reason="needs the extra `train`")
pytest.importorskip("trl", reason="needs the extra `train`")

from nko_assets.tuning.trainer.training import Order, train  # noqa: E402


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """48 rows to learn and 8 held out."""
    folder = tmp_path_factory.mktemp("rows")
    rows = iter(translations())
    validation = write_rows(folder / "validation.jsonl", islice(rows, 8))
    return write_rows(folder / "train.jsonl", islice(rows, 48)), validation


def order(files, out, **changes):
    return Order(small(**changes), *files, out)


@pytest.fixture(scope="module")
def trained(files, tmp_path_factory):
    """A training that nothing disturbed, with all that draws on chance."""
    out = tmp_path_factory.mktemp("trained") / "out"
    return out, train(order(files, out), resume=False)


def _losses(out):
    return {
        (line["step"], line["split"]): line["loss"] for line in read_curve(out / "metrics.jsonl")
    }


def test_the_loss_falls_on_both_sides_and_the_done_file_says_so(trained):
    out, done = trained
    losses = _losses(out)
    assert losses[24, "train"] < losses[2, "train"] - 1
    assert losses[24, "validation"] < losses[0, "validation"] - 0.5
    assert done["validation"]["loss"] == min(
        loss for (_, split), loss in losses.items() if split == "validation"
    )
    assert done["validation"]["loss_before"] == losses[0, "validation"]
    assert json.loads((out / "done.json").read_text()) == done
    assert (done["steps"], done["stopped_early"]) == (24, False)
    assert done["tokens_a_nko_word"]["after"] < done["tokens_a_nko_word"]["before"] / 2


def test_the_curve_has_a_line_for_each_log_and_each_evaluation(trained):
    lines = read_curve(trained[0] / "metrics.jsonl")
    steps = {
        split: [line["step"] for line in lines if line["split"] == split]
        for split in ("train", "validation")
    }
    assert steps == {"train": [*range(2, 25, 2)], "validation": [*range(0, 25, 4)]}
    for line in lines:
        assert set(line) == {
            *("step", "epoch", "split", "loss", "token_accuracy", "learning_rate", "seconds"),
        }
        assert 0 <= line["token_accuracy"] <= 1
        assert (line["learning_rate"] is None) == (line["split"] == "validation")
    assert [line["seconds"] for line in lines] == sorted(line["seconds"] for line in lines)


def test_tensorboard_reads_the_same_losses(trained):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = EventAccumulator(str(trained[0] / "tensorboard"))
    board.Reload()
    for tag, split in (("train/loss", "train"), ("eval/loss", "validation")):
        shown = {(event.step, split): event.value for event in board.Scalars(tag)}
        told = {key: loss for key, loss in _losses(trained[0]).items() if key[1] == split}
        assert shown == pytest.approx(told)


def test_the_model_that_is_left_is_the_best_one(trained, files):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from nko_assets.tuning.trainer.rows import encode, read_rows

    out, done = trained
    model = AutoModelForCausalLM.from_pretrained(out / "model")
    tokenizer = AutoTokenizer.from_pretrained(out / "model")
    rows, _ = encode(read_rows(files[1])[0], tokenizer, 256)
    losses, tokens = 0.0, 0
    with torch.inference_mode():
        for row in rows:
            labels = torch.tensor([row.labels])
            learnt = int((labels != -100).sum())
            losses += float(model(torch.tensor([row.input_ids]), labels=labels).loss) * learnt
            tokens += learnt
    # The trainer averages over batches of four rows, and this over tokens.
    assert losses / tokens == pytest.approx(done["validation"]["loss"], abs=0.15)


KILLED = """
import os, signal, sys, threading, time
from pathlib import Path
from nko_assets.tuning.trainer.__main__ import main

def watch(curve, step):
    while not (curve.is_file() and f'"step": {step},' in curve.read_text()):
        time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGKILL)

curve, step, *arguments = sys.argv[1:]
threading.Thread(target=watch, args=(Path(curve), int(step)), daemon=True).start()
main(arguments)
"""


def test_a_killed_training_goes_on_to_the_same_curve_and_the_same_weights(
    files, trained, tmp_path, caplog
):
    out = tmp_path / "out"
    config = tmp_path / "small.toml"
    config.write_text(_toml(small().model_dump(exclude_none=True)))
    command = [sys.executable, "-c", KILLED, str(out / "metrics.jsonl"), "14"]
    command += ["--config", str(config), "--train", str(files[0]), "--out", str(out)]
    killed = subprocess.run(
        [*command, "--validation", str(files[1])], capture_output=True, check=False
    )
    assert killed.returncode == -9, killed.stderr.decode()
    assert not (out / "done.json").exists()
    before = max(line["step"] for line in read_curve(out / "metrics.jsonl"))
    assert 14 <= before < 24

    caplog.set_level("INFO", logger="nko_assets")
    done = train(order(files, out), resume=True)
    assert "going on from step" in caplog.text
    assert _losses(out) == pytest.approx(_losses(trained[0]), rel=1e-5)
    assert done["best_step"] == trained[1]["best_step"]
    assert done["seconds"] > 0
    same, resumed = (
        torch.load(place / "checkpoints/checkpoint-24/optimizer.pt", weights_only=True)
        for place in (trained[0], out)
    )
    moments = [state["state"][0]["exp_avg"] for state in (same, resumed)]
    assert torch.allclose(*moments, rtol=1e-4, atol=1e-7)


def test_adapters_with_dropout_go_on_to_the_same_curve(files, tmp_path, caplog):
    base = _base(tmp_path / "base")
    changes = {"base": {"name": str(base)}, "method": "lora", "lora": {"dropout": 0.2}, "epochs": 1}
    out = tmp_path / "out"
    train(order(files, out, **changes), resume=False)
    losses = _losses(out)
    # As a kill after step 8 would have left it.
    (out / "done.json").unlink()
    shutil.rmtree(out / "checkpoints" / "checkpoint-12")
    caplog.set_level("INFO", logger="nko_assets")
    train(order(files, out, **changes), resume=True)
    assert "going on from step 8" in caplog.text
    assert _losses(out) == pytest.approx(losses, rel=1e-5)


def _base(folder, *, tied=True):
    """A small model that knows no N'Ko, as it would lie on the hub."""
    from nko_assets.tuning.trainer.base_model import load

    texts = [turn["content"] for row in translations() for turn in row["messages"]]
    loaded = load(small(nko_pieces=0), None, texts)
    loaded.model.config.tie_word_embeddings = tied
    type(loaded.model)(loaded.model.config).save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)
    return folder


def _toml(values, name=""):
    plain = {key: value for key, value in values.items() if not isinstance(value, dict)}
    lines = [f"[{name}]"] if name else []
    lines += [f"{key} = {json.dumps(value)}" for key, value in plain.items()]
    for key, value in values.items():
        if isinstance(value, dict):
            lines.append(_toml(value, f"{name}.{key}" if name else key))
    return "\n".join(lines)


def test_going_on_with_what_is_done_does_nothing(files, trained):
    out, done = trained
    before = (out / "metrics.jsonl").stat().st_mtime_ns
    assert train(order(files, out), resume=True) == done
    assert (out / "metrics.jsonl").stat().st_mtime_ns == before


def test_going_on_where_nothing_was_begun_begins(files, tmp_path):
    done = train(order(files, tmp_path / "out", epochs=0.2), resume=True)
    assert done["steps"] == 3
    assert (tmp_path / "out" / "model" / "model.safetensors").is_file()


def test_a_folder_with_the_same_training_wants_to_be_gone_on_with(files, trained):
    with pytest.raises(ConfigurationError, match="--resume"):
        train(order(files, trained[0]), resume=False)


@pytest.mark.parametrize("resume", [True, False])
def test_a_folder_with_another_training_is_left_alone(files, trained, resume):
    with pytest.raises(ConfigurationError, match="holds another training"):
        train(order(files, trained[0], seed=2), resume=resume)


def test_it_stops_early_and_keeps_what_was_best(files, tmp_path):
    changes = {"learning_rate": 0.2, "patience": 2, "epochs": 10, "warmup": 0.0}
    out = tmp_path / "out"
    done = train(order(files, out, **changes), resume=False)
    assert done["stopped_early"]
    assert done["steps"] == done["best_step"] + 8
    assert done["validation"]["loss"] == min(
        line["loss"] for line in read_curve(out / "metrics.jsonl") if line["split"] == "validation"
    )


def test_what_had_stopped_early_stays_stopped_when_it_is_gone_on_with(files, tmp_path):
    changes = {"learning_rate": 0.2, "patience": 2, "epochs": 10, "warmup": 0.0}
    out = tmp_path / "out"
    done = train(order(files, out, **changes), resume=False)
    (out / "done.json").unlink()  # killed at the very end
    again = train(order(files, out, **changes), resume=True)
    assert again["best_step"] == done["best_step"]
    assert again["steps"] <= done["steps"] + 1
    assert again["stopped_early"]


@pytest.mark.parametrize("tied", [True, False])
def test_adapters_and_new_pieces_are_trained_and_everything_else_stays(files, tmp_path, tied):
    from transformers import AutoModelForCausalLM

    from nko_assets.tuning.trainer.base_model import load

    base = _base(tmp_path / "base", tied=tied)
    changes = {"base": {"name": str(base)}, "method": "lora", "epochs": 1, "learning_rate": 0.02}
    done = train(order(files, tmp_path / "out", **changes), resume=False)
    assert done["base"] == str(base)
    assert done["trained_weights"] < done["weights"]
    assert done["validation"]["loss"] < done["validation"]["loss_before"] - 0.2

    start = load(small(**changes), base, [t for row in _messages(files[0]) for t in row]).model
    tuned = AutoModelForCausalLM.from_pretrained(tmp_path / "out" / "model")
    old = done["vocabulary"]["base"]
    for layer in ("get_input_embeddings", "get_output_embeddings"):
        before, after = (getattr(one, layer)().weight for one in (start, tuned))
        assert torch.allclose(before[:old], after[:old], atol=1e-6)
        assert not torch.allclose(before[old:], after[old:], atol=1e-3)
    query = "model.layers.0.self_attn.q_proj.weight"
    assert not torch.allclose(start.get_parameter(query), tuned.get_parameter(query), atol=1e-4)
    assert (tuned.lm_head.weight is tuned.model.embed_tokens.weight) == tied


def _messages(path):
    rows = (json.loads(line) for line in path.read_text().splitlines())
    return [[turn["content"] for turn in row["messages"]] for row in rows]


def test_rejected_rows_are_written_down_with_the_reason(files, tmp_path):
    long = {
        "messages": [
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": "ߖߌ " * 400},
        ]
    }
    train_file = write_rows(tmp_path / "train.jsonl", [*translations()[8:20], long])
    done = train(order((train_file, files[1]), tmp_path / "out", epochs=1), resume=False)
    assert done["rows"] == {"train": 12, "validation": 8, "rejected": 1}
    [line] = (tmp_path / "out" / "rejected.jsonl").read_text().splitlines()
    assert json.loads(line)["place"] == "train.jsonl:13"
    assert "the limit is 256" in json.loads(line)["reason"]


def test_a_loss_that_is_no_number_ends_the_training(files, tmp_path):
    with pytest.raises(PermanentFailure, match=r"no number any more.*Lower learning_rate"):
        train(order(files, tmp_path / "out", learning_rate=1e30, warmup=0.0), resume=False)


def test_an_empty_validation_is_told_before_anything_is_made(files, tmp_path):
    empty = write_rows(tmp_path / "validation.jsonl", [])
    with pytest.raises(ConfigurationError, match="holds no row"):
        train(order((files[0], empty), tmp_path / "out"), resume=False)
    assert not (tmp_path / "out").exists()


def test_an_output_folder_that_is_a_file_is_told(files, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(ConfigurationError, match="is a file, and a folder is needed"):
        train(order(files, tmp_path / "out"), resume=False)


def test_a_disk_that_is_full_is_told_with_what_to_do(files, tmp_path):
    # A limit on the size of files is how a process can have its own full disk.
    limited = textwrap.dedent("""
        import resource, sys
        from nko_assets.tuning.trainer.__main__ import main
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
        sys.exit(main(sys.argv[1:]))
    """)
    config = tmp_path / "small.toml"
    config.write_text(_toml(small().model_dump(exclude_none=True)))
    command = [sys.executable, "-c", limited, "--config", str(config), "--train", str(files[0])]
    command += ["--validation", str(files[1]), "--out", str(tmp_path / "out")]
    full = subprocess.run(command, capture_output=True, text=True, check=False)
    assert full.returncode == 2, full.stderr
    last = full.stderr.strip().splitlines()[-1]
    assert "could not be written" in last or "larger than files may be" in last
    assert "folder" in last


@pytest.mark.parametrize("library", ["trl", "tensorboard"])
def test_a_library_that_is_missing_is_told_with_how_to_install_it(
    files, tmp_path, monkeypatch, library
):
    monkeypatch.setitem(sys.modules, library, None)  # as Python marks what cannot be imported
    with pytest.raises(ConfigurationError, match=rf"Training needs {library}.*\[train\]"):
        train(order(files, tmp_path / "out"), resume=False)
