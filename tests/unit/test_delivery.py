"""What workflows need: which stacks a branch changes, one comment, a runner made ready."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from bluegreen.cli.errors import CommandError, Exit, NoSuchStack
from bluegreen.cli.plan import Plan
from bluegreen.cli.project import Project
from tools.ci import promotions, review, runner
from tools.ci.github import MARK, PullRequest


def git(folder: Path, *words: str) -> str:
    named = ["-c", "user.name=Test", "-c", "user.email=test@example.com"]
    done = subprocess.run(
        ["git", *named, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A work tree with two stacks, on a branch of main."""
    git(tmp_path, "init", "-q", "-b", "main")
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml", "Pulumi.prod.yaml", "README.md"):
        (tmp_path / name).write_text("name: bluegreen\n" if name == "Pulumi.yaml" else "{}\n")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "begin")
    git(tmp_path, "checkout", "-q", "-b", "branch")
    return tmp_path


def change(tree: Path, name: str) -> None:
    (tree / name).parent.mkdir(parents=True, exist_ok=True)
    (tree / name).write_text("changed: 1\n")
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", name)


def test_a_stacks_file_changes_that_stack(tree: Path) -> None:
    """And no other."""
    change(tree, "Pulumi.prod.yaml")
    assert review.changed_stacks(tree, "main") == ["prod"]


@pytest.mark.parametrize(
    "name", ["bluegreen/resources/gate.py", "Pulumi.yaml", "grafana.ini", "new/file"]
)
def test_the_program_changes_every_stack(tree: Path, name: str) -> None:
    """So does a file that nobody thought of: a plan too many does no harm."""
    change(tree, name)
    assert review.changed_stacks(tree, "main") == ["dev", "prod"]


@pytest.mark.parametrize(
    "name", ["README.md", "docs/state.md", "tests/x.py", "bluegreen/cli/app.py"]
)
def test_docs_and_tools_change_no_stack(tree: Path, name: str) -> None:
    """No stack is made of them."""
    change(tree, name)
    assert review.changed_stacks(tree, "main") == []


def test_what_main_got_meanwhile_is_not_the_branchs(tree: Path) -> None:
    """Compared is with where the branch began."""
    git(tree, "checkout", "-q", "main")
    change(tree, "Pulumi.dev.yaml")
    git(tree, "checkout", "-q", "branch")
    change(tree, "Pulumi.prod.yaml")
    assert review.changed_stacks(tree, "main") == ["prod"]


def test_a_base_that_git_does_not_know_is_told_as_such(tree: Path) -> None:
    """As an error, not as a branch without changes."""
    with pytest.raises(CommandError, match="nowhere"):
        review.changed_stacks(tree, "nowhere")


def test_a_refused_stack_fails_the_review_and_does_not_hide_the_others(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guard's words are shown as they are."""

    def read_plan(project: Project) -> Plan:
        if project.name == "dev":
            raise CommandError("would interrupt users", serves="blue 1 serves", code=Exit.USAGE)
        if project.name == "new":
            raise NoSuchStack("no stack named 'new' found")
        if project.name == "held":
            return Plan("held", [], [], True, ["the edge would be replaced"])
        return Plan(project.name, ["release green 2; live now: blue 1"], [])

    monkeypatch.setattr(review, "read_plan", read_plan)
    found = review.review(tree, ["dev", "new", "held", "prod"])
    assert found.refused
    assert (
        "**dev**: refused\n\n````\nwould interrupt users\n````\n\nNow blue 1 serves." in found.text
    )
    assert "**new**: not created yet" in found.text
    assert "**held**: refused\n\n- the edge would be replaced" in found.text
    assert review.review(tree, ["held"]).refused
    assert "**prod**: release green 2" in found.text
    assert not review.review(tree, ["new", "prod"]).refused


class GitHub:
    """The part of GitHub that keeps comments, two to a page."""

    def __init__(self) -> None:
        self.comments: list[dict[str, Any]] = []
        self.seen: list[str] = []
        self.address = ""

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any, dict[str, str]]:
        """Status, JSON and headers of an answer."""
        if method == "PATCH":
            identity = int(path.rpartition("/")[2])
            self.comments[identity]["body"] = body["body"]
            return 200, {}, {}
        if method == "POST":
            self.comments.append({"id": len(self.comments), "body": body["body"]})
            return 201, {}, {}
        page = 2 if "page=2" in path.partition("&")[2] else 1
        more = {"Link": f'<{self.address}{path}&page=2>; rel="next"'} if page == 1 else {}
        return 200, self.comments[2 * page - 2 : 2 * page], more


@contextmanager
def serving(github: GitHub) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline()
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            github.seen.append(f"{self.command} {self.headers['Authorization']}")
            body = json.loads(sent) if sent else None
            status, said, headers = github.answer(self.command, self.path, body)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(json.dumps(said).encode())

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    github.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield github.address
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def pull_request(address: str) -> PullRequest:
    found = PullRequest.of(
        {
            "PULL_REQUEST": "7",
            "GITHUB_TOKEN": "secret",
            "GITHUB_REPOSITORY": "us/ours",
            "GITHUB_API_URL": address,
        }
    )
    assert found
    return found


def test_there_is_one_comment_which_is_kept_up_to_date() -> None:
    """Also when it is on a later page, between those of people."""
    github = GitHub()
    github.comments = [{"id": i, "body": f"said by people {i}"} for i in range(2)]
    with serving(github) as address:
        pull_request(address).tell("first", worth_a_new_comment=True)
        pull_request(address).tell("second", worth_a_new_comment=True)
    assert [each["body"] for each in github.comments] == [
        "said by people 0",
        "said by people 1",
        f"{MARK}\nsecond",
    ]
    assert all("Bearer secret" in each for each in github.seen)


def test_a_branch_that_changes_no_stack_gets_no_comment_but_corrects_one() -> None:
    """It may have changed one before."""
    github = GitHub()
    with serving(github) as address:
        pull_request(address).tell("nothing", worth_a_new_comment=False)
        assert github.comments == []
        pull_request(address).tell("something", worth_a_new_comment=True)
        pull_request(address).tell("nothing", worth_a_new_comment=False)
    assert [each["body"] for each in github.comments] == [f"{MARK}\nnothing"]


def test_a_github_that_does_not_answer_is_told_without_the_token() -> None:
    """The comment failed; that is said, and why."""
    client = httpx.Client(base_url="http://127.0.0.1:1", headers={"Authorization": "secret"})
    with client, pytest.raises(CommandError, match="comment could not be written") as told:
        PullRequest(client, "us/ours", "7").tell("x", worth_a_new_comment=True)
    assert "secret" not in str(told.value)


def test_at_a_desk_there_is_no_pull_request() -> None:
    """The review is printed, and that is all."""
    assert PullRequest.of({}) is None


RUNNER = {"PULUMI_BACKEND_URL": "s3://state"}


def test_a_runner_gets_the_key_for_itself_alone(tmp_path: Path) -> None:
    """The key is written where ssh looks, and told nowhere."""
    folder = tmp_path / ".ssh"
    told = runner.prepare(
        folder, RUNNER | {"DOCKER_SSH_KEY": "k3y", "DOCKER_SSH_KNOWN_HOSTS": "host ssh-x y"}
    )
    assert "k3y" not in told
    assert (folder / "id_ed25519").read_text() == "k3y\n"
    assert (folder / "id_ed25519").stat().st_mode & 0o777 == 0o600
    assert (folder / "known_hosts").read_text() == "host ssh-x y\n"


def test_a_key_that_is_there_is_never_replaced(tmp_path: Path) -> None:
    """It may be a person's."""
    (tmp_path / "id_ed25519").write_text("mine")
    with pytest.raises(CommandError, match="not changed"):
        runner.prepare(tmp_path, RUNNER | {"DOCKER_SSH_KEY": "k", "DOCKER_SSH_KNOWN_HOSTS": "h"})
    assert (tmp_path / "id_ed25519").read_text() == "mine"


def test_a_runner_without_a_backend_is_refused(tmp_path: Path) -> None:
    """State on a runner is gone with the runner: the next deploy would know of nothing."""
    with pytest.raises(CommandError, match="PULUMI_BACKEND_URL is not set"):
        runner.prepare(tmp_path, {"PULUMI_BACKEND_URL": ""})


def test_docker_without_ssh_needs_no_key(tmp_path: Path) -> None:
    """A runner on the Docker host itself."""
    assert "without ssh" in runner.prepare(tmp_path / ".ssh", RUNNER)
    assert not (tmp_path / ".ssh").exists()


def test_a_key_without_known_hosts_is_refused(tmp_path: Path) -> None:
    """Whoever answers first would be trusted."""
    with pytest.raises(CommandError, match="DOCKER_SSH_KNOWN_HOSTS is not set"):
        runner.prepare(tmp_path, RUNNER | {"DOCKER_SSH_KEY": "k"})


def test_a_stage_releases_its_own_commit_with_the_promotions_made_since(tmp_path: Path) -> None:
    """Not what was merged meanwhile: nobody approved that with it."""
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "config", "user.name", "Test")
    git(tmp_path, "config", "user.email", "test@example.com")
    file = tmp_path / "Pulumi.prod.yaml"
    text = 'config:\n  # why\n  shop:active_color: {}\n  shop:green_version: "{}"\n'
    text += "  shop:http_port: {}\n"
    file.write_text(text.format("blue", "1.0", 80))
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "approved")
    git(tmp_path, "branch", "approved")
    file.write_text(text.format("green", "2.0", 8080))
    (tmp_path / "Pulumi.new.yaml").write_text("config: {}\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "a promotion, and what nobody approved")
    git(tmp_path, "checkout", "-q", "approved")
    assert promotions.take(tmp_path, "shop", "main") == ["Pulumi.prod.yaml"]
    taken = file.read_text()
    assert "# why" in taken
    assert "active_color: green" in taken
    assert 'green_version: "2.0"' in taken
    assert "http_port: 80\n" in taken
    assert promotions.take(tmp_path, "shop", "main") == []


def test_publish_puts_the_promotion_on_top_of_what_others_pushed(tmp_path: Path) -> None:
    """Somebody merges while a release runs: both commits are in main afterwards."""
    origin, ours, theirs = (tmp_path / name for name in ("origin", "ours", "theirs"))
    git(tmp_path, "init", "-q", "--bare", "-b", "main", str(origin))
    for folder in (ours, theirs):
        git(tmp_path, "clone", "-q", str(origin), str(folder))
        git(folder, "config", "user.name", "Test")
        git(folder, "config", "user.email", "test@example.com")
    git(ours, "checkout", "-q", "-b", "main")
    change(ours, "begin")
    git(ours, "push", "-q", "-u", "origin", "main")
    git(theirs, "pull", "-q", "origin", "main")
    git(theirs, "checkout", "-q", "main")
    change(theirs, "theirs")
    git(theirs, "push", "-q", "origin", "main")
    change(ours, "ours")
    (ours / "begin").write_text("touched by a tool\n")
    makefile = Path(__file__).parents[2] / "Makefile"
    for _ in range(2):  # the second time there is nothing to push
        subprocess.run(["make", "-f", makefile, "publish"], cwd=ours, check=True)
    log = git(origin, "log", "--format=%s", "main").split()
    assert log == ["ours", "theirs", "begin"]
