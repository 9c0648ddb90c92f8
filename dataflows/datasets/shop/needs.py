"""What the shoppers of the simulated shop are after: named needs, and when they are felt."""

from __future__ import annotations

import msgspec

from dataflows.datasets.shop.words import CATEGORIES


class Need(msgspec.Struct, frozen=True):
    """A reason to shop.

    `wants` maps a category to (its weight, the kinds looked for). `summer` and
    `winter` say how common the need is in each season: the population drifts
    when the season changes.
    """

    name: str
    summer: int
    winter: int
    wants: dict[str, tuple[int, tuple[str, ...]]]
    phrases: tuple[str, ...]


def _need(name: str, summer: int, winter: int, wants: str, phrases: str) -> Need:
    """Read `wants` from lines of `Category weight: kind, kind`; `phrases` are split at `;`."""
    read: dict[str, tuple[int, tuple[str, ...]]] = {}
    for line in wants.strip().splitlines():
        head, kinds = line.strip().split(":")
        category, weight = head.rsplit(" ", 1)
        names = tuple(kind.strip() for kind in kinds.split(","))
        unknown = set(names) - set(CATEGORIES[category].kinds)
        if unknown:
            raise ValueError(f"need {name!r}: {category} sells no {sorted(unknown)}")
        read[category] = (int(weight), names)
    return Need(name, summer, winter, read, tuple(text.strip() for text in phrases.split(";")))


NEEDS: tuple[Need, ...] = (
    _need(
        "gift for a child",
        6,
        16,
        """Toys 7: train set, board game, play bear, science kit
        Stationery 2: coloured pencils, watercolour set, sticker album
        Lighting 1: night light""",
        "present for a five year old; birthday gift for a child; something for my niece; "
        "gift for kids; toy that lasts",
    ),
    _need(
        "furnish a room",
        8,
        7,
        """Furniture 6: bookcase, sofa, coffee table, armchair
        Lighting 3: floor lamp, pendant light, table lamp
        Bedding 1: bedspread, quilt""",
        "living room ideas; we are moving house; make the room cosy; new look for the flat; "
        "furniture for a small living room",
    ),
    _need(
        "work from home",
        5,
        8,
        """Furniture 5: desk, office chair, bookcase
        Lighting 2: desk lamp, spotlight bar
        Stationery 2: desk organiser, document tray, notebook
        Audio 2: headphones, microphone""",
        "home office setup; my back hurts at the desk; quiet for video calls; working at home; "
        "tidy desk",
    ),
    _need(
        "sleep better",
        5,
        7,
        """Bedding 7: pillow, mattress topper, weighted blanket, sleeping mask
        Lighting 1: reading light, night light
        Skincare 1: bath soak""",
        "cannot sleep; wake up with a stiff neck; too hot at night; better sleep; calm bedroom",
    ),
    _need(
        "new baby",
        6,
        6,
        """Baby 8: baby carrier, bottle set, muslin set, baby monitor
        Bedding 1: cot blanket
        Skincare 1: body oil, bath soak""",
        "expecting our first child; newborn essentials; baby shower list; things for a newborn; "
        "baby is coming in spring",
    ),
    _need(
        "summer camping",
        16,
        2,
        """Camping 8: tent, sleeping bag, camping stove, sleeping mat
        Coffee 1: travel mug, moka pot
        Skincare 1: sun lotion""",
        "camping with the family; first night in a tent; festival weekend; hike with a light pack; "
        "sleeping outside",
    ),
    _need(
        "garden season",
        14,
        2,
        """Garden 8: planter, watering can, raised bed, pruning shears
        Furniture 1: bench
        Lighting 1: string lights, candle lantern""",
        "grow tomatoes on the balcony; start a vegetable bed; garden tools; flowers for a terrace; "
        "water the plants on holiday",
    ),
    _need(
        "cycle to work",
        12,
        5,
        """Cycling 8: bike helmet, pannier bag, bike lock, cycling jacket
        Coffee 1: travel mug
        Fitness 1: sports bottle""",
        "commute by bike; stay dry on the bike; safe lock for the station; bike to the office; "
        "be seen in the dark",
    ),
    _need(
        "get fit",
        9,
        9,
        """Fitness 7: running shoes, yoga mat, dumbbell pair, resistance bands
        Audio 2: earbuds
        Skincare 1: sun lotion, body oil""",
        "start running; work out at home; train for a 5k; stretch after sitting all day; "
        "lose some weight",
    ),
    _need(
        "better coffee",
        6,
        9,
        """Coffee 8: espresso machine, coffee grinder, bean canister, milk frother
        Kitchenware 1: kitchen scales""",
        "espresso like in the bar; good coffee at home; grind fresh beans; "
        "milk foam for cappuccino; "
        "coffee gear for beginners",
    ),
    _need(
        "cook for guests",
        7,
        12,
        """Kitchenware 8: casserole, serving platter, salad bowl, knife block
        Coffee 1: espresso cups
        Furniture 1: dining table, bench""",
        "dinner for eight; cook a roast; set a festive table; knives that stay sharp; "
        "party at home",
    ),
    _need(
        "keep warm",
        1,
        17,
        """Knitwear 8: jumper, scarf, socks, slippers
        Bedding 2: heated blanket, duvet""",
        "cold feet; warm clothes for the mountains; winter coat weather; cosy at home; "
        "save on heating",
    ),
    _need(
        "care for my skin",
        8,
        8,
        """Skincare 8: face cream, face serum, cleansing balm, face mask""",
        "dry skin in winter; routine for sensitive skin; gentle face care; sun has burnt my nose; "
        "rough hands",
    ),
    _need(
        "new pet",
        6,
        5,
        """Pets 9: dog bed, puppy harness, dog lead, chew toy""",
        "we are getting a puppy; things for a kitten; dog destroys everything; walks in the dark; "
        "first week with a dog",
    ),
    _need(
        "music at home",
        6,
        9,
        """Audio 8: turntable, bookshelf speaker, amplifier, record cleaner
        Lighting 1: table lamp, string lights
        Furniture 1: sideboard, armchair""",
        "play my old records; better sound in the living room; first turntable; "
        "speakers for a small room; hear vinyl again",
    ),
)


def season_weights(season: int) -> list[int]:
    """Return how common each of `NEEDS` is in season number `season` (0 summer, 1 winter, ...)."""
    return [need.winter if season % 2 else need.summer for need in NEEDS]
