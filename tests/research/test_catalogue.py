"""The catalogue: the directory, its cache, and what it says of real data."""

import json
import os
import re
from pathlib import Path

import pytest

from research.catalogue import Catalogue, FileKind, Level, build, file_hash, judge
from research.catalogue.clocks import HOUR_NS
from research.catalogue.entry import show_time
from research.catalogue.judging import show_duration
from tests.research.files import DATA, bars, look, needs, needs_data, write

# --- the directory


def test_documents_hidden_files_and_the_manifest_are_no_data(tmp_path):
    for name in ("README.md", ".hidden.csv", "MANIFEST.json"):
        (tmp_path / name).write_text("{}")
    assert build(tmp_path) == Catalogue(root=str(tmp_path))


def test_a_directory_that_links_to_itself_is_walked_once(tmp_path):
    write(tmp_path, "deep/EURUSD_M1.parquet", bars())
    (tmp_path / "deep" / "again").symlink_to(tmp_path)
    assert [entry.path for entry in build(tmp_path).entries] == ["deep/EURUSD_M1.parquet"]


def test_a_manifest_adds_what_files_do_not_show(tmp_path):
    write(tmp_path, "EURUSD_M1.parquet", bars())
    stated = {"EURUSD_M1.parquet": {"tz": "UTC, measured", "origin": "me", "licence": "mine", "rows": "junk"}}
    (tmp_path / "MANIFEST.json").write_text(json.dumps(stated))
    (entry,) = build(tmp_path).entries
    assert (entry.stated_time_zone, entry.origin, entry.licence) == ("UTC, measured", "me", "mine")
    (tmp_path / "MANIFEST.json").write_text("{broken")
    assert build(tmp_path).entries[0].origin is None


def test_an_unchanged_file_comes_from_the_cache_and_a_changed_one_is_read_again(tmp_path):
    root, home = tmp_path / "data", tmp_path / "home"
    write(root, "EURUSD_M1.parquet", bars(100))
    first = build(root, home)
    assert build(root, home) == first
    state = (root / "EURUSD_M1.parquet").stat()
    (root / "EURUSD_M1.parquet").write_bytes(bytes(state.st_size))
    os.utime(root / "EURUSD_M1.parquet", ns=(state.st_mtime_ns, state.st_mtime_ns))
    assert build(root, home) == first  # same path, size and time: not opened
    os.utime(root / "EURUSD_M1.parquet", ns=(0, state.st_mtime_ns + 1))
    assert build(root, home).entries[0].problem is not None
    (root / "EURUSD_M1.parquet").unlink()
    assert build(root, home).entries == ()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"made_by": "x", "root": "", "entries": [{"path": 3}]}', b"\xff\xfe"]
)
def test_a_corrupt_cache_is_ignored(tmp_path, content):
    root, home = tmp_path / "data", tmp_path / "home"
    write(root, "EURUSD_M1.parquet", bars())
    first = build(root, home)
    (cached,) = (home / "catalogue").iterdir()
    cached.write_bytes(content)
    assert build(root, home) == first
    assert cached.read_bytes() != content


def test_a_home_that_cannot_be_written_is_no_obstacle(tmp_path, caplog):
    root, home = tmp_path / "data", tmp_path / "home"
    write(root, "EURUSD_M1.parquet", bars())
    home.write_text("a file where a directory should be")
    assert build(root, home).entries[0].rows == 120
    assert "cannot be written" in caplog.text


def test_a_hash_is_remembered_until_the_file_changes(tmp_path):
    path, home = tmp_path / "data" / "EURUSD_M1.parquet", tmp_path / "home"
    write(tmp_path / "data", path.name, bars())
    assert build(path.parent, home).entries[0].sha256 is None
    digest = file_hash(path, home)
    assert digest == file_hash(path)
    assert build(path.parent, home).entries[0].sha256 == digest
    write(path.parent, path.name, bars(60))
    assert build(path.parent, home).entries[0].sha256 is None
    assert file_hash(path, home) != digest


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(12, "12 s"), (60, "1 min"), (450, "7 min 30 s"), (50580, "14 h 03 min"), (273600, "3 d 04 h")],
)
def test_a_duration_reads_as_people_say_it(seconds, text):
    assert show_duration(seconds * 10**9) == text


# --- the real data


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    return build(DATA, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def manifest():
    if not (DATA / "MANIFEST.json").is_file():
        pytest.skip(f"no MANIFEST.json in {DATA}")
    return json.loads((DATA / "MANIFEST.json").read_text())


@needs_data
@pytest.mark.slow
def test_rows_and_span_of_every_table_agree_with_the_manifest(real, manifest):
    stated, found = {}, {}
    for entry in real.entries:
        fact = manifest.get(entry.path, {})
        if Path(entry.path).suffix not in {".parquet", ".feather"} or "rows" not in fact:
            continue
        first, last = fact["span"].split(" .. ")
        shown = [
            show_time(end).replace("T", " ")[: len(text)]
            for end, text in ((entry.first_ns, first), (entry.last_ns, last))
        ]
        stated[entry.path] = (fact["rows"], first, last)
        found[entry.path] = (entry.rows, *shown)
    assert found == stated
    assert found


@needs_data
@pytest.mark.slow
def test_flaws_agree_with_what_the_manifest_notes(real, manifest):
    for entry in real.entries:
        notes = manifest.get(entry.path, {}).get("notes", "")
        if match := re.search(r"(\d+) bars (?:violate|break) low", notes):
            assert (entry.path, entry.faults.range) == (entry.path, int(match[1]))
        if match := re.search(r"(\d+) crossed", notes):
            assert (entry.path, entry.faults.crossed) == (entry.path, int(match[1]))
        if "timestamps non-decreasing" in notes or "monotonic" in notes:
            assert (entry.path, entry.faults.disorder) == (entry.path, 0)


@needs_data
@pytest.mark.slow
def test_gaps_agree_with_what_the_manifest_notes(real, manifest):
    """The manifest counts every distance below 20 h of a market with weekends; gold's nightly pause is no gap here."""
    compared = 0
    for entry in real.entries:
        match = re.search(r"(\d+) missing bars", manifest.get(entry.path, {}).get("notes", ""))
        if match is None or entry.gaps is None or entry.instrument_kind == "metal":
            continue
        if entry.gaps.longest_ns > 20 * HOUR_NS and entry.instrument_kind == "fx":
            continue  # a lost week, which the manifest takes for a holiday
        slack = 0 if entry.venue != "fxcm" else 19  # hours before its weekly opening, quoted in some years only
        assert abs(entry.gaps.missing - int(match[1])) <= slack, entry.path
        compared += 1
    assert compared or not manifest


@needs_data
@pytest.mark.slow
def test_no_file_of_the_manifest_is_bad_or_missing(real, manifest):
    known = [entry for entry in real.entries if entry.path in manifest]
    assert [(entry.path, judge(entry).reasons) for entry in known if judge(entry).level is Level.BAD] == []
    assert {entry.path for entry in known} == set(manifest)
    assert FileKind.UNKNOWN not in {entry.kind for entry in known}


@needs("wire/dukascopy/EURUSD/2019/01/04/00h_ticks.bi5", "fx/ticks/EURUSD_ticks_20190204_dukascopy.parquet")
def test_an_hour_of_dukascopy_begins_the_day_that_was_made_of_it():
    hour = look(DATA, "wire/dukascopy/EURUSD/2019/01/04/00h_ticks.bi5")
    day = look(DATA, "fx/ticks/EURUSD_ticks_20190204_dukascopy.parquet")
    assert (hour.first_ns, hour.tick_size) == (day.first_ns, day.tick_size)


@needs("wire/mt4/EURUSD30.hst", "wire/mt4/EURUSD30.csv")
def test_a_history_file_of_metatrader_agrees_with_its_export():
    binary, text = look(DATA, "wire/mt4/EURUSD30.hst"), look(DATA, "wire/mt4/EURUSD30.csv")
    assert (binary.rows, binary.timeframe, binary.tick_size) == (text.rows, text.timeframe, text.tick_size)
    assert not binary.is_utc
    assert not text.is_utc
