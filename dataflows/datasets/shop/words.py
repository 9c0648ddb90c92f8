"""The words of the simulated shop: what its categories sell and how that is described.

Every list is our own. A title is built as `brand style material kind, detail`.
"""

from __future__ import annotations

import msgspec


class Vocabulary(msgspec.Struct, frozen=True):
    """The words of one category; `price` is the usual price of its items in euros."""

    price: int
    kinds: tuple[str, ...]
    styles: tuple[str, ...]
    materials: tuple[str, ...]
    details: tuple[str, ...]
    uses: tuple[str, ...]


def _words(
    price: int, kinds: str, styles: str, materials: str, details: str, uses: str
) -> Vocabulary:
    """Read five comma-separated lists, which keep this file readable."""
    lists = (
        tuple(word.strip() for word in line.split(","))
        for line in (kinds, styles, materials, details, uses)
    )
    return Vocabulary(price, *lists)


BRANDS = (
    "Halvemo",
    "Brantwick",
    "Tessaro",
    "Olvane",
    "Pinefell",
    "Kordalen",
    "Mirefay",
    "Sundrake",
    "Quillon",
    "Averstone",
    "Bexley Row",
    "Novalis",
    "Torvik",
    "Emberlin",
    "Fennimore",
    "Gristmoor",
    "Hollin",
    "Isenbrook",
    "Jarrowby",
    "Kestrel Yard",
    "Larkholm",
    "Montrava",
    "Nettleford",
    "Orrinda",
    "Pellworth",
    "Ravensby",
    "Silvaro",
    "Tindermark",
    "Umberley",
    "Vantoro",
    "Westmere",
    "Yarrowgate",
    "Zephira",
    "Cindrel",
    "Dovecote",
    "Elmsworth",
    "Fjellhus",
    "Glenmarch",
    "Hexford",
    "Ivorlane",
)

TIERS = ("budget", "standard", "premium")

CATEGORIES: dict[str, Vocabulary] = {
    "Toys": _words(
        28,
        "train set, building blocks, puzzle, doll's house, board game, play bear, marble run, "
        "kite, toy kitchen, science kit, toy tractor, puppet theatre",
        "colourful, classic, first, travel, giant, glow-in-the-dark",
        "beech, felt, recycled plastic, cotton, cork, cardboard",
        "red, sky blue, sunny yellow, rainbow, natural, mint green, from 3 years, from 6 years",
        "rainy afternoons, birthday tables, shared play, small hands",
    ),
    "Kitchenware": _words(
        42,
        "frying pan, knife block, casserole, mixing bowl, baking dish, salad bowl, "
        "chopping board, pepper mill, serving platter, kitchen scales, saucepan, pie dish",
        "everyday, professional, stackable, heavy, slim, easy-clean",
        "cast iron, stainless steel, walnut, glass, stoneware, copper",
        "black, cream, cherry red, slate grey, olive, ocean blue, small, large",
        "weeknight cooking, long Sunday roasts, small kitchens, dinner parties",
    ),
    "Furniture": _words(
        240,
        "bookcase, dining table, desk, office chair, sofa, armchair, coffee table, wardrobe, "
        "bed frame, sideboard, bench, bar stool",
        "compact, mid-century, modular, Shaker, minimal, rustic",
        "oak, ash, walnut, rattan, powder-coated steel, birch plywood",
        "natural, black, white, sage green, dark stain, mustard, narrow, wide",
        "narrow hallways, studio flats, family rooms, a corner that stood empty",
    ),
    "Lighting": _words(
        64,
        "floor lamp, table lamp, pendant light, reading light, string lights, wall light, "
        "night light, desk lamp, ceiling light, candle lantern, clamp lamp, spotlight bar",
        "dimmable, warm white, minimal, vintage, low-energy, colour-changing",
        "brass, opal glass, linen, steel, paper, smoked glass",
        "black, white, gold, sand, forest green, terracotta, small, large",
        "evenings on the sofa, working late, dark corners, bedside tables",
    ),
    "Bedding": _words(
        70,
        "duvet, duvet cover, pillow, fitted sheet, mattress topper, weighted blanket, bedspread, "
        "cot blanket, heated blanket, pillowcase pair, sleeping mask, quilt",
        "all-season, cooling, extra soft, anti-allergy, striped, hotel",
        "silk, linen, organic cotton, bamboo viscose, wool, microfibre",
        "white, pale grey, navy, blush, sage, oatmeal, indigo, lavender",
        "cold bedrooms, hot nights, light sleepers, guest rooms",
    ),
    "Garden": _words(
        48,
        "planter, watering can, hose reel, pruning shears, raised bed, compost bin, bird feeder, "
        "parasol, hammock, potting bench, garden trug, solar lantern",
        "weatherproof, frost-proof, heritage, rust-free, lightweight, foldable",
        "bamboo, galvanised zinc, cedar, recycled rubber, willow, aluminium",
        "moss green, natural, anthracite, brick red, cream, sky blue, small, large",
        "balconies, herb beds, dry summers, first vegetable plots",
    ),
    "Camping": _words(
        95,
        "tent, sleeping bag, camping stove, headlamp, cool box, folding chair, sleeping mat, "
        "water filter, rucksack, mess kit, tarp, camping lantern",
        "ultralight, packable, family, expedition, waterproof, three-season",
        "ripstop nylon, titanium, aluminium, polycotton, recycled polyester, graphite",
        "olive, orange, sand, deep blue, lime, charcoal, small, large",
        "weekend trails, festival fields, lakeside pitches, mountain huts",
    ),
    "Cycling": _words(
        58,
        "bike helmet, pannier bag, bike lock, front light, rear light, cycling jacket, floor pump, "
        "saddle, mudguard set, handlebar bag, cycling gloves, child bike seat",
        "reflective, aerodynamic, commuter, quick-fit, touring, all-weather",
        "alloy, carbon, leather, polycarbonate, recycled nylon, waxed canvas",
        "black, fluorescent yellow, white, racing green, coral, cobalt, size M, size L",
        "wet commutes, gravel weekends, school runs, long climbs",
    ),
    "Fitness": _words(
        52,
        "running shoes, yoga mat, dumbbell pair, resistance bands, skipping rope, foam roller, "
        "running belt, kettlebell, gym bag, sports bottle, training gloves, balance board",
        "soft-grip, lightweight, anti-slip, adjustable, competition, starter",
        "natural rubber, mesh, neoprene, cork, recycled foam, hemp",
        "black, teal, plum, orange, stone grey, electric blue, size M, size L",
        "morning runs, living-room workouts, stiff backs, first 5 km races",
    ),
    "Skincare": _words(
        24,
        "face cream, cleansing balm, sun lotion, hand cream, face serum, lip balm, face mask, "
        "body oil, shaving soap, toner, eye gel, bath soak",
        "fragrance-free, rich, brightening, soothing, light, daily",
        "oat, aloe, shea, rosehip, sea clay, chamomile",
        "50 ml, 75 ml, 100 ml, 200 ml, refill pouch, gift tin, travel size, family size",
        "dry cheeks, sensitive skin, tired evenings, windy days",
    ),
    "Baby": _words(
        46,
        "baby carrier, bottle set, changing mat, muslin set, baby monitor, high chair, "
        "teething ring, nappy bag, play gym, bath seat, pram organiser, nursing pillow",
        "soft, washable, ergonomic, newborn, lightweight, foldaway",
        "organic cotton, silicone, beech, bamboo, merino, recycled plastic",
        "cloud white, dusty pink, sage, pale blue, oat, honey, 0-6 months, 6-18 months",
        "first weeks at home, night feeds, days out, small bathrooms",
    ),
    "Stationery": _words(
        16,
        "notebook, fountain pen, coloured pencils, school bag, desk organiser, sketchbook, "
        "wall calendar, pencil case, sticker album, document tray, watercolour set, ring binder",
        "everyday, pocket, refillable, artist's, school, travel",
        "recycled paper, linen, brass, cedar, canvas, felt",
        "red, ink blue, kraft, lilac, forest green, black, twin pack, gift box",
        "first school days, morning pages, tidy desks, long lectures",
    ),
    "Audio": _words(
        120,
        "headphones, earbuds, bookshelf speaker, turntable, portable speaker, soundbar, "
        "microphone, radio, amplifier, record stand, record cleaner, subwoofer",
        "wireless, retro, hi-fi, compact, low-noise, studio",
        "walnut, aluminium, oak, recycled plastic, fabric, matt lacquer",
        "black, silver, white, sand, racing green, copper, mark II, mark III",
        "open-plan offices, kitchen dancing, late-night listening, small rooms",
    ),
    "Coffee": _words(
        66,
        "espresso machine, coffee grinder, pour-over set, milk frother, moka pot, bean canister, "
        "cold brew jug, travel mug, coffee scales, tamper, espresso cups, gooseneck kettle",
        "insulated, compact, manual, precise, classic, barista",
        "stainless steel, ceramic, glass, walnut, copper, enamel",
        "black, white, cream, brick red, mint, midnight blue, for two, for six",
        "slow mornings, office kitchens, guests after dinner, long drives",
    ),
    "Knitwear": _words(
        54,
        "jumper, scarf, beanie, mittens, cardigan, leggings, socks, winter jacket, "
        "vest, slippers, headband, poncho",
        "chunky, ribbed, thermal, windproof, cable-knit, seamless",
        "merino, alpaca, lambswool, cashmere, recycled fleece, mohair",
        "charcoal, cream, burgundy, pine, mustard, heather, size M, size L",
        "frosty mornings, ski weekends, draughty houses, winter walks",
    ),
    "Pets": _words(
        32,
        "dog bed, cat tree, dog lead, puppy harness, cat cave, chew toy, feeding mat, "
        "pet carrier, grooming mitt, dog coat, scratching post, treat pouch",
        "washable, hard-wearing, calming, travel, reflective, soft",
        "sisal, natural rubber, cotton rope, bamboo fibre, felt, canvas",
        "grey, tan, moss, red, navy, natural, small, large",
        "new puppies, indoor cats, muddy walks, car journeys",
    ),
}
