"""`nko ask`: put a text or a question to a tuned model, or to any other that can be named."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from nko_assets.failures import ConfigurationError, TransientFailure
from nko_assets.settings import load_settings

if TYPE_CHECKING:
    from nko_assets.tuning.prompts import Task

# All tasks but `read_line`, which takes a picture.
ASKABLE: tuple[Task, ...] = (
    "nko_to_english",
    "english_to_nko",
    "nko_to_french",
    "french_to_nko",
    "define_word",
    "conversation",
)


def register(app: typer.Typer, out: Console, err: Console) -> None:
    """Add the command to `app`; the answer is printed on `out`, who gives it on `err`."""

    @app.command(name="ask")
    def ask_model(
        text: Annotated[str, typer.Argument(help="N'Ko or English to translate, or a question.")],
        model: Annotated[
            str,
            typer.Option(
                "--model",
                help="`current` (the one that won on the frozen test), a model folder, "
                "projects/…/locations/…/endpoints/…, or a Gemini model.",
            ),
        ] = "current",
        task: Annotated[
            str | None,
            typer.Option(
                "--task", help=f"One of {', '.join(ASKABLE)}; the script decides if not given."
            ),
        ] = None,
        data: Annotated[
            Path | None, typer.Option("--data", help="Folder that holds every artefact.")
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    ) -> None:
        """Ask a model: N'Ko is put into English, English into N'Ko; --task asks for other things."""
        from nko_assets.nko import normalize, romanize
        from nko_assets.resources.chat import open_chat
        from nko_assets.resources.store import LazyStore
        from nko_assets.tuning.chat_model import Conversation
        from nko_assets.tuning.evaluation.correctness import answer_script
        from nko_assets.tuning.evaluation.degenerate import FAULTS, fault
        from nko_assets.tuning.prompts import ask

        settings = load_settings(data=data)
        question = normalize(text)
        chosen = _task(task, question)
        store = LazyStore(settings.store_url, settings.data / "store")
        try:
            chat = open_chat(model, settings, store, purpose="ask")
            err.print(f"[dim]{escape(chat.name)}, {chosen.replace('_', ' ')}:[/]")
            (answer,) = chat.answer([Conversation(ask(chosen, question))])
        finally:
            store.close()
        if answer.text is None:
            raise TransientFailure(
                f"{chat.name} did not answer: {answer.failure}.", "Ask again, or another model."
            )
        script = answer_script(chosen, [answer.text])
        broken = fault(answer.text, question, None, script, cut=answer.cut)
        warning = FAULTS[broken] if broken else None
        latin = romanize(normalize(answer.text)) if script == "nko" else None
        if as_json:
            document = {
                "model": chat.name,
                "task": chosen,
                "question": question,
                "answer": answer.text,
                "latin": latin,
                "warning": warning,
                "tokens_in": answer.tokens_in,
                "tokens_out": answer.tokens_out,
            }
            sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=1) + "\n")
            return
        out.print(escape(answer.text.strip()) or "[dim]nothing[/]")
        if latin:
            out.print(f"[dim]{escape(latin)}[/]")
        if warning:
            err.print(f"[yellow]This is no good answer: it {warning}.[/]")


def _task(given: str | None, question: str) -> Task:
    if not question:
        raise ConfigurationError("There is nothing to ask.", 'Say what: nko ask "good morning".')
    if given is None:
        from nko_assets.corpus.display import has_nko

        return "nko_to_english" if has_nko(question) else "english_to_nko"
    for task in ASKABLE:
        if given == task:
            return task
    raise ConfigurationError(f"There is no task {given}.", f"There are {', '.join(ASKABLE)}.")
