"""The words of the tutor: each template a short exchange about one, two or three texts of a lesson.

Data only. In a turn, `{0.nko}`, `{0.latin}` and `{0.meaning}` stand for the first text, `{1.…}`
for the second. A template says nothing that the rows do not carry, gives each N'Ko text with its
Latin and its meaning, keeps Latin letters between two N'Ko texts, and contains no N'Ko of its own.
To add one, append it here; its name is part of the ids of its rows and must not change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

WORD, PHRASE, SENTENCE = "word", "phrase", "sentence"
ANY: Final = (WORD, PHRASE, SENTENCE)
LONGER: Final = (PHRASE, SENTENCE)

SYSTEM: Final = {
    "en": "You are a patient N'Ko tutor. You write N'Ko, its Latin transcription and its meaning.",
    "fr": "Tu es un professeur de n'ko patient. Tu donnes le n'ko, sa transcription latine et "
    "son sens.",
}
"""The system message of every exchange, by language of the tutor."""


@dataclass(frozen=True, slots=True)
class Template:
    """One exchange: who speaks in turn is user, assistant, user, … after the system message."""

    name: str
    language: str
    turns: tuple[str, ...]
    kinds: tuple[str, ...] = ANY
    texts: int = 1


TEMPLATES: Final = (
    Template(
        "en/how-do-you-say",
        "en",
        (
            "How do you say “{0.meaning}” in N'Ko?",
            "“{0.meaning}” is {0.nko} (read: {0.latin}).",
        ),
    ),
    Template(
        "en/what-does-it-mean",
        "en",
        (
            "What does {0.nko} mean?",
            "{0.nko} is read “{0.latin}” and means “{0.meaning}”.",
        ),
    ),
    Template(
        "en/read-this-word",
        "en",
        (
            "Help me read this word: {0.nko}",
            "It reads “{0.latin}”.",
            "And what does it mean?",
            "{0.nko} ({0.latin}) means “{0.meaning}”.",
        ),
        kinds=(WORD,),
    ),
    Template(
        "en/read-this-aloud",
        "en",
        (
            "I want to read this aloud: {0.nko}",
            "Say: {0.latin}\nIt means “{0.meaning}”.",
        ),
        kinds=LONGER,
    ),
    Template(
        "en/write-it",
        "en",
        (
            "How is “{0.latin}” from the lesson written in N'Ko?",
            "It is written {0.nko} and means “{0.meaning}”.",
        ),
    ),
    Template(
        "en/quiz-right",
        "en",
        (
            "Quiz me on a text from the lesson.",
            "What does {0.nko} ({0.latin}) mean?",
            "I think it means “{0.meaning}”.",
            "Yes! {0.nko} ({0.latin}) means “{0.meaning}”.",
        ),
    ),
    Template(
        "en/quiz-not-sure",
        "en",
        (
            "Give me something to translate into N'Ko.",
            "Write in N'Ko: “{0.meaning}”.",
            "I do not remember it. Can you show me?",
            "Of course: {0.nko}\nIt reads “{0.latin}”. Now copy it once from right to left.",
        ),
    ),
    Template(
        "en/quiz-correction",
        "en",
        (
            "Quiz me on a text from the lesson.",
            "What does {0.nko} ({0.latin}) mean?",
            "Is it “{1.meaning}”?",
            (
                "The lesson gives {0.nko} ({0.latin}) as “{0.meaning}”.\n"
                "“{1.meaning}” is {1.nko} ({1.latin})."
            ),
        ),
        texts=2,
    ),
    Template(
        "en/tell-apart",
        "en",
        (
            "Which is which: {0.nko} and {1.nko}?",
            "{0.nko} ({0.latin}) means “{0.meaning}”; {1.nko} ({1.latin}) means “{1.meaning}”.",
        ),
        texts=2,
    ),
    Template(
        "en/vocabulary-of-the-lesson",
        "en",
        (
            "What did this lesson teach? Start with the first text.",
            "{0.nko} ({0.latin}): “{0.meaning}”.",
            "And the next?",
            "{1.nko} ({1.latin}): “{1.meaning}”.",
            "One more, please.",
            "{2.nko} ({2.latin}): “{2.meaning}”.",
        ),
        texts=3,
    ),
    Template(
        "en/list-of-the-lesson",
        "en",
        (
            "Make me a list for revision: “{0.meaning}”, “{1.meaning}”, “{2.meaning}”.",
            (
                "1. {0.nko} – {0.latin} – {0.meaning}\n"
                "2. {1.nko} – {1.latin} – {1.meaning}\n"
                "3. {2.nko} – {2.latin} – {2.meaning}"
            ),
        ),
        texts=3,
    ),
    Template(
        "fr/comment-dit-on",
        "fr",
        (
            "Comment dit-on « {0.meaning} » en n'ko ?",
            "« {0.meaning} » se dit {0.nko} (lire : {0.latin}).",
        ),
    ),
    Template(
        "fr/que-veut-dire",
        "fr",
        (
            "Que veut dire {0.nko} ?",
            "{0.nko} se lit « {0.latin} » et veut dire « {0.meaning} ».",
        ),
    ),
    Template(
        "fr/lis-ce-mot",
        "fr",
        (
            "Aide-moi à lire ce mot : {0.nko}",
            "Il se lit « {0.latin} ».",
            "Et que veut-il dire ?",
            "{0.nko} ({0.latin}) veut dire « {0.meaning} ».",
        ),
        kinds=(WORD,),
    ),
    Template(
        "fr/lire-a-voix-haute",
        "fr",
        (
            "Je voudrais lire ceci à voix haute : {0.nko}",
            "Dis : {0.latin}\nCela veut dire « {0.meaning} ».",
        ),
        kinds=LONGER,
    ),
    Template(
        "fr/comment-ecrit-on",
        "fr",
        (
            "Comment écrit-on en n'ko « {0.latin} », vu dans la leçon ?",
            "On écrit {0.nko}, ce qui veut dire « {0.meaning} ».",
        ),
    ),
    Template(
        "fr/interrogation-juste",
        "fr",
        (
            "Interroge-moi sur un texte de la leçon.",
            "Que veut dire {0.nko} ({0.latin}) ?",
            "Je crois que cela veut dire « {0.meaning} ».",
            "Oui ! {0.nko} ({0.latin}) veut dire « {0.meaning} ».",
        ),
    ),
    Template(
        "fr/interrogation-oubli",
        "fr",
        (
            "Donne-moi quelque chose à traduire en n'ko.",
            "Écris en n'ko : « {0.meaning} ».",
            "Je ne m'en souviens plus. Peux-tu me le montrer ?",
            (
                "Bien sûr : {0.nko}\nCela se lit « {0.latin} ». Recopie-le une fois de droite à "
                "gauche."
            ),
        ),
    ),
    Template(
        "fr/interrogation-correction",
        "fr",
        (
            "Interroge-moi sur un texte de la leçon.",
            "Que veut dire {0.nko} ({0.latin}) ?",
            "Est-ce « {1.meaning} » ?",
            (
                "La leçon traduit {0.nko} ({0.latin}) par « {0.meaning} ».\n"
                "« {1.meaning} » se dit {1.nko} ({1.latin})."
            ),
        ),
        texts=2,
    ),
    Template(
        "fr/distinguer",
        "fr",
        (
            "Quelle est la différence de sens entre {0.nko} et {1.nko} ?",
            (
                "{0.nko} ({0.latin}) veut dire « {0.meaning} » ; {1.nko} ({1.latin}) veut dire "
                "« {1.meaning} »."
            ),
        ),
        texts=2,
    ),
    Template(
        "fr/vocabulaire-de-la-lecon",
        "fr",
        (
            "Qu'enseigne cette leçon ? Commence par le premier texte.",
            "{0.nko} ({0.latin}) : « {0.meaning} ».",
            "Et le suivant ?",
            "{1.nko} ({1.latin}) : « {1.meaning} ».",
            "Encore un, s'il te plaît.",
            "{2.nko} ({2.latin}) : « {2.meaning} ».",
        ),
        texts=3,
    ),
)
