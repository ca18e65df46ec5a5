"""Makes the mock takes that train_depth.py trains on (tuning seeds) and those that it is judged by (held-out seeds).

    python models/mock_takes.py FOLDER [--director target/release/director] [--train 800] [--held-out 48]

Prompts are drawn from all places, camera moves, materials, lights and weathers that the mock provider knows. A take of five
frames is a second of two cores and 1.5 MB.
"""

import argparse
import random
import subprocess
import sys
from pathlib import Path

# The mock's six kinds of places, and what one is called.
NAMES = {
    "room": ["office room", "kitchen", "museum", "garage", "library", "bedroom", "workshop", "gallery", "restaurant"],
    "corridor": ["corridor", "hallway", "tunnel", "passage"],
    "courtyard": ["courtyard", "garden", "plaza", "park", "terrace"],
    "street": ["street", "alley", "road", "village", "highway"],
    "stairs": ["staircase", "stairwell", "stairway"],
    "warehouse": ["warehouse", "factory", "hangar", "supermarket", "temple"],
}
PLACES = list(NAMES)
OUTSIDE = ["courtyard", "street"]
SIZES = ["", "", "small", "narrow", "medium", "large", "huge", "wide"]
MOVERS = ["an empty", "an empty", "a robot walks through a", "a person walks in a", "two people in a", "a ball rolls through a", "a car in a"]
THINGS = ["crates", "shelves", "pillars", "tanks", "tables", "chairs", "barrels", "benches", "trees", "plants", "lamps", "cones"]
SURFACES = ["concrete", "wooden", "tiled", "marble", "brick", "plaster", "metal", "carpet", "asphalt", "grass", "painted"]
COLOURS = ["", "", "", "red", "orange", "yellow", "green", "turquoise", "blue", "purple", "brown", "white", "grey", "black"]
LIGHTS = ["", "", "fluorescent light", "bright light", "warm light", "moonlight", "dim light", "at night"]
WEATHERS = ["", "sunny", "overcast", "rain", "fog", "snow"]
MOVES = ["dolly forward", "orbit", "pan", "static camera", "handheld", "tracking shot", "slow dolly", "fast push forward"]


def prompt(rng, place):
    surface = lambda: f"{rng.choice(COLOURS)} {rng.choice(SURFACES)}".strip()
    things = rng.sample(THINGS, rng.randrange(4))
    parts = [
        f"{rng.choice(MOVERS)} {rng.choice(SIZES)} {rng.choice(NAMES[place])}".replace("  ", " "),
        "with " + " and ".join(things) if things else "",
        f"{surface()} floor, {surface()} walls" if rng.random() < 0.8 else "",
        rng.choice(LIGHTS),
        rng.choice(WEATHERS) if place in OUTSIDE else "",
        rng.choice(MOVES),
    ]
    return ", ".join(part for part in parts if part)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--director", default="director")
    parser.add_argument("--train", type=int, default=800, help="takes of tuning seeds")
    parser.add_argument("--held-out", type=int, default=48, help="takes of held-out seeds")
    args = parser.parse_args()
    for half, count, seeds in [("train", args.train, "tuning"), ("held-out", args.held_out, "held-out")]:
        rng = random.Random(half)
        for n in range(count):
            place = PLACES[n % len(PLACES)]
            words = prompt(rng, place)
            out = args.folder / half / f"{n:04}"
            if any(out.glob("[!.]*/take.mp4")):
                (out / "place").write_text(place)
                continue
            subprocess.run(
                [args.director, "generate", "-q", words, "--seed", f"{seeds}:{5000 + n}", "--seconds", "5", "--fps", "1", "--size", "320x192", "-o", out],
                check=True,
            )
            (out / "place").write_text(place)
            print(f"{half} {n + 1} of {count}: {words}", file=sys.stderr)


if __name__ == "__main__":
    main()
