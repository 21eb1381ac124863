"""Buckets: a folder and Google Cloud Storage keep the same promises, whatever breaks on the way."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import time
import zlib

import google_crc32c
import pytest

from nko_assets.failures import ConfigurationError, PermanentFailure, TransientFailure
from nko_assets.resources.bucket import (
    JPEG,
    JSON_LINES,
    SENDERS,
    LocalBucket,
    Publisher,
    crc32c,
    open_bucket,
)
from nko_assets.resources.gcs_bucket import GcsBucket, cloud_client
from nko_assets.settings import load_settings
from nko_assets_tests.servers.gcs import BUCKET, Fault, gcs_server

UPLOAD = "POST /upload/"
PICTURES = [f"picture {number}".encode() for number in range(300)]
LARGE = 9 << 20  # more than one block of a resumable upload


@pytest.fixture(scope="module")
def server():
    with gcs_server() as running:
        yield running


@pytest.fixture
def cloud(server, monkeypatch, request):
    """An empty folder of the bucket for each test, and a gate without faults."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
    server.faults.clear()
    server.seen.clear()
    address = f"gs://{BUCKET}/{zlib.crc32(request.node.name.encode())}"
    return GcsBucket(address, cloud_client("tests"), patience_s=8)


@pytest.fixture(params=["local", "cloud"])
def bucket(request, tmp_path):
    if request.param == "local":
        return LocalBucket(tmp_path / "bucket")
    return request.getfixturevalue("cloud")


def large(path):
    path.write_bytes(bytes(range(256)) * (LARGE // 256))
    return path


def publish(bucket, pictures):
    """Send the pictures to the folder `images/`."""
    with Publisher(bucket, "images/") as publisher:
        for picture in pictures:
            publisher.picture(picture)
    return publisher


def stored(bucket, key):
    """The bytes that the service holds."""
    return bucket._bucket().blob(bucket._folder + key).download_as_bytes()


def test_what_was_put_is_held_under_its_key_with_its_checksum(bucket):
    uri = bucket.put("data/train.jsonl", b"{}\n", JSON_LINES)
    assert uri == bucket.uri("data/train.jsonl")
    assert bucket.held("data/") == {"data/train.jsonl": crc32c(b"{}\n")}
    assert bucket.held("other/") == {}


def test_putting_the_same_content_again_changes_nothing(bucket, tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_bytes(b"{}\n")
    assert bucket.put("a", path, JSON_LINES) == bucket.put("a", b"{}\n", JSON_LINES)
    assert list(bucket.held("")) == ["a"]


def test_other_content_under_the_same_key_is_refused_and_nothing_is_overwritten(bucket):
    bucket.put("a", b"one", JSON_LINES)
    with pytest.raises(PermanentFailure, match="holds something else"):
        bucket.put("a", b"two", JSON_LINES)
    assert bucket.held("") == {"a": crc32c(b"one")}


def test_pictures_are_published_once_whatever_the_number_of_times(bucket):
    first = publish(bucket, [*PICTURES[:20], *PICTURES[:20]])
    assert (first.sent, first.skipped) == (20, 20)
    again = publish(bucket, PICTURES[:20])
    assert (again.sent, again.skipped) == (0, 20)
    assert len(bucket.held("images/")) == 20


def test_the_address_of_a_picture_is_known_before_it_is_sent(bucket):
    with Publisher(bucket, "images/") as publisher:
        uri = publisher.picture(PICTURES[0])
    assert uri == bucket.uri(f"images/{hashlib.sha256(PICTURES[0]).hexdigest()}.jpg")


def test_the_checksum_is_that_of_google():
    assert crc32c(b"abc") == base64.b64encode(google_crc32c.value(b"abc").to_bytes(4)).decode()


def test_a_folder_of_the_same_layout_stands_in_for_the_bucket(tmp_path):
    bucket = open_bucket(load_settings(data=tmp_path))
    assert bucket.put("images/a.jpg", b"\xff\xd8", JPEG) == "images/a.jpg"
    assert (tmp_path / "tuning/bucket/images/a.jpg").read_bytes() == b"\xff\xd8"


def test_the_bucket_of_the_settings_is_opened_without_asking_anything(tmp_path):
    settings = load_settings(data=tmp_path, bucket="gs://lessons/nko/", gcp_project="tests")
    assert open_bucket(settings).uri("a") == "gs://lessons/nko/a"


def test_every_object_is_created_and_never_replaced(cloud, server):
    cloud.put("a", b"one", JSON_LINES)
    ((_, path, _),) = server.requests(UPLOAD)
    assert "ifGenerationMatch=0" in path


def test_a_large_file_that_is_there_is_not_sent_again(cloud, server, tmp_path):
    path = large(tmp_path / "train.jsonl")
    cloud.put("train.jsonl", path, JSON_LINES)
    server.seen.clear()
    cloud.put("train.jsonl", path, JSON_LINES)
    assert [method for method, *_ in server.seen] == ["GET"]


def test_an_upload_that_breaks_off_goes_on_from_what_arrived(cloud, server, tmp_path):
    path = large(tmp_path / "train.jsonl")
    server.faults.append(Fault("PUT .*upload_id", cut=3 << 20))
    cloud.put("train.jsonl", path, JSON_LINES)
    assert stored(cloud, "train.jsonl") == path.read_bytes()
    assert len(server.requests(UPLOAD)) == 1  # one session, taken up again
    # The block that was cut is sent twice, and the other one once.
    assert sorted(size for *_, size in server.requests("PUT ")) == [1 << 20, 8 << 20, 8 << 20]


def test_a_small_object_whose_connection_broke_is_sent_again(cloud, server):
    server.faults.append(Fault(UPLOAD, cut=10))
    cloud.put("a", b"one", JSON_LINES)
    assert stored(cloud, "a") == b"one"


def test_an_answer_that_was_lost_leaves_one_object_and_no_error(cloud, server):
    server.faults.append(Fault(UPLOAD, lost=True))
    cloud.put("a", b"one", JSON_LINES)
    assert cloud.held("") == {"a": crc32c(b"one")}


@pytest.mark.parametrize("status", [429, 503])
def test_a_service_that_is_busy_is_asked_again(cloud, server, status):
    server.faults.append(Fault(UPLOAD, status=status, times=2))
    cloud.put("a", b"one", JSON_LINES)
    assert len(server.requests(UPLOAD)) == 3
    assert stored(cloud, "a") == b"one"


def test_a_service_that_stays_away_may_be_tried_later_and_what_arrived_is_kept(cloud, server):
    cloud.put("a", b"one", JSON_LINES)
    impatient = GcsBucket(cloud.address, cloud_client("tests"), patience_s=0.5)
    server.faults.append(Fault(UPLOAD, status=503, times=99))
    with pytest.raises(TransientFailure, match="not sent a second time"):
        impatient.put("b", b"two", JSON_LINES)
    server.faults.clear()
    assert list(cloud.held("")) == ["a"]


def test_an_object_that_arrived_damaged_is_removed_and_told(cloud, server):
    server.faults.append(Fault(UPLOAD, spoilt=True))
    with pytest.raises(TransientFailure, match="damaged"):
        cloud.put("a", b"one", JSON_LINES)
    assert cloud.held("") == {}


def test_a_run_that_was_faster_by_a_moment_is_no_error(cloud, server):
    cloud.put("a", b"one", JSON_LINES)
    cloud.put("a", b"one", JSON_LINES)
    assert len(server.requests(UPLOAD)) == 2
    assert "ifGenerationMatch=0" in server.requests(UPLOAD)[1][1]


def test_permission_that_is_missing_says_which_role_to_give(cloud, server):
    server.faults.append(Fault(UPLOAD, status=403))
    with pytest.raises(ConfigurationError, match=r"roles/storage\.objectUser"):
        cloud.put("a", b"one", JSON_LINES)
    assert len(server.requests(UPLOAD)) == 1  # a refusal is not asked again


def test_credentials_that_are_not_accepted_say_how_to_get_some(cloud, server):
    server.faults.append(Fault("GET ", status=401, times=99))
    with pytest.raises(ConfigurationError, match="application-default login"):
        cloud.held("")


def test_a_bucket_that_is_not_there_is_told_by_its_name(cloud):
    missing = GcsBucket("gs://nowhere-to-be-found", cloud._open, patience_s=8)
    for attempt in (lambda: missing.put("a", b"one", JSON_LINES), lambda: missing.held("")):
        with pytest.raises(ConfigurationError, match="no bucket gs://nowhere-to-be-found"):
            attempt()


def test_a_failure_in_the_background_ends_the_publication(cloud, server):
    server.faults.append(Fault(UPLOAD, status=403, times=999))
    with pytest.raises(ConfigurationError, match="not permitted"):
        publish(cloud, PICTURES)
    assert len(server.requests(UPLOAD)) < len(PICTURES)


def test_a_publication_that_was_broken_off_goes_on_with_what_is_missing(cloud, server):
    impatient = GcsBucket(cloud.address, cloud_client("tests"), patience_s=0.5)
    publish(impatient, PICTURES[:6])
    server.faults.append(Fault(UPLOAD, status=503, times=999))
    with pytest.raises(TransientFailure):
        publish(impatient, PICTURES[:12])
    server.faults.clear()
    server.seen.clear()
    again = publish(cloud, PICTURES[:12])
    assert (again.sent, again.skipped) == (6, 6)
    assert len(server.requests(UPLOAD)) == 6


KILLED = """
import sys
from nko_assets.resources.bucket import Publisher
from nko_assets.resources.gcs_bucket import GcsBucket, cloud_client

with Publisher(GcsBucket(sys.argv[1], cloud_client("tests")), "images/") as publisher:
    for number in range(60):
        publisher.picture(f"picture {number}".encode())
"""


def test_a_publication_that_was_killed_sends_only_what_is_missing(cloud, server):
    publish(cloud, PICTURES[:20])
    server.seen.clear()
    server.faults.append(Fault(UPLOAD, stuck=True, times=999))
    before = server.stuck
    process = subprocess.Popen([sys.executable, "-c", KILLED, cloud.address])
    # All that are sent at a time: one that is still on its way would pass without a fault.
    while server.stuck < before + SENDERS:
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    server.faults.clear()
    again = publish(cloud, PICTURES[:60])
    assert (again.sent, again.skipped) == (40, 20)
    assert set(cloud.held("images/").values()) == {crc32c(picture) for picture in PICTURES[:60]}
