"""`nightschool night`: one night of school."""

from collections.abc import Mapping
from secrets import token_bytes
from typing import Annotated

import typer

from agents.home import Home
from agents.teacher import Teacher
from api.cli.output import REFUSED, AsJson, Bars, LearningRate, Rank, open_home, show
from core.errors import BadInput
from core.types.tool import Toolset
from finetune.night_order import NightOrder, NightResult
from finetune.nightly import run_night
from finetune.paraphrase import paraphrase
from finetune.plan import Limits
from finetune.taught import ask_teacher
from tools.personal import PersonalData, names_ever
from tools.surrogates import Surrogates


def night(
    toolset: str,
    base: Annotated[str, typer.Option(help="small, large, a folder, or a hub name.")] = "small",
    seed: Annotated[int, typer.Option(help="Of split, weights and batches.")] = 0,
    epochs: Annotated[float | None, typer.Option(min=0.1, help="Passes over the rows; default as the planner says.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Use at most so many conversations.")] = None,
    minutes: Annotated[float | None, typer.Option(min=0.5, help="Take at most so long, all in all.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1000, help="Train on at most so many tokens, all epochs.")] = None,
    rank: Rank = None,
    learning_rate: LearningRate = None,
    continued: Annotated[bool, typer.Option("--continue", help="Train on from the champion's adapter, not anew.")] = False,
    same_weights: Annotated[
        bool, typer.Option("--same-weights", help="Keep the champion's adapter; learn anew what stands around it, in minutes.")
    ] = False,
    no_swaps: Annotated[bool, typer.Option("--no-swaps", help="Do not put other names, ids and amounts into rows.")] = False,
    no_joins: Annotated[bool, typer.Option("--no-joins", help="Do not make rows of two wishes of rows of one.")] = False,
    teacher: Annotated[
        str | None,
        typer.Option(help="Have requests nobody answered be answered first, by the model of this OpenAI-compatible server."),
    ] = None,
    paraphrases: Annotated[
        int, typer.Option(min=0, help="Have the teacher say so many confirmed requests in other words, those of rare work first.")
    ] = 0,
    no_promote: Annotated[bool, typer.Option("--no-promote", help="Keep the release, but do not let it serve.")] = False,
    as_json: AsJson = False,
) -> None:
    """Harvest, curate, train, fit, examine, judge, release. Exit code 3 when the gate refuses."""
    if paraphrases and teacher is None:
        raise BadInput("--paraphrases: nobody to ask; --teacher names the OpenAI-compatible server")
    if continued and rank is not None:
        raise BadInput("--rank: what is trained on from the champion keeps the champion's rank; leave out --rank or --continue")
    if same_weights:
        told = {"continue": continued, "rank": rank, "learning-rate": learning_rate, "epochs": epochs}
        _refuse_beside_same_weights({**told, "minutes": minutes, "max-tokens": max_tokens})
    home = open_home()
    limits = Limits(epochs=epochs, conversations=limit, minutes=minutes, tokens=max_tokens)
    order = NightOrder(
        toolset=toolset,
        base=base,
        seed=seed,
        limits=limits,
        rank=rank,
        learning_rate=learning_rate,
        continued=continued,
        same_weights=same_weights,
        swaps=not no_swaps,
        joins=not no_joins,
        promote=not no_promote,
    )
    with Bars() as bars:
        if teacher is not None:
            _be_taught(home, home.registry.get(toolset), teacher, paraphrases, bars)
        result = run_night(home, order, bars)
    show(result.model_dump(mode="json"), _text(result), as_json)
    if not result.passed:
        raise typer.Exit(REFUSED)


def _refuse_beside_same_weights(options: Mapping[str, float | None]) -> None:
    for name in (name for name, value in options.items() if value):
        raise BadInput(f"--{name}: --same-weights trains nothing; leave out one of them")


def _be_taught(home: Home, toolset: Toolset, url: str, paraphrases: int, bars: Bars) -> None:
    """Ask the teacher what nobody answered, and for other words; that it is away does not keep the night from coming."""
    settings = home.settings
    hides = url not in settings.raw_egress
    known = names_ever(home.registry.versions(toolset.name))
    surrogates = Surrogates(PersonalData(known), token_bytes(32)) if hides else None
    key = settings.teacher_key.get_secret_value() if settings.teacher_key else "none"
    bars.step(f"ask the teacher{'' if hides else ', personal data as it is'}")
    teacher = Teacher(url, settings.teacher_model, key, toolset, surrogates)
    told = ask_teacher(home, toolset, teacher, bars)
    bars.update(told.answered, told.requests, f"{told.answered} of {told.requests} requests answered, {told.added} of them new")
    failures = told.failures
    if paraphrases:
        bars.step(f"ask for other words for {paraphrases} requests")
        told = paraphrase(home, toolset, teacher, bars, paraphrases)
        note = f"{told.answered} of {told.requests} said in other words, {told.added} of them new"
        bars.update(told.answered, told.requests, note)
        failures += told.failures
    for failure in failures:
        typer.echo(f"warning: {failure}", err=True)


def _text(result: NightResult) -> str:
    exam = result.exam["candidate"]
    state = "promoted" if result.promoted else "passed, not promoted" if result.passed else "refused"
    lines = [
        f"release {result.release}: {state} ({result.reason})",
        f"plan: {result.plan}",
        f"exam: exact {exam['exact']['rate']:.3f} [{exam['exact']['low']:.3f}, {exam['exact']['high']:.3f}] on {exam['n']} cases",
        f"took {result.seconds / 60:.1f} minutes; report: {result.report}",
        *(f"warning: {warning}" for warning in result.warnings),
    ]
    return "\n".join(lines)
