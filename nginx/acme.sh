# shellcheck shell=sh
# Certificates by ACME, for each host that a service of this edge wants one for, in a container of its
# own. Account and certificates are in a volume that outlives the edge; what nginx needs is copied to
# the edge's volume, and nginx/run.sh takes it from there.
#
# EMAIL, DIRECTORY: of the account. ACCOUNT: the volume's folder.

lego=$(command -v lego || echo /lego)
state=$ACCOUNT/state
mkdir -p "$state"
rm -f "$state"/*.next # a restart asks at once
umask 077

ask() {
    host=$1
    shift
    "$lego" --path "$ACCOUNT" --accept-tos --email "$EMAIL" --server "$DIRECTORY" \
        --http --http.port :8012 --domains "$host" "$@" >"$state/$host.said" 2>&1
}
due() { [ "$(date +%s)" -ge "$(cat "$state/$1.next" 2>/dev/null || echo 0)" ]; }
again_in() { echo $(($(date +%s) + $2)) >"$state/$1.next"; }
# renew HOST: where it has none, or one that nears its end. After a failure it waits, longer each time.
renew() {
    due "$1" || return 0
    if [ -s "$ACCOUNT/certificates/$1.crt" ]; then
        set -- "$1" renew --dynamic --ari-disable --no-random-sleep
    else
        set -- "$1" run
    fi
    if ask "$@"; then
        rm -f "$state/$1.failures" "$state/$1.problem"
        again_in "$1" "$CHECK_SECONDS"
        return
    fi
    failures=$(($(cat "$state/$1.failures" 2>/dev/null || echo 0) + 1))
    echo "$failures" >"$state/$1.failures"
    pause=$((120 << (failures > 8 ? 8 : failures - 1))) # five in the first hour, as public servers allow
    [ "$pause" -le 21600 ] || pause=21600
    again_in "$1" "$pause"
    said=$(grep -i error "$state/$1.said" | tail -n 1 | tr '\n' ' ')
    echo "$failures $(($(date +%s) + pause)) ${said:-$(tail -n 1 "$state/$1.said")}" \
        >"$state/$1.problem"
    echo "$1: no certificate, tried $failures times, again in $pause s: $said" >&2
}
# hand_over SERVICE HOST: what is new of it.
hand_over() {
    tls=$SERVICES/$1/tls crt=$ACCOUNT/certificates/$2.crt
    if [ -s "$state/$2.problem" ]; then
        cmp -s "$state/$2.problem" "$tls/$2.problem" || copy "$state/$2.problem" "$tls/$2.problem" 644
    else
        rm -f "$tls/$2.problem"
    fi
    [ -s "$crt" ] || return 0
    name=$2-$(cksum <"$crt" | cut -d ' ' -f 1)
    [ "$(cat "$tls/$2.names" 2>/dev/null)" != "$2 $name;" ] || return 0
    copy "$crt" "$tls/$name.pem" 644
    copy "$ACCOUNT/certificates/$2.key" "$KEYS/$1/$name.pem" 600
    chown "$(stat -c %u "$KEYS/$1")" "$KEYS/$1/$name.pem"
    echo "$2 $name;" >"$tls/$2.part"
    chmod 644 "$tls/$2.part"
    mv "$tls/$2.part" "$tls/$2.names"
    : >"$tls/changed"
    find "$tls" "$KEYS/$1" -name "$2-*.pem" ! -name "$name.pem" -mmin +60 -exec rm -f {} +
    echo "$2: a new certificate" >&2
}
# supersede TLS: a certificate that was given before, once all hosts have theirs.
supersede() {
    [ -e "$1/given.names" ] || return 0
    while read -r host; do
        [ -s "$1/$host.names" ] || return 0
    done <"$1/wanted"
    rm -f "$1/given.names"
    : >"$1/changed"
}
copy() { cp "$1" "$2.part" && chmod "$3" "$2.part" && mv "$2.part" "$2"; }

trap 'exit 0' TERM INT
while :; do
    for wanted in "$SERVICES"/*/tls/wanted; do
        [ -s "$wanted" ] || continue
        service=${wanted%/tls/wanted}
        while read -r host; do
            renew "$host" || true
            hand_over "${service##*/}" "$host" || true
        done <"$wanted"
        supersede "${wanted%/wanted}" || true
    done
    sleep 2 &
    wait $!
done
