"""Public files from mirrors on this machine: each comes whole and right or not at all, and none is overwritten."""

import hashlib
import socket
import stat
import threading
from contextlib import nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from annealing.errors import DataError
from ifp.cli import app
from ifp.cli.data_table import fetched_line
from ifp.datasets.download import Fetched, Received, fetch_files, files_at
from ifp.datasets.family import Family, PublicFile
from ifp.datasets.public.coil20 import FAMILY

BODY = bytes(range(256)) * 2600 + b"end"  # more than two of the blocks in which it is received
MD5, SHA256 = f"md5:{hashlib.md5(BODY).hexdigest()}", f"sha256:{hashlib.sha256(BODY).hexdigest()}"
OTHER = b"another file of this name"


class Server(ThreadingHTTPServer):
    """Gives a path's bytes, promising ``more`` of them (None: without their number), or its status; None: no answer."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.answers, self.asked, self.closing = {}, [], threading.Event()

    def gives(self, path, answer, more=0):
        self.answers[path] = answer, more
        return f"http://127.0.0.1:{self.server_port}{path}"

    def handle_error(self, *connection):
        """A client may break off."""


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        answer, more = self.server.answers[self.path]
        if answer is None:
            self.server.closing.wait()
        elif isinstance(answer, int):
            self.send_error(answer)
        else:
            self.send_response(200)
            if more is not None:
                self.send_header("Content-Length", str(len(answer) + more))
            self.end_headers()
            self.wfile.write(answer)

    def log_message(self, *arguments):
        """Not on stderr."""


@pytest.fixture
def server():
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.closing.set()
        running.shutdown()
        thread.join()


@pytest.fixture
def nobody():
    """An address at which no server listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/rings.bin"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


def rings(*files, **more):
    about = {"summary": "radius 5", "images": 5, "image_shape": (16, 16, 1), "size": "1 kB", "licence": "free"}
    return Family(load=lambda *given: pytest.fail("opened"), citation="nobody, 2000", files=files, **about | more)


def one(*urls, name="rings.bin", checksum=MD5, **more):
    return PublicFile(name=name, urls=urls, checksum=checksum, **more)


def fetch(folder, *files, report=lambda received: None):
    return list(fetch_files("rings", rings(*files), folder, report))


def failure(folder, *files):
    with pytest.raises(DataError) as caught:
        fetch(folder, *files)
    return str(caught.value)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("checksum", [MD5, SHA256], ids=["md5", "sha256"])
def test_a_file_comes_whole_readable_to_all_and_is_followed(checksum, server, tmp_path):
    received = []
    file = one(server.gives("/a", BODY), checksum=checksum)
    expected = Fetched(path=tmp_path / "rings.bin", already=False, checksum=checksum)
    assert fetch(tmp_path, file, report=received.append) == [expected]
    assert contents(tmp_path) == {"rings.bin": BODY}
    assert stat.S_IMODE((tmp_path / "rings.bin").stat().st_mode) == 0o644
    done = [each.done for each in received]
    assert done == sorted(done)
    assert 0 < done[0] < done[1] < done[-1] == len(BODY)
    assert received == [Received("rings.bin", each, len(BODY)) for each in done]


def test_the_sha256_is_told_where_no_checksum_is_known_and_no_total_where_the_server_says_none(server, tmp_path):
    received = []
    file, sha256 = one(server.gives("/a", BODY, more=None), checksum=None), SHA256.removeprefix("sha256:")
    path = tmp_path / "rings.bin"
    assert fetch(tmp_path, file, report=received.append) == [Fetched(path=path, already=False, sha256=sha256)]
    assert contents(tmp_path) == {"rings.bin": BODY}
    assert {each.total for each in received} == {None}
    assert fetch(tmp_path, file) == [Fetched(path=path, already=True, sha256=sha256)]
    assert server.asked == ["/a"]


def test_a_wrong_checksum_is_refused_with_both_and_nothing_is_left(server, tmp_path):
    url = server.gives("/a", OTHER)
    message = failure(tmp_path, one(url))
    assert message.startswith(f"need rings.bin, could not fetch it from {url}: MD5 hash of downloaded file")
    assert message.rstrip(".").endswith(f"expected {MD5} but got {hashlib.md5(OTHER).hexdigest()}")
    assert contents(tmp_path) == {}


def test_what_one_mirror_refuses_or_spoils_the_next_one_gives(server, tmp_path):
    urls = [server.gives("/a", 404), server.gives("/b", BODY[:5000], more=9), server.gives("/c", OTHER)]
    (found,) = fetch(tmp_path, one(*urls, server.gives("/d", BODY), server.gives("/e", BODY)))
    assert found == Fetched(path=tmp_path / "rings.bin", already=False, checksum=MD5)
    assert (contents(tmp_path), server.asked) == ({"rings.bin": BODY}, ["/a", "/b", "/c", "/d"])


def test_where_all_mirrors_fail_each_is_named_with_its_reason(server, nobody, tmp_path):
    missing, broken, busy = server.gives("/a", 404), server.gives("/b", BODY, more=1), server.gives("/c", 503)
    expected = (
        f"need rings.bin, could not fetch it from {missing}: 404 Not Found; {broken}: the connection broke before the "
        f"end; {nobody}: no connection; {busy}: 503 Service Unavailable"
    )
    assert failure(tmp_path, one(missing, broken, nobody, busy)) == expected
    assert contents(tmp_path) == {}


def test_a_connection_that_breaks_leaves_nothing_even_where_no_checksum_is_known(server, tmp_path):
    url = server.gives("/a", BODY, more=1)
    expected = f"need rings.bin, could not fetch it from {url}: the connection broke before the end"
    assert failure(tmp_path, one(url, checksum=None)) == expected
    assert contents(tmp_path) == {}


def test_no_server_and_one_that_does_not_answer_are_told_apart(server, nobody, tmp_path, monkeypatch):
    monkeypatch.setattr("ifp.datasets.download._TIMEOUT", (10, 0.1))
    url = server.gives("/a", None)
    assert failure(tmp_path, one(nobody)) == f"need rings.bin, could not fetch it from {nobody}: no connection"
    assert failure(tmp_path, one(url)) == f"need rings.bin, could not fetch it from {url}: no answer in time"
    assert contents(tmp_path) == {}


def test_a_file_that_is_there_and_right_is_not_fetched(server, tmp_path):
    path = tmp_path / "rings" / "rings.bin"  # a folder of the data set's name is searched too
    path.parent.mkdir(parents=True)
    path.write_bytes(BODY)
    assert fetch(tmp_path, one(server.gives("/a", BODY))) == [Fetched(path=path, already=True, checksum=MD5)]
    assert (contents(path.parent), server.asked) == ({"rings.bin": BODY}, [])


def test_another_file_of_the_name_is_refused_and_untouched(server, tmp_path):
    path = tmp_path / "rings.bin"
    path.write_bytes(OTHER)
    wrong = f"its md5 is {hashlib.md5(OTHER).hexdigest()}, not {MD5.removeprefix('md5:')}"
    expected = f"need the public rings.bin for rings, {path} is another ({wrong}): move it away first"
    assert failure(tmp_path, one(server.gives("/a", BODY))) == expected
    assert (contents(tmp_path), server.asked) == ({"rings.bin": OTHER}, [])


def test_an_unpacked_file_or_folder_counts_unchecked(server, tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "rings.bin").write_bytes(OTHER)
    url = server.gives("/a", BODY)
    assert fetch(tmp_path, one(url, name="rings.bin.gz"), one(url, name="rings.tar", unpacked="pictures")) == [
        Fetched(path=tmp_path / "rings.bin", already=True),
        Fetched(path=tmp_path / "pictures", already=True),
    ]
    assert server.asked == []


@pytest.mark.parametrize(("page", "made_here"), [("https://example.org/rings", False), ("", True)])
def test_what_has_no_address_comes_last_and_by_hand(page, made_here, server, tmp_path):
    files = PublicFile(name="notes.mat"), one(server.gives("/a", BODY))
    found = fetch_files("rings", rings(*files, homepage=page, made_here=made_here), tmp_path)
    assert next(found).path == tmp_path / "rings.bin"
    with pytest.raises(DataError) as caught:
        next(found)
    where, end = ("its authors'", "; without it rings is made here") if made_here else (page, "")
    asked = "need notes.mat brought by hand, no address of it is known"
    assert str(caught.value) == f"{asked}: get it at {where}, put it into {tmp_path}{end}"
    (tmp_path / "notes.mat").write_bytes(OTHER)
    assert [each.already for each in fetch(tmp_path, *files)] == [True, True]
    assert server.asked == ["/a"]


@pytest.mark.parametrize(
    ("given", "shared", "expected"),
    [(None, None, "cache/data/rings"), (None, "shared", "shared/rings"), ("given", "shared", "given")],
)
def test_files_go_where_they_are_told_to(given, shared, expected, server, tmp_path, monkeypatch):
    family, data_dir = rings(one(server.gives("/a", BODY))), given and tmp_path / given
    monkeypatch.setenv("IFP_DATA_DIR", str(tmp_path / shared) if shared else "")
    assert files_at("rings", family, data_dir) is None
    path = tmp_path / expected / "rings.bin"
    assert [each.path for each in fetch_files("rings", family, data_dir)] == [path]
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == [path]
    assert files_at("rings", family, data_dir) == [path]


@pytest.mark.parametrize("below", ["", "below"])
def test_a_place_taken_by_a_file_is_refused(below, server, tmp_path):
    (tmp_path / "taken").write_bytes(OTHER)
    message = failure(tmp_path / "taken" / below, one(server.gives("/a", BODY)))
    assert message.startswith(f"need a place to write {tmp_path / 'taken' / below / 'rings.bin'}, got: ")
    assert (contents(tmp_path), server.asked) == ({"taken": OTHER}, [])


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("fetched, its md5 is the public one", {"already": False, "checksum": "md5:12"}),
        ("was there, its sha256 is the public one", {"already": True, "checksum": "sha256:12"}),
        ("fetched, no public checksum is known; sha256:34", {"already": False, "sha256": "34"}),
        ("was there, unpacked, not checked", {"already": True}),
    ],
)
def test_what_is_known_of_a_file_in_one_line(line, found):
    assert fetched_line(Fetched(path=Path("/data/a.bin"), **found)) == f"a.bin: {line}"


def command(monkeypatch, *files, arguments=()):
    """``ifp data fetch rings``, the files of rings being those given."""
    monkeypatch.setitem(FAMILY, "rings", rings(*files, made_here=not files))
    return CliRunner().invoke(app, ["data", "fetch", "rings", *map(str, arguments)])


def test_the_command_prints_paths_and_tells_what_is_known_of_each_file(server, tmp_path, monkeypatch):
    files = one(server.gives("/a", BODY)), one(server.gives("/b", OTHER), name="other.bin", checksum=None)
    ended = command(monkeypatch, *files, arguments=["--data-dir", tmp_path])
    assert (ended.exit_code, ended.stdout) == (0, f"{tmp_path}/rings.bin\n{tmp_path}/other.bin\n")
    told = [f"other.bin: fetched, no public checksum is known; sha256:{hashlib.sha256(OTHER).hexdigest()}"]
    start = f"rings: 1 kB; writing {tmp_path}/: rings.bin, other.bin"
    assert ended.stderr.split("\n")[:3] == [start, "rings.bin: fetched, its md5 is the public one", *told]
    again = command(monkeypatch, *files, arguments=["--data-dir", tmp_path])
    assert (again.exit_code, again.stdout) == (0, ended.stdout)
    assert again.stderr.split("\n")[1] == "rings.bin: was there, its md5 is the public one"
    assert server.asked == ["/a", "/b"]


def test_the_command_stopped_says_how_to_go_on_and_keeps_what_is_whole(server, cache, monkeypatch):
    def report(received):
        if received.file == "other.bin":
            raise KeyboardInterrupt

    files = one(server.gives("/a", BODY)), one(server.gives("/b", BODY), name="other.bin")
    folder = cache / "data" / "rings"
    with monkeypatch.context() as patched:
        patched.setattr("ifp.cli.download_bar.download_bar", lambda: nullcontext(report))
        ended = command(monkeypatch, *files)
    assert (ended.exit_code, ended.stdout) == (130, f"{folder}/rings.bin\n")
    goes_on = "\nstopped; files that are whole are kept. Go on with:\n  ifp data fetch rings\n"
    start = f"rings: 1 kB; writing {folder}/: rings.bin, other.bin"
    assert ended.stderr == f"{start}\nrings.bin: fetched, its md5 is the public one\n{goes_on}"
    assert contents(folder) == {"rings.bin": BODY}
    assert command(monkeypatch, *files).exit_code == 0
    assert contents(folder) == {"rings.bin": BODY, "other.bin": BODY}
    assert server.asked == ["/a", "/b", "/b"]


def test_the_command_has_nothing_to_fetch_of_a_data_set_made_here(cache, monkeypatch):
    ended = command(monkeypatch)
    assert (ended.exit_code, ended.stdout) == (0, "")
    assert ended.stderr.strip() == "nothing to fetch: rings is made here"
    assert not cache.exists()


def test_an_unknown_name_is_refused_in_one_line_with_the_nearest(run_ifp, tmp_path):
    ended = run_ifp(tmp_path, "data", "fetch", "smalnorb")
    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("ifp: need a data set out of arrow, ")
    assert line.endswith(", got 'smalnorb' (did you mean smallnorb?)")
