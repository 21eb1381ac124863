import pytest

from nko_assets.reading import ledger
from nko_assets.reading.reader import JobState
from nko_assets.resources.gemini_jobs import label_for, labelled
from nko_assets_tests.gemini_reading import MODEL, SetClock, frames, gemini_reader, read_well
from nko_assets_tests.servers.gemini import GeminiServer, response, truth


@pytest.fixture
def server():
    with GeminiServer(read_well) as running:
        yield running


@pytest.fixture
def clock():
    return SetClock()


@pytest.fixture
def reader(server, store, tmp_path, clock):
    return gemini_reader(server.url, store, tmp_path, clock=clock)


def quiet(_: str) -> None:
    pass


def send(reader, requests):
    job = reader.submit(requests)
    said = []
    reader.flush(said.append, force=True)
    return job, said


def lose_the_ledger(store):
    with store.session() as conn:
        conn.execute("truncate ledger.answers, ledger.requests, ledger.jobs, ledger.foreign_jobs")


def test_the_answers_of_a_finished_job_are_taken_over_with_their_costs(server, reader, store):
    send(reader, frames(range(3)))
    server.finish()
    lose_the_ledger(store)
    job, said = send(reader, frames(range(3)))
    assert any("6 answers of nko-" in each for each in said)
    assert reader.poll(job).state is JobState.DONE
    assert {each.status for each in reader.collect(job, frames(range(3)), quiet)} == {"ok"}
    with store.session() as conn:
        (row,) = ledger.job_table(conn)
        assert (row.videos, row.frames, row.answered) == (3, 6, 6)
        assert row.actual_usd > 0
        assert ledger.money(conn, row.created_at).spent_usd == pytest.approx(row.actual_usd)
    assert server.requests_paid.total() == 6


def test_videos_queued_later_are_found_in_the_same_old_job(server, reader, store, clock):
    send(reader, frames(range(3)))
    server.finish()
    lose_the_ledger(store)
    send(reader, frames([0]))
    clock.forward(minutes=1)
    job, _ = send(reader, frames([1, 2]))
    assert reader.poll(job).state is JobState.DONE
    clock.forward(minutes=1)
    send(reader, frames([7]))
    assert server.asked("files.download") == 2  # the last video is not in the old job's label
    assert server.requests_paid.total() == 8


def test_an_old_failure_is_asked_again_and_every_attempt_counts(store, tmp_path):
    asked = []

    def answer(frame_id, jpeg, request):
        asked.append(frame_id)
        finish = "STOP" if asked.count(frame_id) == 2 or frame_id != "video-0:0" else "MAX_TOKENS"
        return response(truth(frame_id, [("ߛߎ", "su", "night")]), finish=finish)

    with GeminiServer(answer, polls_to_end=1) as server:
        reader = gemini_reader(server.url, store, tmp_path)
        requests = frames([0])
        job, _ = send(reader, requests)
        reader.poll(job)
        reader.flush(quiet, force=True)
        reader.poll(job)
        before = list(reader.collect(job, requests, quiet))
        assert [each.attempt for each in before] == [2, 1]
        lose_the_ledger(store)
        job, _ = send(reader, requests)
        assert reader.poll(job).state is JobState.DONE
        assert list(reader.collect(job, requests, quiet)) == before
        assert set(server.requests_paid.values()) == {1}


def test_what_an_old_job_did_not_answer_is_asked_now(server, reader, store):
    send(reader, frames(range(2)))
    server.end_next("PARTIALLY_SUCCEEDED", share=0.75)
    server.finish()
    lose_the_ledger(store)
    send(reader, frames(range(2)))
    assert [len(job.keys) for job in server.jobs] == [4, 1]


def test_answers_that_cannot_be_read_are_waited_for_and_then_lost(server, reader, store, clock):
    send(reader, frames([1]))
    server.finish()
    server.forget_files()
    lose_the_ledger(store)
    job, said = send(reader, frames([1]))
    assert any("cannot be read now; videos that wait: 1" in each for each in said)
    assert "2 are queued" in reader.poll(job).note
    clock.forward(hours=49)
    send(reader, frames([1]))
    assert len(server.jobs) == 1  # the job of the same name is looked at first
    assert reader.poll(job).note == "2 of 2 frames answered, 2 of them failed"
    assert {each.status for each in reader.collect(job, frames([1]), quiet)} == {"missing"}
    with store.session() as conn:
        assert ledger.money(conn, clock.now).spent_usd == pytest.approx(job.estimated_cost_usd)


def test_only_the_videos_of_a_running_old_job_wait_for_it(server, reader, store):
    send(reader, frames([1, 2]))
    lose_the_ledger(store)
    _, said = send(reader, frames([2, 3]))
    assert any(each.endswith("videos that wait: 1") for each in said)
    assert [len(job.keys) for job in server.jobs] == [4, 2]
    server.finish()
    send(reader, frames([2, 3]))
    assert set(server.requests_paid.values()) == {1}


def test_a_running_old_job_without_a_label_holds_every_video(server, reader, store):
    send(reader, frames([1]))
    server.forget_files()
    lose_the_ledger(store)
    send(reader, frames([2, 3]))
    assert len(server.jobs) == 1


def test_jobs_of_others_are_left_alone(server, reader):
    other = ServedElsewhere(server)
    other.make("a job of somebody else")
    send(reader, frames([1]))
    assert server.asked("files.download") == 0
    assert len(server.jobs) == 2


class ServedElsewhere:
    """Somebody else's use of the same key."""

    def __init__(self, server):
        self.server = server

    def make(self, display_name):
        sent = self.server.service
        begun = sent.begin_upload({"name": "files/theirs"}, 0, "application/jsonl")
        line = b'{"key": "1", "request": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}}\n'
        sent.uploads[begun].path.write_bytes(line)
        sent.finish_upload(begun)
        name = sent.create(
            MODEL, {"displayName": display_name, "inputConfig": {"fileName": "files/theirs"}}
        ).name
        sent.finish(name)


def test_a_label_names_its_videos_and_stays_short():
    videos = [f"a-video-with-a-rather-long-name-{number}" for number in range(20)]
    label = label_for(videos)
    assert len(label) <= 512
    assert labelled(label, [*videos[:3], "another"]) == videos[:3]


def test_a_label_that_says_nothing_excludes_nothing():
    for label in (None, "", "results of something", label_for(["v"] * 50)):
        assert labelled(label, ["one", "two"]) == ["one", "two"]
