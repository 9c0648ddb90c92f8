"""A trie of titles over token ids: what a constrained search may say, and which items that names.

Every path ends with the end token, so that a title which begins another one ends apart from
it. Items of the same title end at the same place. Adding, renaming and removing take effect
at once, also for a search that is under way. Not safe between threads: one owner.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray


class Node:
    """One place of the trie. `live` is how many items end at it or below it.

    `items` are the ids of those that end here, in the order of the ids.
    """

    __slots__ = ("_tokens", "children", "items", "live")

    def __init__(self) -> None:
        self.children: dict[int, Node] = {}
        self.items: tuple[str, ...] = ()
        self.live = 0
        self._tokens: NDArray[np.int64] | None = None

    def tokens(self) -> NDArray[np.int64]:
        """Return the tokens (c,) that go on from here, ascending."""
        if self._tokens is None:
            self._tokens = np.array(sorted(self.children), np.int64)
        return self._tokens

    def child(self, token: int) -> Node:
        """Return the place after a token, made now if it is missing."""
        node = self.children.get(token)
        if node is None:
            node = self.children[token] = Node()
            self._tokens = None
        return node

    def drop(self, token: int) -> None:
        """Cut off what goes on with a token."""
        del self.children[token]
        self._tokens = None


class Trie:
    """Item ids by the tokens of their titles.

    `end` is the token that ends each path. Paths are given with it or without it; where it
    stands inside a path it is left out, since a title cannot end in its midst.
    """

    def __init__(self, end: int) -> None:
        self.end = end
        self.root = Node()
        self._paths: dict[str, tuple[int, ...]] = {}

    def __len__(self) -> int:
        return len(self._paths)

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._paths

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def path(self, item_id: str) -> tuple[int, ...]:
        """Return the tokens of an item's title, the end token last. KeyError if unknown."""
        return self._paths[item_id]

    def put(self, item_id: str, tokens: Sequence[int]) -> None:
        """Add an item, or give it another title. One whose title is empty is left out."""
        path = (*(token for token in tokens if token != self.end), self.end)
        if self._paths.get(item_id) == path:
            return
        self.remove(item_id)
        if len(path) == 1:
            return
        self._paths[item_id] = path
        for node in self._along(path):
            node.live += 1
        node.items = tuple(sorted((*node.items, item_id)))

    def remove(self, item_id: str) -> None:
        """Remove an item, and what only led to it; unknown ids are ignored."""
        path = self._paths.pop(item_id, None)
        if path is None:
            return
        nodes = list(self._along(path))
        nodes[-1].items = tuple(other for other in nodes[-1].items if other != item_id)
        for node in nodes:
            node.live -= 1
        for parent, token in zip(nodes, path, strict=False):
            if parent.children[token].live == 0:
                parent.drop(token)
                return

    def shut(self, item_ids: Iterable[str]) -> dict[Node, list[int]]:
        """Return the tokens that, from a place, lead to none but these items."""
        ends: dict[Node, int] = {}
        ways: dict[Node, tuple[Node, int]] = {}
        for item_id in set(item_ids):
            path = self._paths.get(item_id)
            nodes = [] if path is None else list(self._along(path))
            for parent, token, node in zip(nodes, path or (), nodes[1:], strict=False):
                ends[node] = ends.get(node, 0) + 1
                ways[node] = parent, token
        shut: dict[Node, list[int]] = {}
        for node, count in ends.items():
            if count >= node.live:
                parent, token = ways[node]
                shut.setdefault(parent, []).append(token)
        return shut

    def _along(self, path: Iterable[int]) -> Iterator[Node]:
        """Yield the root, then the place after each token; missing ones are made."""
        node = self.root
        yield node
        for token in path:
            node = node.child(token)
            yield node
