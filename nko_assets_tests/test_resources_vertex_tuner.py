"""Tuning at Vertex AI: what is asked, what it costs, what comes back, and what is refused."""

from __future__ import annotations

import json
from contextlib import ExitStack

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from nko_assets.failures import ConfigurationError, PermanentFailure, TransientFailure
from nko_assets.reading import ledger as readings
from nko_assets.reading.ledger import BudgetExceeded, Limits
from nko_assets.resources.tuner import Work
from nko_assets.resources.vertex_tunings import VertexTunings
from nko_assets.tuning import ledger
from nko_assets.tuning.jobs import Receipt, TuningState
from nko_assets.tuning.ledger import MOST_ATTEMPTS
from nko_assets_tests.servers.vertex import TOKENS, Ending, VertexServer
from nko_assets_tests.vertex_tuning import Desk, dataset, tunings, vertex_tuner

# 200,000 tokens in three epochs at $5 a million, and what the service counts.
ESTIMATED, COUNTED = 3.0, TOKENS * 3 * 5 / 1e6


@pytest.fixture
def server():
    with VertexServer() as running:
        yield running


@pytest.fixture
def desk():
    return Desk()


@pytest.fixture
def tuner(server, store, desk):
    return vertex_tuner(server.url, store, desk)


def money(store, desk):
    with store.session() as conn:
        return readings.money(conn, desk.clock.now)


def test_the_job_is_asked_for_as_the_service_wants_it(server, tuner, desk):
    receipt = tuner.submit(dataset(), desk.work)
    (job,) = server.jobs
    spec = job.asked["supervisedTuningSpec"]
    assert job.asked["baseModel"] == "gemini-2.5-flash"
    assert job.asked["tunedModelDisplayName"] == receipt.name
    assert job.asked["labels"] == {"nko_tuning": receipt.name}
    assert spec["trainingDatasetUri"] == dataset().gemini_train
    assert spec["validationDatasetUri"] == dataset().gemini_validation
    assert spec["hyperParameters"] == {"epochCount": 3, "adapterSize": "ADAPTER_SIZE_FOUR"}
    assert receipt.place == job.name
    assert Receipt.from_json(receipt.to_json()) == receipt


def test_what_another_process_gave_back_is_set_aside_again_before_the_job_is_asked_for(
    server, tuner, store, desk
):
    name = tuner.request(dataset()).name()
    with store.session() as conn, ExitStack() as other:
        assert other.enter_context(readings.hold(conn, name))

        def refused(_: float) -> None:
            """The other process, which came first, is refused and lets go."""
            with store.session() as theirs:
                ledger.mark_refused(theirs, name, "no permission")
            assert money(store, desk).committed_usd == 0
            other.close()

        tuner.submit(dataset(), Work(desk.said.append, desk.shown.append, refused))
    assert [job.asked["tunedModelDisplayName"] for job in server.jobs] == [name]
    assert money(store, desk).committed_usd == ESTIMATED


def test_a_validation_without_rows_is_left_out(server, tuner, desk):
    tuner.submit(dataset(gemini_validation="", validation_rows=0), desk.work)
    assert "validationDatasetUri" not in server.jobs[0].asked["supervisedTuningSpec"]


def test_asking_again_is_the_same_job_and_another_dataset_is_another(server, tuner, desk):
    first = tuner.submit(dataset(), desk.work)
    assert tuner.submit(dataset(), desk.work) == first
    assert tuner.submit(dataset("two"), desk.work) != first
    assert len(server.jobs) == 2


def test_the_estimate_is_booked_before_and_what_was_counted_after(server, tuner, store, desk):
    receipt = tuner.submit(dataset(), desk.work)
    assert receipt.estimated_usd == ESTIMATED
    assert "200,000 tokens in 3 epochs at $5 a million" in receipt.basis
    assert money(store, desk) == readings.Money(0, ESTIMATED, ESTIMATED)
    server.finish()
    status = tuner.status(receipt)
    assert (status.state, status.usd) == (TuningState.SUCCEEDED, COUNTED)
    assert status.model == server.jobs[0].told()["tunedModel"]["endpoint"]
    assert money(store, desk) == readings.Money(COUNTED, 0, COUNTED)
    asked = len(server.calls)
    assert tuner.status(receipt) == status
    assert len(server.calls) == asked, "how it ended is known"


@pytest.mark.parametrize(
    ("ending", "state", "usd"),
    [
        (Ending("FAILED", "Dataset is broken.", started=False), TuningState.FAILED, 0.0),
        (Ending("FAILED", "Internal.", epochs_done=1), TuningState.FAILED, COUNTED / 3),
        (Ending("FAILED", "Internal.", told_tokens=False), TuningState.FAILED, ESTIMATED),
        (Ending("CANCELLED", epochs_done=2), TuningState.CANCELLED, COUNTED * 2 / 3),
        (Ending("EXPIRED"), TuningState.EXPIRED, ESTIMATED),
        (Ending("PARTIALLY_SUCCEEDED"), TuningState.FAILED, ESTIMATED),
    ],
)
def test_a_job_that_ends_badly_says_why_and_what_may_be_paid_is_booked(
    server, tuner, store, desk, ending, state, usd
):
    receipt = tuner.submit(dataset(), desk.work)
    server.finish(ending)
    status = tuner.status(receipt)
    assert status.state is state
    assert ending.message in status.note
    assert status.usd == pytest.approx(usd)
    assert money(store, desk).committed_usd == pytest.approx(usd)


def test_asking_again_after_a_bad_end_is_another_attempt_and_there_are_three(
    server, tuner, store, desk
):
    names = []
    for _ in range(MOST_ATTEMPTS):
        receipt = tuner.submit(dataset(), desk.work)
        names.append(receipt.name)
        server.finish(Ending("FAILED", "No capacity.", started=False))
        assert tuner.status(receipt).state is TuningState.FAILED
    assert names == [names[0], f"{names[0]}-2", f"{names[0]}-3"]
    with pytest.raises(PermanentFailure, match=r"ended badly 3 times: .*No capacity"):
        tuner.submit(dataset(), desk.work)
    assert len(server.jobs) == MOST_ATTEMPTS


def test_a_budget_that_does_not_allow_it_sends_nothing(server, store, desk):
    tuner = vertex_tuner(server.url, store, desk, limits=Limits(budget_usd=2.99))
    with pytest.raises(BudgetExceeded, match=r"\$2.99 does not allow tuning"):
        tuner.submit(dataset(), desk.work)
    assert server.calls == []
    assert money(store, desk).committed_usd == 0
    with store.session() as conn:
        assert ledger.jobs(conn) == []
    more = vertex_tuner(server.url, store, desk, limits=Limits(budget_usd=3.0))
    more.submit(dataset(), desk.work)
    assert len(server.jobs) == 1


def test_what_reading_has_spent_is_not_there_for_tuning(server, store, desk):
    with store.session() as conn:
        readings.book(
            conn,
            "elsewhere",
            purpose="evaluation",
            model="m",
            usd=8.0,
            limits=Limits(),
            now=desk.clock.now,
        )
    with pytest.raises(BudgetExceeded, match=r"\$8.00 is paid or on its way"):
        vertex_tuner(server.url, store, desk).submit(dataset(), desk.work)


@pytest.mark.parametrize("code", [429, 400, 401, 403])
def test_what_is_refused_costs_nothing_and_can_be_asked_again(server, tuner, store, desk, code):
    server.fail("tuningJobs.create", code)
    kind = TransientFailure if code == 429 else ConfigurationError
    with pytest.raises(kind, match=f"refused the job nko-tune-.* with {code}") as caught:
        tuner.submit(dataset(), desk.work)
    assert caught.value.next_step
    assert money(store, desk).committed_usd == 0
    tuner.submit(dataset(), desk.work)
    assert len(server.jobs) == 1
    assert money(store, desk).committed_usd == ESTIMATED


def test_a_missing_role_is_named_with_what_to_do(server, tuner, desk):
    server.deny("tuningJobs.create")
    with pytest.raises(ConfigurationError, match=r"aiplatform\.tuningJobs\.create") as caught:
        tuner.submit(dataset(), desk.work)
    assert "roles/aiplatform.user" in caught.value.next_step


def test_another_project_is_refused_with_what_to_do(server, store, desk):
    with pytest.raises(ConfigurationError, match="lessons-2") as caught:
        vertex_tuner(server.url, store, desk, project="lessons-2").submit(dataset(), desk.work)
    assert "GOOGLE_CLOUD_PROJECT" in caught.value.next_step


def test_files_that_are_in_no_bucket_are_refused_before_anything_is_asked(server, tuner, desk):
    with pytest.raises(ConfigurationError, match="Google Cloud Storage") as caught:
        tuner.submit(dataset(gemini_train="file:///data/train.jsonl"), desk.work)
    assert "NKO_BUCKET" in caught.value.next_step
    assert server.calls == []


def test_too_few_examples_are_refused_before_anything_is_asked(server, tuner, desk):
    with pytest.raises(PermanentFailure, match="99 examples"):
        tuner.submit(dataset(train_rows=99), desk.work)
    assert server.calls == []


@pytest.mark.parametrize("method", ["tuningJobs.list", "tuningJobs.get"])
@pytest.mark.parametrize("how", [429, 503, 500, "drop_before", "drop_after", "garbage"])
def test_reading_calls_are_asked_again(server, tuner, desk, method, how):
    server.fail(method, how, times=2)
    receipt = tuner.submit(dataset(), desk.work)
    server.finish()
    assert tuner.status(receipt).state is TuningState.SUCCEEDED
    assert server.faults.all_came


def test_a_service_that_stays_away_is_told_of_and_nothing_was_sent(server, tuner, store, desk):
    server.fail("tuningJobs.list", 503, times=99)
    with pytest.raises(TransientFailure, match="503 UNAVAILABLE"):
        tuner.submit(dataset(), desk.work)
    assert server.jobs == []


def test_a_job_is_found_on_any_page_by_its_label(store, desk):
    with VertexServer(page_size=2) as server:
        tuner = vertex_tuner(server.url, store, desk, limits=Limits())
        receipts = [tuner.submit(dataset(str(number)), desk.work) for number in range(5)]
        service = tunings(server.url)
        assert [service.find(each.name).service_name for each in receipts] == [
            each.place for each in receipts
        ]
        assert service.find("nko-tune-of-somebody-else") is None


def test_a_lost_ledger_finds_its_job_again_and_pays_nothing_twice(server, tuner, store, desk):
    receipt = tuner.submit(dataset(), desk.work)
    with store.session() as conn:
        conn.execute("truncate tuning.jobs, ledger.expenses")
    assert tuner.submit(dataset(), desk.work).place == receipt.place
    with store.session() as conn:
        conn.execute("truncate tuning.jobs, ledger.expenses")
    server.finish()
    assert tuner.status(receipt).usd == COUNTED
    assert money(store, desk).spent_usd == COUNTED
    assert len(server.jobs) == 1


def test_a_model_without_an_endpoint_is_still_on_its_way(server, tuner, desk):
    receipt = tuner.submit(dataset(), desk.work)
    server.finish(Ending(endpoint=False))
    assert tuner.status(receipt).state is TuningState.RUNNING
    server.jobs[0].endpoint = True
    assert tuner.status(receipt).state is TuningState.SUCCEEDED


def test_a_job_is_cancelled_and_what_was_trained_is_booked(server, tuner, store, desk):
    receipt = tuner.submit(dataset(), desk.work)
    tuner.status(receipt)
    tuner.cancel(desk.said.append)
    assert f"{receipt.name} is being cancelled" in desk.said[-1]
    status = tuner.status(receipt)
    assert (status.state, status.usd) == (TuningState.CANCELLED, pytest.approx(COUNTED / 3))
    before = len(server.calls)
    tuner.cancel(desk.said.append)
    assert len(server.calls) == before, "there is nothing to cancel any more"


def test_a_job_that_cannot_be_cancelled_keeps_no_other_from_it(server, tuner, desk):
    tuner.submit(dataset("one"), desk.work)
    second = tuner.submit(dataset("two"), desk.work)
    server.jobs.pop(0)
    with pytest.raises(PermanentFailure, match="404"):
        tuner.cancel(desk.said.append)
    assert f"{second.name} is being cancelled" in desk.said[-1]
    assert server.jobs[0].state == "CANCELLED"


def test_a_job_that_has_ended_is_not_told_as_cancelled(server, tuner, desk):
    tuner.submit(dataset(), desk.work)
    server.finish()
    tuner.cancel(desk.said.append)
    assert "had ended by itself: it has succeeded" in desk.said[-1]
    assert server.asked("tuningJobs.cancel") == 0


def test_a_job_that_may_be_on_its_way_is_not_taken_for_none(server, tuner, desk):
    server.hidden = True
    server.fail("tuningJobs.create", "drop_after")

    def leave(_seconds):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tuner.submit(dataset(), Work(desk.said.append, desk.shown.append, leave))
    with pytest.raises(TransientFailure, match="may be on its way") as caught:
        tuner.cancel(desk.said.append)
    assert "Cancel again after" in caught.value.next_step
    server.hidden = False
    tuner.cancel(desk.said.append)
    assert server.jobs[0].state == "CANCELLED"


def test_what_fails_before_anything_was_asked_for_sets_no_money_aside(server, tuner, store, desk):
    server.deny("tuningJobs.list")
    with pytest.raises(ConfigurationError):
        tuner.submit(dataset(), desk.work)
    assert money(store, desk).committed_usd == 0
    server.denied.clear()
    tuner.submit(dataset(), desk.work)
    assert money(store, desk).committed_usd == ESTIMATED


def test_a_forgotten_job_is_an_error_at_first_and_then_a_failure_that_was_paid(
    server, tuner, store, desk
):
    receipt = tuner.submit(dataset(), desk.work)
    server.forget()
    with pytest.raises(PermanentFailure, match="404") as caught:
        tuner.status(receipt)
    assert "GOOGLE_CLOUD_PROJECT" in caught.value.next_step
    desk.clock.forward(days=15)
    assert tuner.status(receipt).state is TuningState.FAILED
    assert money(store, desk).spent_usd == ESTIMATED


def test_curves_come_from_the_experiment_of_the_job(server, tuner, desk):
    receipt = tuner.submit(dataset(), desk.work)
    assert tuner.metrics(receipt), "the poll began the job"
    points = tuner.metrics(receipt)
    assert [(point.step, point.split, point.loss) for point in points] == [
        (1, "train", 3.0), (1, "validation", 2.8), (2, "train", 2.0), (3, "train", 1.5),
        (3, "validation", 1.9),
    ]  # fmt: skip
    assert [point.token_accuracy for point in points] == [0.3, 0.35, 0.4, 0.6, 0.5]


def test_curves_that_may_not_be_read_say_which_role_is_missing(server, tuner, desk):
    receipt = tuner.submit(dataset(), desk.work)
    server.deny("contexts.get")
    with pytest.raises(ConfigurationError, match=r"aiplatform\.contexts\.get"):
        tuner.metrics(receipt)


def test_a_service_account_logs_in_by_its_key_file(server, tmp_path, monkeypatch):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    account = {
        "type": "service_account",
        "project_id": "lessons-1",
        "private_key_id": "1",
        "private_key": pem.decode(),
        "client_email": "tuner@lessons-1.iam.gserviceaccount.com",
        "token_uri": f"{server.url}/token",
    }
    path = tmp_path / "account.json"
    path.write_text(json.dumps(account))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    monkeypatch.setenv("GOOGLE_VERTEX_BASE_URL", server.url)
    monkeypatch.setenv("GEMINI_API_KEY", "AIza-for-another-service")
    assert list(VertexTunings("lessons-1", "us-central1").jobs()) == []
    assert server.asked("token") == 1


def test_nobody_logged_in_is_told_how_to_log_in(tmp_path, monkeypatch):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(ConfigurationError, match="does not know who asks") as caught:
        VertexTunings("lessons-1", "us-central1").find("nko-tune-1")
    assert "gcloud auth application-default login" in caught.value.next_step


def test_an_untunable_model_is_refused_with_those_that_are(server, store, desk):
    tuner = vertex_tuner(server.url, store, desk, model="gemini-1.0-pro")
    with pytest.raises(ConfigurationError) as caught:
        tuner.submit(dataset(), desk.work)
    assert "gemini-2.5-flash" in caught.value.next_step
