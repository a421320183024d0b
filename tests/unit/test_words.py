"""Everything a user reads is plain English: retired phrases do not come back.

Each has a better one, and one word stands for one concept: color, live, idle, target, outgoing,
standby, edge, holder, gate, switch, trial, bake, confirm, drain, retire, hold, rollback, promote,
prefix.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.examples import ROOT

# Regex of a retired phrase → what to say instead. A space matches any space, a line's end too.
BETTER = {
    # Not English, or not an operator's.
    r"serves? on": "keeps serving (where: listens on)",
    r"goes on serving|go on serving": "keeps serving",
    r"go on(?! (?:this|your|the))|goes on|went on|going on": "continue",
    r"the way that (?:the )?users": "the path users' requests take",
    r"users will come|users come": "users' requests take",
    r"mends?|mended|mending": "fix",
    r"puts? (?:\w+ )?right": "fix, restore",
    r"takes? the changes? back|takes? back the changes?": "revert … and your other changes",
    r"(?:takes?|took) (?:it|itself|them|this) back|(?:is|was|are|be) taken back": "revert",
    r"(?:goes|went|gone|going|go) back by itself": "reverts by itself",
    r"not confirmed, went back|release goes back": "reverted",
    r"so many": "a number, minimum number of, enough",
    r"so long(?! as)": "that long",
    r"at the most": "at most, maximum number of",
    r"neither local": "not available locally, and the pull failed: …",
    r"to be had|be had again|can(?:not)? be had": "available, restored",
    r"tells? it as": "print",
    r"(?:is|are) told it": "is passed to the service as",
    r"takes? away|took away|taken away": "remove, clean up",
    r"what ails": "what is wrong with",
    r"has no reason to": "does not",
    r"beside (?:it|them|that)": "next to",
    r"the ways? on": "the next step",
    r"anew": "again, new",
    r"in mid-\w+": "during the …, in the middle of the …",
    r"at a desk": "on your own machine",
    r"time is over": "timed out",
    r"set-up(?!s? and)": "setup (noun), set up (verb)",
    r"fell ill|falls ill": "stopped answering",
    r"by ssh": "over ssh",
    r"ends with (?:exit code )?\d": "exits with",
    r"all is as": "everything is as, nothing to do",
    r"some \d[\d,]* (?!%)": "about",
    r"lets? (?:\w+ )?through again": "writes resume",
    r"(?:is|it is) no manager": "is not a manager",
    r"at work(?! on)": "running",
    r"is to be (?:live|made|kept|released)": "should be, will be",
    r"answers? it not|knows? it not": "does not …",
    r"else nothing": "otherwise nothing",
    r"nobody is served meanwhile": "users are not served in the meantime",
    r"all the same": "anyway, still",
    r"what became of": "the outcome of",
    r"once more anew": "again",
    # One word for each concept.
    r"colours?": "color",
    r"active color": "live color",
    r"(?:inactive|passive) color": "idle color",
    r"(?:former|previous) color": "outgoing color",
    r"cut-?over|switchover": "switch",
    r"probation": "trial",
    r"decommission(?:s|ed)?": "retire",
}
# Texts that users read as they are. docs/measured has records and what is made from them.
TEXTS = (
    "*.md",
    "docs/*.md",
    "docs/decisions/*.md",
    "tools/setup/*.md",
    "evidence/**/*.md",
    "Pulumi*.yaml",
    "Makefile",
    ".ci/run",
    ".github/workflows/*.yml",
    "nginx/*",
)
# Programs whose texts users read: every string in them, and the docstrings that are help.
PROGRAMS = ("bluegreen/**/*.py", "evidence/**/*.py", "tools/**/*.py", "__main__.py")
HELP = ("bluegreen/cli/app.py", "bluegreen/cli/snapshot.py", "evidence/bench/__main__.py")
GAP = r"[\s#;>*`]+"


def pattern(phrase: str) -> re.Pattern[str]:
    """A phrase as a whole, over lines and comment signs too, in capitals or not."""
    return re.compile(rf"\b(?:{phrase.replace(' ', GAP)})(?!\w)", re.IGNORECASE)


PATTERNS = {phrase: pattern(phrase) for phrase in BETTER}


def found(globs: tuple[str, ...]) -> list[Path]:
    """The project's files of these names."""
    return sorted({file for glob in globs for file in ROOT.glob(glob) if file.is_file()})


def strings(source: str, *, docstrings: bool) -> Iterator[tuple[int, str]]:
    """The line and text of each string in a program; what an f-string puts in is an ellipsis."""
    tree = ast.parse(source)
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and (not docstrings or isinstance(node, ast.Module)):
            skipped |= {each.value for each in body if isinstance(each, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [each.value if isinstance(each, ast.Constant) else "…" for each in node.values]
            skipped |= set(node.values)
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and node not in skipped and isinstance(node.value, str):
            yield node.lineno, node.value


def retired(text: str) -> Iterator[tuple[int, str, str]]:
    """Line, what is said, and what to say instead."""
    for phrase, found in PATTERNS.items():
        for match in found.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            yield line, " ".join(match[0].split()), BETTER[phrase]


@pytest.mark.parametrize("file", found(TEXTS), ids=lambda file: str(file.relative_to(ROOT)))
def test_a_text_has_no_retired_phrase(file: Path) -> None:
    """README, docs, stack files, workflows, Makefile, what nginx answers."""
    name = file.relative_to(ROOT)
    said = [f'{name}:{line}: "{old}" → {new}' for line, old, new in retired(file.read_text())]
    assert not said, "\n".join(["say it in plain English:", *said])


def test_no_program_says_a_retired_phrase() -> None:
    """Help, options, messages, plan, progress, status, and what evidence and tools print."""
    said = []
    for file in found(PROGRAMS):
        name = str(file.relative_to(ROOT))
        for start, text in strings(file.read_text(), docstrings=name in HELP):
            said += [
                f'{name}:{start + line - 1}: "{old}" → {new}' for line, old, new in retired(text)
            ]
    assert not said, "\n".join(["say it in plain English:", *said])


@pytest.mark.parametrize(
    ("text", "better"),
    [
        ("the old color serves on", "keeps serving"),
        ("over the way that users\n# will come", "the path users' requests take"),
        ("Mend what is named here", "fix"),
        ("take the change back", "revert"),
        ("so many must answer for a release", "minimum number of"),
        ("neither local nor to be had", "the pull failed"),
        ("Tell it as JSON", "print"),
        ("How many at the most", "maximum number of"),
        ("The service is told it in GF_DATABASE_URL", "is passed to the service as"),
        ("Take away what a killed update left", "clean up"),
    ],
)
def test_a_retired_phrase_would_be_noticed(text: str, better: str) -> None:
    """Each that the project once had, also where it runs over two lines of a comment."""
    assert any(better in instead for _, _, instead in retired(text))
