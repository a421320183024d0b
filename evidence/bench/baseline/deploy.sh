#!/usr/bin/env bash
# Releases the color that does not run. First use: `deploy.sh up`; last: `deploy.sh down`.
# Expects in the environment: BASELINE IMAGE EDGE_IMAGE BLUE_VERSION GREEN_VERSION HTTP_PORT
# BLUE_PORT GREEN_PORT CONFIG (a folder with nginx.conf, service_*.conf and conf.d/).
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
export BASELINE IMAGE EDGE_IMAGE BLUE_VERSION GREEN_VERSION HTTP_PORT BLUE_PORT GREEN_PORT CONFIG

if docker compose version >/dev/null 2>&1; then
    start() { docker compose -p "$BASELINE" -f "$here/docker-compose.yml" up -d --no-deps "$1"; }
else
    # The same as the Compose file, by hand.
    mine=(--label "bluegreen.service=$BASELINE")
    start() {
        docker start "$BASELINE-$1" >/dev/null 2>&1 && return
        docker network inspect "$BASELINE" >/dev/null 2>&1 \
            || docker network create "${mine[@]}" "$BASELINE" >/dev/null
        local run=(docker run -d "${mine[@]}" --name "$BASELINE-$1" --network "$BASELINE")
        case "$1" in
            blue) color blue "$BLUE_PORT" "$BLUE_VERSION" ;;
            green) color green "$GREEN_PORT" "$GREEN_VERSION" ;;
            nginx)
                "${run[@]}" -p "127.0.0.1:$HTTP_PORT:80" \
                    -v "$CONFIG/nginx.conf:/etc/nginx/nginx.conf:ro" \
                    -v "$CONFIG/conf.d:/etc/nginx/conf.d:ro" \
                    "$EDGE_IMAGE" nginx -g 'daemon off;' >/dev/null
                ;;
        esac
    }
    color() {
        "${run[@]}" --network-alias "$1" --restart unless-stopped -p "127.0.0.1:$2:3000" \
            -e STANDIN_BOOT_SECONDS -v "$BASELINE-storage:/var/lib/grafana" "$IMAGE:$3" >/dev/null
    }
fi

healthy() {
    local port="$1" try
    for try in $(seq 15); do
        if curl -fsS -o /dev/null "http://127.0.0.1:$port/api/health" 2>/dev/null; then return; fi
        sleep 2
    done
    echo "no healthy answer after $try tries" >&2
    return 1
}

case "${1:-deploy}" in
    up)
        start blue
        healthy "$BLUE_PORT"
        cp "$CONFIG/service_blue.conf" "$CONFIG/conf.d/service.conf"
        start nginx
        ;;
    deploy)
        if docker ps --format '{{.Names}}' | grep -qx "$BASELINE-blue"; then
            old=blue new=green port="$GREEN_PORT"
        else
            old=green new=blue port="$BLUE_PORT"
        fi
        start "$new"
        healthy "$port"
        cp "$CONFIG/service_$new.conf" "$CONFIG/conf.d/service.conf"
        docker exec "$BASELINE-nginx" nginx -s reload
        docker stop "$BASELINE-$old" >/dev/null
        docker image prune -f --filter "label=bluegreen.service=$BASELINE" >/dev/null
        docker network prune -f --filter "label=bluegreen.service=$BASELINE" >/dev/null
        echo "$new is live"
        ;;
    down)
        docker ps -aq --filter "label=bluegreen.service=$BASELINE" | xargs -r docker rm -f -v >/dev/null
        docker network ls -q --filter "label=bluegreen.service=$BASELINE" | xargs -r docker network rm >/dev/null
        docker volume rm -f "$BASELINE-storage" >/dev/null
        ;;
esac
