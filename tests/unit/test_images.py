"""Names of images: by tag, by digest, or by what they are built from."""

from pathlib import Path

import pytest

from bluegreen.config.images import built_name, content_digest, image_of, image_reference
from tests.unit.examples import make_settings

DIGEST = "sha256:" + "ab" * 32


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a folder to build from."""
    context = tmp_path / "service"
    (context / "sub").mkdir(parents=True)
    (context / "Dockerfile").write_text("ARG GRAFANA_VERSION\nFROM grafana:$GRAFANA_VERSION\n")
    (context / "sub" / "file").write_text("one")
    return tmp_path


def name_of(project: Path, version: str = "12.4.0", **build: object) -> str:
    """The name of blue's built image."""
    settings = make_settings(
        project, blue_version=version, build={"context": "service"} | build, green_version="1"
    )
    return built_name("shop-dev", settings, "blue", project)


@pytest.mark.parametrize(
    ("version", "reference"),
    [("12.4.0", "grafana/grafana:12.4.0"), (DIGEST, f"grafana/grafana@{DIGEST}")],
)
def test_a_version_is_a_tag_or_a_digest(version: str, reference: str) -> None:
    """Docker joins the two kinds by different characters."""
    assert image_reference("grafana/grafana", version) == reference


def test_a_color_runs_the_image_at_its_own_version(project: Path) -> None:
    """Without `build` it is the registry's image."""
    settings = make_settings(image="own/app", green_version="12.3.0")
    assert image_of("shop-dev", settings, "blue", project) == "own/app:12.4.0"
    assert image_of("shop-dev", settings, "green", project) == "own/app:12.3.0"


def test_a_built_image_is_named_after_stack_color_version_and_content(project: Path) -> None:
    """People recognise it in `docker images`, and no two stacks share it."""
    name = name_of(project)
    assert name.startswith("shop-dev-blue:12.4.0-")
    settings = make_settings(project, build={"context": "service"})
    assert image_of("shop-dev", settings, "blue", project) == name


def test_a_built_image_of_a_digest_has_a_usable_tag(project: Path) -> None:
    """A tag must not contain a colon."""
    assert name_of(project, DIGEST).count(":") == 1


def test_the_name_of_a_built_image_stays_while_nothing_changes(project: Path) -> None:
    """An unchanged folder is no release."""
    assert name_of(project) == name_of(project)


def test_the_name_of_a_built_image_changes_with_all_that_it_is_built_from(project: Path) -> None:
    """A new build never takes the name of an image that is in use."""
    file, names = project / "service" / "sub" / "file", [name_of(project)]
    file.write_text("two")
    names.append(name_of(project))
    file.chmod(0o755)
    names.append(name_of(project))
    file.rename(file.with_name("other"))
    names.append(name_of(project))
    names.append(name_of(project, args={"A": "1"}))
    names.append(name_of(project, args={"A": "2"}))
    names.append(name_of(project, version_arg="V"))
    names.append(name_of(project, "12.4.1"))
    assert len(set(names)) == len(names)


def test_what_git_and_python_leave_behind_is_no_content(project: Path) -> None:
    """A commit, or a run of the tests, is no reason for a new image."""
    before = content_digest(project / "service")
    for folder in (".git", "__pycache__", "sub/__pycache__"):
        (project / "service" / folder).mkdir()
        (project / "service" / folder / "left").write_text("over")
    assert content_digest(project / "service") == before


def test_a_single_file_has_a_digest_of_its_content(project: Path) -> None:
    """By which a change of grafana.ini is known."""
    file = project / "grafana.ini"
    file.write_text("[server]")
    before = content_digest(file)
    assert content_digest(file) == before
    file.write_text("[database]")
    assert content_digest(file) != before
