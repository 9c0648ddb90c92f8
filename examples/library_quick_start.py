"""The recommender as a library: learn a shop's events, list, explain, save, and go on.

    python examples/library_quick_start.py [FOLDER]

Needs no broker, no network and no model: `hashing` knows the spelling of words alone. With
`load_encoder("packaged")` it is their meaning. FOLDER is where the recommender is saved.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from encoders import load_encoder
from learners import Event, Item, Recommender

ITEMS = [
    Item("kettle", "Enamel kettle", ("Kitchen",), text="For two litres of tea"),
    Item("teapot", "Cast iron teapot", ("Kitchen",), text="Keeps tea warm"),
    Item("cups", "Porcelain tea cups", ("Kitchen",)),
    Item("lamp", "Reading lamp", ("Living",), text="Warm light for the desk"),
    Item("novel", "A novel of the sea", ("Books",)),
    Item("atlas", "Atlas of the seas", ("Books",)),
]
VISITS = [
    ("ada", ["kettle", "teapot", "cups"]),
    ("bo", ["lamp", "novel", "atlas"]),
    ("cy", ["teapot", "cups"]),
    ("di", ["novel", "atlas", "lamp"]),
    ("eli", ["kettle", "cups", "teapot"]),
]


def main(folder: Path) -> None:
    """Play a few visits, and print what the recommender makes of them."""
    encoder = load_encoder("hashing")
    shop = Recommender(encoder)
    shop.put_items(ITEMS)
    shop.learn_many(
        Event(user, item, ts=3_600.0 * hour + 60.0 * minute)
        for hour, (user, items) in enumerate(VISITS)
        for minute, item in enumerate(items)
    )

    shop.learn(Event("fay", "kettle", ts=90_000.0))
    print("fay took the kettle. Her list:")
    for entry in shop.recommend("fay", k=3).entries:
        print(f"  {entry.item_id:8}{entry.score:7.3f}  {'; '.join(entry.reasons)}")

    shop.learn(Event("fay", None, ts=90_060.0, type="search", text="a reading lamp"))
    first = shop.recommend("fay", k=1).entries[0]
    print(f"She searches for a lamp, and is shown the {first.item_id}: {first.reasons[0]}")

    near = ", ".join(each.title for each in shop.similar("novel", k=2))
    print(f"Like “A novel of the sea”: {near}")
    told = shop.explain("fay", "atlas")
    print(f"The atlas is {told.standing} for her, at place {told.place}: {told.reasons[0]}")

    shop.save(folder)
    again = Recommender.load(folder, encoder)
    print(f"Saved and loaded, equal: {again.recommend('fay') == shop.recommend('fay')}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as made:
            main(Path(made))
