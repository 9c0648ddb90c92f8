from hypothesis import given
from hypothesis import strategies as st

from dataflows.state.outbox import RECOMMENDATIONS, Outbox, acknowledger
from dataflows.state.records import MemoryStore


def reopened(store: MemoryStore, shard: int = 0, shards: int = 1) -> Outbox:
    outbox = Outbox(shard, shards)
    outbox.restore(store.scan)
    return outbox


@given(steps=st.lists(st.sampled_from(["put", "ack", "commit", "crash"]), max_size=40))
def test_nothing_is_lost_and_no_number_is_used_twice_for_what_was_stored(steps: list[str]):
    store, outbox = MemoryStore(), Outbox()
    unacknowledged: dict[int, bytes] = {}
    committed: dict[int, bytes] = {}
    for count, step in enumerate(steps):
        if step == "put":
            out = outbox.put(RECOMMENDATIONS, b"u", b"%d" % count)
            unacknowledged[out.number] = b"%d" % count
        elif step == "ack" and unacknowledged:
            number = min(unacknowledged)
            outbox.acknowledge(number)
            outbox.acknowledge(number)
            del unacknowledged[number]
        elif step == "commit":
            store.commit(outbox.changed())
            committed = dict(unacknowledged)
            assert not list(outbox.changed())
            assert outbox.is_unsettled == bool(unacknowledged)
        elif step == "crash":
            outbox = reopened(store)
            unacknowledged = dict(committed)
        assert {o.number: o.value for o in outbox.undelivered()} == unacknowledged
    numbers = [out.number for out in outbox.undelivered()]
    assert outbox.put(RECOMMENDATIONS, None, None).number > max(numbers, default=-1)


def test_numbers_of_shards_never_meet_and_acknowledgements_find_their_shard():
    outboxes = {shard: Outbox(shard, 3) for shard in range(3)}
    acknowledge = acknowledger(outboxes.get, 3)
    outs = [outboxes[shard].put(RECOMMENDATIONS, b"u", b"x") for shard in (0, 1, 2, 0, 1, 0)]
    assert len({out.number for out in outs}) == len(outs)
    for out in outs[:3]:
        acknowledge(out.number)
    assert [len(outboxes[shard]) for shard in range(3)] == [2, 1, 0]


def test_an_acknowledged_message_leaves_no_record():
    store, outbox = MemoryStore(), Outbox()
    outs = [outbox.put(RECOMMENDATIONS, b"u", b"x") for _ in range(3)]
    outbox.acknowledge(outs[0].number)
    store.commit(outbox.changed())
    assert len(store.records["outbox"]) == 2
    outbox.acknowledge(outs[1].number)
    outbox.acknowledge(outs[2].number)
    store.commit(outbox.changed())
    assert not store.records["outbox"]
    assert reopened(store).put(RECOMMENDATIONS, b"u", b"x").number == 3
