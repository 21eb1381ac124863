"""A model on this machine: the same answer each time, whoever else is asked with it."""

import csv
import json

import pytest

from nko_assets.failures import ConfigurationError
from nko_assets.tuning.chat_model import OUTPUT_TOKENS, Conversation
from nko_assets.tuning.prompts import TASKS, Message, ask
from nko_assets.tuning.tokens import RATES, text_tokens
from nko_assets_tests.shared import SHARED, needs_shared
from nko_assets_tests.tuning_models import small, translations

torch = pytest.importorskip("torch", reason="needs the extra `train`")
pytest.importorskip("trl", reason="needs the extra `train`")

from nko_assets.tuning.local_model import LocalModel  # noqa: E402

QUESTIONS = [
    Conversation(ask("nko_to_english", "ߖߌ")),
    Conversation(ask("english_to_nko", "good morning, and welcome to the village by the river")),
    Conversation(ask("define_word", "ߓߊ")),
]


@pytest.fixture(scope="module")
def make(tmp_path_factory):
    """Makes the folder of a model with random weights, which says the same nonsense each time."""
    from nko_assets.tuning.trainer.base_model import load

    texts = [turn["content"] for row in translations() for turn in row["messages"]]
    loaded = load(small(), None, texts)

    def make(**settings):
        place = tmp_path_factory.mktemp("models") / "model"
        config = type(loaded.model.config).from_dict(loaded.model.config.to_dict() | settings)
        torch.manual_seed(1)
        type(loaded.model)(config).save_pretrained(place)
        loaded.tokenizer.save_pretrained(place)
        (place / "nko.json").write_text(json.dumps({"name": "new-12345678"}))
        return place

    return make


@pytest.fixture(scope="module")
def folder(make):
    """A model that goes on for ever, and never in a circle."""
    return make(tie_word_embeddings=False, initializer_range=0.5)


def test_each_question_has_its_answer_in_its_place(folder):
    together = LocalModel(folder, max_tokens=12).answer(QUESTIONS)
    apart = [LocalModel(folder, max_tokens=12, batch=1).answer([one])[0] for one in QUESTIONS]
    assert together == apart
    assert all(answer.text for answer in together)
    assert len({answer.text for answer in together}) > 1


def test_tokens_are_counted_and_the_answer_is_bounded(folder):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    for question, answer in zip(
        QUESTIONS, LocalModel(folder, max_tokens=7).answer(QUESTIONS), strict=True
    ):
        turns = [{"role": turn.role, "content": turn.content} for turn in question.messages]
        prompt = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        assert answer.tokens_in == len(tokenizer(prompt)["input_ids"])
        assert 1 <= answer.tokens_out <= 7


def test_an_answer_ends_where_the_model_ends_it(folder, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    whole = LocalModel(folder, max_tokens=12).answer(QUESTIONS[:1])[0]
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokens = tokenizer.encode(whole.text, add_special_tokens=False)
    model.generation_config.eos_token_id = [tokens[4]]
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    [answer] = LocalModel(tmp_path, max_tokens=12).answer(QUESTIONS[:1])
    assert answer.tokens_out < whole.tokens_out == 12
    # What ends within a character has a mark in the place of it.
    assert whole.text.startswith(answer.text.rstrip("\ufffd"))
    assert (whole.cut, answer.cut) == (True, False)


@needs_shared
def test_every_tokenizer_has_room_for_the_longest_sentence_of_prose():
    assert SHARED is not None
    with (SHARED / "data" / "flores_nqo_dev.tsv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    longest = {
        name: max(text_tokens(row["nko"], rates) for row in rows) for name, rates in RATES.items()
    }
    assert max(longest.values()) <= OUTPUT_TOKENS, longest


def test_a_long_answer_comes_whole(folder, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    turns = [{"role": turn.role, "content": turn.content} for turn in QUESTIONS[0].messages]
    prompt = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    given = tokenizer(prompt, return_tensors="pt")
    said = model.generate(**given, do_sample=False, max_new_tokens=900)[0].tolist()
    said = said[given["input_ids"].shape[1] :]
    late = next(token for place, token in enumerate(said) if said.index(token) == place > 400)
    model.generation_config.eos_token_id = [late]
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)

    [answer] = LocalModel(tmp_path).answer(QUESTIONS[:1])

    assert answer.tokens_out == said.index(late) + 1 > 400
    assert not answer.cut


def test_an_answer_is_cut_where_the_context_ends_whoever_else_is_asked(folder):
    answers = LocalModel(folder).answer(QUESTIONS[:2])
    assert answers[0].tokens_in != answers[1].tokens_in
    assert [one.tokens_in + one.tokens_out for one in answers] == [2048, 2048]
    assert all(one.cut for one in answers)


def test_an_answer_that_goes_round_in_circles_is_cut_early(make):
    # Small weights that serve both ends only repeat the last token of the question.
    circling = LocalModel(make(tie_word_embeddings=True, initializer_range=0.02))
    answers = circling.answer(QUESTIONS)
    assert all(one.cut and one.tokens_out < 400 for one in answers)


def test_a_picture_is_a_failure_among_answers(folder):
    picture = Conversation(ask("read_line"), image=b"JPEG")
    one, other = LocalModel(folder, max_tokens=4).answer([picture, QUESTIONS[0]])
    assert (one.text, one.failure) == (None, "this model reads no pictures")
    assert other.failure is None


def test_a_question_that_is_too_long_is_a_failure_among_answers(folder):
    long = Conversation((Message("user", "ߖߌ " * 3000),))
    one, other = LocalModel(folder, max_tokens=4).answer([long, QUESTIONS[0]])
    assert "tokens" in one.failure
    assert other.failure is None


def test_no_question_has_no_answer(folder):
    assert LocalModel(folder).answer([]) == []


def test_it_is_called_what_the_trainer_called_it_else_as_its_folder(folder, tmp_path):
    assert LocalModel(folder).name == "new-12345678"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json").write_text("{}")
    assert LocalModel(tmp_path / "mine").name == "mine"


def test_it_can_be_asked_everything_but_to_read_a_picture(folder):
    assert set(TASKS) - LocalModel(folder).tasks == {"read_line"}


def test_a_folder_without_a_model_is_told(tmp_path):
    with pytest.raises(ConfigurationError, match=r"no config\.json"):
        LocalModel(tmp_path)


def test_weights_that_cannot_be_loaded_are_told_when_it_is_asked(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ConfigurationError, match="cannot be loaded"):
        LocalModel(tmp_path).answer(QUESTIONS)
