# shellcheck shell=sh
# What is on trial becomes the stable config, and nothing reverts by itself any more. Runs in the
# shell that arm.sh has prepared.

cp nginx.conf stable.part && mv stable.part stable.conf && trap - EXIT && let_go &&
    rm -f switch.pid waited pulse
