# shellcheck shell=sh
# How nginx runs in an edge's container, in a network that it shares with the holder, and for a moment
# with the nginx that it replaces.

# Another nginx has the public ports here.
BESIDE=""
if grep -q ' [0-9A-F]*:0050 [0-9A-F]*:0000 0A ' "$PROC/net/tcp"; then BESIDE=1; fi

# keep_files: what this edge is made of, for the holder, which starts the same where this one cannot.
keep_files() {
    mkdir -p "$SERVICES" "$KEPT" "$LISTEN"
    rm -f "$LISTEN/listens"
    [ -z "${STANDS_IN:-}" ] || return 0
    # Before the holder has what it takes to run nginx: one that only starts slowly is not stood in for.
    sign_of_life starting
    starting &
    cp "$ETC"/bluegreen-* "$KEPT"
}
# A sign of life for the holder, in memory that both share: nginx is starting, or it listens.
sign_of_life() { [ -n "${STANDS_IN:-}" ] || echo "$1" >"$ALIVE"; }
starting() {
    while kill -0 $$ 2>/dev/null && [ ! -e "$LISTEN/listens" ]; do
        sign_of_life starting
        sleep 1
    done
}
# Flags are in memory that outlives nginx: those of shells that ended with it, and of texts that it ran.
forget_flags() { [ -n "$BESIDE" ] || rm -rf "$SHM"/bluegreen-*/; }
public() {
    # The options of a socket are said once.
    echo "listen 80 reuseport$PROXIED; listen 443 ssl reuseport$PROXIED; listen 8081 reuseport;" \
        >"$LISTEN/first.conf"
    echo "listen 80$PROXIED; listen 8081;" >"$LISTEN/each.conf"
    echo "listen 443 ssl$PROXIED;" >"$LISTEN/tls.conf"
}
private() {
    for each in first each; do echo "listen unix:/run/private.sock;" >"$LISTEN/$each.conf"; done
    echo "listen unix:/run/private-tls.sock ssl;" >"$LISTEN/tls.conf"
}
# warm_up: names are not resolved yet when nginx starts, and users would get 502.
warm_up() {
    end=$(($(date +%s) + WARM_SECONDS))
    until asked edge >/dev/null; do
        kill -0 $$ 2>/dev/null || return
        sleep 0.05
    done
    for folder in "$SERVICES"/*/; do
        [ -s "$folder/nginx.conf" ] || continue
        live=blue
        [ ! -e "$folder/green" ] || live=green
        name=${folder%/}
        until answers "$live.${name##*/}" || [ "$(date +%s)" -gt "$end" ]; do sleep 0.1; done
    done
    public
    nginx -c "$EDGE" -s reload
}
asked() { curl -s -o /dev/null -m 5 -w '%{http_code}' --unix-socket /run/bluegreen.sock "http://$1/"; }
answers() { asked "$1" | grep -qvx -e 000 -e 502 -e 504; }
# listens: this nginx itself, by the sockets of its workers.
listens() {
    # shellcheck disable=SC2013 # they are numbers
    for inode in $(awk '$2 ~ /:0050$/ && $4 == "0A" { print $10 }' "$PROC/net/tcp" 2>/dev/null); do
        # shellcheck disable=SC2010 # these names have no odd characters
        ls -l "$PROC"/[0-9]*/fd 2>/dev/null | grep -qF "socket:[$inode]" && return
    done
    false
}
networked() {
    for each in /sys/class/net/*; do [ "${each##*/}" = lo ] || return 0; done
    false
}
# tend: what is done beside nginx, for as long as it runs. Once a second, and so with few processes.
tend() {
    set +e
    until listens; do
        kill -0 $$ 2>/dev/null || return
        sleep 0.1
    done
    touch "$LISTEN/listens"
    own_keys
    copy_log
    while kill -0 $$ 2>/dev/null; do
        # When the holder has died, this network is gone for good, and only a new start joins the
        # new one.
        networked || kill -TERM $$
        sign_of_life listens
        count_if_logged
        take_certificates
        sleep 1
    done
}
# open_files: each connection has a socket, and may have a file. Docker 29 gives a container 1,024,
# which a process may raise as far as its hard limit.
open_files() {
    wanted=$((2 * $(sed -n 's/^ *worker_connections \([0-9]*\);/\1/p' "$EDGE") + 1024))
    # shellcheck disable=SC3045 # dash, bash and busybox have it
    most=$(ulimit -Hn)
    if [ "$most" != unlimited ] && [ "$most" -lt "$wanted" ]; then
        echo "bluegreen: nginx may open $most files only, and $wanted are wanted for max_connections" \
            >>"$LOG"
        wanted=$most
    fi
    echo "worker_rlimit_nofile $wanted;" >"$LISTEN/files.conf"
}
# take_certificates: those that came by ACME (nginx/acme.sh).
take_certificates() {
    for changed in "$SERVICES"/*/tls/changed; do
        [ ! -e "$changed" ] || { rm -f "$changed" && own_keys && locked reload; }
    done
}
run() {
    cd /
    mkdir -p "$BODIES"
    open_files
    if [ -n "$BESIDE" ]; then private; else public; fi
    routes
    # A config that this nginx does not take must not keep the others from being served.
    nginx -t -q -c "$EDGE" || for folder in "$SERVICES"/*/; do
        [ -d "$folder" ] && cd "$folder" && ! nginx_takes nginx.conf && mv nginx.conf refused.conf
    done || true
    [ -z "$BESIDE" ] || warm_up &
    tend &
    exec nginx -c "$EDGE" -g 'daemon off;'
}
