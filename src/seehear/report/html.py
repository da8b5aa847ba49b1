# SPDX-License-Identifier: Apache-2.0
"""HTML as values: text is escaped on the way in, so a file name or a class cannot become a tag."""

from html import escape
from importlib.resources import files


class Html(str):
    """Text that is safe HTML already; only `element`, `raw` and `join` make it."""


def element(tag: str, *children: object, **attributes: object) -> Html:
    """`<tag attributes>children</tag>`: children that are not Html are escaped, attributes always are.

    An attribute name loses a trailing underscore ("class_"), the others become hyphens; the value None leaves it out.
    """
    given = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    inside = join(*children)
    return Html(f"<{tag}{given}>" if tag in ("img", "meta", "br") else f"<{tag}{given}>{inside}</{tag}>")


def join(*children: object) -> Html:
    """Children one after the other, escaped unless they are Html."""
    return Html("".join(child if isinstance(child, Html) else escape(str(child)) for child in children))


def table(head: list[object], rows: list[list[object]], class_: str | None = None) -> Html:
    """A table that scrolls sideways on a narrow screen; the first column names the row."""
    top = element("tr", *(element("th", cell) for cell in head))
    body = [
        element("tr", element("th", row[0], scope="row"), *(element("td", cell) for cell in row[1:])) for row in rows
    ]
    inside = element("table", element("thead", top), element("tbody", *body), class_=class_)
    return element("div", inside, class_="scroll")


def section(title: str, explanation: object, *body: object) -> Html:
    """A chapter: what it shows in a sentence, then the thing itself."""
    return element("section", element("h2", title), element("p", explanation, class_="explain"), *body)


def page(title: str, *body: object) -> str:
    """A complete document that needs nothing from outside."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element(
            "meta",
            http_equiv="Content-Security-Policy",
            content="default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'",
        ),
        element("title", title),
        element("style", Html(files("seehear.report").joinpath("style.css").read_text(encoding="utf-8"))),
    )
    return "<!doctype html>\n" + element("html", head, element("body", element("main", *body)), lang="en") + "\n"
