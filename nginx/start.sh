# shellcheck shell=sh
# How an edge starts: each service from the last config that went through a whole switch. One that was
# still on trial when the container stopped is not taken up again.

keep_files
forget_flags
rm -f "$RUN"/*.sock # of before: nginx takes none over that nobody listens to
for folder in "$SERVICES"/*/; do
    [ -d "$folder" ] || continue
    cd "$folder" || exit
    # Beside another nginx a switch may be running: it is left to that.
    [ -z "$BESIDE" ] || continue
    rm -f nginx.conf switch.pid waited pulse
    if [ -s stable.conf ]; then take stable.conf && say stable.conf && flip "$(color stable.conf)"; fi
done
run
