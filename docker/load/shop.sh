#!/usr/bin/env bash
# Runs SHOPPERS clients at a time, each with its own session. A client ends after about VISITS requests at the rate PACE,
# and the next one starts. A client is one curl, which keeps its connection and, by `--cookie ''`, its session's cookie.
set -euo pipefail

shopper() {
    local count milliseconds
    while :; do
        # Clients differ, so that they do not all send at the same time.
        count=$((VISITS / 2 + RANDOM % VISITS))
        milliseconds=$((RANDOM % 100))
        curl --silent --cookie '' --rate "$PACE" --output /dev/null "$SHOP?ms=$milliseconds&visit=[1-$count]" || sleep 1
    done
}

for ((number = 0; number < SHOPPERS; number++)); do
    { RANDOM=$number; shopper; } &
done
echo "$SHOPPERS clients of $SHOP, $PACE each"
wait
