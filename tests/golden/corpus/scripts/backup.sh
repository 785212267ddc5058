#!/bin/sh
# Copies the scans of the day to the archive, and keeps the copies of thirty days.
set -eu

archive=${PARCELS_ARCHIVE:-/var/lib/parcels/archive}
today=$(date +%F)

dump_scans() {
    parcels export --day "$today" | gzip > "$archive/scans-$today.csv.gz"
}

forget_old_copies() {
    find "$archive" -name 'scans-*.csv.gz' -mtime +30 -delete
}

mkdir -p "$archive"
dump_scans
forget_old_copies
