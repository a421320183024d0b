# shellcheck shell=sh
# A service leaves this edge: its folder goes, and nginx forgets it. The others are not touched.
#
# $1: the service.

leave() {
    rm -rf "${SERVICES:?}/$1" "${SHM:?}/bluegreen-$1"
    [ ! -e "$RUN/nginx.pid" ] || replace_workers # old ones would still lead there
}
locked leave "$1"
