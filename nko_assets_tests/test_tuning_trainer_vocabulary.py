"""N'Ko pieces in a vocabulary: exact, shorter, and nothing else is cut otherwise."""

import json
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from nko_assets.failures import ConfigurationError
from nko_assets.sample.lessons import lessons
from nko_assets.tuning.trainer.vocabulary import byte_bpe, extend

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
NKO = [row.nko for lesson in lessons().values() for slide in lesson.slides for row in slide.rows]
NKO = [text for text in NKO if text]
ENGLISH = [
    "What does this word mean? It means water, and the river is near the village.",
    "Translate the English text into N'Ko. Answer with the translation alone.",
]
PIECES = 120
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NKO_TEXT = st.text(
    st.characters(min_codepoint=0x07C0, max_codepoint=0x07FF) | st.sampled_from(" .،\n«»a1"),
    max_size=40,
)
# As Llama 3 and Qwen split: marks do not belong to words.
LLAMA = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


@cache
def gpt2_like():
    """Splits inside its ByteLevel step, as GPT-2 and SmolLM2 do."""
    return byte_bpe(ENGLISH * 3, 320, SPECIAL)


@cache
def llama_like():
    """Splits by a pattern of its own, knows special tokens beside its model, as Llama 3 does."""
    plan = json.loads(gpt2_like().to_str())
    vocabulary = plan["model"]["vocab"]
    for token in SPECIAL:
        del vocabulary[token]
    plan["model"]["vocab"] = {piece: place for place, piece in enumerate(vocabulary)}
    plan["added_tokens"] = []
    tokenizer = Tokenizer.from_str(json.dumps(plan))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(LLAMA), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.add_special_tokens(list(SPECIAL))
    return tokenizer


@cache
def gemma_like():
    """Pieces are characters, and an unknown one falls back to its bytes."""
    pieces = [*SPECIAL, "<unk>", *(f"<0x{byte:02X}>" for byte in range(256))]
    pieces += ["▁", *"abcdefghijklmnopqrstuvwxyz", "th", "the"]
    tokenizer = Tokenizer(
        models.BPE(
            vocab={piece: place for place, piece in enumerate(pieces)},
            merges=[("t", "h"), ("th", "e")],
            unk_token="<unk>",
            byte_fallback=True,
            fuse_unk=True,
        )
    )
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    tokenizer.add_special_tokens(list(SPECIAL))
    return tokenizer


BASES = [gpt2_like, llama_like, gemma_like]


@cache
def extended(base):
    return extend(base(), NKO, PIECES)


def ids(tokenizer, text):
    return tokenizer.encode(text, add_special_tokens=False).ids


@pytest.mark.parametrize("base", BASES)
@given(text=NKO_TEXT | ANY_TEXT)
def test_every_text_comes_back_as_it_was(base, text):
    if base is gemma_like:
        text = text.replace("▁", " ")  # what stands for the space there
    tokenizer = extended(base).tokenizer
    assert tokenizer.decode(ids(tokenizer, text), skip_special_tokens=False) == text


@pytest.mark.parametrize("base", BASES)
@given(
    text=ANY_TEXT.filter(lambda text: not any("\u07c0" <= letter <= "\u07ff" for letter in text))
)
def test_a_text_without_nko_keeps_its_ids(base, text):
    assert ids(extended(base).tokenizer, text) == ids(base(), text)


@pytest.mark.parametrize("base", BASES)
def test_nko_takes_less_than_half_the_tokens(base):
    before = sum(len(ids(base(), text)) for text in NKO)
    after = sum(len(ids(extended(base).tokenizer, text)) for text in NKO)
    assert after < before / 2


@pytest.mark.parametrize("base", BASES)
def test_new_pieces_have_the_ids_after_those_of_the_base_and_special_tokens_keep_theirs(base):
    first = base().get_vocab_size()
    assert list(extended(base).spelled) == list(range(first, first + PIECES))
    for token in SPECIAL:
        assert extended(base).tokenizer.token_to_id(token) == base().token_to_id(token)
        assert ids(extended(base).tokenizer, f"a{token}") == ids(base(), f"a{token}")


@pytest.mark.parametrize("base", BASES)
def test_each_new_piece_is_what_the_base_spelled_it_with(base):
    tokenizer, spelled = extended(base).tokenizer, extended(base).spelled
    first = base().get_vocab_size()
    for piece, parts in spelled.items():
        assert max(parts) < first
        assert tokenizer.decode([piece]) == base().decode(list(parts))


def test_a_piece_may_hold_a_tone_mark_inside_a_word():
    tokenizer = extended(llama_like).tokenizer
    word = "ߛߐ߰ߡߊ߬"
    split = [text for text, _ in tokenizer.pre_tokenizer.pre_tokenize_str(f"a {word}.")]
    assert len(split) == 3
    assert len(ids(tokenizer, word)) < len(ids(llama_like(), word)) / 2


def test_the_same_texts_in_another_order_give_the_same_pieces():
    assert (
        extend(gpt2_like(), NKO[::-1], PIECES).tokenizer.to_str()
        == extended(gpt2_like).tokenizer.to_str()
    )


def test_words_seen_once_give_no_piece():
    assert len(extend(gpt2_like(), ["ߛߐ߰ߡߊ߬"], 50).spelled) < 5


def test_texts_without_nko_are_refused():
    with pytest.raises(ConfigurationError, match="hold no N'Ko"):
        extend(gpt2_like(), ENGLISH, PIECES)


@pytest.mark.parametrize(
    "model",
    [models.Unigram(), models.BPE(vocab={"a": 0, "<unk>": 1}, merges=[], unk_token="<unk>")],
)
def test_a_tokenizer_that_cannot_spell_every_byte_is_refused(model):
    with pytest.raises(ConfigurationError, match="nko_pieces = 0"):
        extend(Tokenizer(model), NKO, PIECES)
