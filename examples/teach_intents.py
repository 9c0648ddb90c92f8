"""Teach what people are after: labels of intent, with an event or later, and what is believed.

    python examples/teach_intents.py

Some events say by themselves what their user was after (`intent`), as a shop knows it of those who
came by a campaign. The learner then tells it of everybody else, from what they search for and
take, event by event, with how sure it is.
"""

from encoders import CachedEncoder, load_encoder
from learners import Event, Item, Recommender

CATALOGUE = {
    "camping": ["Tent for two", "Camping stove", "Warm sleeping bag", "Head torch for the tent"],
    "baking": ["Cake tin", "Flour of rye", "Whisk for batter", "Paper cups for cake"],
    "painting": ["Brushes for watercolour", "Oil paint", "Canvas and easel", "Paper for paint"],
}


def main() -> None:
    shop = Recommender(CachedEncoder(load_encoder("hashing"), capacity=1_000))
    items = {f"{need}-{n}": title for need in CATALOGUE for n, title in enumerate(CATALOGUE[need])}
    shop.put_items([Item(key, items[key], categories=(key.split("-")[0],)) for key in items])
    time = 0.0
    for turn in range(30):  # people whose need is known
        for need, titles in CATALOGUE.items():
            time += 60.0
            place = turn % len(titles)
            text = titles[place].lower()
            shop.learn(
                Event(f"{need}-{turn}", f"{need}-{place}", time, "view", text=text, intent=need)
            )
    # Nobody says what this one is after; a search and two views tell.
    for item_id, text in [(None, "stove for a tent"), ("camping-1", ""), ("camping-0", "")]:
        time += 60.0
        kind = "view" if item_id else "search"
        shop.learn(Event("ada", item_id, time, kind, text=text or items[item_id].lower()))
        told = shop.recommend("ada", k=3)
        need, chance = max(told.belief.items(), key=lambda each: each[1])
        print(f"{kind} of {item_id or repr(text)}: after {need} with {chance:.0%}")
    print("is offered", ", ".join(items[entry.item_id] for entry in told.entries))
    # A label may also come later, for an event that is known by its id.
    event = shop.learn(Event("bo", "painting-1", time + 60.0, text="oil paint"))
    print("a label for it:", shop.label("bo", "painting", event.event_id))


if __name__ == "__main__":
    main()
