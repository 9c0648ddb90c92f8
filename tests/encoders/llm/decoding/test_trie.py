from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from encoders.llm.decoding.trie import Trie

END = 0
paths = st.lists(st.integers(0, 4), max_size=4)
steps = st.lists(st.tuples(st.sampled_from("abcdef"), st.none() | paths), max_size=30)


def spelled(node, so_far=()):
    """All (path, items) that can be reached, with what each place says of itself checked."""
    found = [(so_far, node.items)] if node.items else []
    below = [one for token in node.tokens().tolist()
             for one in spelled(node.children[token], (*so_far, token))]  # fmt: skip
    assert node.tokens().tolist() == sorted(node.children)
    assert node.live == sum(len(items) for _, items in found + below)
    return found + below


@settings(max_examples=200, deadline=None, derandomize=True)
@given(steps)
def test_it_holds_what_a_plain_dict_holds_and_no_dead_ends(done):
    trie, plain = Trie(END), {}
    for item_id, path in done:
        if path is None:
            trie.remove(item_id)
            plain.pop(item_id, None)
        else:
            trie.put(item_id, path)
            kept = tuple(token for token in path if token != END)
            plain.pop(item_id, None)
            if kept:
                plain[item_id] = (*kept, END)
    found = spelled(trie.root)
    assert {item: path for path, items in found for item in items} == plain
    assert all(list(items) == sorted(items) for _, items in found)
    assert len(trie) == len(plain)
    assert all(trie.path(item_id) == path for item_id, path in plain.items())
    empty = [node for node in _nodes(trie.root) if node.live == 0]
    assert empty == ([] if plain else [trie.root])


@settings(max_examples=100, deadline=None, derandomize=True)
@given(steps, st.sets(st.sampled_from("abcdefx")))
def test_what_is_shut_leads_to_excluded_items_only(done, excluded):
    trie = Trie(END)
    for item_id, path in done:
        trie.put(item_id, path or [])
    shut = trie.shut(excluded)

    def walk(node):
        open_ways = [t for t in node.tokens().tolist() if t not in shut.get(node, [])]
        return {*node.items}.union(*(walk(node.children[t]) for t in open_ways))

    def allowed(node):
        return {i for i in node.items if i not in excluded}.union(
            *(allowed(child) for child in node.children.values())
        )

    assert {i for i in walk(trie.root) if i not in excluded} == allowed(trie.root)
    for node, tokens in shut.items():
        for token in tokens:
            assert allowed(node.children[token]) == set()
    for node in _nodes(trie.root):
        for token, child in node.children.items():
            assert allowed(child) or token in shut.get(node, [])


def _nodes(node):
    return [node, *(below for child in node.children.values() for below in _nodes(child))]


def test_a_title_that_begins_another_one_and_one_that_two_items_share():
    trie = Trie(END)
    trie.put("alien", [5])
    trie.put("aliens", [5, 6])
    trie.put("remake", [5])
    assert trie.root.children[5].children[END].items == ("alien", "remake")
    trie.put("alien", [7])
    assert trie.root.children[5].children[END].items == ("remake",)
    trie.remove("remake")
    assert trie.root.children[5].tokens().tolist() == [6]
    assert "remake" not in trie
    assert sorted(trie) == ["alien", "aliens"]
