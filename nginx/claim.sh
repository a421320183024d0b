# shellcheck shell=sh
# Be the only switch of this service. One update at a time has the stack, so another one in here is
# one whose update was killed: it is ended, and what it had on trial goes back.

mkdir -p "$FOLDER" && cd "$FOLDER" && mkdir -p "$(flags)" || exit 1
before=$(cat switch.pid 2>/dev/null)
own 2>/dev/null || true # a disk that is full is told by what is written next
if [ -n "$before" ] && alive "$before"; then kill -9 "${before% *}" && go_back; fi
rm -f waited pulse ./*.part
if head -n 1 nginx.conf 2>/dev/null | grep -q '^# bluegreen waiting'; then touch waited; fi
