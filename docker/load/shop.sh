#!/usr/bin/env bash
# SHOPPERS at a time, each in a session of its own. After about VISITS visits at the pace of PACE a shopper leaves, and
# another comes. One curl is one shopper: it keeps its connection and, for `--cookie ''`, the cookie of its session.
set -euo pipefail

shopper() {
    local count milliseconds
    while :; do
        # Nobody is like the one before: shoppers in step would all arrive at once, at the node that has least to do.
        count=$((VISITS / 2 + RANDOM % VISITS))
        milliseconds=$((RANDOM % 100))
        curl --silent --cookie '' --rate "$PACE" --output /dev/null "$SHOP?ms=$milliseconds&visit=[1-$count]" || sleep 1
    done
}

for ((number = 0; number < SHOPPERS; number++)); do
    { RANDOM=$number; shopper; } &
done
echo "$SHOPPERS shoppers at $SHOP, $PACE each"
wait
