"""What a page of HTML consists of, and that it needs nothing but itself."""

import re
from html.parser import HTMLParser

ADDRESSES = {"src", "href", "xlink:href", "srcset", "poster", "action", "data", "cite"}
# Names of things rather than addresses to fetch from.
NAMESPACES = {"xmlns", "xmlns:xlink", "xmlns:svg"}
FETCHING = {"script", "iframe", "object", "embed", "base"}
VOID = {"meta", "link", "img", "br", "hr", "input"}


# `1 seeds`; words in -s that are no plurals are left out.
_PLURAL = re.compile(r"(?<![\d.,])1 (?!(?:is|as|was|has|says|class|less|loss)\b)[a-z]+s\b")


def wrong_plurals(text: str) -> list[str]:
    """Plurals of one thing."""
    return _PLURAL.findall(text)


class Page(HTMLParser):
    """Elements with their attributes, styles, and the text that is seen or read aloud."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.styles: list[str] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {key: value or "" for key, value in attrs}
        self.elements.append((tag, values))
        self.texts += [values[key] for key in ("alt", "aria-label", "title") if key in values]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        (self.styles if "style" in self.open else self.texts).append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    @property
    def tags(self) -> list[str]:
        return [tag for tag, _ in self.elements]

    def values(self, attribute: str, tag: str | None = None) -> list[str]:
        return [
            values[attribute]
            for name, values in self.elements
            if attribute in values and tag in (None, name)
        ]

    def fetches_nothing(self) -> bool:
        """Every address and every style stays within the page; a failure says which doesn't."""
        attributes = [item for _, values in self.elements for item in values.items()]
        styles = [*self.styles, *(value for _, value in attributes)]
        targets = [value for key, value in attributes if key in ADDRESSES]
        targets += [t for s in styles for t in re.findall(r"url\(\s*['\"]?([^)'\"]*)", s)]
        assert targets
        assert [t[:80] for t in targets if not t.startswith(("data:", "#"))] == []
        assert not any("@import" in style for style in self.styles)
        scheme = {key for key, value in attributes if re.search(r"(https?:)?//\w", value[:2000])}
        # Base64 may hold two slashes in a row.
        assert scheme - {"src"} <= NAMESPACES
        return FETCHING.isdisjoint(self.tags)
