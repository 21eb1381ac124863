"""What the training loop calls: curves to the file, patience that survives a kill, whole checkpoints."""

from __future__ import annotations

import logging
import math
import time
from pathlib import Path
from typing import Any, Final

from accelerate import PartialState
from transformers import EarlyStoppingCallback, TrainerCallback

from nko_assets.failures import PermanentFailure
from nko_assets.tuning.trainer.checkpoints import checkpoint_at, mark_complete
from nko_assets.tuning.trainer.curves import append

log = logging.getLogger(__name__)

_PREFIXES: Final = {"train": "", "validation": "eval_"}


class Curve(TrainerCallback):
    """Appends each log to the file of the curves, and to the program's log.

    Raises `PermanentFailure` when a loss is no number any more.
    """

    def __init__(self, path: Path, seconds: float) -> None:
        self._path = path
        self._start = time.monotonic() - seconds

    @property
    def seconds(self) -> float:
        """How long was trained so far, earlier runs included."""
        return time.monotonic() - self._start

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:  # noqa: ARG002
        """Write one line for each split that `logs` has a loss of; called on every process."""
        for split, prefix in _PREFIXES.items():
            loss = logs.get(f"{prefix}loss")
            if loss is None:
                continue
            if not math.isfinite(loss):
                raise PermanentFailure(
                    f"The loss on {split} is no number any more at step {state.global_step}.",
                    "Lower learning_rate or raise warmup in the training configuration.",
                )
            if not state.is_world_process_zero:
                continue
            accuracy = logs[f"{prefix}mean_token_accuracy"]
            append(
                self._path,
                {
                    "step": state.global_step,
                    "epoch": round(state.epoch or 0.0, 4),
                    "split": split,
                    "loss": loss,
                    "token_accuracy": accuracy,
                    "learning_rate": logs.get("learning_rate"),
                    "seconds": round(self.seconds, 2),
                },
            )
            log.info(
                "step %d of %d: %s loss %.3f, token accuracy %.1f %%",
                state.global_step,
                state.max_steps,
                split,
                loss,
                100 * accuracy,
            )


class Patience(EarlyStoppingCallback):
    """Early stopping that stays stopped when the training is gone on with."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **keywords: Any) -> None:
        """End after the next step what had been ended before it was killed."""
        super().on_train_begin(args, state, control, **keywords)
        if self.early_stopping_patience_counter >= self.early_stopping_patience:
            control.should_training_stop = True


class Checkpoints(TrainerCallback):
    """Marks each checkpoint as complete when every process has written its part."""

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Called on every process after it has written its part."""
        processes = PartialState()
        processes.wait_for_everyone()
        if processes.is_main_process:
            mark_complete(checkpoint_at(Path(args.output_dir), state.global_step))
