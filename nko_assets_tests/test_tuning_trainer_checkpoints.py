"""Which checkpoint a training goes on from, after it was killed at any moment."""

from nko_assets.tuning.trainer.checkpoints import last_complete, mark_complete, step_of


def _checkpoint(folder, step, *, complete=True):
    checkpoint = folder / f"checkpoint-{step}"
    checkpoint.mkdir(parents=True)
    (checkpoint / "model.safetensors").write_bytes(b"weights")
    (checkpoint / "optimizer.pt").write_bytes(b"moments")
    if complete:
        mark_complete(checkpoint)
    return checkpoint


def test_without_checkpoints_there_is_none(tmp_path):
    assert last_complete(tmp_path / "checkpoints") is None


def test_the_latest_is_that_of_the_highest_step(tmp_path):
    for step in (100, 20, 9):
        _checkpoint(tmp_path, step)
    assert step_of(last_complete(tmp_path)) == 100


def test_one_that_was_not_written_to_the_end_is_deleted(tmp_path):
    _checkpoint(tmp_path, 10)
    broken = _checkpoint(tmp_path, 20, complete=False)
    assert step_of(last_complete(tmp_path)) == 10
    assert not broken.exists()


def test_one_that_was_being_deleted_is_not_complete_although_it_was(tmp_path):
    _checkpoint(tmp_path, 10)
    (_checkpoint(tmp_path, 20) / "optimizer.pt").unlink()
    assert step_of(last_complete(tmp_path)) == 10


def test_a_file_that_is_shorter_than_it_was_makes_a_checkpoint_incomplete(tmp_path):
    (_checkpoint(tmp_path, 20) / "optimizer.pt").write_bytes(b"")
    assert last_complete(tmp_path) is None
