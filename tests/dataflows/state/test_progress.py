from dataflows.state.positions import Progress


def test_the_answer_is_what_every_shard_has_stored():
    progress = Progress({0: {"events-0": 5}, 1: {"events-0": 3, "items-0": 9}}, shards=2)
    assert progress.positions() == {"events-0": 3}
    assert progress.position("items-0") is None
    progress.report(0, {"items-0": 4})
    progress.report(1, {"events-0": 8})
    assert progress.positions() == {"events-0": 5, "items-0": 4}
    assert progress.position("unheard of") is None
