"""One training from its files to a model: set up, trained, gone on with after a kill, and saved.

What lies in the output folder, in the order of its making: `run.json` (what this training is),
`base/` (the untuned model, when it comes in a package), `rejected.jsonl`, `metrics.jsonl` and
`tensorboard/` (the curves), `checkpoints/`, `model/` (the best weights, adapters merged, with their
tokenizer), and last `done.json` (what came of it).
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nko_assets.failures import ConfigurationError
from nko_assets.files import disk_errors, make_folder, sha256_of, write_atomically
from nko_assets.nko import words
from nko_assets.tuning.local_model import CARD
from nko_assets.tuning.trainer.checkpoints import last_complete, step_of
from nko_assets.tuning.trainer.configuration import Configuration
from nko_assets.tuning.trainer.curves import cut_curve
from nko_assets.tuning.trainer.folders import whole_folder
from nko_assets.tuning.trainer.rows import Encoded, Rejected, Row, encode, read_rows

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from nko_assets.tuning.trainer.base_model import Loaded

log = logging.getLogger(__name__)

BASE: Final = "base"
CHECKPOINTS: Final = "checkpoints"
DONE: Final = "done.json"
METRICS: Final = "metrics.jsonl"
MODEL: Final = "model"
REJECTED: Final = "rejected.jsonl"
RUN: Final = "run.json"
# ENOSPC and EFBIG, as safetensors (Rust) and torch (C++) put them.
_DISK_SIGNS: Final = ("os error 28", "os error 27", "PytorchStreamWriter")
_LIBRARIES: Final = ("torch", "transformers", "trl", "peft", "accelerate", "tokenizers")
_NEEDED: Final = (*_LIBRARIES, "datasets", "tensorboard")


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be trained on which files, and where what comes of it is to lie."""

    configuration: Configuration
    train: Path
    validation: Path
    out: Path


def train(order: Order, *, resume: bool) -> dict[str, Any]:
    """Train, or go on where a killed training of the same order stopped; returns `done.json`.

    With `resume` a training that is done already is not repeated, and one that never began
    begins. Raises `ConfigurationError` for what the user has to change, `PermanentFailure` for
    rows that are malformed or a loss that is no number.
    """
    _require_libraries()
    with _failures(order.out):
        return _train(order, resume=resume)


def _train(order: Order, *, resume: bool) -> dict[str, Any]:
    from transformers.utils import logging as transformers_logging

    from nko_assets.tuning.trainer import base_model

    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    configuration, out = order.configuration, order.out
    arguments = _arguments(configuration, out)  # joins the processes, where there are several
    _require_one_gpu_each(arguments.world_size)
    rows, pictures = read_rows(order.train)
    held_out, held_out_pictures = read_rows(order.validation)
    run = _identity(order)
    if (done := _earlier(out, run, resume=resume)) is not None:
        return done
    if arguments.should_save:
        make_folder(out)
    with arguments.main_process_first(local=False):
        base = base_model.as_folder(configuration.base, out / BASE)
    texts = [text for row in rows for text in row.texts]
    loaded = base_model.load(configuration, base, texts)
    examples, long = encode(rows, loaded.tokenizer, configuration.max_tokens)
    validation, held_out_long = encode(held_out, loaded.tokenizer, configuration.max_tokens)
    rejected = [*pictures, *long, *held_out_pictures, *held_out_long]
    with arguments.main_process_first(local=False):
        # The first one cleans up, and the others find it clean.
        checkpoint = last_complete(out / CHECKPOINTS) if resume else None
    seconds = _set_up(out, run, rejected, checkpoint) if arguments.should_save else 0.0
    arguments.eval_on_start = checkpoint is None
    outcome = {
        **run,
        "base": str(base) if base else None,
        **_descend(order, arguments, loaded, examples, validation, checkpoint, seconds),
        "rows": {"train": len(examples), "validation": len(validation), "rejected": len(rejected)},
        "tokens_an_epoch": sum(len(example.input_ids) for example in examples),
        "tokens_a_nko_word": {
            "before": _tokens_a_word(loaded.base_tokenizer, held_out),
            "after": _tokens_a_word(loaded.tokenizer, held_out),
        },
        "vocabulary": {"base": len(loaded.base_tokenizer), "added": len(loaded.new)},
        "versions": {library: version(library) for library in _LIBRARIES},
    }
    if arguments.should_save:
        _save_model(loaded, outcome, out)
        write_atomically(out / DONE, _json(outcome))
    return outcome


def _descend(
    order: Order,
    arguments: Any,
    loaded: Loaded,
    examples: Sequence[Encoded],
    validation: Sequence[Encoded],
    checkpoint: Path | None,
    seconds: float,
) -> dict[str, Any]:
    """Train the model that is loaded, leave the best weights in it, and tell what came of it."""
    from datasets import Dataset
    from torch.utils.tensorboard import SummaryWriter
    from transformers import PrinterCallback
    from transformers.integrations import TensorBoardCallback
    from trl import SFTTrainer

    from nko_assets.tuning.trainer.callbacks import Checkpoints, Curve, Patience

    configuration, out = order.configuration, order.out
    lora = configuration.method == "lora"
    curve = Curve(out / METRICS, seconds)
    # Steps that are trained again replace what was written of them before.
    first = step_of(checkpoint) + 1 if checkpoint else 0
    trainer = SFTTrainer(
        model=_adapted(configuration, loaded) if lora else loaded.model,
        args=arguments,
        train_dataset=Dataset.from_list([asdict(example) for example in examples]),
        eval_dataset=Dataset.from_list([asdict(example) for example in validation]),
        processing_class=loaded.tokenizer,
        callbacks=[
            curve,
            TensorBoardCallback(SummaryWriter(str(out / "tensorboard"), purge_step=first)),
            Patience(early_stopping_patience=configuration.patience),
            Checkpoints(),
        ],
    )
    trainer.remove_callback(PrinterCallback)  # `Curve` says the same
    weights = [(weight.numel(), weight.requires_grad) for weight in trainer.model.parameters()]
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    loaded.model = trainer.accelerator.unwrap_model(trainer.model)
    state = trainer.state
    evaluated = [entry for entry in state.log_history if "eval_loss" in entry]
    best = next(entry for entry in evaluated if entry["step"] == state.best_global_step)
    return {
        "steps": state.global_step,
        "epochs": round(state.epoch, 4),
        "stopped_early": state.global_step < state.max_steps,
        "best_step": state.best_global_step,
        "validation": {
            "loss": best["eval_loss"],
            "token_accuracy": best["eval_mean_token_accuracy"],
            "loss_before": evaluated[0]["eval_loss"],
        },
        "seconds": round(curve.seconds, 2),
        "weights": sum(size for size, _ in weights),
        "trained_weights": sum(size for size, trained in weights if trained),
    }


def _arguments(configuration: Configuration, out: Path) -> Any:
    import torch
    from trl import SFTConfig

    gpu = torch.cuda.is_available()
    return SFTConfig(
        output_dir=str(out / CHECKPOINTS),
        seed=configuration.seed,
        data_seed=configuration.seed,
        num_train_epochs=configuration.epochs,
        per_device_train_batch_size=configuration.batch,
        per_device_eval_batch_size=configuration.batch,
        gradient_accumulation_steps=configuration.accumulate,
        activation_checkpointing=configuration.gradient_checkpointing,
        learning_rate=configuration.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=configuration.warmup,
        weight_decay=configuration.weight_decay,
        bf16=gpu and torch.cuda.is_bf16_supported(),
        dataloader_pin_memory=gpu,
        max_length=None,  # rows that are too long were rejected
        logging_steps=configuration.log_every,
        logging_nan_inf_filter=False,
        eval_strategy="steps",
        eval_steps=configuration.evaluate_every,
        save_strategy="steps",
        save_steps=configuration.evaluate_every,
        save_total_limit=2,  # the best and the last
        load_best_model_at_end=True,
        metric_for_best_model="eval_loss",
        greater_is_better=False,
        restore_callback_states_from_checkpoint=True,
        ddp_find_unused_parameters=False,
        log_level="error",
        log_level_replica="error",
        report_to=[],
        disable_tqdm=True,
    )


def _adapted(configuration: Configuration, loaded: Loaded) -> Any:
    """The model with adapters on its linear layers, and with the rows of its new pieces to train."""
    from peft import LoraConfig, get_peft_model

    from nko_assets.tuning.trainer.base_model import embedding_names

    pieces = {name: list(loaded.new) for name in embedding_names(loaded.model)}
    model = get_peft_model(
        loaded.model,
        LoraConfig(
            task_type="CAUSAL_LM",
            r=configuration.lora.rank,
            lora_alpha=configuration.lora.alpha,
            lora_dropout=configuration.lora.dropout,
            target_modules="all-linear",
            trainable_token_indices=pieces if loaded.new else None,
        ),
    )
    head = model.get_output_embeddings()
    if not hasattr(head, "bias"):
        # TRL asks the layer for it by name; the wrapper around trained rows does not have one.
        head.bias = None
    return model


def _identity(order: Order) -> dict[str, Any]:
    """What makes this training this one: the same again gives the same weights."""
    decisive = {
        "configuration": order.configuration.model_dump(mode="json"),
        "train": sha256_of(order.train),
        "validation": sha256_of(order.validation),
    }
    digest = hashlib.sha256(_json(decisive)).hexdigest()
    return {"name": f"{order.configuration.base.label}-{digest[:8]}", "of": decisive}


def _earlier(out: Path, run: dict[str, Any], *, resume: bool) -> dict[str, Any] | None:
    """What came of this training if it is done; raises when `out` is not free for it."""
    begun = _read(out / RUN)
    if begun is None:
        return None
    if begun["name"] != run["name"]:
        raise ConfigurationError(
            f"{out} holds another training, {begun['name']}: its data or configuration differ.",
            "Choose another folder with --out, or delete that one.",
        )
    if not resume:
        raise ConfigurationError(
            f"{out} holds this training already.",
            "Go on with it with --resume, or choose another folder with --out.",
        )
    return _read(out / DONE)


def _set_up(
    out: Path, run: dict[str, Any], rejected: Sequence[Rejected], checkpoint: Path | None
) -> float:
    """Write what is known before training; returns the seconds trained until `checkpoint`."""
    write_atomically(out / RUN, _json(run))
    lines = (json.dumps(asdict(row), ensure_ascii=False) for row in rejected)
    write_atomically(out / REJECTED, "".join(f"{line}\n" for line in lines).encode())
    if rejected:
        log.warning("%d rows are not trained on, see %s", len(rejected), out / REJECTED)
    if checkpoint:
        log.info("going on from step %d", step_of(checkpoint))
    return cut_curve(out / METRICS, step_of(checkpoint) if checkpoint else -1)


def _save_model(loaded: Loaded, outcome: dict[str, Any], out: Path) -> None:
    """Put the weights, adapters merged into them, and their tokenizer into `model/`."""
    model: Any = loaded.model
    if outcome["of"]["configuration"]["method"] == "lora":
        model = model.merge_and_unload()
    with whole_folder(out / MODEL) as folder:
        model.save_pretrained(folder)
        loaded.tokenizer.save_pretrained(folder)
        write_atomically(folder / CARD, _json(outcome))


def _tokens_a_word(tokenizer: PreTrainedTokenizerFast, rows: Sequence[Row]) -> float | None:
    """Tokens for each N'Ko word of `rows` in running text, or None when they have no N'Ko."""
    found = [word for row in rows for text in row.texts for word in words(text)]
    if not found:
        return None
    tokens = tokenizer(" ".join(found), add_special_tokens=False)["input_ids"]
    return round(len(tokens) / len(found), 3)


def _require_libraries() -> None:
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            f"Training needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} "
            "not installed.",
            "Install the extra: pip install -e '.[train]'",
        )


def _require_one_gpu_each(processes: int) -> None:
    import torch

    if torch.cuda.device_count() > 1 and processes == 1:
        raise ConfigurationError(
            f"This machine has {torch.cuda.device_count()} GPUs, and one process was started.",
            "Start one for each with `accelerate launch -m nko_assets.tuning.trainer ...`, or show "
            "it one GPU with CUDA_VISIBLE_DEVICES=0.",
        )


@contextmanager
def _failures(out: Path) -> Iterator[None]:
    """Turn what the disk and the memory refuse into one clear sentence."""
    import torch

    try:
        with disk_errors(out):
            yield
    except torch.OutOfMemoryError as error:
        raise ConfigurationError(
            "The memory of the GPU is too small for this training.",
            "Lower batch and raise accumulate by as much, or set gradient_checkpointing = true.",
        ) from error
    except Exception as error:
        # Weights are written by libraries that tell of a full disk in words of their own.
        if any(sign in str(error) for sign in _DISK_SIGNS):
            raise ConfigurationError(
                f"The disk is full, or may not hold so large a file: {out} could not be written.",
                "Free some space or choose another folder with --out, then go on with --resume.",
            ) from error
        raise


def _read(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode() + b"\n"
