"""What people see in a browser."""

from html import escape

from . import NAME
from .settings import Settings

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{name}</title>
<style>body {{ font: 1.1rem/1.5 sans-serif; margin: 4rem auto; max-width: 36rem; }}
h1 span {{ border-bottom: .3rem solid {paint}; }}</style></head>
<body>
<h1><span>{name}</span></h1>
<p>This is not Grafana: it only behaves like it in what matters to a release.</p>
<dl>
<dt>Version</dt><dd id="version">{version}</dd>
<dt>Color</dt><dd id="color">{color}</dd>
<dt>Motto</dt><dd id="motto">{motto}</dd>
</dl>
<form method="post" action="/login">
<input name="user" placeholder="user">
<input name="password" type="password" placeholder="password">
<button>Log in</button>
</form>
</body>
</html>
"""
_PAINT = {"blue": "#2563eb", "green": "#16a34a"}


def front_page(settings: Settings) -> bytes:
    """Render the one page, which says what it is, what it runs and what it was told."""
    return _PAGE.format(
        name=NAME,
        version="hidden" if settings.hide_version else escape(settings.reported_version),
        color=escape(settings.color) or "not told",
        paint=_PAINT.get(settings.color, "#6b7280"),
        motto=escape(settings.motto) or "none",
    ).encode()
