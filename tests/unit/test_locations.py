"""A color's own locations: which one a path belongs to, and what it is made of."""

import re

import pytest

from bluegreen.edge.locations import directives, named, parse, routes
from bluegreen.errors import ConfigError

TEMPLATE = """\
# of ours
client_max_body_size 10m;
proxy_set_header X-All yes;
location / { proxy_pass http://shop-blue; }
location /api/live/ { proxy_pass http://shop-blue; proxy_read_timeout 1h; }
location ~* \\.(png|ico)$ { expires 1h; proxy_pass http://shop-blue; }
location ^~ /static/ { proxy_set_header X-Own yes; error_page 404 = @gone; }
location ~ ^/api/live/v\\d+ { return 204; }
location = /robots.txt { return 200 "User-agent: *\\n"; }
location @gone { return 410; }
"""


def route_of(path: str) -> str:
    """The location that nginx's map would find for a path: its first match, in order."""
    locations, _ = parse(TEMPLATE, "own.conf", "shop-blue")
    for line in routes(locations, "blue").splitlines():
        match = re.fullmatch(r'"(~\*?)(.*)" (\w+);', line)
        assert match
        flags = re.IGNORECASE if match[1] == "~*" else 0
        if re.search(match[2].replace(r"\z", r"\Z"), path, flags):
            return match[3]
    return ""


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("/", 0),
        ("/api/health", 0),
        ("/api/live/ws", 1),
        ("/api/live/v2/x", 4),  # a regular expression comes before a prefix
        ("/favicon.ICO", 2),
        ("/static/logo.png", 3),  # but not before one that says ^~
        ("/robots.txt", 5),
        ("/robots.txt.png", 2),
    ],
)
def test_a_path_belongs_to_the_location_that_nginx_would_take(path: str, number: int) -> None:
    """The exact one, ^~, regular expressions in order, the longest prefix."""
    assert route_of(path) == f"blue_{number}"


def test_a_longer_prefix_keeps_its_paths_from_one_that_says_first() -> None:
    """Nginx looks for the longest prefix before it looks at ^~."""
    text = "location ^~ /a/ { }\nlocation /a/b/ { }\nlocation ~ c { }\n"
    locations, _ = parse(text, "own.conf", "h")
    first, second, *_ = routes(locations, "x").splitlines()
    assert first == '"~^/a/(?!b/)" x_0;'
    assert second == '"~c" x_2;'


def test_what_stands_beside_locations_holds_where_a_location_says_nothing_of_it() -> None:
    """By nginx's rule: of a directive that a location has, it inherits none."""
    locations, beside = parse(TEMPLATE, "own.conf", "shop-blue")
    text = named(locations, beside, "blue", directives("add_header X-Served-By 'blue 1' always;"))
    blocks = dict(re.findall(r"location (@\w+) \{\n(.*?)\n\}", text, re.DOTALL))
    assert "proxy_set_header X-All yes;" in blocks["@blue_0"]
    assert "proxy_set_header X-All yes;" not in blocks["@blue_3"]
    assert "proxy_set_header X-Own yes;" in blocks["@blue_3"]
    assert all("client_max_body_size 10m;" in body for body in blocks.values())
    assert all("add_header X-Served-By 'blue 1' always;" in body for body in blocks.values())


def test_a_templates_own_named_locations_are_the_colors_too() -> None:
    """Both colors may have one of the same name."""
    locations, beside = parse(TEMPLATE, "own.conf", "shop-blue")
    text = named(locations, beside, "blue", [])
    assert "location @blue_gone {" in text
    assert "error_page 404 = @blue_gone;" in text


@pytest.mark.parametrize(
    ("template", "mistake"),
    [
        (
            "location / {\n    proxy_pass http://shop-blue/x;\n}",
            "own.conf:2: proxy_pass http://{{ upstream }}/x has a path after the host",
        ),
        (
            "location /a { proxy_pass http://shop-blue; location /a/b { } }",
            "own.conf:1: location /a/b is inside another location; allowed: locations beside",
        ),
        ("location /a {\n\n    alias /srv; }", "own.conf:3: alias; allowed: root"),
        ("location / { proxy_pass http://x }", 'own.conf:1: directive "proxy_pass" is not'),
        ("location / {\n    proxy_pass http://x;\n", "unexpected end of file, expecting"),
        ("proxy_pass http://shop-blue;", "own.conf: has no location; wanted: location {{ path }}"),
    ],
)
def test_what_cannot_be_is_refused_by_line(template: str, mistake: str) -> None:
    """In the preview, and not by nginx at the switch."""
    with pytest.raises(ConfigError) as refused:
        parse(template, "own.conf", "shop-blue")
    assert any(mistake in each for each in refused.value.mistakes)
