# shellcheck shell=sh
# How an edge learns what the others have confirmed. SELF is its own name among them.

# peers CONFIG: the edges that it names.
peers() { sed -n 's/^ *# edges: \(.*\) (.*/\1/p' "$1" 2>/dev/null; }
# ask_peers CONFIG GENERATION: sets `seen` to how many edges of its list answer, this one counted;
# leaves in $newer the newest config above that generation that one of them has confirmed.
# All are asked at once: one that is away says nothing for as long as it may take.
ask_peers() {
    seen=1 newest=$2 asked="" newer=newer.$$
    rm -f "$newer"
    for peer in $(peers "$1"); do
        [ "$peer" = "${SELF:-}" ] && continue
        curl -s -m 1 --noproxy '*' -o "$peer.$$.part" -w '%{http_code}' \
            "http://$peer:$PEER_PORT/${PWD##*/}/stable.conf" >"$peer.$$.code" &
        asked="$asked $!"
    done
    # shellcheck disable=SC2086 # they are several
    [ -z "$asked" ] || wait $asked || true
    for peer in $(peers "$1"); do
        case $(cat "$peer.$$.code" 2>/dev/null) in
            200)
                seen=$((seen + 1)) found=$(generation "$peer.$$.part")
                [ "$found" -gt "$newest" ] && newest=$found && mv "$peer.$$.part" "$newer"
                ;;
            404) seen=$((seen + 1)) ;;
        esac
        rm -f "$peer.$$.part" "$peer.$$.code"
    done
    true
}
# Keep a peer's confirmed config as this edge's own, if nginx takes it.
keep() { [ -s "$newer" ] && nginx_takes "$newer" && mv "$newer" stable.conf; }
# A switch on trial that another edge has confirmed is no longer on trial.
followed() {
    trial=$(generation nginx.conf)
    [ "$trial" -gt "$(generation stable.conf)" ] &&
        ask_peers nginx.conf $((trial - 1)) && keep && locked catch_up
}
# Serve what is stable now.
catch_up() { load stable.conf && flip "$(color stable.conf)"; }
