# shellcheck shell=sh
# How an edge starts: always from the last config that went through a whole switch. One that was
# still on trial when the container stopped is not taken up again.

cd "$FOLDER" || exit 1
for config in stable.conf "$BOOTSTRAP"; do
    [ -s "$config" ] && cp "$config" start.conf && mv start.conf nginx.conf && break
done
exec nginx -c "$FOLDER/nginx.conf" -g 'daemon off;'
