#!/usr/bin/env bash
# Makes the mock takes that train_depth.py fine-tunes on and those that it is judged by (other seeds).
#   models/mock_takes.sh FOLDER [path of director]
set -euo pipefail
out=$1
director=${2:-director}
places=("small office room" "large warehouse" "medium workshop room" "narrow corridor" "wide hallway" "gallery")
things=("with crates and shelves" "with pillars and tanks" "with tables and crates" "" "with crates, tables, tanks and pillars")
movers=("a robot walks through a" "a person walks in an empty" "an empty" "a ball rolls through a")
moves=("dolly forward" "orbit" "pan" "")
looks=("concrete floor, brick walls" "wooden floor, plaster walls, warm light" "tiled floor, painted walls, bright" "metal walls, dim light" "carpet, wooden walls" "")
take() { # folder, seed, number, takes
    local n=$3
    local prompt="${movers[$((n % 4))]} ${places[$((n % 6))]} ${things[$((n % 5))]}, ${looks[$((n / 2 % 6))]}, ${moves[$((n / 3 % 4))]}"
    "$director" generate -q "$prompt" --seed "$2" --takes "$4" --seconds 4 --fps 3 --size 320x192 -o "$1/$n"
}
for n in $(seq 0 39); do take "$out/train" "tuning:$((n * 10))" "$n" 6; done
for n in $(seq 0 23); do take "$out/held-out" "held-out:$((n * 10))" $((n + 7)) 1; done
