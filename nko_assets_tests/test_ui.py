"""The Dagster UI as a person meets it: driven in headless Chromium over a small channel.

With NKO_SCREENSHOTS set to a folder, every page looked at is saved there.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from nko_assets.lineage import STEPS
from nko_assets.progress import Silent
from nko_assets.reading.answers import FrameRequest, Reading
from nko_assets.reading.reader import Job
from nko_assets.reading.reader import Progress as Say
from nko_assets.review_sensor import DECISIONS
from nko_assets.run import GROUPS, run_lineage
from nko_assets.workshop import open_workshop
from nko_assets_tests.channels import ScriptedReader, settings_for, write_channel

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
playwright = pytest.importorskip(
    "playwright.sync_api", reason="the browser tests need the package playwright"
)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(900),
    pytest.mark.skipif(CHROMIUM is None, reason="the browser tests need chromium on the PATH"),
]

# A busy machine takes a minute for what takes seconds on an idle one.
PATIENCE_S = 120.0
PER_VIDEO = [step.name for step in STEPS.values() if step.per_video]
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
T = TypeVar("T")


def until(found: Callable[[], T | None], what: str) -> T:
    """Ask until there is an answer; fails with `what` was waited for."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        answer = found()
        if answer:
            return answer
        time.sleep(0.2)
    pytest.fail(f"{what} did not come within {PATIENCE_S:.0f} s")


@dataclass
class Ui:
    """`nko ui` at work over a channel in which one video was broken, and a browser page on it."""

    url: str
    page: Any
    pictures: Path
    broken: Path
    whole: bytes
    broken_id: str
    good_ids: list[str]

    def open(self, path: str, *texts: str) -> None:
        """Go to `path` and wait until each of `texts` is seen."""
        self.page.goto(self.url + path, wait_until="domcontentloaded")
        for text in texts:
            self.see(text)

    def see(self, text: str) -> None:
        """Wait until `text` is seen."""
        try:
            self.page.get_by_text(text).filter(visible=True).first.wait_for()
        except playwright.TimeoutError:
            self.picture("unseen")
            raise

    def open_check(self, asset: str, check: str, partition: str) -> None:
        """Open what `check` of `asset` found in one video."""
        self.open(f"/assets/{asset}?view=checks&checkDetail={check}", "Latest execution")
        self.page.get_by_text("Partitions", exact=True).last.click()
        self.see("Execution Failed")
        self.page.get_by_text(partition, exact=True).filter(visible=True).last.click()

    def picture(self, name: str) -> None:
        """Save what the window shows."""
        self.page.screenshot(path=self.pictures / f"ui-{name}.png", animations="disabled")

    def ask(self, query: str, **variables: object) -> Any:
        """The data that Dagster's GraphQL gives for `query`."""
        request = urllib.request.Request(
            f"{self.url}/graphql",
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return json.load(answer)["data"]

    def runs(self) -> dict[str, str]:
        """The status of each run by its id."""
        data = self.ask("{ runsOrError { ... on Runs { results { runId status } } } }")
        return {run["runId"]: run["status"] for run in data["runsOrError"]["results"]}

    def partitions(self, asset: str) -> dict[str, list[str]]:
        """The partitions of `asset`: materialized and failed."""
        data = self.ask(
            """query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {
            assetPartitionStatuses { ... on DefaultPartitionStatuses {
            materializedPartitions failedPartitions } } } } }""",
            key={"path": [asset]},
        )
        statuses = data["assetNodeOrError"]["assetPartitionStatuses"]
        return {
            "materialized": sorted(statuses["materializedPartitions"]),
            "failed": statuses["failedPartitions"],
        }

    def choose(self, asset: str, selection: str, partitions: int) -> Any:
        """Open the dialog that materializes `asset` and choose videos: one by its id, or a button.

        Gives the dialog, once it says that it has chosen that many `partitions`.
        """
        self.open(f"/assets/{asset}?view=partitions", "Partitions Selected")
        self.page.get_by_role("button", name="Materialize…").click()
        dialog = self.page.get_by_role("dialog")
        option = self.page.get_by_role("menuitem", name=selection)
        if selection in self.good_ids:
            dialog.get_by_text("Select a partition").first.click()
            option.click()
        else:
            dialog.get_by_role("button", name=selection, exact=True).click()
        word = "partition" if partitions == 1 else "partitions"
        dialog.get_by_text(f"{partitions} {word}", exact=True).wait_for()
        if selection in self.good_ids:
            dialog.get_by_text("Launch runs to materialize").click()
            option.wait_for(state="hidden")
        return dialog

    def launch(self, dialog: Any, name: str) -> str:
        """Press the button `name` of the dialog; gives the id of the run, which has succeeded."""
        before = set(self.runs())
        dialog.get_by_role("button", name=name).click()
        (run_id,) = until(lambda: set(self.runs()) - before, "A run")
        ended = until(
            lambda: status if (status := self.runs()[run_id]) in {"SUCCESS", "FAILURE"} else None,
            f"The end of run {run_id}",
        )
        assert ended == "SUCCESS", self.failures(run_id)
        return run_id

    def failures(self, run_id: str) -> list[str]:
        """What failed in the run, in its own words."""
        logs = self.ask(
            """query($id: ID!) { logsForRun(runId: $id) { ... on EventConnection { events {
            ... on ErrorEvent { error { message } } } } } }""",
            id=run_id,
        )["logsForRun"]["events"]
        return [event["error"]["message"] for event in logs if event.get("error")]


class UnsureReader(ScriptedReader):
    """A reader that is not sure of what it saw in the last lesson."""

    def collect(self, job: Job, requests: Sequence[FrameRequest], say: Say) -> Iterator[Reading]:
        for reading in super().collect(job, requests, say):
            if reading.video_id.startswith("lesson-3"):
                entries = tuple(replace(entry, confidence=0.3) for entry in reading.entries)
                yield replace(reading, confidence=0.3, entries=entries)
            else:
                yield reading


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    folder = tmp_path_factory.mktemp("ui")
    channel = write_channel(folder / "lessons", 4)
    broken = channel / "lesson 2.mp4"
    whole = broken.read_bytes()
    broken.write_bytes(b"this is not a video")
    settings = settings_for(folder, channel)
    workshop = open_workshop(settings, UnsureReader())
    result = run_lineage(workshop, Silent())
    (broken_id,) = result.failed
    good_ids = [
        entry.video_id for entry in workshop.source.list_videos() if entry.video_id != broken_id
    ]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    pictures = Path(os.environ.get("NKO_SCREENSHOTS") or folder / "pictures")
    pictures.mkdir(parents=True, exist_ok=True)
    log = folder / "ui.log"
    command = [Path(sys.executable).with_name("nko"), "ui", "--port", str(port)]
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, "--data", settings.data, "--source", str(channel)],
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: _answers(url, process), f"{url} ({log})")
        with playwright.sync_playwright() as library:
            browser = library.chromium.launch(executable_path=CHROMIUM, args=QUIET)
            page = browser.new_page(viewport={"width": 1400, "height": 900})
            page.set_default_timeout(PATIENCE_S * 1000)
            yield Ui(url, page, pictures, broken, whole, broken_id, good_ids)
            browser.close()
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _answers(url: str, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "`nko ui` ended"
    try:
        with urllib.request.urlopen(f"{url}/server_info", timeout=PATIENCE_S):
            return True
    except (urllib.error.URLError, ConnectionError):
        return False


def test_the_lineage_shows_every_group_and_knows_every_asset(ui):
    # The graph draws only what is in its window, so its assets are asked of the server.
    ui.open("/asset-groups", *GROUPS)
    ui.picture("lineage")

    nodes = ui.ask("{ assetNodes { assetKey { path } staleStatus } }")["assetNodes"]
    assert {node["assetKey"]["path"][0] for node in nodes} == {
        *STEPS,
        DECISIONS.key.to_user_string(),
    }
    waiting = {step.name for step in STEPS.values() if step.on_request}
    stale = {
        node["assetKey"]["path"][0]: node["staleStatus"]
        for node in nodes
        if node["staleStatus"] != "FRESH" and node["assetKey"]["path"][0] not in waiting
    }
    assert stale == {}


def test_an_asset_says_what_it_is_and_which_videos_it_has(ui):
    step = STEPS["frames"]
    ui.open("/assets/frames?view=overview", step.description, "nko-assets", "Parquet", "lessons")
    ui.see("Latest check results")
    ui.picture("asset")
    ui.open("/assets/frames?view=partitions", "Materialized (3)", "Failed (1)", "Missing (0)")
    ui.picture("partitions")
    for asset in PER_VIDEO:
        assert ui.partitions(asset) == {"materialized": ui.good_ids, "failed": [ui.broken_id]}


def test_frames_are_shown_on_a_contact_sheet(ui):
    ui.open(f"/assets/frames?view=partitions&partition={ui.good_ids[0]}", "contact sheet")
    row = ui.page.locator("tr", has_text="contact sheet")
    row.get_by_text("[Show Markdown]").click()
    sheet = ui.page.get_by_role("dialog").locator("img")
    sheet.wait_for()
    assert sheet.get_attribute("src").startswith("data:image/jpeg;base64,")
    ui.page.wait_for_function("() => document.querySelector('[role=dialog] img').complete")
    assert sheet.evaluate("picture => picture.naturalWidth") > 0
    assert sheet.evaluate(
        "picture => picture.getBoundingClientRect().right <= "
        "picture.closest('[role=dialog]').getBoundingClientRect().right"
    ), "the sheet is wider than its dialog"
    ui.picture("frames")


# Where a word of N'Ko in a table begins and ends on the screen.
WORD = r"""() => {
  for (const cell of document.querySelectorAll('td')) {
    const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const found = /[\u07CA-\u07EA][\u07CA-\u07F3]*[\u07CA-\u07EA]/.exec(texts.currentNode.data);
      if (!found) continue;
      const left = (place) => {
        const range = document.createRange();
        range.setStart(texts.currentNode, place);
        range.setEnd(texts.currentNode, place + 1);
        return range.getBoundingClientRect().left;
      };
      const last = found.index + found[0].length - 1;
      return {word: found[0], first: left(found.index), last: left(last)};
    }
  }
}"""


def test_nko_runs_from_right_to_left_in_previews(ui):
    ui.open(f"/assets/reviewed_readings?view=partitions&partition={ui.good_ids[0]}", "preview")
    word = ui.page.wait_for_function(WORD).json_value()
    assert word["first"] > word["last"], word
    headers = ui.page.locator("td table th")
    assert "nko" in headers.all_inner_texts()
    ui.picture("nko")


def test_checks_tell_of_each_video_what_was_counted(ui):
    checks = ui.ask(
        """{ assetNodeOrError(assetKey: {path: ["frames"]}) { ... on AssetNode {
        assetChecksOrError { ... on AssetChecks { checks { name partitionStatuses {
        ... on AssetCheckDefaultPartitionStatuses { succeededPartitions } } } } } } } }"""
    )["assetNodeOrError"]["assetChecksOrError"]["checks"]
    assert {check["name"] for check in checks} == {"schema", "frame_count"}
    for check in checks:
        assert sorted(check["partitionStatuses"]["succeededPartitions"]) == ui.good_ids

    ui.open_check("video_files", "legible", ui.broken_id)
    ui.see("Failed (4)")
    ui.see("There is nothing to check: lesson-2")
    ui.page.get_by_text(ui.good_ids[0], exact=True).filter(visible=True).last.click()
    ui.see("The picture is 320×180; text needs 480.")

    ui.open_check("reviewed_readings", "accepted_share", ui.good_ids[-1])
    ui.see("Passed (2)")
    ui.see("0 of 2 entries are accepted (0%).")
    ui.page.locator("tr", has_text="sample").get_by_text("[Show Markdown]").click()
    rows = ui.page.get_by_role("dialog").locator("tbody tr")
    rows.first.wait_for()
    assert rows.count() == 2
    ui.picture("check")

    ui.open("/assets/translation_pairs?view=checks&checkDetail=5000_phrases", "Latest execution")
    ui.see("unique phrases of 5,000.")
    ui.picture("check-corpus")


def test_the_run_that_failed_says_why_in_its_log(ui):
    (failed,) = [run for run, status in ui.runs().items() if status == "FAILURE"]
    ui.open(f"/runs/{failed}", "STEP_FAILURE", "1 of 4 videos failed in video_files")
    ui.picture("run")


def test_one_video_failed_ones_and_all_can_be_materialized(ui):
    good, bad = ui.good_ids, ui.broken_id
    run_id = ui.launch(ui.choose("frames", good[0], 1), "Launch 1 run")
    ui.open(f"/runs/{run_id}", "RUN_SUCCESS", "unchanged")
    ui.picture("one-video")

    ui.broken.write_bytes(ui.whole)
    dialog = ui.choose("video_files", "Failed and missing", 1)
    ui.picture("failed-and-missing")
    run_id = ui.launch(dialog, "Launch 1 run")
    tags = ui.ask(
        "query($id: ID!) { runOrError(runId: $id) { ... on Run { tags { key value } } } }",
        id=run_id,
    )["runOrError"]["tags"]
    assert {"key": "dagster/partition", "value": bad} in tags
    assert ui.partitions("video_files") == {"materialized": sorted([*good, bad]), "failed": []}

    dialog = ui.choose("frames", "All", 4)
    ui.picture("all")
    ui.launch(dialog, "Launch backfill")
    assert ui.partitions("frames") == {"materialized": sorted([*good, bad]), "failed": []}
    ui.open("/assets/frames?view=checks&checkDetail=frame_count", "Latest execution", "Passed")
    ui.picture("mended")
