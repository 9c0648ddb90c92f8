"""Events to Kafka, lists from Kafka: what a producer and a consumer of a running engine look like.

    penchant topics create --config penchant.toml
    penchant run --config penchant.toml &
    python examples/kafka_round_trip.py [localhost:9092 events recommendations]

The key is the user, so that one user's events and lists stay in their order. A list may come
twice after a crash, so a consumer keeps the highest `sequence` of each user.
"""

import json
import sys
import time
import uuid

from confluent_kafka import Consumer, Producer

SERVERS, EVENTS, LISTS = sys.argv[1:4] or ("localhost:9092", "events", "recommendations")


def send(events: list[dict]) -> None:
    """Send events and wait until the broker has them."""
    producer = Producer({"bootstrap.servers": SERVERS, "enable.idempotence": True})
    for event in events:
        producer.produce(EVENTS, json.dumps(event).encode(), key=event["user_id"].encode())
    if producer.flush(30.0):
        raise SystemExit(f"{SERVERS} did not take the events in 30 s: is it running?")


def await_list(user_id: str, seconds: float = 60.0) -> dict:
    """Return the newest list of a user, once there is one with something in it."""
    settings = {"bootstrap.servers": SERVERS, "auto.offset.reset": "earliest"}
    consumer = Consumer(settings | {"group.id": f"example-{uuid.uuid4()}"})
    consumer.subscribe([LISTS])
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            message = consumer.poll(0.5)
            if message is None or message.error() or message.key() != user_id.encode():
                continue
            found = json.loads(message.value())
            if found["items"]:
                return found
    finally:
        consumer.close()
    raise SystemExit(f"no list of {user_id} within {seconds:.0f} s: is penchant running?")


def main() -> None:
    user_id, now = f"example-{uuid.uuid4()}", time.time()
    seen = {"user_id": user_id, "type": "view", "ts": now}
    send([seen | {"event_id": str(uuid.uuid4()), "item_id": item} for item in ("i1", "i2")])
    found = await_list(user_id)
    for place, item in enumerate(found["items"], start=1):
        print(f"{place:2} {item['title']} ({'; '.join(item['reasons'])})")


if __name__ == "__main__":
    main()
