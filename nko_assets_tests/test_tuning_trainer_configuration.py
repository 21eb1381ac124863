"""What a training configuration may say, and what is said of one that is wrong."""

import pytest

from nko_assets.failures import ConfigurationError
from nko_assets.tuning.trainer.configuration import PRESETS, load, path_of, presets


def _changed(tmp_path, old, new):
    path = tmp_path / "mine.toml"
    path.write_text((PRESETS / "tiny.toml").read_text().replace(old, new))
    return str(path)


@pytest.mark.parametrize("name", presets())
def test_every_preset_describes_a_training(name):
    configuration = load(name)
    assert configuration.base.label
    assert path_of(name).name == f"{name}.toml"


def test_tiny_begins_from_nothing_and_the_others_from_a_model():
    assert {name for name in presets() if load(name).base.new} == {"tiny"}


def test_a_file_of_the_user_is_read_like_a_preset(tmp_path):
    assert load(_changed(tmp_path, "epochs = 2", "epochs = 0.5")).epochs == 0.5


def test_a_name_that_is_neither_preset_nor_file_lists_the_presets():
    with pytest.raises(ConfigurationError, match=r"no training preset or file small.*tiny"):
        load("small")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("epochs = 2", "epochs = ", "is not TOML"),
        ("epochs = 2", "epochs = -1", "epochs: Input should be greater than 0"),
        ("epochs = 2", "epoch = 3", "epoch: Extra inputs are not permitted"),
        ("evaluate_every = 40", "evaluate_every = 45", "evaluate_every must be a multiple"),
        ("[base.new]", '[base]\nname = "a"\n[base.new]', "exactly one of new, package and name"),
        ("width = 128", "width = 130", "not an even number for each of 4 heads"),
    ],
)
def test_a_mistake_is_named(tmp_path, old, new, said):
    with pytest.raises(ConfigurationError, match=said):
        load(_changed(tmp_path, old, new))
