"""What N'Ko pieces save in training: `python -m nko_assets_tests.benchmarks.trainer`.

The model of the preset `tiny` learns the translations of the sample lessons twice: with the
byte-BPE of its base alone, and with N'Ko pieces. Times are CPU seconds of one thread, of the steps
alone (a longer training less a shorter one). Beside each stands the floor: the multiplications
that the model cannot do without (6 for each weight and token, in its head for learnt tokens
alone), at the speed at which this machine multiplies large matrices.
"""

from __future__ import annotations

import json
import math
import tempfile
import time
from pathlib import Path

from nko_assets.tuning.trainer.configuration import Configuration, load
from nko_assets_tests.benchmarks import command
from nko_assets_tests.tuning_models import translations, write_rows

EPOCHS = (1, 3)
HELD_OUT = 4


def matrix_speed() -> float:
    """Floating-point operations a CPU second in the product of two large matrices."""
    import torch

    one, other = torch.rand(1024, 1024), torch.rand(1024, 1024)
    torch.mm(one, other)
    start = time.process_time()
    for _ in range(10):
        torch.mm(one, other)
    return 10 * 2 * 1024**3 / (time.process_time() - start)


def cpu_seconds(configuration: Configuration, files: tuple[Path, Path]) -> tuple[float, dict]:
    """CPU seconds of a whole training, and what came of it."""
    from nko_assets.tuning.trainer.training import Order, train

    with tempfile.TemporaryDirectory() as out:
        start = time.process_time()
        done = train(Order(configuration, *files, Path(out) / "out"), resume=False)
        return time.process_time() - start, done


def floor(configuration: Configuration, files: tuple[Path, Path], speed: float) -> float:
    """CPU seconds that an epoch takes at least."""
    from nko_assets.tuning.trainer.base_model import load as load_base
    from nko_assets.tuning.trainer.rows import NOT_LEARNT, encode, read_rows

    rows, _ = read_rows(files[0])
    loaded = load_base(configuration, None, [text for row in rows for text in row.texts])
    examples, _ = encode(rows, loaded.tokenizer, configuration.max_tokens)
    tokens = sum(len(example.input_ids) for example in examples)
    learnt = sum(label != NOT_LEARNT for example in examples for label in example.labels)
    head = loaded.model.get_output_embeddings().weight.numel()
    body = sum(weight.numel() for weight in loaded.model.parameters()) - head
    return 6 * (body * tokens + head * learnt) / speed


def measure(folder: Path) -> dict[str, dict[str, float]]:
    """Tokens and CPU seconds with each vocabulary, and how they compare."""
    import torch

    torch.set_num_threads(1)
    rows = translations()
    files = (
        write_rows(folder / "train.jsonl", rows[HELD_OUT:]),
        write_rows(folder / "validation.jsonl", rows[:HELD_OUT]),
    )
    tiny = load("tiny").model_dump()
    cpu_seconds(Configuration.model_validate({**tiny, "epochs": 1}), files)  # imports and caches
    speed = matrix_speed()
    figures: dict[str, dict[str, float]] = {}
    for name, pieces in (("base", 0), ("with_nko_pieces", tiny["nko_pieces"])):
        runs = [
            Configuration.model_validate(
                {**tiny, "nko_pieces": pieces, "epochs": epochs, "evaluate_every": 1000}
            )
            for epochs in EPOCHS
        ]
        (short, done), (long, _) = (cpu_seconds(run, files) for run in runs)
        epoch = (long - short) / (EPOCHS[1] - EPOCHS[0])
        least = floor(runs[0], files, speed)
        figures[name] = {
            "rows": done["rows"]["train"],
            "tokens_a_nko_word": done["tokens_a_nko_word"]["after"],
            "tokens_an_epoch": done["tokens_an_epoch"],
            "cpu_s_an_epoch": round(epoch, 2),
            "floor_s_an_epoch": round(least, 3),
            "times_the_floor": round(epoch / least, 1),
            "steps_an_epoch": math.ceil(done["rows"]["train"] / tiny["batch"]),
        }
    base, extended = figures.values()
    figures["base_over_with_nko_pieces"] = {
        key: round(base[key] / extended[key], 2)
        for key in ("tokens_a_nko_word", "tokens_an_epoch", "cpu_s_an_epoch")
    }
    figures["machine"] = {"gflops": round(speed / 1e9, 1)}
    return figures


def report(figures: dict[str, dict[str, float]]) -> str:
    """The figures, one a line."""
    return json.dumps(figures, indent=1)


if __name__ == "__main__":
    command.run("trainer", __doc__, measure, report)
