"""Whole nights on a tiny random model: what comes of them, and that killing one changes nothing."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from safetensors.numpy import load_file

import finetune.nightly
import finetune.training
from agents.home import Home
from agents.learned import learned_in, learned_traces
from agents.parts import ADAPTER_FOLDER, ADAPTER_GGUF, FILES, KINDS, PICKER, REPORT, REVIEWER
from agents.serving import Loader
from api.cli.train import train
from core.errors import BadInput, ModelError, NotFound, TrainingAwaited, TrainingError
from core.releases import ReleaseStore
from core.settings import Settings
from core.types.message import Message, ToolCall
from core.types.prediction import Prediction
from core.types.schema_change import ToolMigration
from core.types.tool import Toolset, read_toolset
from core.types.trace import TEACHER, THREAD, Trace
from evals.golden_sets import add_golden, golden_cases
from finetune.archive import pack, unpack
from finetune.curate.decontaminate import MAX_JACCARD, jaccard
from finetune.dataset import PART_NAMES, thaw
from finetune.night_order import NightOrder, NightResult
from finetune.nightly import Night, run_night
from finetune.order import ORDER as ORDER_FILE
from finetune.plan import Limits
from finetune.progress import Silent
from finetune.signal import new_signal
from tests.hashed_words import HashedWords
from tools.importers.jsonl import read_trace
from tools.kinds import KindTable

ORDER = NightOrder(toolset="shop", limits=Limits(epochs=1))
PRODUCTS = ("oak chair", "pine desk", "snow chain", "steel lamp", "glass vase")
WAREHOUSES = ("east yard", "main hall")


def shop() -> Toolset:
    """Three tools; nobody declared a kind for `label`."""
    product, warehouse = ({"type": "string", "x-kind": kind} for kind in ("product", "warehouse"))
    tools = [
        {"name": "move", "parameters": {"properties": {"item": product, "count": {"type": "integer"}, "to": warehouse}, "required": ["item", "to"]}},
        {"name": "count", "x-risk": "read", "parameters": {"properties": {"item": product}, "required": ["item"]}},
        {"name": "tag", "parameters": {"properties": {"item": product, "label": {"type": "string"}}, "required": ["item", "label"]}},
    ]  # fmt: skip
    for tool in tools:
        tool["parameters"]["type"] = "object"  # type: ignore[index]
    return read_toolset("shop", tools, {"product": {"names": list(PRODUCTS)}, "warehouse": {"names": list(WAREHOUSES)}})


def conversation(number: int) -> dict[str, Any]:
    """One conversation, no two alike; each fourth is of the same kind."""
    item, place = PRODUCTS[number % 5], WAREHOUSES[number % 2]
    opening = (
        f"{random.Random(number).choice(['please', 'kindly', 'now', 'hey', 'could you'])} {chr(97 + number % 26) * 3}{number}:"
    )
    if number % 4 == 3:
        return {"messages": [{"role": "user", "content": f"{opening} what is the weather like"}], "outcome": "none"}
    name, said, arguments = (
        ("move", f"move {number} {item}s to the {place}", {"item": item, "count": number, "to": place}),
        ("count", f"how many {item}s have we", {"item": item}),
        ("tag", f"tag the {item} as L{number}x", {"item": item, "label": f"L{number}x"}),
    )[number % 4]
    call = {"id": "c", "type": "function", "function": {"name": name, "arguments": arguments}}
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": f"{opening} {said}"},
        {"role": "assistant", "tool_calls": [call]},
    ]
    if number % 3 == 0:
        messages += [{"role": "tool", "tool_call_id": "c", "content": '{"ok":true}'}, {"role": "assistant", "content": "Done."}]
    return {"messages": messages}


def of_two_wishes(number: int) -> dict[str, Any]:
    """Two of these conversations as one: without any nothing shows that a step may hold two calls."""
    (said, first), (also, second) = (conversation(one)["messages"][:2] for one in (number, number + 1))
    (call,), (other,) = first["tool_calls"], second["tool_calls"]
    both = {"role": "assistant", "tool_calls": [call, {**other, "id": "d"}]}
    return {"messages": [{"role": "user", "content": f"{said['content']} and {also['content']}"}, both]}


def make_home(folder: Path, conversations: int = 40) -> Home:
    home = Home(Settings(home=folder, artefacts=folder / "artefacts", threads=1, engine_threads=1))
    home.registry.add(shop())
    home.traces.add([read_trace(conversation(number), shop()) for number in range(conversations)])
    return home


class Studied(NamedTuple):
    """A home after one undisturbed night."""

    folder: Path
    base: Path
    result: NightResult


@pytest.fixture(scope="module")
def base(tiny_llama: Path, tiny_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base by path, served by llama.cpp."""
    folder = tmp_path_factory.mktemp("base") / "tiny"
    shutil.copytree(tiny_llama / "base", folder)
    shutil.copy(tiny_gguf, folder / "model.gguf")
    return folder


@pytest.fixture(scope="module")
def studied(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Studied:
    folder = tmp_path_factory.mktemp("studied") / "home"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Home, "embedder", HashedWords())
        home = make_home(folder)
        result = run_night(home, ORDER.model_copy(update={"base": str(base)}), Silent())
        home.database.dispose()
    return Studied(folder, base, result)


@pytest.fixture
def home(studied: Studied, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A copy of the home after its night."""
    monkeypatch.setattr(Home, "embedder", HashedWords())
    shutil.copytree(studied.folder, tmp_path / "home")
    home = Home(Settings(home=tmp_path / "home", artefacts=tmp_path / "artefacts", threads=1, engine_threads=1))
    yield home
    home.database.dispose()


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A home before its first night."""
    monkeypatch.setattr(Home, "embedder", HashedWords())
    home = make_home(tmp_path / "fresh")
    yield home
    home.database.dispose()


def order(studied_or_base: Studied | Path, **update: Any) -> NightOrder:
    base = studied_or_base if isinstance(studied_or_base, Path) else studied_or_base.base
    return ORDER.model_copy(update={"base": str(base), **update})


def one_night(folder: Path) -> Path:
    (night,) = (entry for entry in (folder / "nights").iterdir() if entry.is_dir())
    return night


def of_another_night(home: Home, studied: Studied) -> None:
    """Make a champion that no night here has made."""
    made = home.releases.get(studied.result.release)
    other = made.model_copy(update={"id": "r-000000000000"})
    shutil.copytree(home.releases.path(made.id), home.releases.path(other.id))
    home.releases.add(other)
    home.releases.promote(other.id, home.principal, "person")


def no_training(*_: Any, **__: Any) -> None:
    raise AssertionError("trained again")


# what comes of a night


def test_a_night_ends_with_a_release_that_serves(studied: Studied, home: Home) -> None:
    release = home.releases.get(studied.result.release)
    assert studied.result.promoted and studied.result.passed
    assert any("not enough cases" in warning for warning in studied.result.warnings)
    assert home.releases.champion("shop").id == release.id
    assert release.base == str(studied.base) and release.status == "passed"
    rows = release.rows
    assert rows["writer"] + rows["stop"] + rows["reserved"] == 40 - len(thaw(one_night(studied.folder) / "dataset").exam)
    assert Path(studied.result.report).is_file()
    loaded = Loader(home).load("shop")
    prediction = loaded.predict([Message(role="user", content="move 3 oak chairs to the main hall")])
    loaded.close()
    assert 0 <= prediction.confidence <= 1


def test_the_same_night_again_trains_nothing_and_is_the_same_release(
    studied: Studied, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finetune.training, "_run", no_training)
    for step in ("fit_picker", "fit_reviewer", "examine", "write_report"):
        monkeypatch.setattr(finetune.nightly, step, no_training)
    again = run_night(home, order(studied), Silent())
    assert (again.release, again.promoted) == (studied.result.release, True)
    assert (again.reason, again.exam, again.rows) == (studied.result.reason, studied.result.exam, studied.result.rows)
    assert Path(again.report) == home.releases.path(again.release) / REPORT and Path(again.report).is_file()
    assert [found.id for found in home.releases.all()] == [again.release]
    assert home.releases.history("shop") == [again.release]


def test_what_a_repeated_night_leaves_out_again_is_no_signal(studied: Studied, home: Home) -> None:
    misheard = read_trace(conversation(0), shop()).messages
    call = misheard[1].tool_calls[0].model_copy(update={"arguments": {"item": PRODUCTS[0]}})
    messages = (misheard[0], misheard[1].model_copy(update={"tool_calls": (call,)}))
    home.traces.add([Trace(toolset="shop", messages=messages, outcome="calls", source=f"{THREAD}t")])
    assert new_signal(home, "shop") == 1
    assert run_night(home, order(studied), Silent()).release == studied.result.release
    assert new_signal(home, "shop") == 0


@pytest.mark.parametrize("left", ["", "2026-"])
def test_a_day_that_was_not_written_down_whole_is_none(fresh: Home, base: Path, left: str) -> None:
    fresh.nights.mkdir(parents=True)
    (fresh.nights / "shop.begun").write_text(left)
    night = Night(fresh, order(base), Silent())
    assert night._day() == night._day() == datetime.now(UTC).date()
    assert [file.name for file in fresh.nights.iterdir()] == ["shop.begun"]


def test_a_measured_speed_does_not_change_a_night_that_goes_on(fresh: Home, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = order(base, limits=Limits(minutes=1.6))
    night = finetune.nightly.Night(fresh, asked, Silent())
    night.curate()
    finetune.nightly.remember_speed(fresh.nights, str(base), 100_000.0)
    again = finetune.nightly.Night(fresh, asked, Silent())
    again.curate()
    assert (again._plan, again._folder) == (night._plan, night._folder)
    other = finetune.nightly.Night(fresh, order(base, limits=Limits(minutes=1.7)), Silent())
    other.curate()
    assert other._plan != night._plan


def test_a_night_trained_elsewhere_comes_to_the_same_release(
    studied: Studied, fresh: Home, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = fresh.settings.model_copy(update={"train_elsewhere": True})
    home = Home(settings)
    with pytest.raises(TrainingAwaited, match="nightschool train"):
        run_night(home, order(base), Silent())
    here, away = one_night(settings.home), tmp_path / "away"
    for part in ("lessons", "training"):
        shutil.copytree(here / part, away / part)
    monkeypatch.setenv("NIGHTSCHOOL_HOME", str(tmp_path / "other"))
    monkeypatch.setenv("NIGHTSCHOOL_THREADS", "1")
    train(away, base=str(base), as_json=True)
    shutil.copytree(away / "training", here / "training", dirs_exist_ok=True)
    monkeypatch.setattr(finetune.training, "_run", no_training)
    assert run_night(home, order(base), Silent()).release == studied.result.release
    assert not list(home.nights.glob("speed-*.json"))
    home.database.dispose()


def test_nothing_to_train_is_said_of_a_folder_without_an_order(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no training was ordered"):
        train(tmp_path)
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / ORDER_FILE).write_text("{}")
    with pytest.raises(NotFound, match="not the order of a training"):
        train(tmp_path)


def test_what_somebody_went_back_from_is_not_promoted_by_itself(
    studied: Studied, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_another_night(home, studied)
    monkeypatch.setattr(ReleaseStore, "was_rolled_back", lambda *_: True)
    result = run_night(home, order(studied), Silent())
    assert result.passed and not result.promoted and any("only a person promotes it again" in told for told in result.warnings)


def test_a_finished_night_keeps_no_checkpoints_and_no_pickers_of_folds(studied: Studied) -> None:
    night = one_night(studied.folder)
    assert not list(night.glob("training/checkpoint-*")) and not list(night.glob("lessons/[0-9]*.safetensors"))
    assert (night / "training" / "adapter").is_dir() and (night / "lessons" / PICKER).is_file()


def test_the_record_says_what_shaped_a_release(studied: Studied, home: Home) -> None:
    training = home.releases.get(studied.result.release).training
    assert training["config"]["rank"] == 32 and training["config"]["swaps"] and training["order"]["limits"]["epochs"] == 1
    assert training["order"]["against"] == "" and training["tokens_per_s"] > 0


def test_a_refused_release_is_kept_and_does_not_serve(studied: Studied, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = finetune.nightly.Verdict(passed=False, reason="worse", difference=None)
    monkeypatch.setattr(finetune.nightly, "judge", lambda *_: verdict)
    monkeypatch.setattr(finetune.nightly, "infer_table", lambda *_: KindTable(max_calls=2))
    for parts in home.nights.glob("*/parts"):
        shutil.rmtree(parts)
    result = run_night(home, order(studied), Silent())
    assert not result.promoted and not result.passed and result.release != studied.result.release
    assert home.releases.get(result.release).status == "refused"
    assert home.releases.champion("shop").id == studied.result.release


def test_a_base_without_gguf_is_served_by_transformers(
    studied: Studied, tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Home, "embedder", HashedWords())
    home = make_home(tmp_path / "home", conversations=6)
    result = run_night(home, order(tiny_llama / "base"), Silent())
    assert home.releases.champion("shop").id == result.release
    home.database.dispose()


# what a night may learn from


def test_kinds_come_from_the_training_part_only(studied: Studied) -> None:
    parts = thaw(one_night(studied.folder) / "dataset")
    table = KindTable.model_validate_json((studied.folder / "releases" / studied.result.release / KINDS).read_text())

    def labels(examples: Sequence[Any]) -> set[str]:
        return {c.arguments["label"] for e in examples for s in e.steps for c in s.calls if "label" in c.arguments}

    assert labels(parts.exam) and labels(parts.exam).isdisjoint(labels(parts.training))
    assert set(table.learned["label"]) == labels(parts.training)
    assert not any(label in table.model_dump_json() for label in labels(parts.exam))


def test_what_only_a_teacher_says_examines_nothing(tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Home, "embedder", HashedWords())
    home = make_home(tmp_path / "fresh", conversations=120)
    taught = [read_trace(conversation(number), shop()) for number in range(120, 160)]
    home.traces.add([trace.model_copy(update={"source": f"{TEACHER}big"}) for trace in taught])
    night = Night(home, order(base), Silent())
    night.curate()
    drawn = {example.trace_id for example in night._parts.exam}
    assert drawn & {trace.id for trace in taught}, "the split does not know them"
    examined = {case.messages[0].content for case in night._cases}
    assert examined and not examined & {trace.messages[0].content for trace in taught}
    home.database.dispose()


def test_augmentation_can_be_switched_off(tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Home, "embedder", HashedWords())
    fresh = make_home(tmp_path / "fresh", conversations=80)
    fresh.traces.add([read_trace(of_two_wishes(number), shop()) for number in range(1, 80, 8)])
    ordered: list[Any] = []
    monkeypatch.setattr(finetune.nightly, "train_in_child", lambda order, folder, *_: ordered.append((order.config, folder)))

    def lessons(**switches: bool) -> int:
        night = Night(fresh, order(base, **switches), Silent())
        night.curate()
        night.prepare()
        with pytest.raises(TypeError):  # nothing came of the training
            night.train()
        return len((ordered[-1][1].parent / "lessons" / "writer.jsonl").read_text().splitlines())

    with_both, without = lessons(), lessons(swaps=False, joins=False)
    assert without < with_both, "no row of two wishes"
    assert [(config.swaps, config.joined > 0) for config, _ in ordered] == [(True, True), (False, False)]
    assert ordered[0][1] != ordered[1][1], "each has a folder of its own"


def test_golden_requests_are_in_no_part_that_is_trained_on(fresh: Home, base: Path, tmp_path: Path) -> None:
    golden = tmp_path / "golden.jsonl"
    rows = [{"messages": conversation(number)["messages"][:1], "outcome": "none"} for number in range(0, 40, 5)]
    golden.write_text("".join(json.dumps(row) + "\n" for row in rows))
    add_golden(fresh.folder, shop(), golden)
    night = finetune.nightly.Night(fresh, order(base), Silent())
    night.curate()
    parts = thaw(one_night(fresh.settings.home) / "dataset")
    said = [case.messages[-1].content for case in golden_cases(fresh.settings.home, "shop")]
    trained = [m.content for name in PART_NAMES for e in getattr(parts, name) for m in e.messages if m.role == "user"]
    assert trained and said and not parts.exam
    assert max(jaccard(one, other) for one in trained for other in said) <= MAX_JACCARD
    manifest = json.loads((one_night(fresh.settings.home) / "dataset" / "manifest.json").read_text())
    assert set(manifest["dropped"].values()) == {"resembles a golden case"} and len(manifest["dropped"]) >= len(rows)


def test_where_the_golden_set_covers_everything_the_empty_part_is_named(fresh: Home, base: Path, tmp_path: Path) -> None:
    golden = tmp_path / "golden.jsonl"
    rows = [{"messages": conversation(number)["messages"][:1]} for number in range(40)]
    golden.write_text("".join(json.dumps(row) + "\n" for row in rows))
    add_golden(fresh.folder, shop(), golden)
    with pytest.raises(TrainingError, match=r"writer part is empty: .* 40 were dropped .40 resembles a golden case"):
        run_night(fresh, order(base), Silent())


class Tagging:
    """Tags as it is told, the label under the name that it was taught."""

    release_id = "r-then"

    def __init__(self, toolset: Toolset, argument: str) -> None:
        self.toolset, self._argument = toolset, argument

    def predict(self, messages: Sequence[Message]) -> Prediction:
        label, _, item = messages[-1].content.removeprefix("put ").partition(" on the ")
        call = ToolCall(name="tag", arguments={"item": item, self._argument: label})
        return Prediction(outcome="calls", tool_calls=(call,), confidence=0.9, latency_ms=1.0)

    def close(self) -> None: ...


def renamed() -> Toolset:
    """The shop after `label` became `text`, and `count` is gone."""
    move, _, tag = shop().tools
    said = json.loads(json.dumps(tag.parameters).replace('"label"', '"text"'))
    return shop().model_copy(update={"tools": (move, tag.model_copy(update={"parameters": said}))})


def test_the_golden_set_follows_a_changed_tool_and_so_do_the_champions_calls(
    fresh: Home, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    golden = tmp_path / "golden.jsonl"
    expected = [("tag", {"item": "oak chair", "label": f"Q{number}q"}) for number in range(4)]
    rows = [
        {"messages": [{"role": "user", "content": f"put {arguments.get('label', 'it')} on the {arguments['item']}"}],
         "expected": [{"name": name, "arguments": arguments}]}
        for name, arguments in (*expected, ("count", {"item": "oak chair"}))
    ]  # fmt: skip
    golden.write_text("".join(json.dumps(row) + "\n" for row in rows))
    add_golden(fresh.folder, shop(), golden)
    now = renamed()
    fresh.registry.add(now)
    schemas = shop().schema_hashes["tag"], now.schema_hashes["tag"]
    migration = ToolMigration(becomes="tag", arguments={"label": "text"})
    fresh.migrations.declare("shop", "tag", *schemas, migration, fresh.principal)

    monkeypatch.setattr(Night, "_open_engine", lambda _: Tagging(now, ""))
    monkeypatch.setattr(Night, "_place", lambda _: "r-now")
    monkeypatch.setattr(finetune.nightly, "load_caller", lambda *_: Tagging(now, "text"))
    monkeypatch.setattr(fresh.releases, "history", lambda _: ["r-then"])
    monkeypatch.setattr(Loader, "load", lambda *_, **__: Tagging(shop(), "label"))
    night = Night(fresh, order(base), Silent())
    monkeypatch.setattr(Night, "_champion_of", lambda *_: "")
    night.curate()
    night.examine()
    found = night._candidate.scores, night._reference.scores
    assert [[score.exact for score in scores] for scores in found] == [[True] * 4, [True] * 4]
    (warning,) = night._outdated
    assert "1 golden cases fit no tool of now and are left out (1 count: called by a schema of another time)" in warning


# what can go wrong


def test_no_traces_names_the_command_that_brings_some(tmp_path: Path, base: Path) -> None:
    home = make_home(tmp_path / "home", conversations=0)
    with pytest.raises(NotFound, match="nightschool traces import shop FILE"):
        run_night(home, order(base), Silent())
    home.database.dispose()


def test_a_full_disk_stops_the_night_and_registers_nothing(fresh: Home, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(fresh.settings.home)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10 * 2**20))
    with pytest.raises(TrainingError, match="only 10 MiB free, training needs 500 MiB"):
        run_night(fresh, order(base), Silent())
    assert fresh.releases.all() == [] and fresh.releases.history("shop") == []
    again = Home(fresh.settings)
    assert again.traces.count("shop") == 40
    again.database.dispose()


@pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
def test_a_damaged_adapter_is_named_and_the_night_puts_it_right(
    studied: Studied, home: Home, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = home.releases.path(studied.result.release) / ADAPTER_GGUF
    whole = file.read_bytes()
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(whole[:-100] if damage == "cut" else whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ModelError, match=rf"{studied.result.release}/adapter\.gguf: missing or damaged"):
        Loader(home).load("shop")
    if damage == "cut":
        monkeypatch.setattr(finetune.training, "_run", no_training)
        for examined in home.nights.glob("*/reference-*"):
            examined.unlink()
        result = run_night(home, order(studied), Silent())
        assert result.release == studied.result.release and Path(result.report).is_file()
        assert file.read_bytes() == whole


def test_a_champion_of_another_version_does_not_stop_the_night(
    studied: Studied, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_another_night(home, studied)
    monkeypatch.setattr("agents.serving.FORMAT_HASH", "another")
    result = run_night(home, order(studied), Silent())
    assert result.passed and any("the champion cannot be loaded: release r-" in warning for warning in result.warnings)


def test_a_damaged_adapter_of_an_unfinished_night_is_named(studied: Studied, home: Home) -> None:
    night = one_night(home.settings.home)
    shutil.rmtree(night / "parts")
    (night / "training" / ADAPTER_GGUF).write_bytes((night / "training" / ADAPTER_GGUF).read_bytes()[:3000])
    with pytest.raises(ModelError, match=r"training/adapter\.gguf"):
        run_night(home, order(studied), Silent())


# kills


def start_night(home: Path, base: Path) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONHASHSEED": "random"}
    with (home.parent / "night.log").open("ab") as log:
        return subprocess.Popen([sys.executable, __file__, str(home), str(base)], env=environment, stdout=log, stderr=log)


def children(process: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except OSError:
        return []


def training_child(night: "subprocess.Popen[bytes]", within_s: float = 60) -> int | None:
    until = time.monotonic() + within_s
    while time.monotonic() < until and night.poll() is None:
        for child in children(night.pid):
            if b"finetune.worker" in Path(f"/proc/{child}/cmdline").read_bytes():
                return child
        time.sleep(0.05)
    return None


def gone(process: int, within_s: float = 60) -> bool:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.1)
    return False


def copy_traces(folder: Path) -> Path:
    make_home(folder).database.dispose()
    return folder


def finished(folder: Path, base: Path) -> str:
    """Run the night to its end and name its release."""
    night = start_night(folder, base)
    assert night.wait(120) == 0, (folder.parent / "night.log").read_text()[-2000:]
    home = Home(Settings(home=folder))
    (release,) = home.releases.all()
    assert home.releases.champion("shop").id == release.id
    assert {file.name for file in home.releases.path(release.id).parent.iterdir()} == {release.id}
    home.database.dispose()
    return release.id


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes in /proc")
def test_a_killed_night_and_a_killed_training_change_nothing(studied: Studied, tmp_path: Path) -> None:
    folder = copy_traces(tmp_path / "home")
    night = start_night(folder, studied.base)
    child = training_child(night)
    assert child is not None
    os.kill(child, signal.SIGKILL)
    assert night.wait(30) == 1
    assert "the training process ended with -9" in (tmp_path / "night.log").read_text()
    home = Home(Settings(home=folder))
    assert home.releases.all() == []
    home.database.dispose()

    night = start_night(folder, studied.base)
    child = training_child(night)
    assert child is not None
    night.kill()
    night.wait()
    assert gone(child), "the next night would meet it in its folder"
    assert finished(folder, studied.base) == studied.result.release


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes in /proc")
@pytest.mark.parametrize("seed", range(20))
def test_kills_at_any_instant_change_nothing(studied: Studied, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    folder = copy_traces(tmp_path / "home")
    for _ in range(2):
        night = start_night(folder, studied.base)
        time.sleep(chance.uniform(1, 25))
        found = children(night.pid)
        os.kill(found[0] if found and chance.random() < 0.5 else night.pid, signal.SIGKILL)
        night.wait(60)
        assert all(gone(child) for child in found)
    assert finished(folder, studied.base) == studied.result.release


# trained on from the champion


def first_loss(night: Path) -> float:
    lines = (night / "training" / "progress.jsonl").read_text().splitlines()
    return float(next(line["loss"] for line in map(json.loads, lines) if "loss" in line))


def test_a_night_may_go_on_from_the_champion(studied: Studied, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.traces.add([read_trace(conversation(number), shop()) for number in range(40, 44)])
    night = order(studied, continued=True)
    result = run_night(home, night, Silent())
    release = home.releases.get(result.release)
    assert release.start == studied.result.release != release.id
    losses, fresh = first_loss(Path(result.folder)), first_loss(one_night(studied.folder))
    assert losses < fresh, "it begins where the champion ended"
    before, after = (json.loads((home.releases.path(one) / FILES).read_text()) for one in (release.start, release.id))
    for name in (KINDS, REVIEWER):
        assert after.get(name) == before.get(name), "what few rows would tell less of is kept"
    assert after[PICKER] != before[PICKER] and release.rows["reserved"] == 0
    home.releases.promote(release.id, home.principal, "person")
    assert learned_traces(home, "shop") > learned_in(home, release.start)
    monkeypatch.setattr(finetune.training, "_run", no_training)
    assert run_night(home, night, Silent()).release == release.id


def test_a_night_that_goes_on_takes_what_is_new_before_what_is_known(studied: Studied, home: Home) -> None:
    new = [read_trace(conversation(number), shop()) for number in range(40, 44)]
    home.traces.add(new)
    night = order(studied, continued=True, limits=Limits(epochs=1, conversations=12))
    result = run_night(home, night, Silent())
    parts = thaw(Path(result.folder) / "dataset")
    taken = {example.trace_id for example in (*parts.training, *parts.exam)}
    assert len(taken) == 12 and {trace.id for trace in new} <= taken
    home.releases.promote(result.release, home.principal, "person")
    again = run_night(home, night, Silent())
    assert (again.folder, again.release) == (result.folder, result.release), "repeated, it is the same night"


def test_what_a_limited_night_draws_is_mostly_what_people_confirmed(studied: Studied, home: Home) -> None:
    taught = [read_trace(conversation(number), shop()) for number in range(40, 70)]
    home.traces.add([trace.model_copy(update={"source": f"{TEACHER}big"}) for trace in taught])
    night = Night(home, order(studied, continued=True, limits=Limits(epochs=1, conversations=20)), Silent())
    night.curate()
    drawn = {example.trace_id for example in (*night._parts.training, *night._parts.exam)}
    assert len(drawn) == 20 and len(drawn & {trace.id for trace in taught}) == 6


def test_a_night_that_goes_on_has_the_rank_of_what_it_goes_on_from(studied: Studied, home: Home) -> None:
    file = home.releases.path(studied.result.release) / ADAPTER_FOLDER / "adapter_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "r": 8, "lora_alpha": 16}))
    night = Night(home, order(studied, continued=True), Silent())
    night.curate()
    assert (night._config().rank, night._config().alpha) == (8, 16)
    file.write_text("{}")
    with pytest.raises(ModelError, match="adapter_config"):
        Night(home, order(studied, continued=True), Silent()).curate()


def test_a_night_cannot_go_on_from_another_base(studied: Studied, home: Home, tmp_path: Path) -> None:
    other = shutil.copytree(studied.base, tmp_path / "another")
    with pytest.raises(TrainingError, match="is on base"):
        run_night(home, order(studied, continued=True, base=str(other)), Silent())


def test_a_night_cannot_go_on_from_a_champion_of_other_tools(studied: Studied, home: Home) -> None:
    home.registry.add(read_toolset("shop", [{"name": "move", "parameters": {"type": "object", "properties": {}}}]))
    home.traces.add([read_trace({"messages": [{"role": "user", "content": "nice day"}], "outcome": "none"}, shop())])
    with pytest.raises(TrainingError, match="learned other tools"):
        run_night(home, order(studied, continued=True), Silent())


def test_a_night_may_keep_the_weights_and_learn_the_rest(studied: Studied, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finetune.training, "_run", no_training)
    new = [read_trace(conversation(number), shop()) for number in range(40, 44)]
    home.traces.add(new)
    night = order(studied, same_weights=True)
    result = run_night(home, night, Silent())
    release, kept = (home.releases.get(one) for one in (result.release, studied.result.release))
    assert release.start == kept.id != release.id and release.training["kept"]
    assert release.training["config"] == kept.training["config"] and release.training["tokens"] == kept.training["tokens"]
    before, after = (json.loads((home.releases.path(one.id) / FILES).read_text()) for one in (kept, release))
    assert after[PICKER] != before[PICKER]
    of_the_adapter = [name for name in before if name.startswith("adapter")]
    assert of_the_adapter and all(after[name] == before[name] for name in of_the_adapter)
    first, second = (thaw(Path(one.folder) / "dataset") for one in (studied.result, result))
    seen = {example.trace_id for example in (*first.writer, *first.stop)}
    assert {example.trace_id for example in second.writer} == seen, "what shaped the weights is what it was"
    assert seen.isdisjoint(example.trace_id for example in (*second.reserved, *second.exam))
    judging = {example.trace_id for example in (*second.reserved, *second.exam)}
    assert judging & {trace.id for trace in new} and release.rows["left_out"] == 44 - len(judging | seen), (
        "or alike to what it saw"
    )
    home.releases.promote(release.id, home.principal, "person")
    assert run_night(home, night, Silent()).release == release.id, "repeated, it is the same night"


def test_weights_whose_rows_are_not_here_are_not_judged(studied: Studied, home: Home) -> None:
    (home.releases.path(studied.result.release) / "dataset.json").unlink()
    with pytest.raises(TrainingError, match="not among the traces"):
        run_night(home, order(studied, same_weights=True), Silent())


# carried to another home


@pytest.fixture
def archive(studied: Studied, home: Home, tmp_path: Path) -> Path:
    file = tmp_path / "carried" / "champion.zip"
    assert pack(home, studied.result.release, file) == file.stat().st_size
    return file


def rewritten(archive: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """The archive with other files in it."""
    with zipfile.ZipFile(archive) as read:
        files = {name: read.read(name) for name in read.namelist()}
    change(files)
    with zipfile.ZipFile(archive, "w") as write:
        for name, data in files.items():
            write.writestr(name, data)
    return archive


def test_a_release_is_the_same_in_another_home(studied: Studied, archive: Path, tmp_path: Path) -> None:
    other = Home(Settings(home=tmp_path / "other", artefacts=tmp_path / "artefacts", threads=1, engine_threads=1))
    assert ADAPTER_GGUF not in zipfile.ZipFile(archive).namelist()
    release = unpack(other, archive)
    assert release == unpack(other, archive) and [found.id for found in other.releases.all()] == [studied.result.release]
    assert other.releases.history("shop") == [] and other.registry.get("shop") == shop()
    here, there = (home / "releases" / release.id for home in (studied.folder, tmp_path / "other"))
    assert (here / ADAPTER_GGUF).read_bytes() == (there / ADAPTER_GGUF).read_bytes()
    loaded = Loader(other).load("shop", release.id)
    assert 0 <= loaded.predict([Message(role="user", content="move 3 oak chairs to the main hall")]).confidence <= 1
    loaded.close()
    again = tmp_path / "again.zip"
    pack(other, release.id, again)
    assert again.read_bytes() == archive.read_bytes()
    other.database.dispose()


def test_a_release_that_is_here_stays_as_it_is(studied: Studied, home: Home, archive: Path) -> None:
    folder = home.releases.path(studied.result.release)
    whole = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    assert folder / REPORT in whole
    before = folder.stat().st_ino
    unpack(home, archive)
    assert folder.stat().st_ino == before and {file: file.read_bytes() for file in whole} == whole
    (folder / PICKER).write_bytes(b"")
    unpack(home, archive)
    assert {file: file.read_bytes() for file in whole} == whole, "what is damaged is put right"


def test_the_adapter_is_kept_in_half_precision(studied: Studied) -> None:
    folder = studied.folder / "releases" / studied.result.release / "adapter"
    assert {str(values.dtype) for values in load_file(folder / "adapter_model.safetensors").values()} == {"float16"}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda files: files.update({"picker.safetensors": b"\0" * 64}), ModelError, "damaged"),
        (lambda files: files.update({"kinds.json": b"{}"}), ModelError, "kinds.json: missing or damaged"),
        (lambda files: files.update({"../out.json": b"{}"}), BadInput, r"'\.\./out\.json'"),
        (lambda files: files.update({"adapter/run.py": b""}), BadInput, "run.py"),
        (lambda files: files.update({"adapter/model.bin": b""}), BadInput, "model.bin"),
        (lambda files: files.pop("release.json"), BadInput, "release.json"),
        (lambda files: files.pop("files.json"), BadInput, "files.json is missing"),
        (lambda files: files.update({"release.json": b'{"id": 3}'}), BadInput, "not a release's archive"),
        (lambda files: files.pop("adapter/adapter_model.safetensors"), TrainingError, "adapter_model.safetensors"),
    ],
)
def test_an_archive_that_is_no_release_leaves_nothing_behind(
    archive: Path, tmp_path: Path, change: Any, error: type[Exception], message: str
) -> None:
    other = Home(Settings(home=tmp_path / "other", artefacts=tmp_path / "artefacts"))
    with pytest.raises(error, match=message):
        unpack(other, rewritten(archive, change))
    assert other.releases.all() == [] and other.registry.all() == []
    assert list((tmp_path / "other" / "releases").iterdir()) == [] and not (tmp_path / "out.json").exists()
    other.database.dispose()


@pytest.mark.parametrize("identity", ["../..", "/tmp", "r-000000000000"])
def test_an_archive_cannot_name_a_folder_of_its_choice(archive: Path, tmp_path: Path, identity: str) -> None:
    other = Home(Settings(home=tmp_path / "other", artefacts=tmp_path / "artefacts"))

    def rename(files: dict[str, bytes]) -> None:
        files["release.json"] = json.dumps({**json.loads(files["release.json"]), "id": identity}).encode()

    with pytest.raises(BadInput, match="is not that of its files"):
        unpack(other, rewritten(archive, rename))
    assert other.releases.all() == [] and (tmp_path / "other").is_dir()
    other.database.dispose()


def test_a_file_cut_off_is_refused(archive: Path, tmp_path: Path) -> None:
    other = Home(Settings(home=tmp_path / "other", artefacts=tmp_path / "artefacts"))
    archive.write_bytes(archive.read_bytes()[:-200])
    with pytest.raises(BadInput, match=r"champion\.zip: not a release's archive"):
        unpack(other, archive)
    other.database.dispose()


if __name__ == "__main__":
    Home.embedder = HashedWords()  # type: ignore[assignment]
    run_night(Home(Settings(home=Path(sys.argv[1]), threads=1, engine_threads=1)), order(Path(sys.argv[2])), Silent())
